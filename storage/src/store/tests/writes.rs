use core::ops::Bound;

use cosmictron_types::{IndexId, TxId};

use super::*;
use crate::change::Change;
use crate::fixture::{PRIMARY, T1, commit, dump, key, store};
use crate::key::Key;
use crate::store::TransactionLimits;
use crate::table::Cursor;

#[test]
fn a_unique_value_is_there_once_and_absent_ones_do_not_conflict() {
    let mut store = store(&[USER]);
    commit(&mut store, 1, |store| {
        insert(store, T1, &user(1, "a", 1)).unwrap();
        insert(store, T1, &user(2, "", 1)).unwrap();
        insert(store, T1, &user(3, "", 1)).unwrap();
        assert_eq!(insert(store, T1, &user(1, "b", 1)), Err(not_unique("id")));
        assert_eq!(insert(store, T1, &user(4, "a", 1)), Err(not_unique("by_email")));
        assert_eq!(update(store, T1, &user(2, "a", 1)), Err(not_unique("by_email")));
        update(store, T1, &user(1, "a", 2)).unwrap();
        update(store, T1, &user(1, "", 2)).unwrap();
        update(store, T1, &user(2, "a", 2)).unwrap();
    });
    assert_eq!(store.table(T1).unwrap().len(), 3);
}

#[test]
fn an_update_needs_its_row() {
    let mut store = store(&[USER]);
    commit(&mut store, 1, |store| {
        let error = WriteError::NoSuchRow { table: "user".into() };
        assert_eq!(update(store, T1, &user(1, "a", 1)), Err(error));
    });
}

#[test]
fn a_key_of_no_columns_fits_every_row() {
    let mut store = store(&[USER]);
    let every = Key::new();
    commit(&mut store, 1, |store| {
        for (id, email) in [(0, "a"), (7, ""), (u64::MAX, "b")] {
            insert(store, T1, &user(id, email, 1)).unwrap();
        }
        for index in 0..store.table(T1).unwrap().def().indexes.len() {
            let index = IndexId::new(u16::try_from(index).unwrap());
            let table = store.table(T1).unwrap();
            let count = |lower, upper| table.range(index, lower, upper).count();
            let rows = table.len();
            assert_eq!(count(Bound::Included(&every), Bound::Included(&every)), rows);
            assert_eq!(count(Bound::Excluded(&every), Bound::Unbounded), 0);
            assert_eq!(count(Bound::Unbounded, Bound::Excluded(&every)), 0);
        }
        assert_eq!(store.delete(T1, PRIMARY, &every), Ok(3));
    });
    assert!(store.table(T1).unwrap().is_empty());
}

#[test]
fn rows_of_an_event_table_stay() {
    let table = r#"{"name":"event","event":true,"columns":[{"name":"id","type":"u64"}],
        "indexes":[{"name":"id","columns":["id"],"primary":true}]}"#;
    let mut store = store(&[table]);
    let append_only = WriteError::AppendOnly { table: "event".into() };
    commit(&mut store, 1, |store| {
        insert(store, T1, &[Box::new(1u64)]).unwrap();
        assert_eq!(update(store, T1, &[Box::new(1u64)]), Err(append_only.clone()));
        let key = key(store, T1, 0, &[&1u64]);
        assert_eq!(store.delete(T1, PRIMARY, &key), Err(append_only));
    });
    assert_eq!(store.table(T1).unwrap().len(), 1);
}

#[test]
fn a_table_without_a_primary_key_takes_equal_rows_and_gives_them_back_by_index() {
    let table = r#"{"name":"hit","columns":[{"name":"path","type":"string"}],
        "indexes":[{"name":"by_path","columns":["path"]}]}"#;
    let mut store = store(&[table]);
    let hit = |path: &str| -> [Box<dyn Value>; 1] { [Box::new(path.to_owned())] };
    commit(&mut store, 1, |store| {
        for path in ["a", "b", "a", "a"] {
            insert(store, T1, &hit(path)).unwrap();
        }
        let error = WriteError::NoPrimaryKey { table: "hit".into() };
        assert_eq!(update(store, T1, &hit("a")), Err(error));
        let key = key(store, T1, 0, &[&String::from("a")]);
        assert_eq!(store.delete(T1, PRIMARY, &key), Ok(3));
        assert_eq!(store.delete(T1, PRIMARY, &key), Ok(0));
    });
    assert_eq!(store.table(T1).unwrap().len(), 1);
}

#[test]
fn a_delete_takes_every_row_that_begins_with_the_key() {
    let mut store = store(&[USER]);
    commit(&mut store, 1, |store| {
        for id in 1..=6 {
            insert(store, T1, &user(id, &format!("e{id}"), u8::try_from(id % 2).unwrap())).unwrap();
        }
        let odd = key(store, T1, 2, &[&1u8]);
        assert_eq!(store.delete(T1, IndexId::new(2), &odd), Ok(3));
        let one = key(store, T1, 2, &[&0u8, &Some(String::from("e4"))]);
        assert_eq!(store.delete(T1, IndexId::new(2), &one), Ok(1));
    });
    let table = store.table(T1).unwrap();
    let ids: Vec<u8> = table.scan().map(|row| table.row(row)[0]).collect();
    assert_eq!(ids, [2, 6]);
}

/// The changes of the open transaction, as (kind, id) pairs.
fn changes(store: &Store) -> Vec<(char, u8)> {
    let kind = |change: Change<'_>| match change {
        Change::Insert { new, .. } => ('+', new[0]),
        Change::Update { old, new, .. } => {
            assert_eq!(old[0], new[0]);
            ('~', new[0])
        }
        Change::Delete { old, .. } => ('-', old[0]),
    };
    store.changes().map(kind).collect()
}

fn delete(store: &mut Store, id: u64) {
    let key = key(store, T1, 0, &[&id]);
    assert_eq!(store.delete(T1, PRIMARY, &key), Ok(1));
}

#[test]
fn changes_are_net() {
    let mut store = store(&[USER]);
    commit(&mut store, 1, |store| {
        (1..=4).for_each(|id| {
            insert(store, T1, &user(id, "", 1)).unwrap();
        });
        assert_eq!(changes(store), [('+', 1), ('+', 2), ('+', 3), ('+', 4)]);
    });
    commit(&mut store, 2, |store| {
        assert!(!store.is_changed());
        update(store, T1, &user(1, "", 1)).unwrap();
        assert!(!store.is_changed(), "an update that changes nothing is none");
        delete(store, 2);
        update(store, T1, &user(1, "x", 1)).unwrap();
        update(store, T1, &user(1, "x", 2)).unwrap();
        insert(store, T1, &user(5, "", 1)).unwrap();
        update(store, T1, &user(5, "y", 3)).unwrap();
        insert(store, T1, &user(6, "z", 1)).unwrap();
        delete(store, 6);
        update(store, T1, &user(3, "", 3)).unwrap();
        delete(store, 3);
        insert(store, T1, &user(2, "back", 1)).unwrap();
        assert_eq!(changes(store), [('~', 2), ('~', 1), ('+', 5), ('-', 3)]);
        let news: Vec<_> = store.changes().filter_map(|change| change.new_row()).collect();
        assert_eq!(news[1], encode(store, T1, &user(1, "x", 2)));
        assert_eq!(news[2], encode(store, T1, &user(5, "y", 3)));
        let olds: Vec<_> = store.changes().filter_map(|change| change.old_row()).collect();
        assert_eq!(olds[2], encode(store, T1, &user(3, "", 1)), "as the transaction found it");
    });
    assert_eq!(store.table(T1).unwrap().created(RowId::FIRST), Some(TxId::new(2)));
}

#[test]
fn undoing_brings_back_rows_entries_and_sequences() {
    let mut store = store(&[USER]);
    commit(&mut store, 1, |store| {
        for id in 0..20 {
            insert(store, T1, &user(0, &format!("e{id}"), u8::try_from(id % 3).unwrap())).unwrap();
        }
    });
    let before = dump(&store);
    store.begin(TransactionLimits::default());
    // Two rows swap their unique values by way of a third.
    update(&mut store, T1, &user(1, "free", 0)).unwrap();
    update(&mut store, T1, &user(2, "e0", 0)).unwrap();
    update(&mut store, T1, &user(1, "e1", 0)).unwrap();
    delete(&mut store, 3);
    insert(&mut store, T1, &user(3, &"long".repeat(100), 9)).unwrap();
    delete(&mut store, 3);
    insert(&mut store, T1, &user(30, "e2", 9)).unwrap();
    update(&mut store, T1, &user(4, &"long".repeat(3000), 1)).unwrap();
    delete(&mut store, 4);
    insert(&mut store, T1, &user(0, "e3", 9)).unwrap();
    assert_ne!(dump(&store), before);
    store.rollback();
    assert_eq!(dump(&store), before);
}

#[test]
fn a_refused_write_changes_nothing() {
    let mut store = store(&[USER]);
    commit(&mut store, 1, |store| {
        insert(store, T1, &user(1, "a", 1)).unwrap();
        insert(store, T1, &user(2, "b", 1)).unwrap();
    });
    let before = dump(&store);
    store.begin(TransactionLimits::default());
    let mut row = encode(&store, T1, &user(0, "a", 1));
    let copy = row.clone();
    assert_eq!(store.insert(T1, &mut row), Err(not_unique("by_email")));
    assert_eq!(row, copy, "a number that was filled in is taken back");
    assert_eq!(update(&mut store, T1, &user(1, "b", 7)), Err(not_unique("by_email")));
    let mut cut = copy[..5].to_vec();
    assert!(matches!(store.insert(T1, &mut cut), Err(WriteError::InvalidRow { .. })));
    assert!(!store.is_changed());
    assert_eq!(dump(&store), before);
    store.commit(TxId::new(2));
    assert_eq!(dump(&store), before);
}

#[test]
fn bounds_may_give_fewer_columns() {
    let mut store = store(&[USER]);
    commit(&mut store, 1, |store| {
        for (id, age) in [(1, 1), (2, 2), (3, 2), (4, 2), (5, 3)] {
            insert(store, T1, &user(id, &format!("e{id}"), age)).unwrap();
        }
    });
    let two = key(&store, T1, 2, &[&2u8]);
    let three = key(&store, T1, 2, &[&2u8, &Some(String::from("e3"))]);
    let table = store.table(T1).unwrap();
    let check = |lower: Bound<&Key>, upper: Bound<&Key>, expected: &[u8]| {
        let range = table.range(IndexId::new(2), lower, upper);
        let ids: Vec<u8> = range.clone().map(|row| table.row(row)[0]).collect();
        assert_eq!(ids, expected, "{lower:?} {upper:?}");
        let backward: Vec<u8> = range.rev().map(|row| table.row(row)[0]).collect();
        assert_eq!(backward, ids.into_iter().rev().collect::<Vec<_>>());
    };
    use Bound::{Excluded, Included, Unbounded};
    check(Unbounded, Unbounded, &[1, 2, 3, 4, 5]);
    check(Included(&two), Included(&two), &[2, 3, 4]);
    check(Included(&two), Unbounded, &[2, 3, 4, 5]);
    check(Excluded(&two), Unbounded, &[5]);
    check(Unbounded, Included(&two), &[1, 2, 3, 4]);
    check(Unbounded, Excluded(&two), &[1]);
    check(Included(&three), Included(&two), &[3, 4]);
    check(Excluded(&three), Included(&two), &[4]);
    check(Included(&two), Excluded(&three), &[2]);
    check(Included(&two), Excluded(&two), &[]);
    check(Excluded(&two), Included(&two), &[]);
    check(Excluded(&two), Included(&three), &[]);
    check(Included(&three), Excluded(&two), &[]);
    check(Included(&three), Included(&three), &[3]);
}

#[test]
fn a_cursor_keeps_its_place_while_rows_change() {
    let mut store = store(&[USER]);
    let by_age = IndexId::new(2);
    commit(&mut store, 1, |store| {
        (1..=8).for_each(|id| {
            insert(store, T1, &user(id, "", 1)).unwrap();
        });
        let mut cursor = Cursor::new(by_age, Bound::Unbounded, Bound::Unbounded);
        let mut seen = Vec::new();
        loop {
            let table = store.table(T1).unwrap();
            let mut range = table.resume(&cursor);
            let Some(row) = range.next() else { break };
            let id = u64::from(table.row(row)[0]);
            range.park(&mut cursor);
            seen.push(id);
            match id {
                // A longer row moves in memory, and is not met again.
                1..=3 => {
                    update(store, T1, &user(id, &"x".repeat(100 + id as usize), 1)).unwrap();
                }
                4 => delete(store, 5),
                6 => {
                    insert(store, T1, &user(9, "", 2)).unwrap();
                }
                _ => {}
            }
        }
        assert_eq!(seen[..5], [1, 2, 3, 4, 6]);
        assert_eq!(seen[5..8], [7, 8, 1], "those that moved ahead in the index come again");
        assert!(seen.contains(&9));
    });
}

#[test]
fn a_cursor_is_taken_from_both_ends() {
    let mut store = store(&[USER]);
    commit(&mut store, 1, |store| {
        (1..=6).for_each(|id| {
            insert(store, T1, &user(id, "", 1)).unwrap();
        });
    });
    let table = store.table(T1).unwrap();
    let mut cursor = Cursor::new(PRIMARY, Bound::Unbounded, Bound::Unbounded);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let mut range = table.resume(&cursor);
        seen.extend([range.next(), range.next_back()]);
        range.park(&mut cursor);
    }
    assert_eq!(table.resume(&cursor).next(), None);
    let ids: Vec<u8> = seen.into_iter().map(|row| table.row(row.unwrap())[0]).collect();
    assert_eq!(ids, [1, 6, 2, 5, 3, 4]);
}

#[test]
fn a_scan_goes_on_where_it_was() {
    let mut store = store(&[USER]);
    commit(&mut store, 1, |store| {
        (1..=5).for_each(|id| {
            insert(store, T1, &user(id, "", 1)).unwrap();
        });
        let mut seen = Vec::new();
        let mut position = RowId::FIRST;
        loop {
            let table = store.table(T1).unwrap();
            let mut scan = table.scan_from(position);
            let Some(row) = scan.next() else { break };
            position = scan.position();
            let id = u64::from(table.row(row)[0]);
            seen.push(id);
            if id == 2 {
                delete(store, 3);
            }
            update(store, T1, &user(id, &"x".repeat(50 * id as usize), 1)).unwrap();
        }
        assert_eq!(seen, [1, 2, 4, 5]);
    });
}
