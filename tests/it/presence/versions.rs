//! Modules that are deployed, replaced and taken out of service while connections are open.

use cosmictron_tests::{TestClient, TestServer};
use serde_json::json;

use super::{come, metric};
use crate::guest::{Guest, TABLE_T};

const ROWS: &str = "SELECT n FROM t ORDER BY id";

/// Leaves a 1 in `t` when a client comes, and a 2 when it goes; as far as it has these reducers.
fn module(has_connected: bool, has_disconnected: bool) -> Vec<u8> {
    let mut guest = Guest::new().item(TABLE_T);
    if has_connected {
        let kind = r#","kind":"client_connected""#;
        guest = guest.reducer_with("came", kind, "(call $insert_t (i64.const 1))");
    }
    if has_disconnected {
        let kind = r#","kind":"client_disconnected""#;
        guest = guest.reducer_with("went", kind, "(call $insert_t (i64.const 2))");
    }
    guest.wasm()
}

fn serve() -> (TestServer, TestClient) {
    let server = TestServer::start(&["--shards", "2"]);
    let ada = server.sign_up("ada@example.com");
    (server, ada)
}

/// Comes and goes; the module is told of nothing but that.
fn come_and_go(server: &TestServer, ada: &mut TestClient, before: &[u64]) {
    drop(come(server, ada));
    let rows: Vec<_> = before.iter().chain(&[1, 2]).map(|n| json!([n])).collect();
    ada.wait_for_rows(ROWS, &json!(rows));
    assert_eq!(metric(server, "cosmictron_visits_owed"), 0);
}

#[track_caller]
fn undeploy(server: &TestServer, data: &str) {
    let path = format!("/v1/modules/m?data={data}");
    assert_eq!(server.admin().request("DELETE", &path, &[], b"").status, 204);
}

#[test]
fn who_was_there_before_a_module_is_nothing_to_it() {
    let (server, mut ada) = serve();
    let (early, _) = come(&server, &ada);
    server.deploy("m", &module(true, true));
    drop(early);
    come_and_go(&server, &mut ada, &[]);
}

#[test]
fn a_version_without_the_reducer_lets_the_end_pass() {
    let (server, mut ada) = serve();
    server.deploy("m", &module(true, true));
    let (early, _) = come(&server, &ada);
    let (late, _) = come(&server, &ada);
    server.deploy("m", &module(true, false));
    drop(early);
    // Its end is known when nothing of it is left: the next version is not told of it.
    while metric(&server, "cosmictron_visits_ended_total") == 0 {
        std::thread::yield_now();
    }
    server.deploy("m", &module(true, true));
    drop(late);
    ada.wait_for_rows(ROWS, &json!([[1], [1], [2]]));
    come_and_go(&server, &mut ada, &[1, 1, 2]);
}

#[test]
fn a_module_with_one_of_the_reducers_is_told_of_that_alone() {
    let (server, mut ada) = serve();
    server.deploy("m", &module(false, true));
    let (socket, _) = come(&server, &ada);
    assert_eq!(ada.sql(ROWS), json!([]));
    drop(socket);
    ada.wait_for_rows(ROWS, &json!([[2]]));
    server.deploy("m", &module(true, false));
    let (socket, _) = come(&server, &ada);
    assert_eq!(ada.sql(ROWS), json!([[2], [1]]));
    drop(socket);
    server.deploy("m", &module(true, true));
    let ended = "cosmictron_visits_ended_total";
    while metric(&server, ended) < 2 {
        std::thread::yield_now();
    }
}

#[test]
fn an_end_waits_for_a_module_that_is_out_of_service() {
    let (server, mut ada) = serve();
    let token = ada.token().unwrap().to_owned();
    server.deploy("m", &module(true, true));
    let (one, _) = come(&server, &ada);
    let (two, _) = come(&server, &ada);
    undeploy(&server, "keep");
    drop(one);
    while metric(&server, "cosmictron_visits_owed") == 0 {
        std::thread::yield_now();
    }
    server.deploy("m", &module(true, true));
    ada.wait_for_rows(ROWS, &json!([[1], [1], [2]]));
    // And after a start.
    undeploy(&server, "keep");
    let server = server.kill_and_restart();
    drop(two);
    assert_eq!(metric(&server, "cosmictron_visits_owed"), 1);
    server.deploy("m", &module(true, true));
    let mut ada = server.client_of(&token);
    ada.wait_for_rows(ROWS, &json!([[1], [1], [2], [2]]));
    assert_eq!(metric(&server, "cosmictron_visits_owed"), 0);
}

#[test]
fn what_is_removed_with_its_data_is_told_of_no_end() {
    let (server, mut ada) = serve();
    server.deploy("m", &module(true, true));
    let (early, _) = come(&server, &ada);
    undeploy(&server, "drop");
    server.deploy("m", &module(true, true));
    drop(early);
    come_and_go(&server, &mut ada, &[]);
    let token = ada.token().unwrap().to_owned();
    let server = server.kill_and_restart();
    assert_eq!(server.client_of(&token).sql(ROWS), json!([[1], [2]]));
}
