//! Which path a query takes: a text in, the plan out.

use crate::fixture::Database;

#[track_caller]
fn check(sql: &str, plan: &str) {
    Database::empty().check_plan(sql, plan);
}

#[test]
fn equality_on_the_primary_key_is_a_lookup() {
    check("SELECT body FROM message WHERE id = 7", "project body\n  lookup message.id = 7");
    check("SELECT body FROM message WHERE $1 = id", "project body\n  lookup message.id = $1");
    check(
        "SELECT body FROM message WHERE id = 7 AND room = 3",
        "project body\n  filter room = 3\n    lookup message.id = 7",
    );
    check(
        "SELECT id FROM every WHERE maybe = 'x' AND tiny = 3",
        "project id\n  lookup every.maybe = 'x', every.tiny = 3",
    );
}

#[test]
fn equality_and_ranges_on_an_index_are_a_range() {
    check("SELECT id FROM message WHERE room = 1", "project id\n  range message.by_room: room = 1");
    check(
        "SELECT id FROM message WHERE room = 1 AND sent_at >= $1 AND sent_at < $2",
        "project id\n  range message.by_room: room = 1, sent_at >= $1, sent_at < $2",
    );
    check(
        "SELECT id FROM message WHERE id BETWEEN 5 AND 10",
        "project id\n  range message.id: id >= 5, id <= 10",
    );
    check(
        "SELECT id FROM message WHERE score IS NULL",
        "project id\n  range message.by_score: score IS NULL",
    );
    check(
        "SELECT id FROM every WHERE maybe IS NULL AND tiny = 1",
        "project id\n  range every.by_maybe: maybe IS NULL, tiny = 1",
    );
    check(
        "SELECT id FROM message WHERE weight > 1",
        "project id\n  range message.by_weight: weight > f64 '1'",
    );
}

#[test]
fn what_an_index_cannot_decide_is_filtered() {
    check(
        "SELECT id FROM message WHERE body = 'x'",
        "project id\n  filter body = 'x'\n    scan message",
    );
    check(
        "SELECT id FROM message WHERE id + 1 = 7",
        "project id\n  filter (id + 1) = 7\n    scan message",
    );
    // The column is compared as a float, whose order is not the index's.
    check(
        "SELECT id FROM message WHERE id = 7::f64",
        "project id\n  filter id::f64 = f64 '7'\n    scan message",
    );
    check(
        "SELECT id FROM message WHERE room = 1 OR room = 2",
        "project id\n  filter ((room = 1) OR (room = 2))\n    scan message",
    );
    check(
        "SELECT id FROM message WHERE room IN (1, 2)",
        "project id\n  filter room IN (1, 2)\n    scan message",
    );
    check(
        "SELECT id FROM message WHERE room = id",
        "project id\n  filter room = id\n    scan message",
    );
    check(
        "SELECT id FROM message WHERE room > 1 AND room > 2",
        "project id\n  filter room > 2\n    range message.by_room: room > 1",
    );
}

#[test]
fn an_index_in_the_wanted_order_saves_the_sort() {
    check(
        "SELECT id FROM message ORDER BY id DESC LIMIT 5",
        "project id\n  limit 5\n    range message.id descending",
    );
    check(
        "SELECT id FROM message WHERE room = 1 ORDER BY sent_at DESC LIMIT $1 OFFSET 2",
        "project id\n  top $1 offset 2 of runs by sent_at desc, ties by id desc\n    range message.by_room: room = 1 descending",
    );
    check(
        "SELECT id, body FROM message WHERE room = $1 AND sent_at > $2 ORDER BY sent_at DESC LIMIT 10",
        "project id, body\n  top 10 of runs by sent_at desc, ties by id desc\n    range message.by_room: room = $1, sent_at > $2 descending",
    );
    check(
        "SELECT id FROM message WHERE room = 1 ORDER BY room, sent_at",
        "project id\n  range message.by_room: room = 1",
    );
    check("SELECT id FROM message ORDER BY room, sent_at", "project id\n  range message.by_room");
    check(
        "SELECT id FROM message WHERE pinned ORDER BY id, room LIMIT 1",
        "project id\n  limit 1\n    filter pinned\n      range message.id",
    );
    check(
        "SELECT id FROM message WHERE id = 1 ORDER BY body",
        "project id\n  lookup message.id = 1",
    );
}

#[test]
fn an_order_that_no_index_has_is_sorted() {
    check(
        "SELECT id FROM message ORDER BY room, sent_at DESC",
        "project id\n  sort by room, sent_at desc\n    scan message",
    );
    check(
        "SELECT id FROM message ORDER BY body LIMIT 3 OFFSET 1",
        "project id\n  top 3 offset 1 by body, ties by id\n    scan message",
    );
    check(
        "SELECT id FROM message ORDER BY room + 1",
        "project id\n  sort by room + 1\n    scan message",
    );
    check("SELECT id FROM message ORDER BY 'x' || 'y'", "project id\n  scan message");
}

#[test]
fn nulls_come_where_postgresql_puts_them() {
    // In the index null comes first; PostgreSQL puts it last, unless asked.
    check(
        "SELECT id FROM message ORDER BY score LIMIT 1",
        "project id\n  top 1 by score, ties by id\n    scan message",
    );
    check(
        "SELECT id FROM message ORDER BY score NULLS FIRST LIMIT 1",
        "project id\n  top 1 of runs by score nulls first, ties by id\n    range message.by_score",
    );
    check(
        "SELECT id FROM message ORDER BY score DESC NULLS LAST LIMIT 1",
        "project id\n  top 1 of runs by score desc nulls last, ties by id desc\n    range message.by_score descending",
    );
    check(
        "SELECT id FROM message WHERE score > 3 ORDER BY score DESC",
        "project id\n  range message.by_score: score > 3 descending",
    );
    check(
        "SELECT id FROM message WHERE score IS NOT NULL ORDER BY score",
        "project id\n  range message.by_score: score IS NOT NULL",
    );
}

#[test]
fn aggregates_stand_above_what_they_read() {
    check("SELECT count(*) FROM message", "project count(*)\n  count rows message");
    check(
        "SELECT count(*) + 1, count(score) FROM message",
        "project count(*) + 1, count(score)\n  aggregate count(*), count(score)\n    scan message",
    );
    check(
        "SELECT room, sum(score) FROM message WHERE pinned GROUP BY room HAVING count(*) > 1 \
         ORDER BY 2 LIMIT 3",
        "project room, sum(score)\n  top 3 by sum(score), ties by room\n    filter count(*) > 1\n      \
         aggregate sum(score), count(*) by room\n        filter pinned\n          scan message",
    );
    check(
        "SELECT DISTINCT room FROM message ORDER BY room",
        "project room\n  sort by room\n    distinct room\n      scan message",
    );
}

#[test]
fn what_is_known_is_decided_while_planning() {
    check("SELECT id FROM message WHERE 1 > 2", "project id\n  nothing");
    check("SELECT id FROM message WHERE null", "project id\n  nothing");
    check("SELECT id FROM message WHERE room = 1 AND 1 = 0 ORDER BY body", "project id\n  nothing");
    check("SELECT id FROM message WHERE true AND 2 > 1", "project id\n  scan message");
    check("SELECT 1 + 2 * 3, upper('x')", "project 7, 'X'\n  one row");
    check("SELECT 1 / 0", "project 1 / 0\n  one row");
    check(
        "SELECT id FROM message WHERE sent_at > TIMESTAMP '2026-01-01' - INTERVAL '1h'",
        "project id\n  filter sent_at > timestamp '2025-12-31 23:00:00'\n    scan message",
    );
}

#[test]
fn conditions_that_cannot_fail_come_first() {
    check(
        "SELECT id FROM message WHERE 10 / score > 1 AND body LIKE 'a%' AND score <> 0 AND pinned",
        "project id\n  filter score <> 0 AND pinned AND (10 / score) > 1 AND body LIKE 'a%'\n    scan message",
    );
}
