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
        "WITH a AS (SELECT 1) SELECT * FROM a",
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
        ("(SELECT 1)", "a SELECT in parentheses is not supported (line 1, column 1)"),
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
        ("SELECT * FROM message JOIN setting ON true", "JOIN is not supported (line 1, column 23)"),
        (
            "SELECT *\nFROM message\nLEFT JOIN setting ON true",
            "LEFT JOIN is not supported (line 3, column 1)",
        ),
        (
            "SELECT * FROM message CROSS JOIN setting",
            "CROSS JOIN is not supported (line 1, column 23)",
        ),
        ("SELECT * FROM message NATURAL JOIN setting", "JOIN is not supported (line 1, column 23)"),
        (
            "SELECT * FROM message, setting",
            "a second table in FROM is not supported (line 1, column 24)",
        ),
        (
            "SELECT * FROM (SELECT 1) AS x",
            "a sub-query in FROM is not supported (line 1, column 16)",
        ),
        (
            "SELECT * FROM generate_series(1, 2)",
            "a function in FROM is not supported (line 1, column 15)",
        ),
        ("SELECT 1 UNION ALL SELECT 2", "UNION is not supported (line 1, column 10)"),
        ("SELECT 1 INTERSECT SELECT 2", "INTERSECT is not supported (line 1, column 10)"),
        ("SELECT 1 EXCEPT SELECT 2", "EXCEPT is not supported (line 1, column 10)"),
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
            "SELECT id FROM message AS m (a, b)",
            "a list of column aliases is not supported (line 1, column 27)",
        ),
        (
            "SELECT id FROM message ORDER BY id USING <",
            "ORDER BY … USING is not supported (line 1, column 33)",
        ),
        ("SELECT FROM message", "SELECT of no columns is not supported (line 1, column 1)"),
        (
            "SELECT * FROM guarded",
            "the policy of table guarded is not supported (line 1, column 15)",
        ),
    ]);
}

#[test]
fn expressions_are_refused_by_their_form() {
    check(&[
        ("SELECT (SELECT 1)", "a sub-query is not supported (line 1, column 9)"),
        ("SELECT EXISTS (SELECT 1)", "EXISTS is not supported (line 1, column 16)"),
        (
            "SELECT 1 WHERE 1 IN (SELECT 1)",
            "IN of anything but a list is not supported (line 1, column 16)",
        ),
        ("SELECT sum(1) OVER ()", "a window function is not supported (line 1, column 8)"),
        ("SELECT count(DISTINCT 1)", "count(DISTINCT …) is not supported (line 1, column 8)"),
        ("SELECT count(*) FILTER (WHERE true)", "FILTER is not supported (line 1, column 8)"),
        ("SELECT now()", "the volatile function now is not supported (line 1, column 8)"),
        (
            "SELECT current_timestamp",
            "the volatile function current_timestamp is not supported (line 1, column 8)",
        ),
        ("SELECT random()", "the volatile function random is not supported (line 1, column 8)"),
        (
            "SELECT pg_read_file('/etc/passwd')",
            "there is no function pg_read_file (line 1, column 8)",
        ),
        ("SELECT lower('a', 'b')", "function lower does not take 2 arguments (line 1, column 8)"),
        (
            "SELECT substring('abc' from 2)",
            "the function substring is not supported (line 1, column 18)",
        ),
        (
            "SELECT extract(year FROM timestamp '2026-01-01')",
            "EXTRACT is not supported (line 1, column 36)",
        ),
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
            "a second AS OF is not supported (line 1, column 35)",
        ),
        ("SELECT id FROM message AS OF TX 1.5", "invalid text for u64: '1.5' (line 1, column 24)"),
        (
            "SELECT id FROM message AS OF TIMESTAMP 'x'",
            "invalid text for timestamp: 'x' (line 1, column 24)",
        ),
    ]);
}
