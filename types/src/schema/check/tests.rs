//! What a module may not declare, and what it is told.

use super::*;

#[track_caller]
fn check(items: &[&str], expected: &str) {
    let error = ModuleSchema::parse_items(items.iter().copied()).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

fn table(columns: &str, indexes: &str) -> String {
    format!(r#"{{"table":{{"name":"t","columns":[{columns}],"indexes":[{indexes}]}}}}"#)
}

const ID: &str = r#"{"name":"id","type":"u64"}"#;
const PRIMARY: &str = r#"{"name":"id","columns":["id"],"primary":true}"#;

#[test]
fn a_broken_rule_is_named_with_its_place() {
    check(&[&table("", "")], "table t: a table has at least one column");
    check(
        &[&table(ID, r#"{"name":"i","columns":["nope"]}"#)],
        "table t, index i: there is no column nope",
    );
    check(&[&table(&format!("{ID},{ID}"), "")], "table t, column id is declared twice");
    check(
        &[&table(r#"{"name":"1x","type":"u8"}"#, "")],
        "table t, column 1x: a name is 1 to 63 letters, digits and _, not starting with a digit",
    );
    check(
        &[&table(r#"{"name":"id","type":"string","auto_inc":true}"#, PRIMARY)],
        "table t, column id: auto_inc needs an integer",
    );
    check(
        &[&table(r#"{"name":"id","type":{"option":"u64"}}"#, PRIMARY)],
        "table t, index id: a primary key is never absent",
    );
    check(
        &[&table(r#"{"name":"id","type":"u64","foreign_key":{"table":"u","column":"id"}}"#, "")],
        "table t, column id: there is no table u",
    );
    check(&[&table(ID, PRIMARY), &table(ID, PRIMARY)], "table or view t is declared twice");
    check(
        &[r#"{"reducer":{"name":"r","params":[],"shard_by":["x"]}}"#],
        "reducer r, shard_by: there is no argument x",
    );
}

fn sharded(columns: &str, shard_by: &str) -> String {
    let table = format!(
        r#"{{"name":"t","columns":[{columns}],"indexes":[{PRIMARY}],"shard_by":"{shard_by}"}}"#
    );
    format!(r#"{{"table":{table}}}"#)
}

fn routed(ty: &str, shard_by: &str) -> String {
    let params = format!(r#"[{{"name":"to","type":{ty}}}]"#);
    format!(r#"{{"reducer":{{"name":"r","params":{params},"shard_by":[{shard_by}]}}}}"#)
}

#[test]
fn what_places_rows_can_be_hashed() {
    const ABSENT: &str = "what places rows on a shard is never absent";
    const KEY: &str = "what places rows on a shard is a bool, a number, a string, bytes, a time, an identity or a uuid";
    let other = |ty: &str| format!(r#"{ID},{{"name":"o","type":{ty}}}"#);
    let check_column = |ty: &str, rule: &str| {
        check(&[&sharded(&other(ty), "o")], &format!("table t, shard_by: {rule}"))
    };
    check_column(r#"{"option":"u64"}"#, ABSENT);
    check_column(r#"{"list":"u64"}"#, KEY);
    check_column(r#"{"struct":{"name":"S","fields":[]}}"#, KEY);
    check(&[&sharded(ID, "nope")], "table t, shard_by: there is no column nope");
    let check_argument = |ty: &str, rule: &str| {
        check(&[&routed(ty, r#""to""#)], &format!("reducer r, shard_by, argument to: {rule}"));
    };
    check_argument(r#"{"option":"u64"}"#, ABSENT);
    check_argument(r#"{"list":"u64"}"#, KEY);
    check(
        &[&routed(r#""u64""#, r#""to","to""#)],
        "reducer r, shard_by, argument to is declared twice",
    );
    for ty in ["bool", "f64", "string", "bytes", "uuid", "timestamp"] {
        let (column, argument) = (other(&format!(r#""{ty}""#)), format!(r#""{ty}""#));
        let items = [sharded(&column, "o"), routed(&argument, r#""to""#)];
        ModuleSchema::parse_items(items.iter().map(String::as_str)).unwrap();
    }
}

#[test]
fn every_shard_has_numbers_to_give_out() {
    let id = |ty: &str| format!(r#"{{"name":"id","type":"{ty}","auto_inc":true}}"#);
    for ty in ["u8", "i8", "u16", "i16"] {
        check(
            &[&sharded(&id(ty), "id")],
            "table t, shard_by, column id: auto_inc of a table that is spread over shards needs 32 bits or more",
        );
    }
    ModuleSchema::parse_items([sharded(&id("i32"), "id").as_str()]).unwrap();
}

#[test]
fn the_primary_key_comes_first_and_is_unique() {
    let by_name = r#"{"name":"by_name","columns":["name"]}"#;
    let columns = format!(r#"{ID},{{"name":"name","type":"string"}}"#);
    let text = table(&columns, &format!("{by_name},{PRIMARY}"));
    let schema = ModuleSchema::parse_items([text.as_str()]).unwrap();
    let table = &schema.tables[0];
    assert!(table.indexes[0].primary && table.indexes[0].unique);
    assert_eq!(table.primary_key().map(|key| key.get()), Some(0));
    assert_eq!(ModuleSchema::parse(&schema.to_json()).unwrap(), schema);
}
