//! The durability modes: each serves, says what it is, and loses nothing that it promises to keep. `crash` kills the
//! server under load.

use cosmictron_tests::{TestServer, my_agent};
use serde_json::json;

/// How a server ends.
type End = fn(TestServer) -> TestServer;

/// Writes, queries, ends and looks again.
fn check(mode: &str, end: End) {
    let server = TestServer::start(&["--shards", "2", "--durability", mode]);
    assert_eq!(server.client().get("/v1/health/ready").json()["durability"], mode);
    let diagnostics = server.admin().get("/v1/health/diagnostics").json();
    assert_eq!(diagnostics["durability"], mode);
    server.deploy("my-agent", &my_agent());
    let mut ada = server.sign_up("ada@example.com");
    let token = ada.token().unwrap().to_owned();
    for number in 1..=50 {
        let answer = ada.call("record_agent_message", r#"["s", "user", "x"]"#);
        assert_eq!(answer.json()["result"], number, "{}", answer.body);
        // A reader sees what the same client was answered.
        assert_eq!(ada.sql("SELECT count(*) FROM agent_state"), json!([[number]]));
    }
    let server = end(server);
    let mut ada = server.client_of(&token);
    assert_eq!(ada.sql("SELECT count(*), max(id) FROM agent_state"), json!([[50, 50]]));
    let answer = ada.call("record_agent_message", r#"["s", "user", "x"]"#);
    assert_eq!(answer.json()["result"], 51, "{}", answer.body);
}

#[test]
fn always_loses_nothing_to_a_kill() {
    check("always", TestServer::kill_and_restart);
}

#[test]
fn always_loses_nothing_when_told_to_stop() {
    check("always", TestServer::stop_and_restart);
}

#[test]
fn an_interval_loses_nothing_when_told_to_stop() {
    check("interval(10ms)", TestServer::stop_and_restart);
}

#[test]
fn an_interval_that_never_ends_is_cut_short_by_a_stop() {
    check("interval(1h)", TestServer::stop_and_restart);
}

#[test]
fn none_loses_nothing_when_told_to_stop() {
    check("none", TestServer::stop_and_restart);
}

#[test]
fn a_mode_that_does_not_exist_is_refused() {
    let flags = ["--durability", "sometimes"].map(str::to_owned).to_vec();
    let Err(refusal) = TestServer::try_start_in(tempfile::tempdir().unwrap(), flags) else {
        panic!("served sometimes");
    };
    assert_eq!(refusal.status.code(), Some(2));
    assert!(refusal.text().contains("always, none or interval(10ms)"), "{}", refusal.text());
}
