//! What expressions are worth, and of what type. Every value here was compared with PostgreSQL 15's.

use crate::fixture::Database;

/// Each expression is worth this JSON and has this type; `E:` is an error.
#[track_caller]
fn check(table: &[(&str, &str)]) {
    let database = Database::empty();
    for (expression, expected) in table {
        let sql = format!("SELECT {expression}");
        let found = match database.run(&sql, "[]") {
            Ok(json) => {
                let value =
                    json.strip_prefix("[[").and_then(|json| json.strip_suffix("]]")).unwrap();
                format!("{value} {}", database.plan(&sql).unwrap().columns()[0].ty)
            }
            Err(error) => format!("E: {error}"),
        };
        assert_eq!(found, *expected, "{expression}");
    }
}

#[test]
fn integers_keep_to_their_widths() {
    check(&[
        ("1", "1 i32"),
        ("2147483647", "2147483647 i32"),
        ("2147483648", "2147483648 i64"),
        ("-2147483648", "-2147483648 i32"),
        ("9223372036854775808", "9223372036854775808 numeric"),
        ("-9223372036854775808", "-9223372036854775808 i64"),
        ("1_000", "1000 i32"),
        ("2147483647 + 1", "E: i32 out of range"),
        ("2147483647 + 1::bigint", "2147483648 i64"),
        ("9223372036854775807 * 2", "E: i64 out of range"),
        ("32767::smallint + 1::smallint", "E: i16 out of range"),
        ("200::u8 + 200::u8", "400 i16"),
        ("40000::u16 * 2::i8", "80000 i32"),
        ("4000000000::u32 + 1", "4000000001 i64"),
        ("18446744073709551615::u64 + 1", "18446744073709551616 numeric"),
        ("7 / 2", "3 i32"),
        ("-7 / 2", "-3 i32"),
        ("-7 % 3", "-1 i32"),
        ("1 / 0", "E: division by zero"),
        ("1 % 0", "E: division by zero"),
        ("(-9223372036854775808) % (-1)", "0 i64"),
        ("(-9223372036854775808) / (-1)", "E: i64 out of range"),
        ("- 5::u64", "-5 numeric"),
        ("abs(-5::smallint)", "5 i16"),
        ("abs(-32768::smallint)", "E: i16 out of range"),
        ("null + 1", "null i32"),
    ]);
}

#[test]
fn exact_numbers_keep_their_digits() {
    check(&[
        ("1.50", "1.50 numeric"),
        ("1.1 + 2.25", "3.35 numeric"),
        ("1.10 * 1.10", "1.2100 numeric"),
        ("10::numeric / 3", "3.3333333333333333 numeric"),
        ("7.0 / 2", "3.5000000000000000 numeric"),
        ("1 / 3.0", "0.33333333333333333333 numeric"),
        ("2.5 % 0.7", "0.4 numeric"),
        ("1.0 / 0", "E: division by zero"),
        ("round(2.5)", "3 numeric"),
        ("round(-2.5)", "-3 numeric"),
        ("round(2.675, 2)", "2.68 numeric"),
        ("round(1234.5, -2)", "1200 numeric"),
        ("- round(0.0, 1)", "0.0 numeric"),
        ("floor(-1.5)", "-2 numeric"),
        ("ceil(1.2)", "2 numeric"),
        (
            "170141183460469231731687303715884105727::u128 + 1",
            "170141183460469231731687303715884105728 numeric",
        ),
        (
            "340282366920938463463374607431768211455::u128",
            "340282366920938463463374607431768211455 u128",
        ),
        ("340282366920938463463374607431768211456::u128", "E: u128 out of range"),
        ("1e3", "1000 numeric"),
        ("1e-3", "0.001 numeric"),
        ("1e5000", "E: 1e5000 is not a number that can be held (line 1, column 8)"),
    ]);
}

#[test]
fn floats_are_checked_for_what_they_lose() {
    check(&[
        ("0.1::f64 + 0.2::f64", "0.30000000000000004 f64"),
        ("0.1::f32 + 0.2::f32", "0.3 f32"),
        ("1::real / 3", "0.3333333333333333 f64"),
        ("1e300::f64 * 1e300::f64", "E: f64 out of range"),
        ("1e-300::f64 * 1e-300::f64", "E: f64 out of range"),
        ("1e38::f32 * 10::f32", "E: f32 out of range"),
        ("1::f64 / 0", "E: division by zero"),
        ("'NaN'::f64", "\"NaN\" f64"),
        ("'-infinity'::f64", "\"-Infinity\" f64"),
        ("'NaN'::f64 = 'NaN'::f64", "true bool"),
        ("'NaN'::f64 > 'Infinity'::f64", "true bool"),
        ("-0.0::f64 = 0::f64", "true bool"),
        ("round(2.5::f64)", "2.0 f64"),
        ("round(3.5::f64)", "4.0 f64"),
        ("floor(5)", "5.0 f64"),
        ("1::f64 % 2", "E: there is no f64 % i32 (line 1, column 8)"),
        ("1e39::f32", "E: f32 out of range"),
    ]);
}

#[test]
fn conditions_know_three_values() {
    check(&[
        ("null::bool AND false", "false bool"),
        ("null::bool AND true", "null bool"),
        ("null::bool OR true", "true bool"),
        ("NOT null", "null bool"),
        ("null = null", "null bool"),
        ("null IS NULL", "true bool"),
        ("1 IS NOT NULL", "true bool"),
        ("null IS DISTINCT FROM 1", "true bool"),
        ("null IS NOT DISTINCT FROM null", "true bool"),
        ("1 IN (2, null)", "null bool"),
        ("1 IN (1, null)", "true bool"),
        ("1 NOT IN (2, 3)", "true bool"),
        ("1 NOT IN (2, null)", "null bool"),
        ("5 BETWEEN 1 AND 10", "true bool"),
        ("5 BETWEEN 10 AND null", "false bool"),
        ("5 NOT BETWEEN 1 AND null", "null bool"),
        ("(null > 1) IS UNKNOWN", "true bool"),
        ("(1 > 0) IS NOT FALSE", "true bool"),
        ("null::bool IS TRUE", "false bool"),
        ("true > false", "true bool"),
        ("false AND 1 / 0 = 1", "false bool"),
        ("null::int = 1 / 0", "E: division by zero"),
        ("1", "1 i32"),
        ("NOT 1", "E: the operand of NOT is i32, expected bool (line 1, column 12)"),
        ("1 AND true", "E: an operand of AND is i32, expected bool (line 1, column 8)"),
    ]);
}

#[test]
fn values_of_different_types_meet_or_are_refused() {
    check(&[
        ("1 = 1.0", "true bool"),
        ("1::u64 = -1", "false bool"),
        ("18446744073709551615::u64 > 9223372036854775807", "true bool"),
        ("1 = 1::f64", "true bool"),
        ("0.1::f32 = 0.1", "false bool"),
        ("1 = '1'", "true bool"),
        ("1 = 'x'", "E: invalid text for i32: 'x' (line 1, column 12)"),
        ("'a' < 'B'", "false bool"),
        ("1 = true", "E: i32 cannot be compared with bool (line 1, column 12)"),
        (
            "timestamp '2026-01-01' > 5",
            "E: timestamp cannot be compared with i32; ::i64 gives its microseconds (line 1, column 33)",
        ),
        ("1 + 'x'", "E: invalid text for i32: 'x' (line 1, column 12)"),
        ("'a' + 'b'", "E: the types of + cannot be told: add a cast (line 1, column 8)"),
        ("true + 1", "E: there is no bool + i32 (line 1, column 8)"),
        ("coalesce(null, 1, 2.5)", "1 numeric"),
        (
            "coalesce(1, 'x'::string)",
            "E: an argument of coalesce is string, expected i32 (line 1, column 20)",
        ),
        ("CASE WHEN true THEN 1 ELSE 2.5 END", "1 numeric"),
        ("CASE 3 WHEN 1 THEN 'a' WHEN 3 THEN 'c' END", "\"c\" string"),
        ("CASE WHEN false THEN 1 END", "null i32"),
        ("CASE WHEN true THEN 1 ELSE 1 / 0 END", "1 i32"),
        ("nullif(1, 1)", "null i32"),
        ("nullif(1, 2.0)", "1 i32"),
        ("greatest(1, null, 3)", "3 i32"),
        ("least('b', 'a')", "\"a\" string"),
    ]);
}

#[test]
fn texts_are_joined_matched_and_measured() {
    check(&[
        ("'a' || 'b'", "\"ab\" string"),
        ("'a' || 5", "\"a5\" string"),
        ("null || 'a'", "null string"),
        ("1 || 2", "E: there is no i32 || i32 (line 1, column 8)"),
        ("'it''s'", "\"it's\" string"),
        (r"E'a\nb'", "\"a\\nb\" string"),
        ("$$x$$", "\"x\" string"),
        ("lower('ÀB')", "\"àb\" string"),
        ("upper('straße')", "\"STRAßE\" string"),
        ("length('héllo')", "5 i32"),
        ("octet_length('héllo')", "6 i32"),
        ("length('\\x00ff'::bytes)", "2 i32"),
        ("'abc' LIKE 'a%'", "true bool"),
        ("'ABC' LIKE 'a%'", "false bool"),
        ("'ABC' ILIKE 'a_c'", "true bool"),
        ("'10%' LIKE '10!%' ESCAPE '!'", "true bool"),
        ("'a' LIKE 'a\\'", "E: a LIKE pattern must not end with its escape character"),
        ("'a' NOT LIKE null", "null bool"),
        ("lower(5)", "E: there is no lower(i32) (line 1, column 14)"),
    ]);
}

#[test]
fn casts_read_and_write_texts() {
    check(&[
        ("' 12 '::int", "12 i32"),
        ("'12x'::int", "E: invalid text for i32: '12x' (line 1, column 8)"),
        ("'300'::u8", "E: u8 out of range: '300' (line 1, column 8)"),
        ("300::u8", "E: u8 out of range"),
        ("-1::u64", "-1 numeric"),
        ("(-1)::u64", "E: u64 out of range"),
        ("2.5::int", "3 i32"),
        ("2.5::f64::int", "2 i32"),
        ("'yes'::bool", "true bool"),
        ("'o'::bool", "E: invalid text for bool: 'o' (line 1, column 8)"),
        ("true::string", "\"true\" string"),
        ("1e20::f64::string", "\"1e+20\" string"),
        ("0.00001::f64::string", "\"1e-05\" string"),
        ("123456.5::f64::string", "\"123456.5\" string"),
        ("1.50::string", "\"1.50\" string"),
        ("'\\x00FF'::bytes", "\"\\\\x00ff\" bytes"),
        ("'\\x0'::bytes", "E: invalid text for bytes: '\\x0' (line 1, column 8)"),
        (
            "'550E8400e29b41d4a716446655440000'::uuid",
            "\"550e8400-e29b-41d4-a716-446655440000\" uuid",
        ),
        ("true::int", "1 i32"),
        ("2::bool", "true bool"),
        ("0.1::f32::numeric", "0.1 numeric"),
        ("1::uuid", "E: i32 cannot be cast to uuid (line 1, column 8)"),
        ("1::point", "E: there is no type point (line 1, column 11)"),
        ("1::numeric(10, 2)", "E: the type numeric(10,2) is not supported (line 1, column 8)"),
        ("CAST('7' AS u64)", "7 u64"),
        ("u64 '7'", "7 u64"),
        (
            "uuid '550E8400-e29b-41d4-a716-446655440000'",
            "\"550e8400-e29b-41d4-a716-446655440000\" uuid",
        ),
        ("1 != 2", "true bool"),
    ]);
}

#[test]
fn instants_and_spans_count_microseconds() {
    check(&[
        ("TIMESTAMP '2026-01-01T00:00:00Z'", "1767225600000000 timestamp"),
        ("'2026-01-01 01:00+01'::timestamptz", "1767225600000000 timestamp"),
        ("(TIMESTAMP '2026-01-01')::i64", "1767225600000000 i64"),
        ("(1767225600000000)::timestamp::string", "\"2026-01-01 00:00:00\" string"),
        ("TIMESTAMP '2026-01-01' + INTERVAL '90 minutes'", "1767231000000000 timestamp"),
        ("TIMESTAMP '2026-01-02' - TIMESTAMP '2026-01-01'", "86400000000 duration"),
        (
            "TIMESTAMP '2026-01-01' - '1 hour'",
            "E: invalid text for timestamp: '1 hour' (line 1, column 33)",
        ),
        ("TIMESTAMP '2026-01-01' + '1 hour'", "1767229200000000 timestamp"),
        ("INTERVAL '1.5' HOUR", "5400000000 duration"),
        ("- INTERVAL '1s'", "-1000000 duration"),
        ("(INTERVAL '26 hours')::string", "\"26:00:00\" string"),
        (
            "TIMESTAMP '2026-02-30'",
            "E: invalid text for timestamp: '2026-02-30' (line 1, column 18)",
        ),
        ("INTERVAL '1 month'", "E: invalid text for duration (line 1, column 17)"),
        ("TIMESTAMP '294000-01-01' + INTERVAL '1000000 days'", "E: timestamp out of range"),
    ]);
}
