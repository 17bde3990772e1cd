//! Tells other cores, and this one, what transactions change in the rows that live queries are about.
//!
//! Each core that has subscribers of a query *taps* the shards that have its rows. A tap is found by the tables of its query,
//! and where the query names the only value that a column may have, by that value: a change costs what it touches, however
//! many taps there are.
//!
//! Invariants:
//! 1. What a shard tells a core is in the order of its transactions.
//! 2. A tap sees rows of the very table that its query was planned for.

use std::collections::BTreeMap;
use std::sync::Arc;

use ahash::RandomState;
use cosmictron_sql::{Leaf, LeafChanges, LeafKey, LivePlan, Params, SqlError};
use cosmictron_storage::{Change, Store, Table, TableDef, WatchedChanges};
use cosmictron_types::{ColumnIndex, ShardId, TableId, TxId};
use hashbrown::HashMap;
use smallvec::SmallVec;

use super::FlowId;
use super::readers::Touched;
use crate::shard::outbox::{Asker, Held, ReplyTo};
use crate::shard::request::Answer;
use crate::shard::{Seam, Shard};

/// What one transaction of a shard changes for a core.
#[derive(Debug)]
pub struct FeedBatch {
    pub tx: TxId,
    pub flows: Vec<FlowChanges>,
    /// Rows of tables that views of the core's live queries can read.
    pub touched: Vec<Touched>,
}

impl FeedBatch {
    /// Bytes that it takes, about.
    pub fn bytes(&self) -> usize {
        let changes = self.flows.iter().filter_map(|flow| flow.changes.as_ref().ok());
        let touched = self.touched.iter().map(Touched::bytes);
        size_of_val(&*self.flows)
            + changes.map(LeafChanges::bytes).sum::<usize>()
            + touched.sum::<usize>()
    }
}

/// What it changes for one live query, or why that cannot be told.
#[derive(Debug)]
pub struct FlowChanges {
    pub flow: FlowId,
    pub changes: Result<LeafChanges, SqlError>,
}

/// Whose live query it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TapId {
    pub core: ShardId,
    pub flow: FlowId,
}

/// All taps of one shard.
#[derive(Debug)]
pub struct Feed {
    taps: HashMap<TapId, Tap, RandomState>,
    tables: BTreeMap<TableId, TableTaps>,
}

#[derive(Debug)]
struct Tap {
    plan: Arc<LivePlan>,
    params: Arc<Params>,
    watched: Vec<Arc<TableDef>>,
}

/// A core that is told all that changes in a table.
#[derive(Debug)]
struct Watcher {
    /// As the core knows the table.
    def: Arc<TableDef>,
    taps: usize,
}

/// What one transaction means.
#[derive(Default)]
struct Telling {
    flows: BTreeMap<TapId, Result<LeafChanges, SqlError>>,
    touched: BTreeMap<ShardId, Vec<Touched>>,
}

/// One leaf of a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LeafTap {
    tap: TapId,
    /// A statement has no more leaves than that.
    leaf: u32,
}

impl LeafTap {
    fn leaf_of(self, taps: &HashMap<TapId, Tap, RandomState>) -> &Leaf {
        &taps[&self.tap].plan.leaves()[self.leaf as usize]
    }
}

/// Taps by the value that a column has to have, as [`LeafKey`] holds it.
///
/// No client decides in which order they are looked at, so chance need not seed it.
type ByValue = HashMap<Box<[u8]>, SmallVec<[LeafTap; 1]>, RandomState>;

const SEEDS: [u64; 4] = [1, 2, 3, 4];

fn hasher() -> RandomState {
    let [a, b, c, d] = SEEDS;
    RandomState::with_seeds(a, b, c, d)
}

/// The taps of one table.
#[derive(Debug, Default)]
struct TableTaps {
    /// Those that every change may concern.
    every: Vec<LeafTap>,
    /// Those that a value of a column leads to.
    keyed: BTreeMap<ColumnIndex, ByValue>,
    /// The cores whose views can read it.
    watchers: BTreeMap<ShardId, Watcher>,
}

impl TableTaps {
    fn is_empty(&self) -> bool {
        self.every.is_empty() && self.keyed.is_empty() && self.watchers.is_empty()
    }

    fn watch(&mut self, core: ShardId, def: &Arc<TableDef>) {
        let none = || Watcher { def: def.clone(), taps: 0 };
        let watcher = self.watchers.entry(core).or_insert_with(none);
        watcher.taps += 1;
        // Whoever knows an older form of it is about to hear of this one.
        watcher.def = def.clone();
    }

    fn unwatch(&mut self, core: ShardId) {
        let Some(watcher) = self.watchers.get_mut(&core) else { return };
        watcher.taps -= 1;
        if watcher.taps == 0 {
            self.watchers.remove(&core);
        }
    }

    fn forget(&mut self, LeafKey { column, value }: &LeafKey, id: TapId) {
        let Some(by_value) = self.keyed.get_mut(column) else { return };
        if let Some(taps) = by_value.get_mut(value) {
            taps.retain(|other| other.tap != id);
            if taps.is_empty() {
                by_value.remove(value);
            }
        }
        if by_value.is_empty() {
            self.keyed.remove(column);
        }
    }
}

impl Default for Feed {
    fn default() -> Self {
        Self { taps: HashMap::with_hasher(hasher()), tables: BTreeMap::new() }
    }
}

impl Feed {
    /// From now on tells a core what a live query of its has to know.
    ///
    /// # Errors
    ///
    /// Of evaluating what a column is compared with.
    pub fn open(
        &mut self,
        id: TapId,
        plan: Arc<LivePlan>,
        params: Arc<Params>,
        watched: Vec<Arc<TableDef>>,
    ) -> Result<(), SqlError> {
        let keys = plan.leaves().iter().map(|leaf| leaf.key(&params));
        let keys: Vec<Option<LeafKey>> = keys.collect::<Result<_, _>>()?;
        for def in &watched {
            self.tables.entry(def.id).or_default().watch(id.core, def);
        }
        let leaves = (0..).zip(plan.leaves().iter().zip(keys));
        // What a view yields is in no store.
        for (number, (leaf, key)) in leaves.filter(|(_, (leaf, _))| !leaf.is_view()) {
            let table = self.tables.entry(leaf.table()).or_default();
            let tap = LeafTap { tap: id, leaf: number };
            match key {
                None => table.every.push(tap),
                Some(LeafKey { column, value }) => {
                    let by_value = table.keyed.entry(column);
                    let by_value = by_value.or_insert_with(|| HashMap::with_hasher(hasher()));
                    by_value.entry(value).or_default().push(tap);
                }
            }
        }
        self.taps.insert(id, Tap { plan, params, watched });
        Ok(())
    }

    /// Tells a core nothing more about a live query.
    pub fn close(&mut self, id: TapId) {
        let Some(tap) = self.taps.remove(&id) else { return };
        for def in &tap.watched {
            let Some(table) = self.tables.get_mut(&def.id) else { continue };
            table.unwatch(id.core);
            if table.is_empty() {
                self.tables.remove(&def.id);
            }
        }
        for leaf in tap.plan.leaves() {
            let Some(table) = self.tables.get_mut(&leaf.table()) else { continue };
            // It was evaluated when the tap was opened, and nothing that it depends on has changed.
            match leaf.key(&tap.params) {
                Ok(Some(key)) => table.forget(&key, id),
                Ok(None) | Err(_) => table.every.retain(|other| other.tap != id),
            }
            if table.is_empty() {
                self.tables.remove(&leaf.table());
            }
        }
    }

    /// Has the store keep what is to be told.
    pub fn watch(&self, store: &mut Store) {
        store.watch(self.tables.keys().copied().collect());
    }

    /// What changes mean to the cores, in the order of their transactions.
    pub fn tell(&self, seen: &WatchedChanges, store: &Store) -> Vec<(ShardId, FeedBatch)> {
        let mut told = Vec::new();
        let mut of_tx = Telling::default();
        let mut now = TxId::ZERO;
        for (tx, change) in seen.iter() {
            if tx != now {
                collect(now, &mut of_tx, &mut told);
                now = tx;
            }
            self.tell_change(&change, store, &mut of_tx);
        }
        collect(now, &mut of_tx, &mut told);
        told
    }

    fn tell_change(&self, change: &Change<'_>, store: &Store, telling: &mut Telling) {
        let Some(taps) = self.tables.get(&change.table()) else { return };
        let Telling { flows: told, touched } = telling;
        for (row, weight) in [(change.old_row(), -1), (change.new_row(), 1)] {
            let Some(row) = row else { continue };
            for (core, watcher) in &taps.watchers {
                let def = store.table(change.table()).map(Table::def);
                let is_known = def.is_some_and(|def| def.schema == watcher.def.schema);
                let row = is_known.then(|| row.into());
                touched.entry(*core).or_default().push(Touched { table: change.table(), row });
            }
            for tap in &taps.every {
                self.tell_leaf(*tap, row, weight, store, told);
            }
            for (column, by_value) in &taps.keyed {
                // All leaves that are found by a column read its values alike.
                let Some(any) = by_value.values().next().and_then(|taps| taps.first()) else {
                    continue;
                };
                if !self.is_current(*any, store) {
                    by_value.values().flatten().for_each(|tap| {
                        self.tell_leaf(*tap, row, weight, store, told);
                    });
                    continue;
                }
                let value = any.leaf_of(&self.taps).value_of(*column, row);
                for tap in by_value.get(&value).into_iter().flatten() {
                    self.tell_leaf(*tap, row, weight, store, told);
                }
            }
        }
    }

    fn tell_leaf(
        &self,
        leaf_tap: LeafTap,
        row: &[u8],
        weight: i64,
        store: &Store,
        told: &mut BTreeMap<TapId, Result<LeafChanges, SqlError>>,
    ) {
        let LeafTap { tap: id, leaf: number } = leaf_tap;
        let tap = &self.taps[&id];
        let leaf = leaf_tap.leaf_of(&self.taps);
        let read = match self.is_current(leaf_tap, store) {
            true => leaf.read(&tap.params, row),
            false => Err(leaf.stale()),
        };
        match read {
            Ok(None) => {}
            Ok(Some(row)) => {
                if let Ok(changes) = told.entry(id).or_insert_with(|| Ok(LeafChanges::default())) {
                    changes.push(number as usize, row, weight);
                }
            }
            Err(error) => drop(told.insert(id, Err(error))),
        }
    }

    /// Whether a leaf's table is still the one that it was planned for (I2).
    fn is_current(&self, leaf_tap: LeafTap, store: &Store) -> bool {
        let leaf = leaf_tap.leaf_of(&self.taps);
        store.table(leaf.table()).is_some_and(|table| leaf.is_of(table.def()))
    }
}

/// Makes batches of what one transaction told, one a core.
fn collect(tx: TxId, of_tx: &mut Telling, told: &mut Vec<(ShardId, FeedBatch)>) {
    let Telling { flows, touched } = std::mem::take(of_tx);
    let mut batches: BTreeMap<ShardId, FeedBatch> = BTreeMap::new();
    let none = || FeedBatch { tx, flows: Vec::new(), touched: Vec::new() };
    for (TapId { core, flow }, changes) in flows {
        batches.entry(core).or_insert_with(none).flows.push(FlowChanges { flow, changes });
    }
    for (core, touched) in touched {
        batches.entry(core).or_insert_with(none).touched = touched;
    }
    told.extend(batches);
}

impl Shard {
    /// Tells what transactions have done to this shard's store since this was last called, as soon as that is stable.
    pub(in crate::shard) fn publish(&mut self, seam: &mut Seam<'_>) {
        if let Some(mut store) = self.store.take_if(|store| store.has_watched()) {
            self.publish_of(&mut store, seam);
            self.store = Some(store);
        }
    }

    /// As [`Shard::publish`], where the store is in hand with others.
    pub(in crate::shard) fn publish_of(&mut self, store: &mut Store, seam: &mut Seam<'_>) {
        let Some(seen) = store.take_watched() else { return };
        let (here, lsn) = (seam.shard(), self.journal.barrier());
        for (core, batch) in self.live.feed.tell(&seen, store) {
            let reply = Some(ReplyTo { shard: core, asker: Asker::Feed, via: here });
            let (answer, arrived) = (Answer::Fed(batch), seam.now());
            self.keep(Held { lsn, reply, answer, arrived, notices: Vec::new() }, seam);
        }
    }
}
