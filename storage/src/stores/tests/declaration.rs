//! Hidden tables as they are derived, and what tables with rows do not follow.

use cosmictron_types::TableId;
use cosmictron_types::schema::{ModuleSchema, TableSchema};

use super::cluster::{Cluster, all_schemas};
use crate::fixture::{resolver, seated_store};
use crate::store::schema_change::SchemaChange;
use crate::store::{Seat, StoreLimits};

const USER: &str = r#"{"name":"user","public":true,"shard_by":"id","columns":[
    {"name":"id","type":"u64","auto_inc":true},
    {"name":"email","type":{"option":"string"}},
    {"name":"first","type":"string"},
    {"name":"last","type":{"option":"i32"}}],
  "indexes":[{"name":"id","columns":["id"],"primary":true},
    {"name":"by_email","columns":["email"],"unique":true},
    {"name":"again","columns":["email"],"unique":true},
    {"name":"by_name","columns":["last","first"],"unique":true},
    {"name":"local","columns":["first","id"],"unique":true},
    {"name":"plain","columns":["first"]}]}"#;

/// The golden text of `docs/file-format.md`: entries lie in tables of this form.
#[test]
fn a_sharded_index_is_a_table_of_its_columns_and_the_partition() {
    let schemas = all_schemas(&[USER]);
    let hidden = schemas[1..].iter().map(|schema| TableSchema::clone(schema)).collect();
    let hidden = ModuleSchema { tables: hidden, ..ModuleSchema::default() };
    let expected = [
        r#"{"name":"user(email)","public":false,"event":false,"shard_by":"email","columns":[{"name":"email","type":"string"},{"name":"(partition)","type":"u16"}],"indexes":[{"name":"by_email","columns":["email"],"unique":true,"primary":true}]}"#,
        r#"{"name":"user(last,first)","public":false,"event":false,"shard_by":"last","columns":[{"name":"last","type":"i32"},{"name":"first","type":"string"},{"name":"(partition)","type":"u16"}],"indexes":[{"name":"by_name","columns":["last","first"],"unique":true}]}"#,
    ];
    let expected = format!(r#"{{"tables":[{}],"reducers":[],"views":[]}}"#, expected.join(","));
    assert_eq!(hidden.to_json(), expected);
    assert_eq!(all_schemas(&[&USER.replace(r#""shard_by":"id","#, "")]).len(), 1);
}

/// What a store that has a row says to a new schema of its table.
fn differences(old: &[&str], new: &[&str], rows: &dyn Fn(&mut Cluster)) -> Vec<String> {
    let mut cluster = Cluster::new(1, old);
    rows(&mut cluster);
    let store = cluster.take(&[cluster.home()]);
    let schemas = all_schemas(new);
    let known = all_schemas(old);
    let (mut change, ids) = (SchemaChange::default(), (1..).map(TableId::new));
    for (id, schema) in ids.zip(&schemas) {
        match usize::try_from(id.get()).unwrap() <= known.len() {
            true => change.alter.push((id, schema.clone())),
            false => change.create.push((id, schema.clone())),
        }
    }
    let checked = store.iter().next().unwrap().check_schema(&change, &resolver(&schemas));
    checked.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

const PLAIN: &str = r#"{"name":"a","shard_by":"id","columns":[
    {"name":"id","type":"u64"},{"name":"n","type":"u64"}],
  "indexes":[{"name":"id","columns":["id"],"primary":true}]}"#;

#[test]
fn what_one_store_cannot_check_is_not_added_to_a_table_with_rows() {
    let insert = |cluster: &mut Cluster| drop(cluster.insert("a", &[&1u64, &1u64]).unwrap());
    let unique = PLAIN.replace(
        r#""indexes":["#,
        r#""indexes":[{"name":"n","columns":["n"],"unique":true},{"name":"own","columns":["n","id"],"unique":true},"#,
    );
    let expected = [
        "table a: rows of other shards can have the same n, so it is not added to a table with rows",
    ];
    assert_eq!(differences(&[PLAIN], &[&unique], &insert), expected);
    assert!(differences(&[PLAIN], &[&unique], &|_| ()).is_empty());
    let key = PLAIN.replace(
        r#"{"name":"n","type":"u64"}"#,
        r#"{"name":"n","type":"u64","foreign_key":{"table":"a","column":"id"}}"#,
    );
    let expected = [
        "table a: column n refers to rows of other shards, which is not added to a table with rows",
    ];
    assert_eq!(differences(&[PLAIN], &[&key], &insert), expected);
    assert!(differences(&[PLAIN], &[&key], &|_| ()).is_empty());
    let moved = PLAIN.replace(r#""shard_by":"id""#, r#""shard_by":"n""#);
    let expected = ["table a: shard_by would change"];
    assert_eq!(differences(&[PLAIN], &[&moved], &insert), expected);
}

#[test]
fn a_store_knows_its_seat() {
    let shards = cosmictron_types::ShardCount::new(3).unwrap();
    let seat = Seat { shard: shards.shards().nth(2).unwrap(), shards };
    let store = seated_store(StoreLimits::default(), seat, &all_schemas(&[USER]));
    assert_eq!(store.seat(), seat);
    let owned = (0..3000u64).filter(|n| seat.owns(&n.to_be_bytes())).count();
    assert!((900..1100).contains(&owned), "{owned} of 3000");
}
