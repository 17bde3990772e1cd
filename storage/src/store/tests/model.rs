//! Random schemas and random histories, against tables that are nothing but lists of rows.
//!
//! After each transaction the store's rows, the order in every index, the errors and the sequences equal the model's;
//! after an undone one everything is as it was; and a second store that is told the logged changes equals the first.

mod choice;
mod naive;

use core::ops::Bound;
use std::collections::{BTreeMap, BTreeSet};

use cosmictron_types::{IndexId, TableId, TxId};
use proptest::prelude::*;

use crate::change::Change;
use crate::definition::index_at;
use crate::fixture::{content, dump, store};
use crate::key::{Key, KeyBuilder};
use crate::store::write::WriteError;
use crate::store::{Store, TransactionLimits};
use choice::{Choice, Op, VALUES, choice, op};
use naive::{Model, ModelRow, Refusal};

/// A store, what it should hold, and a second store that only replays.
struct History {
    store: Store,
    again: Store,
    model: Model,
    tx: u64,
}

impl History {
    fn new(choice: &Choice) -> Self {
        let tables = choice.tables();
        let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
        let store = store(&tables);
        let model = Model::new(&store);
        Self { store, again: crate::fixture::store(&tables), model, tx: 0 }
    }

    /// Runs one transaction that ends in a commit or is undone.
    fn transaction(&mut self, ops: &[Op], is_undone: bool) {
        let (before, found) = (dump(&self.store), self.model.clone());
        self.store.begin(TransactionLimits::default());
        ops.iter().for_each(|op| self.step(op));
        self.model.check(&self.store);
        if is_undone {
            self.store.rollback();
            self.model = found;
            assert_eq!(dump(&self.store), before);
            assert_settled(&self.store);
            return;
        }
        self.tx += 1;
        let tx = TxId::new(self.tx);
        self.check_changes(&found);
        let mut log = Vec::new();
        self.store.encode_changes(&mut log);
        assert_eq!(log.is_empty(), !self.store.is_changed());
        self.store.commit(tx);
        self.again.apply(tx, &log).unwrap();
        assert_eq!(content(&self.again), content(&self.store));
        self.model.check(&self.store);
        self.model.check(&self.again);
        assert_settled(&self.store);
        assert_settled(&self.again);
    }

    fn step(&mut self, op: &Op) {
        let table = usize::from(op.table()) % self.model.tables.len();
        let id = TableId::new(u32::try_from(table).unwrap() + 1);
        match op {
            Op::Insert { values, .. } => {
                let mut row = self.model.tables[table].row(values);
                let expected = self.model.insert(table, &mut row);
                let mut bytes = self.model.tables[table].row(values).bytes;
                assert_eq!(refusal(self.store.insert(id, &mut bytes)), expected);
                assert_eq!(bytes, row.bytes, "numbers are filled in, or taken back");
            }
            Op::Update { values, .. } => {
                let row = self.model.tables[table].row(values);
                let bytes = row.bytes.clone();
                let expected = self.model.update(table, row);
                assert_eq!(refusal(self.store.update(id, &bytes)), expected);
            }
            Op::Delete { values, index, columns, .. } => {
                let def = self.model.tables[table].def.clone();
                if def.indexes.is_empty() {
                    return;
                }
                let index = usize::from(*index) % def.indexes.len();
                let columns = 1 + usize::from(*columns) % def.indexes[index].columns.len();
                let row = self.model.tables[table].row(values);
                let expected = self.model.delete(table, index, columns, &row);
                let key = key_of(&self.model, table, index, columns, &row);
                assert_eq!(refusal(self.store.delete(id, index_at(index), &key)), expected);
            }
        }
    }

    /// The net changes, done to what the transaction found, are what it leaves.
    fn check_changes(&self, found: &Model) {
        let mut rows: BTreeMap<(TableId, &[u8]), i64> = BTreeMap::new();
        let mut count = |table, row, by| *rows.entry((table, row)).or_default() += by;
        let mut keys = BTreeSet::new();
        for change in self.store.changes() {
            let table = change.table();
            change.old_row().into_iter().for_each(|row| count(table, row, -1));
            change.new_row().into_iter().for_each(|row| count(table, row, 1));
            let def = self.store.table(table).unwrap().def();
            let row = change.new_row().or(change.old_row()).unwrap();
            if def.primary().is_some() {
                assert!(keys.insert((table, def.key_of(IndexId::new(0), row))), "one change a row");
            }
            if let Change::Update { old, new, .. } = change {
                assert!(def.primary().unwrap().is_same_key(&def.layout, old, new));
            }
        }
        for table in &found.tables {
            table.rows.iter().for_each(|row| count(table.def.id, &row.bytes, 1));
        }
        for table in &self.model.tables {
            table.rows.iter().for_each(|row| count(table.def.id, &row.bytes, -1));
        }
        rows.retain(|_, count| *count != 0);
        assert_eq!(rows, BTreeMap::new());
    }

    /// Ranges between two keys, from both ends, and single rows.
    fn check_ranges(&self, lower: &Bounds, upper: &Bounds) {
        for (at, table) in self.model.tables.iter().enumerate() {
            let found = self.store.table(table.def.id).unwrap();
            for index in 0..table.def.indexes.len() {
                let [a, b] = [lower, upper].map(|bounds| {
                    let columns =
                        1 + usize::from(bounds.columns) % table.def.indexes[index].columns.len();
                    let row = table.row(&bounds.values);
                    (
                        table.cells(index, columns, &row),
                        key_of(&self.model, at, index, columns, &row),
                    )
                });
                let range = found.range(index_at(index), lower.bound(&a.1), upper.bound(&b.1));
                let forward: Vec<&[u8]> = range.clone().map(|row| found.row(row)).collect();
                let mut backward: Vec<&[u8]> = range.rev().map(|row| found.row(row)).collect();
                backward.reverse();
                assert_eq!(forward, backward);
                let expected = table.count_between(index, lower.bound(&a.0), upper.bound(&b.0));
                assert_eq!(forward.len(), expected, "{lower:?} {upper:?} in index {index}");
                let first = found.find(index_at(index), &a.1).map(|row| found.row(row));
                let has = table.count_between(index, Bound::Included(&a.0), Bound::Included(&a.0));
                assert_eq!(first.is_some(), has > 0);
            }
        }
    }
}

/// No row lies elsewhere than its id says.
fn assert_settled(store: &Store) {
    for table in store.tables() {
        assert!(table.scan().all(|row| !table.heap().is_moved(row)));
    }
}

/// One end of a range: values, how many columns of them, and what kind of bound.
#[derive(Clone, Debug)]
struct Bounds {
    values: [u8; VALUES],
    columns: u8,
    kind: u8,
}

impl Bounds {
    fn bound<'k, K>(&self, key: &'k K) -> Bound<&'k K> {
        match self.kind % 3 {
            0 => Bound::Included(key),
            1 => Bound::Excluded(key),
            _ => Bound::Unbounded,
        }
    }
}

fn bounds() -> impl Strategy<Value = Bounds> {
    (any::<[u8; VALUES]>(), any::<u8>(), any::<u8>()).prop_map(|(values, columns, kind)| Bounds {
        values,
        columns,
        kind,
    })
}

fn key_of(model: &Model, table: usize, index: usize, columns: usize, row: &ModelRow) -> Key {
    let def = &model.tables[table].def;
    let mut key = KeyBuilder::new(&def.indexes[index]);
    for column in &def.indexes[index].columns[..columns] {
        key.column(def.column(&row.bytes, *column)).unwrap();
    }
    key.finish()
}

fn refusal<T>(result: Result<T, WriteError>) -> Result<(), Refusal> {
    match result {
        Ok(_) => Ok(()),
        Err(WriteError::UniqueViolation { index, .. }) => Err(Refusal::Unique(index.to_string())),
        Err(WriteError::ForeignKeyWithoutTarget { .. }) => Err(Refusal::Target),
        Err(WriteError::Referenced { .. }) => Err(Refusal::Referenced),
        Err(WriteError::NoSuchRow { .. }) => Err(Refusal::NoSuchRow),
        Err(WriteError::NoPrimaryKey { .. }) => Err(Refusal::NoPrimaryKey),
        Err(WriteError::AppendOnly { .. }) => Err(Refusal::AppendOnly),
        Err(other) => panic!("{other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_store_does_what_lists_of_rows_do(
        choice in choice(),
        transactions in prop::collection::vec(
            (prop::collection::vec(op(), 1..25), prop::bool::weighted(0.3)), 1..12),
        lower in bounds(),
        upper in bounds(),
    ) {
        let mut history = History::new(&choice);
        for (ops, is_undone) in &transactions {
            history.transaction(ops, *is_undone);
        }
        history.check_ranges(&lower, &upper);
    }
}
