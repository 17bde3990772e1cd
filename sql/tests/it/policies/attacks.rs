//! Routes around a policy that PostgreSQL's documentation and advisories name. Whoever asks learns nothing of a hidden row,
//! neither by what is answered nor by whether there is an answer: both are those of a store that holds no other rows.

use super::{CHAT, chat, identity};
use crate::fixture::Database;

/// What Ada is admitted to, in tables without policies.
fn admitted() -> Database {
    let mut database = Database::empty();
    let items: Vec<String> = CHAT
        .iter()
        .map(|item| {
            let mut table: serde_json::Value = serde_json::from_str(item).unwrap();
            table["table"].as_object_mut().unwrap().remove("policies");
            table.to_string()
        })
        .collect();
    database.create("talk", &items.iter().map(String::as_str).collect::<Vec<_>>());
    let (ada, cyd) = (identity(1), identity(3));
    database.insert("room", &[r#"[1, "hall", 5]"#]);
    database.insert(
        "note",
        &[format!(r#"[1, "{ada}", 1, "mine"]"#), format!(r#"[3, "{ada}", 3, "12"]"#)],
    );
    database.insert(
        "post",
        &[
            format!(r#"[1, "{ada}", 3, false, 1]"#),
            format!(r#"[3, "{cyd}", 2, true, 2]"#),
            format!(r#"[4, "{cyd}", 1, false, 3]"#),
        ],
    );
    database
}

/// The hidden rows have a `level` of 0, so what divides by it fails exactly if it sees one.
const ATTACKS: &[&str] = &[
    // Conditions that fail.
    "SELECT id FROM note WHERE 1 / level >= 0",
    "SELECT id FROM room WHERE 1 / level >= 0",
    "SELECT id FROM post WHERE 1 / level >= 0",
    "SELECT id FROM note WHERE id = 2 AND 1 / level >= 0",
    "SELECT id FROM room WHERE id = 2 AND 1 / level >= 0",
    "SELECT id FROM post WHERE id = 2 AND 1 / level >= 0",
    "SELECT id FROM note WHERE level = 1 / level",
    "SELECT id FROM post WHERE room_id = 1 / level",
    "SELECT id FROM note WHERE body::i32 > 0 AND body <> 'mine'",
    "SELECT id FROM note WHERE CASE WHEN body = 'bobs secret' THEN 1 / 0 ELSE 1 END = 1",
    "SELECT id FROM room WHERE CASE WHEN name = 'den' THEN 1 / 0 ELSE 1 END = 1",
    "SELECT id FROM post WHERE coalesce(nullif(level, 0), 1 / level) > 0",
    "SELECT id FROM room WHERE name LIKE name || 'x' OR 1 / level > 0",
    "SELECT id FROM room WHERE (level + 2147483642)::i32 > 0",
    "SELECT id FROM room WHERE ln(level) > 0",
    // A condition with a value that fails, whichever rows there are.
    "SELECT id FROM room WHERE level = 0 AND level = 1 / 0",
    // Order, windows, groups.
    "SELECT id FROM note ORDER BY 1 / level, id",
    "SELECT id FROM room ORDER BY 1 / level",
    "SELECT id FROM room ORDER BY level LIMIT 1",
    "SELECT id FROM post ORDER BY level, id LIMIT 1",
    "SELECT id FROM note ORDER BY level OFFSET 1",
    "SELECT id FROM note ORDER BY id DESC LIMIT 1 OFFSET 1",
    "SELECT DISTINCT level FROM post ORDER BY level",
    "SELECT count(*) FROM note",
    "SELECT count(*), min(level), max(name), sum(1 / level), string_agg(name, ',') FROM room",
    "SELECT count(*) FILTER (WHERE 1 / level > 0), avg(level) FROM post",
    "SELECT level, count(*) FROM post GROUP BY level HAVING 1 / level >= 0 ORDER BY level",
    "SELECT 1 / level, count(*) FROM room GROUP BY 1 / level",
    "SELECT max(level) FROM note HAVING max(1 / level) >= 0",
    // Sub-queries.
    "SELECT EXISTS (SELECT 1 FROM note WHERE id = 2), 2 IN (SELECT id FROM room), 2 NOT IN (SELECT id FROM post)",
    "SELECT (SELECT body FROM note WHERE id = 2), (SELECT name FROM room WHERE level = 0)",
    "SELECT (SELECT id FROM room)",
    "SELECT (SELECT count(*) FROM post p WHERE p.room_id = r.id) FROM room r",
    "SELECT id FROM room r WHERE NOT EXISTS (SELECT 1 FROM post p WHERE p.room_id = r.id AND 1 / p.level >= 0)",
    "SELECT id FROM post p WHERE room_id IN (SELECT id FROM room WHERE 1 / level >= 0)",
    "SELECT id FROM post p WHERE room_id = (SELECT max(id) FROM room)",
    // Joins: the other side, a side that is absent, itself.
    "SELECT p.id, r.name FROM post p LEFT JOIN room r ON r.id = p.room_id ORDER BY p.id",
    "SELECT p.id, r.name FROM post p LEFT JOIN room r ON r.id = p.room_id AND 1 / r.level >= 0 ORDER BY p.id",
    "SELECT p.id, r.id FROM post p FULL JOIN room r ON r.id = p.room_id AND 1 / r.level >= 0 ORDER BY 1, 2",
    "SELECT p.id, r.id FROM post p RIGHT JOIN room r ON r.id = p.room_id ORDER BY 1, 2",
    "SELECT a.id, b.id FROM note a JOIN note b ON a.id < b.id",
    "SELECT a.id FROM room a JOIN room b ON a.level = b.level AND 1 / b.level >= 0",
    "SELECT a.id FROM post a, post b WHERE a.room_id = b.room_id AND 1 / b.level >= 0 ORDER BY 1",
    "SELECT n.id FROM note n JOIN post p ON p.author = n.owner WHERE 1 / (p.level * n.level) >= 0 ORDER BY 1",
    "SELECT count(*) FROM note n CROSS JOIN room r",
    "SELECT id FROM note JOIN room USING (id)",
    "SELECT id FROM note NATURAL JOIN room",
    // Derived tables, WITH, set operations.
    "SELECT id FROM (SELECT id, 1 / level AS x FROM room) d WHERE x >= 0",
    "SELECT id FROM (SELECT id, level FROM post ORDER BY level LIMIT 2) d ORDER BY id",
    "WITH w AS (SELECT id, level FROM room) SELECT a.id FROM w a JOIN w b ON a.id = b.id WHERE 1 / a.level >= 0",
    "WITH w AS (SELECT 1 / level AS x FROM post) SELECT count(*) FROM w",
    "SELECT id FROM note UNION SELECT id FROM room UNION ALL SELECT id FROM post ORDER BY 1",
    "SELECT x FROM (SELECT 1 / level AS x FROM room UNION ALL SELECT 1 / level FROM note) u WHERE x >= 0",
    "SELECT id FROM room EXCEPT SELECT room_id FROM post",
    "SELECT id FROM note INTERSECT SELECT room_id FROM post",
];

#[test]
fn no_query_tells_a_hidden_row_from_none() {
    let (mut guarded, admitted) = (chat(), admitted());
    for rows in [1, 1_000_000] {
        for table in ["room", "note", "post", "member"] {
            // Other statistics make other plans.
            guarded.believe(table, rows);
            for sql in ATTACKS {
                assert_eq!(guarded.run(sql, "[]"), admitted.run(sql, "[]"), "{sql}");
            }
        }
    }
}

#[test]
fn the_attacks_would_be_seen() {
    // Where nothing is hidden, dividing fails: the rows that are to be hidden give themselves away.
    let mut database = chat();
    database.ask_as_admin();
    for table in ["note", "room", "post"] {
        database.check_error(
            &format!("SELECT id FROM {table} WHERE 1 / level >= 0"),
            "division by zero",
        );
    }
}

#[test]
fn the_past_has_the_policies_of_today() {
    let mut database = chat();
    let before = database.last_tx();
    let ada = identity(1);
    database.delete("member", &[format!(r#"[1, "{ada}", 1]"#)]);
    database.delete("note", &[format!(r#"[3, "{ada}", 3, ""]"#)]);
    database.check("SELECT id FROM room", "[]");
    database.check("SELECT id FROM note ORDER BY id", "[[1]]");
    let as_of = |sql: &str| format!("{sql} AS OF TX {before}");
    // As of then she was in the room, and her note was there; Bob's were never hers.
    database.check(&as_of("SELECT id FROM room"), "[[1]]");
    database.check(&as_of("SELECT count(*), max(id) FROM note"), "[[2,3]]");
    database.check(&format!("SELECT id FROM room AS OF TX {before} WHERE 1 / level >= 0"), "[[1]]");
    database.ask_as(2);
    database.check(&as_of("SELECT id FROM note"), "[[2]]");
}

#[test]
fn nobody_says_who_they_are_but_the_server() {
    let database = chat();
    for sql in ["SELECT $identity", "SELECT id FROM note WHERE owner = $identity"] {
        let refusal = database.run(sql, "[]").unwrap_err().to_string();
        assert!(refusal.starts_with("the parameter $identity is not supported"), "{refusal}");
    }
    assert!(database.run("SELECT ctx.sender()", "[]").is_err());
    assert!(database.run("SELECT ctx.sender FROM note", "[]").is_err());
    // A parameter too many is not taken for it.
    let bob = format!(r#"["{}"]"#, identity(2));
    let refusal = database.run("SELECT id FROM note", &bob).unwrap_err().to_string();
    assert_eq!(refusal, "the query has 0 parameters, 1 were given");
    database.check_with("SELECT id FROM note WHERE owner = $1", &bob, "[]");
    // Nor is a query executed for nobody.
    let plan = database.plan("SELECT id FROM note").unwrap();
    let params = plan.read_params(b"[]").unwrap();
    let limits = cosmictron_sql::ExecutionLimits::default();
    assert!(plan.execute(database.store(), &params, &limits).is_err());
}

#[test]
fn what_is_explained_are_conditions_and_no_values() {
    let mut database = chat();
    let plans: Vec<Vec<String>> = [1, 2]
        .map(|who| database.ask_as(who).rows("EXPLAIN SELECT id FROM post WHERE level = 0", "[]"))
        .into();
    assert_eq!(plans[0], plans[1]);
    assert!(plans[0].iter().all(|line| !line.contains(&identity(2)) && !line.contains("secret")));
}
