//! Rows in columns: what a reader that knows only `docs/protocol.md` finds in a batch is what the JSON of the same rows says, to
//! the last digit.

use std::str::FromStr;

use cosmictron_sql::{EncodedRows, ExecutionLimits, Params, RowChanges, RowFormat};
use proptest::prelude::*;
use serde_json::value::RawValue;

use crate::fixture::Database;

#[path = "../../../tests/fixture/batch.rs"]
pub(crate) mod reader;

use reader::{Batch, Cell, hex};

/// The types of columns, each also as an option.
const TYPES: [&str; 21] = [
    r#""bool""#,
    r#""u8""#,
    r#""u16""#,
    r#""u32""#,
    r#""u64""#,
    r#""u128""#,
    r#""i8""#,
    r#""i16""#,
    r#""i32""#,
    r#""i64""#,
    r#""i128""#,
    r#""f32""#,
    r#""f64""#,
    r#""string""#,
    r#""bytes""#,
    r#""timestamp""#,
    r#""identity""#,
    r#""connection_id""#,
    r#""uuid""#,
    r#"{"list": {"option": "string"}}"#,
    r#"{"option": "u8"}"#,
];

/// Values of a type, as JSON.
fn value(ty: &'static str) -> BoxedStrategy<String> {
    fn number<T: Arbitrary + ToString + FromStr + 'static>() -> BoxedStrategy<String> {
        // Often at the border of a width: a column is as wide as its widest value.
        let border =
            (0..126u32, any::<bool>(), -1i128..=1).prop_map(|(bits, is_negative, more)| {
                let number = (1i128 << bits) + more;
                let number = if is_negative { -number } else { number }.to_string();
                if number.parse::<T>().is_ok() { number } else { "0".to_owned() }
            });
        prop_oneof![3 => border, 1 => any::<T>().prop_map(|number| number.to_string())].boxed()
    }
    let text = || prop_oneof![".{0,6}", "[a-z]{250,260}", Just("\u{feff}é😀".to_owned())];
    let quoted = |text: String| serde_json::to_string(&text).unwrap();
    let digits = |count: usize| {
        proptest::collection::vec(any::<u8>(), count)
            .prop_map(|bytes| format!("\"{}\"", hex(&bytes)))
    };
    let float = |value: f64| match value {
        value if value.is_finite() => format!("{value:?}"),
        value if value.is_nan() => "\"NaN\"".to_owned(),
        value => format!("\"{}Infinity\"", if value < 0.0 { "-" } else { "" }),
    };
    match ty {
        r#""bool""# => any::<bool>().prop_map(|value| value.to_string()).boxed(),
        r#""u8""# => number::<u8>(),
        r#""u16""# => number::<u16>(),
        r#""u32""# => number::<u32>(),
        r#""u64""# => number::<u64>(),
        r#""u128""# => number::<u128>(),
        r#""i8""# => number::<i8>(),
        r#""i16""# => number::<i16>(),
        r#""i32""# => number::<i32>(),
        r#""i64""# | r#""timestamp""# => number::<i64>(),
        r#""i128""# => number::<i128>(),
        r#""f32""# => any::<f32>()
            .prop_map(move |value| match value.is_finite() {
                true => format!("{value:?}"),
                false => float(value.into()),
            })
            .boxed(),
        r#""f64""# => any::<f64>().prop_map(float).boxed(),
        r#""string""# => text().prop_map(quoted).boxed(),
        r#""bytes""# => proptest::collection::vec(any::<u8>(), 0..5)
            .prop_map(|bytes| format!(r#""\\x{}""#, hex(&bytes)))
            .boxed(),
        r#""identity""# => digits(32).boxed(),
        r#""connection_id""# => digits(16).boxed(),
        r#""uuid""# => any::<[u8; 16]>()
            .prop_map(|bytes| {
                let hex = hex(&bytes);
                let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
                format!("\"{}\"", parts.join("-"))
            })
            .boxed(),
        r#"{"list": {"option": "string"}}"# => {
            let element = proptest::option::of(text());
            proptest::collection::vec(element, 0..3)
                .prop_map(|list| serde_json::to_string(&list).unwrap())
                .boxed()
        }
        _ => proptest::option::of(any::<u8>())
            .prop_map(|option| serde_json::to_string(&option).unwrap())
            .boxed(),
    }
}

/// A row with a column of each type, then one of each as an option.
fn row() -> BoxedStrategy<String> {
    let plain: Vec<_> = TYPES.into_iter().map(value).collect();
    let optional = |ty: &'static str| {
        let is_twice = ty.contains("option\": \"u8");
        proptest::option::weighted(0.7, value(ty)).prop_map(move |value| match value {
            Some(value) if is_twice => format!("[{value}]"),
            Some(value) => value,
            None => "null".to_owned(),
        })
    };
    let optional: Vec<_> = TYPES.into_iter().map(optional).collect();
    (plain, optional).prop_map(|(a, b)| format!("[{},{}]", a.join(","), b.join(","))).boxed()
}

fn table() -> String {
    let columns = TYPES.iter().enumerate().flat_map(|(at, ty)| {
        let plain = format!(r#"{{"name": "c{at}", "type": {ty}}}"#);
        let optional = format!(r#"{{"name": "o{at}", "type": {{"option": {ty}}}}}"#);
        [(0, plain), (1, optional)]
    });
    let mut columns: Vec<(u8, String)> = columns.collect();
    columns.sort_by_key(|(order, _)| *order);
    let columns: Vec<String> = columns.into_iter().map(|(_, column)| column).collect();
    format!(
        r#"{{"table": {{"name": "t", "public": true, "columns": [{}], "indexes": []}}}}"#,
        columns.join(",")
    )
}

fn encode(database: &Database, sql: &str, format: RowFormat) -> EncodedRows {
    let plan = database.plan(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let (limits, params) = (ExecutionLimits::default(), Params::default());
    let rows = plan.execute(database.store(), &params, &limits);
    rows.unwrap_or_else(|error| panic!("{sql}: {error}")).encode(format).unwrap()
}

/// Compares a batch with the JSON of the same rows.
#[track_caller]
fn check_batch(batch: &Batch, json: &[u8], types: &[String]) {
    let rows: Vec<Vec<&RawValue>> = serde_json::from_slice(json).unwrap();
    assert_eq!(batch.rows, rows.len());
    for (number, row) in rows.iter().enumerate() {
        assert_eq!(batch.columns.len(), row.len());
        for ((column, json), ty) in batch.columns.iter().zip(row).zip(types) {
            let (cell, json) = (&column[number], json.get());
            match cell {
                Cell::Unsigned(value) => assert_eq!(value.to_string(), json),
                Cell::Signed(value) => assert_eq!(value.to_string(), json),
                Cell::Float(value) if value.is_finite() => {
                    assert_eq!(json.parse::<f64>().unwrap().to_bits(), value.to_bits());
                }
                Cell::Single(value) if value.is_finite() => {
                    assert_eq!(json.parse::<f32>().unwrap().to_bits(), value.to_bits());
                }
                // As they were written, not as they are read.
                Cell::Json(text) | Cell::Decimal(text) => assert_eq!(text, json),
                cell => {
                    let expected: serde_json::Value = serde_json::from_str(json).unwrap();
                    assert_eq!(cell.to_json(ty), expected, "{ty}");
                }
            }
        }
    }
}

#[track_caller]
fn check(database: &Database, sql: &str) {
    let plan = database.plan(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let types: Vec<String> = plan.columns().iter().map(|column| column.ty.to_string()).collect();
    let told = encode(database, sql, RowFormat::Binary).told().into_owned();
    let (batch, rest) = Batch::split_first(&told);
    assert!(rest.is_empty());
    check_batch(&batch, &encode(database, sql, RowFormat::Json).told(), &types);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn stored_rows_come_back_as_they_were(rows in prop_oneof![
            proptest::collection::vec(row(), 0..3),
            proptest::collection::vec(row(), 3..12),
        ]) {
        let mut database = Database::empty();
        database.create("types", &[&table()]);
        database.insert("t", &rows);
        check(&database, "SELECT * FROM t");
    }

    #[test]
    fn what_leads_from_one_answer_to_another_is_the_same_in_both_formats(
        before in proptest::collection::vec(0..5u8, 0..8),
        after in proptest::collection::vec(0..5u8, 0..8),
    ) {
        let answer = |numbers: &[u8], format| {
            let mut database = Database::empty();
            let columns = r#"[{"name": "a", "type": "u8"}, {"name": "b", "type": {"option": "string"}}]"#;
            let table = format!(r#"{{"table": {{"name": "n", "public": true, "columns": {columns}, "indexes": []}}}}"#);
            database.create("numbers", &[&table]);
            let row = |number: &u8| match number % 2 {
                0 => format!("[{number}, null]"),
                _ => format!(r#"[{number}, "{number}"]"#),
            };
            database.insert("n", &numbers.iter().map(row).collect::<Vec<String>>());
            encode(&database, "SELECT * FROM n", format)
        };
        let told = |format| {
            let mut told = Vec::new();
            RowChanges::between(&answer(&before, format), &answer(&after, format)).write(&mut told);
            told
        };
        let (binary, json) = (told(RowFormat::Binary), told(RowFormat::Json));
        let types = ["u8".to_owned(), "string".to_owned()];
        let (inserts, rest) = Batch::split_first(&binary);
        let (deletes, rest) = Batch::split_first(rest);
        prop_assert!(rest.is_empty());
        let expected: serde_json::Value =
            serde_json::from_str(&format!("[{}]", str::from_utf8(&json).unwrap())).unwrap();
        let sorted = |rows: serde_json::Value| {
            let mut rows: Vec<String> = rows.as_array().unwrap().iter().map(|row| row.to_string()).collect();
            rows.sort();
            rows
        };
        prop_assert_eq!(sorted(inserts.to_json(&types)), sorted(expected[0].clone()));
        prop_assert_eq!(sorted(deletes.to_json(&types)), sorted(expected[1].clone()));
    }
}

#[test]
fn computed_values_come_as_in_json() {
    let database = Database::filled();
    for sql in [
        "SELECT 1, 'a', NULL, true, 1.50, -7",
        "SELECT * FROM message",
        "SELECT * FROM every",
        "SELECT count(*), sum(id), avg(score), max(body), min(weight), bool_or(pinned) FROM message",
        "SELECT sum(vast), max(vast), min(huge), avg(single) FROM every",
        "SELECT DISTINCT list, kind, who, wire, tag, raw, maybe, span FROM every",
        "SELECT m.body, s.value FROM message m LEFT JOIN chat.setting s ON s.key = m.body",
        "SELECT CASE WHEN score > 5 THEN score END, coalesce(score, -1), id + 1 FROM message",
        "SELECT vast FROM every UNION ALL SELECT huge FROM every",
        "SELECT coalesce(e.id, -1) FROM every e",
        "SELECT author FROM message WHERE id = 0",
        "SELECT room, string_agg(body, '😀') FROM message GROUP BY room",
        "SELECT sent_at + span, sent_at FROM message CROSS JOIN every",
    ] {
        check(&database, sql);
    }
}

#[test]
fn the_batch_of_the_document_is_what_is_written() {
    let document = include_str!("../../../docs/protocol.md");
    let blocks: Vec<&str> = document.split("```hex\n").skip(1).collect();
    let block = blocks[1].split_once("```").expect("the block ends").0;
    let bytes = |line: &str| {
        let (hex, _) = line.split_once("  ").unwrap_or((line, ""));
        let hex = hex.replace(' ', "");
        let digits = hex.as_bytes().chunks(2);
        digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    };
    let expected: Vec<u8> = block.lines().flat_map(|line| -> Vec<u8> { bytes(line) }).collect();
    let mut database = Database::empty();
    let columns = r#"[{"name": "a", "type": "i64"}, {"name": "b", "type": {"option": "string"}},
        {"name": "c", "type": {"option": "bool"}}]"#;
    let table = format!(
        r#"{{"table": {{"name": "d", "public": true, "columns": {columns}, "indexes": []}}}}"#
    );
    database.create("document", &[&table]);
    let rows = [r#"[1, "ada", null]"#, r#"[300, "é😀", true]"#, r#"[-1, null, false]"#];
    database.insert("d", &rows);
    let told = encode(&database, "SELECT * FROM d", RowFormat::Binary).told().into_owned();
    assert_eq!(hex(&told), hex(&expected));
    let (batch, _) = Batch::split_first(&expected);
    let types = ["i64", "string", "bool"].map(str::to_owned);
    check_batch(&batch, format!("[{}]", rows.join(",")).as_bytes(), &types);
}

#[test]
fn no_rows_are_a_head_alone() {
    let told = EncodedRows::none(RowFormat::Binary).told().into_owned();
    assert_eq!(told, [16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}
