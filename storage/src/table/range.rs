//! Ways through a table: a range of an index, a cursor that outlives its borrow, all rows.

use core::ops::Bound;

use cosmictron_types::IndexId;

use super::Table;
use crate::heap::RowId;
use crate::key::Key;
use crate::tree::{Place, Probe, Side, Span};

/// Rows in an index's order, from both ends.
#[derive(Clone, Debug)]
pub struct Range<'t> {
    table: &'t Table,
    span: Span<'t>,
    /// The last row that was taken from the front, and from the back.
    front: Option<RowId>,
    back: Option<RowId>,
}

/// A range of an index that holds no borrow. What changes behind it is not seen, what changes before it is.
#[derive(Clone, Debug)]
pub struct Cursor {
    index: IndexId,
    /// `None` when nothing can lie between the bounds.
    bounds: Option<(Cut, Cut)>,
}

/// A place in an index's order that stays good while the index changes.
#[derive(Clone, Debug)]
enum Cut {
    /// Before everything as a lower bound, behind everything as an upper one.
    Open,
    Key(Side, Key),
    Row(Side, Key, RowId),
}

/// Rows in the order of their [`RowId`]s.
#[derive(Clone, Debug)]
pub struct Scan<'t> {
    table: &'t Table,
    position: RowId,
}

impl Table {
    /// The rows between two bounds in an index's order. A bound may give fewer columns than the index has: included, it
    /// takes in every row that begins with it; excluded, none of them.
    pub fn range(&self, index: IndexId, lower: Bound<&Key>, upper: Bound<&Key>) -> Range<'_> {
        self.resume(&Cursor::new(index, lower, upper))
    }

    /// The rows that a cursor has still before it. [`Range::park`] puts the new place into it.
    pub fn resume(&self, cursor: &Cursor) -> Range<'_> {
        let at = usize::from(cursor.index.get());
        let tree = &self.trees[at];
        let (front, back) = match &cursor.bounds {
            Some((lower, upper)) => (
                self.place(at, lower).unwrap_or_else(|| tree.start()),
                self.place(at, upper).unwrap_or_else(|| tree.end()),
            ),
            None => (tree.end(), tree.end()),
        };
        Range { table: self, span: tree.span(front, back), front: None, back: None }
    }

    /// `None` for an open end.
    fn place(&self, index: usize, cut: &Cut) -> Option<Place> {
        let (side, probe) = match cut {
            Cut::Open => return None,
            Cut::Key(side, key) => (side, Probe::new(key.as_bytes())),
            Cut::Row(side, key, row) => (side, Probe::entry_of(key.as_bytes(), *row)),
        };
        Some(self.trees[index].cut(&probe, *side, &self.keys(index)))
    }

    /// All rows, in the order of their [`RowId`]s: the fastest way through a table.
    pub fn scan(&self) -> Scan<'_> {
        self.scan_from(RowId::FIRST)
    }

    /// As [`Table::scan`], beginning at `row` or, when it is gone, at the next one that exists. Rows that were there
    /// all the time are met exactly once, whatever else is written between two scans.
    pub fn scan_from(&self, row: RowId) -> Scan<'_> {
        Scan { table: self, position: row }
    }
}

impl Cursor {
    /// The bounds of [`Table::range`].
    pub fn new(index: IndexId, lower: Bound<&Key>, upper: Bound<&Key>) -> Self {
        let lower = Cut::new(lower, Side::Before, Side::After);
        let upper = Cut::new(upper, Side::After, Side::Before);
        let is_empty = match (&lower, &upper) {
            (Cut::Key(a_side, a), Cut::Key(b_side, b)) => is_behind(*a_side, a, *b_side, b),
            _ => false,
        };
        Self { index, bounds: (!is_empty).then_some((lower, upper)) }
    }

    pub(crate) fn index(&self) -> IndexId {
        self.index
    }

    /// Whether the entry of a row under this key is still before the cursor.
    pub(crate) fn has_before(&self, key: &Key, row: RowId) -> bool {
        self.bounds.as_ref().is_some_and(|(lower, upper)| {
            lower.is_passed_by(key, row).unwrap_or(true)
                && !upper.is_passed_by(key, row).unwrap_or(false)
        })
    }
}

impl Cut {
    /// Whether the entry of a row under this key lies behind the cut; `None` for an open end.
    fn is_passed_by(&self, key: &Key, row: RowId) -> Option<bool> {
        let (side, ordering) = match self {
            Cut::Open => return None,
            Cut::Key(side, cut) => {
                let (key, cut) = (key.as_bytes(), cut.as_bytes());
                (side, key[..key.len().min(cut.len())].cmp(cut))
            }
            Cut::Row(side, cut, of) => (side, key.cmp(cut).then(row.cmp(of))),
        };
        Some(ordering.is_gt() || (ordering.is_eq() && *side == Side::Before))
    }

    fn new(bound: Bound<&Key>, included: Side, excluded: Side) -> Self {
        match bound {
            Bound::Unbounded => Cut::Open,
            Bound::Included(key) => Cut::Key(included, key.clone()),
            Bound::Excluded(key) => Cut::Key(excluded, key.clone()),
        }
    }
}

/// Whether the cut beside key `a` lies at or behind the one beside key `b`.
fn is_behind(a_side: Side, a: &Key, b_side: Side, b: &Key) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a == b {
        return !(a_side == Side::Before && b_side == Side::After);
    }
    if b.starts_with(a) {
        return a_side == Side::After;
    }
    if a.starts_with(b) {
        return b_side == Side::Before;
    }
    a > b
}

/// Whether a row's key in an index lies between two bounds, as [`Table::range`] takes them.
pub fn is_between(key: &Key, lower: Bound<&Key>, upper: Bound<&Key>) -> bool {
    // A bound of fewer columns is met by every key that begins with it.
    let compare = |bound: &Key| {
        let (key, bound) = (key.as_bytes(), bound.as_bytes());
        key[..key.len().min(bound.len())].cmp(bound)
    };
    let is_behind = match lower {
        Bound::Unbounded => true,
        Bound::Included(bound) => compare(bound).is_ge(),
        Bound::Excluded(bound) => compare(bound).is_gt(),
    };
    is_behind
        && match upper {
            Bound::Unbounded => true,
            Bound::Included(bound) => compare(bound).is_le(),
            Bound::Excluded(bound) => compare(bound).is_lt(),
        }
}

impl Range<'_> {
    /// Moves the cursor that this was resumed from behind the rows that were taken, at both ends.
    pub fn park(self, cursor: &mut Cursor) {
        let Some((lower, upper)) = &mut cursor.bounds else { return };
        let key = |row| self.table.def.key_of(cursor.index, self.table.row(row));
        if let Some(row) = self.front {
            *lower = Cut::Row(Side::After, key(row), row);
        }
        if let Some(row) = self.back {
            *upper = Cut::Row(Side::Before, key(row), row);
        }
    }
}

impl Iterator for Range<'_> {
    type Item = RowId;

    fn next(&mut self) -> Option<RowId> {
        let row = self.span.next()?;
        self.front = Some(row);
        Some(row)
    }
}

impl DoubleEndedIterator for Range<'_> {
    fn next_back(&mut self) -> Option<RowId> {
        let row = self.span.next_back()?;
        self.back = Some(row);
        Some(row)
    }
}

impl Scan<'_> {
    /// Where to go on with [`Table::scan_from`].
    pub fn position(&self) -> RowId {
        self.position
    }
}

impl Iterator for Scan<'_> {
    type Item = RowId;

    fn next(&mut self) -> Option<RowId> {
        let row = self.table.heap.next_live(self.position)?;
        self.position = RowId(row.0 + 1);
        Some(row)
    }
}
