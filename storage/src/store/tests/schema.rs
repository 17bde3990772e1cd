use std::sync::Arc;

use cosmictron_types::schema::TableSchema;
use cosmictron_types::{IndexId, TxId};

use super::*;
use crate::fixture::{PRIMARY, T1, T2, commit, dump, key, resolver, schemas, store, store_with};
use crate::store::schema_change::{Difference, SchemaChange};
use crate::store::{StoreLimits, TransactionLimits};

const ID: &str = r#"{"name":"id","type":"u64"}"#;
const NAME: &str = r#"{"name":"name","type":"string"}"#;
const PRIMARY_KEY: &str = r#"{"name":"id","columns":["id"],"primary":true}"#;

fn table(name: &str, columns: &[&str], indexes: &[&str]) -> String {
    let (columns, indexes) = (columns.join(","), indexes.join(","));
    format!(r#"{{"name":"{name}","columns":[{columns}],"indexes":[{indexes}]}}"#)
}

fn person(id: u64, name: &str) -> [Box<dyn Value>; 2] {
    [Box::new(id), Box::new(name.to_owned())]
}

/// A table of people, two of them with the same name.
fn people() -> Store {
    let mut store = store(&[&table("t", &[ID, NAME], &[PRIMARY_KEY])]);
    commit(&mut store, 1, |store| {
        for (id, name) in [(3, "cy"), (1, "ada"), (2, "bob"), (4, "ada")] {
            insert(store, T1, &person(id, name)).unwrap();
        }
    });
    store
}

fn alter(store: &mut Store, new: &str) -> Vec<String> {
    let schemas = schemas(&[new]);
    let altered = store.alter_table(T1, schemas[0].clone(), &resolver(&schemas));
    altered.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

/// Alters the people's table, and expects these differences and no trace.
#[track_caller]
fn check_refused(columns: &[&str], indexes: &[&str], differences: &[&str]) {
    let mut store = people();
    let before = dump(&store);
    assert_eq!(alter(&mut store, &table("t", columns, indexes)), differences);
    assert_eq!(dump(&store), before);
}

#[test]
fn what_rows_cannot_follow_is_listed() {
    check_refused(&[ID], &[PRIMARY_KEY], &["table t: column name is gone"]);
    check_refused(
        &[r#"{"name":"id","type":"u32"}"#, NAME],
        &[PRIMARY_KEY],
        &["table t: column id was u64 and would be u32"],
    );
    check_refused(
        &[NAME, ID],
        &[PRIMARY_KEY],
        &[
            "table t: column id has moved; new columns come last",
            "table t: column name has moved; new columns come last",
        ],
    );
    check_refused(
        &[ID, NAME, r#"{"name":"age","type":"u8"}"#],
        &[PRIMARY_KEY],
        &["table t: new column age is not an option, and there are rows without it"],
    );
    check_refused(&[ID, NAME], &[], &["table t: its primary key would change"]);
    check_refused(
        &[ID, NAME],
        &[PRIMARY_KEY, r#"{"name":"by_name","columns":["name"],"unique":true}"#],
        &["table t: rows have the same by_name"],
    );
}

#[test]
fn indexes_come_and_go() {
    let mut store = people();
    let by_name = r#"{"name":"by_name","columns":["name"]}"#;
    assert!(alter(&mut store, &table("t", &[ID, NAME], &[PRIMARY_KEY, by_name])).is_empty());
    let ada = key(&store, T1, 1, &[&String::from("ada")]);
    commit(&mut store, 2, |store| {
        assert_eq!(store.delete(T1, IndexId::new(1), &ada), Ok(2));
        insert(store, T1, &person(5, "eve")).unwrap();
    });
    // Unique now, over rows that allow it.
    let unique = r#"{"name":"by_name","columns":["name"],"unique":true}"#;
    assert!(alter(&mut store, &table("t", &[ID, NAME], &[PRIMARY_KEY, unique])).is_empty());
    commit(&mut store, 3, |store| insert(store, T1, &person(6, "eve")).unwrap_err());
    assert!(alter(&mut store, &table("t", &[ID, NAME], &[PRIMARY_KEY])).is_empty());
    commit(&mut store, 4, |store| {
        insert(store, T1, &person(6, "eve")).unwrap();
    });
    assert_eq!(store.table(T1).unwrap().len(), 4);
    // Not unique over rows any more: refused, though the index itself could be built.
    assert_eq!(
        alter(&mut store, &table("t", &[ID, NAME], &[PRIMARY_KEY, unique])),
        ["table t: rows have the same by_name"]
    );
}

#[test]
fn appended_columns_are_absent_in_the_rows_that_are_there() {
    let mut store = people();
    let more = [
        r#"{"name":"age","type":{"option":"u8"}}"#,
        r#"{"name":"city","type":{"option":"string"}}"#,
    ];
    let by_city = r#"{"name":"by_city","columns":["city","name"],"unique":true}"#;
    let new = table("t", &[ID, NAME, more[0], more[1]], &[PRIMARY_KEY, by_city]);
    assert!(alter(&mut store, &new).is_empty());
    let found = store.table(T1).unwrap();
    for row in found.scan() {
        assert_eq!(found.created(row), Some(TxId::new(1)));
        found.def().layout.check(found.row(row)).unwrap();
    }
    let full = |id: u64, name: &str, age: Option<u8>, city: Option<&str>| -> [Box<dyn Value>; 4] {
        [Box::new(id), Box::new(name.to_owned()), Box::new(age), Box::new(city.map(str::to_owned))]
    };
    let one = found.find(PRIMARY, &key(&store, T1, 0, &[&1u64])).unwrap();
    assert_eq!(found.row(one), encode(&store, T1, &full(1, "ada", None, None)));
    let absent = key(&store, T1, 1, &[&None::<String>, &String::from("ada")]);
    assert!(found.find(IndexId::new(1), &absent).is_some());
    commit(&mut store, 2, |store| {
        update(store, T1, &full(1, "ada", Some(30), Some("london"))).unwrap();
        update(store, T1, &full(4, "ada", None, Some("london"))).unwrap_err();
    });
}

#[test]
fn sequences_begin_behind_the_rows_that_are_there() {
    let mut store = people();
    let auto = r#"{"name":"id","type":"u64","auto_inc":true}"#;
    assert!(alter(&mut store, &table("t", &[auto, NAME], &[PRIMARY_KEY])).is_empty());
    commit(&mut store, 2, |store| {
        let mut row = encode(store, T1, &person(0, "new"));
        store.insert(T1, &mut row).unwrap();
        assert_eq!(row[0], 5);
        let five = key(store, T1, 0, &[&5u64]);
        store.delete(T1, PRIMARY, &five).unwrap();
    });
    // A change that keeps the sequence keeps its place, also beyond what rows show.
    assert!(
        alter(
            &mut store,
            &table("t", &[auto, NAME], &[PRIMARY_KEY, r#"{"name":"n","columns":["name"]}"#])
        )
        .is_empty()
    );
    let last: Vec<u128> = store.table(T1).unwrap().sequences().map(|(_, last)| last).collect();
    assert_eq!(last, [5]);
    assert!(alter(&mut store, &table("t", &[ID, NAME], &[PRIMARY_KEY])).is_empty());
    commit(&mut store, 3, |store| {
        insert(store, T1, &person(0, "zero")).unwrap();
    });
}

#[test]
fn a_table_without_rows_follows_everything() {
    let mut store = store(&[&table("t", &[ID, NAME], &[PRIMARY_KEY])]);
    assert!(alter(&mut store, &table("t", &[NAME], &[])).is_empty());
    commit(&mut store, 1, |store| {
        insert(store, T1, &[Box::new(String::from("a")) as Box<dyn Value>]).unwrap();
    });
}

/// Parents named `a`, children named `b` whose `parent` refers to them when `refers`.
fn family(refers: bool) -> Vec<Arc<TableSchema>> {
    let key = if refers { r#","foreign_key":{"table":"a","column":"name"}"# } else { "" };
    let parent = format!(r#"{{"name":"parent","type":{{"option":"string"}}{key}}}"#);
    let unique = r#"{"name":"by_name","columns":["name"],"unique":true}"#;
    let parents = if refers { vec![PRIMARY_KEY, unique] } else { vec![PRIMARY_KEY] };
    schemas(&[&table("a", &[ID, NAME], &parents), &table("b", &[ID, &parent], &[PRIMARY_KEY])])
}

fn child(id: u64, parent: Option<&str>) -> [Box<dyn Value>; 2] {
    [Box::new(id), Box::new(parent.map(str::to_owned))]
}

/// Both tables change at once: the index that the foreign key needs is new as well.
fn change_family(store: &mut Store, refers: bool) -> Vec<String> {
    let family = family(refers);
    let alter = vec![(T1, family[0].clone()), (T2, family[1].clone())];
    let change = SchemaChange { alter, ..SchemaChange::default() };
    let changed = store.change_schema(&change, &resolver(&family));
    changed.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn foreign_keys_come_when_rows_satisfy_them_and_go() {
    let mut store = store_with(StoreLimits::default(), &family(false));
    commit(&mut store, 1, |store| {
        insert(store, T1, &person(1, "ada")).unwrap();
        insert(store, T2, &child(1, Some("ada"))).unwrap();
        insert(store, T2, &child(2, None)).unwrap();
        insert(store, T2, &child(3, Some("nobody"))).unwrap();
    });
    let before = dump(&store);
    let refused = "table b: column parent of a row refers to a row of table a that does not exist";
    assert_eq!(change_family(&mut store, true), [refused]);
    assert_eq!(dump(&store), before);
    let third = key(&store, T2, 0, &[&3u64]);
    commit(&mut store, 2, |store| store.delete(T2, PRIMARY, &third).unwrap());
    assert!(change_family(&mut store, true).is_empty());
    commit(&mut store, 3, |store| {
        insert(store, T2, &child(4, Some("nobody"))).unwrap_err();
        insert(store, T2, &child(5, Some("ada"))).unwrap();
        let ada = key(store, T1, 0, &[&1u64]);
        store.delete(T1, PRIMARY, &ada).unwrap_err();
    });
    assert!(change_family(&mut store, false).is_empty());
    commit(&mut store, 4, |store| {
        insert(store, T2, &child(4, Some("nobody"))).unwrap();
        let ada = key(store, T1, 0, &[&1u64]);
        store.delete(T1, PRIMARY, &ada).unwrap();
    });
}

#[test]
fn what_other_tables_refer_to_cannot_go() {
    let mut store = store_with(StoreLimits::default(), &family(true));
    let referenced = "table a: column parent of table b refers to its column name";
    let text = |refused: Result<(), Vec<crate::SchemaDifference>>| -> Vec<String> {
        refused.unwrap_err().iter().map(ToString::to_string).collect()
    };
    assert_eq!(text(store.drop_table(T1)), [referenced]);
    let without = family(false)[0].clone();
    assert_eq!(text(store.alter_table(T1, without, &|_| None)), [referenced]);
    let change = SchemaChange { drop: vec![T1, T2], ..SchemaChange::default() };
    store.change_schema(&change, &|_| None).unwrap();
    assert_eq!(store.tables().count(), 0);
    assert_eq!(store.bytes(), 0);
}

#[test]
fn tables_that_refer_to_each_other_are_created_together() {
    let tables = ["a", "b"].map(|name| {
        let other = if name == "a" { "b" } else { "a" };
        let key = format!(
            r#"{{"name":"other","type":{{"option":"u64"}},"foreign_key":{{"table":"{other}","column":"id"}}}}"#
        );
        table(name, &[ID, &key], &[PRIMARY_KEY])
    });
    let mut store = store(&[&tables[0], &tables[1]]);
    let row =
        |id: u64, other: Option<u64>| -> [Box<dyn Value>; 2] { [Box::new(id), Box::new(other)] };
    commit(&mut store, 1, |store| {
        insert(store, T1, &row(1, Some(1))).unwrap_err();
        insert(store, T1, &row(1, None)).unwrap();
        insert(store, T2, &row(1, Some(1))).unwrap();
        update(store, T1, &row(1, Some(1))).unwrap();
    });
}

#[test]
fn a_wrong_id_or_target_is_named() {
    let mut store = people();
    let same = schemas(&[&table("t", &[ID, NAME], &[PRIMARY_KEY])]);
    let check = |refused: Result<(), Vec<crate::SchemaDifference>>, expected: Difference| {
        let differences = refused.unwrap_err();
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].difference, expected);
    };
    check(store.create_table(T1, same[0].clone(), &|_| None), Difference::Exists);
    check(store.alter_table(T2, same[0].clone(), &|_| None), Difference::Unknown);
    check(store.drop_table(T2), Difference::Unknown);
    let family = family(true);
    let target = Difference::ForeignKeyTarget {
        column: "parent".into(),
        target: "a".into(),
        target_column: "name".into(),
    };
    check(store.create_table(T2, family[1].clone(), &|_| None), target.clone());
    // `a` resolves to a table whose column `name` is not unique.
    check(store.create_table(T2, family[1].clone(), &|_| Some(T1)), target);
    assert_eq!(store.tables().count(), 1);
}

#[test]
fn a_change_that_memory_cannot_hold_is_refused() {
    let limits = StoreLimits { bytes_max: 4 << 20, ..StoreLimits::default() };
    let mut store = store_with(limits, &schemas(&[&table("t", &[ID, NAME], &[PRIMARY_KEY])]));
    store.begin(TransactionLimits { rows_max: u64::MAX, bytes_max: u64::MAX });
    let refused = (1..).find_map(|id| insert(&mut store, T1, &person(id, "someone")).err());
    assert!(matches!(refused, Some(WriteError::StoreFull { .. })));
    store.commit(TxId::new(1));
    let before = dump(&store);
    let new = table("t", &[ID, NAME, r#"{"name":"age","type":{"option":"u8"}}"#], &[PRIMARY_KEY]);
    let refused = alter(&mut store, &new);
    assert_eq!(
        refused,
        [
            "table t: its rows could take more than the 4194304 bytes of memory that the store may take"
        ]
    );
    assert_eq!(dump(&store), before);
}
