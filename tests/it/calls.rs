//! Reducer calls: arguments, exactly-once, names.

use cosmictron_tests::{TestServer, my_agent};
use serde_json::json;

use crate::guest::{Guest, TABLE_T};

#[test]
fn a_wrong_argument_is_named_with_what_was_expected() {
    let server = TestServer::start(&["--shards", "1"]);
    server.deploy("my-agent", &my_agent());
    let mut ada = server.sign_up("ada@example.com");
    let cases = [
        ("", "argument session_id: missing, expected string"),
        ("{}", "argument session_id: missing, expected string"),
        (
            r#"{"session_id":1,"role":"u","content":"c"}"#,
            "argument session_id: expected string, found number 1",
        ),
        (r#"["a","b"]"#, "content: missing"),
        (r#"["a","b","c","d"]"#, "at most 3"),
        (r#"{"session_id":"a","role":"b","content":"c","x":1}"#, "x"),
        (r#"{"session_id":"a","session_id":"a","role":"b","content":"c"}"#, "session_id"),
        ("{", "EOF"),
        ("nonsense", "expected"),
    ];
    for (body, expected) in cases {
        let answer = ada.call("record_agent_message", body);
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{body}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(expected), "{body}: {detail}");
    }
    assert_eq!(ada.sql("SELECT count(*) FROM agent_state"), json!([[0]]));
}

#[test]
fn an_idempotency_key_runs_a_call_once_also_across_a_kill() {
    let server = TestServer::start(&["--shards", "2"]);
    server.deploy("my-agent", &my_agent());
    let ada = server.sign_up("ada@example.com");
    let token = ada.token().unwrap().to_owned();
    let call = |server: &TestServer, key: &str, content: &str| {
        let body = json!(["s", "user", content]).to_string();
        let headers = [("Idempotency-Key", key), ("Content-Type", "application/json")];
        let path = "/v1/reducers/record_agent_message";
        server.client_of(&token).request("POST", path, &headers, body.as_bytes())
    };
    let first = call(&server, "k", "x").json();
    assert_eq!(call(&server, "k", "x").json()["tx_id"], first["tx_id"]);
    let server = server.kill_and_restart();
    let again = call(&server, "k", "x").json();
    assert_eq!((&again["tx_id"], &again["result"]), (&first["tx_id"], &first["result"]));
    assert_eq!(call(&server, "k", "y").code(), "conflict");
    assert_ne!(call(&server, "other", "x").json()["tx_id"], first["tx_id"]);
    let mut ada = server.client_of(&token);
    assert_eq!(ada.sql("SELECT count(*) FROM agent_state"), json!([[2]]));
    let long = "k".repeat(256);
    assert_eq!(call(&server, &long, "x").code(), "invalid_request");
}

/// A call that used its transaction up to the last row was refused when it came with a key: the key's own row was
/// counted as the reducer's, and the answer spoke of the server's memory.
#[test]
fn a_call_with_a_key_may_use_its_transaction_up() {
    let settings = "modules.transaction_rows_max = 10\n";
    let server = TestServer::start_with(settings, &["--shards", "1"]);
    let fill = "(loop $l (br_if $l (i32.eqz (call $insert_t (i64.const 1))))) (i32.const 0)";
    let begin =
        format!(r#"(func (export "cosm_reducer_begin") (param i32 i32) (result i32) {fill})"#);
    let guest = Guest::new()
        .item(TABLE_T)
        .item(r#"{"reducer":{"name":"begin","kind":"init"}}"#)
        .text(&begin)
        .reducer("fill", fill);
    server.deploy("m", &guest.wasm());
    let mut ada = server.sign_up("ada@example.com");
    for _ in 0..2 {
        let answer = ada.request("POST", "/v1/reducers/fill", &[("Idempotency-Key", "k")], b"");
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    assert_eq!(ada.sql("SELECT count(*) FROM t"), json!([[20]]));
}

#[test]
fn a_reducers_own_refusal_undoes_the_call_and_is_told() {
    let server = TestServer::start(&["--shards", "1"]);
    server.deploy("my-agent", &my_agent());
    let mut ada = server.sign_up("ada@example.com");
    let call = r#"["c1", "s", "search", "{}"]"#;
    assert_eq!(ada.call("record_tool_call", call).status, 200);
    assert_eq!(ada.call("record_tool_call", call).status, 200);
    let refused = ada.call("record_tool_call", r#"["c1", "s", "other", "{}"]"#);
    assert_eq!((refused.status, refused.code().as_str()), (422, "reducer_failed"));
    assert_eq!(ada.sql("SELECT name FROM tool_calls"), json!([["search"]]));
}

#[test]
fn a_name_that_two_modules_have_needs_the_module() {
    let server = TestServer::start(&["--shards", "2"]);
    server.deploy("one", &my_agent());
    server.deploy("two", &my_agent());
    let mut ada = server.sign_up("ada@example.com");
    let args = r#"["s", "user", "x"]"#;
    let ambiguous = ada.call("record_agent_message", args);
    assert_eq!((ambiguous.status, ambiguous.code().as_str()), (409, "ambiguous_name"));
    let candidates = json!(["one/record_agent_message", "two/record_agent_message"]);
    assert_eq!(ambiguous.json()["candidates"], candidates);
    assert_eq!(ada.call("one/record_agent_message", args).status, 200);
    let body = r#"{"query": "SELECT * FROM agent_state"}"#;
    assert_eq!(ada.post("/v1/sql", body).code(), "ambiguous_name");
    assert_eq!(ada.sql("SELECT count(*) FROM one.agent_state"), json!([[1]]));
    assert_eq!(ada.sql("SELECT count(*) FROM \"two\".agent_state"), json!([[0]]));
}
