//! Joins, derived tables, WITH and set operations: a text in, rows, columns or a plan out.

use cosmictron_sql::{ErrorClass, ExecutionLimits, Resource, SqlError};

use crate::fixture::Database;

const HOUSE: &[&str] = &[
    r#"{"table": {"name": "room", "public": true,
        "columns": [
            {"name": "id", "type": "u32"},
            {"name": "name", "type": "string"},
            {"name": "owner", "type": {"option": "string"}}],
        "indexes": [{"name": "id", "columns": ["id"], "primary": true}]}}"#,
    r#"{"table": {"name": "person", "public": true,
        "columns": [{"name": "name", "type": "string"}, {"name": "age", "type": {"option": "u8"}}],
        "indexes": [{"name": "name", "columns": ["name"], "primary": true}]}}"#,
];

/// `message` with the rooms and the people of it; one room has no messages, and one message no room.
pub(crate) fn house() -> Database {
    let mut database = Database::filled();
    database.create("house", HOUSE);
    database.insert(
        "room",
        &[r#"[7, "hall", "ada"]"#, r#"[8, "attic", null]"#, r#"[10, "cellar", "bob"]"#],
    );
    database.insert("person", &[r#"["ada", 36]"#, r#"["bob", null]"#, r#"["zoe", 9]"#]);
    database
}

#[test]
fn every_kind_of_join_gives_its_rows() {
    let house = house();
    house.check(
        "SELECT r.name, m.id FROM room r JOIN message m ON m.room = r.id ORDER BY 2",
        r#"[["hall",1],["hall",2],["attic",3],["attic",4],["hall",5]]"#,
    );
    house.check(
        "SELECT r.name, m.id FROM room r LEFT JOIN message m ON m.room = r.id AND m.pinned ORDER BY 1, 2",
        r#"[["attic",null],["cellar",null],["hall",2],["hall",5]]"#,
    );
    house.check(
        "SELECT r.name, m.id FROM room r RIGHT JOIN message m ON m.room = r.id AND m.id > 4 ORDER BY 2",
        r#"[[null,1],[null,2],[null,3],[null,4],["hall",5],[null,18446744073709551615]]"#,
    );
    house.check(
        "SELECT r.name, p.name FROM room r FULL JOIN person p ON p.name = r.owner ORDER BY 1, 2",
        r#"[["attic",null],["cellar","bob"],["hall","ada"],[null,"zoe"]]"#,
    );
    house.check("SELECT count(*) FROM room CROSS JOIN person", "[[9]]");
    house.check("SELECT count(*) FROM room, person, message", "[[54]]");
    house.check(
        "SELECT m.id, n.id FROM message m, message n WHERE m.room = n.room AND m.id < n.id ORDER BY 1, 2",
        "[[1,2],[1,5],[2,5],[3,4]]",
    );
    house.check(
        "SELECT r.name, p.age FROM message m JOIN room r ON r.id = m.room JOIN person p ON p.name = m.author \
         WHERE m.pinned ORDER BY m.id",
        r#"[["hall",null],["hall",36]]"#,
    );
}

#[test]
fn using_and_natural_make_one_column_of_two() {
    let house = house();
    house.check_columns(
        "SELECT * FROM room r JOIN person p USING (name)",
        "name string, id u32, owner string?, age u8?",
    );
    house.check_columns(
        "SELECT * FROM room r LEFT JOIN person p ON p.name = r.owner",
        "id u32, name string, owner string?, name string?, age u8?",
    );
    house.check_columns("SELECT p.*, r.id FROM room r, person p", "name string, age u8?, id u32");
    house.check(
        "SELECT name, r.id, p.age FROM (SELECT 1 AS id, 'ada' AS name) r FULL JOIN person p USING (name) ORDER BY 1",
        r#"[["ada",1,36],["bob",null,null],["zoe",null,9]]"#,
    );
    house.check(
        "SELECT name, age FROM (SELECT 'zoe' AS name, 1 AS x) z RIGHT JOIN person USING (name) ORDER BY 1",
        r#"[["ada",36],["bob",null],["zoe",9]]"#,
    );
    house.check("SELECT count(*) FROM room NATURAL JOIN person", "[[0]]");
    house.check("SELECT count(*) FROM room r NATURAL JOIN (SELECT 8 AS id) x", "[[1]]");
}

#[test]
fn derived_tables_and_with_stand_where_tables_do() {
    let house = house();
    house.check(
        "SELECT d.author, d.n FROM (SELECT author, count(*) AS n FROM message GROUP BY author) AS d \
         WHERE d.n > 1 ORDER BY 1",
        r#"[["ada",3]]"#,
    );
    house.check(
        "WITH busy (who, n) AS (SELECT author, count(*) FROM message GROUP BY 1), \
         top AS (SELECT max(n) AS n FROM busy) \
         SELECT b.who FROM busy b JOIN top USING (n)",
        r#"[["ada"]]"#,
    );
    house.check(
        "SELECT a, b FROM (SELECT id, body FROM message) AS m (a, b) WHERE a = 4",
        r#"[[4,""]]"#,
    );
    house.check("SELECT x.n FROM (SELECT 1 AS n ORDER BY 1 LIMIT 1) x, (SELECT 2 AS n) y", "[[1]]");
    // A table of the same name is hidden.
    house.check("WITH person AS (SELECT 1 AS one) SELECT * FROM person", "[[1]]");
    house.check_columns("SELECT * FROM (SELECT id, score FROM message) m", "id u64, score i32?");
}

#[test]
fn set_operations_put_selects_together() {
    let house = house();
    house.check("SELECT 1 UNION SELECT 1 UNION ALL SELECT 1 ORDER BY 1", "[[1],[1]]");
    house.check("SELECT 1 UNION ALL (SELECT 2 UNION SELECT 2)", "[[1],[2]]");
    house.check(
        "SELECT author FROM message INTERSECT SELECT name FROM person ORDER BY 1",
        r#"[["ada"],["bob"]]"#,
    );
    house.check(
        "SELECT author AS who FROM message EXCEPT SELECT name FROM person ORDER BY who DESC LIMIT 1",
        r#"[["eve"]]"#,
    );
    house.check("SELECT owner FROM room EXCEPT SELECT 'ada' ORDER BY 1", r#"[["bob"],[null]]"#);
    house.check("SELECT NULL UNION SELECT NULL", "[[null]]");
    house.check("SELECT NULL UNION SELECT 1 ORDER BY 1", "[[1],[null]]");
    // INTERSECT binds tighter.
    house.check("SELECT 1 UNION SELECT 2 INTERSECT SELECT 3", "[[1]]");
    house.check_columns("SELECT 1 AS a UNION SELECT 2.5 AS b", "a numeric");
    house.check_columns("SELECT id FROM room UNION ALL SELECT score FROM message", "id i64?");
    house.check("(SELECT 3 ORDER BY 1 LIMIT 1)", "[[3]]");
    house.check("(SELECT id FROM room ORDER BY id DESC LIMIT 2) ORDER BY 1 LIMIT 1", "[[8]]");
}

#[test]
fn the_smaller_side_and_the_cheaper_way_are_chosen() {
    let mut house = house();
    house.believe("message", 100_000);
    house.check_plan(
        "SELECT m.body, r.name FROM message m JOIN room r ON r.id = m.room WHERE m.id = 5",
        "project m.body, r.name\n  join by index\n    lookup message.id = 5\n    lookup room.id = m.room",
    );
    house.check_plan(
        "SELECT count(*) FROM message m JOIN room r ON r.id = m.room",
        "project count(*)\n  aggregate count(*)\n    join by hash: m.room = r.id\n      scan message\n      scan room",
    );
    house.check_plan(
        "SELECT m.body FROM room r JOIN message m ON m.room = r.id AND m.pinned WHERE r.id = 7",
        "project m.body\n  join by hash: m.room = r.id\n    filter m.pinned\n      range message.by_room: room = 7\n    lookup room.id = 7",
    );
    house.check_plan(
        "SELECT r.name FROM room r WHERE r.name = 'hall' AND EXISTS (SELECT 1 FROM message m WHERE m.room = r.id)",
        "project name\n  semi join by index\n    filter name = 'hall'\n      scan room\n    range message.by_room: room = r.id",
    );
    house.check_plan(
        "SELECT body FROM message WHERE id IN (SELECT id FROM room WHERE name = 'hall') AND pinned",
        "project body\n  join by index\n    distinct id\n      filter name = 'hall'\n        scan room\n    filter pinned\n      lookup message.id = id",
    );
    house.check_plan(
        "SELECT 1 FROM room r, person p WHERE r.id > p.age",
        "project 1\n  join by loop: r.id > p.age\n    scan room\n    scan person",
    );
    house.check_plan(
        "SELECT id FROM message WHERE author NOT IN (SELECT owner FROM room)",
        "project id\n  anti join by hash: author = owner or unknown\n    scan message\n    scan room",
    );
    // What no row without a match can meet makes an inner join of a left one.
    house.check_plan(
        "SELECT 1 FROM room r LEFT JOIN person p ON p.name = r.owner WHERE p.age > 3",
        "project 1\n  join by hash: r.owner = p.name\n    scan room\n    filter p.age > 3\n      scan person",
    );
    // The order of the first table is kept, so only ten rows are looked up.
    house.check_plan(
        "SELECT m.id, p.age FROM message m JOIN person p ON p.name = m.author WHERE m.room = 7 \
         ORDER BY m.sent_at DESC LIMIT 10",
        "project m.id, p.age\n  top 10 of runs by m.sent_at desc, ties by m.id desc, person.name desc\n    join by index\n      range message.by_room: room = 7 descending\n      lookup person.name = m.author",
    );
}

#[test]
fn joins_are_within_the_limits() {
    let house = house();
    let few = ExecutionLimits { scanned_max: 50, ..ExecutionLimits::default() };
    let refused = |sql: &str, limits: &ExecutionLimits| match house.run_within(sql, "[]", limits) {
        Err(SqlError::Exhausted { what, .. }) => what,
        other => panic!("{sql}: {other:?}"),
    };
    // 18 rows are read, and 6 * 6 * 6 pairs are looked at.
    let cross = "SELECT count(*) FROM message a, message b, message c";
    assert_eq!(refused(cross, &few), Resource::RowsScanned);
    let little = ExecutionLimits { memory_bytes_max: 200, ..ExecutionLimits::default() };
    let hash = "SELECT count(*) FROM message a JOIN message b USING (author)";
    assert_eq!(refused(hash, &little), Resource::Memory);
    let not_in = "SELECT count(*) FROM message WHERE author NOT IN (SELECT author FROM message)";
    assert_eq!(refused(not_in, &little), Resource::Memory);
    let text = "SELECT 1".to_owned() + &" UNION ALL SELECT 1".repeat(70);
    assert_eq!(house.plan(&text).unwrap_err().class(), ErrorClass::Syntax);
    let doubled: String = (1..20)
        .map(|n| format!(", w{n} AS (SELECT a.* FROM w{0} a CROSS JOIN w{0} b)", n - 1))
        .collect();
    let error = house.plan(&format!("WITH w0 AS (SELECT 1){doubled} SELECT 1")).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Syntax, "{error}");
}
