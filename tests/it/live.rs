//! The WebSocket endpoint, from outside: what subscribers hold, what calls and queries answer, how connections begin and end.

/// Makes two tests of each function that takes a subprotocol.
macro_rules! in_both_subprotocols {
    ($($name:ident,)*) => {
        mod in_json_v1 {
            $(#[test] fn $name() { super::$name(cosmictron_tests::JSON_V1); })*
        }
        mod in_bin_v1 {
            $(#[test] fn $name() { super::$name(cosmictron_tests::BIN_V1); })*
        }
    };
}

mod binary;
mod closing;
mod deflate;
mod document;
mod events;
mod memory;
mod modules;
mod refusals;
mod resume;
mod rows;
mod slow;
mod standing;
mod temporal;

use cosmictron_tests::{TestClient, TestServer, my_agent};
use serde_json::{Value, json};

/// A server with `my-agent`, and a client with an account.
fn agent(settings: &str, shards: u16) -> (TestServer, TestClient) {
    let server = TestServer::start_with(settings, &["--shards", &shards.to_string()]);
    server.deploy("my-agent", &my_agent());
    let ada = server.sign_up("ada@example.com");
    (server, ada)
}

/// The arguments of `record_agent_message`.
fn message(session: &str, content: &str) -> Value {
    json!([session, "user", content])
}

/// Records a message over REST; the transaction.
#[track_caller]
fn record(client: &mut TestClient, session: &str, content: &str) -> u64 {
    let answer = client.call("record_agent_message", &message(session, content).to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["tx_id"].as_u64().unwrap()
}
