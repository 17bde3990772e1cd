//! What the README promises, step by step.

use cosmictron_tests::{TestServer, my_agent};
use serde_json::json;

#[test]
fn a_module_is_deployed_called_queried_and_survives_a_kill() {
    let server = TestServer::start(&["--shards", "2"]);
    server.deploy("my-agent", &my_agent());
    let mut ada = server.sign_up("ada@example.com");

    let answer = ada.call(
        "record_agent_message",
        r#"{"session_id": "abc", "role": "user", "content": "Hello"}"#,
    );
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["status"], "committed");
    let tx = answer.json()["tx_id"].as_u64().unwrap();

    let body = json!({
        "query": "SELECT * FROM agent_state WHERE session_id = $1",
        "params": ["abc"],
    });
    let rows = ada.post("/v1/sql", &body.to_string()).json();
    assert_eq!(rows["columns"], json!(["id", "session_id", "role", "content", "created_at"]));
    assert_eq!(rows["rows"][0][3], "Hello");
    assert_eq!(rows["tx_id"], tx);

    let token = ada.token().unwrap().to_owned();
    let server = server.kill_and_restart();
    let mut ada = server.client_of(&token);
    let after = ada.post("/v1/sql", &body.to_string()).json();
    assert_eq!(after["rows"], rows["rows"]);
    let again = ada.call("record_agent_message", r#"["abc", "assistant", "Hi"]"#).json();
    assert!(again["tx_id"].as_u64().unwrap() > tx);
    assert_eq!(again["result"], 2);
}

#[test]
fn health_and_readiness_are_told_to_anybody() {
    let server = TestServer::start(&["--shards", "1"]);
    let mut client = server.client();
    assert_eq!(client.get("/v1/health").body, r#"{"status":"ok"}"#);
    assert_eq!(client.get("/v1/health/ready").json()["durability"], "always");
    assert_eq!(client.get("/v1/health/diagnostics").code(), "unauthenticated");
    assert_eq!(server.admin().get("/v1/health/diagnostics").json()["version"], "0.1.0");
    let metrics = cosmictron_tests::TestClient::connect(server.metrics(), None).get("/metrics");
    assert!(metrics.body.contains("cosmictron_calls_total{shard=\"0\"} 0"), "{}", metrics.body);
}

#[test]
fn a_second_server_is_kept_out_of_the_directory() {
    let server = TestServer::start(&["--shards", "1"]);
    let shared = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(server.data_dir(), shared.path().join("data")).unwrap();
    let Err(log) = TestServer::start_in(shared, vec!["--shards".into(), "1".into()]) else {
        panic!("two servers on one directory");
    };
    assert!(log.join("\n").contains("another process uses this directory"), "{log:?}");
}

#[test]
fn a_module_that_is_removed_keeps_its_rows_until_they_are_dropped() {
    let server = TestServer::start(&["--shards", "2"]);
    server.deploy("my-agent", &my_agent());
    let mut ada = server.sign_up("ada@example.com");
    assert_eq!(ada.call("record_agent_message", r#"["a", "user", "x"]"#).status, 200);

    let mut admin = server.admin();
    assert_eq!(admin.request("DELETE", "/v1/modules/my-agent", &[], b"").status, 204);
    assert_eq!(ada.call("record_agent_message", r#"["a", "user", "x"]"#).code(), "not_found");
    assert_eq!(ada.get("/v1/modules/my-agent").json()["status"], "inactive");

    server.deploy("my-agent", &my_agent());
    assert_eq!(ada.sql("SELECT count(*) FROM agent_state"), json!([[1]]));
    let dropped = admin.request("DELETE", "/v1/modules/my-agent?data=drop", &[], b"");
    assert_eq!(dropped.status, 204);
    server.deploy("my-agent", &my_agent());
    assert_eq!(ada.sql("SELECT count(*) FROM agent_state"), json!([[0]]));
}
