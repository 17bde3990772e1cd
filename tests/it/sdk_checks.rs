//! The module that uses everything the SDK has (`sdk-rust/tests/module`), on a server.

use cosmictron_tests::{TestClient, TestServer, sdk_checks};
use serde_json::{Value, json};

/// Reducers of its `answers.rs` that take no arguments; all others without arguments are checks.
const ANSWERS: [&str; 1] = ["who"];

fn serve() -> (TestServer, TestClient) {
    let server = TestServer::start(&["--shards", "1"]);
    server.deploy("checks", &sdk_checks());
    let ada = server.sign_up("ada@example.com");
    (server, ada)
}

/// The checks, by the server's own description: one that is new is run without being named here.
fn checks(client: &mut TestClient) -> Vec<String> {
    let described = client.get("/v1/modules/checks").json();
    let without_arguments = |signature: &&Value| signature["arguments"] == json!([]);
    let name = |signature: &Value| signature["name"].as_str().unwrap().to_owned();
    let signatures = described["signatures"].as_array().unwrap();
    let names = signatures.iter().filter(without_arguments).map(name);
    names.filter(|name| !ANSWERS.contains(&name.as_str())).collect()
}

#[test]
fn every_check_of_the_sdk_holds_on_a_server() {
    let (server, mut ada) = serve();
    let mut admin = server.admin();
    let checks = checks(&mut ada);
    assert!(checks.len() >= 16, "{checks:?}");
    for check in checks {
        let answer = ada.call(&check, "[]");
        assert_eq!(answer.status, 200, "{check}: {}", answer.body);
        // Each finds its tables empty.
        let dropped = admin.request("DELETE", "/v1/modules/checks?data=drop", &[], b"");
        assert_eq!(dropped.status, 204);
        server.deploy("checks", &sdk_checks());
    }
}

#[test]
fn values_of_every_type_come_back_as_they_went() {
    let (_server, mut ada) = serve();
    let described = ada.get("/v1/modules/checks").json();
    let signatures = described["signatures"].as_array().unwrap();
    assert!(signatures.iter().any(|signature| signature["name"] == "echo"), "{described}");
    let given = json!({
        "yes": true, "small": -128, "large": u64::MAX, "number": 0.1, "text": "é\u{0}\"\\",
        "bytes": "\\x00ff", "shape": "Nothing", "list": ["a", null, ""],
    });
    let answer = ada.call("echo", &given.to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["result"], given);
}

#[test]
fn a_panic_tells_its_message_and_its_place() {
    let (_server, mut ada) = serve();
    let answer = ada.call("panics", "[7]");
    assert_eq!((answer.status, answer.code().as_str()), (422, "reducer_failed"));
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("panicked: src/answers.rs:"), "{detail}");
    assert!(detail.ends_with(": number 7 is not liked"), "{detail}");
    assert_eq!(ada.call("panics", "[8]").code(), "reducer_failed");
}

#[test]
fn a_refusal_undoes_what_was_written() {
    let (_server, mut ada) = serve();
    let failed = ada.call("fails", r#"["hall"]"#);
    assert_eq!(failed.json()["detail"], "room hall is not wanted");
    assert_eq!(ada.call("refused", r#"["hall"]"#).code(), "reducer_failed");
    assert_eq!(ada.sql("SELECT count(*) FROM rooms"), json!([[0]]));
}

#[test]
fn a_reducer_knows_who_calls_and_when() {
    let (_server, mut ada) = serve();
    let me = ada.get("/v1/auth/me").json();
    let (first, second) = (ada.call("who", "").json(), ada.call("who", "").json());
    for answer in [&first, &second] {
        assert_eq!(answer["result"]["sender"], me["identity"]);
        assert_eq!(answer["result"]["tx_id"], answer["tx_id"]);
        assert_eq!(answer["result"]["connection_id"], Value::Null);
    }
    assert_ne!(first["result"]["drawn"], second["result"]["drawn"]);
    let at = |answer: &Value| answer["result"]["timestamp"].as_i64().unwrap();
    assert!(at(&first) <= at(&second));
}

#[test]
fn a_scheduled_reducer_gets_its_arguments() {
    let (server, mut ada) = serve();
    assert_eq!(ada.call("schedules", r#"["told"]"#).status, 200);
    // The other call is due in a minute.
    let (before, _) = server.wait_for_line("told 2");
    assert!(before.iter().all(|line| !line.contains("told 1")), "{before:?}");
}

#[test]
fn what_the_server_calls_is_not_for_clients() {
    let (server, mut ada) = serve();
    let (_, told) = server.wait_for_line("begun by ");
    assert!(told.contains(&"0".repeat(64)), "{told}");
    for reducer in ["init", "connected", "disconnected"] {
        assert_eq!(ada.call(reducer, "[]").code(), "forbidden", "{reducer}");
    }
}
