//! Views, by `examples/rooms`: what they show to whom, on one shard and on several; what is refused.

use serde_json::json;

use super::{Rooms, SHARDS, called};

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
        assert!(plan.contains("a subscription to a query with a view"), "{plan}");
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
