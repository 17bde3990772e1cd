//! `client_connected` and `client_disconnected`: they run once for every WebSocket, in that order, whatever becomes of the
//! client and of the server.
//!
//! The module is that of the SDK's own tests: it has a row in `presence`, which is on all cores, for each connection that is
//! open, and one in `occasions`, which is at home, for each time that one of the reducers has run.

mod ending;
mod failing;
mod restart;
mod versions;

use cosmictron_tests::{TestClient, TestServer, TestSocket, sdk_checks};
use serde_json::{Value, json};

/// A server with the module, and a client with an account.
fn serve(settings: &str, shards: u16) -> (TestServer, TestClient) {
    let server = TestServer::start_with(settings, &["--shards", &shards.to_string()]);
    server.deploy("checks", &sdk_checks());
    let ada = server.sign_up("ada@example.com");
    (server, ada)
}

/// A connection that was welcomed, and what it is called.
#[track_caller]
fn come(server: &TestServer, client: &TestClient) -> (TestSocket, String) {
    let mut socket = server.socket_of(client);
    let id = welcomed(&mut socket);
    (socket, id)
}

#[track_caller]
fn welcomed(socket: &mut TestSocket) -> String {
    let welcome = socket.message().unwrap();
    assert_eq!(welcome["type"], "welcome", "{welcome}");
    welcome["connection_id"].as_str().unwrap().to_owned()
}

/// Who is here now.
fn here(client: &mut TestClient) -> Vec<String> {
    let rows = client.sql("SELECT connection FROM presence ORDER BY connection");
    rows.as_array().unwrap().iter().map(|row| row[0].as_str().unwrap().to_owned()).collect()
}

/// Waits until these connections are here and no others.
#[track_caller]
fn wait_for_here(client: &mut TestClient, ids: &[&str]) {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    let rows: Vec<Value> = ids.iter().map(|id| json!([id])).collect();
    client.wait_for_rows("SELECT connection FROM presence ORDER BY connection", &json!(rows));
}

/// What has run for a connection, in order.
fn occasions(client: &mut TestClient, id: &str) -> Vec<String> {
    let query = format!("SELECT what FROM occasions WHERE connection = '{id}' ORDER BY tx_id");
    let rows = client.sql(&query);
    rows.as_array().unwrap().iter().map(|row| row[0].as_str().unwrap().to_owned()).collect()
}

/// The value of a metric, over all shards.
fn metric(server: &TestServer, name: &str) -> u64 {
    let metrics = TestClient::connect(server.metrics(), None).get("/metrics").body;
    let of_metric = |line: &&str| line.starts_with(&format!("{name}{{"));
    let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    let values: Vec<u64> = metrics.lines().filter(of_metric).map(value).collect();
    assert!(!values.is_empty(), "there is no {name} in {metrics}");
    values.iter().sum()
}

/// Says how a reducer of the module is to end from now on.
#[track_caller]
fn set_mood(client: &mut TestClient, what: &str, mood: &str) {
    let answer = client.call("set_mood", &json!([what, mood]).to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
}

const TOLD: [&str; 2] = ["connected", "disconnected"];
