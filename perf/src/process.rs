//! Runs the processes that are measured, and ends them.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::certificate::Certificate;
use crate::cpu::{self, Seats};

/// A server on a data directory. Killed when dropped.
pub struct Server {
    process: Child,
    pub address: SocketAddr,
    data: PathBuf,
    /// The file with its certificate, where it is spoken to within TLS.
    certificate: Option<PathBuf>,
}

impl Server {
    /// Starts the server with one shard, on its seat, and waits until it is ready.
    pub fn start(seats: Seats, data: &Path) -> Result<Server> {
        Self::start_with(seats, data, "")
    }

    /// As [`Server::start`], with what a configuration file says.
    pub fn start_with(seats: Seats, data: &Path, settings: &str) -> Result<Server> {
        let file = data.with_extension("toml");
        std::fs::write(&file, settings)?;
        cpu::sit_on(seats.server)?;
        let started = Command::new(cosmictron()?)
            .args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
            // Always durable and by io_uring, unless the settings say otherwise, whatever the environment says.
            .env_remove("COSMICTRON_DURABILITY")
            .env_remove("COSMICTRON_IO")
            .args(["--shards", "1", "--data-dir"])
            .arg(data)
            .arg("--config")
            .arg(file)
            .env("COSMICTRON_LOG_FORMAT", "json")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        cpu::sit_on(seats.generator)?;
        let mut process = started.context("the server does not start")?;
        let stderr = process.stderr.take().context("stderr is piped")?;
        let mut server = Server {
            process,
            address: ([127, 0, 0, 1], 0).into(),
            data: data.to_owned(),
            certificate: None,
        };
        let mut lines = BufReader::new(stderr).lines();
        let mut said = Vec::new();
        for line in lines.by_ref() {
            let line = line?;
            if let Some(address) = ready(&line) {
                server.address = address;
                // Read on, so that the server never waits for us.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(server);
            }
            said.push(line);
        }
        bail!("the server does not start:\n{}", said.join("\n"))
    }

    /// As [`Server::start`], with a certificate.
    pub fn start_tls(seats: Seats, data: &Path, certificate: &Certificate) -> Result<Server> {
        let Certificate { chain, key, .. } = certificate;
        let settings = format!("tls.certificate = {chain:?}\ntls.key = {key:?}\n");
        let mut server = Self::start_with(seats, data, &settings)?;
        server.certificate = Some(chain.clone());
        Ok(server)
    }

    pub fn token(&self) -> Result<String> {
        let token = std::fs::read_to_string(self.data.join("admin.token"))?;
        Ok(token.trim().to_owned())
    }

    /// Bytes of memory that it has.
    pub fn resident_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kibibytes = kibibytes.context("the kernel tells a process's memory")?;
        Ok(kibibytes.parse::<u64>()? * 1024)
    }

    /// Processor time that it has taken, in ticks of a hundredth of a second.
    pub fn cpu_ticks(&self) -> Result<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The name may have blanks; the fields behind it are numbers: state is the third of all, times are the 14th and 15th.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let times = fields.split_whitespace().skip(11).take(2);
        times.map(|time| Ok(time.parse::<u64>()?)).sum()
    }

    /// Runs one of the server's own commands against it; its output as JSON.
    pub fn command(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = Command::new(cosmictron()?);
        let scheme = match &self.certificate {
            None => "http",
            Some(file) => {
                command.env("COSMICTRON_CA_FILE", file);
                "https"
            }
        };
        let output = command
            .args(arguments)
            .arg("--json")
            .env("COSMICTRON_URL", format!("{scheme}://{}", self.address))
            .env("COSMICTRON_TOKEN", self.token()?)
            .output()?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{arguments:?}: {error}");
        serde_json::from_slice(&output.stdout).with_context(|| format!("{arguments:?}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

fn ready(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = &line["fields"];
    (fields["message"] == "ready").then(|| fields["address"].as_str()?.parse().ok())?
}

/// Another program that listens and prints its address as its first line. Killed when dropped.
pub struct Peer {
    process: Child,
    pub address: SocketAddr,
}

impl Peer {
    pub fn start(seats: Seats, command: &mut Command) -> Result<Peer> {
        cpu::sit_on(seats.server)?;
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        cpu::sit_on(seats.generator)?;
        let mut process = started.with_context(|| format!("{command:?}"))?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.as_mut() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        match line.trim().parse() {
            Ok(address) => Ok(Peer { process, address }),
            Err(error) => {
                end(&mut process);
                bail!("{command:?} said {line:?} for an address: {error}")
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

fn end(process: &mut Child) {
    // It may have ended by itself.
    let _ = process.kill();
    let _ = process.wait();
}

/// The server's binary, built next to this one.
fn cosmictron() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("cosmictron");
    ensure!(path.exists(), "{} is missing: cargo build --release --workspace", path.display());
    Ok(path)
}
