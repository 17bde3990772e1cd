//! `cosmictron serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::config::{Config, ConfigError, Durability, Io, Span};
use crate::server;

/// Where no file is named, this one is read if it is there.
const CONFIG_FILE: &str = "cosmictron.toml";

/// What can be said on the command line, or by environment variables; it wins over the file.
#[derive(Debug, Default, Args)]
pub struct ServeFlags {
    /// Address of the API [default: 127.0.0.1:3000]
    #[arg(long, value_name = "ADDRESS", env = "COSMICTRON_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Address of the metrics [default: 127.0.0.1:9090]
    #[arg(long, value_name = "ADDRESS", env = "COSMICTRON_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
    /// Where everything is kept [default: cosmictron-data]
    #[arg(long, value_name = "DIR", env = "COSMICTRON_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Shards to run [default: the cores that this process may use]
    #[arg(long, value_name = "N", env = "COSMICTRON_SHARDS")]
    pub shards: Option<u16>,
    /// When a call counts as committed: always, interval(10ms) or none [default: always]
    #[arg(long, value_name = "MODE", env = "COSMICTRON_DURABILITY")]
    pub durability: Option<Durability>,
    /// What carries sockets and log: io_uring where the kernel grants it, or epoll [default: auto]
    #[arg(long, value_name = "DRIVER", env = "COSMICTRON_IO")]
    pub io: Option<Io>,
    /// For running work to finish once told to stop [default: 10s]
    #[arg(long, value_name = "SPAN", env = "COSMICTRON_SHUTDOWN_TIMEOUT")]
    pub shutdown_timeout: Option<Span>,
    /// A PEM file with the certificate and its chain; with it TLS is spoken on the address of the API
    #[arg(long, value_name = "FILE", env = "COSMICTRON_TLS_CERTIFICATE")]
    pub tls_certificate: Option<PathBuf>,
    /// A PEM file with the certificate's private key
    #[arg(long, value_name = "FILE", env = "COSMICTRON_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// Further settings [default: cosmictron.toml, where there is one]
    #[arg(long, value_name = "FILE", env = "COSMICTRON_CONFIG")]
    pub config: Option<PathBuf>,
}

impl ServeFlags {
    /// The file's settings with these over them.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let mut config = match &self.config {
            Some(file) => Config::read(file)?,
            None if std::path::Path::new(CONFIG_FILE).exists() => {
                Config::read(CONFIG_FILE.as_ref())?
            }
            None => Config::default(),
        };
        set(&mut config.listen, self.listen);
        set(&mut config.metrics_listen, self.metrics_listen);
        set(&mut config.data_dir, self.data_dir.clone());
        config.shards = self.shards.or(config.shards);
        set(&mut config.durability, self.durability);
        set(&mut config.io, self.io);
        set(&mut config.shutdown_timeout, self.shutdown_timeout);
        config.tls.certificate = self.tls_certificate.clone().or(config.tls.certificate);
        config.tls.key = self.tls_key.clone().or(config.tls.key);
        config.check()?;
        Ok(config)
    }
}

fn set<T>(setting: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *setting = value;
    }
}

pub fn run(flags: &ServeFlags) -> ExitCode {
    crate::telemetry::start();
    let served = flags
        .config()
        .map_err(server::ServeError::from)
        .and_then(|config| server::run(config, |_| {}));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the server does not run");
            ExitCode::FAILURE
        }
    }
}
