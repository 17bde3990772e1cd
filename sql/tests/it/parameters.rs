//! Parameters: which types they take, and what is accepted for them.

use cosmictron_sql::ExecutionLimits;
use serde_json::json;

use crate::fixture::Database;

#[track_caller]
fn check_types(sql: &str, types: &str) {
    let database = Database::empty();
    let found = match database.plan(sql) {
        Ok(plan) => plan.params().iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Err(error) => format!("E: {error}"),
    };
    assert_eq!(found, types, "{sql}");
}

#[test]
fn a_parameter_takes_the_type_of_what_it_stands_beside() {
    check_types(
        "SELECT 1 FROM message WHERE id = $1 AND author = $2 AND score > $3",
        "u64, string, i32",
    );
    check_types("SELECT 1 FROM message WHERE sent_at BETWEEN $1 AND $2", "timestamp, timestamp");
    check_types(
        "SELECT 1 FROM every WHERE who = $1 AND tag = $2 AND raw = $3",
        "identity, uuid, bytes",
    );
    check_types("SELECT 1 FROM every WHERE list = $1 AND kind = $2", "list<string>, Kind");
    check_types("SELECT 1 FROM message WHERE room IN ($1, $2)", "u32, u32");
    check_types("SELECT 1 FROM message WHERE body LIKE $1 LIMIT $2 OFFSET $3", "string, i64, i64");
    check_types("SELECT $1::u8, $2::numeric, $3", "u8, numeric, string");
    check_types(
        "SELECT coalesce(score, $1), CASE WHEN $2 THEN $3 ELSE weight END FROM message",
        "i32, bool, f64",
    );
    check_types("SELECT sent_at + $1, weight * $2 FROM message", "duration, f64");
    check_types("SELECT $1 FROM message WHERE id = $1", "u64");
    check_types("SELECT 1 FROM message WHERE id = $1 OR weight = $1", "u64");
    check_types("SELECT 1 FROM message WHERE $1 = $2", "string, string");
    check_types("SELECT $2::int", "E: the type of parameter 1 cannot be told; write $1::type");
    check_types(
        "SELECT $1 + $2",
        "E: the types of + cannot be told: add a cast (line 1, column 8)",
    );
    check_types("SELECT $0", "E: the parameter $0 is not supported (line 1, column 8)");
    check_types("SELECT $9999", "E: more than 1024 parameters (line 1, column 8)");
    check_types("SELECT ?", "E: expected: an expression, found: ? (line 1, column 8)");
}

#[test]
fn numbers_of_every_width_go_through_unchanged() {
    let database = Database::filled();
    let check = |ty: &str, value: &str, found: &str| {
        database.check_with(
            &format!("SELECT $1::{ty}"),
            &format!("[{value}]"),
            &format!("[[{found}]]"),
        );
    };
    check("u64", "18446744073709551615", "18446744073709551615");
    check("u64", "\"18446744073709551615\"", "18446744073709551615");
    check("i64", "-9223372036854775808", "-9223372036854775808");
    check(
        "u128",
        "340282366920938463463374607431768211455",
        "340282366920938463463374607431768211455",
    );
    check(
        "i128",
        "-170141183460469231731687303715884105728",
        "-170141183460469231731687303715884105728",
    );
    check("numeric", "12345678901234567890.123456789", "12345678901234567890.123456789");
    check("numeric", "\"1.50\"", "1.50");
    check("f64", "0.1", "0.1");
    check("f64", "\"NaN\"", "\"NaN\"");
    check("bytes", "\"\\\\x00ff\"", "\"\\\\x00ff\"");
    check("timestamp", "1767225600000000", "1767225600000000");
    check("string", "\"it's \\u0000 '; DROP\"", "\"it's \\u0000 '; DROP\"");
    check("bool", "null", "null");
    database.check_with(
        "SELECT id FROM message WHERE id = $1",
        "[18446744073709551615]",
        "[[18446744073709551615]]",
    );
    database.check_with("SELECT id FROM every WHERE list = $1", r#"[["a", "b"]]"#, "[[1]]");
    database.check_with("SELECT id FROM every WHERE kind = $1", r#"[{"Sized": 7}]"#, "[[1]]");
    database.check_with("SELECT id FROM message WHERE score = $1", "[null]", "[]");
    database.check_with("SELECT id FROM message ORDER BY id LIMIT $1 OFFSET $2", "[1, 2]", "[[3]]");
    database.check_with(
        "SELECT id FROM message ORDER BY id LIMIT $1",
        "[null]",
        "[[1],[2],[3],[4],[5],[18446744073709551615]]",
    );
}

#[test]
fn a_wrong_parameter_is_named_with_what_was_expected_and_found() {
    let database = Database::filled();
    let check = |sql: &str, params: &str, expected: &str| {
        let error = database.run(sql, params).unwrap_err();
        assert_eq!(error.to_string(), expected, "{params}");
    };
    let by_id = "SELECT id FROM message WHERE id = $1 AND body = $2";
    check(by_id, "[1]", "the query has 2 parameters, 1 were given");
    check(by_id, "[1, \"a\", 3]", "the query has 2 parameters, 3 were given");
    check(by_id, "[-1, \"a\"]", "parameter 1: expected u64, found number -1");
    check(by_id, "[1.5, \"a\"]", "parameter 1: expected u64, found number 1.5");
    check(by_id, "[1, 2]", "parameter 2: expected string, found number 2");
    check(by_id, "[true, \"a\"]", "parameter 1: expected u64, found true");
    check("SELECT $1::numeric", "[\"x\"]", "parameter 1: expected numeric, found \"x\"");
    check("SELECT id FROM message LIMIT $1", "[-1]", "LIMIT must not be negative");
    assert!(
        database
            .run(by_id, "{}")
            .unwrap_err()
            .to_string()
            .starts_with("the parameters are not a JSON array")
    );
    let plan = database.plan("SELECT $1::u64").unwrap();
    let params = plan.bind_params(&[json!(18446744073709551615u64)]).unwrap();
    let mut out = Vec::new();
    plan.execute(database.store(), &params, &ExecutionLimits::default())
        .unwrap()
        .write_json(&mut out);
    assert_eq!(out, b"[[18446744073709551615]]");
    assert!(plan.bind_params(&[json!("x")]).is_err());
}

#[test]
fn parameters_are_never_text_of_the_query() {
    let database = Database::filled();
    for hostile in
        ["'", "''", "\\", "'; DROP TABLE message; --", "$2", "/*", "\u{0}", "’", "%", "1 OR 1=1"]
    {
        let params = serde_json::to_string(&[hostile]).unwrap();
        database.check_with("SELECT id FROM message WHERE author = $1", &params, "[]");
        database.check_with("SELECT $1::string", &params, &format!("[{params}]"));
    }
}
