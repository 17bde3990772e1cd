use std::collections::BTreeSet;

use cosmictron_types::TxId;

use super::*;
use crate::change::Change;
use crate::fixture::{PRIMARY, T1, T2, commit, key, store};
use crate::store::TransactionLimits;

/// What was seen, as transaction, old and new age.
fn seen(store: &mut Store) -> Vec<(u64, Option<u8>, Option<u8>)> {
    let Some(changes) = store.take_watched() else { return Vec::new() };
    let def = store.table(T1).unwrap().def().clone();
    let age = |row: &[u8]| def.column(row, cosmictron_types::ColumnIndex::new(2))[0];
    let told = |(tx, change): (TxId, Change<'_>)| {
        assert_eq!(change.table(), T1);
        (tx.get(), change.old_row().map(age), change.new_row().map(age))
    };
    changes.iter().map(told).collect()
}

#[test]
fn what_is_watched_is_told_once_and_net() {
    let other = USER.replace(r#""name":"user""#, r#""name":"other""#);
    let mut store = store(&[USER, &other]);
    commit(&mut store, 1, |store| insert(store, T1, &user(1, "a", 1)).map(drop).unwrap());
    assert!(store.take_watched().is_none(), "nobody watched");
    store.watch(BTreeSet::from([T1]));
    commit(&mut store, 2, |store| {
        insert(store, T2, &user(1, "a", 1)).unwrap();
        insert(store, T1, &user(2, "b", 2)).unwrap();
        update(store, T1, &user(2, "b", 3)).unwrap();
        update(store, T1, &user(1, "a", 9)).unwrap();
    });
    store.begin(TransactionLimits::default());
    insert(&mut store, T1, &user(3, "c", 4)).unwrap();
    store.rollback();
    commit(&mut store, 5, |store| {
        update(store, T1, &user(2, "b", 4)).unwrap();
        update(store, T1, &user(2, "b", 3)).unwrap();
        let first = key(store, T1, 0, &[&1u64]);
        store.delete(T1, PRIMARY, &first).unwrap();
        insert(store, T1, &user(4, "d", 5)).unwrap();
        let fourth = key(store, T1, 0, &[&4u64]);
        store.delete(T1, PRIMARY, &fourth).unwrap();
    });
    let expected = vec![(2, None, Some(3)), (2, Some(1), Some(9)), (5, Some(9), None)];
    assert_eq!(seen(&mut store), expected);
    assert_eq!(seen(&mut store), []);
    store.watch(BTreeSet::new());
    commit(&mut store, 6, |store| insert(store, T1, &user(5, "e", 1)).map(drop).unwrap());
    assert_eq!(seen(&mut store), []);
}
