//! Policies are checked when a module is deployed, and another version's hold at once.

use cosmictron_tests::{TestClient, TestServer};
use serde_json::json;

use crate::guest::Guest;

/// `t(id u64 auto_inc, n u64)`, which everybody may write.
fn module(policies: &str) -> Vec<u8> {
    let table = format!(
        r#"{{"table":{{"name":"t","public":true,"columns":[
        {{"name":"id","type":"u64","auto_inc":true}},{{"name":"n","type":"u64"}}],
        "indexes":[{{"name":"id","columns":["id"],"primary":true}},{{"name":"by_n","columns":["n"]}}]{policies}}}}}"#
    );
    Guest::new()
        .item(&table)
        .item(crate::guest::TABLE_B)
        .reducer("one", "(call $insert_t (i64.const 1))")
        .reducer("two", "(call $insert_t (i64.const 2))")
        .wasm()
}

fn reads(policy: &str) -> String {
    format!(r#","policies":[{{"read":"{policy}"}}]"#)
}

#[test]
fn a_policy_that_is_none_refuses_the_deployment() {
    let server = TestServer::start(&["--shards", "2"]);
    for (policies, detail) in [
        (
            reads("n = $1"),
            "module: table t, the read policy `n = $1`: the parameter $1 in a policy",
        ),
        (
            reads("m = 1"),
            "module: table t, the read policy `m = 1`: there is no column m (line 1, column 1)",
        ),
        (reads("n IN (SELECT id FROM x)"), "there is no table x (line 1, column 22)"),
        (reads("n"), "the condition of a policy is u64, expected bool"),
        (
            r#","policies":[{"write":"n = "}]"#.to_owned(),
            "module: table t, the write policy `n = `: expected",
        ),
        (r#","force_policies":true"#.to_owned(), "rls(force) is for read policies"),
    ] {
        let answer = server.try_deploy("t", &module(&policies));
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{policies}");
        let found = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(found.contains(detail), "{found}");
    }
}

fn call(client: &mut TestClient, reducer: &str) -> u16 {
    client.call(reducer, "").status
}

#[test]
fn another_versions_policies_hold_at_once() {
    let server = TestServer::start(&["--shards", "2"]);
    server.deploy("t", &module(""));
    let mut ada = server.sign_up("ada@example.com");
    assert_eq!((call(&mut ada, "one"), call(&mut ada, "two")), (200, 200));
    let query = "SELECT n FROM t ORDER BY n";
    assert_eq!(ada.sql(query), json!([[1], [2]]));
    let mut socket = server.socket_of(&ada);
    let (id, rows) = socket.subscribe("SELECT n FROM t");
    server.deploy("t", &module(r#","policies":[{"read":"n = 1"},{"write":"n = 1"}]"#));
    assert_eq!(ada.sql(query), json!([[1]]));
    assert_eq!((call(&mut ada, "one"), call(&mut ada, "two")), (200, 403));
    // Who was subscribed is told to subscribe again, and learns of nothing before.
    let told = socket.wait_for(|message| message["type"] != "welcome");
    assert_eq!(
        (&told["type"], &told["id"], &told["code"]),
        (&json!("error"), &json!(id), &json!("conflict")),
        "{told}"
    );
    let begun =
        socket.ask(json!({"type": "subscribe", "query": "SELECT n FROM t", "since": rows.tx_id}));
    assert_eq!((&begun["resumed"], &begun["rows"]), (&json!(false), &json!([[1], [1]])), "{begun}");
    // Also after a start, where nobody remembers since when it has been so.
    let token = ada.token().unwrap().to_owned();
    let server = server.kill_and_restart();
    let mut ada = server.client_of(&token);
    let mut socket = server.socket_of(&ada);
    let begun =
        socket.ask(json!({"type": "subscribe", "query": "SELECT n FROM t", "since": rows.tx_id}));
    assert_eq!((&begun["resumed"], &begun["rows"]), (&json!(false), &json!([[1], [1]])), "{begun}");
    assert_eq!((call(&mut ada, "one"), call(&mut ada, "two")), (200, 403));
    server.deploy("t", &module(""));
    assert_eq!(ada.sql("SELECT count(*) FROM t"), json!([[4]]));
    assert_eq!(call(&mut ada, "two"), 200);
}
