//! Tells what transactions have done to the tables that somebody watches.
//!
//! The store may be with another shard when a transaction changes it, so what was done is kept in it until its owner takes
//! it. Where nothing is watched a commit costs one comparison more.

use core::ops::Range;
use std::collections::BTreeSet;

use cosmictron_types::{TableId, TxId};

use super::Store;
use crate::change::Change;

/// What is watched, and what was seen.
#[derive(Debug, Default)]
pub(super) struct Watch {
    tables: BTreeSet<TableId>,
    seen: WatchedChanges,
}

/// Changes of watched tables, in the order of their transactions.
#[derive(Debug, Default)]
pub struct WatchedChanges {
    changes: Vec<Seen>,
    /// The rows, one after the other.
    rows: Vec<u8>,
}

#[derive(Debug)]
struct Seen {
    tx: TxId,
    table: TableId,
    old: Option<Range<usize>>,
    new: Option<Range<usize>>,
}

impl WatchedChanges {
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes, each with its transaction.
    pub fn iter(&self) -> impl Iterator<Item = (TxId, Change<'_>)> {
        self.changes.iter().map(|seen| {
            let row = |range: &Range<usize>| &self.rows[range.clone()];
            let table = seen.table;
            let change = match (seen.old.as_ref().map(row), seen.new.as_ref().map(row)) {
                (Some(old), Some(new)) => Change::Update { table, old, new },
                (Some(old), None) => Change::Delete { table, old },
                (None, Some(new)) => Change::Insert { table, new },
                (None, None) => unreachable!("a change has a row"),
            };
            (seen.tx, change)
        })
    }

    fn note(&mut self, tx: TxId, change: &Change<'_>) {
        let mut keep = |row: &[u8]| {
            let start = self.rows.len();
            self.rows.extend_from_slice(row);
            start..self.rows.len()
        };
        let (old, new) = (change.old_row().map(&mut keep), change.new_row().map(&mut keep));
        self.changes.push(Seen { tx, table: change.table(), old, new });
    }
}

impl Store {
    /// From now on what transactions do to these tables is kept, and to no others.
    pub fn watch(&mut self, tables: BTreeSet<TableId>) {
        self.watch.tables = tables;
    }

    /// Whether something was done to watched tables since this was last taken.
    pub fn has_watched(&self) -> bool {
        !self.watch.seen.is_empty()
    }

    /// What was done to watched tables since this was last asked.
    ///
    /// ```
    /// # use cosmictron_storage::{Store, StoreLimits};
    /// let mut store = Store::new(StoreLimits::default());
    /// assert!(store.take_watched().is_none());
    /// ```
    pub fn take_watched(&mut self) -> Option<WatchedChanges> {
        match self.watch.seen.is_empty() {
            true => None,
            false => Some(std::mem::take(&mut self.watch.seen)),
        }
    }

    /// Keeps what the open transaction, which commits as `tx`, has done to watched tables.
    pub(super) fn note_watched(&mut self, tx: TxId) {
        if self.watch.tables.is_empty() {
            return;
        }
        let mut seen = std::mem::take(&mut self.watch.seen);
        for change in self.changes() {
            let is_the_same = matches!(change, Change::Update { old, new, .. } if old == new);
            if self.watch.tables.contains(&change.table()) && !is_the_same {
                seen.note(tx, &change);
            }
        }
        self.watch.seen = seen;
    }
}
