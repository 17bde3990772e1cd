//! Row-level security: where the planner puts policies, what they admit, what is refused of them, and routes around them.

mod attacks;
mod model;

use cosmictron_sql::{PlanLimits, check_policies};

use crate::fixture::Database;

/// A chat: rooms with members, notes of an owner, and messages whose policy reads the other tables of its module.
const CHAT: &[&str] = &[
    r#"{"table": {"name": "member",
        "columns": [{"name": "id", "type": "u64"}, {"name": "who", "type": "identity"}, {"name": "room_id", "type": "u64"}],
        "indexes": [{"name": "id", "columns": ["id"], "primary": true}, {"name": "who", "columns": ["who"]},
            {"name": "room_id", "columns": ["room_id"]}]}}"#,
    r#"{"table": {"name": "room", "public": true,
        "policies": [{"read": "id IN (SELECT room_id FROM member WHERE who = $identity)"}],
        "columns": [{"name": "id", "type": "u64"}, {"name": "name", "type": "string"}, {"name": "level", "type": "i32"}],
        "indexes": [{"name": "id", "columns": ["id"], "primary": true}]}}"#,
    r#"{"table": {"name": "note", "public": true, "policies": [{"read": "owner = $identity"}],
        "columns": [{"name": "id", "type": "u64"}, {"name": "owner", "type": "identity"}, {"name": "level", "type": "i32"},
            {"name": "body", "type": "string"}],
        "indexes": [{"name": "id", "columns": ["id"], "primary": true}, {"name": "owner", "columns": ["owner"]}]}}"#,
    r#"{"table": {"name": "post", "public": true,
        "policies": [{"read": "shared"}, {"read": "author = ctx.sender()"},
            {"read": "EXISTS (SELECT 1 FROM member m WHERE m.room_id = post.room_id AND m.who = ctx.sender)"}],
        "columns": [{"name": "id", "type": "u64"}, {"name": "author", "type": "identity"}, {"name": "room_id", "type": "u64"},
            {"name": "shared", "type": "bool"}, {"name": "level", "type": "i32"}],
        "indexes": [{"name": "id", "columns": ["id"], "primary": true}]}}"#,
];

fn identity(number: u8) -> String {
    format!("{number:064x}")
}

/// Ada (1) is in room 1, Bob (2) in rooms 1 and 2, nobody in room 3.
fn chat() -> Database {
    let mut database = Database::empty();
    database.create("talk", CHAT);
    let (ada, bob, cyd) = (identity(1), identity(2), identity(3));
    database.insert(
        "member",
        &[
            format!(r#"[1, "{ada}", 1]"#),
            format!(r#"[2, "{bob}", 1]"#),
            format!(r#"[3, "{bob}", 2]"#),
        ],
    );
    database.insert("room", &[r#"[1, "hall", 5]"#, r#"[2, "den", 0]"#, r#"[3, "vault", 0]"#]);
    database.insert(
        "note",
        &[
            format!(r#"[1, "{ada}", 1, "mine"]"#),
            format!(r#"[2, "{bob}", 0, "bobs secret"]"#),
            format!(r#"[3, "{ada}", 3, "12"]"#),
        ],
    );
    database.insert(
        "post",
        &[
            format!(r#"[1, "{ada}", 3, false, 1]"#),
            format!(r#"[2, "{bob}", 2, false, 0]"#),
            format!(r#"[3, "{cyd}", 2, true, 2]"#),
            format!(r#"[4, "{cyd}", 1, false, 3]"#),
        ],
    );
    database.ask_as(1);
    database
}

#[test]
fn a_policy_admits_each_caller_their_rows() {
    let mut database = chat();
    database.check("SELECT id FROM note ORDER BY id", "[[1],[3]]");
    database.check("SELECT id FROM room ORDER BY id", "[[1]]");
    database.check("SELECT id FROM post ORDER BY id", "[[1],[3],[4]]");
    database.ask_as(2);
    database.check("SELECT id FROM note ORDER BY id", "[[2]]");
    database.check("SELECT id FROM room ORDER BY id", "[[1],[2]]");
    database.check("SELECT id FROM post ORDER BY id", "[[2],[3],[4]]");
    database.ask_as(9);
    database.check("SELECT id FROM note", "[]");
    database.check("SELECT id FROM room", "[]");
    database.check("SELECT id FROM post", "[[3]]");
    database.ask_as_admin();
    database.check("SELECT count(*) FROM note", "[[3]]");
    database.check("SELECT count(*) FROM member", "[[3]]");
}

#[test]
fn a_policy_uses_indexes_as_a_filter_by_hand_does() {
    let database = chat();
    database.check_plan("SELECT id FROM note", "project id\n  range note.owner: owner = $identity");
    database.check_plan(
        "SELECT id FROM note WHERE id = 3",
        "project id\n  filter owner = $identity\n    lookup note.id = 3",
    );
    // A membership is few rows, whatever there are of rooms.
    let mut database = chat();
    database.believe("room", 1_000_000);
    database.check_plan(
        "SELECT name FROM room",
        "project name\n  join by index\n    distinct room_id\n      range member.who: who = $identity\n    lookup room.id = room_id",
    );
    database.check_plan(
        "SELECT name FROM room WHERE id = 1",
        "project name\n  semi join by hash: id = room_id\n    lookup room.id = 1\n    \
         filter room_id = 1\n      range member.who: who = $identity",
    );
}

/// What may fail waits until the policy has admitted a row; what cannot fail narrows what the policy is asked of.
#[test]
fn nothing_that_may_fail_goes_below_a_policy() {
    let mut database = chat();
    database.believe("member", 1_000_000);
    database.check_plan(
        "SELECT id FROM room WHERE 10 / level > 1 AND level > -5",
        "project id\n  filter (10 / level) > 1\n    semi join by hash: id = room_id\n      filter level > -5\n        \
         scan room\n      range member.who: who = $identity",
    );
    database.check_plan(
        "SELECT id FROM post WHERE 10 / level > 1 AND room_id = 2",
        "project id\n  filter (10 / level) > 1\n    filter (shared OR (author = $identity) OR found)\n      \
         mark join by hash: post.room_id = room_id\n        filter room_id = 2\n          scan post\n        \
         filter room_id = 2\n          range member.who: who = $identity",
    );
    database.check_plan(
        "SELECT id FROM note WHERE 10 / level > 1 AND body = 'x'",
        "project id\n  filter body = 'x' AND (10 / level) > 1\n    range note.owner: owner = $identity",
    );
}

#[test]
fn a_live_query_asks_policies_first() {
    let database = chat();
    let live = |sql: &str| {
        let lines = database.rows(&format!("EXPLAIN {sql}"), "[]");
        let lines =
            lines.iter().map(|row| serde_json::from_str::<[String; 1]>(row).unwrap().concat());
        let lines: Vec<String> = lines.skip_while(|line| !line.starts_with("live")).collect();
        lines.join("\n")
    };
    assert_eq!(
        live("SELECT id FROM note WHERE 10 / level > 1"),
        "live\n  project id\n    leaf note: id where owner = $identity AND (10 / level) > 1, found by owner = $identity",
    );
    assert_eq!(
        live("SELECT id FROM room WHERE 10 / level > 1 AND level > -5"),
        "live\n  project id\n    filter (10 / level) > 1\n      \
         semi join on id = room_id: keeps both inputs by their sides of the equalities\n        \
         leaf room: id, level where level > -5\n        \
         leaf member: room_id where who = $identity, found by who = $identity",
    );
}

/// What the deployment says of a policy; empty where it takes it.
fn refusal(kind: &str, text: &str) -> String {
    let mut database = Database::empty();
    let policy = serde_json::to_string(text).unwrap();
    let table = format!(
        r#"{{"table": {{"name": "item", "public": true, "policies": [{{"{kind}": {policy}}}],
        "columns": [{{"name": "id", "type": "u64"}}, {{"name": "owner", "type": "identity"}},
            {{"name": "until", "type": "timestamp"}}, {{"name": "team", "type": {{"option": "u32"}}}}],
        "indexes": [{{"name": "id", "columns": ["id"], "primary": true}}]}}}}"#
    );
    let team = r#"{"table": {"name": "team",
        "columns": [{"name": "id", "type": "u32"}, {"name": "lead", "type": "identity"}], "indexes": []}}"#;
    database.create("shop", &[&table, team]);
    let checked = check_policies(database.def("item"), &database, &PlanLimits::default());
    checked.err().map_or_else(String::new, |error| error.to_string())
}

#[test]
fn policies_are_checked_when_they_are_deployed() {
    for text in [
        "true",
        "owner = $identity",
        "item.owner = ctx.sender() AND id <> 3",
        "team IN (SELECT id FROM team WHERE lead = $identity)",
        "team IS NULL OR EXISTS (SELECT 1 FROM team t WHERE t.id = item.team AND t.lead = $identity)",
        "(SELECT count(*) FROM team WHERE team.id = item.team) > 1",
        "until > now() AND owner = $identity",
        "id IN (SELECT max(id) FROM item GROUP BY owner)",
    ] {
        assert_eq!(refusal("read", text), "", "{text}");
        assert_eq!(refusal("write", text), "", "{text}");
    }
    for (text, expected) in [
        ("owner =", "expected: an expression, found: EOF (line 1, column 8)"),
        ("ownr = $identity", "there is no column ownr (line 1, column 1)"),
        ("owner = 'x'", "invalid text for identity: 'x' (line 1, column 9)"),
        ("id", "the condition of a policy is u64, expected bool (line 1, column 1)"),
        (
            "owner = $1",
            "the parameter $1 in a policy, which has $identity alone, is not supported (line 1, column 9)",
        ),
        ("owner = $identity; SELECT 1", "a policy is one condition, without ; (line 1, column 18)"),
        ("owner = $identity) OR (true", "expected: end of statement, found: ) (line 1, column 18)"),
        ("id IN (SELECT id FROM message)", "there is no table message (line 1, column 23)"),
        (
            "id IN (SELECT id FROM \"chat\".message)",
            "a module's name in a policy, which reads tables of its own alone, is not supported (line 1, column 23)",
        ),
        (
            "id IN (SELECT id FROM team AS OF TX 3)",
            "AS OF in a policy is not supported (line 1, column 28)",
        ),
        ("count(*) > 1", "count must not stand in a policy (line 1, column 1)"),
        ("random() > 0.5", "the volatile function random is not supported (line 1, column 1)"),
        ("item", "there is no column item (line 1, column 1)"),
    ] {
        for kind in ["read", "write"] {
            let expected = format!("table item, the {kind} policy `{text}`: {expected}");
            assert_eq!(refusal(kind, text), expected);
        }
    }
    // Of what is read everybody may want to be told, so it has to be kept up to date.
    for (text, expected) in [
        (
            "until > now() OR owner = $identity",
            "a subscription to now() in OR is not supported (line 1, column 1)",
        ),
        (
            "id IN (SELECT id FROM team LIMIT 1)",
            "a subscription to LIMIT without ORDER BY is not supported (line 1, column 1)",
        ),
    ] {
        assert_eq!(refusal("write", text), "");
        let expected = format!("table item, the read policy `{text}`: {expected}");
        assert_eq!(refusal("read", text), expected);
    }
}
