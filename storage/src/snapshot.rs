//! A store as of one transaction: its rows as they were when that one had just been committed.
//!
//! Rows that were there and are as they were are in the table; those that have changed or gone since are among the old
//! versions that ended later. So a table as of a transaction is two lists, each read in its own way:
//!
//! ```text
//!   as of n  =  rows with created <= n                  found by a scan or by any index, in its order
//!             + versions with created <= n < until      found in the order in which they ended
//! ```
//!
//! Of one row at most one of both fits. A single row is found by its primary key without reading either.
//!
//! A table that takes long to read is read a piece at a time: [`walk`].
//!
//! Who asks names the transaction, so several stores can be read as of the same one. Whether it has happened is theirs
//! to know: a store takes any number beyond its newest transaction for the present.

pub mod walk;

use cosmictron_types::{TableId, TxId};

use crate::heap::{RowId, Stamp};
use crate::history::{Followed, Version};
use crate::key::Key;
use crate::store::Store;
use crate::table::Table;

/// A store as of a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'s> {
    store: &'s Store,
    /// `None` for the store as it is.
    tx: Option<TxId>,
}

/// One table as of a transaction.
#[derive(Clone, Copy, Debug)]
pub struct TableSnapshot<'s> {
    table: &'s Table,
    tx: Option<TxId>,
}

/// Why a table cannot be read as of a transaction: what its rows were is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the past before transaction {oldest} is forgotten")]
pub struct Forgotten {
    /// The oldest transaction as of which the table can be read.
    pub oldest: TxId,
}

/// What a search for one row came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'s> {
    pub row: Option<&'s [u8]>,
    /// How many rows and versions were looked at.
    pub read: u64,
}

impl Store {
    /// The store as it is; also within a transaction.
    pub fn present(&self) -> Snapshot<'_> {
        Snapshot { store: self, tx: None }
    }

    /// The store as of a transaction. Panics when one is open.
    pub fn as_of(&self, tx: TxId) -> Snapshot<'_> {
        assert!(!self.is_open(), "the past is read between transactions");
        Snapshot { store: self, tx: (tx < self.committed()).then_some(tx) }
    }
}

impl<'s> Snapshot<'s> {
    pub fn store(&self) -> &'s Store {
        self.store
    }

    /// `None` for the store as it is.
    pub fn tx(&self) -> Option<TxId> {
        self.tx
    }

    /// The table, where there is one now.
    pub fn table(&self, id: TableId) -> Option<Result<TableSnapshot<'s>, Forgotten>> {
        let table = self.store.table(id)?;
        let oldest = table.past().oldest();
        Some(match self.tx {
            Some(tx) if tx < oldest => Err(Forgotten { oldest }),
            tx => Ok(TableSnapshot { table, tx }),
        })
    }
}

impl<'s> TableSnapshot<'s> {
    /// The table as it is.
    pub fn table(&self) -> &'s Table {
        self.table
    }

    /// Whether the rows are those that are in the table now, all of them and no others.
    pub fn is_present(&self) -> bool {
        self.tx.is_none()
    }

    /// A row of the table, if it was there and is as it was.
    pub fn row(&self, row: RowId) -> Option<&'s [u8]> {
        let Some(tx) = self.tx else { return Some(self.table.row(row)) };
        let is_kept =
            matches!(self.table.heap().stamp(row), Stamp::Committed(created) if created <= tx);
        is_kept.then(|| self.table.row(row))
    }

    /// Rows that were there and have changed or gone since, in no order that the rows would show.
    pub fn ended(&self) -> Ended<'s> {
        let tx = self.tx.unwrap_or(TxId::new(u64::MAX));
        Ended { versions: Box::new(self.table.past().since(tx)), tx }
    }

    /// The row of a primary key. The table must have one.
    pub fn find(&self, key: &Key) -> Found<'s> {
        let table = self.table;
        let row = table.find(crate::store::apply::PRIMARY, key);
        let Some(tx) = self.tx else {
            return Found { row: row.map(|row| table.row(row)), read: 1 };
        };
        let history = table.past();
        let mut read = 1;
        if let Some(row) = row
            && let Stamp::Committed(created) = table.heap().stamp(row)
        {
            if created <= tx {
                return Found { row: Some(table.row(row)), read };
            }
            let followed = history.follow(created, table.heap().link(row), tx);
            read += followed.versions;
            if followed.row.is_some() {
                return Found { row: followed.row, read };
            }
        }
        let Followed { row, versions } = history.find_deleted(table.def(), key, tx);
        Found { row, read: read + versions }
    }
}

/// See [`TableSnapshot::ended`]. Yields `None` for a version that was looked at in vain, so that its taker can count what
/// is read.
pub struct Ended<'s> {
    versions: Box<dyn Iterator<Item = Version<'s>> + 's>,
    tx: TxId,
}

impl<'s> Iterator for Ended<'s> {
    type Item = Option<&'s [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let version = self.versions.next()?;
        let was_there = version.created <= self.tx && self.tx < version.until;
        Some(was_there.then_some(version.row))
    }
}
