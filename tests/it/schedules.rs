//! Calls that reducers ask for: each is made once, whatever happens in between.

use std::time::Duration;

use cosmictron_tests::{TestClient, TestServer, counter};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::guest::{ASK, Guest, TABLE_T};

const VALUES: &str = "SELECT value FROM counter ORDER BY id";

/// The hand-written module of `docs/wasm-abi.md`, with the counters `a` and `b`.
fn serve_counters() -> (TestServer, TestClient) {
    let server = TestServer::start(&["--shards", "2"]);
    server.deploy("counters", &counter());
    let mut ada = server.sign_up("ada@example.com");
    assert_eq!(call(&mut ada, "create", &json!(["a"])), 1);
    assert_eq!(call(&mut ada, "create", &json!(["b"])), 2);
    (server, ada)
}

#[track_caller]
fn call(client: &mut TestClient, reducer: &str, arguments: &Value) -> Value {
    let answer = client.call(reducer, &arguments.to_string());
    assert_eq!(answer.status, 200, "{reducer}: {}", answer.body);
    answer.json()["result"].clone()
}

/// Has `add` called after a while.
#[track_caller]
fn add_later(client: &mut TestClient, name: &str, by: i64, after: Duration) {
    let micros = u64::try_from(after.as_micros()).unwrap();
    call(client, "add_later", &json!([name, by, micros]));
}

#[test]
fn a_scheduled_call_is_made_once_and_in_its_turn() {
    let (_server, mut ada) = serve_counters();
    // Distinct bits: a sum says which calls were made, and that none was made twice.
    for bit in 0..20 {
        add_later(&mut ada, "a", 1 << bit, Duration::from_millis(20 - bit));
    }
    add_later(&mut ada, "b", 7, Duration::from_millis(30));
    // Due after all others, so whatever is made has been made when its trace is there.
    ada.wait_for_rows("SELECT value FROM counter WHERE name = 'b'", &json!([[7]]));
    assert_eq!(ada.sql(VALUES), json!([[(1 << 20) - 1], [7]]));
}

#[test]
fn scheduled_calls_survive_kills_and_are_made_exactly_once() {
    const ROUNDS: u32 = 4;
    const CALLS: u32 = 10;
    let (mut server, ada) = serve_counters();
    let token = ada.token().unwrap().to_owned();
    for round in 0..ROUNDS {
        let mut ada = server.client_of(&token);
        for call in 0..CALLS {
            let after = Duration::from_millis(u64::from(call * 3));
            add_later(&mut ada, "a", 1 << (round * CALLS + call), after);
        }
        // Some have been made by now, some are about to be, some are not due.
        server = server.kill_and_restart();
    }
    let mut ada = server.client_of(&token);
    add_later(&mut ada, "b", 1, Duration::from_millis(50));
    ada.wait_for_rows(VALUES, &json!([[(1u64 << (ROUNDS * CALLS)) - 1], [1]]));
}

#[test]
fn a_call_whose_time_passes_while_the_server_is_down_is_made_at_its_start() {
    let (server, mut ada) = serve_counters();
    let token = ada.token().unwrap().to_owned();
    let after = Duration::from_millis(700);
    add_later(&mut ada, "a", 5, after);
    add_later(&mut ada, "a", 6, Duration::from_secs(3600));
    let (_, (folder, flags)) = server.end(Signal::KILL);
    // From here on it is overdue.
    std::thread::sleep(after);
    let server = TestServer::start_in(folder, flags).unwrap();
    let mut ada = server.client_of(&token);
    ada.wait_for_rows(VALUES, &json!([[5], [0]]));
    let server = server.kill_and_restart();
    let mut ada = server.client_of(&token);
    add_later(&mut ada, "b", 1, Duration::ZERO);
    ada.wait_for_rows(VALUES, &json!([[5], [1]]));
}

#[test]
fn a_call_that_fails_is_not_made_again_and_one_of_a_failed_call_never() {
    let (server, mut ada) = serve_counters();
    add_later(&mut ada, "nobody", 1, Duration::ZERO);
    let (_, told) = server.wait_for_line("a scheduled call had no effect");
    assert!(told.contains("there is no counter of this name"), "{told}");

    let guest = Guest::new()
        .item(TABLE_T)
        .reducer("late", "(call $insert_t (i64.const 1))")
        .reducer("asks", ASK)
        .reducer("asks_and_fails", &format!("(drop {ASK}) (unreachable)"));
    server.deploy("late", &guest.wasm());
    assert_eq!(ada.call("asks_and_fails", "").code(), "reducer_failed");
    assert_eq!(ada.call("asks", "").status, 200);
    ada.wait_for_rows("SELECT n FROM t", &json!([[1]]));
    assert!(server.log().iter().all(|line| !line.contains("had no effect")), "made again");
}

#[test]
fn what_is_removed_with_its_data_takes_its_schedules_along() {
    let (server, mut ada) = serve_counters();
    add_later(&mut ada, "a", 1, Duration::from_millis(100));
    let dropped = server.admin().request("DELETE", "/v1/modules/counters?data=drop", &[], b"");
    assert_eq!(dropped.status, 204);
    server.deploy("counters", &counter());
    assert_eq!(call(&mut ada, "create", &json!(["a"])), 1);
    add_later(&mut ada, "a", 10, Duration::from_millis(100));
    ada.wait_for_rows(VALUES, &json!([[10]]));
}

/// A reducer that used its transaction up to the last row left no room for its schedule's end: its work was undone and
/// it was run again at once, for ever, and no other schedule of the shard came to its turn.
#[test]
fn a_scheduled_call_may_use_its_transaction_up() {
    const ROWS: u64 = 100;
    let settings = format!("modules.transaction_rows_max = {ROWS}\n");
    let server = TestServer::start_with(&settings, &["--shards", "1"]);
    let guest = Guest::new()
        .item(TABLE_T)
        .reducer(
            "late",
            "(loop $l (br_if $l (i32.eqz (call $insert_t (i64.const 1))))) (i32.const 0)",
        )
        .reducer("asks", ASK);
    server.deploy("late", &guest.wasm());
    let mut ada = server.sign_up("ada@example.com");
    assert_eq!(ada.call("asks", "").status, 200);
    assert_eq!(ada.call("asks", "").status, 200);
    ada.wait_for_rows("SELECT count(*) FROM t", &json!([[2 * ROWS]]));
}
