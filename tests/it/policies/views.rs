//! Views, by `examples/rooms`: what they show to whom, on one shard and on several; what is refused.

use cosmictron_tests::rooms_example;
use serde_json::json;

use super::{Rooms, SHARDS, called};
use crate::guest::{Guest, TABLE_T};

#[test]
fn a_view_shows_what_its_caller_may_see_and_one_of_the_definer_all() {
    for shards in SHARDS {
        let mut rooms = Rooms::open(shards);
        let aloud = "SELECT text FROM aloud";
        assert_eq!(rooms.ada.sql(aloud), json!([["again"]]));
        assert_eq!(rooms.eve.sql(aloud), json!([]));
        assert_eq!(rooms.all(aloud), json!([["again"]]));
        let mine = "SELECT room, is_host FROM rooms.membership ORDER BY room";
        assert_eq!(rooms.ada.sql(mine), json!([[1, true]]));
        assert_eq!(rooms.bob.sql(mine), json!([[1, false], [2, true]]));
        assert_eq!(rooms.eve.sql(mine), json!([]));
        let census = "SELECT what, rows FROM census ORDER BY what";
        let all = json!([["draft", 2], ["message", 4], ["room", 2]]);
        assert_eq!(rooms.eve.sql(census), all);
        assert_eq!(rooms.ada.sql(census), all);
        let own = "SELECT what, rows FROM own_census ORDER BY what";
        assert_eq!(rooms.ada.sql(own), json!([["draft", 1], ["message", 2], ["room", 1]]));
        assert_eq!(rooms.bob.sql(own), json!([["draft", 1], ["message", 4], ["room", 2]]));
        assert_eq!(rooms.eve.sql(own), json!([["draft", 0], ["message", 0], ["room", 0]]));
        assert_eq!(rooms.all(own), all);
    }
}

#[test]
fn a_view_stands_in_from_like_a_table() {
    for shards in SHARDS {
        let mut rooms = Rooms::open(shards);
        let ada = &mut rooms.ada;
        let joined = "SELECT r.name, a.text FROM aloud a JOIN room r ON r.id = a.room";
        assert_eq!(ada.sql(joined), json!([["hall", "again"]]));
        let looked_up =
            "SELECT m.text FROM membership s JOIN message m ON m.room = s.room ORDER BY m.text";
        assert_eq!(ada.sql(looked_up), json!([["again"], ["hello"]]));
        let nested = "SELECT text FROM message WHERE room IN (SELECT room FROM membership) ORDER BY text LIMIT 1";
        assert_eq!(ada.sql(nested), json!([["again"]]));
        let twice =
            "SELECT count(*), sum(a.rows + b.rows) FROM census a, census b WHERE a.what = b.what";
        assert_eq!(ada.sql(twice), json!([[3, 16]]));
        let none = "SELECT count(*) FROM aloud WHERE volume > 100";
        assert_eq!(ada.sql(none), json!([[0]]));
        let with = "WITH c AS (SELECT * FROM census) SELECT max(rows) FROM c";
        assert_eq!(ada.sql(with), json!([[4]]));
        let plan = ada.sql("EXPLAIN SELECT what FROM census WHERE rows > 1").to_string();
        assert!(plan.contains("view census"), "{plan}");
        assert!(plan.contains("leaf view census: what where rows > 1"), "{plan}");
    }
}

#[test]
fn what_a_view_cannot_do_is_refused() {
    for shards in SHARDS {
        let mut rooms = Rooms::open(shards);
        for (query, status, code, detail) in [
            (
                "SELECT * FROM scribbles",
                422,
                "reducer_failed",
                "view scribbles: misused datastore.delete: a view reads, and changes nothing",
            ),
            ("SELECT * FROM endless", 413, "too_large", "exceeds the limit of 67108864"),
            (
                "SELECT * FROM census AS OF TX 1",
                400,
                "invalid_request",
                "AS OF of a query with a view is not supported (line 1, column 22)",
            ),
            ("SELECT nothing FROM census", 400, "invalid_request", "there is no column nothing"),
        ] {
            let body = json!({ "query": query }).to_string();
            let answer = rooms.ada.post("/v1/sql", &body);
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.body);
            assert!(answer.body.contains(detail), "{}", answer.body);
        }
        // Nobody is harmed, and nothing is gone.
        assert_eq!(rooms.all("SELECT count(*) FROM draft"), json!([[2]]));
        called(&mut rooms.ada, "say", &json!([1, "on", 9]));
        assert_eq!(rooms.ada.sql("SELECT count(*) FROM aloud"), json!([[2]]));
    }
}

#[test]
fn the_module_says_which_views_it_has() {
    let mut rooms = Rooms::open(1);
    let described = rooms.ada.get("/v1/modules/rooms").json();
    let views = described["views"].as_array().unwrap();
    let membership = views.iter().find(|view| view["name"] == "membership").unwrap();
    let expected = json!({
        "name": "membership",
        "columns": [{"name": "room", "type": "u64"}, {"name": "is_host", "type": "bool"}],
        "caller": true
    });
    assert_eq!(*membership, expected);
}

#[test]
fn views_of_two_modules_are_told_apart_and_joined() {
    for shards in SHARDS {
        let mut rooms = Rooms::open(shards);
        rooms.server.deploy("others", &rooms_example());
        let body = json!({ "query": "SELECT * FROM census" }).to_string();
        let answer = rooms.ada.post("/v1/sql", &body);
        assert_eq!(answer.code(), "ambiguous_name", "{}", answer.body);
        assert_eq!(answer.json()["candidates"], json!([r#""others".census"#, r#""rooms".census"#]));
        let both = "SELECT a.what, a.rows, b.rows FROM rooms.census a JOIN others.census b USING (what) ORDER BY 1";
        let rows = json!([["draft", 2, 0], ["message", 4, 0], ["room", 2, 0]]);
        assert_eq!(rooms.eve.sql(both), rows);
        // A view's name in one module is a table's in another.
        let table = TABLE_T.replace(r#""name":"t""#, r#""name":"aloud""#);
        rooms.server.deploy("third", &Guest::new().item(&table).wasm());
        rooms.server.admin().request("DELETE", "/v1/modules/others", &[], b"");
        let body = json!({ "query": "SELECT * FROM aloud" }).to_string();
        let answer = rooms.ada.post("/v1/sql", &body);
        assert_eq!(
            answer.json()["candidates"],
            json!([r#""rooms".aloud"#, r#""third".aloud"#]),
            "{}",
            answer.body
        );
        assert_eq!(rooms.ada.sql("SELECT count(*) FROM third.aloud"), json!([[0]]));
        assert_eq!(rooms.ada.sql("SELECT count(*) FROM rooms.aloud"), json!([[1]]));
    }
}

#[test]
fn a_view_follows_memberships_and_deployments() {
    for shards in SHARDS {
        let mut rooms = Rooms::open(shards);
        let heard = "SELECT text FROM aloud";
        assert_eq!(rooms.bob.sql(heard), json!([["again"]]));
        let bob = rooms.ids[1].clone();
        called(&mut rooms.ada, "expel", &json!([1, bob]));
        assert_eq!(rooms.bob.sql(heard), json!([]));
        rooms.server.deploy("rooms", &rooms_example());
        called(&mut rooms.ada, "invite", &json!([1, bob]));
        assert_eq!(rooms.bob.sql(heard), json!([["again"]]));
        rooms.server.admin().request("DELETE", "/v1/modules/rooms", &[], b"");
        let body = json!({ "query": heard }).to_string();
        let answer = rooms.bob.post("/v1/sql", &body);
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.body.contains("there is no table aloud"), "{}", answer.body);
    }
}

#[test]
fn a_view_without_end_is_ended_and_its_neighbours_are_served() {
    let view = |name: &str, body: &str| {
        let item =
            format!(r#"{{"view":{{"name":"{name}","columns":[{{"name":"n","type":"u64"}}]}}}}"#);
        let function = format!(
            r#"(func (export "cosm_view_{name}") (param i32 i32) (result i32) {body} (i32.const 0))"#
        );
        (item, function)
    };
    let loops = view("loops", "(loop $l (br $l))");
    let lies = view(
        "lies",
        "(i32.store (i32.const 64) (i32.const 3)) (call $rows (i32.const 64) (i32.const 7))",
    );
    let floods = view(
        "floods",
        "(i32.store (i32.const 64) (i32.const 8)) (loop $l (call $rows (i32.const 64) (i32.const 12)) (br $l))",
    );
    let mut guest = Guest::new();
    for (item, function) in [&loops, &lies, &floods] {
        guest = guest.item(item).text(function);
    }
    for shards in SHARDS {
        let mut rooms = Rooms::open(shards);
        rooms.server.deploy("bad", &guest.wasm());
        for (name, status, detail) in [
            ("loops", 504, "view loops: it ran for longer than it may"),
            ("lies", 422, "view lies: misused cosm.rows: row of table lies: column 0"),
            ("floods", 0, ""),
        ] {
            let body = json!({ "query": format!("SELECT count(*) FROM {name}") }).to_string();
            let answer = rooms.ada.post("/v1/sql", &body);
            if status == 0 {
                assert!([413, 504].contains(&answer.status), "{}", answer.body);
            } else {
                assert_eq!(answer.status, status, "{}", answer.body);
                assert!(answer.body.contains(detail), "{}", answer.body);
            }
            assert_eq!(rooms.ada.sql("SELECT count(*) FROM aloud"), json!([[1]]));
        }
    }
}
