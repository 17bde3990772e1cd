use cosmictron_types::{ColumnIndex, IndexId, TxId};
use proptest::prelude::*;

use super::*;
use crate::change::{ChangeReader, ChangeWriter, LoggedChange};
use crate::fixture::{PRIMARY, T1, T2, commit, content, dump, key, store};
use crate::store::TransactionLimits;
use crate::store::apply::ApplyError;

/// A table without a primary key, whose rows are found by either of two indexes.
const HIT: &str = r#"{"name":"hit","columns":[{"name":"path","type":"string"},{"name":"code","type":"u16"}],
    "indexes":[{"name":"by_path","columns":["path"]},{"name":"by_code","columns":["code"]}]}"#;
const LOGIN: &str = r#"{"name":"login","event":true,"columns":[{"name":"id","type":"u64"}],
    "indexes":[{"name":"id","columns":["id"],"primary":true}]}"#;

const HITS: TableId = T1;
const LOGINS: TableId = T2;
const USERS: TableId = TableId::new(3);

fn filled() -> Store {
    let mut store = store(&[HIT, LOGIN, USER]);
    commit(&mut store, 1, |store| {
        for id in 1..=5u64 {
            insert(store, USERS, &user(id, &format!("e{id}"), 1)).unwrap();
            insert(store, LOGINS, &[Box::new(id)]).unwrap();
            insert(store, HITS, &hit("a", u16::try_from(id).unwrap())).unwrap();
        }
    });
    store
}

fn hit(path: &str, code: u16) -> [Box<dyn Value>; 2] {
    [Box::new(path.to_owned()), Box::new(code)]
}

fn encoded(changes: &[LoggedChange<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = ChangeWriter::new(&mut out);
    changes.iter().for_each(|change| writer.write(change));
    out
}

#[test]
fn rows_that_swap_their_unique_values_are_replayed_in_one_step() {
    let (mut store, mut again) = (filled(), filled());
    let mut log = Vec::new();
    commit(&mut store, 2, |store| {
        update(store, USERS, &user(1, "free", 1)).unwrap();
        update(store, USERS, &user(2, "e1", 1)).unwrap();
        update(store, USERS, &user(1, "e2", 1)).unwrap();
        store.encode_changes(&mut log);
    });
    again.apply(TxId::new(2), &log).unwrap();
    assert_eq!(content(&again), content(&store));
}

#[test]
fn rows_without_a_key_are_deleted_by_what_they_are() {
    let (mut store, mut again) = (filled(), filled());
    let mut log = Vec::new();
    commit(&mut store, 2, |store| {
        let code = key(store, HITS, 1, &[&3u16]);
        assert_eq!(store.delete(HITS, IndexId::new(1), &code), Ok(1));
        store.encode_changes(&mut log);
        let mut changes = ChangeReader::new(&log);
        let change = changes.next().unwrap().unwrap();
        assert!(matches!(change, LoggedChange::DeleteRow { index, .. } if index.get() == 1));
    });
    again.apply(TxId::new(2), &log).unwrap();
    assert_eq!(content(&again), content(&store));
}

/// Applies changes to a filled store, and expects this error and no trace.
#[track_caller]
fn check(changes: &[LoggedChange<'_>], expected: &ApplyError) {
    let mut store = filled();
    let before = dump(&store);
    assert_eq!(store.apply(TxId::new(2), &encoded(changes)).as_ref(), Err(expected));
    assert_eq!(dump(&store), before);
}

#[test]
fn changes_that_do_not_fit_are_refused_whole() {
    let store = filled();
    let row = |id, email, age| encode(&store, USERS, &user(id, email, age));
    let [one, six, taken] = [row(1, "e1", 9), row(6, "e6", 1), row(7, "e2", 1)];
    let hit_row = encode(&store, HITS, &hit("a", 9));
    let login = 1u64.to_le_bytes();
    let table = USERS;
    let good = LoggedChange::Insert { table, row: &six };
    let unknown = TableId::new(9);
    check(
        &[good, LoggedChange::Insert { table: unknown, row: &six }],
        &ApplyError::UnknownTable(unknown),
    );
    check(&[good, good], &ApplyError::RowExists { table });
    check(&[good, LoggedChange::Insert { table, row: &one }], &ApplyError::RowExists { table });
    let index = IndexId::new(1);
    check(
        &[good, LoggedChange::Insert { table, row: &taken }],
        &ApplyError::NotUnique { table, index },
    );
    check(&[LoggedChange::Update { table, row: &six }], &ApplyError::NoSuchRow { table });
    let nobody = 9u64.to_le_bytes();
    check(&[LoggedChange::DeleteKey { table, key: &nobody }], &ApplyError::NoSuchRow { table });
    check(
        &[LoggedChange::DeleteRow { table, index, row: &one }],
        &ApplyError::PrimaryKey { table },
    );
    let table = HITS;
    check(&[LoggedChange::Update { table, row: &hit_row }], &ApplyError::NoPrimaryKey { table });
    check(&[LoggedChange::DeleteKey { table, key: &nobody }], &ApplyError::NoPrimaryKey { table });
    check(
        &[LoggedChange::DeleteRow { table, index, row: &hit_row }],
        &ApplyError::NoSuchRow { table },
    );
    let index = IndexId::new(2);
    check(
        &[LoggedChange::DeleteRow { table, index, row: &hit_row }],
        &ApplyError::UnknownIndex { table, index },
    );
    let table = LOGINS;
    check(&[LoggedChange::Update { table, row: &login }], &ApplyError::AppendOnly { table });
    check(&[LoggedChange::DeleteKey { table, key: &login }], &ApplyError::AppendOnly { table });
    let (table, last) = (USERS, u128::from(u64::MAX) + 1);
    let column = ColumnIndex::new(0);
    let sequence = LoggedChange::Sequence { table, column, last };
    check(&[sequence], &ApplyError::Sequence { table, column, last });
    let column = ColumnIndex::new(1);
    check(
        &[LoggedChange::Sequence { table, column, last: 1 }],
        &ApplyError::Sequence { table, column, last: 1 },
    );
}

#[test]
fn malformed_rows_and_keys_are_refused() {
    let mut store = filled();
    let before = dump(&store);
    for change in [
        LoggedChange::Insert { table: USERS, row: b"short" },
        LoggedChange::Update { table: USERS, row: b"" },
        LoggedChange::DeleteRow { table: HITS, index: PRIMARY, row: &[0xff; 7] },
    ] {
        let error = store.apply(TxId::new(2), &encoded(&[change])).unwrap_err();
        assert!(matches!(error, ApplyError::InvalidRow { .. }), "{error}");
    }
    let change = LoggedChange::DeleteKey { table: USERS, key: &[1; 7] };
    let error = store.apply(TxId::new(2), &encoded(&[change])).unwrap_err();
    assert!(matches!(error, ApplyError::InvalidKey { .. }), "{error}");
    assert_eq!(dump(&store), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Damage that a checksum let through must not bring the server down, whatever it does to the data.
    #[test]
    fn damaged_changes_never_panic(at in any::<prop::sample::Index>(), flip in 1..=255u8, cut in any::<bool>()) {
        let mut store = filled();
        store.begin(TransactionLimits::default());
        update(&mut store, USERS, &user(1, "x", 7)).unwrap();
        insert(&mut store, USERS, &user(0, "y", 7)).unwrap();
        let three = key(&store, USERS, 0, &[&3u64]);
        store.delete(USERS, PRIMARY, &three).unwrap();
        let code = key(&store, HITS, 1, &[&3u16]);
        store.delete(HITS, IndexId::new(1), &code).unwrap();
        let mut log = Vec::new();
        store.encode_changes(&mut log);
        store.rollback();
        let before = dump(&store);
        let at = at.index(log.len());
        if cut { log.truncate(at) } else { log[at] ^= flip }
        if store.apply(TxId::new(2), &log).is_err() {
            prop_assert_eq!(dump(&store), before);
        }
    }
}
