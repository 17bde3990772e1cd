//! Random transactions, against one copy of every table for each transaction: each past that is kept is read in every
//! way and compared, each that is forgotten is refused.

mod walk;

use core::ops::Bound;
use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron_types::schema::TableSchema;
use cosmictron_types::{TableId, Timestamp, TxId};
use proptest::prelude::*;

use crate::fixture::{PRIMARY, T1, T2, key, resolver, row, schemas, store, store_with};
use crate::key::Key;
use crate::snapshot::{Forgotten, TableSnapshot};
use crate::store::{Store, StoreLimits, TransactionLimits};
use crate::table::is_between;

/// Keys longer than the head of an index entry, and an index that follows the rows.
const KEYED: &str = r#"{"name":"a","columns":[{"name":"key","type":"string"},{"name":"tag","type":"u8"},
    {"name":"body","type":"bytes"}],"indexes":[{"name":"key","columns":["key"],"primary":true},
    {"name":"by_tag","columns":["tag","body"]}]}"#;
/// The same with a column that rows have to be written again for.
const WIDENED: &str = r#"{"name":"a","columns":[{"name":"key","type":"string"},{"name":"tag","type":"u8"},
    {"name":"body","type":"bytes"},{"name":"more","type":{"option":"u8"}}],
    "indexes":[{"name":"key","columns":["key"],"primary":true},{"name":"by_tag","columns":["tag","body"]}]}"#;
/// The same with one index less.
const UNINDEXED: &str = r#"{"name":"a","columns":[{"name":"key","type":"string"},{"name":"tag","type":"u8"},
    {"name":"body","type":"bytes"}],"indexes":[{"name":"key","columns":["key"],"primary":true}]}"#;
const KEYLESS: &str = r#"{"name":"b","columns":[{"name":"tag","type":"u8"},{"name":"body","type":"bytes"}],
    "indexes":[{"name":"by_tag","columns":["tag"]}]}"#;
const KEYS: u8 = 12;
const TAGS: u8 = 4;

#[derive(Clone, Debug)]
enum Op {
    Put {
        key: u8,
        tag: u8,
        length: usize,
    },
    Delete {
        key: u8,
    },
    /// Makes a row another one, and then what it was.
    Touch {
        key: u8,
    },
    DeleteTag {
        tag: u8,
    },
    Add {
        tag: u8,
        length: usize,
    },
    Take {
        tag: u8,
    },
}

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Op>),
    Undo(Vec<Op>),
    /// Forgets what is older than so many transactions.
    Forget {
        age: u64,
        steps_max: usize,
    },
    Widen,
    Unindex,
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0..40usize, 2 => 100..2000usize, 1 => 30_000..70_000usize]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..KEYS, 0..TAGS, length()).prop_map(|(key, tag, length)| Op::Put { key, tag, length }),
        3 => (0..KEYS).prop_map(|key| Op::Delete { key }),
        2 => (0..KEYS).prop_map(|key| Op::Touch { key }),
        1 => (0..TAGS).prop_map(|tag| Op::DeleteTag { tag }),
        2 => (0..TAGS, length()).prop_map(|(tag, length)| Op::Add { tag, length }),
        1 => (0..TAGS).prop_map(|tag| Op::Take { tag }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let ops = || prop::collection::vec(op(), 1..6);
    prop_oneof![
        40 => ops().prop_map(Step::Commit),
        6 => ops().prop_map(Step::Undo),
        4 => (0..30u64, 1..6usize).prop_map(|(age, steps_max)| Step::Forget { age, steps_max }),
        1 => Just(Step::Widen),
        1 => Just(Step::Unindex),
    ]
}

/// The rows of both tables, each in the order of its bytes.
type Content = [Vec<Vec<u8>>; 2];

struct History {
    store: Store,
    tx: u64,
    /// What the store held after each transaction; a change of tables makes it begin anew.
    past: BTreeMap<u64, Content>,
    /// The columns that every row of the first table has in addition.
    is_widened: bool,
    salt: u8,
}

impl History {
    fn new(limits: StoreLimits) -> Self {
        let store = store_with(limits, &schemas(&[KEYED, KEYLESS]));
        let past = BTreeMap::from([(0, Content::default())]);
        Self { store, tx: 0, past, is_widened: false, salt: 0 }
    }

    fn content(&self) -> Content {
        [T1, T2].map(|table| {
            let table = self.store.table(table).unwrap();
            let mut rows: Vec<Vec<u8>> = table.scan().map(|row| table.row(row).to_vec()).collect();
            rows.sort();
            rows
        })
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Commit(ops) => {
                self.store.begin(TransactionLimits::default());
                ops.iter().for_each(|op| self.write(op));
                self.tx += 1 + u64::from(self.salt % 3);
                self.store.commit(TxId::new(self.tx));
                self.store.note_time(self.now());
                self.past.insert(self.tx, self.content());
            }
            Step::Undo(ops) => {
                self.store.begin(TransactionLimits::default());
                ops.iter().for_each(|op| self.write(op));
                self.store.rollback();
            }
            Step::Forget { age, steps_max } => {
                let horizon = Timestamp::from_micros(self.now().as_micros() - *age as i64 * 1000);
                let Some(kept) = self.store.tx_at(horizon) else { return };
                let before = self.oldest();
                self.store.forget(horizon, *steps_max);
                for (before, after) in before.into_iter().zip(self.oldest()) {
                    assert!(before <= after && after <= before.max(kept));
                }
            }
            Step::Widen => self.alter(WIDENED),
            Step::Unindex => self.alter(UNINDEXED),
        }
    }

    fn oldest(&self) -> [TxId; 2] {
        [T1, T2].map(|table| self.store.table(table).unwrap().history().oldest)
    }

    /// A transaction every millisecond of its number.
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.tx as i64 * 1000)
    }

    fn alter(&mut self, schema: &str) {
        if self.is_widened {
            return;
        }
        let both = schemas(&[schema, KEYLESS]);
        let altered: Arc<TableSchema> = both[0].clone();
        self.store.alter_table(T1, altered, &resolver(&both)).unwrap();
        if schema == WIDENED {
            self.is_widened = true;
            let oldest = self.store.table(T1).unwrap().history().oldest;
            assert_eq!(
                oldest.get(),
                self.tx,
                "a table that is written again can be read from here on"
            );
            let content = self.content();
            self.past.retain(|tx, _| *tx >= self.tx);
            self.past.insert(self.tx, content);
        }
    }

    fn write(&mut self, op: &Op) {
        self.salt = self.salt.wrapping_add(1);
        match op {
            Op::Put { key, tag, length } => {
                let mut bytes = self.keyed(*key, *tag, *length);
                if self.store.update(T1, &bytes).is_err() {
                    self.store.insert(T1, &mut bytes).unwrap();
                }
            }
            Op::Delete { key } => {
                let key = self.key(*key);
                self.store.delete(T1, PRIMARY, &key).unwrap();
            }
            Op::Touch { key } => {
                let table = self.store.table(T1).unwrap();
                let Some(row) = table.find(PRIMARY, &self.key(*key)) else { return };
                let row = table.row(row).to_vec();
                let other = self.keyed(*key, TAGS, 3000);
                self.store.update(T1, &other).unwrap();
                self.store.update(T1, &row).unwrap();
            }
            Op::DeleteTag { tag } => {
                let def = self.store.table(T1).unwrap().def();
                if def.indexes.len() > 1 {
                    let key = key(&self.store, T1, 1, &[tag]);
                    self.store.delete(T1, crate::definition::index_at(1), &key).unwrap();
                }
            }
            Op::Add { tag, length } => {
                let layout = &self.store.table(T2).unwrap().def().layout;
                let mut bytes = row(layout, &[tag, &body(*length, self.salt)]);
                self.store.insert(T2, &mut bytes).unwrap();
            }
            Op::Take { tag } => {
                let key = key(&self.store, T2, 0, &[tag]);
                self.store.delete(T2, PRIMARY, &key).unwrap();
            }
        }
    }

    fn keyed(&self, key: u8, tag: u8, length: usize) -> Vec<u8> {
        let layout = &self.store.table(T1).unwrap().def().layout;
        // Rows that are written as they were are made on purpose.
        let salt = if length < 10 { 0 } else { self.salt };
        let body = body(length, salt);
        match self.is_widened {
            true => row(layout, &[&key_text(key), &tag, &body, &Some(tag)]),
            false => row(layout, &[&key_text(key), &tag, &body]),
        }
    }

    fn key(&self, at: u8) -> Key {
        key(&self.store, T1, 0, &[&key_text(at)])
    }

    /// Reads the store as of every transaction.
    fn check(&self) {
        for tx in 0..=self.tx + 1 {
            let Some((_, content)) = self.past.range(..=tx).next_back() else { continue };
            let snapshot = self.store.as_of(TxId::new(tx));
            for (id, rows) in [T1, T2].into_iter().zip(content) {
                let oldest = self.store.table(id).unwrap().history().oldest;
                match snapshot.table(id).unwrap() {
                    Ok(table) => self.check_table(id, &table, rows, tx),
                    Err(error) => {
                        assert!(TxId::new(tx) < oldest);
                        assert_eq!(error, Forgotten { oldest });
                    }
                }
            }
            let at = Timestamp::from_micros(tx as i64 * 1000 + 999);
            if let Some(found) = self.store.tx_at(at) {
                let commit = self.past.range(..=tx).next_back().map(|(tx, _)| *tx);
                assert!(
                    Some(found.get()) == commit || found.get() < *self.past.keys().next().unwrap()
                );
            }
        }
    }

    fn check_table(&self, id: TableId, table: &TableSnapshot<'_>, rows: &[Vec<u8>], tx: u64) {
        assert_eq!(scan(table), rows, "as of {tx}");
        if id == T2 {
            return;
        }
        let def = table.table().def();
        for at in 0..KEYS {
            let key = self.key(at);
            let found = table.find(&key);
            let expected = rows.iter().find(|row| def.key_of(PRIMARY, row) == key);
            assert_eq!(found.row, expected.map(Vec::as_slice), "{at} as of {tx}");
        }
        if def.indexes.len() < 2 {
            return;
        }
        let index = crate::definition::index_at(1);
        for tag in 0..TAGS {
            let key = key(&self.store, T1, 1, &[&tag]);
            let is_it = |row: &[u8]| {
                is_between(&def.key_of(index, row), Bound::Included(&key), Bound::Included(&key))
            };
            let range = table.table().range(index, Bound::Included(&key), Bound::Included(&key));
            let kept = range.filter_map(|row| table.row(row));
            let ended = table.ended().flatten().filter(|row| is_it(row));
            let mut found: Vec<&[u8]> = kept.chain(ended).collect();
            found.sort_unstable();
            let expected: Vec<&[u8]> =
                rows.iter().map(Vec::as_slice).filter(|row| is_it(row)).collect();
            assert_eq!(found, expected, "tag {tag} as of {tx}");
        }
    }
}

fn scan(table: &TableSnapshot<'_>) -> Vec<Vec<u8>> {
    let kept = table.table().scan().filter_map(|row| table.row(row));
    let ended = table.ended().flatten().filter(|_| !table.is_present());
    let mut rows: Vec<Vec<u8>> = kept.chain(ended).map(<[u8]>::to_vec).collect();
    rows.sort();
    rows
}

fn key_text(key: u8) -> String {
    // Some keys share their first eight bytes.
    format!("{}-{key}", if key.is_multiple_of(2) { "a long beginning" } else { "b" })
}

fn body(length: usize, salt: u8) -> Vec<u8> {
    vec![salt; length]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_kept_past_is_what_it_was(
        steps in prop::collection::vec(step(), 1..60),
        is_limited in prop::bool::weighted(0.3),
    ) {
        let history_bytes_max = if is_limited { 200_000 } else { 1 << 30 };
        let limits = StoreLimits { history_bytes_max, ..StoreLimits::default() };
        let mut history = History::new(limits);
        for (number, step) in steps.iter().enumerate() {
            history.step(step);
            prop_assert!(history.store.history_bytes() <= history_bytes_max);
            if number % 16 == 0 {
                history.check();
            }
        }
        history.check();
        let counted: u64 = history.store.tables().map(|table| table.history().bytes).sum();
        prop_assert!(counted <= history.store.history_bytes());
        // What is forgotten to the last leaves nothing behind.
        let far = Timestamp::from_micros(i64::MAX);
        while history.store.forget(far, 3) {}
        for table in history.store.tables() {
            prop_assert_eq!((table.history().versions, table.history().bytes), (0, 0));
        }
        history.check();
    }
}

/// One key whose row comes and goes has a grave for each time, and each is found.
#[test]
fn a_key_that_comes_and_goes_is_found_in_each_of_its_lives() {
    let mut store = store(&[KEYED]);
    let layout = store.table(T1).unwrap().def().layout.clone();
    let key = key(&store, T1, 0, &[&"k".to_owned()]);
    for tx in 1..=4000u64 {
        store.begin(TransactionLimits::default());
        if tx % 2 == 1 {
            let body = body(40, u8::try_from(tx % 251).unwrap());
            store.insert(T1, &mut row(&layout, &[&"k".to_owned(), &1u8, &body])).unwrap();
        } else {
            store.delete(T1, PRIMARY, &key).unwrap();
        }
        store.commit(TxId::new(tx));
    }
    for tx in 0..=4000u64 {
        let found = store.as_of(TxId::new(tx)).table(T1).unwrap().unwrap().find(&key);
        assert_eq!(found.row.is_some(), tx % 2 == 1, "{tx}");
        if let Some(row) = found.row {
            assert_eq!(row.last(), Some(&u8::try_from(tx % 251).unwrap()));
        }
    }
}

#[test]
fn a_table_without_history_can_be_read_from_its_last_change_on() {
    let mut store = store(&[KEYED, KEYLESS]);
    store.forgo_history(T1);
    let key = key(&store, T1, 0, &[&"k".to_owned()]);
    for tx in 1..=3u64 {
        let layout = store.table(T1).unwrap().def().layout.clone();
        let bytes = row(&layout, &[&"k".to_owned(), &u8::try_from(tx).unwrap(), &body(1, 1)]);
        store.begin(TransactionLimits::default());
        if store.update(T1, &bytes).is_err() {
            store.insert(T1, &mut bytes.clone()).unwrap();
        }
        store.commit(TxId::new(tx));
    }
    store.begin(TransactionLimits::default());
    store.commit(TxId::new(9));
    let at = |tx| {
        store.as_of(TxId::new(tx)).table(T1).unwrap().map(|table| table.find(&key).row.is_some())
    };
    assert_eq!(
        [at(2), at(3), at(9)],
        [Err(Forgotten { oldest: TxId::new(3) }), Ok(true), Ok(true)]
    );
    assert_eq!(store.history_bytes(), 0);
}

#[test]
fn a_transaction_larger_than_the_limit_leaves_nothing_beyond_it() {
    let limits = StoreLimits { history_bytes_max: 300_000, ..StoreLimits::default() };
    let mut history = History::new(limits);
    let put = |salt: usize| {
        Step::Commit((0..KEYS).map(|key| Op::Put { key, tag: 1, length: 60_000 + salt }).collect())
    };
    history.step(&put(1));
    history.step(&put(2));
    assert!(history.store.history_bytes() <= 300_000);
    assert_eq!(history.store.table(T1).unwrap().history().oldest.get(), history.tx);
    history.check();
}
