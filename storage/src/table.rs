//! Rows of one table and the indexes over them, as readers see them and as the store changes them.
//!
//! What a row costs in memory beside its own bytes: 16 bytes of header; up to 7 bytes, or an eighth above 256 bytes, to
//! the next slot size; and for each index 13.3 bytes in nodes that are full, as ascending keys leave them, or about 17
//! when keys come in any order. A million rows of 100 bytes with a `u64` primary key take 134 MB of resident memory
//! inserted in order, 137 MB inserted at random (`examples/measure.rs`). What it costs to keep rows as they were:
//! `history`.
//!
//! Invariants:
//! 1. Every index holds exactly one entry for every row that is not dead, under the key that the row has.
//! 2. `graves` holds the rows that the open transaction deleted, by primary key, so that a row which is put back under
//!    the same key takes its old place. It is empty between transactions.

mod grave;
mod past;
mod range;

use core::cmp::Ordering;
use std::sync::Arc;

use cosmictron_types::{ColumnIndex, IndexId, RowLayout, TableId, TxId};

use crate::definition::{ForeignKeyDef, IndexDef, TableDef};
use crate::heap::{Heap, RowId, Stamp};
use crate::history::History;
use crate::key::Key;
use crate::tree::{Probe, Tree};

use grave::Graves;

pub use past::HistoryFigures;
pub use range::{Cursor, Range, Scan, is_between};

/// One table.
#[derive(Debug)]
pub struct Table {
    def: Arc<TableDef>,
    heap: Heap,
    /// One for each of the definition's indexes.
    trees: Vec<Tree>,
    graves: Graves,
    /// The greatest number that each of the definition's sequences has given out or seen.
    sequences: Vec<u128>,
    links: Links,
    history: History,
}

/// How foreign keys tie a table to others. Follows from all definitions together, so it is worked out anew whenever one
/// changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Links {
    /// For each of the definition's foreign keys, the unique index of the target; `None` where the target can be on
    /// another shard.
    pub(crate) targets: Vec<Option<IndexId>>,
    /// Those of the same shard.
    pub(crate) referrers: Vec<Referrer>,
}

/// A foreign key that points at this table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Referrer {
    /// The table with the foreign key.
    pub(crate) table: TableId,
    /// Its column, and the index of that table which begins with it.
    pub(crate) column: ColumnIndex,
    pub(crate) index: IndexId,
    /// The column of this table that it points at.
    pub(crate) target_column: ColumnIndex,
}

impl Referrer {
    pub(crate) fn new(table: TableId, key: &ForeignKeyDef) -> Self {
        let ForeignKeyDef { column, index, target_column, .. } = *key;
        Self { table, column, index, target_column }
    }
}

/// What a table consists of, taken apart to be put together in another way.
pub(crate) struct Parts {
    pub(crate) def: Arc<TableDef>,
    pub(crate) heap: Heap,
    /// One for each of the definition's indexes, with an entry for each row.
    pub(crate) trees: Vec<Tree>,
    /// One for each of the definition's sequences.
    pub(crate) sequences: Vec<u128>,
    pub(crate) history: History,
}

/// Memory of a table, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableBytes {
    /// Pages and directory of rows, free places in them included.
    pub rows: u64,
    /// Nodes of all indexes, free places in them included.
    pub indexes: u64,
}

impl TableBytes {
    pub fn total(self) -> u64 {
        self.rows + self.indexes
    }
}

impl Table {
    /// An empty table that can be read as of `oldest` and later.
    pub(crate) fn new(def: Arc<TableDef>, oldest: TxId) -> Self {
        let trees = def.indexes.iter().map(|_| Tree::new()).collect();
        let sequences = vec![0; def.sequences.len()];
        let history = History::new(oldest);
        Self::from_parts(Parts { def, heap: Heap::new(), trees, sequences, history })
    }

    /// The new table has no links.
    pub(crate) fn from_parts(parts: Parts) -> Self {
        let Parts { def, heap, trees, sequences, history } = parts;
        assert!(trees.iter().all(|tree| tree.len() == heap.len()));
        assert_eq!((trees.len(), sequences.len()), (def.indexes.len(), def.sequences.len()));
        let (graves, links) = (Graves::new(), Links::default());
        Self { def, heap, trees, graves, sequences, links, history }
    }

    pub(crate) fn into_parts(self) -> Parts {
        let Self { def, heap, trees, sequences, history, .. } = self;
        Parts { def, heap, trees, sequences, history }
    }

    pub fn def(&self) -> &Arc<TableDef> {
        &self.def
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A row's bytes. Panics when there is no such row: a `RowId` is good until its row is deleted.
    pub fn row(&self, row: RowId) -> &[u8] {
        self.heap.row(row)
    }

    /// The transaction that wrote the row as it is; `None` for one that is still open.
    pub fn created(&self, row: RowId) -> Option<TxId> {
        match self.heap.stamp(row) {
            Stamp::Committed(tx) => Some(tx),
            Stamp::Open(_) => None,
        }
    }

    /// The row with this key in a unique index. With a key of fewer columns, or with an absent column, the first of
    /// the rows that have it.
    pub fn find(&self, index: IndexId, key: &Key) -> Option<RowId> {
        let at = usize::from(index.get());
        self.trees[at].find(&Probe::new(key.as_bytes()), &self.keys(at))
    }

    /// The row with the primary key of `row`.
    pub(crate) fn find_primary(&self, row: &[u8]) -> Option<RowId> {
        let key = self.def.primary()?.key_of(&self.def.layout, row);
        self.find(IndexId::new(0), &key)
    }

    /// The rows whose keys begin with `key`, in the index's order.
    pub(crate) fn matches<'t>(
        &'t self,
        index: IndexId,
        key: &'t Key,
    ) -> impl Iterator<Item = RowId> + use<'t> {
        let at = usize::from(index.get());
        self.trees[at].matches(Probe::new(key.as_bytes()), self.keys(at))
    }

    /// Memory of rows and of indexes.
    pub fn bytes(&self) -> TableBytes {
        let trees: u64 = self.trees.iter().map(Tree::bytes).sum();
        TableBytes { rows: self.heap.bytes(), indexes: trees + self.graves.bytes() }
    }

    /// The `auto_inc` columns and the greatest number that each has given out or seen; 0 for none.
    pub fn sequences(&self) -> impl Iterator<Item = (ColumnIndex, u128)> {
        let columns = self.def.sequences.iter().map(|sequence| sequence.column);
        columns.zip(self.sequences.iter().copied())
    }

    /// Compares keys of this table's rows in one of its indexes.
    fn keys(&self, index: usize) -> impl Fn(RowId, &[u8]) -> Ordering + use<'_> {
        keys(&self.def.indexes[index], &self.def.layout, &self.heap)
    }
}

/// What the store does to a table.
impl Table {
    pub(crate) fn heap(&self) -> &Heap {
        &self.heap
    }

    pub(crate) fn heap_mut(&mut self) -> &mut Heap {
        &mut self.heap
    }

    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    pub(crate) fn set_links(&mut self, links: Links) {
        self.links = links;
    }

    /// The greatest number that the sequence at this place has given out, or that came with a row.
    pub fn sequence(&self, at: usize) -> u128 {
        self.sequences[at]
    }

    pub(crate) fn set_sequence(&mut self, at: usize, last: u128) {
        self.sequences[at] = last;
    }

    /// More than the table's memory grows by when a row of `length` bytes is written.
    pub(crate) fn growth_max(&self, length: usize) -> u64 {
        Heap::growth_max(length) + (self.trees.len() as u64 + 1) * TREE_GROWTH_MAX
    }

    /// Enters a row in one index.
    pub(crate) fn enter(&mut self, index: usize, row: RowId) {
        let Self { def, heap, trees, .. } = self;
        let key = def.indexes[index].key_of(&def.layout, heap.row(row));
        trees[index].insert(key.as_bytes(), row, &keys(&def.indexes[index], &def.layout, heap));
    }

    /// Takes a row out of one index, under the key that it has.
    pub(crate) fn leave(&mut self, index: usize, row: RowId) {
        let Self { def, heap, trees, .. } = self;
        let key = def.indexes[index].key_of(&def.layout, heap.row(row));
        trees[index].remove(key.as_bytes(), row, &keys(&def.indexes[index], &def.layout, heap));
    }

    /// Enters a row in all indexes.
    pub(crate) fn enter_all(&mut self, row: RowId) {
        (0..self.trees.len()).for_each(|index| self.enter(index, row));
    }

    /// Takes a row out of all indexes.
    pub(crate) fn leave_all(&mut self, row: RowId) {
        (0..self.trees.len()).for_each(|index| self.leave(index, row));
    }

    /// Gives a row that outgrew its place the number of the new one.
    pub(crate) fn settle(&mut self, row: RowId) {
        self.leave_all(row);
        let settled = self.heap.settle(row);
        self.enter_all(settled);
    }

    /// Notes a row that has just been killed.
    pub(crate) fn bury(&mut self, row: RowId) {
        if self.def.primary().is_some() {
            self.graves.add(row);
        }
    }

    /// The dead row with the primary key of `new`; it is no longer noted.
    pub(crate) fn unbury(&mut self, new: &[u8]) -> Option<RowId> {
        let Self { def, heap, graves, .. } = self;
        let (primary, layout) = (def.primary()?, &def.layout);
        let key = || primary.key_of(layout, new);
        let key_of = |row| primary.key_of(layout, heap.row(row));
        graves.take(key, key_of, &keys(primary, layout, heap))
    }

    pub(crate) fn clear_graves(&mut self) {
        self.graves.clear();
    }
}

/// More than one index grows by with one row.
const TREE_GROWTH_MAX: u64 = <Tree>::growth_max();

/// Compares the keys of rows in an index, as its tree asks for it.
pub(crate) fn keys<'t>(
    index: &'t IndexDef,
    layout: &'t RowLayout,
    heap: &'t Heap,
) -> impl Fn(RowId, &[u8]) -> Ordering + use<'t> {
    move |row, key| index.compare(layout, heap.row(row), key)
}
