//! Starts the real binary on a free port and speaks to it over real sockets: what every black-box test begins with.
//!
//! ```no_run
//! use cosmictron_tests::TestServer;
//!
//! let server = TestServer::start(&[]);
//! let mut ada = server.sign_up("ada@example.com");
//! server.deploy("my-agent", &cosmictron_tests::my_agent());
//! let answer = ada.call("record_agent_message", r#"["session", "user", "hello"]"#);
//! assert_eq!(answer.status, 200);
//! ```
#[path = "fixture/binary.rs"]
pub mod binary;
#[path = "fixture/certificate.rs"]
mod certificate;
#[path = "fixture/client.rs"]
mod client;
#[path = "fixture/faulty_disk.rs"]
mod faulty_disk;
#[path = "fixture/server.rs"]
mod server;
#[path = "fixture/socket.rs"]
mod socket;
#[path = "fixture/stream.rs"]
mod stream;

pub use certificate::TestCertificate;
pub use client::{TestAnswer, TestClient, becomes};
pub use faulty_disk::{Errno, Fault, FaultyDisk, HeldSyncs, Operation};
pub use server::{Refusal, TestServer, binary, configure, folder_on};
pub use socket::{BIN_V1, JSON_V1, LiveRows, SUBPROTOCOLS, TestSocket};
pub use stream::{TestStream, Tls};

use std::path::{Path, PathBuf};

/// The WebAssembly of `examples/my-agent`, which `cargo xtask test` has built.
pub fn my_agent() -> Vec<u8> {
    module("examples/my-agent", "my_agent")
}

/// The WebAssembly of `examples/bank`, whose tables are spread over all shards; built likewise.
pub fn bank_example() -> Vec<u8> {
    module("examples/bank", "bank")
}

/// The WebAssembly of `examples/rooms`, whose tables have policies; built likewise.
pub fn rooms_example() -> Vec<u8> {
    module("examples/rooms", "rooms")
}

/// The WebAssembly of `examples/chat`; built likewise.
pub fn chat_example() -> Vec<u8> {
    module("examples/chat", "chat")
}

/// The WebAssembly of `sdk-rust/tests/module`, which uses everything that the SDK has; built likewise.
pub fn sdk_checks() -> Vec<u8> {
    module("sdk-rust/tests/module", "sdk_checks")
}

/// The hand-written module of `docs/wasm-abi.md`.
pub fn counter() -> Vec<u8> {
    wat::parse_file(root().join("tests/modules/wat/counter.wat")).expect("the document is right")
}

/// The hand-written bank, whose calls write several rows of several tables.
pub fn bank() -> Vec<u8> {
    wat::parse_file(root().join("tests/modules/wat/bank.wat")).expect("the text is right")
}

/// The WebAssembly of a module project in this repository.
pub fn module(project: &str, library: &str) -> Vec<u8> {
    let file = root()
        .join(project)
        .join("target/wasm32-unknown-unknown/release")
        .join(library)
        .with_extension("wasm");
    std::fs::read(&file).unwrap_or_else(|error| {
        panic!("{}: {error}: `cargo xtask test` builds it", file.display());
    })
}

/// The repository.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the tests are a folder of the repository").to_owned()
}
