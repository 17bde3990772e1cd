//! What a transaction changed.

use cosmictron_types::{ColumnIndex, IndexId, TableId};

/// One row's difference between before and after a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'s> {
    Insert { table: TableId, new: &'s [u8] },
    Update { table: TableId, old: &'s [u8], new: &'s [u8] },
    Delete { table: TableId, old: &'s [u8] },
}

impl<'s> Change<'s> {
    pub fn table(&self) -> TableId {
        match *self {
            Change::Insert { table, .. }
            | Change::Update { table, .. }
            | Change::Delete { table, .. } => table,
        }
    }

    /// The row that the transaction found.
    pub fn old(&self) -> Option<&'s [u8]> {
        match *self {
            Change::Insert { .. } => None,
            Change::Update { old, .. } | Change::Delete { old, .. } => Some(old),
        }
    }

    /// The row that the transaction leaves.
    pub fn new(&self) -> Option<&'s [u8]> {
        match *self {
            Change::Insert { new, .. } | Change::Update { new, .. } => Some(new),
            Change::Delete { .. } => None,
        }
    }
}

/// One change as the log holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggedChange<'b> {
    Insert {
        table: TableId,
        row: &'b [u8],
    },
    /// The row with this primary key has become this one.
    Update {
        table: TableId,
        row: &'b [u8],
    },
    /// The row with this primary key (its column's tail form) is gone.
    DeleteKey {
        table: TableId,
        key: &'b [u8],
    },
    /// A row of a table without a primary key is gone; `index` finds it quickly.
    DeleteRow {
        table: TableId,
        index: IndexId,
        row: &'b [u8],
    },
    /// The sequence has given out or seen `last`, and no row shows it.
    Sequence {
        table: TableId,
        column: ColumnIndex,
        last: u128,
    },
}

/// Reads what [`Store::encode_changes`](crate::Store::encode_changes) wrote.
#[derive(Clone, Debug)]
pub struct ChangeReader<'b> {
    _bytes: &'b [u8],
}

/// Why bytes are no changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChange {
    #[error("the changes end in the middle of one")]
    UnexpectedEnd,
}

impl<'b> ChangeReader<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { _bytes: bytes }
    }
}

impl<'b> Iterator for ChangeReader<'b> {
    type Item = Result<LoggedChange<'b>, InvalidChange>;

    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}
