//! Damages what a server has left on its disk. It comes back with everything, or it refuses and says where; only the
//! last group of a server that was killed can be cut, since nothing tells damage to it from a torn tail.
//!
//! `sweep` damages a log byte by byte and recovers it in this process, `start` does so to a few bytes under the real
//! binary, `files` damages whole files.

mod files;
mod start;
mod sweep;

use std::path::PathBuf;
use std::process::Command;

use cosmictron_tests::{Refusal, TestClient, TestServer, my_agent};
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

/// The smallest segments that there are.
const SMALL: &str = "\
[storage]
segment_bytes = \"1MiB\"
[modules]
transaction_bytes_max = \"64KiB\"
";

/// Calls of one run of the server.
const CALLS: usize = 5;

/// What a server has left, and what it had answered.
struct Served {
    folder: TempDir,
    flags: Vec<String>,
    token: String,
    contents: Vec<String>,
}

impl Served {
    /// A new server that deploys a module, takes a few calls and ends.
    fn once(signal: Signal) -> Served {
        let server = TestServer::start_configured(SMALL, &["--shards", "1"]);
        server.deploy("my-agent", &my_agent());
        let mut ada = server.sign_up("ada@example.com");
        let mut contents = Vec::new();
        call(&mut ada, &mut contents);
        let token = ada.token().unwrap().to_owned();
        let (_, (folder, flags)) = server.end(signal);
        Served { folder, flags, token, contents }
    }

    /// Another run on the same directory: its records stand in another segment.
    fn again(mut self, signal: Signal) -> Served {
        let server = TestServer::start_in(self.folder, self.flags).unwrap();
        call(&mut server.client_of(&self.token), &mut self.contents);
        let (_, (folder, flags)) = server.end(signal);
        Served { folder, flags, ..self }
    }

    fn copy(&self) -> Served {
        let folder = tempfile::tempdir().unwrap();
        let source = self.folder.path().join(".");
        let status = Command::new("cp").arg("-a").arg(source).arg(folder.path()).status();
        assert!(status.unwrap().success());
        let (flags, token, contents) =
            (self.flags.clone(), self.token.clone(), self.contents.clone());
        Served { folder, flags, token, contents }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn segment(&self, number: u64) -> PathBuf {
        self.data().join(format!("log/shard-0000/{number:010}.wal"))
    }

    /// Starts the real binary on it. The other half says what has to be there.
    fn start(self) -> (Result<TestServer, Refusal>, Expected) {
        let expected = Expected { token: self.token, contents: self.contents };
        (TestServer::try_start_in(self.folder, self.flags), expected)
    }
}

/// What was answered.
struct Expected {
    token: String,
    contents: Vec<String>,
}

impl Expected {
    /// Everything, or everything but the last `missing_max` calls, is there, and the server goes on. How many are
    /// missing.
    fn check(&self, server: &TestServer, missing_max: usize) -> usize {
        let mut ada = server.client_of(&self.token);
        let rows = ada.sql("SELECT content FROM agent_state ORDER BY id");
        let found: Vec<&str> =
            rows.as_array().unwrap().iter().map(|row| row[0].as_str().unwrap()).collect();
        let missing = self.contents.len().checked_sub(found.len()).expect("rows out of nowhere");
        assert!(missing <= missing_max, "{found:?} of {:?}", self.contents);
        assert_eq!(found, self.contents[..found.len()]);
        call(&mut ada, &mut Vec::new());
        let count = ada.sql("SELECT count(*) FROM agent_state");
        assert_eq!(count, json!([[found.len() + CALLS]]));
        missing
    }
}

/// A refusal leads a person on, and is none of the ways in which a program breaks.
#[track_caller]
fn check_refusal(refusal: &Refusal, words: &[&str]) {
    let text = refusal.text();
    assert_eq!(refusal.status.code(), Some(1), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

fn call(client: &mut TestClient, contents: &mut Vec<String>) {
    for _ in 0..CALLS {
        let content = format!("call {}", contents.len());
        let arguments = json!(["session", "user", content]).to_string();
        let answer = client.call("record_agent_message", &arguments);
        assert_eq!(answer.status, 200, "{}", answer.body);
        contents.push(content);
    }
}
