//! Random histories on one to four shards, against the same tables in a single store that spreads nothing.
//!
//! After each transaction the rows, their order in every index, what is found by keys and the kinds of the errors are
//! the same; wherever the transaction began and however often it had to begin again.

mod choice;

use core::mem::discriminant;
use core::ops::Bound;
use std::sync::Arc;

use cosmictron_types::schema::TableSchema;
use cosmictron_types::{ColumnIndex, IndexId, ShardId, TableId, TxId};
use proptest::prelude::*;

use choice::{Op, TABLES, Transaction, VALUES, plain, transaction};

use super::cluster::{Cluster, all_schemas, read, refused};
use crate::definition::{TableDef, column_at, index_at};
use crate::fixture::store_with;
use crate::key::{Key, KeyBuilder};
use crate::store::write::WriteError;
use crate::store::{Store, StoreLimits, TransactionLimits};
use crate::stores::Stores;
use crate::stores::elsewhere::{Elsewhere, StoresError};
use crate::stores::scan::PlacedScan;

/// An [`Op`] whose values are rows and keys.
#[derive(Clone, Debug)]
enum Step {
    Insert(usize, Vec<u8>),
    Update(usize, Vec<u8>),
    Delete(usize, IndexId, Key),
}

type Outcome = Result<(Vec<u8>, u64), WriteError>;

struct History {
    cluster: Cluster,
    one: Store,
    tx: u64,
}

impl History {
    fn new(shards: u16) -> Self {
        let schemas: Vec<Arc<TableSchema>> = all_schemas(&TABLES)[..TABLES.len()]
            .iter()
            .map(|schema| Arc::new(TableSchema { shard_by: None, ..(**schema).clone() }))
            .collect();
        let one = store_with(StoreLimits::default(), &schemas);
        Self { cluster: Cluster::new(shards, &TABLES), one, tx: 0 }
    }

    fn run(&mut self, transaction: &Transaction) {
        let shards: Vec<ShardId> = self.cluster.shards.shards().collect();
        let shard = |at: u8| shards[usize::from(at) % shards.len()];
        let mut held = vec![shard(transaction.here)];
        for &at in &transaction.held {
            if !held.contains(&shard(at)) {
                held.push(shard(at));
            }
        }
        let steps: Vec<Step> = transaction.ops.iter().filter_map(|op| self.resolve(op)).collect();
        if transaction.is_undone {
            return self.undo(&held, &steps);
        }
        let outcomes = self.cluster.run(&held, |cluster, stores| {
            steps
                .iter()
                .map(|step| act(cluster, stores, held[0], step))
                .collect::<Result<Vec<_>, _>>()
        });
        self.one.begin(TransactionLimits::default());
        for (step, outcome) in steps.iter().zip(outcomes) {
            self.compare(step, outcome);
        }
        self.tx += 1;
        self.one.commit(TxId::new(self.tx));
    }

    /// A transaction that ends with an undo, or at the first store that it lacks.
    fn undo(&mut self, held: &[ShardId], steps: &[Step]) {
        let mut stores = self.cluster.take(held);
        let before: Vec<_> = stores.iter().map(crate::fixture::dump).collect();
        let _ = steps
            .iter()
            .try_for_each(|step| act(&self.cluster, &mut stores, held[0], step).map(drop));
        stores.rollback();
        assert_eq!(stores.iter().map(crate::fixture::dump).collect::<Vec<_>>(), before);
        self.cluster.give_back(stores);
        self.cluster.check();
    }

    /// Does the same in the single store; numbers that were generated are taken over.
    fn compare(&mut self, step: &Step, outcome: Outcome) {
        if let (Step::Update(table, row), Err(WriteError::ShardKeyChanged { .. })) =
            (step, &outcome)
        {
            let (at, table) =
                (&self.cluster.tables[*table], self.one.table(table_id(*table)).unwrap());
            let old =
                table.find_primary(row).expect("the row is there, on another shard or on this");
            return assert!(at.site.changed_column(table.row(old), row).is_some());
        }
        let expected = match step {
            Step::Insert(table, row) => {
                let mut row = outcome.as_ref().map_or(row.clone(), |(row, _)| row.clone());
                let found = self.one.insert(table_id(*table), &mut row);
                found.map(|_| (row, 1))
            }
            Step::Update(table, row) => {
                self.one.update(table_id(*table), row).map(|_| (row.clone(), 1))
            }
            Step::Delete(table, index, key) => {
                self.one.delete(table_id(*table), *index, key).map(|count| (Vec::new(), count))
            }
        };
        match (&outcome, &expected) {
            (Err(error), Err(expected)) => {
                assert_eq!(discriminant(error), discriminant(expected), "{error} {expected}");
            }
            _ => assert_eq!(outcome, expected, "{step:?}"),
        }
    }

    fn resolve(&self, op: &Op) -> Option<Step> {
        match op {
            Op::Insert { table, values } => {
                let (table, def) = self.table(*table);
                Some(Step::Insert(table, self.row(def, values, None)))
            }
            Op::Update { table, row, values } => {
                let (table, def) = self.table(*table);
                Some(Step::Update(table, self.row(def, values, self.pick(table, *row))))
            }
            Op::Delete { table, row, values, index, columns } => {
                let (table, def) = self.table(*table);
                let index = index_at(usize::from(*index) % def.schema.indexes.len());
                let columns = 1 + usize::from(*columns) % def.index(index).columns.len();
                let made = self.row(def, values, None);
                let row = self.pick(table, *row).filter(|_| values[0] < 200).unwrap_or(&made);
                Some(Step::Delete(table, index, key_of(def, index, columns, row)))
            }
        }
    }

    fn table(&self, table: u8) -> (usize, &TableDef) {
        let table = usize::from(table) % TABLES.len();
        (table, self.one.table(table_id(table)).unwrap().def())
    }

    /// One of the rows that are there.
    fn pick(&self, table: usize, at: u8) -> Option<&[u8]> {
        let table = self.one.table(table_id(table)).unwrap();
        table.scan().nth(usize::from(at) % table.len().max(1)).map(|row| table.row(row))
    }

    /// A row of the values that a few bytes stand for. That of an update keeps its key, and mostly what places it.
    fn row(&self, def: &TableDef, values: &[u8; VALUES], old: Option<&[u8]>) -> Vec<u8> {
        let placing = self.cluster.tables[usize_of(def.id)].site.placing_column();
        let tails: Vec<Vec<u8>> = (0..def.layout.types().len())
            .map(|at| {
                let (column, value) = (column_at(at), values[at]);
                let is_kept = def.primary_column() == Some(column)
                    || (placing == Some(column) && value < 230)
                    || value < 60;
                match old.filter(|_| is_kept) {
                    Some(old) => def.column(old, column).to_vec(),
                    None => self.value(def, column, value, values[0]),
                }
            })
            .collect();
        let mut row = Vec::new();
        def.layout.assemble(tails.iter().map(Vec::as_slice), &mut row);
        row
    }

    fn value(&self, def: &TableDef, column: ColumnIndex, value: u8, first: u8) -> Vec<u8> {
        let schema = &def.schema.columns[column.index()];
        let (ty, is_option) = (schema.ty.required(), schema.ty.is_option());
        let key = def.foreign_keys.iter().find(|key| key.column == column);
        let target = key.filter(|_| value < 240).map(|key| {
            let row = self.pick(usize_of(key.target), value / 4)?;
            let target = self.one.table(key.target).unwrap();
            Some(target.def().column(row, key.target_column).to_vec())
        });
        // A row refers to itself by a number that it knows.
        let is_counted = plain(ty, first).iter().all(|&byte| byte == 0);
        let is_own = key.is_some_and(|key| key.target == def.id && is_counted);
        let is_absent = is_own || value.is_multiple_of(3) || target == Some(None);
        if is_option && is_absent {
            return vec![0; ty.width().map_or(1, |width| width + 1)];
        }
        let target = target.flatten();
        let tail = target.unwrap_or_else(|| plain(ty, value));
        match is_option {
            true => [&[1], &tail[..]].concat(),
            false => tail,
        }
    }

    /// All rows, in every order, and single ones by their keys.
    fn check(&mut self, lower: &[u8; VALUES], upper: &[u8; VALUES], kinds: (u8, u8), chunk: usize) {
        let all: Vec<ShardId> = self.cluster.shards.shards().collect();
        let stores = self.cluster.take(&all);
        for at in &self.cluster.tables[..TABLES.len()] {
            let (one, def) = (self.one.table(at.table()).unwrap(), at.def());
            let rows: Vec<&[u8]> = one.scan().map(|row| one.row(row)).collect();
            let mut scan = stores.scan(at).unwrap();
            assert_eq!(sorted(chunks(&stores, &mut scan, chunk)), sorted(to_vecs(&rows)));
            assert_eq!(stores.count(at), Ok(rows.len() as u64));
            let bounds = [lower, upper].map(|values| self.row(def, values, None));
            for index in (0..def.schema.indexes.len()).map(index_at) {
                for (columns, row) in rows.iter().chain([&&bounds[0][..]]).enumerate() {
                    let columns = 1 + columns % def.index(index).columns.len();
                    let key = key_of(def, index, columns, row);
                    let expected = one.find(index, &key).map(|row| one.row(row));
                    let found = stores.find(at, index, &key).unwrap();
                    let key = |row: Option<&[u8]>| row.map(|row| def.key_of(index, row));
                    assert_eq!(key(found), key(expected));
                }
                let columns = 1 + usize::from(kinds.0) % def.index(index).columns.len();
                let keys = bounds.each_ref().map(|row| key_of(def, index, columns, row));
                let bounds = (bound(kinds.0, &keys[0]), bound(kinds.1, &keys[1]));
                for descending in [false, true] {
                    let mut scan = stores.range(at, index, bounds.0, bounds.1, descending).unwrap();
                    let found = chunks(&stores, &mut scan, chunk);
                    let mut expected: Vec<Vec<u8>> = one
                        .range(index, bounds.0, bounds.1)
                        .map(|row| one.row(row).to_vec())
                        .collect();
                    if descending {
                        expected.reverse();
                    }
                    let keys = |rows: &[Vec<u8>]| -> Vec<Key> {
                        rows.iter().map(|row| def.key_of(index, row)).collect()
                    };
                    assert_eq!(keys(&found), keys(&expected));
                    assert_eq!(sorted(found), sorted(expected));
                }
            }
        }
        let mut stores = stores;
        stores.rollback();
        self.cluster.give_back(stores);
    }
}

fn act(
    cluster: &Cluster,
    stores: &mut Stores,
    here: ShardId,
    step: &Step,
) -> Result<Outcome, Elsewhere> {
    let done = match step {
        Step::Insert(table, row) => {
            let mut filled = row.clone();
            let at = &cluster.tables[*table];
            // With somebody who has a say in it, and lets it, it is the same.
            let inserted = match row.len() % 2 {
                0 => stores.insert(at, here, &mut filled),
                _ => stores.insert_if(at, here, &mut filled, |_, row| {
                    assert!(at.def().layout.check(row).is_ok(), "who judges sees a row");
                    Ok(())
                }),
            };
            assert!(inserted.is_ok() || filled == *row, "numbers are taken back");
            inserted.map(|()| (filled, 1))
        }
        Step::Update(table, row) => {
            let at = &cluster.tables[*table];
            let replaced = stores.replaced(at, row).map(|old| old.is_some());
            let updated = stores.update(at, row);
            let finds_none =
                matches!(&updated, Err(StoresError::Refused(WriteError::NoSuchRow { .. })));
            assert!(
                !finds_none || replaced != Ok(true),
                "it is known what is replaced: {updated:?}"
            );
            assert!(updated.is_err() || replaced == Ok(true), "{replaced:?}");
            updated.map(|()| (row.clone(), 1))
        }
        Step::Delete(table, index, key) => {
            let at = &cluster.tables[*table];
            let deleted = match key.as_bytes().len() % 2 {
                0 => stores.delete(at, *index, key),
                _ => stores.delete_if(at, *index, key, |_, _| Ok(true)),
            };
            deleted.map(|count| (Vec::new(), count))
        }
    };
    Ok(refused(done)?.map_err(|error| match error {
        StoresError::Refused(error) => error,
        StoresError::Elsewhere(_) => panic!("that is no refusal"),
    }))
}

/// Reads a scan to its end, so many rows at a time.
fn chunks(stores: &Stores, scan: &mut PlacedScan, count: usize) -> Vec<Vec<u8>> {
    let mut rows = Vec::new();
    loop {
        let more = read(stores, scan, count);
        if more.is_empty() {
            return rows;
        }
        rows.extend(more);
    }
}

fn key_of(def: &TableDef, index: IndexId, columns: usize, row: &[u8]) -> Key {
    let mut key = KeyBuilder::new(def.index(index));
    for column in &def.index(index).columns[..columns] {
        key.column(def.column(row, *column)).unwrap();
    }
    key.finish()
}

fn bound(kind: u8, key: &Key) -> Bound<&Key> {
    match kind % 3 {
        0 => Bound::Included(key),
        1 => Bound::Excluded(key),
        _ => Bound::Unbounded,
    }
}

fn table_id(table: usize) -> TableId {
    TableId::new(u32::try_from(table).unwrap() + 1)
}

fn usize_of(table: TableId) -> usize {
    table.get() as usize - 1
}

fn to_vecs(rows: &[&[u8]]) -> Vec<Vec<u8>> {
    rows.iter().map(|row| row.to_vec()).collect()
}

fn sorted(mut rows: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    rows.sort();
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn stores_do_together_what_one_does(
        shards in 1..5u16,
        transactions in prop::collection::vec(transaction(), 1..24),
        lower in any::<[u8; VALUES]>(),
        upper in any::<[u8; VALUES]>(),
        kinds in any::<(u8, u8)>(),
        chunk in 1..5usize,
    ) {
        let mut history = History::new(shards);
        for transaction in &transactions {
            history.run(transaction);
        }
        history.check(&lower, &upper, kinds, chunk);
    }
}
