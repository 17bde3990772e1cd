//! The memory that rows may take: when it is full rows are refused, and nothing else.

use cosmictron_tests::{TestClient, TestServer};
use serde_json::{Value, json};

use crate::guest::{ASK, Guest, TABLE_B};

const COUNT: &str = "SELECT count(*) FROM b";

/// A server with 1 MiB for rows, and a caller of a module that fills and empties them.
fn serve() -> (TestServer, TestClient) {
    let settings = "storage.memory_bytes_max = \"1MiB\"\n";
    let server = TestServer::start_with(settings, &["--shards", "1"]);
    let insert = "(call $insert_b (i32.const 60000))";
    let fill = format!("(loop $l (br_if $l (i32.eqz {insert}))) (i32.const 0)");
    let add = format!("(if {insert} (then (return (call $fail_with_error)))) (i32.const 0)");
    let guest = Guest::new()
        .item(TABLE_B)
        .reducer("fill", &fill)
        .reducer("asks_and_fills", &format!("(if {ASK} (then (unreachable))) {fill}"))
        .reducer("add", &add)
        .reducer("late", &add)
        // A key of no columns: every row.
        .reducer(
            "clear",
            "(i32.store8 (i32.const 64) (i32.const 0))
             (if (i64.lt_s (call $delete (call $b) (i32.const 0) (i32.const 64) (i32.const 1)) (i64.const 0))
                (then (return (call $fail_with_error))))
             (i32.const 0)",
        );
    server.deploy("hoard", &guest.wasm());
    let ada = server.sign_up("ada@example.com");
    (server, ada)
}

#[track_caller]
fn call(client: &mut TestClient, reducer: &str) -> Value {
    let answer = client.call(reducer, "");
    assert_eq!(answer.status, 200, "{reducer}: {}", answer.body);
    client.sql(COUNT)
}

/// Fills the memory; how many rows are in it then.
fn fill(client: &mut TestClient) -> Value {
    let mut rows = call(client, "fill");
    loop {
        // A transaction has its own limit, so it takes several.
        let more = call(client, "fill");
        if more == rows {
            return rows;
        }
        rows = more;
    }
}

/// The limit was lifted to follow the log at the start, and was never put back: rows took all the memory there was.
#[test]
fn a_full_memory_refuses_rows_and_nothing_else() {
    let (server, mut ada) = serve();
    let token = ada.token().unwrap().to_owned();
    let rows = fill(&mut ada);
    let count = rows[0][0].as_u64().unwrap();
    assert!((4..=17).contains(&count), "{count} rows of 60,000 bytes in 1 MiB");
    let refused = ada.call("add", "");
    assert_eq!((refused.status, &*refused.code()), (507, "out_of_space"), "{}", refused.body);
    assert_eq!(ada.sql(COUNT), rows);
    assert_eq!(server.client().get("/v1/health").status, 200);

    let server = server.kill_and_restart();
    let mut ada = server.client_of(&token);
    assert_eq!(ada.sql(COUNT), rows);
    assert_eq!(ada.call("add", "").code(), "out_of_space");
    assert_eq!(call(&mut ada, "clear"), json!([[0]]));
    assert_eq!(call(&mut ada, "add"), json!([[1]]));
}

/// A scheduled call that found the memory full was dropped, as if its reducer had refused: what the server lacks for a
/// while is not the call's doing, so now it waits.
#[test]
fn a_scheduled_call_waits_for_memory() {
    let (server, mut ada) = serve();
    let rows = fill(&mut ada);
    call(&mut ada, "clear");
    // All but what a single transaction can fill, schedule included.
    for _ in 4..rows[0][0].as_u64().unwrap() {
        call(&mut ada, "add");
    }
    call(&mut ada, "asks_and_fills");
    server.wait_for_line("a scheduled call has to wait");
    assert_eq!(call(&mut ada, "clear"), json!([[0]]));
    ada.wait_for_rows(COUNT, &json!([[1]]));
}
