//! How an answer would be kept up to date: an EXPLAIN in, its section on that out.

use crate::fixture::Database;

#[track_caller]
fn check(sql: &str, expected: &str) {
    let lines = Database::empty().rows(&format!("EXPLAIN {sql}"), "[]");
    let lines: Vec<String> = lines
        .iter()
        .map(|row| serde_json::from_str::<[String; 1]>(row).unwrap().concat())
        .skip_while(|line| !line.starts_with("live"))
        .collect();
    if expected.is_empty() { println!("@@ {sql}\n{:?}", lines.join("\n")); return; }
    assert_eq!(lines.join("\n"), expected, "{sql}");
}

#[test]
fn leaves_filter_where_the_rows_are_and_are_found_by_a_value() {
    check("SELECT id, body FROM message WHERE 7 = room AND pinned", "");
    check("SELECT 1 FROM message WHERE room > 3 OR pinned", "");
    check("SELECT 1 + 2", "");
}

#[test]
fn operators_say_what_they_keep() {
    check(
        "SELECT m.body, e.word FROM message m JOIN every e ON e.id = m.room AND e.tiny < m.score WHERE m.pinned",
        "",
    );
    check(
        "SELECT id FROM message m WHERE NOT EXISTS (SELECT 1 FROM every e WHERE e.id = m.room)",
        "",
    );
    check(
        "SELECT room, sum(score), max(body), count(DISTINCT author) FROM message GROUP BY room HAVING count(*) > 1",
        "",
    );
    check("SELECT DISTINCT room FROM message GROUP BY room", "");
    check("SELECT room FROM message UNION SELECT id FROM every", "");
    check(
        "SELECT id FROM message WHERE room = 1 ORDER BY sent_at DESC LIMIT 10 OFFSET $1::i64 + 1",
        "",
    );
    check("SELECT m.id FROM message m JOIN every e ON e.id = m.id ORDER BY m.score LIMIT 3", "");
}

#[test]
fn what_cannot_be_kept_up_to_date_says_why() {
    check(
        "SELECT id FROM message LIMIT 3",
        "live: a subscription to LIMIT without ORDER BY is not supported",
    );
}
