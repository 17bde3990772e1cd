//! Rows of one table and the indexes over them.

use core::ops::Bound;
use std::sync::Arc;

use cosmictron_types::{ColumnIndex, IndexId, TxId};

use crate::definition::TableDef;
use crate::key::Key;

/// A row's place in its table, for as long as the row lives: an update keeps it. Used again after the row is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub(crate) u32);

impl RowId {
    /// Before every row.
    pub const FIRST: RowId = RowId(0);

    pub const fn get(self) -> u32 {
        self.0
    }
}

/// One table.
#[derive(Debug)]
pub struct Table {
    def: Arc<TableDef>,
}

/// Memory of a table, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableBytes {
    /// Pages of rows, free places in them included.
    pub rows: u64,
    /// Nodes of all indexes, free places in them included.
    pub indexes: u64,
}

impl Table {
    pub fn def(&self) -> &Arc<TableDef> {
        &self.def
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        todo!()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A row's bytes. Panics when there is no such row: a `RowId` is good until its row is deleted.
    pub fn row(&self, _row: RowId) -> &[u8] {
        todo!()
    }

    /// The transaction that wrote the row as it is; `None` for one that is still open.
    pub fn created(&self, _row: RowId) -> Option<TxId> {
        todo!()
    }

    /// The row with this key in a unique index. With a key of fewer columns, or with an absent column, the first of
    /// the rows that have it.
    pub fn find(&self, _index: IndexId, _key: &Key) -> Option<RowId> {
        todo!()
    }

    /// The rows between two bounds in an index's order. A bound may give fewer columns than the index has: included, it
    /// takes in every row that begins with it; excluded, none of them.
    pub fn range(&self, _index: IndexId, _lower: Bound<&Key>, _upper: Bound<&Key>) -> Range<'_> {
        todo!()
    }

    /// As [`Table::range`], as something that keeps its place between borrows.
    pub fn cursor(&self, _index: IndexId, _lower: Bound<&Key>, _upper: Bound<&Key>) -> Cursor {
        todo!()
    }

    /// The rows that a cursor has still before it. [`Range::park`] puts the new place into it.
    pub fn resume(&self, _cursor: &Cursor) -> Range<'_> {
        todo!()
    }

    /// All rows, in the order of their [`RowId`]s: the fastest way through a table.
    pub fn scan(&self) -> Scan<'_> {
        self.scan_from(RowId::FIRST)
    }

    /// As [`Table::scan`], beginning at `row` or, when it is gone, at the next one that exists.
    pub fn scan_from(&self, _row: RowId) -> Scan<'_> {
        todo!()
    }

    pub fn bytes(&self) -> TableBytes {
        todo!()
    }

    /// The `auto_inc` columns and the greatest number that each has given out or seen; 0 for none.
    pub fn sequences(&self) -> impl Iterator<Item = (ColumnIndex, u128)> {
        core::iter::empty()
    }
}

/// Rows in an index's order, from both ends.
#[derive(Debug)]
pub struct Range<'t> {
    _table: &'t Table,
}

impl Range<'_> {
    /// Moves the cursor that this was resumed from behind the rows that were taken, at both ends.
    pub fn park(self, _cursor: &mut Cursor) {
        todo!()
    }
}

impl Iterator for Range<'_> {
    type Item = RowId;

    fn next(&mut self) -> Option<RowId> {
        todo!()
    }
}

impl DoubleEndedIterator for Range<'_> {
    fn next_back(&mut self) -> Option<RowId> {
        todo!()
    }
}

/// A range of an index that holds no borrow: what changes behind it is not seen, what changes before it is.
#[derive(Clone, Debug)]
pub struct Cursor {}

/// Rows in the order of their [`RowId`]s.
#[derive(Debug)]
pub struct Scan<'t> {
    _table: &'t Table,
}

impl Scan<'_> {
    /// Where to go on with [`Table::scan_from`].
    pub fn position(&self) -> RowId {
        todo!()
    }
}

impl Iterator for Scan<'_> {
    type Item = RowId;

    fn next(&mut self) -> Option<RowId> {
        todo!()
    }
}
