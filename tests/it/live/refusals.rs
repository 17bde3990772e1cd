//! What is not understood, or may not be, is answered with its id and a code, and the connection goes on.

use serde_json::{Value, json};

use super::agent;
use crate::guest::Guest;

in_both_subprotocols! {
    every_wrong_message_is_answered_with_its_code,
    an_id_names_one_subscription_at_a_time,
    a_subscription_ends_with_an_error_when_its_table_goes,
}

/// A table that only admins see.
const SECRET: &str = r#"{"table":{"name":"secret","columns":[{"name":"id","type":"u64"}],
    "indexes":[{"name":"id","columns":["id"],"primary":true}]}}"#;

fn every_wrong_message_is_answered_with_its_code(spoken: &str) {
    let (server, ada) = agent("", 2);
    server.deploy("other", &Guest::new().item(SECRET).wasm());
    let mut socket = server.socket_as(&ada, spoken);
    socket.message().unwrap();
    let subscribe = |query: &str| json!({"type": "subscribe", "id": 7, "query": query});
    let query = |query: &str| json!({"type": "query", "id": 7, "query": query});
    let call = |reducer: &str, args: Value| json!({"type": "call", "id": 7, "reducer": reducer, "args": args});
    let cases = [
        (subscribe("SELECT * FROM nowhere"), "invalid_request", "nowhere"),
        (subscribe("SELECT * FROM secret"), "forbidden", "secret"),
        (query("SELECT * FROM secret"), "forbidden", "secret"),
        (subscribe("SELECT * FROM"), "invalid_request", ""),
        (subscribe("SELECT * FROM agent_state AS OF TX 1"), "invalid_request", "AS OF"),
        (subscribe("EXPLAIN SELECT * FROM agent_state"), "invalid_request", "EXPLAIN"),
        (
            subscribe("SELECT count(*) FROM agent_state WHERE id = $1"),
            "invalid_request",
            "parameters",
        ),
        (query("SELECT 1/0"), "invalid_request", "zero"),
        (call("nothing", json!([])), "not_found", "nothing"),
        (call("record_agent_message", json!([1])), "invalid_request", "session_id"),
        (call("complete_tool_call", json!(["c", "r"])), "reducer_failed", "no call c"),
        (json!({"type": "unsubscribe", "id": 7}), "not_found", "id"),
        (json!({"type": "subscribe", "id": 7}), "invalid_request", "query"),
        (json!({"type": "dance", "id": 7}), "invalid_request", "unknown message"),
    ];
    for (message, code, part) in cases {
        socket.send(&message);
        let answer = socket.message().unwrap();
        let found = (&answer["type"], &answer["id"], &answer["code"]);
        assert_eq!(found, (&json!("error"), &json!(7), &json!(code)), "{message}: {answer}");
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.contains(part), "{message}: {detail}");
    }
    let answer = socket.ask(json!({"type": "query", "query": "SELECT 1"}));
    assert_eq!(answer["rows"], json!([[1]]));
}

#[test]
fn a_text_that_is_no_message_is_answered_without_an_id() {
    let (server, ada) = agent("", 1);
    let mut socket = server.socket_of(&ada);
    socket.message().unwrap();
    for text in ["", "{", "[]", "7", r#"{"type":"query","id":-1,"query":"SELECT 1"}"#] {
        socket.send_text(text);
        let answer = socket.message().unwrap();
        assert_eq!(answer["code"], "invalid_request", "{text}");
        assert!(answer.get("id").is_none(), "{text}: {answer}");
    }
    let answer = socket.ask(json!({"type": "query", "query": "SELECT 1"}));
    assert_eq!(answer["rows"], json!([[1]]));
}

fn an_id_names_one_subscription_at_a_time(spoken: &str) {
    let (server, ada) = agent("websocket.subscriptions_max = 2\n", 1);
    let mut socket = server.socket_as(&ada, spoken);
    socket.message().unwrap();
    let mut subscribe = |id: &str| {
        let query = "SELECT count(*) FROM agent_state";
        socket.send(&json!({"type": "subscribe", "id": id, "query": query}));
        socket.message().unwrap()
    };
    assert_eq!(subscribe("a")["type"], "subscribed");
    assert_eq!(subscribe("a")["code"], "conflict");
    assert_eq!(subscribe("b")["type"], "subscribed");
    assert_eq!(subscribe("c")["code"], "too_large");
    socket.send(&json!({"type": "unsubscribe", "id": "a"}));
    assert_eq!(socket.message().unwrap()["type"], "unsubscribed");
    socket.send(&json!({"type": "subscribe", "id": "a", "query": "SELECT 1"}));
    assert_eq!(socket.message().unwrap()["rows"], json!([[1]]));
}

#[test]
fn an_admin_may_subscribe_to_what_is_not_public_and_nobody_else_by_its_words() {
    let (server, ada) = agent("", 2);
    server.deploy("other", &Guest::new().item(SECRET).wasm());
    let mut admin = server.socket_of(&server.admin());
    let (_, rows) = admin.subscribe("SELECT * FROM secret");
    assert!(rows.rows().is_empty());
    let mut socket = server.socket_of(&ada);
    let answer = socket.ask(json!({"type": "subscribe", "query": "SELECT * FROM secret"}));
    assert_eq!(answer["code"], "forbidden");
}

fn a_subscription_ends_with_an_error_when_its_table_goes(spoken: &str) {
    let (server, ada) = agent("", 2);
    let mut socket = server.socket_as(&ada, spoken);
    let (id, _) = socket.subscribe("SELECT count(*) FROM agent_state");
    let gone = server.admin().request("DELETE", "/v1/modules/my-agent?data=drop", &[], b"");
    assert_eq!(gone.status, 204, "{}", gone.body);
    let error = socket.wait_for(|message| message["type"] == "error");
    assert_eq!(error["id"], id);
    socket.send(&json!({"type": "unsubscribe", "id": id}));
    let error = socket.wait_for(|message| message["type"] == "error");
    assert_eq!((&error["id"], &error["code"]), (&json!(id), &json!("not_found")));
}
