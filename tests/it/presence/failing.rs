//! Reducers that refuse or break, and a server that has no room for what they do.

use cosmictron_tests::{TestServer, sdk_checks};
use serde_json::json;

use super::{TOLD, come, metric, occasions, serve, set_mood, wait_for_here, welcomed};
use crate::guest::{Guest, TABLE_B};

#[test]
fn a_refusal_is_told_undone_and_locks_nobody_out() {
    let (server, mut ada) = serve("", 2);
    server.deploy("other", &sdk_checks());
    for (mood, words) in [("refuse", "connected is not liked"), ("panic", "connected breaks")] {
        let answer = ada.call("checks/set_mood", &json!(["connected", mood]).to_string());
        assert_eq!(answer.status, 200, "{}", answer.body);
        let mut socket = server.socket_of(&ada);
        let id = welcomed(&mut socket);
        let error = socket.message().unwrap();
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("reducer_failed")));
        assert!(error.get("id").is_none(), "{error}");
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.starts_with("client_connected of module checks: "), "{detail}");
        assert!(detail.ends_with(words), "{detail}");
        // The connection goes on, and the other module knows it.
        socket.send(&json!({"type": "query", "id": 1, "query": "SELECT 1"}));
        assert_eq!(socket.message().unwrap()["rows"], json!([[1]]));
        let know = |module: &str| {
            format!("SELECT count(*) FROM {module}.occasions WHERE connection = '{id}'")
        };
        assert_eq!(ada.sql(&know("checks")), json!([[0]]));
        assert_eq!(ada.sql(&know("other")), json!([[1]]));
        drop(socket);
        ada.wait_for_rows(&know("other"), &json!([[2]]));
        assert_eq!(ada.sql(&know("checks")), json!([[0]]), "it never came, so it does not go");
    }
}

#[test]
fn an_end_that_fails_has_been_told_all_the_same() {
    let (server, mut ada) = serve("", 2);
    let token = ada.token().unwrap().to_owned();
    let mut stay = Vec::new();
    for (mood, words) in [("refuse", "disconnected is not liked"), ("panic", "disconnected breaks")]
    {
        set_mood(&mut ada, "disconnected", mood);
        let (socket, id) = come(&server, &ada);
        drop(socket);
        let (_, line) = server.wait_for_line("client_disconnected had no effect");
        assert!(line.contains(words) && line.contains(&id), "{line}");
        stay.push(id);
    }
    let ids: Vec<&str> = stay.iter().map(String::as_str).collect();
    wait_for_here(&mut ada, &ids);
    // It is not tried again, neither now nor after a start.
    let server = server.kill_and_restart();
    let mut ada = server.client_of(&token);
    set_mood(&mut ada, "disconnected", "");
    let (socket, id) = come(&server, &ada);
    drop(socket);
    wait_for_here(&mut ada, &ids);
    assert_eq!(occasions(&mut ada, &id), TOLD);
    for id in ids {
        assert_eq!(occasions(&mut ada, id), ["connected"]);
    }
    assert_eq!(metric(&server, "cosmictron_visits_owed"), 0);
}

/// What the server lacks for a while is nobody's refusal: the client may come again, and an end waits.
#[test]
fn who_cannot_be_introduced_may_come_again_and_an_end_waits_for_room() {
    let settings = "storage.memory_bytes_max = \"1MiB\"\n";
    let server = TestServer::start_with(settings, &["--shards", "1"]);
    let add = "(if (call $insert_b (i32.const 60000)) (then (return (call $fail_with_error))))
        (i32.const 0)";
    let guest = Guest::new()
        .item(TABLE_B)
        .reducer_with("came", r#","kind":"client_connected""#, add)
        .reducer_with("went", r#","kind":"client_disconnected""#, add)
        .reducer(
            "fill",
            "(loop $l (br_if $l (i32.eqz (call $insert_b (i32.const 60000))))) (i32.const 0)",
        )
        .reducer(
            "clear",
            "(i32.store8 (i32.const 64) (i32.const 0))
             (drop (call $delete (call $b) (i32.const 0) (i32.const 64) (i32.const 1))) (i32.const 0)",
        );
    server.deploy("hoard", &guest.wasm());
    let mut ada = server.sign_up("ada@example.com");
    let (mut first, _) = come(&server, &ada);
    let count = "SELECT count(*) FROM b";
    let mut rows = json!(null);
    // A transaction has its own limit, so it takes several.
    while ada.sql(count) != rows {
        rows = ada.sql(count);
        assert_eq!(ada.call("fill", "").status, 200);
    }
    let mut second = server.socket_of(&ada);
    assert_eq!(second.wait_for_close(), (1013, Vec::new()));
    assert_eq!(first.ask(json!({"type": "query", "query": "SELECT 1"}))["rows"], json!([[1]]));
    drop(first);
    server.wait_for_line("the end of a connection has to wait");
    assert_eq!(metric(&server, "cosmictron_visits_owed"), 1);
    assert_eq!(ada.call("clear", "").status, 200);
    ada.wait_for_rows(count, &json!([[1]]));
    assert_eq!(metric(&server, "cosmictron_visits_owed"), 0);
    let (third, _) = come(&server, &ada);
    drop(third);
    ada.wait_for_rows(count, &json!([[3]]));
}
