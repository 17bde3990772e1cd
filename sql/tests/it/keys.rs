//! Which columns of an answer are its key.

use crate::fixture::Database;

const TABLES: &[&str] = &[
    r#"{"table": {"name": "room", "public": true,
        "columns": [
            {"name": "id", "type": "u32"},
            {"name": "name", "type": "string"},
            {"name": "owner", "type": {"option": "u32"}},
            {"name": "topics", "type": {"list": "string"}}],
        "indexes": [
            {"name": "id", "columns": ["id"], "primary": true},
            {"name": "by_name", "columns": ["name"], "unique": true},
            {"name": "by_owner", "columns": ["owner"], "unique": true}]}}"#,
    r#"{"table": {"name": "post", "public": true,
        "columns": [
            {"name": "id", "type": "u32"},
            {"name": "room", "type": "u32"},
            {"name": "number", "type": "u32"},
            {"name": "text", "type": "string"}],
        "indexes": [
            {"name": "id", "columns": ["id"], "primary": true},
            {"name": "in_room", "columns": ["room", "number"], "unique": true}]}}"#,
    r#"{"table": {"name": "note", "public": true,
        "policies": [
            {"read": "room IN (SELECT id FROM room WHERE owner IS NULL) OR text = 'open'"},
            {"read": "room < (SELECT max(p.id) FROM post p WHERE p.room = room)"}],
        "columns": [
            {"name": "id", "type": "u32"},
            {"name": "room", "type": "u32"},
            {"name": "text", "type": "string"}],
        "indexes": [{"name": "id", "columns": ["id"], "primary": true}]}}"#,
    r#"{"table": {"name": "fact", "public": true,
        "columns": [{"name": "at", "type": "f64"}, {"name": "room", "type": "u32"}],
        "indexes": [{"name": "at", "columns": ["at"], "unique": true}]}}"#,
];

/// `key` as JSON has it; none where it is empty.
#[track_caller]
fn check(sql: &str, key: &str) {
    let mut database = Database::empty();
    database.create("rooms", TABLES);
    let plan = database.plan(sql).unwrap();
    let found = plan.key().map_or_else(String::new, |key| format!("{key:?}"));
    assert_eq!(found, key, "{sql}");
}

#[test]
fn a_table_is_told_apart_by_a_unique_index_that_is_shown() {
    check("SELECT * FROM room", "[0]");
    check("SELECT name AS id, id AS name FROM room WHERE owner = 3", "[1]");
    check("SELECT owner, name FROM room ORDER BY owner LIMIT 3", "[1]");
    check("SELECT number, text, room FROM post", "[0, 2]");
    check("SELECT number, text, room, id FROM post", "[3]");
    check("SELECT id, id FROM post", "[0]");
}

#[test]
fn what_is_computed_or_may_be_null_tells_nothing_apart() {
    check("SELECT id + 1, id::string FROM room", "");
    check("SELECT owner FROM room", "");
    check("SELECT number, text FROM post", "");
    // There may be a row at 0 and one at -0.
    check("SELECT at FROM fact", "");
    check("EXPLAIN SELECT id FROM room", "");
}

#[test]
fn a_join_is_told_apart_by_both_keys() {
    check("SELECT a.id, b.id FROM room a, room b", "[0, 1]");
    check("SELECT a.id, b.id FROM room a LEFT JOIN room b ON a.id < b.id", "[0, 1]");
    check("SELECT a.id, b.name FROM room a FULL JOIN room b ON a.id < b.id", "[0, 1]");
    check("SELECT a.id FROM room a JOIN room b ON a.id < b.id", "");
    check("SELECT * FROM room CROSS JOIN post", "[0, 4]");
}

#[test]
fn what_a_row_refers_to_by_a_key_is_no_part_of_the_key() {
    check("SELECT p.id, r.name FROM post p JOIN room r ON r.id = p.room", "[0]");
    check("SELECT p.id, r.topics FROM room r JOIN post p ON r.id = p.room", "[0]");
    check("SELECT p.id, r.topics FROM post p LEFT JOIN room r ON p.room + 1 = r.id", "[0]");
    check("SELECT r.id, p.number, p.text FROM room r JOIN post p ON p.room = r.id", "[0, 1]");
    check("SELECT p.id FROM room r LEFT JOIN post p ON r.id = p.room", "");
    // A float is the same as another that is shown otherwise.
    check("SELECT a.room, a.text, a.id FROM post a JOIN fact f ON f.at = a.number", "");
    check(
        "SELECT a.id, c.topics FROM post a JOIN post b ON b.id = a.number JOIN room c ON c.id = b.room",
        "[0]",
    );
}

#[test]
fn sub_queries_add_nothing() {
    check("SELECT id FROM room WHERE EXISTS (SELECT 1 FROM post WHERE post.room = room.id)", "[0]");
    check("SELECT id FROM room WHERE id NOT IN (SELECT room FROM post)", "[0]");
    check("SELECT id, id IN (SELECT room FROM post) FROM room", "[0]");
    check("SELECT id, (SELECT name FROM room r WHERE r.id = p.room) FROM post p", "[0]");
    check("SELECT id, (SELECT max(p.id) FROM post p WHERE p.room = r.id) FROM room r", "[0]");
    check("SELECT q.a FROM (SELECT id AS a, name FROM room) AS q", "[0]");
}

#[test]
fn a_policy_admits_a_row_once() {
    check("SELECT text, id FROM note", "[1]");
    check("SELECT n.id, r.name FROM note n JOIN room r ON n.room = r.id", "[0]");
    check("SELECT text FROM note", "");
}

#[test]
fn groups_are_told_apart_by_what_makes_them() {
    check("SELECT count(*), text FROM post GROUP BY text", "[1]");
    check("SELECT count(*), text FROM post GROUP BY text, room", "");
    check("SELECT text, room, max(id) FROM post GROUP BY room, text", "[0, 1]");
    check("SELECT id, text, count(*) FROM post GROUP BY id, text", "[0]");
    check("SELECT room + 1 AS next, count(*) FROM post GROUP BY room + 1", "[0]");
    check("SELECT topics, count(*) FROM room GROUP BY topics", "");
    check("SELECT count(*), max(id) FROM post", "[]");
    check("SELECT 1", "[]");
    check("SELECT id, n FROM room, (SELECT count(*) AS n FROM post) AS q", "[0]");
}

#[test]
fn groups_that_are_null_and_what_was_not_found_may_be_alike() {
    let grouped = "(SELECT owner, count(*) AS n FROM room GROUP BY owner) AS q";
    let join = |kind, other| format!("SELECT q.owner, p.* FROM {grouped} {kind} JOIN {other}");
    check(&join("FULL", "(SELECT DISTINCT owner FROM room) AS p ON p.owner = q.n"), "");
    check(&join("LEFT", "(SELECT DISTINCT owner FROM room) AS p ON p.owner > q.n"), "[0, 1]");
    check(&join("FULL", "(SELECT id FROM room) AS p ON p.id = q.n"), "[0, 1]");
}

#[test]
fn distinct_rows_are_told_apart_by_all_that_they_show() {
    check("SELECT DISTINCT text, room FROM post", "[0, 1]");
    check("SELECT DISTINCT text, id FROM post", "[1]");
    check("SELECT DISTINCT text || 'x' FROM post", "[0]");
    check("SELECT id FROM room UNION SELECT id FROM post", "[0]");
    check("SELECT id, name FROM room EXCEPT SELECT id, text FROM post", "[0]");
    check("SELECT id FROM room UNION ALL SELECT id FROM post", "");
}
