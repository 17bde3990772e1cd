//! What the operator decides: defaults, then `cosmictron.toml`, then `COSMICTRON_*` and flags.
//!
//! Every setting has a default that is safe on the open internet and fast on a small machine; `docs/configuration.md`
//! lists them all. A file with an unknown name or a value out of range is refused, never half-read.

mod quantity;

pub use quantity::{ByteCount, Durability, InvalidQuantity, Span};

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use cosmictron_net::forwarded::Network;
use cosmictron_types::ShardCount;
use serde::{Deserialize, Serialize};

use crate::limits::{Rate, Window};

/// Where the server listens when nobody says otherwise.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3000);
const METRICS_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address of the API.
    pub listen: SocketAddr,
    /// Address of the metrics, for Prometheus.
    pub metrics_listen: SocketAddr,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Shards to run; as many as this process may use cores when absent.
    pub shards: Option<u16>,
    /// When a call counts as committed.
    pub durability: Durability,
    /// What carries sockets and log.
    pub io: Io,
    /// How long running work may take to finish once the server was told to stop.
    pub shutdown_timeout: Span,
    pub tls: TlsConfig,
    pub http: HttpConfig,
    pub websocket: WebSocketConfig,
    pub modules: ModulesConfig,
    pub storage: StorageConfig,
    pub limits: LimitsConfig,
    pub auth: AuthConfig,
    pub audit: AuditConfig,
    pub mail: MailConfig,
}

/// What carries sockets and log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Io {
    /// io_uring in its fastest form that the kernel grants; where it grants none, as `Epoll`.
    Auto,
    /// Epoll for sockets and a thread for each log, whatever the kernel grants.
    Epoll,
}

/// TLS on the address of the API; plain HTTP is spoken there when there is no certificate.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// A PEM file: the certificate, and behind it the chain to its authority.
    pub certificate: Option<PathBuf>,
    /// A PEM file: its private key.
    pub key: Option<PathBuf>,
    /// What is answered to those who speak plain HTTP.
    pub plain_http: PlainHttp,
    /// How long browsers are to speak TLS alone with this host; not said when absent.
    pub hsts: Option<Span>,
    /// For a handshake.
    pub handshake_timeout: Span,
    /// Handshakes of one shard that may wait for their turn at the cryptography; more are ended.
    pub handshakes_max: u32,
}

/// What is answered to plain HTTP where TLS is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PlainHttp {
    /// 400.
    Refuse,
    /// 308, to the same address within TLS.
    Redirect,
}

/// Limits of what clients may send, and how slowly.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Connections per shard; more are refused.
    pub connections_max: u32,
    /// For a request's head to arrive.
    pub head_timeout: Span,
    /// For a request's body to arrive.
    pub body_timeout: Span,
    /// Between two requests.
    pub idle_timeout: Span,
    /// For a client to take its answers, once they are ready.
    pub answer_timeout: Span,
    /// Largest body of a call, a query or anything else that is JSON.
    pub body_bytes_max: ByteCount,
    /// Largest upload of a module.
    pub module_bytes_max: ByteCount,
    /// Web origins that may call from a browser; `*` is every one.
    pub allowed_origins: Vec<String>,
}

/// Limits of those who stay connected.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebSocketConfig {
    /// Largest message of a client, decompressed.
    pub message_bytes_max: ByteCount,
    /// Subscriptions of one connection.
    pub subscriptions_max: u32,
    /// A connection that says nothing for so long is pinged; if it says nothing for as long again, it is ended.
    pub ping_interval: Span,
    /// For a client to say who it is.
    pub authentication_timeout: Span,
}

/// Limits of what a module may do.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModulesConfig {
    /// Linear memory of one instance.
    pub memory_bytes_max: ByteCount,
    /// For one call of a reducer to run.
    pub call_timeout: Span,
    /// Rows that one transaction may write.
    pub transaction_rows_max: u32,
    /// Bytes of rows that one transaction may write.
    pub transaction_bytes_max: ByteCount,
    /// Answers to calls with an idempotency key are kept this long.
    pub idempotency_kept: Span,
}

/// Limits of what is kept.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageConfig {
    /// Memory for rows and indexes, of all shards together; three quarters of the machine's when absent.
    pub memory_bytes_max: Option<ByteCount>,
    /// How long the past can be read; 0s keeps none.
    pub history_time: Span,
    /// Memory for what rows were before, of all shards together and in addition to `memory_bytes_max`, of which it is an
    /// eighth when absent. 0 keeps no past.
    pub history_bytes_max: Option<ByteCount>,
    /// Memory for all live queries, of all shards together and in addition to `memory_bytes_max`, of which it is an eighth
    /// when absent.
    pub live_bytes_max: Option<ByteCount>,
    /// Memory for one live query.
    pub live_query_bytes_max: ByteCount,
    /// Size of one log file.
    pub segment_bytes: ByteCount,
    /// Rows that one query may look at.
    pub query_rows_scanned_max: u64,
    /// Bytes that one query may answer.
    pub query_bytes_max: ByteCount,
}

/// How much each client may ask for.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Requests from one address, of whoever.
    pub per_address: Rate,
    /// Requests, and messages over WebSockets, of one identity.
    pub per_identity: Rate,
    /// Attempts to sign in or up, or to get or use a link, from one address.
    pub sign_in_per_address: Rate,
    /// The same for one e-mail address, from wherever.
    pub sign_in_per_account: Rate,
    /// Proxies that are believed when they say in `X-Forwarded-For` from where they were asked.
    #[serde(with = "networks")]
    pub trusted_proxies: Vec<Network>,
    /// Whether clients on this machine are limited as well.
    pub loopback: bool,
    /// Connections from one address to one shard.
    pub connections_per_address_max: u32,
    /// Modules that are deployed at once.
    pub modules_max: u32,
}

/// Networks as texts.
mod networks {
    use cosmictron_net::forwarded::Network;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(networks: &[Network], to: S) -> Result<S::Ok, S::Error> {
        networks.iter().map(Network::to_string).collect::<Vec<_>>().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Network>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}

/// Accounts and tokens.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// Fewest bytes of a password.
    pub password_bytes_min: u16,
    /// How long a token is good for.
    pub token_lifetime: Span,
    /// Whether every account may deploy modules, as in `cosmictron dev`.
    pub anyone_deploys: bool,
}

/// What was done to the server, and by whom.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// How long entries are kept.
    pub kept: Span,
    /// Whether the logs are chains of hashes, by which a change to them is found.
    pub chain: bool,
}

/// How magic links reach people. Without an SMTP server they are written to `outbox/` in the data directory.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailConfig {
    /// `smtps://user@host:465` or `smtp://host:587` (STARTTLS); never with a password in it.
    pub smtp_url: Option<String>,
    /// A file that holds the SMTP password.
    pub smtp_password_file: Option<PathBuf>,
    /// The sender's address.
    pub from: Option<String>,
    /// The page that a link opens; `{token}` is replaced.
    pub link: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: LISTEN,
            metrics_listen: METRICS_LISTEN,
            data_dir: PathBuf::from("cosmictron-data"),
            shards: None,
            durability: Durability::Always,
            io: Io::Auto,
            shutdown_timeout: Span::from_secs(10),
            tls: TlsConfig::default(),
            http: HttpConfig::default(),
            websocket: WebSocketConfig::default(),
            modules: ModulesConfig::default(),
            storage: StorageConfig::default(),
            limits: LimitsConfig::default(),
            auth: AuthConfig::default(),
            audit: AuditConfig::default(),
            mail: MailConfig::default(),
        }
    }
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            certificate: None,
            key: None,
            plain_http: PlainHttp::Refuse,
            hsts: None,
            handshake_timeout: Span::from_secs(10),
            handshakes_max: 512,
        }
    }
}

impl TlsConfig {
    fn check(&self) -> Result<(), ConfigError> {
        let half = |given, missing| Err(ConfigError::Half { given, missing });
        match (&self.certificate, &self.key) {
            (Some(_), None) => half("tls.certificate", "tls.key"),
            (None, Some(_)) => half("tls.key", "tls.certificate"),
            (None, None) if self.hsts.is_some() => {
                Err(ConfigError::WithoutTls { name: "tls.hsts" })
            }
            _ => Ok(()),
        }
    }

    /// The certificate and its key, where TLS is spoken.
    pub fn files(&self) -> Option<(&Path, &Path)> {
        self.certificate.as_deref().zip(self.key.as_deref())
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            connections_max: 8192,
            head_timeout: Span::from_secs(10),
            body_timeout: Span::from_secs(30),
            idle_timeout: Span::from_secs(75),
            answer_timeout: Span::from_secs(120),
            body_bytes_max: ByteCount::mebibytes(1),
            module_bytes_max: ByteCount::mebibytes(16),
            allowed_origins: vec!["*".to_owned()],
        }
    }
}

impl Default for WebSocketConfig {
    fn default() -> Self {
        Self {
            message_bytes_max: ByteCount::mebibytes(1),
            subscriptions_max: 10_000,
            ping_interval: Span::from_secs(30),
            authentication_timeout: Span::from_secs(10),
        }
    }
}

impl Default for ModulesConfig {
    fn default() -> Self {
        Self {
            memory_bytes_max: ByteCount::mebibytes(64),
            call_timeout: Span::from_secs(1),
            transaction_rows_max: 100_000,
            transaction_bytes_max: ByteCount::mebibytes(16),
            idempotency_kept: Span::from_secs(24 * 60 * 60),
        }
    }
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { kept: Span::from_secs(90 * 24 * 60 * 60), chain: false }
    }
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            memory_bytes_max: None,
            history_time: Span::from_secs(60 * 60),
            history_bytes_max: None,
            live_bytes_max: None,
            live_query_bytes_max: ByteCount::mebibytes(1024),
            segment_bytes: ByteCount::mebibytes(64),
            query_rows_scanned_max: 10_000_000,
            query_bytes_max: ByteCount::mebibytes(64),
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let per = |count, window, burst| Rate::Limited { count, window, burst };
        Self {
            per_address: per(1000, Window::Second, 2000),
            per_identity: per(1000, Window::Second, 2000),
            sign_in_per_address: per(60, Window::Minute, 60),
            sign_in_per_account: per(10, Window::Minute, 10),
            trusted_proxies: Vec::new(),
            loopback: false,
            connections_per_address_max: 1024,
            modules_max: 256,
        }
    }
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            password_bytes_min: 6,
            token_lifetime: Span::from_secs(7 * 24 * 60 * 60),
            anyone_deploys: false,
        }
    }
}

/// Why a configuration cannot be used. The operator's doing.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{}: {source}", path.display())]
    Malformed { path: PathBuf, source: Box<toml::de::Error> },
    #[error("{given} is set and {missing} is not: TLS needs both")]
    Half { given: &'static str, missing: &'static str },
    #[error("{name} is set, but no certificate is: see tls.certificate")]
    WithoutTls { name: &'static str },
    #[error("{name} is {found}, outside of {range}")]
    OutOfRange { name: &'static str, found: String, range: &'static str },
}

impl Config {
    /// The file's settings over the defaults.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|source| ConfigError::Malformed {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    /// Refuses values that nothing could work with.
    pub fn check(&self) -> Result<(), ConfigError> {
        let within = |name, inside: bool, found: String, range| match inside {
            true => Ok(()),
            false => Err(ConfigError::OutOfRange { name, found, range }),
        };
        self.tls.check()?;
        let handshake = self.tls.handshake_timeout;
        let fits = (100..=600_000).contains(&handshake.as_millis());
        within("tls.handshake_timeout", fits, handshake.to_string(), "100ms to 10m")?;
        let waiting = self.tls.handshakes_max;
        within("tls.handshakes_max", waiting > 0, waiting.to_string(), "1 and more")?;
        let shards = self.shards.unwrap_or(1);
        within("shards", ShardCount::new(shards).is_some(), shards.to_string(), "1 to 1024")?;
        let segment = self.storage.segment_bytes;
        let fits = (1 << 20..=1 << 30).contains(&segment.get());
        within("storage.segment_bytes", fits, segment.to_string(), "1MiB to 1GiB")?;
        let memory = self.modules.memory_bytes_max;
        let fits = (1 << 16..=1 << 32).contains(&memory.get());
        within("modules.memory_bytes_max", fits, memory.to_string(), "64KiB to 4GiB")?;
        let password = self.auth.password_bytes_min;
        let fits = (1..=PASSWORD_BYTES_MAX).contains(&usize::from(password));
        within("auth.password_bytes_min", fits, password.to_string(), "1 to 1024")?;
        let call = self.modules.call_timeout;
        let fits = (1..=3_600_000).contains(&call.as_millis());
        within("modules.call_timeout", fits, call.to_string(), "1ms to 1h")?;
        let message = self.websocket.message_bytes_max;
        let fits = (1 << 10..=1 << 26).contains(&message.get());
        within("websocket.message_bytes_max", fits, message.to_string(), "1KiB to 64MiB")?;
        let ping = self.websocket.ping_interval;
        let fits = (100..=3_600_000).contains(&ping.as_millis());
        within("websocket.ping_interval", fits, ping.to_string(), "100ms to 1h")
    }
}

/// Bytes of the longest password; hashing a longer one would be work for nothing.
pub const PASSWORD_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_in_range_and_survive_their_text() {
        let config = Config::default();
        config.check().unwrap();
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }

    #[test]
    fn a_name_that_is_no_setting_is_refused_with_its_line() {
        let error = toml::from_str::<Config>("shards = 2\n[http]\nidle = \"1s\"").unwrap_err();
        assert!(error.to_string().contains("unknown field `idle`"), "{error}");
    }

    #[test]
    fn tls_needs_a_certificate_and_its_key() {
        let check = |text: &str, error: &str| {
            let config: Config = toml::from_str(text).unwrap();
            assert_eq!(config.check().unwrap_err().to_string(), error);
        };
        check(
            "tls.certificate = \"a.pem\"",
            "tls.certificate is set and tls.key is not: TLS needs both",
        );
        check("tls.key = \"a.pem\"", "tls.key is set and tls.certificate is not: TLS needs both");
        check("tls.hsts = \"1d\"", "tls.hsts is set, but no certificate is: see tls.certificate");
        check(
            "tls.handshake_timeout = \"1ms\"",
            "tls.handshake_timeout is 1ms, outside of 100ms to 10m",
        );
    }

    #[test]
    fn a_value_out_of_range_is_named() {
        let config = Config { shards: Some(0), ..Config::default() };
        assert_eq!(config.check().unwrap_err().to_string(), "shards is 0, outside of 1 to 1024");
    }
}
