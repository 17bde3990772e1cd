//! New versions of a module: what rows follow, what they cannot follow, and callers that notice nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cosmictron_tests::{TestClient, TestServer};
use serde_json::{Value, json};

use crate::guest::{Guest, TABLE_T};

/// A version of the module whose table `t` is declared by these words. `add` inserts a row where `n` is 5.
fn version(table: &str, more: &str) -> Vec<u8> {
    let mut guest = Guest::new().item(table).reducer("add", "(call $insert_t (i64.const 5))");
    if !more.is_empty() {
        guest = guest.item(more);
    }
    guest.wasm()
}

/// `t` with these columns and indexes beside its primary key.
fn table(columns: &str, indexes: &str) -> String {
    format!(
        r#"{{"table":{{"name":"t","public":true,"columns":[{{"name":"id","type":"u64","auto_inc":true}}{columns}],
        "indexes":[{{"name":"id","columns":["id"],"primary":true}}{indexes}]}}}}"#
    )
}

const N: &str = r#",{"name":"n","type":"u64"}"#;
const U: &str = r#"{"table":{"name":"u","public":true,"columns":[{"name":"a","type":"string"}]}}"#;

/// A server with two rows in `t`, and a caller.
fn serve() -> (TestServer, TestClient) {
    let server = TestServer::start(&["--shards", "2"]);
    server.deploy("m", &version(TABLE_T, ""));
    let mut ada = server.sign_up("ada@example.com");
    for _ in 0..2 {
        assert_eq!(ada.call("add", "").status, 200);
    }
    (server, ada)
}

#[test]
fn rows_follow_what_they_can() {
    let (server, mut ada) = serve();
    let token = ada.token().unwrap().to_owned();
    let note = r#",{"name":"note","type":{"option":"string"}}"#;
    let by_n = r#",{"name":"by_n","columns":["n"]}"#;
    let unique = r#",{"name":"one","columns":["id","n"],"unique":true}"#;
    let described = |client: &mut TestClient| client.get("/v1/modules/m").json();
    let first = described(&mut ada)["version"].clone();
    let steps = [
        ("a table comes", version(TABLE_T, U)),
        ("an optional column comes", version(&table(&[N, note].concat(), by_n), U)),
        ("an index goes", version(&table(&[N, note].concat(), ""), U)),
        ("a unique index comes", version(&table(&[N, note].concat(), unique), U)),
        ("an empty table goes", version(&table(&[N, note].concat(), unique), "")),
    ];
    for (what, wasm) in &steps {
        let answer = server.try_deploy("m", wasm);
        assert_eq!(answer.status, 200, "{what}: {}", answer.body);
        assert_eq!(ada.sql("SELECT id, n FROM t ORDER BY id"), json!([[1, 5], [2, 5]]), "{what}");
    }
    assert_ne!(described(&mut ada)["version"], first);
    let absent = json!([[1, 5, null], [2, 5, null]]);
    assert_eq!(ada.sql("SELECT * FROM t ORDER BY id"), absent);
    let server = server.kill_and_restart();
    let mut ada = server.client_of(&token);
    assert_eq!(ada.sql("SELECT * FROM t ORDER BY id"), absent);
    assert_eq!(
        described(&mut ada)["version"],
        server.try_deploy("m", &steps[4].1).json()["version"]
    );
}

#[test]
fn what_rows_cannot_follow_is_refused_with_every_difference() {
    let (server, mut ada) = serve();
    let before = ada.get("/v1/modules/m").body;
    let changes: [(&str, String, &[&str]); 7] = [
        ("a column goes", table("", ""), &["table t: column n is gone"]),
        (
            "a type changes",
            table(r#",{"name":"n","type":"string"}"#, ""),
            &["table t: column n was u64 and would be string"],
        ),
        (
            "a column that is needed comes",
            table(&[N, r#",{"name":"x","type":"u64"}"#].concat(), ""),
            &["table t: new column x is not an option, and there are rows without it"],
        ),
        (
            "columns change places",
            r#"{"table":{"name":"t","columns":[{"name":"n","type":"u64"},{"name":"id","type":"u64","auto_inc":true}],
                "indexes":[{"name":"id","columns":["id"],"primary":true}]}}"#
                .to_owned(),
            &["column id has moved", "column n has moved"],
        ),
        (
            "what is not unique becomes it",
            table(N, r#",{"name":"one","columns":["n"],"unique":true}"#),
            &["table t: rows have the same one"],
        ),
        (
            "rows become events",
            TABLE_T.replace(r#""public":true"#, r#""public":true,"event":true"#),
            &["table t: it would change between append-only and not"],
        ),
        ("the table goes", U.to_owned(), &["table t: it is gone, and there are rows in it"]),
    ];
    for (what, table, differences) in changes {
        let refused = server.try_deploy("m", &version(&table, ""));
        assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"), "{what}");
        let told = refused.json()["differences"].clone();
        let told: Vec<_> = told.as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(told.len(), differences.len(), "{what}: {told:?}");
        for difference in differences {
            assert!(told.iter().any(|told| told.contains(difference)), "{what}: {told:?}");
        }
        assert_eq!(ada.get("/v1/modules/m").body, before, "{what}");
        assert_eq!(ada.call("add", "").status, 200, "{what}");
    }
    assert_eq!(ada.sql("SELECT count(*) FROM t"), json!([[9]]));
    assert_eq!(ada.sql("SELECT count(*) FROM t WHERE n = 5"), json!([[9]]));
}

#[test]
fn an_init_runs_once_and_a_failing_one_leaves_nothing() {
    let server = TestServer::start(&["--shards", "2"]);
    let mut ada = server.sign_up("ada@example.com");
    let with_init = |body: &str, more: &str| {
        let init = format!(
            r#"(func (export "cosm_reducer_begin") (param i32 i32) (result i32)
               (drop (call $insert_t (i64.const 1))) {body})"#
        );
        let schema = r#"{"reducer":{"name":"begin","kind":"init"}}"#;
        Guest::new().item(TABLE_T).item(schema).text(&init).text(more).wasm()
    };
    let refused = server.try_deploy("m", &with_init("(unreachable)", ""));
    assert_eq!((refused.status, refused.code().as_str()), (422, "reducer_failed"));
    assert_eq!(ada.get("/v1/modules/m").code(), "not_found");
    assert_eq!(ada.get("/v1/modules").json()["modules"], json!([]));

    assert_eq!(server.try_deploy("m", &with_init("(i32.const 0)", "")).status, 201);
    assert_eq!(ada.sql("SELECT count(*) FROM t"), json!([[1]]));
    // Another version: `init` belongs to the data, not to the code.
    let next = with_init("(i32.const 0)", "(global i32 (i32.const 1))");
    assert_eq!(server.try_deploy("m", &next).status, 200);
    assert_eq!(ada.sql("SELECT count(*) FROM t"), json!([[1]]));
    assert_eq!(ada.call("begin", "").code(), "forbidden");
}

#[test]
fn a_call_under_way_is_not_lost_to_a_new_version() {
    const WRITERS: usize = 3;
    const VERSIONS: usize = 40;
    let (server, mut ada) = serve();
    let versions = [version(TABLE_T, ""), version(TABLE_T, U)];
    let done = AtomicBool::new(false);
    let called: usize = thread::scope(|scope| {
        let call = || {
            let (mut client, done) = (ada.again(), &done);
            scope.spawn(move || {
                let mut calls = 0;
                while !done.load(Ordering::Relaxed) {
                    let answer = client.call("m/add", "");
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    calls += 1;
                }
                calls
            })
        };
        let writers: Vec<_> = (0..WRITERS).map(|_| call()).collect();
        for number in 0..VERSIONS {
            server.deploy("m", &versions[number % 2]);
        }
        done.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    assert!(called > VERSIONS, "{called} calls are no load");
    assert_eq!(ada.sql("SELECT count(*) FROM t"), json!([[called + 2]]));
}

#[test]
fn a_module_that_comes_back_takes_up_its_rows() {
    let (server, mut ada) = serve();
    let token = ada.token().unwrap().to_owned();
    let mut admin = server.admin();
    let mut remove =
        |query: &str| admin.request("DELETE", &format!("/v1/modules/m{query}"), &[], b"");
    assert_eq!(remove("?data=burn").code(), "invalid_request");
    assert_eq!(remove("?data=keep").status, 204);
    assert_eq!(ada.call("add", "").code(), "not_found");
    // Removed without its data, it is still the name's: what comes back has to fit.
    assert_eq!(server.try_deploy("m", &version(&table("", ""), "")).code(), "conflict");
    let server = server.kill_and_restart();
    let mut ada = server.client_of(&token);
    assert_eq!(ada.call("add", "").code(), "not_found");
    assert_eq!(server.try_deploy("m", &version(TABLE_T, "")).status, 201);
    assert_eq!(ada.call("add", "").status, 200);
    assert_eq!(ada.sql("SELECT id FROM t ORDER BY id"), json!([[1], [2], [3]]));

    let mut admin = server.admin();
    let mut remove =
        |query: &str| admin.request("DELETE", &format!("/v1/modules/m{query}"), &[], b"");
    assert_eq!(remove("?data=drop").status, 204);
    assert_eq!(remove("?data=drop").code(), "not_found");
    let server = server.kill_and_restart();
    let mut ada = server.client_of(&token);
    assert_eq!(ada.get("/v1/modules").json()["modules"], json!([]));
    assert_eq!(server.try_deploy("m", &version(&table("", ""), "")).status, 201);
    assert_eq!(ada.sql("SELECT count(*) FROM t"), json!([[0]]));
}
