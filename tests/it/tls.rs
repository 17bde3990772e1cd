//! TLS on the port of the API: all that is spoken there, how it begins and ends, and who comes otherwise.

mod certificates;
mod commands;
mod plain;
mod protocols;
mod slow;

use cosmictron_tests::{TestCertificate, TestClient, TestServer, my_agent};
use tempfile::TempDir;

/// A server within TLS that has `my-agent`, an account there, and where its certificate is.
struct Site {
    server: TestServer,
    certificate: TestCertificate,
    folder: TempDir,
}

impl Site {
    fn start(settings: &str) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let certificate = TestCertificate::make(folder.path(), "server");
        let server = TestServer::start_tls(&certificate, settings, &["--shards", "1"]);
        Site { server, certificate, folder }
    }

    /// Deploys `my-agent`, for an account of its own.
    fn ada(&self) -> TestClient {
        self.server.deploy("my-agent", &my_agent());
        self.server.sign_up("ada@example.com")
    }
}
