//! The real binary on a data directory of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A running server. Killed when dropped.
pub(crate) struct TestServer {
    process: Child,
    address: String,
    folder: TempDir,
    flags: Vec<String>,
}

impl TestServer {
    pub(crate) fn start() -> TestServer {
        Self::start_with(&[])
    }

    /// With further flags of `serve`.
    pub(crate) fn start_with(flags: &[&str]) -> TestServer {
        let folder = tempfile::tempdir().unwrap();
        let settings =
            "storage.segment_bytes = \"4MiB\"\nmodules.transaction_bytes_max = \"512KiB\"\n";
        std::fs::write(folder.path().join("test.toml"), settings).unwrap();
        Self::start_in(folder, flags.iter().map(|&flag| flag.to_owned()).collect())
    }

    fn start_in(folder: TempDir, flags: Vec<String>) -> TestServer {
        let mut process = Command::new(binary())
            .args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .arg("--config")
            .arg(folder.path().join("test.toml"))
            .args(&flags)
            .env("COSMICTRON_LOG_FORMAT", "json")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary().display()));
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut log = Vec::new();
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("the server does not start: {log:?}"));
            match ready(line.as_ref().unwrap()) {
                Some(address) => break address,
                None => log.push(line.unwrap()),
            }
        };
        // Its log is read to its end, so that it never waits for a reader.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        TestServer { process, address, folder, flags }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Deploys a module of this repository, which `cargo xtask test` has built.
    pub(crate) fn deploy(&self, project: &str, library: &str) {
        let wasm = root().join(project).join("target/wasm32-unknown-unknown/release").join(library);
        let token = std::fs::read_to_string(self.folder.path().join("data/admin.token")).unwrap();
        let deployed = Command::new(binary())
            .args(["deploy", "--url", &format!("http://{}", self.address)])
            .arg(wasm.with_extension("wasm"))
            .env("COSMICTRON_TOKEN", token.trim())
            .output()
            .unwrap();
        assert!(deployed.status.success(), "{}", String::from_utf8_lossy(&deployed.stderr));
    }

    /// Kills the server without a warning; starts another on its directory.
    pub(crate) fn kill_and_restart(mut self) -> TestServer {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        TestServer::start_in(folder, std::mem::take(&mut self.flags))
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The address, when the line says that the server is ready.
fn ready(line: &str) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let is_ready = line["fields"]["message"] == "ready";
    is_ready.then(|| line["fields"]["address"].as_str().unwrap().to_owned())
}

fn binary() -> PathBuf {
    let given = std::env::var_os("COSMICTRON_BIN").map(PathBuf::from);
    given.unwrap_or_else(|| root().join("target/release/cosmictron"))
}

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}
