//! Finds, counts and scans rows wherever they are.
//!
//! A scan of several stores in an index's order takes the next row of each and gives the first of them. It holds no
//! borrow: like a [`Cursor`], it keeps its place while rows come and go. In the past it also has the rows that have changed
//! or gone since, which it took when it began: nothing is written meanwhile.

use core::ops::Bound;

use cosmictron_types::{IndexId, ShardId, TableId};

use super::Stores;
use super::elsewhere::Elsewhere;
use super::past::rows;
use super::placement::Placement;
use super::reach::Reach;
use crate::heap::RowId;
use crate::key::Key;
use crate::snapshot::TableSnapshot;
use crate::store::{Store, owner_of_key};
use crate::table::{Cursor, Range, Table};

/// A scan between two looks at the stores, which all stay held until it ends.
#[derive(Clone, Debug)]
pub struct PlacedScan {
    table: TableId,
    way: Way,
    /// In the past: rows that were there and have changed or gone since, with their keys where an index's order is kept. The
    /// next one is the last.
    ended: Vec<(Key, Box<[u8]>)>,
}

#[derive(Clone, Debug)]
enum Way {
    /// All rows: of each shard those from a row on.
    Whole {
        shards: Vec<ShardId>,
        at: RowId,
    },
    Index {
        index: IndexId,
        cursors: Vec<(ShardId, Cursor)>,
        descending: bool,
    },
}

/// The next row of one store, in the order of an index.
struct Head<'t> {
    table: TableSnapshot<'t>,
    /// Before the row was taken.
    before: Range<'t>,
    after: Range<'t>,
    row: Option<&'t [u8]>,
    key: Key,
}

impl Stores {
    /// The row with this key in a unique index. With a key of fewer columns, or with an absent column, the first of the
    /// rows that have it.
    pub fn find(
        &self,
        at: &Placement,
        index: IndexId,
        key: &Key,
    ) -> Result<Option<&[u8]>, Elsewhere> {
        if self.moment.is_some() {
            return self.find_past(at, index, key);
        }
        if let Some(shard) = at.site.shard_of_key(index, key, self.shards()) {
            let table = table(self.store(shard)?, at.table());
            return Ok(table.find(index, key).map(|row| table.row(row)));
        }
        let reach = self.reach(&at.site, index, key)?;
        let rows = self.within(reach)?.into_iter().filter_map(|shard| {
            let table = table(self.held(shard), at.table());
            table.find(index, key).map(|row| table.row(row))
        });
        Ok(rows.min_by_key(|row| at.def().key_of(index, row)))
    }

    /// How many rows there are.
    pub fn count(&self, at: &Placement) -> Result<u64, Elsewhere> {
        let shards = self.within(all_of(at))?;
        Ok(shards.iter().map(|&shard| rows(&self.table_at(shard, at.table()))).sum())
    }

    /// Begins to read all rows, in no particular order.
    pub fn scan(&self, at: &Placement) -> Result<PlacedScan, Elsewhere> {
        let mut shards = self.within(all_of(at))?;
        let ended = self.ended(at, &shards);
        shards.reverse();
        Ok(PlacedScan { table: at.table(), way: Way::Whole { shards, at: RowId::FIRST }, ended })
    }

    /// Begins to read the rows between two bounds in an index's order; of equal ones in the order of their shards. The
    /// bounds are those of [`Table::range`].
    pub fn range(
        &self,
        at: &Placement,
        index: IndexId,
        lower: Bound<&Key>,
        upper: Bound<&Key>,
        descending: bool,
    ) -> Result<PlacedScan, Elsewhere> {
        let shards = self.within(self.range_reach(at, index, lower, upper))?;
        let ended = self.ended_between(at, &shards, index, (lower, upper), descending);
        let cursor = Cursor::new(index, lower, upper);
        let cursors = shards.into_iter().map(|shard| (shard, cursor.clone())).collect();
        Ok(PlacedScan { table: at.table(), way: Way::Index { index, cursors, descending }, ended })
    }

    /// Gives rows to `sink` until it answers false, which leaves that row for the next time, or until the scan has no
    /// more. Says whether there may be more.
    pub fn next(&self, scan: &mut PlacedScan, sink: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        let PlacedScan { table, way, ended } = scan;
        match way {
            Way::Whole { shards, at } => {
                self.next_of_tables(*table, shards, at, sink) || next_of_ended(ended, sink)
            }
            Way::Index { index, cursors, descending } => match &mut cursors[..] {
                [(shard, cursor)] if ended.is_empty() => {
                    next_of_one(self.table_at(*shard, *table), cursor, *descending, sink)
                }
                cursors => {
                    let heads = cursors.iter().map(|(shard, cursor)| {
                        Head::new(self.table_at(*shard, *table), cursor, *index, *descending)
                    });
                    let heads = heads.collect();
                    next_of_several(heads, ended, cursors, (*index, *descending), sink)
                }
            },
        }
    }

    /// A range stays on one shard when both bounds have the same values up to the column that places the rows.
    fn range_reach(
        &self,
        at: &Placement,
        index: IndexId,
        lower: Bound<&Key>,
        upper: Bound<&Key>,
    ) -> Reach {
        let (Bound::Included(lower) | Bound::Excluded(lower)) = lower else { return all_of(at) };
        let (Bound::Included(upper) | Bound::Excluded(upper)) = upper else { return all_of(at) };
        let prefixes = (at.site.placing_prefix(index, lower), at.site.placing_prefix(index, upper));
        match prefixes {
            (Some(lower), Some(upper)) if lower == upper => {
                Reach::One(owner_of_key(self.shards(), lower.1.0))
            }
            _ => all_of(at),
        }
    }

    fn next_of_tables(
        &self,
        id: TableId,
        shards: &mut Vec<ShardId>,
        at: &mut RowId,
        sink: &mut dyn FnMut(&[u8]) -> bool,
    ) -> bool {
        while let Some(&shard) = shards.last() {
            let table = self.table_at(shard, id);
            let mut scan = table.table().scan_from(*at);
            loop {
                *at = scan.position();
                match scan.next().map(|row| table.row(row)) {
                    None => break,
                    Some(Some(row)) if !sink(row) => return true,
                    Some(_) => {}
                }
            }
            shards.pop();
            *at = RowId::FIRST;
        }
        false
    }

    /// A table of a shard whose store is held, as of the moment that is looked at.
    pub(super) fn table_at(&self, shard: ShardId, id: TableId) -> TableSnapshot<'_> {
        let table =
            self.snapshot_of(self.held(shard)).table(id).expect("every store has all tables");
        table.expect("whoever looks at the past has checked that it is kept")
    }
}

impl<'t> Head<'t> {
    fn new(table: TableSnapshot<'t>, cursor: &Cursor, index: IndexId, descending: bool) -> Self {
        let range = table.table().resume(cursor);
        let (before, key) = (range.clone(), Key::new());
        let mut head = Head { table, before, after: range, row: None, key };
        head.advance(index, descending);
        head
    }

    fn advance(&mut self, index: IndexId, descending: bool) {
        loop {
            self.before = self.after.clone();
            let row = if descending { self.after.next_back() } else { self.after.next() };
            let Some(row) = row else {
                self.row = None;
                return;
            };
            if let Some(row) = self.table.row(row) {
                self.row = Some(row);
                self.key = self.table.table().def().key_of(index, row);
                return;
            }
        }
    }
}

/// Gives rows of several tables in the order of an index, and what has ended among them; says whether there may be more.
fn next_of_several(
    mut heads: Vec<Head<'_>>,
    ended: &mut Vec<(Key, Box<[u8]>)>,
    cursors: &mut [(ShardId, Cursor)],
    (index, descending): (IndexId, bool),
    sink: &mut dyn FnMut(&[u8]) -> bool,
) -> bool {
    let may_be_more = loop {
        let present = heads.iter_mut().filter(|head| head.row.is_some());
        // The first of equal ones is the one of the lowest shard; descending, that comes last.
        let next = match descending {
            false => present.min_by(|one, other| one.key.cmp(&other.key)),
            true => present.max_by(|one, other| one.key.cmp(&other.key)),
        };
        let is_behind = |old: &Key, head: &Head<'_>| match descending {
            false => head.key <= *old,
            true => *old <= head.key,
        };
        match (next, ended.last()) {
            (Some(head), old) if old.is_none_or(|(old, _)| is_behind(old, head)) => {
                if head.row.is_some_and(|row| !sink(row)) {
                    break true;
                }
                head.advance(index, descending);
            }
            (_, Some((_, row))) => {
                if !sink(row) {
                    break true;
                }
                ended.pop();
            }
            (_, None) => break false,
        }
    };
    for (head, (_, cursor)) in heads.into_iter().zip(cursors) {
        head.before.park(cursor);
    }
    may_be_more
}

/// Gives rows of one table in the order of an index; says whether there may be more.
fn next_of_one(
    table: TableSnapshot<'_>,
    cursor: &mut Cursor,
    descending: bool,
    sink: &mut dyn FnMut(&[u8]) -> bool,
) -> bool {
    let mut range = table.table().resume(cursor);
    loop {
        let before = range.clone();
        let row = if descending { range.next_back() } else { range.next() };
        let is_taken = row.is_some_and(|row| table.row(row).is_none_or(&mut *sink));
        if !is_taken {
            before.park(cursor);
            return row.is_some();
        }
    }
}

/// Gives what has ended; says whether there may be more.
fn next_of_ended(ended: &mut Vec<(Key, Box<[u8]>)>, sink: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    while let Some((_, row)) = ended.last() {
        if !sink(row) {
            return true;
        }
        ended.pop();
    }
    false
}

fn table(store: &Store, id: TableId) -> &Table {
    store.table(id).expect("every store has all tables")
}

pub(super) fn all_of(at: &Placement) -> Reach {
    at.home().map_or(Reach::All, Reach::One)
}
