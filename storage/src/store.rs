//! All tables of one shard, and the transaction that is open on them.
//!
//! A transaction changes tables in place: its own reads see its writes, and committing it is almost nothing. What it
//! found is kept aside in a write set until it ends, so that it can be undone and its net changes can be told. One
//! transaction is open at a time; the store belongs to whoever holds it, and holds nothing but its own memory, so it can
//! be lent to another thread as a value.
//!
//! Invariants:
//! 1. Between two calls all constraints hold: unique indexes, foreign keys, primary keys.
//! 2. A write that is refused has changed nothing.
//! 3. After [`Store::rollback`] rows, their ids, the entries of all indexes and the sequences are as they were at
//!    [`Store::begin`].
//! 4. `bytes` is the memory of all tables without their history, and no insert or update leads beyond the limit. Undoing and replaying may:
//!    what was there before, or was durable, is never refused.
//! 5. Between transactions the memory of history is within its own limit, or all of it is held by walks under way.

pub mod apply;
mod constraint;
mod part;
mod retention;
pub mod schema_change;
mod seat;
mod sequence;
mod transaction;
mod watch;
pub mod write;
mod write_set;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use cosmictron_types::{TableId, TxId};

use crate::heap::ROW_BYTES_MAX;
use crate::table::Table;
use crate::timeline::Timeline;
use watch::Watch;
use write_set::WriteSet;

pub(crate) use constraint::{referring_key, target_key};
pub use seat::Seat;
pub(crate) use seat::owner_of_key;
pub use watch::WatchedChanges;

/// All tables of one shard as one value.
#[derive(Debug)]
pub struct Store {
    limits: StoreLimits,
    seat: Seat,
    /// Tables by place; places of dropped tables are `None` and used again.
    tables: Vec<Option<Table>>,
    places: BTreeMap<TableId, u32>,
    /// Memory of all tables when it was last measured: after each write.
    bytes: u64,
    /// Memory of the old versions of all tables.
    history_bytes: u64,
    timeline: Timeline,
    /// The newest transaction.
    committed: TxId,
    /// The limits of the open transaction, if one is open.
    open: Option<TransactionLimits>,
    write_set: WriteSet,
    watch: Watch,
}

/// Bounds on what a store takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// Memory of all tables. A write that could go beyond is refused with
    /// [`WriteError::StoreFull`](write::WriteError::StoreFull). The rows that an open transaction found
    /// are kept in addition, up to its [`TransactionLimits::bytes_max`].
    pub bytes_max: u64,
    /// Bytes of one row; below 256 MiB.
    pub row_bytes_max: u32,
    /// Memory of what rows were before, in addition to `bytes_max`. A commit that leads beyond it forgets the oldest, but
    /// for what a [`Walk`](crate::Walk) under way needs. 0 keeps no history beyond that.
    pub history_bytes_max: u64,
}

/// Bounds on what one transaction writes. Each write counts, also of the same row, also when a constraint refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionLimits {
    pub rows_max: u64,
    /// Bytes of inserted and deleted rows, and of updated ones the longer of before and after.
    pub bytes_max: u64,
}

impl Default for StoreLimits {
    /// 4 GiB, rows of 1 MiB, an eighth for history.
    fn default() -> Self {
        Self { bytes_max: 4 << 30, row_bytes_max: 1 << 20, history_bytes_max: 4 << 27 }
    }
}

impl Default for TransactionLimits {
    /// 100,000 rows, 64 MiB.
    fn default() -> Self {
        Self { rows_max: 100_000, bytes_max: 64 << 20 }
    }
}

impl Store {
    /// The store of a server's only shard. Panics when a row could be larger than any can be.
    pub fn new(limits: StoreLimits) -> Self {
        Self::seated(limits, Seat::ALONE)
    }

    /// The store of one shard among several.
    pub fn seated(limits: StoreLimits, seat: Seat) -> Self {
        assert!(limits.row_bytes_max <= ROW_BYTES_MAX);
        Self {
            limits,
            seat,
            tables: Vec::new(),
            places: BTreeMap::new(),
            bytes: 0,
            history_bytes: 0,
            timeline: Timeline::default(),
            committed: TxId::ZERO,
            open: None,
            write_set: WriteSet::default(),
            watch: Watch::default(),
        }
    }

    pub fn table(&self, id: TableId) -> Option<&Table> {
        self.places.get(&id).map(|&place| self.at(place))
    }

    pub(crate) fn table_mut(&mut self, id: TableId) -> Option<&mut Table> {
        let place = *self.places.get(&id)?;
        Some(self.at_mut(place))
    }

    /// All tables, in the order of their ids.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.places.values().map(|&place| self.at(place))
    }

    /// Memory of all tables, without their history.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The newest transaction.
    pub fn committed(&self) -> TxId {
        self.committed
    }

    /// Whose store this is.
    pub fn seat(&self) -> Seat {
        self.seat
    }

    pub fn limits(&self) -> &StoreLimits {
        &self.limits
    }

    /// Other bounds from here on. What is there already stays, also beyond them; of history, until the next commit.
    pub fn set_limits(&mut self, limits: StoreLimits) {
        assert!(limits.row_bytes_max <= ROW_BYTES_MAX);
        self.limits = limits;
    }

    /// The place of a table that the caller was given.
    fn place(&self, id: TableId) -> u32 {
        *self.places.get(&id).unwrap_or_else(|| panic!("table {id} is not in this store"))
    }

    fn at(&self, place: u32) -> &Table {
        self.tables[place as usize].as_ref().expect("a place in use has a table")
    }

    fn at_mut(&mut self, place: u32) -> &mut Table {
        self.tables[place as usize].as_mut().expect("a place in use has a table")
    }
}
