//! `AS OF` on the real server: what was answered for a moment is answered for it again, after a kill too, until it is
//! forgotten.

use std::thread;
use std::time::Duration;

use cosmictron_tests::{TestAnswer, TestClient, TestServer, counter, my_agent};
use serde_json::{Value, json};

use crate::guest::{Guest, TABLE_T};

/// How long a past may take to be forgotten.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// What is asked in each moment; `{}` is where it is named.
const QUERIES: [&str; 4] = [
    "SELECT id, name, value FROM counter{} ORDER BY id",
    "SELECT name, value FROM counter{} WHERE id = 1",
    "SELECT value FROM counter{} WHERE name = 'b'",
    "SELECT count(*), sum(value) FROM counter{}",
];

fn ask(client: &mut TestClient, query: &str, params: Value) -> TestAnswer {
    client.post("/v1/sql", &json!({ "query": query, "params": params }).to_string())
}

fn call(client: &mut TestClient, reducer: &str, arguments: &Value) -> u64 {
    let answer = client.call(reducer, &arguments.to_string());
    assert_eq!(answer.status, 200, "{reducer}: {}", answer.body);
    answer.json()["tx_id"].as_u64().unwrap()
}

fn answers(client: &mut TestClient, moment: &str) -> Vec<Value> {
    QUERIES.iter().map(|query| client.sql(&query.replace("{}", moment))).collect()
}

/// A transaction, and what was answered right after it.
type Moment = (u64, Vec<Value>);

fn check(client: &mut TestClient, seen: &[Moment]) {
    for (tx, expected) in seen {
        assert_eq!(answers(client, &format!(" AS OF TX {tx}")), *expected, "as of {tx}");
        let answer = ask(client, "SELECT count(*) FROM counter AS OF TX $1", json!([tx]));
        assert_eq!(answer.json()["tx_id"], *tx, "{}", answer.body);
    }
}

/// Creates, changes and deletes counters; what is there after each call.
fn live(client: &mut TestClient) -> Vec<Moment> {
    let mut seen = Vec::new();
    for round in 0..12i64 {
        let calls = [
            ("create", json!(["a"])),
            ("create", json!(["b"])),
            ("add", json!(["b", round])),
            ("add", json!(["a", 10 * round])),
            ("remove", json!(["a"])),
            ("add", json!(["b", -2 * round])),
            ("clear", json!([])),
        ];
        for (reducer, arguments) in calls {
            let tx = call(client, reducer, &arguments);
            seen.push((tx, answers(client, "")));
        }
    }
    seen
}

#[test]
fn every_moment_is_answered_as_it_was_after_a_kill_too() {
    let server = TestServer::start(&["--shards", "2"]);
    server.deploy("counters", &counter());
    let mut ada = server.sign_up("ada@example.com");
    let mut seen = live(&mut ada);
    check(&mut ada, &seen);
    let token = ada.token().unwrap().to_owned();
    let server = server.kill_and_restart();
    let mut ada = server.client_of(&token);
    check(&mut ada, &seen);
    seen.extend(live(&mut ada));
    check(&mut ada, &seen);
    let diagnostics = server.admin().get("/v1/health/diagnostics").json();
    let shards = diagnostics["shards"].as_array().unwrap();
    let versions = |shard: &Value| shard["history_versions"].as_u64().unwrap();
    assert!(shards.iter().map(versions).sum::<u64>() > 100, "{diagnostics}");
    let metrics = TestClient::connect(server.metrics(), None).get("/metrics").body;
    assert!(metrics.contains("cosmictron_history_bytes{shard=\"0\"}"), "{metrics}");
}

#[test]
fn the_future_is_refused_and_other_shards_transactions_are_not() {
    let server = TestServer::start(&["--shards", "2"]);
    server.deploy("counters", &counter());
    server.deploy("my-agent", &my_agent());
    let mut ada = server.sign_up("ada@example.com");
    let mine = call(&mut ada, "create", &json!(["a"]));
    let others = call(&mut ada, "record_agent_message", &json!(["s", "user", "hello"]));
    assert!(others > mine);
    let count = "SELECT count(*) FROM counter AS OF TX $1";
    assert_eq!(ask(&mut ada, count, json!([others])).json()["rows"], json!([[1]]));
    assert_eq!(ask(&mut ada, count, json!([mine])).json()["rows"], json!([[1]]));
    let later = call(&mut ada, "create", &json!(["b"]));
    // The transaction in between is as it was.
    assert_eq!(ask(&mut ada, count, json!([others])).json()["rows"], json!([[1]]));
    assert_eq!(ask(&mut ada, count, json!([later])).json()["rows"], json!([[2]]));
    for moment in ["TX 1000000", "TIMESTAMP '2999-01-01T00:00:00Z'"] {
        let refused = ask(&mut ada, &format!("SELECT id FROM counter AS OF {moment}"), json!([]));
        assert_eq!((refused.status, &*refused.code()), (400, "invalid_request"), "{moment}");
    }
    let unclear = ask(&mut ada, count, json!([null]));
    assert_eq!(unclear.status, 400, "{}", unclear.body);
}

#[test]
fn a_time_names_the_last_transaction_up_to_its_millisecond() {
    let server = TestServer::start(&["--shards", "1"]);
    server.deploy("my-agent", &my_agent());
    let mut ada = server.sign_up("ada@example.com");
    for number in 0..20 {
        call(&mut ada, "record_agent_message", &json!(["s", "user", number.to_string()]));
    }
    let token = ada.token().unwrap().to_owned();
    let server = server.kill_and_restart();
    let mut ada = server.client_of(&token);
    let rows = ada.sql("SELECT id, created_at FROM agent_state ORDER BY id");
    let times: Vec<i64> =
        rows.as_array().unwrap().iter().map(|row| row[1].as_i64().unwrap()).collect();
    assert_eq!(times.len(), 20);
    let count = "SELECT count(*) FROM agent_state AS OF TIMESTAMP $1";
    for at in times.iter().flat_map(|at| [at - 1_000, *at, at + 999]).filter(|at| *at <= times[19])
    {
        let expected = times.iter().filter(|time| **time / 1_000 <= at / 1_000).count();
        let found = ask(&mut ada, count, json!([at]));
        assert_eq!(found.json()["rows"], json!([[expected]]), "{at}: {}", found.body);
    }
    let before = ask(&mut ada, count, json!([times[0] - 3_600_000_000i64]));
    assert_eq!((before.status, &*before.code()), (410, "history_expired"), "{}", before.body);
}

/// The oldest transaction that a refusal names.
#[track_caller]
fn oldest(refused: &TestAnswer) -> u64 {
    assert_eq!((refused.status, &*refused.code()), (410, "history_expired"), "{}", refused.body);
    refused.json()["oldest_tx_id"].as_u64().unwrap()
}

#[test]
fn what_has_no_room_is_forgotten_oldest_first() {
    let settings = "storage.history_bytes_max = \"48KiB\"\n";
    let server = TestServer::start_with(settings, &["--shards", "1"]);
    server.deploy("counters", &counter());
    let mut ada = server.sign_up("ada@example.com");
    let first = call(&mut ada, "create", &json!(["a"]));
    let value = "SELECT value FROM counter AS OF TX $1";
    let seen: Vec<(u64, i64)> =
        (1..=1500).map(|value| (call(&mut ada, "add", &json!(["a", 1])), value)).collect();
    let token = ada.token().unwrap().to_owned();
    let check = |server: &TestServer| {
        let mut ada = server.client_of(&token);
        let oldest = oldest(&ask(&mut ada, value, json!([first])));
        assert!(seen[300].0 < oldest && oldest < seen[1499].0, "{oldest}");
        for (tx, value_then) in &seen {
            let found = ask(&mut ada, value, json!([tx]));
            match *tx < oldest {
                true => assert_eq!(found.status, 410, "{tx}"),
                false => assert_eq!(found.json()["rows"], json!([[value_then]]), "{tx}"),
            }
        }
        let diagnostics = server.admin().get("/v1/health/diagnostics").json();
        let shard = &diagnostics["shards"][0];
        assert!(shard["history_bytes"].as_u64().unwrap() <= 48 << 10, "{shard}");
        assert_eq!(shard["history_oldest_tx_id"], oldest);
    };
    check(&server);
    check(&server.kill_and_restart());
}

#[test]
fn what_is_too_old_is_forgotten() {
    let settings = "storage.history_time = \"1s\"\n";
    let server = TestServer::start_with(settings, &["--shards", "1"]);
    server.deploy("counters", &counter());
    let mut ada = server.sign_up("ada@example.com");
    call(&mut ada, "create", &json!(["a"]));
    let before = call(&mut ada, "add", &json!(["a", 1]));
    let after = call(&mut ada, "add", &json!(["a", 1]));
    let value = "SELECT value FROM counter AS OF TX $1";
    let mut found = ask(&mut ada, value, json!([before]));
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        if found.status != 200 {
            break;
        }
        assert_eq!(found.json()["rows"], json!([[1]]));
        thread::sleep(PAUSE);
        found = ask(&mut ada, value, json!([before]));
    }
    assert_eq!(oldest(&found), after);
    assert_eq!(ask(&mut ada, value, json!([after])).json()["rows"], json!([[2]]));
    let diagnostics = server.admin().get("/v1/health/diagnostics").json();
    assert_eq!(diagnostics["shards"][0]["history_versions"], 0, "{diagnostics}");
}

#[test]
fn a_server_without_history_answers_for_the_present() {
    for settings in ["storage.history_bytes_max = \"0B\"\n", "storage.history_time = \"0s\"\n"] {
        let server = TestServer::start_with(settings, &["--shards", "1"]);
        server.deploy("counters", &counter());
        let mut ada = server.sign_up("ada@example.com");
        let first = call(&mut ada, "create", &json!(["a"]));
        let second = call(&mut ada, "create", &json!(["b"]));
        let third = call(&mut ada, "add", &json!(["a", 5]));
        let fourth = call(&mut ada, "create", &json!(["c"]));
        let count = "SELECT count(*) FROM counter AS OF TX $1";
        assert_eq!(oldest(&ask(&mut ada, count, json!([first]))), third);
        assert_eq!(oldest(&ask(&mut ada, count, json!([second]))), third);
        assert_eq!(ask(&mut ada, count, json!([third])).json()["rows"], json!([[2]]));
        assert_eq!(ask(&mut ada, count, json!([fourth])).json()["rows"], json!([[3]]));
    }
}

/// A table that gets a column is written again, and can be read from there on.
#[test]
fn a_changed_table_begins_anew() {
    let server = TestServer::start(&["--shards", "1"]);
    let guest =
        |table: &str| Guest::new().item(table).reducer("add", "(call $insert_t (i64.const 7))");
    server.deploy("changing", &guest(TABLE_T).wasm());
    let mut ada = server.sign_up("ada@example.com");
    let first = call(&mut ada, "add", &json!([]));
    let second = call(&mut ada, "add", &json!([]));
    let count = "SELECT count(*) FROM t AS OF TX $1";
    // The same module again changes nothing.
    server.deploy("changing", &guest(TABLE_T).wasm());
    assert_eq!(ask(&mut ada, count, json!([first])).json()["rows"], json!([[1]]));
    let note = r#"{"name":"n","type":"u64"},{"name":"note","type":{"option":"string"}}"#;
    server
        .deploy("changing", &guest(&TABLE_T.replace(r#"{"name":"n","type":"u64"}"#, note)).wasm());
    let oldest = oldest(&ask(&mut ada, count, json!([first])));
    assert!(oldest > first && oldest >= second, "{oldest}");
    assert_eq!(ask(&mut ada, count, json!([oldest])).json()["rows"], json!([[2]]));
}
