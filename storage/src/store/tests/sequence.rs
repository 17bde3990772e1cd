use cosmictron_types::{Column, TxId};

use super::*;
use crate::fixture::{PRIMARY, T1, commit, content, key, store};
use crate::store::TransactionLimits;

fn table(ty: &str) -> String {
    format!(
        r#"{{"name":"t","columns":[{{"name":"id","type":"{ty}","auto_inc":true}}],
            "indexes":[{{"name":"id","columns":["id"],"primary":true}}]}}"#
    )
}

/// Inserts a row that comes with `id`; the number that it has then.
fn take<T: Column>(store: &mut Store, id: T) -> Result<T, WriteError> {
    let mut row = id.tail();
    store.insert(T1, &mut row)?;
    Ok(T::decode_tail(&row).unwrap())
}

fn exhausted(max: u128) -> WriteError {
    WriteError::AutoIncExhausted { table: "t".into(), column: "id".into(), max }
}

#[test]
fn zero_is_replaced_and_what_comes_is_passed() {
    let mut store = store(&[&table("i32")]);
    commit(&mut store, 1, |store| {
        assert_eq!(take(store, 0i32), Ok(1));
        assert_eq!(take(store, 7i32), Ok(7));
        assert_eq!(take(store, 0i32), Ok(8));
        assert_eq!(take(store, 3i32), Ok(3), "what comes may lie behind");
        assert_eq!(take(store, -5i32), Ok(-5), "negative numbers are kept");
        assert_eq!(take(store, i32::MIN), Ok(i32::MIN));
        assert_eq!(take(store, 0i32), Ok(9));
    });
}

#[test]
fn a_sequence_ends_at_its_types_greatest_number() {
    let mut signed = store(&[&table("i8")]);
    commit(&mut signed, 1, |store| {
        assert_eq!(take(store, 126i8), Ok(126));
        assert_eq!(take(store, 0i8), Ok(127));
        assert_eq!(take(store, 0i8), Err(exhausted(127)));
        assert_eq!(take(store, 5i8), Ok(5), "what comes with a number is still taken");
    });
    let mut unsigned = store(&[&table("u128")]);
    commit(&mut unsigned, 1, |store| {
        assert_eq!(take(store, u128::MAX), Ok(u128::MAX));
        assert_eq!(take(store, 0u128), Err(exhausted(u128::MAX)));
    });
    let mut widest = store(&[&table("i128")]);
    commit(&mut widest, 1, |store| {
        assert_eq!(take(store, i128::MAX - 1), Ok(i128::MAX - 1));
        assert_eq!(take(store, 0i128), Ok(i128::MAX));
        assert_eq!(take(store, 0i128), Err(exhausted(u128::MAX >> 1)));
    });
}

#[test]
fn undoing_takes_numbers_back() {
    let mut store = store(&[&table("u64")]);
    commit(&mut store, 1, |store| assert_eq!(take(store, 0u64), Ok(1)));
    store.begin(TransactionLimits::default());
    assert_eq!(take(&mut store, 0u64), Ok(2));
    assert_eq!(take(&mut store, 100u64), Ok(100));
    store.rollback();
    commit(&mut store, 2, |store| assert_eq!(take(store, 0u64), Ok(2)));
}

#[test]
fn a_refused_row_takes_no_number() {
    let table = r#"{"name":"t","columns":[{"name":"id","type":"u64","auto_inc":true},
        {"name":"code","type":"u8"}],"indexes":[{"name":"id","columns":["id"],"primary":true},
        {"name":"by_code","columns":["code"],"unique":true}]}"#;
    let mut store = store(&[table]);
    commit(&mut store, 1, |store| {
        insert(store, T1, &[Box::new(0u64), Box::new(1u8)]).unwrap();
        insert(store, T1, &[Box::new(0u64), Box::new(1u8)]).unwrap_err();
        insert(store, T1, &[Box::new(0u64), Box::new(2u8)]).unwrap();
    });
    let last: Vec<u128> = store.table(T1).unwrap().sequences().map(|(_, last)| last).collect();
    assert_eq!(last, [2]);
}

/// A number that a transaction used must not be given out again after a restart, even when no row shows it: the
/// transaction may have told it to someone.
#[test]
fn replaying_passes_numbers_that_no_row_shows() {
    let mut store = store(&[&table("u64")]);
    let mut again = crate::fixture::store(&[&table("u64")]);
    let mut log = Vec::new();
    commit(&mut store, 1, |store| {
        assert_eq!(take(store, 0u64), Ok(1));
        assert_eq!(take(store, 0u64), Ok(2));
        let second = key(store, T1, 0, &[&2u64]);
        assert_eq!(store.delete(T1, PRIMARY, &second), Ok(1));
        store.encode_changes(&mut log);
    });
    again.apply(TxId::new(1), &log).unwrap();
    log.clear();
    commit(&mut store, 2, |store| {
        assert_eq!(take(store, 0u64), Ok(3));
        let third = key(store, T1, 0, &[&3u64]);
        assert_eq!(store.delete(T1, PRIMARY, &third), Ok(1));
        assert_eq!(store.changes().count(), 0);
        assert!(store.is_changed(), "the log has to know that 3 is used");
        store.encode_changes(&mut log);
    });
    again.apply(TxId::new(2), &log).unwrap();
    assert_eq!(content(&again), content(&store));
    commit(&mut again, 3, |store| assert_eq!(take(store, 0u64), Ok(4)));
}

#[test]
fn a_sequence_is_not_logged_when_a_row_shows_it() {
    let mut store = store(&[&table("u8")]);
    commit(&mut store, 1, |store| {
        take(store, 0u8).unwrap();
        let mut log = Vec::new();
        store.encode_changes(&mut log);
        assert_eq!(log, [0, 1, 1, 1], "an insert into table 1 of a row of one byte");
    });
}

/// A number that an update brings is passed as well: else the sequence would run into it.
#[test]
fn an_update_moves_the_sequence_past_its_number() {
    let table = r#"{"name":"t","columns":[{"name":"id","type":"u64"},
        {"name":"number","type":"i16","auto_inc":true}],
        "indexes":[{"name":"id","columns":["id"],"primary":true},
        {"name":"by_number","columns":["number"],"unique":true}]}"#;
    let mut store = store(&[table]);
    let mut again = crate::fixture::store(&[table]);
    commit(&mut store, 1, |store| {
        insert(store, T1, &[Box::new(1u64), Box::new(0i16)]).unwrap();
        update(store, T1, &[Box::new(1u64), Box::new(2i16)]).unwrap();
        insert(store, T1, &[Box::new(2u64), Box::new(0i16)]).unwrap();
        update(store, T1, &[Box::new(2u64), Box::new(0i16)]).unwrap();
        let mut log = Vec::new();
        store.encode_changes(&mut log);
        again.apply(TxId::new(1), &log).unwrap();
    });
    let last: Vec<u128> = store.table(T1).unwrap().sequences().map(|(_, last)| last).collect();
    assert_eq!(last, [3]);
    assert_eq!(content(&again), content(&store));
}
