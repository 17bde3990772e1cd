//! What a history is drawn from.

use cosmictron_types::Type;
use proptest::prelude::*;

use crate::fixture::Value;

/// At home; refers to itself and to rows that are spread.
const HOME: &str = r#"{"name":"home","columns":[
    {"name":"id","type":"u64","auto_inc":true},
    {"name":"name","type":{"option":"string"}},
    {"name":"up","type":{"option":"u64"},"foreign_key":{"table":"home","column":"id"}},
    {"name":"account","type":{"option":"u64"},"foreign_key":{"table":"account","column":"id"}},
    {"name":"tag","type":{"option":"string"},"foreign_key":{"table":"account","column":"tag"}}],
  "indexes":[{"name":"id","columns":["id"],"primary":true},
    {"name":"name","columns":["name"],"unique":true},
    {"name":"account","columns":["account","name"]}]}"#;
/// By its primary key, with two sharded indexes; refers to itself and to rows at home.
const ACCOUNT: &str = r#"{"name":"account","shard_by":"id","columns":[
    {"name":"id","type":"u64","auto_inc":true},
    {"name":"tag","type":"string"},
    {"name":"email","type":{"option":"string"}},
    {"name":"up","type":{"option":"u64"},"foreign_key":{"table":"account","column":"id"}},
    {"name":"home","type":{"option":"u64"},"foreign_key":{"table":"home","column":"id"}}],
  "indexes":[{"name":"id","columns":["id"],"primary":true},
    {"name":"tag","columns":["tag"],"unique":true},
    {"name":"email","columns":["email"],"unique":true},
    {"name":"home","columns":["home","tag"]}]}"#;
/// By another column than its primary key, which counts; beside its account; refers to accounts by their tag as well.
const ITEM: &str = r#"{"name":"item","shard_by":"account","columns":[
    {"name":"id","type":"i32","auto_inc":true},
    {"name":"account","type":"u64","foreign_key":{"table":"account","column":"id"}},
    {"name":"kind","type":"u8"},
    {"name":"code","type":{"option":"string"}},
    {"name":"tag","type":{"option":"string"},"foreign_key":{"table":"account","column":"tag"}}],
  "indexes":[{"name":"id","columns":["id"],"primary":true},
    {"name":"slot","columns":["kind","account"],"unique":true},
    {"name":"code","columns":["kind","code"],"unique":true},
    {"name":"tag","columns":["tag"],"unique":true},
    {"name":"kind","columns":["kind"]}]}"#;
/// Without a primary key, by a float.
const POINT: &str = r#"{"name":"point","shard_by":"x","columns":[
    {"name":"x","type":"f64"},
    {"name":"item","type":{"option":"i32"},"foreign_key":{"table":"item","column":"id"}},
    {"name":"label","type":{"option":"string"}}],
  "indexes":[{"name":"x","columns":["x","label"],"unique":true},
    {"name":"item","columns":["item"]},
    {"name":"label","columns":["label","item"],"unique":true}]}"#;
/// Append-only, by a text; two sequences.
const EVENT: &str = r#"{"name":"event","event":true,"shard_by":"who","columns":[
    {"name":"who","type":"string"},
    {"name":"id","type":"u64","auto_inc":true},
    {"name":"more","type":"i128","auto_inc":true}],
  "indexes":[{"name":"id","columns":["id"],"unique":true},
    {"name":"more","columns":["more"],"unique":true},
    {"name":"who","columns":["who","id"]}]}"#;
pub(super) const TABLES: [&str; 5] = [HOME, ACCOUNT, ITEM, POINT, EVENT];
pub(super) const VALUES: usize = 5;

#[derive(Clone, Debug)]
pub(super) enum Op {
    Insert { table: u8, values: [u8; VALUES] },
    Update { table: u8, row: u8, values: [u8; VALUES] },
    Delete { table: u8, row: u8, values: [u8; VALUES], index: u8, columns: u8 },
}

#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) here: u8,
    pub(super) held: Vec<u8>,
    pub(super) ops: Vec<Op>,
    pub(super) is_undone: bool,
}

fn op() -> impl Strategy<Value = Op> {
    let values = || any::<[u8; VALUES]>();
    prop_oneof![
        8 => (any::<u8>(), values()).prop_map(|(table, values)| Op::Insert { table, values }),
        5 => (any::<u8>(), any::<u8>(), values())
            .prop_map(|(table, row, values)| Op::Update { table, row, values }),
        2 => (any::<u8>(), any::<u8>(), values(), any::<u8>(), any::<u8>()).prop_map(
            |(table, row, values, index, columns)| Op::Delete { table, row, values, index, columns }
        ),
    ]
}

pub(super) fn transaction() -> impl Strategy<Value = Transaction> {
    let ops = prop::collection::vec(op(), 1..12);
    let held = prop::collection::vec(any::<u8>(), 0..4);
    (any::<u8>(), held, ops, prop::bool::weighted(0.2))
        .prop_map(|(here, held, ops, is_undone)| Transaction { here, held, ops, is_undone })
}

const FLOATS: [f64; 6] = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 2.0, f64::NAN];
const TEXTS: [&str; 8] = ["", "\0", "\u{1}", "a", "a\0", "b", "abcdefgh", "abcdefgh-and-more"];

/// One of few values of a type, in tail form.
pub(super) fn plain(ty: &Type, value: u8) -> Vec<u8> {
    let at = usize::from(value);
    match ty {
        Type::U8 => (value % 3).tail(),
        Type::U64 => u64::from(value % 12).tail(),
        Type::I32 => (i32::from(value % 12) - 2).tail(),
        Type::I128 => (i128::from(value % 12) - 2).tail(),
        Type::F64 => FLOATS[at % FLOATS.len()].tail(),
        Type::String => TEXTS[at % TEXTS.len()].to_owned().tail(),
        other => panic!("no column has the type {other}"),
    }
}
