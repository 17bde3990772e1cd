//! Finds, counts and scans rows wherever they are.
//!
//! A scan of several stores in an index's order takes the next row of each and gives the first of them. It holds no
//! borrow: like a [`Cursor`], it keeps its place while rows come and go.

use core::ops::Bound;

use cosmictron_types::{IndexId, ShardId, TableId};

use super::Stores;
use super::elsewhere::Elsewhere;
use super::placement::Placement;
use super::reach::Reach;
use crate::heap::RowId;
use crate::key::Key;
use crate::store::{Store, owner_of_key};
use crate::table::{Cursor, Range, Table};

/// A scan between two looks at the stores, which all stay held until it ends.
#[derive(Clone, Debug)]
pub struct PlacedScan {
    table: TableId,
    way: Way,
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
    table: &'t Table,
    /// Before the row was taken.
    before: Range<'t>,
    after: Range<'t>,
    row: Option<RowId>,
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
        Ok(shards.iter().map(|&shard| table(self.held(shard), at.table()).len() as u64).sum())
    }

    /// Begins to read all rows, in no particular order.
    pub fn scan(&self, at: &Placement) -> Result<PlacedScan, Elsewhere> {
        let mut shards = self.within(all_of(at))?;
        shards.reverse();
        Ok(PlacedScan { table: at.table(), way: Way::Whole { shards, at: RowId::FIRST } })
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
        let cursor = Cursor::new(index, lower, upper);
        let cursors = shards.into_iter().map(|shard| (shard, cursor.clone())).collect();
        Ok(PlacedScan { table: at.table(), way: Way::Index { index, cursors, descending } })
    }

    /// Gives rows to `sink` until it answers false, which leaves that row for the next time, or until the scan has no
    /// more. Says whether there may be more.
    pub fn next(&self, scan: &mut PlacedScan, sink: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        match &mut scan.way {
            Way::Whole { shards, at } => self.next_of_tables(scan.table, shards, at, sink),
            Way::Index { index, cursors, descending } => match &mut cursors[..] {
                [(shard, cursor)] => {
                    let table = table(self.held(*shard), scan.table);
                    next_of_one(table, cursor, *descending, sink)
                }
                cursors => self.next_of_several(scan.table, *index, cursors, *descending, sink),
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
            let table = table(self.held(shard), id);
            let mut scan = table.scan_from(*at);
            loop {
                *at = scan.position();
                match scan.next() {
                    None => break,
                    Some(row) if !sink(table.row(row)) => return true,
                    Some(_) => {}
                }
            }
            shards.pop();
            *at = RowId::FIRST;
        }
        false
    }

    fn next_of_several(
        &self,
        id: TableId,
        index: IndexId,
        cursors: &mut [(ShardId, Cursor)],
        descending: bool,
        sink: &mut dyn FnMut(&[u8]) -> bool,
    ) -> bool {
        let head = |(shard, cursor): &(ShardId, Cursor)| {
            let table = table(self.held(*shard), id);
            let range = table.resume(cursor);
            let (before, key) = (range.clone(), Key::new());
            let mut head = Head { table, before, after: range, row: None, key };
            head.advance(index, descending);
            head
        };
        let mut heads: Vec<Head<'_>> = cursors.iter().map(head).collect();
        let may_be_more = loop {
            let present = heads.iter_mut().filter(|head| head.row.is_some());
            // The first of equal ones is the one of the lowest shard; descending, that comes last.
            let next = match descending {
                false => present.min_by(|one, other| one.key.cmp(&other.key)),
                true => present.max_by(|one, other| one.key.cmp(&other.key)),
            };
            let Some((head, row)) = next.and_then(|head| head.row.map(|row| (head, row))) else {
                break false;
            };
            if !sink(head.table.row(row)) {
                break true;
            }
            head.advance(index, descending);
        };
        for (head, (_, cursor)) in heads.into_iter().zip(cursors) {
            head.before.park(cursor);
        }
        may_be_more
    }
}

impl Head<'_> {
    fn advance(&mut self, index: IndexId, descending: bool) {
        self.before = self.after.clone();
        self.row = if descending { self.after.next_back() } else { self.after.next() };
        if let Some(row) = self.row {
            self.key = self.table.def().key_of(index, self.table.row(row));
        }
    }
}

/// Gives rows of one table in the order of an index; says whether there may be more.
fn next_of_one(
    table: &Table,
    cursor: &mut Cursor,
    descending: bool,
    sink: &mut dyn FnMut(&[u8]) -> bool,
) -> bool {
    let mut range = table.resume(cursor);
    loop {
        let before = range.clone();
        let row = if descending { range.next_back() } else { range.next() };
        let is_taken = row.is_some_and(|row| sink(table.row(row)));
        if !is_taken {
            before.park(cursor);
            return row.is_some();
        }
    }
}

fn table(store: &Store, id: TableId) -> &Table {
    store.table(id).expect("every store has all tables")
}

fn all_of(at: &Placement) -> Reach {
    at.home().map_or(Reach::All, Reach::One)
}
