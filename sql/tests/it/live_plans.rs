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
    assert_eq!(lines.join("\n"), expected, "{sql}");
}

#[test]
fn leaves_filter_where_the_rows_are_and_are_found_by_a_value() {
    check(
        "SELECT id, body FROM message WHERE 7 = room AND pinned",
        "live\n  project id, body\n    leaf message: id, body where 7 = room AND pinned, found by room = 7",
    );
    check(
        "SELECT 1 FROM message WHERE room > 3 OR pinned",
        "live\n  project 1\n    leaf message where ((room > 3) OR pinned)",
    );
    check("SELECT 1 + 2", "live\n  project 3\n    one row");
}

#[test]
fn operators_say_what_they_keep() {
    check(
        "SELECT m.body, e.word FROM message m JOIN every e ON e.id = m.room AND e.tiny < m.score WHERE m.pinned",
        "live\n  project m.body, e.word\n    join on m.room = e.id AND e.tiny < m.score: \
         keeps both inputs by their sides of the equalities\n      \
         leaf message: room, body, score where m.pinned\n      leaf every: id, tiny, word",
    );
    check(
        "SELECT id FROM message m WHERE NOT EXISTS (SELECT 1 FROM every e WHERE e.id = m.room)",
        "live\n  project id\n    anti join on m.room = id: keeps both inputs by their sides of the equalities\n      \
         leaf message: id, room\n      leaf every: id",
    );
    check(
        "SELECT room, sum(score), max(body), count(DISTINCT author) FROM message GROUP BY room HAVING count(*) > 1",
        "live\n  project room, sum(score), max(body), count(DISTINCT author)\n    filter count(*) > 1\n      \
         aggregate sum(score), max(body), count(DISTINCT author), count(*) by room: keeps each group, \
         all values of max(body), all values of count(DISTINCT author)\n        \
         leaf message: room, author, body, score",
    );
    check(
        "SELECT DISTINCT room FROM message GROUP BY room",
        "live\n  project room\n    distinct room: keeps how often each is there\n      \
         aggregate by room: keeps each group\n        leaf message: room",
    );
    check(
        "SELECT room FROM message UNION SELECT id FROM every",
        "live\n  project room\n    distinct room: keeps how often each is there\n      union all\n        \
         project room::i64\n          leaf message: room\n        project id::i64\n          leaf every: id",
    );
}

#[test]
fn a_window_of_rows_keeps_few_and_another_all() {
    check(
        "SELECT id FROM message WHERE room = 1 ORDER BY sent_at DESC LIMIT 10 OFFSET 2",
        "live\n  project id\n    window 10 offset 2 by sent_at desc, ties by id desc: \
         keeps the first in order, and some to spare\n      \
         leaf message: id, sent_at where room = 1, found by room = 1",
    );
    check(
        "SELECT m.id FROM message m JOIN every e ON e.id = m.id ORDER BY m.score LIMIT 3",
        "live\n  project m.id\n    window 3 by m.score, ties by m.id: keeps all in order\n      \
         join on m.id = e.id: keeps both inputs by their sides of the equalities\n        \
         leaf message: id, score\n        leaf every: id",
    );
    check(
        "SELECT id FROM message ORDER BY score OFFSET 3",
        "live\n  project id\n    window none offset 3 by score, ties by id: keeps all in order\n      \
         leaf message: id, score",
    );
}

#[test]
fn what_cannot_be_kept_up_to_date_says_why() {
    check(
        "SELECT id FROM message LIMIT 3",
        "live: a subscription to LIMIT without ORDER BY is not supported",
    );
}
