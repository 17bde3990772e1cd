//! New versions of a module whose tables are spread: as in `redeploy.rs`, on all shards at once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cosmictron_tests::{TestAnswer, TestClient, TestServer};
use serde_json::{Value, json};

use crate::guest::Guest;

/// Rows that the tests begin with: enough that each of the shards has some.
const ROWS: u64 = 24;
const SHARDS: &str = "3";

/// A version of the module.
#[derive(Clone, Copy)]
struct Version<'a> {
    /// Of `t` beside `id` and `n`.
    columns: &'a str,
    /// Of `t` beside its primary key.
    indexes: &'a str,
    /// What spreads `t`; nothing, if it is empty.
    shard_by: &'a str,
    /// What routes `add`, as JSON; nothing does if `t` is not spread.
    route: &'a str,
    /// Whether it has `u`, which is spread as well.
    has_u: bool,
}

const FIRST: Version<'_> =
    Version { columns: "", indexes: "", shard_by: "n", route: r#"["n"]"#, has_u: false };
const NOTED: Version<'_> =
    Version { columns: r#",{"name":"note","type":{"option":"u64"}}"#, ..FIRST };

impl Version<'_> {
    /// `add(n, m)` inserts a row.
    fn wasm(&self) -> Vec<u8> {
        let Version { columns, indexes, shard_by, route, has_u } = self;
        let (shard_by, route) = match *shard_by {
            "" => (String::new(), "[]"),
            column => (format!(r#","shard_by":"{column}""#), *route),
        };
        let t = format!(
            r#"{{"table":{{"name":"t","public":true,"columns":[{{"name":"id","type":"u64","auto_inc":true}},
            {{"name":"n","type":"u64"}}{columns}],
            "indexes":[{{"name":"id","columns":["id"],"primary":true}}{indexes}]{shard_by}}}}}"#
        );
        let u = r#"{"table":{"name":"u","public":true,"columns":[{"name":"a","type":"string"}],"shard_by":"a"}}"#;
        let members = format!(
            r#","params":[{{"name":"n","type":"u64"}},{{"name":"m","type":"u64"}}],"shard_by":{route}"#
        );
        // An absent option of a u64 is nine zeros.
        let bytes = if columns.is_empty() { 16 } else { 25 };
        let body = format!(
            "(i32.store (i32.const 64) (i32.const {bytes}))
            (i64.store (i32.const 76) (i64.load offset=80 (local.get $input)))
            (if (call $insert (call $t) (i32.const 64) (i32.const {}))
                (then (return (call $fail_with_error))))
            (i64.store (i32.const 68) (i64.const 0)) (i32.const 0)",
            bytes + 4
        );
        let guest = Guest::new().item(&t).reducer_with("add", &members, &body);
        if *has_u { guest.item(u).wasm() } else { guest.wasm() }
    }
}

/// A server with rows in `t` whose `n` are 0 and so on, and a caller.
fn serve(version: Version<'_>) -> (TestServer, TestClient) {
    let server = TestServer::start(&["--shards", SHARDS]);
    server.deploy("m", &version.wasm());
    let mut ada = server.sign_up("ada@example.com");
    for n in 0..ROWS {
        assert_eq!(add(&mut ada, n, 0).status, 200);
    }
    (server, ada)
}

fn add(client: &mut TestClient, n: u64, m: u64) -> TestAnswer {
    client.call("m/add", &json!([n, m]).to_string())
}

/// How many rows `t` has, each with an id of its own.
#[track_caller]
fn count(client: &mut TestClient) -> u64 {
    let rows = client.sql("SELECT id FROM t");
    let ids: BTreeSet<u64> =
        rows.as_array().unwrap().iter().map(|row| row[0].as_u64().unwrap()).collect();
    assert_eq!(client.sql("SELECT count(*) FROM t"), json!([[ids.len()]]));
    ids.len() as u64
}

#[test]
fn a_column_and_a_table_come_on_all_shards() {
    let (server, mut ada) = serve(FIRST);
    let token = ada.token().unwrap().to_owned();
    let noted = Version { has_u: true, ..NOTED };
    assert_eq!(server.try_deploy("m", &noted.wasm()).status, 200);
    let absent = json!([[ROWS, 0]]);
    assert_eq!(ada.sql("SELECT count(*), count(note) FROM t"), absent);
    assert_eq!(ada.sql("SELECT count(*) FROM u"), json!([[0]]));
    let server = server.kill_and_restart();
    let mut ada = server.client_of(&token);
    assert_eq!(ada.sql("SELECT count(*), count(note) FROM t"), absent);
    for n in 0..ROWS {
        assert_eq!(add(&mut ada, n, 0).status, 200);
        let of_n = format!("SELECT count(*) FROM t WHERE n = {n} AND note IS NULL");
        assert_eq!(ada.sql(&of_n), json!([[2]]));
    }
    // Empty on every shard, it may go.
    assert_eq!(server.try_deploy("m", &NOTED.wasm()).status, 200);
    assert_eq!(count(&mut ada), 2 * ROWS);
}

#[test]
fn what_rows_on_any_shard_cannot_follow_is_refused_with_the_reasons() {
    let (server, mut ada) = serve(FIRST);
    // Two rows with the same `n` are on the same shard, which is not asked first.
    assert_eq!(add(&mut ada, ROWS - 1, 0).status, 200);
    let before = ada.get("/v1/modules/m").body;
    let unique = |columns: &str| format!(r#",{{"name":"one","columns":{columns},"unique":true}}"#);
    let changes = [
        ("another column", Version { shard_by: "id", ..FIRST }, &["shard_by would change"][..]),
        ("no column", Version { shard_by: "", ..FIRST }, &["shard_by would change"]),
        (
            "a unique index by what spreads",
            Version { indexes: &unique(r#"["n"]"#), ..FIRST },
            &["rows have the same one"],
        ),
        (
            "a unique index across shards",
            Version { indexes: &unique(r#"["note"]"#), ..NOTED },
            &["rows of other shards can have the same one"],
        ),
        (
            "a column that is needed",
            Version { columns: r#",{"name":"x","type":"u64"}"#, ..FIRST },
            &["new column x is not an option"],
        ),
        (
            "several",
            Version { shard_by: "id", columns: r#",{"name":"x","type":"u64"}"#, ..FIRST },
            &["shard_by would change", "new column x is not an option"],
        ),
    ];
    for (what, version, differences) in changes {
        let refused = server.try_deploy("m", &version.wasm());
        assert_eq!(
            (refused.status, &*refused.code()),
            (409, "conflict"),
            "{what}: {}",
            refused.body
        );
        let told = refused.json()["differences"].clone();
        let told: Vec<_> = told.as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(told.len(), differences.len(), "{what}: {told:?}");
        for difference in differences {
            let is_it = |told: &&&str| told.starts_with("table t: ") && told.contains(difference);
            assert!(told.iter().find(is_it).is_some(), "{what}: {told:?}");
        }
        assert_eq!(ada.get("/v1/modules/m").body, before, "{what}");
        assert_eq!(add(&mut ada, ROWS, 0).status, 200, "{what}: the old version goes on");
    }
    let rows = ROWS + 1 + 6;
    assert_eq!(count(&mut ada), rows);
}

#[test]
fn a_table_without_rows_follows_everything() {
    let server = TestServer::start(&["--shards", SHARDS]);
    let mut ada = server.sign_up("ada@example.com");
    let unique = r#",{"name":"one","columns":["note"],"unique":true}"#;
    let versions = [
        FIRST,
        Version { shard_by: "id", ..FIRST },
        Version { shard_by: "", ..FIRST },
        Version { indexes: unique, ..NOTED },
        Version { shard_by: "", indexes: unique, ..NOTED },
        NOTED,
    ];
    for version in versions {
        server.deploy("m", &version.wasm());
    }
    for n in 0..ROWS {
        assert_eq!(add(&mut ada, n, 0).status, 200);
    }
    assert_eq!(count(&mut ada), ROWS);
}

#[test]
fn calls_under_way_on_all_shards_are_not_lost_to_new_versions() {
    const WRITERS: u64 = 4;
    const VERSIONS: usize = 24;
    let (server, mut ada) = serve(FIRST);
    let both = Version { has_u: true, route: r#"["n","m"]"#, ..NOTED };
    let versions = [NOTED, both, Version { route: "[]", ..NOTED }].map(|version| version.wasm());
    let done = AtomicBool::new(false);
    let called: u64 = thread::scope(|scope| {
        let call = |writer| {
            let (mut client, done) = (ada.again(), &done);
            scope.spawn(move || {
                let mut calls = 0;
                while !done.load(Ordering::Relaxed) {
                    let answer = add(&mut client, calls * WRITERS + writer, calls);
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    calls += 1;
                }
                calls
            })
        };
        let writers: Vec<_> = (0..WRITERS).map(call).collect();
        for number in 0..VERSIONS {
            server.deploy("m", &versions[number % versions.len()]);
        }
        done.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    assert!(called > VERSIONS as u64, "{called} calls are no load");
    let rows = called + ROWS;
    assert_eq!(count(&mut ada), rows);
    let token = ada.token().unwrap().to_owned();
    let server = server.kill_and_restart();
    assert_eq!(count(&mut server.client_of(&token)), rows);
}

/// Its entries lie in a hidden table, which was missed as a table of the module with rows in it.
#[test]
fn a_unique_index_across_shards_goes() {
    let unique = r#",{"name":"one","columns":["n"],"unique":true}"#;
    let spread =
        Version { columns: r#",{"name":"m","type":{"option":"u64"}}"#, shard_by: "id", ..FIRST };
    let (server, mut ada) = serve(Version { indexes: unique, ..spread });
    let token = ada.token().unwrap().to_owned();
    for n in 0..ROWS {
        assert_eq!(add(&mut ada, n, 0).code(), "reducer_failed");
    }
    assert_eq!(server.try_deploy("m", &spread.wasm()).status, 200);
    for n in 0..ROWS {
        assert_eq!(add(&mut ada, n, 0).status, 200);
    }
    let server = server.kill_and_restart();
    assert_eq!(count(&mut server.client_of(&token)), 2 * ROWS);
}

/// An answer is kept where the call started. A version that starts it elsewhere has to look there, too.
#[test]
fn a_key_is_known_to_versions_that_route_the_call_another_way() {
    let (mut server, ada) = serve(FIRST);
    let token = ada.token().unwrap().to_owned();
    let routes = [r#"["m"]"#, "[]", r#"["m","n"]"#, r#"["n"]"#];
    let mut answered: Vec<(String, Value, Value)> = Vec::new();
    let ask = |client: &mut TestClient, key: &str, arguments: &Value| {
        let body = arguments.to_string();
        let headers = [("Idempotency-Key", key)];
        let answer = client.request("POST", "/v1/reducers/m/add", &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["tx_id"].clone()
    };
    for (number, route) in routes.iter().enumerate() {
        let mut ada = server.client_of(&token);
        for call in 0..8u64 {
            let (key, arguments) = (format!("{number}-{call}"), json!([100 + call, 7 * call]));
            let tx = ask(&mut ada, &key, &arguments);
            answered.push((key, arguments, tx));
        }
        server.deploy("m", &Version { route, ..FIRST }.wasm());
        if number % 2 == 1 {
            server = server.kill_and_restart();
        }
        let mut ada = server.client_of(&token);
        for (key, arguments, tx) in &answered {
            assert_eq!(ask(&mut ada, key, arguments), *tx, "{key} after {route}");
        }
    }
    let rows = ROWS + answered.len() as u64;
    assert_eq!(count(&mut server.client_of(&token)), rows);
}

#[test]
fn a_spread_module_that_comes_back_takes_up_its_rows_unless_they_were_dropped() {
    let (server, ada) = serve(FIRST);
    let token = ada.token().unwrap().to_owned();
    let remove = |server: &TestServer, query: &str| {
        server.admin().request("DELETE", &format!("/v1/modules/m{query}"), &[], b"").status
    };
    assert_eq!(remove(&server, "?data=keep"), 204);
    let server = server.kill_and_restart();
    let mut ada = server.client_of(&token);
    assert_eq!(add(&mut ada, 1, 0).code(), "not_found");
    let other = Version { shard_by: "id", ..FIRST };
    assert_eq!(server.try_deploy("m", &other.wasm()).code(), "conflict");
    assert_eq!(server.try_deploy("m", &NOTED.wasm()).status, 201);
    assert_eq!(add(&mut ada, 1, 0).status, 200);
    assert_eq!(count(&mut ada), ROWS + 1);

    assert_eq!(remove(&server, "?data=drop"), 204);
    let server = server.kill_and_restart();
    let mut ada = server.client_of(&token);
    assert_eq!(ada.get("/v1/modules").json()["modules"], json!([]));
    // Nothing is left on any shard that other tables of the same names would not fit.
    assert_eq!(server.try_deploy("m", &other.wasm()).status, 201);
    assert_eq!(count(&mut ada), 0);
    for n in 0..ROWS {
        assert_eq!(add(&mut ada, n, 0).status, 200);
    }
    assert_eq!(count(&mut ada), ROWS);
    assert_eq!(remove(&server, "?data=drop"), 204);
    server.deploy("m", &FIRST.wasm());
    assert_eq!(count(&mut ada), 0);
}

/// What the compiler refuses of a module in Rust, the server refuses of any.
#[test]
fn a_declaration_that_cannot_place_rows_is_refused_by_its_place() {
    let server = TestServer::start(&["--shards", "2"]);
    let table = |columns: &str, shard_by: &str| {
        format!(
            r#"{{"table":{{"name":"x","columns":[{columns}],"indexes":[{{"name":"id","columns":["id"],"primary":true}}],
            "shard_by":"{shard_by}"}}}}"#
        )
    };
    let reducer = |ty: &str, route: &str| {
        format!(
            r#"{{"reducer":{{"name":"r","params":[{{"name":"to","type":{ty}}}],"shard_by":{route}}}}}"#
        )
    };
    let id = r#"{"name":"id","type":"u64","auto_inc":true}"#;
    let refused = [
        (table(id, "nope"), "table x, shard_by: there is no column nope"),
        (
            table(&format!(r#"{id},{{"name":"o","type":{{"option":"u64"}}}}"#), "o"),
            "table x, shard_by: what places rows on a shard is never absent",
        ),
        (
            table(&format!(r#"{id},{{"name":"l","type":{{"list":"u64"}}}}"#), "l"),
            "table x, shard_by: what places rows on a shard is a bool",
        ),
        (table(&id.replace("u64", "u16"), "id"), "table x, shard_by, column id: auto_inc"),
        (reducer(r#""u64""#, r#"["form"]"#), "reducer r, shard_by: there is no argument form"),
        (
            reducer(r#""u64""#, r#"["to","to"]"#),
            "reducer r, shard_by, argument to is declared twice",
        ),
        (
            reducer(r#"{"option":"u64"}"#, r#"["to"]"#),
            "reducer r, shard_by, argument to: what places rows on a shard is never absent",
        ),
        (
            reducer(r#""u64""#, r#"["to"]"#),
            "reducer r, shard_by, argument to: no table of this module is spread over shards",
        ),
    ];
    for (item, place) in refused {
        let answer = server.try_deploy("m", &Guest::new().item(&item).wasm());
        assert_eq!((answer.status, &*answer.code()), (400, "invalid_request"), "{item}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(place), "{item}: {detail}");
    }
}
