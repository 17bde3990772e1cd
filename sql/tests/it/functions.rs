//! Functions of texts, numbers and times, and the aggregates beside `count`, `sum`, `avg`, `min` and `max`.

use cosmictron_sql::{ExecutionLimits, Params};
use cosmictron_types::Timestamp;

use crate::fixture::Database;

#[track_caller]
fn check(table: &[(&str, &str)]) {
    let database = Database::filled();
    for (expression, value) in table {
        database.check(&format!("SELECT {expression}"), &format!("[[{value}]]"));
    }
}

#[test]
fn texts() {
    check(&[
        ("trim('  a b ')", r#""a b""#),
        ("trim(BOTH 'xy' FROM 'xyaxyx')", r#""a""#),
        ("trim(LEADING FROM '  a ')", r#""a ""#),
        ("trim(TRAILING 'z' FROM 'azz')", r#""a""#),
        ("btrim('--a--', '-') || ltrim(' b') || rtrim('c ')", r#""abc""#),
        ("substring('héllo' FROM 2 FOR 3)", r#""éll""#),
        ("substr('hello', 0, 3)", r#""he""#),
        ("substr('hello', -1, 3)", r#""h""#),
        ("substr('hello', 3)", r#""llo""#),
        ("substring('hello' FOR 2)", r#""he""#),
        ("substr('hello', 9)", r#""""#),
        ("position('l' IN 'hello')", "3"),
        ("strpos('hello', 'z')", "0"),
        ("strpos('hello', '')", "1"),
        ("replace('aXbX', 'X', '--')", r#""a--b--""#),
        ("replace('abc', '', 'x')", r#""abc""#),
        ("translate('12345', '143', 'ax')", r#""a2x5""#),
        ("concat('a', NULL, 1, true)", r#""a1t""#),
        ("concat_ws(',', 'a', NULL, 'b')", r#""a,b""#),
        ("concat_ws(NULL, 'a', 'b')", "null"),
        ("left('hello', 2) || left('hello', -2)", r#""hehel""#),
        ("right('hello', 2) || right('hello', -2)", r#""lollo""#),
        ("lpad('hi', 5, 'xy')", r#""xyxhi""#),
        ("lpad('hello', 2)", r#""he""#),
        ("rpad('hi', 4)", r#""hi  ""#),
        ("rpad('hi', 4, '')", r#""hi""#),
        ("starts_with('alphabet', 'alph')", "true"),
        ("split_part('a,b,c', ',', 2)", r#""b""#),
        ("split_part('a,b,c', ',', -1)", r#""c""#),
        ("split_part('a,b,c', ',', 4)", r#""""#),
        ("reverse('héy')", r#""yéh""#),
        ("repeat('ab', 3) || repeat('x', -1)", r#""ababab""#),
        ("initcap('hello wORLD 2nd')", r#""Hello World 2nd""#),
        ("lower(NULL)", "null"),
        ("left(body, 2) FROM message WHERE id = 1", r#""he""#),
    ]);
    let database = Database::empty();
    database
        .check_error("SELECT substr('a', 1, -1)", "the length of a substring must not be negative");
    database.check_error("SELECT split_part('a', ',', 0)", "part 0 of a text is not defined");
    database
        .check_error("SELECT repeat('abcdefgh', 1000000000)", "a text of more than 16777216 bytes");
    database.check_error("SELECT lpad('a', 2000000000)", "a text of more than 16777216 bytes");
    database.check_error("SELECT left(1, 2)", "there is no left(i32) (line 1, column 13)");
}

#[test]
fn numbers() {
    check(&[
        ("trunc(-1.7), trunc(1.79, 1), trunc(-2.5::f64)", "-1,1.7,-2.0"),
        ("mod(7, -3), mod(7.5, 2)", "1,1.5"),
        ("power(2, 10), sqrt(2.25), cbrt(27)", "1024.0,1.5,3.0"),
        ("exp(0), ln(1), log(100), log(2, 8)", "1.0,0.0,2.0,3.0"),
        ("sign(-3), sign(0.0), sign(2.5::f64)", "-1.0,0,1.0"),
        ("degrees(pi()), radians(180) = pi()", "180.0,true"),
        ("sin(0), cos(0), atan2(0, 1)", "0.0,1.0,0.0"),
        ("ceil(1.2), floor(-1.2), round(2.5), round(3.5::f64)", "2,-2,3,4.0"),
    ]);
    let database = Database::empty();
    database.check_error("SELECT sqrt(-1)", "the square root of a negative number is not defined");
    database.check_error("SELECT ln(0)", "the logarithm of zero or less is not defined");
    database.check_error("SELECT power(0, -1)", "a negative power of zero is not defined");
    database
        .check_error("SELECT power(-8, 0.5)", "a broken power of a negative number is not defined");
    database.check_error("SELECT exp(1000)", "f64 out of range");
}

#[test]
fn times() {
    let at = "TIMESTAMP '2026-03-01 13:04:05.678901'";
    let part = |unit: &str, expected: &str| {
        check(&[(&format!("extract({unit} FROM {at})"), expected)]);
    };
    part("year", "2026");
    part("month", "3");
    part("day", "1");
    part("hour", "13");
    part("minute", "4");
    part("second", "5.678901");
    part("milliseconds", "5678.901");
    part("microseconds", "5678901");
    part("dow", "0");
    part("isodow", "7");
    part("doy", "60");
    part("week", "9");
    part("isoyear", "2026");
    part("quarter", "1");
    part("decade", "202");
    part("century", "21");
    part("epoch", "1772370245.678901");
    let trunc = |unit: &str, expected: &str| {
        let found = format!("date_trunc('{unit}', {at}) = TIMESTAMP '{expected}'");
        check(&[(&found, "true")]);
    };
    trunc("second", "2026-03-01 13:04:05");
    trunc("hour", "2026-03-01 13:00");
    trunc("day", "2026-03-01");
    trunc("week", "2026-02-23");
    trunc("month", "2026-03-01");
    trunc("quarter", "2026-01-01");
    trunc("year", "2026-01-01");
    trunc("decade", "2020-01-01");
    trunc("century", "2001-01-01");
    check(&[
        (
            "extract(week FROM TIMESTAMP '2027-01-01'), extract(isoyear FROM TIMESTAMP '2027-01-01')",
            "53,2026",
        ),
        (
            "date_part('hour', INTERVAL '26:30:00'), extract(epoch FROM INTERVAL '1.5 minutes')",
            "26.0,90.000000",
        ),
        ("to_timestamp(1.5)", "1500000"),
        (
            "INTERVAL '1 hour' * 1.5, 2 * INTERVAL '1 minute', INTERVAL '1 hour' / 4",
            "5400000000,120000000,900000000",
        ),
        (
            "date_bin('15 minutes', TIMESTAMP '2026-01-01 10:37', TIMESTAMP '2026-01-01') = TIMESTAMP '2026-01-01 10:30'",
            "true",
        ),
        ("date_trunc('hour', INTERVAL '26:30:00')", "93600000000"),
    ]);
    let database = Database::empty();
    let no_unit = "there is no such unit of time, or none of this type";
    database.check_error("SELECT date_trunc('fortnight', TIMESTAMP '2026-01-01')", no_unit);
    database.check_error("SELECT INTERVAL '1 hour' / 0", "division by zero");
}

#[test]
fn now_is_the_moment_that_was_given() {
    let database = Database::filled();
    let run = |sql: &str, now: i64| {
        let plan = database.plan(sql).unwrap();
        let params = plan.read_params(b"[]").unwrap().at(Timestamp::from_micros(now));
        let mut out = Vec::new();
        let limits = ExecutionLimits::default();
        plan.execute(database.store(), &params, &limits).unwrap().write_json(&mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(run("SELECT now(), current_timestamp", 42), "[[42,42]]");
    let recent =
        "SELECT id FROM message WHERE room = 7 AND sent_at > now() - INTERVAL '150 us' ORDER BY id";
    assert_eq!(run(recent, 300), "[[2],[5]]");
    assert_eq!(run(recent, 449), "[[5]]");
    database.check_plan(
        "SELECT id FROM message WHERE room = 7 AND sent_at > now()",
        "project id\n  range message.by_room: room = 7, sent_at > now()",
    );
    assert_eq!(Params::default().now().as_micros(), 0);
}

#[test]
fn aggregates_take_distinct_and_filter() {
    let database = Database::filled();
    database.check(
        "SELECT count(DISTINCT author), sum(DISTINCT score), count(*) FILTER (WHERE pinned), \
         sum(score) FILTER (WHERE room = 7), avg(DISTINCT score), max(DISTINCT score) FROM message",
        "[[4,11,2,14,3.6666666666666667,9]]",
    );
    database.check(
        "SELECT room, count(DISTINCT author) FROM message GROUP BY 1 ORDER BY 1",
        "[[7,2],[8,2],[9,1]]",
    );
    database.check(
        "SELECT bool_and(pinned), bool_or(pinned), every(score > 0), bool_or(NULL) FROM message",
        "[[false,true,false,null]]",
    );
    database.check(
        "SELECT string_agg(author, ', '), string_agg(DISTINCT author, ''), string_agg(body, ',') FILTER (WHERE false) \
         FROM message",
        r#"[["ada, ada, ada, bob, cyd, eve","adabobcydeve",null]]"#,
    );
    database.check_error(
        "SELECT sum(DISTINCT) FROM message",
        "expected: an expression, found: ) (line 1, column 20)",
    );
    database.check_error(
        "SELECT lower(author) FILTER (WHERE pinned) FROM message",
        "FILTER of lower, which is no aggregate (line 1, column 8)",
    );
    database.check_error(
        "SELECT count(*) FILTER (WHERE count(*) > 1) FROM message",
        "count must not stand in an aggregate's argument (line 1, column 31)",
    );
}
