use super::*;
use crate::fixture::{PRIMARY, T1, T2, commit, dump, key, store};
use crate::store::TransactionLimits;

const ROOM: &str = r#"{"name":"room","columns":[{"name":"id","type":"u32"},{"name":"code","type":"string"}],
    "indexes":[{"name":"id","columns":["id"],"primary":true},
      {"name":"by_code","columns":["code"],"unique":true}]}"#;

/// A message in a room, which may answer another message; by the room's key and by its code.
const MESSAGE: &str = r#"{"name":"message","columns":[{"name":"id","type":"u64"},
      {"name":"room","type":"u32","foreign_key":{"table":"room","column":"id"}},
      {"name":"code","type":{"option":"string"},"foreign_key":{"table":"room","column":"code"}},
      {"name":"answers","type":{"option":"u64"},"foreign_key":{"table":"message","column":"id"}}],
    "indexes":[{"name":"id","columns":["id"],"primary":true},
      {"name":"by_room","columns":["room","id"]}]}"#;

const MESSAGES: TableId = T1;
const ROOMS: TableId = T2;

fn room(id: u32, code: &str) -> [Box<dyn Value>; 2] {
    [Box::new(id), Box::new(code.to_owned())]
}

fn message(id: u64, room: u32, code: &str, answers: u64) -> [Box<dyn Value>; 4] {
    let code = (!code.is_empty()).then(|| code.to_owned());
    [Box::new(id), Box::new(room), Box::new(code), Box::new((answers > 0).then_some(answers))]
}

fn without_target(column: &str, target: &str) -> WriteError {
    let (table, target) = ("message".into(), target.into());
    WriteError::ForeignKeyWithoutTarget { table, column: column.to_owned(), target }
}

fn referenced(table: &str, column: &str) -> WriteError {
    let (table, referrer) = (table.into(), "message".into());
    WriteError::Referenced { table, referrer, column: column.to_owned() }
}

fn delete(store: &mut Store, table: TableId, key: &crate::key::Key) -> Result<u64, WriteError> {
    store.delete(table, PRIMARY, key)
}

#[test]
fn what_a_row_refers_to_exists() {
    let mut store = store(&[ROOM, MESSAGE]);
    commit(&mut store, 1, |store| {
        insert(store, ROOMS, &room(1, "one")).unwrap();
        let refused = insert(store, MESSAGES, &message(1, 2, "", 0));
        assert_eq!(refused, Err(without_target("room", "room")));
        let refused = insert(store, MESSAGES, &message(1, 1, "two", 0));
        assert_eq!(refused, Err(without_target("code", "room")));
        let refused = insert(store, MESSAGES, &message(1, 1, "", 7));
        assert_eq!(refused, Err(without_target("answers", "message")));
        insert(store, MESSAGES, &message(1, 1, "one", 0)).unwrap();
        insert(store, MESSAGES, &message(2, 1, "", 1)).unwrap();
        let refused = update(store, MESSAGES, &message(2, 3, "", 1));
        assert_eq!(refused, Err(without_target("room", "room")));
        update(store, MESSAGES, &message(2, 1, "one", 2)).unwrap();
    });
}

#[test]
fn what_is_referred_to_stays() {
    let mut store = store(&[ROOM, MESSAGE]);
    commit(&mut store, 1, |store| {
        insert(store, ROOMS, &room(1, "one")).unwrap();
        insert(store, ROOMS, &room(2, "two")).unwrap();
        insert(store, MESSAGES, &message(1, 1, "two", 0)).unwrap();
        let before = dump(store);
        let [one, two] = [1u32, 2].map(|id| key(store, ROOMS, 0, &[&id]));
        assert_eq!(delete(store, ROOMS, &one), Err(referenced("room", "room")));
        assert_eq!(delete(store, ROOMS, &two), Err(referenced("room", "code")));
        let rekeyed = update(store, ROOMS, &room(2, "other"));
        assert_eq!(rekeyed, Err(referenced("room", "code")));
        assert_eq!(dump(store), before);
        update(store, ROOMS, &room(1, "other")).unwrap();
        update(store, MESSAGES, &message(1, 1, "", 0)).unwrap();
        assert_eq!(delete(store, ROOMS, &two), Ok(1));
    });
}

#[test]
fn a_row_may_refer_to_itself() {
    let mut store = store(&[ROOM, MESSAGE]);
    commit(&mut store, 1, |store| {
        insert(store, ROOMS, &room(1, "one")).unwrap();
        insert(store, MESSAGES, &message(5, 1, "", 5)).unwrap();
        insert(store, MESSAGES, &message(6, 1, "", 5)).unwrap();
        let five = key(store, MESSAGES, 0, &[&5u64]);
        assert_eq!(delete(store, MESSAGES, &five), Err(referenced("message", "answers")));
        update(store, MESSAGES, &message(6, 1, "", 6)).unwrap();
        assert_eq!(delete(store, MESSAGES, &five), Ok(1));
    });
}

#[test]
fn one_delete_takes_rows_that_refer_to_each_other() {
    let mut store = store(&[ROOM, MESSAGE]);
    commit(&mut store, 1, |store| {
        insert(store, ROOMS, &room(1, "one")).unwrap();
        insert(store, ROOMS, &room(2, "two")).unwrap();
        insert(store, MESSAGES, &message(1, 1, "", 0)).unwrap();
        insert(store, MESSAGES, &message(2, 1, "", 1)).unwrap();
        update(store, MESSAGES, &message(1, 1, "", 2)).unwrap();
        let first = key(store, MESSAGES, 0, &[&1u64]);
        assert_eq!(delete(store, MESSAGES, &first), Err(referenced("message", "answers")));
        let all = key(store, MESSAGES, 1, &[&1u32]);
        assert_eq!(store.delete(MESSAGES, cosmictron_types::IndexId::new(1), &all), Ok(2));
    });
}

/// A unique column that rows of the same table refer to, and that can change, unlike a primary key.
#[test]
fn a_row_that_is_rekeyed_is_checked_as_it_will_be() {
    let node = r#"{"name":"node","columns":[{"name":"id","type":"u64"},{"name":"name","type":"string"},
          {"name":"parent","type":{"option":"string"},"foreign_key":{"table":"node","column":"name"}}],
        "indexes":[{"name":"id","columns":["id"],"primary":true},
          {"name":"by_name","columns":["name"],"unique":true}]}"#;
    let mut store = store(&[node]);
    let node = |id: u64, name: &str, parent: &str| -> [Box<dyn Value>; 3] {
        let parent = (!parent.is_empty()).then(|| parent.to_owned());
        [Box::new(id), Box::new(name.to_owned()), Box::new(parent)]
    };
    let error = |name: &str| WriteError::ForeignKeyWithoutTarget {
        table: "node".into(),
        column: name.to_owned(),
        target: "node".into(),
    };
    commit(&mut store, 1, |store| {
        insert(store, T1, &node(1, "a", "a")).unwrap();
        update(store, T1, &node(1, "b", "b")).unwrap();
        assert_eq!(update(store, T1, &node(1, "c", "b")), Err(error("parent")));
        insert(store, T1, &node(2, "d", "b")).unwrap();
        let refused = update(store, T1, &node(1, "c", "c"));
        assert!(matches!(refused, Err(WriteError::Referenced { .. })), "{refused:?}");
        update(store, T1, &node(2, "d", "")).unwrap();
        update(store, T1, &node(1, "c", "c")).unwrap();
    });
}

#[test]
fn an_index_is_added_where_a_foreign_key_has_none() {
    let store = store(&[ROOM, MESSAGE]);
    let def = store.table(MESSAGES).unwrap().def();
    let columns: Vec<_> =
        def.indexes.iter().map(|index| (index.columns[0].get(), index.internal)).collect();
    assert_eq!(columns, [(0, false), (1, false), (2, true), (3, true)]);
    let by: Vec<_> = def.foreign_keys.iter().map(|key| key.index.get()).collect();
    assert_eq!(by, [1, 2, 3]);
}

#[test]
fn undoing_does_not_ask_for_foreign_keys() {
    let mut store = store(&[ROOM, MESSAGE]);
    commit(&mut store, 1, |store| {
        insert(store, ROOMS, &room(1, "one")).unwrap();
        insert(store, MESSAGES, &message(1, 1, "one", 1)).unwrap();
    });
    let before = dump(&store);
    store.begin(TransactionLimits::default());
    let first = key(&store, MESSAGES, 0, &[&1u64]);
    assert_eq!(delete(&mut store, MESSAGES, &first), Ok(1));
    let one = key(&store, ROOMS, 0, &[&1u32]);
    assert_eq!(delete(&mut store, ROOMS, &one), Ok(1));
    store.rollback();
    assert_eq!(dump(&store), before);
}
