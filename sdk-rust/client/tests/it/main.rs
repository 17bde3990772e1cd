//! The client against the real server: `COSMICTRON_BIN`, or the one that `cargo build --release` has made of this repository.

#![allow(
    clippy::unwrap_used,
    reason = "what these functions unwrap fails the test that called them"
)]

mod account;
mod generated;
mod live;
mod proxy;
mod restart;
mod rows;
mod server;
mod tls;

use cosmictron_client::{Client, Options};
use serde::Deserialize;
use server::TestServer;

/// A message of `my-agent`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Message {
    id: u64,
    content: String,
}

const MESSAGES: &str = "SELECT id, content FROM agent_state WHERE session_id = $1 ORDER BY id";

/// A server with `my-agent`, and a client with an account.
async fn agent(options: Options) -> (TestServer, Client) {
    let server = TestServer::start();
    server.deploy("examples/my-agent", "my_agent");
    let client = Client::new(&server.url(), options).unwrap();
    client.sign_up("ada@example.com", "secret").await.unwrap();
    (server, client)
}

/// Records a message; its id.
async fn record(client: &Client, content: &str) -> u64 {
    let called = client.call("record_agent_message", &("s", "user", content)).await;
    called.unwrap().result
}
