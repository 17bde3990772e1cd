//! What is refused, by which name and at which place.

use cosmictron_sql::ErrorClass;

use crate::fixture::Database;

#[track_caller]
fn check(table: &[(&str, &str)]) {
    let database = Database::empty();
    for (sql, expected) in table {
        match database.plan(sql) {
            Ok(plan) => panic!("{sql}: {}", plan.explain()),
            Err(error) => assert_eq!(error.to_string(), *expected, "{sql}"),
        }
    }
}

#[test]
fn other_statements_are_refused_by_their_first_word() {
    let words = [
        "INSERT INTO message VALUES (1)",
        "UPDATE message SET id = 1",
        "DELETE FROM message",
        "TRUNCATE message",
        "MERGE INTO a USING b ON true",
        "CREATE TABLE t (a int)",
        "DROP TABLE message",
        "ALTER TABLE message ADD a int",
        "GRANT ALL ON message TO bob",
        "REVOKE ALL ON message FROM bob",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SET x = 1",
        "SHOW ALL",
        "COPY message TO '/x'",
        "CALL f()",
        "DO $$ x $$",
        "EXECUTE x",
        "PREPARE x AS SELECT 1",
        "DEALLOCATE x",
        "LISTEN x",
        "VACUUM",
        "ANALYZE",
        "LOCK TABLE message",
        "DECLARE c CURSOR FOR SELECT 1",
        "FETCH x",
        "VALUES (1)",
        "TABLE message",
        "WITH RECURSIVE a AS (SELECT 1) SELECT * FROM a",
        "WITH a AS (INSERT INTO message VALUES (1)) SELECT 1",
        "REFRESH MATERIALIZED VIEW x",
        "COMMENT ON TABLE message IS 'x'",
        "DISCARD ALL",
        "EXPLAIN INSERT INTO message VALUES (1)",
        "EXPLAIN ANALYZE SELECT 1",
        "EXPLAIN EXPLAIN SELECT 1",
    ];
    for sql in words {
        let error = Database::empty().plan(sql).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Unsupported, "{sql}: {error}");
    }
    check(&[
        ("INSERT INTO message VALUES (1)", "INSERT is not supported (line 1, column 1)"),
        ("  delete from message", "DELETE is not supported (line 1, column 3)"),
        ("EXPLAIN ANALYZE SELECT 1", "EXPLAIN ANALYZE is not supported (line 1, column 9)"),
        (
            "EXPLAIN (COSTS OFF) SELECT 1",
            "an option of EXPLAIN is not supported (line 1, column 9)",
        ),
        ("(VALUES (1))", "VALUES is not supported (line 1, column 2)"),
        (
            "WITH a AS (SELECT 1) DELETE FROM message",
            "a statement that writes is not supported (line 1, column 1)",
        ),
        (
            "SELECT 1; DROP TABLE message",
            "more than one statement is not supported (line 1, column 11)",
        ),
        ("SELECT 1; SELECT 2", "more than one statement is not supported (line 1, column 11)"),
    ]);
}

#[test]
fn clauses_are_refused_where_they_stand() {
    check(&[
        (
            "SELECT * FROM message SEMI JOIN every USING (id)",
            "this JOIN is not supported (line 1, column 28)",
        ),
        (
            "SELECT * FROM message m CROSS JOIN LATERAL (SELECT 1) x",
            "LATERAL is not supported (line 1, column 45)",
        ),
        (
            "SELECT * FROM message m JOIN every e ON EXISTS (SELECT 1)",
            "a sub-query in ON is not supported (line 1, column 49)",
        ),
        (
            "SELECT * FROM (message m JOIN every e USING (id)) AS x",
            "an alias of a join is not supported (line 1, column 10)",
        ),
        (
            "SELECT * FROM generate_series(1, 2)",
            "a function in FROM is not supported (line 1, column 15)",
        ),
        ("SELECT 1 INTERSECT ALL SELECT 2", "INTERSECT ALL is not supported (line 1, column 10)"),
        ("SELECT 1 EXCEPT ALL SELECT 2", "EXCEPT ALL is not supported (line 1, column 10)"),
        (
            "SELECT DISTINCT ON (id) id FROM message",
            "DISTINCT ON is not supported (line 1, column 8)",
        ),
        ("SELECT id FROM message FOR UPDATE", "FOR is not supported (line 1, column 24)"),
        (
            "SELECT id FROM message FETCH FIRST 1 ROW ONLY",
            "FETCH is not supported (line 1, column 24)",
        ),
        ("SELECT id INTO x FROM message", "SELECT INTO is not supported (line 1, column 11)"),
        (
            "SELECT id FROM message TABLESAMPLE SYSTEM (1)",
            "TABLESAMPLE is not supported (line 1, column 16)",
        ),
        (
            "SELECT id FROM message WINDOW w AS (ORDER BY id)",
            "WINDOW is not supported (line 1, column 24)",
        ),
        (
            "SELECT id FROM message GROUP BY ROLLUP (id)",
            "ROLLUP is not supported (line 1, column 41)",
        ),
        (
            "SELECT id FROM message ORDER BY id USING <",
            "ORDER BY … USING is not supported (line 1, column 33)",
        ),
        ("SELECT FROM message", "SELECT of no columns is not supported (line 1, column 1)"),
    ]);
}

#[test]
fn expressions_are_refused_by_their_form() {
    check(&[
        (
            "SELECT 1 WHERE 1 IN (SELECT 1) AND 1 IN UNNEST(ARRAY[1])",
            "IN of anything but a list or a sub-query is not supported (line 1, column 36)",
        ),
        ("SELECT sum(1) OVER ()", "a window function is not supported (line 1, column 8)"),
        (
            "SELECT string_agg(body, ',' ORDER BY id) FROM message",
            "ORDER BY in a call is not supported (line 1, column 8)",
        ),
        (
            "SELECT string_agg(body, author) FROM message",
            "a separator that differs from row to row is not supported (line 1, column 25)",
        ),
        (
            "SELECT clock_timestamp()",
            "the volatile function clock_timestamp is not supported (line 1, column 8)",
        ),
        (
            "SELECT current_user",
            "the volatile function current_user is not supported (line 1, column 8)",
        ),
        ("SELECT random()", "the volatile function random is not supported (line 1, column 8)"),
        (
            "SELECT pg_read_file('/etc/passwd')",
            "there is no function pg_read_file (line 1, column 8)",
        ),
        ("SELECT lower('a', 'b')", "function lower does not take 2 arguments (line 1, column 8)"),
        ("SELECT ARRAY[1]", "ARRAY is not supported (line 1, column 14)"),
        ("SELECT (1, 2)", "a row value is not supported (line 1, column 9)"),
        ("SELECT 'a' ~ 'b'", "the operator ~ is not supported (line 1, column 8)"),
        ("SELECT 1 & 2", "the operator & is not supported (line 1, column 8)"),
        ("SELECT 2 ^ 3", "the operator ^ is not supported (line 1, column 8)"),
        ("SELECT 'a' COLLATE \"C\"", "COLLATE is not supported (line 1, column 8)"),
        ("SELECT 1 = ANY(ARRAY[1])", "ANY is not supported (line 1, column 8)"),
        ("SELECT X'ff'", "this kind of literal is not supported (line 1, column 8)"),
        ("SELECT date '2026-01-01'", "the type date is not supported (line 1, column 13)"),
    ]);
}

#[test]
fn names_are_unknown_ambiguous_or_not_public() {
    check(&[
        ("SELECT 1 FROM nothing", "there is no table nothing (line 1, column 15)"),
        ("SELECT 1 FROM \"Message\"", "there is no table Message (line 1, column 15)"),
        ("SELECT 1 FROM MixedCase", "there is no table mixedcase (line 1, column 15)"),
        (
            "SELECT 1 FROM setting",
            "table setting is ambiguous: \"chat\".setting, \"my-agent\".setting (line 1, column 15)",
        ),
        ("SELECT key FROM \"my-agent\".setting", "there is no column key (line 1, column 8)"),
        ("SELECT 1 FROM other.message", "there is no table \"other\".message (line 1, column 15)"),
        ("SELECT 1 FROM secret", "table secret is not public (line 1, column 15)"),
        ("SELECT 1 FROM a.b.c", "a name of three parts is not supported (line 1, column 15)"),
        ("SELECT nope FROM message", "there is no column nope (line 1, column 8)"),
        ("SELECT userId FROM \"MixedCase\"", "there is no column userid (line 1, column 8)"),
        ("SELECT m.id FROM message", "there is no table m in FROM (line 1, column 8)"),
        (
            "SELECT message.id FROM message m",
            "there is no table message in FROM (line 1, column 8)",
        ),
        ("SELECT m.nope FROM message m", "there is no column m.nope (line 1, column 8)"),
        ("SELECT x.* FROM message", "there is no table x in FROM (line 1, column 8)"),
        ("SELECT *", "* needs a table in FROM (line 1, column 8)"),
        ("SELECT id", "there is no column id (line 1, column 8)"),
        ("SELECT id AS x FROM message WHERE x = 1", "there is no column x (line 1, column 35)"),
        ("SELECT id FROM message LIMIT id", "LIMIT must not name columns (line 1, column 30)"),
    ]);
}

#[test]
fn what_is_no_sql_is_refused_at_its_place() {
    check(&[
        ("", "expected SELECT (line 1, column 1)"),
        ("-- nothing", "expected SELECT (line 1, column 1)"),
        ("hello", "expected SELECT, found hello (line 1, column 1)"),
        ("1", "expected SELECT, found 1 (line 1, column 1)"),
        ("SELECT 1 +", "expected: an expression, found: EOF (line 1, column 11)"),
        ("SELECT 'abc", "unterminated string literal (line 1, column 8)"),
        ("SELECT id FROM message WHERE", "expected: an expression, found: EOF (line 1, column 29)"),
        (
            "SELECT id FROM message WHERE id = = 1",
            "expected: an expression, found: = (line 1, column 35)",
        ),
        ("SELECT 1 2", "expected: end of statement, found: 2 (line 1, column 10)"),
        ("SELECT 1 AS OF TX 5", "AS OF stands after a table in FROM (line 1, column 10)"),
        (
            "SELECT id FROM message WHERE id = 1 AS OF TX 5",
            "AS OF stands after a table in FROM (line 1, column 37)",
        ),
        (
            "SELECT id FROM message AS OF TX",
            "expected a transaction number or a parameter after AS OF (line 1, column 24)",
        ),
        (
            "SELECT id FROM message AS OF TX 1 AS OF TX 2",
            "a second AS OF of another moment is not supported (line 1, column 35)",
        ),
        ("SELECT id FROM message AS OF TX 1.5", "invalid text for u64: '1.5' (line 1, column 24)"),
        (
            "SELECT id FROM message AS OF TIMESTAMP 'x'",
            "invalid text for timestamp: 'x' (line 1, column 24)",
        ),
    ]);
}

#[test]
fn sub_queries_are_refused_where_they_ask_for_too_much() {
    check(&[
        (
            "SELECT (SELECT id, room FROM message)",
            "a sub-query with 2 columns is no value (line 1, column 9)",
        ),
        (
            "SELECT 1 WHERE 1 IN (SELECT id, room FROM message)",
            "a sub-query with 2 columns is no value (line 1, column 22)",
        ),
        ("SELECT 1 LIMIT (SELECT 1)", "a sub-query in LIMIT is not supported (line 1, column 17)"),
        (
            "SELECT (SELECT body FROM message m WHERE m.room = e.word LIMIT 1) FROM every e",
            "LIMIT in a correlated sub-query is not supported (line 1, column 9)",
        ),
        (
            "SELECT (SELECT max(id) FROM message m WHERE m.room > e.word) FROM every e",
            "a correlation that is no equality, of a sub-query that aggregates is not supported (line 1, column 54)",
        ),
        (
            "SELECT (SELECT sum(m.score * e.word) FROM message m) FROM every e",
            "a column of the query around a sub-query in an aggregate is not supported (line 1, column 16)",
        ),
        (
            "SELECT 1 FROM every e WHERE EXISTS (SELECT 1 FROM message m WHERE EXISTS \
             (SELECT 1 FROM message n WHERE n.room = e.word))",
            "a sub-query that names columns beyond the query around it is not supported (line 1, column 114)",
        ),
        (
            "SELECT 1 FROM every e WHERE e.id IN (SELECT 1 UNION SELECT m.id FROM message m WHERE m.room = e.word)",
            "a set operation in a correlated sub-query is not supported (line 1, column 53)",
        ),
        (
            "SELECT room, (SELECT 1 FROM every e WHERE e.word = m.score) FROM message m GROUP BY room",
            "column m.score must stand in GROUP BY or in an aggregate (line 1, column 52)",
        ),
    ]);
}

#[test]
fn moments_of_a_query_are_one() {
    check(&[
        (
            "SELECT 1 FROM message AS OF TX 1 JOIN every ON true",
            "AS OF of some tables of a query and not of all is not supported (line 1, column 23)",
        ),
        (
            "SELECT 1 FROM message AS OF TX 1, every AS OF TX 2",
            "a second AS OF of another moment is not supported (line 1, column 41)",
        ),
        (
            "SELECT 1 FROM (SELECT 1) x AS OF TX 1",
            "AS OF stands after a table in FROM (line 1, column 28)",
        ),
    ]);
    let database = Database::filled();
    database.check("SELECT count(*) FROM message AS OF TX 1, every AS OF TX 1", "[[0]]");
    database.check(
        "SELECT count(*) FROM message m AS OF TX 2 JOIN every e AS OF TX 2 ON true",
        "[[12]]",
    );
}

#[test]
fn names_of_several_tables_have_to_be_told_apart() {
    check(&[
        (
            "SELECT id FROM message, every",
            "column id is ambiguous: message.id, every.id (line 1, column 8)",
        ),
        (
            "SELECT 1 FROM message, message",
            "table message is ambiguous: it stands in FROM more than once (line 1, column 10)",
        ),
        (
            "SELECT 1 FROM message JOIN every USING (nothing)",
            "there is no column nothing (line 1, column 41)",
        ),
        ("SELECT x.nope FROM (SELECT 1 AS a) x", "there is no column x.nope (line 1, column 8)"),
        (
            "SELECT 1 FROM message m (a, b, c, d, e, f, g, h, i)",
            "9 column aliases for 8 columns (line 1, column 15)",
        ),
        (
            "SELECT 1 UNION SELECT 1, 2",
            "each SELECT of a set operation must have the same number of columns (line 1, column 16)",
        ),
        (
            "SELECT 1 UNION SELECT 'a'::text",
            "a column of a set operation is string, expected i32 (line 1, column 16)",
        ),
        (
            "SELECT id FROM message UNION SELECT 1 ORDER BY id + 1",
            "there is no column id (line 1, column 48)",
        ),
        (
            "WITH a AS (SELECT 1), a AS (SELECT 2) SELECT * FROM a",
            "WITH names a twice (line 1, column 23)",
        ),
        ("WITH a AS (SELECT * FROM b) SELECT 1", "there is no table b (line 1, column 26)"),
    ]);
}
