//! What a module may not declare, and what it is told.

use super::*;

#[track_caller]
fn check(items: &[&str], expected: &str) {
    let error = ModuleSchema::parse_items(items.iter().copied()).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[track_caller]
fn admits(items: &[&str]) {
    ModuleSchema::parse_items(items.iter().copied()).unwrap();
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
        admits(&[&sharded(&column, "o"), &routed(&argument, r#""to""#)]);
    }
}

#[test]
fn a_call_is_routed_by_what_places_rows() {
    let to = |ty: &str| routed(&format!(r#""{ty}""#), r#""to""#);
    let refuses = |tables: &[&str], ty: &str, rule: &str| {
        let expected = format!("reducer r, shard_by, argument to: {rule}");
        check(&[tables, &[&to(ty)]].concat(), &expected);
    };
    let owner = r#"{"name":"owner","type":{"option":"string"}}"#;
    let by_owner = r#"{"name":"by_owner","columns":["owner","id"],"unique":true}"#;
    let home = table(&format!("{ID},{owner}"), &format!("{PRIMARY},{by_owner}"));
    refuses(&[&home], "u64", "no table of this module is spread over shards");
    let by_id = sharded(&format!("{ID},{owner}"), "id");
    refuses(&[&by_id], "u32", "no row is placed by type u32; rows are placed by u64 (t.id)");
    refuses(&[&by_id], "string", "no row is placed by type string; rows are placed by u64 (t.id)");
    admits(&[&by_id, &to("u64")]);

    // A value that is unique over all shards has a place of its own.
    let at = r#"{"name":"at","type":"timestamp"}"#;
    let by_at = by_id.replace(r#""shard_by":"id""#, r#""shard_by":"at""#);
    let by_at =
        by_at.replace(ID, &format!("{ID},{at}")).replace(PRIMARY, &format!("{by_owner},{PRIMARY}"));
    for ty in ["timestamp", "u64", "string"] {
        admits(&[&by_at, &to(ty)]);
    }
    let known = "rows are placed by timestamp (t.at), u64 (t.id), string (t.owner)";
    refuses(&[&by_at], "i64", &format!("no row is placed by type i64; {known}"));

    let numbered = by_at.replacen(r#""u64""#, r#""u64","auto_inc":true"#, 1);
    refuses(&[&numbered], "uuid", &format!("no row is placed by type uuid; {known}"));

    // Rows with generated keys are where the call runs that makes them, whatever it is routed by.
    let generated = by_id.replace(r#""u64""#, r#""u64","auto_inc":true"#);
    admits(&[&generated, &to("uuid")]);
    refuses(&[&generated], "i64", "no row is placed by type i64; rows are placed by u64 (t.id)");
}

#[test]
fn what_the_server_calls_has_no_arguments_to_be_routed_by() {
    let init = |params: &str| {
        format!(
            r#"{{"reducer":{{"name":"r","kind":"init","params":[{params}],"shard_by":["id"]}}}}"#
        )
    };
    check(
        &[&init("")],
        "reducer r, shard_by: a reducer that the server calls has no arguments to say where",
    );
    check(&[&init(ID)], "reducer r: a reducer that the server calls takes no arguments");
}

#[test]
fn a_table_is_placed_once_and_by_one_column() {
    let twice = sharded(ID, "id").replace(r#","shard_by""#, r#","shard_by":"id","shard_by""#);
    for item in [twice, sharded(ID, "id").replace(r#":"id"}}"#, r#":["id"]}}"#)] {
        let error = ModuleSchema::parse_items([item.as_str()]).unwrap_err();
        assert!(matches!(error, SchemaError::Json(_)), "{item}: {error}");
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
    admits(&[&sharded(&id("i32"), "id")]);
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

#[test]
fn policies_are_bounded_and_force_is_for_reading() {
    let with = |more: &str| table(ID, PRIMARY).replace("}}", &format!("{more}}}}}"));
    let policies = |kind: &str, text: &str, count: usize| {
        let policy = format!(r#"{{"{kind}":"{text}"}}"#);
        with(&format!(r#","policies":[{}]"#, vec![policy; count].join(",")))
    };
    admits(&[&policies("read", "id = 1", 16)]);
    admits(&[&policies("write", &"x".repeat(4096), 1)]);
    check(
        &[&policies("write", "true", 17)],
        "table t: write policies: 17 is more than the limit of 16",
    );
    check(
        &[&policies("read", &"x".repeat(4097), 1)],
        "table t: bytes of a policy: 4097 is more than the limit of 4096",
    );
    let forced = |policies: &str| with(&format!(r#","force_policies":true{policies}"#));
    admits(&[&forced(r#","policies":[{"read":"true"}]"#)]);
    check(
        &[&forced(r#","policies":[{"write":"true"}]"#)],
        "table t: rls(force) is for read policies, and the table has none",
    );
    let many: Vec<String> = (0..17)
        .map(|at| policies("read", "true", 16).replace(r#""t""#, &format!(r#""t{at}""#)))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    check(&many, "policies: 272 is more than the limit of 256");
}

const EMAIL: &str = r#"{"name":"email","type":{"option":"string"},"pii":{}}"#;

#[test]
fn personal_data_that_cannot_be_encrypted_is_refused() {
    let with = |column: &str| table(&format!("{ID},{column}"), PRIMARY);
    check(
        &[&with(r#"{"name":"email","type":"string","pii":{}}"#)],
        "table t, column email: pii needs an option: a value whose key is destroyed is absent",
    );
    let index = r#"{"name":"both","columns":["id","email"]}"#;
    check(
        &[&table(&format!("{ID},{EMAIL}"), &format!("{PRIMARY},{index}"))],
        "table t, column email: pii cannot be in an index: equal values are encrypted to different bytes",
    );
    let key = r#""foreign_key":{"table":"t","column":"id"}"#;
    check(
        &[&with(&format!(r#"{{"name":"other","type":{{"option":"u64"}},{key},"pii":{{}}}}"#))],
        "table t, column other: pii cannot be a foreign key",
    );
    check(
        &[&table(&format!("{ID},{EMAIL}"), "")],
        "table t, column email: pii needs a table with a primary key: each row has a key",
    );
    admits(&[&with(EMAIL)]);
}

#[test]
fn whose_personal_data_it_is_stands_in_a_plain_column_of_every_row() {
    let with = |context: &str, ty: &str| {
        let phone = r#"{"name":"phone","type":{"option":"string"},"pii":{"key_context":"owner"}}"#;
        table(&format!(r#"{ID},{{"name":"{context}","type":{ty}}},{phone}"#), PRIMARY)
    };
    let place = "table t, column phone, key_context";
    check(&[&with("own", r#""u64""#)], &format!("{place}: there is no column owner"));
    check(
        &[&with("owner", r#"{"option":"u64"}"#)],
        &format!("{place}: whose key it is is never absent"),
    );
    check(
        &[&with("owner", r#"{"list":"u64"}"#)],
        &format!(
            "{place}: whose key it is is a bool, a number, a string, bytes, a time, an identity or a uuid"
        ),
    );
    check(
        &[&with("owner", r#"{"option":"u64"},"pii":{}"#)],
        &format!("{place}: whose key it is cannot be personal data itself"),
    );
    admits(&[&with("owner", r#""identity""#)]);
}
