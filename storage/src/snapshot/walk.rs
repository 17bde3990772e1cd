//! Reads a table as of a transaction a piece at a time, while other transactions change it in between.
//!
//! ```text
//!   rows      │ passed ░░░░░░░░░░░░ │ position ▷  still to come                    in the order of their places or of an index
//!   versions  │ looked at ░░░░░░░░░░░░░░░░░░░░░░░ │ ▷  ended since the last piece    in the order in which they ended
//! ```
//!
//! Each piece begins with the versions that ended since the last one: a row as of the transaction that ended before it was
//! passed is given out as that version, one that was passed before is not. Then it goes on through the rows.
//!
//! Why each row as of the transaction `n` is met exactly once. Such a row has one version with `created <= n < until`, and
//! while this lasts it stays under one number and, in each index, under one key: a commit moves only rows that it has
//! made others, and a change of the schema ends the walk. So it is before the position or behind it, and either
//! * it lasts until the position passes it. Then it is met there; when it ends later, its version lies behind the position
//!   (I1) and is left out; or
//! * it ends before. Then the row at its place is newer than `n`, or gone, and is left out; its version ended after the
//!   walk began, or was there already, so it is still to be looked at (I2) and lies before the position.
//!
//! An index is walked in its order, also where versions are given out: those that were missed wait in that order until the
//! walk comes to their entries. They are held by their places among the versions, so what they take is their keys.
//!
//! A walk pins the past that it reads, so nothing that it needs is forgotten. What that holds is what the table's
//! transactions end while the walk lasts; the walk reads all of it, so whoever bounds what a walk reads bounds both.
//!
//! Invariants:
//! 1. The position only moves forward, and rows are passed only when there is no version left to look at.
//! 2. Every version that ended after `n` lies behind `looked_at`, or was looked at once.

use core::mem::size_of;
use core::ops::Bound;
use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron_types::{IndexId, TableId, TxId};

use super::Forgotten;
use crate::definition::TableDef;
use crate::heap::{RowId, Stamp};
use crate::history::{Link, Pin, Position, Version};
use crate::key::Key;
use crate::planted::{Fault, is_planted};
use crate::store::Store;
use crate::table::{Cursor, Range, Table};

/// A way through a table as of a transaction that holds no borrow.
#[derive(Debug)]
pub struct Walk {
    def: Arc<TableDef>,
    tx: TxId,
    /// Where the versions go on that were not looked at.
    looked_at: Position,
    way: Way,
    #[expect(dead_code, reason = "it holds the past by being there")]
    pin: Pin,
}

/// Which rows a walk meets, and in which order.
#[derive(Clone, Debug)]
pub enum Course {
    /// All, in no order that the rows would show.
    Whole,
    /// Those between two bounds of an index, as [`Table::range`] takes them, in its order.
    Range { index: IndexId, lower: Bound<Key>, upper: Bound<Key>, descending: bool },
}

#[derive(Debug)]
enum Way {
    Places { next: RowId },
    Index { cursor: Cursor, descending: bool, missed: Missed },
}

/// Versions that ended before the walk came to them, in the order of the index.
#[derive(Debug, Default)]
struct Missed {
    links: BTreeMap<(Key, RowId), Link>,
    bytes: usize,
}

/// Why a walk cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalkLost {
    #[error("the table was altered or dropped")]
    Altered,
    /// The table has more old versions than it can have.
    #[error(transparent)]
    Forgotten(#[from] Forgotten),
}

impl Store {
    /// A walk through a table as of a transaction that has happened, and after which none with a lower number comes.
    /// `None` when there is no such table.
    pub fn walk(
        &mut self,
        table: TableId,
        tx: TxId,
        course: Course,
    ) -> Option<Result<Walk, Forgotten>> {
        let table = self.table_mut(table)?;
        let (history, _) = table.past_mut();
        let oldest = history.oldest();
        if tx < oldest {
            return Some(Err(Forgotten { oldest }));
        }
        let way = match course {
            Course::Whole => Way::Places { next: RowId::FIRST },
            Course::Range { index, lower, upper, descending } => {
                let cursor = Cursor::new(index, lower.as_ref(), upper.as_ref());
                Way::Index { cursor, descending, missed: Missed::default() }
            }
        };
        let (pin, looked_at) = (history.pin(tx), history.position_after(tx));
        Some(Ok(Walk { def: table.def().clone(), tx, looked_at, way, pin }))
    }
}

impl Walk {
    /// Goes on. Panics when a transaction is open.
    pub fn resume<'s>(&mut self, store: &'s Store) -> Result<Steps<'s, '_>, WalkLost> {
        assert!(!store.is_open(), "the past is read between transactions");
        let table = store.table(self.def.id).filter(|table| Arc::ptr_eq(table.def(), &self.def));
        let table = table.ok_or(WalkLost::Altered)?;
        let oldest = table.past().oldest();
        if self.tx < oldest {
            return Err(Forgotten { oldest }.into());
        }
        let has_begun = !matches!(self.way, Way::Places { next: RowId::FIRST });
        let has_caught_up = is_planted(Fault::SliceSkipsEnded) && has_begun;
        Ok(Steps { walk: self, table, has_caught_up, range: None })
    }

    /// The table, as it was when the walk began.
    pub fn def(&self) -> &Arc<TableDef> {
        &self.def
    }

    /// Memory of the versions that are kept in order.
    pub fn held_bytes(&self) -> usize {
        match &self.way {
            Way::Places { .. } => 0,
            Way::Index { missed, .. } => missed.bytes,
        }
    }
}

/// A piece of a walk. Dropping it ends the piece: the walk goes on from there.
///
/// Yields `None` for a row or version that was looked at in vain, so that its taker can count what is read.
#[derive(Debug)]
pub struct Steps<'s, 'w> {
    walk: &'w mut Walk,
    table: &'s Table,
    /// All versions were looked at; there will be no more while the store is borrowed.
    has_caught_up: bool,
    /// The rows still to come of a walk by an index, from the first on that is asked for.
    range: Option<Range<'s>>,
}

impl<'s> Iterator for Steps<'s, '_> {
    type Item = Option<&'s [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if !self.has_caught_up {
            if let Some((link, version)) = self.table.past().next(&mut self.walk.looked_at) {
                return Some(self.walk.look_at(link, &version));
            }
            self.has_caught_up = true;
        }
        let tx = self.walk.tx;
        match &mut self.walk.way {
            Way::Places { next } => {
                let row = self.table.heap().next_live(*next)?;
                *next = RowId(row.0 + 1);
                Some(as_of(self.table, tx, row))
            }
            Way::Index { cursor, descending, missed } => {
                let range = self.range.get_or_insert_with(|| self.table.resume(cursor));
                if let Some(link) = missed.take_before(self.table, cursor, range, *descending) {
                    return Some(Some(self.table.past().at(link).row));
                }
                let row = if *descending { range.next_back() } else { range.next() }?;
                Some(as_of(self.table, tx, row))
            }
        }
    }
}

impl Steps<'_, '_> {
    /// As [`Walk::held_bytes`].
    pub fn held_bytes(&self) -> usize {
        self.walk.held_bytes()
    }
}

impl Drop for Steps<'_, '_> {
    fn drop(&mut self) {
        if let (Way::Index { cursor, .. }, Some(range)) = (&mut self.walk.way, self.range.take()) {
            range.park(cursor);
        }
    }
}

/// The row, if it is as it was.
fn as_of(table: &Table, tx: TxId, row: RowId) -> Option<&[u8]> {
    let is_as_it_was =
        matches!(table.heap().stamp(row), Stamp::Committed(created) if created <= tx);
    is_as_it_was.then(|| table.row(row))
}

impl Walk {
    /// The version's row, if it is the walk's and can be given out at once.
    fn look_at<'s>(&mut self, link: Link, version: &Version<'s>) -> Option<&'s [u8]> {
        let was_there = version.created <= self.tx && self.tx < version.until;
        match &mut self.way {
            _ if !was_there => None,
            Way::Places { next } => (*next <= version.id).then_some(version.row),
            Way::Index { cursor, missed, .. } => {
                let key = self.def.key_of(cursor.index(), version.row);
                if cursor.has_before(&key, version.id) {
                    missed.add(key, version.id, link);
                }
                None
            }
        }
    }
}

impl Missed {
    /// What an entry takes beside its key, roughly.
    const ENTRY_BYTES: usize = 2 * size_of::<((Key, RowId), Link)>();

    fn add(&mut self, key: Key, row: RowId, link: Link) {
        self.bytes += Self::ENTRY_BYTES + key.as_bytes().len();
        self.links.insert((key, row), link);
    }

    /// Takes out the first version, if the next row of the range does not come before it.
    fn take_before(
        &mut self,
        table: &Table,
        cursor: &Cursor,
        range: &Range<'_>,
        descending: bool,
    ) -> Option<Link> {
        let first = if descending { self.links.last_entry() } else { self.links.first_entry() }?;
        let mut ahead = range.clone();
        let next = if descending { ahead.next_back() } else { ahead.next() };
        if let Some(row) = next {
            let entry = (table.def().key_of(cursor.index(), table.row(row)), row);
            let is_later = if descending { entry > *first.key() } else { entry < *first.key() };
            if is_later {
                return None;
            }
        }
        let ((key, _), link) = first.remove_entry();
        self.bytes -= Self::ENTRY_BYTES + key.as_bytes().len();
        Some(link)
    }
}
