//! The stores of several shards, of which a transaction takes those that it needs.

use std::sync::Arc;

use cosmictron_types::schema::TableSchema;
use cosmictron_types::{ShardCount, ShardId, TxId};

use crate::fixture::{Value, content, dump, row, schemas, seated_store};
use crate::key::{Key, KeyBuilder};
use crate::store::{Seat, Store, StoreLimits, TransactionLimits};
use crate::stores::Stores;
use crate::stores::elsewhere::{Elsewhere, StoresError};
use crate::stores::placement::Placement;
use crate::stores::scan::PlacedScan;
use crate::stores::sharded_index::sharded_index_schemas;
use cosmictron_types::IndexId;

pub(super) struct Cluster {
    pub(super) shards: ShardCount,
    /// By shard; `None` while a transaction holds it.
    stores: Vec<Option<Box<Store>>>,
    /// What replaying the logs makes.
    again: Vec<Store>,
    /// By table: the users' sorted by name, then the hidden ones.
    pub(super) tables: Vec<Placement>,
    pub(super) limits: TransactionLimits,
    tx: u64,
}

/// The shard of tables that are not spread: the last one, which is not the first where there are several.
fn home_of(shards: ShardCount) -> ShardId {
    shards.shards().next_back().unwrap()
}

impl Cluster {
    pub(super) fn new(shards: u16, tables: &[&str]) -> Self {
        Self::with_limits(shards, StoreLimits::default(), tables)
    }

    pub(super) fn with_limits(shards: u16, limits: StoreLimits, tables: &[&str]) -> Self {
        let shards = ShardCount::new(shards).unwrap();
        let schemas = all_schemas(tables);
        let store = |shard| seated_store(limits, Seat { shard, shards }, &schemas);
        let stores: Vec<_> = shards.shards().map(|shard| Some(Box::new(store(shard)))).collect();
        let again = shards.shards().map(store).collect();
        let defs: Vec<_> = stores[0].as_ref().unwrap().tables().map(|t| t.def().clone()).collect();
        let tables = Placement::resolve(&defs, home_of(shards));
        Self { shards, stores, again, tables, limits: TransactionLimits::default(), tx: 0 }
    }

    pub(super) fn home(&self) -> ShardId {
        home_of(self.shards)
    }

    pub(super) fn table(&self, name: &str) -> &Placement {
        self.tables.iter().find(|at| *at.def().name == *name).unwrap()
    }

    pub(super) fn store(&self, shard: ShardId) -> &Store {
        self.stores[shard.index()].as_ref().unwrap()
    }

    /// Takes these stores and opens a transaction on them.
    pub(super) fn take(&mut self, shards: &[ShardId]) -> Stores {
        let mut taken = shards.iter().map(|shard| self.stores[shard.index()].take().unwrap());
        let mut stores = Stores::new(taken.next().unwrap());
        taken.for_each(|store| stores.add(store));
        stores.begin(self.limits);
        stores
    }

    pub(super) fn give_back(&mut self, stores: Stores) {
        for store in stores.into_stores() {
            let at = store.seat().shard.index();
            assert!(self.stores[at].replace(store).is_none());
        }
    }

    /// Runs one transaction, first with one store, then with all that it was seen to need, and commits it. What is
    /// undone on the way leaves no trace, and what is logged is what is there.
    pub(super) fn run<R>(
        &mut self,
        first: &[ShardId],
        mut run: impl FnMut(&Self, &mut Stores) -> Result<R, Elsewhere>,
    ) -> R {
        let mut held = first.to_vec();
        loop {
            let mut stores = self.take(&held);
            let before: Vec<_> = stores.iter().map(dump).collect();
            match run(self, &mut stores) {
                Ok(result) => {
                    self.commit(stores);
                    return result;
                }
                Err(elsewhere) => {
                    stores.rollback();
                    assert_eq!(stores.iter().map(dump).collect::<Vec<_>>(), before);
                    self.give_back(stores);
                    let missing = elsewhere.shards();
                    assert!(!missing.is_empty() && missing.is_sorted());
                    assert!(missing.iter().all(|shard| !held.contains(shard)), "{missing:?}");
                    held.extend(missing);
                }
            }
        }
    }

    pub(super) fn commit(&mut self, mut stores: Stores) {
        self.tx += 1;
        let tx = TxId::new(self.tx);
        for store in stores.iter_mut() {
            let mut log = Vec::new();
            store.encode_changes(&mut log);
            store.commit(tx);
            let again = &mut self.again[store.seat().shard.index()];
            again.apply(tx, &log).unwrap();
            assert_eq!(content(again), content(store));
        }
        self.give_back(stores);
        self.check();
    }

    /// Every row is where it belongs, and sharded indexes have an entry for each.
    pub(super) fn check(&self) {
        for at in &self.tables {
            let mut entries = vec![0; at.site.sharded.len()];
            let (mut count, def) = (0, at.def());
            for store in self.stores.iter().flatten() {
                let table = store.table(at.table()).unwrap();
                for row in table.scan().map(|id| table.row(id)) {
                    let shard = at.site.shard_of(row, self.shards).unwrap();
                    assert_eq!(shard, store.seat().shard, "a row of {}", def.name);
                    for entry in at.site.entries(row, None, self.shards) {
                        let place = at.site.sharded.iter().position(|s| std::ptr::eq(s, entry.of));
                        entries[place.unwrap()] += 1;
                        let other = self.store(entry.shard);
                        let found = entry.of.find(other, &entry.key).unwrap();
                        assert_eq!(entry.of.row_shard(other, found, self.shards), shard);
                    }
                    count += 1;
                }
            }
            for (sharded, entries) in at.site.sharded.iter().zip(entries) {
                let tables = self.stores.iter().flatten().map(|s| s.table(sharded.def.id).unwrap());
                assert_eq!(tables.map(|table| table.len()).sum::<usize>(), entries);
            }
            assert!(
                at.home().is_none()
                    || count == self.store(self.home()).table(at.table()).unwrap().len()
            );
        }
    }

    /// Inserts one row in a transaction of its own; the row as it is in.
    pub(super) fn insert(
        &mut self,
        table: &str,
        values: &[&dyn Value],
    ) -> Result<Vec<u8>, StoresError> {
        let first = [ShardId::FIRST];
        self.run(&first, |cluster, stores| {
            let at = cluster.table(table);
            let mut row = row(&at.def().layout, values);
            refused(stores.insert(at, ShardId::FIRST, &mut row).map(|()| row))
        })
    }

    pub(super) fn update(&mut self, table: &str, values: &[&dyn Value]) -> Result<(), StoresError> {
        self.run(&[ShardId::FIRST], |cluster, stores| {
            let at = cluster.table(table);
            refused(stores.update(at, &row(&at.def().layout, values)))
        })
    }

    pub(super) fn delete(
        &mut self,
        table: &str,
        index: u16,
        values: &[&dyn Value],
    ) -> Result<u64, StoresError> {
        self.run(&[ShardId::FIRST], |cluster, stores| {
            let at = cluster.table(table);
            refused(stores.delete(at, IndexId::new(index), &key(at, index, values)))
        })
    }

    /// All rows of a table, in the order of an index.
    pub(super) fn rows(&mut self, table: &str, index: u16) -> Vec<Vec<u8>> {
        self.run(&[ShardId::FIRST], |cluster, stores| {
            use core::ops::Bound::Unbounded;
            let at = cluster.table(table);
            let mut scan = stores.range(at, IndexId::new(index), Unbounded, Unbounded, false)?;
            Ok(read(stores, &mut scan, usize::MAX))
        })
    }

    /// A `u64` whose row belongs to a shard: the first from 1 on.
    pub(super) fn number_on(&self, shard: u16) -> u64 {
        let is_there =
            |n: &u64| crate::store::owner_of_key(self.shards, &n.to_be_bytes()).get() == shard;
        (1..).find(is_there).unwrap()
    }
}

/// The next rows of a scan, at most so many.
pub(super) fn read(stores: &Stores, scan: &mut PlacedScan, count: usize) -> Vec<Vec<u8>> {
    let mut rows = Vec::new();
    stores.next(scan, &mut |row| {
        let takes = rows.len() < count;
        if takes {
            rows.push(row.to_vec());
        }
        takes
    });
    rows
}

/// A refusal is an outcome; that a store is missing is none.
pub(super) fn refused<T>(
    result: Result<T, StoresError>,
) -> Result<Result<T, StoresError>, Elsewhere> {
    match result {
        Err(StoresError::Elsewhere(elsewhere)) => Err(elsewhere),
        other => Ok(other),
    }
}

pub(super) fn key(at: &Placement, index: u16, values: &[&dyn Value]) -> Key {
    let mut key = KeyBuilder::new(at.def().index(IndexId::new(index)));
    values.iter().for_each(|value| key.column(&value.tail()).unwrap());
    key.finish()
}

/// The schemas of a module's tables and of its sharded indexes: by their ids, from 1 on.
pub(super) fn all_schemas(tables: &[&str]) -> Vec<Arc<TableSchema>> {
    let mut all = schemas(tables);
    let hidden: Vec<_> = all.iter().flat_map(|schema| sharded_index_schemas(schema)).collect();
    all.extend(hidden.into_iter().map(Arc::new));
    all
}
