//! Reads many rows with few host calls.
//!
//! A scan is planned when it is asked for and opened when its first row is: until then its buffer holds the bounds,
//! afterwards blocks of rows. Blocks grow as the scan goes on, so that looking at one row does not fetch a thousand.
//!
//! ```text
//!  Planned ──first next()──▶ Open ──no more rows──▶ Ended
//!   ▲   │ rev()               │ dropped: the host closes the scan
//!   └───┘
//! ```
//!
//! Invariants:
//! 1. An open scan is closed exactly once: by the host at its end, or by us when it is dropped before.
//! 2. No row is left in the block while the scan is planned or ended: `at` is the block's end.

use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::ops::{Bound, Range};

use crate::buffer::{Buffer, POOLED_BYTES_MAX};
use crate::host;
use crate::key::KeyWriter;
use crate::table::{Table, TableDescription};

/// Bytes of a scan's first block; each further one is four times as large, up to [`BLOCK_BYTES_MAX`].
const BLOCK_BYTES_FIRST: usize = 4 * 1024;
/// Bytes of the largest block that is asked for, unless a single row is larger.
const BLOCK_BYTES_MAX: usize = POOLED_BYTES_MAX;
/// Bytes of a row's length within a block.
pub(crate) const LENGTH_BYTES: usize = 4;

/// In place of an index: the whole table.
const WHOLE_TABLE: i32 = -1;

const LOWER_EXCLUSIVE: u32 = 1;
const UPPER_EXCLUSIVE: u32 = 2;
const DESCENDING: u32 = 4;

/// The rows of a table, in no particular order: what `iter` of a table gives.
///
/// Rows are fetched in blocks. A row that the reducer changes or deletes while iterating may still come as it was
/// when its block was fetched; one that it inserts may or may not come. What comes is the same in every run.
pub struct Rows<T> {
    scan: Scan,
    row: PhantomData<fn() -> T>,
}

/// Rows in the order of an index: what `filter_by_…` and `range_by_…` of a table give. Ascending, unless
/// [`IndexRows::rev`] is asked for.
///
/// Rows are fetched in blocks, as those of [`Rows`] are.
pub struct IndexRows<T>(Rows<T>);

impl<T: Table> Rows<T> {
    pub(crate) fn all() -> Self {
        Self::planned(Scan::plan(T::description(), WHOLE_TABLE))
    }

    fn planned(scan: Scan) -> Self {
        Self { scan, row: PhantomData }
    }
}

impl<T: Table> IndexRows<T> {
    /// The same rows in the opposite order.
    ///
    /// # Panics
    /// When a row was taken before.
    #[must_use]
    pub fn rev(mut self) -> Self {
        let State::Planned(plan) = &mut self.0.scan.state else {
            panic!("rev() comes before the first row is taken");
        };
        plan.flags ^= DESCENDING;
        self
    }
}

impl<T: Table> Iterator for Rows<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let table = self.scan.table;
        self.scan.next_row().map(|row| table.decode(row))
    }
}

impl<T: Table> Iterator for IndexRows<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.next()
    }
}

impl<T: Table> FusedIterator for Rows<T> {}
impl<T: Table> FusedIterator for IndexRows<T> {}

/// The rows whose leading columns of an index have the values that `write` gives.
pub fn equal<T: Table>(
    index: usize,
    columns: u8,
    write: impl FnOnce(&mut KeyWriter<'_>),
) -> IndexRows<T> {
    let mut scan = Scan::plan_index(T::description(), index);
    let key = scan.push_key(columns, write);
    scan.bound(key.clone(), key, 0);
    IndexRows(Rows::planned(scan))
}

/// The rows whose index column after the `prefix_columns` first is within the bounds. `write` gives the values of
/// those first, then the bound it is called with, where there is one.
pub fn between<T: Table, K: ?Sized>(
    index: usize,
    prefix_columns: u8,
    (lower, upper): (Bound<&K>, Bound<&K>),
    write: impl Fn(&mut KeyWriter<'_>, Option<&K>),
) -> IndexRows<T> {
    let mut scan = Scan::plan_index(T::description(), index);
    let mut push = |bound: Bound<&K>| match bound {
        Bound::Included(key) | Bound::Excluded(key) => {
            scan.push_key(prefix_columns + 1, |writer| write(writer, Some(key)))
        }
        Bound::Unbounded if prefix_columns > 0 => {
            scan.push_key(prefix_columns, |writer| write(writer, None))
        }
        Bound::Unbounded => 0..0,
    };
    let (lower_key, upper_key) = (push(lower), push(upper));
    let mut flags = 0;
    if matches!(lower, Bound::Excluded(_)) {
        flags |= LOWER_EXCLUSIVE;
    }
    if matches!(upper, Bound::Excluded(_)) {
        flags |= UPPER_EXCLUSIVE;
    }
    scan.bound(lower_key, upper_key, flags);
    IndexRows(Rows::planned(scan))
}

/// A scan of a table whose row type does not matter.
struct Scan {
    table: &'static TableDescription,
    state: State,
    block: Buffer,
    /// Where the next row of the block begins.
    at: usize,
}

enum State {
    /// The block holds the keys of the bounds.
    Planned(Plan),
    Open {
        scan: i32,
        block_bytes: usize,
    },
    Ended,
}

struct Plan {
    /// An index's number, or [`WHOLE_TABLE`].
    index: i32,
    /// Where the block holds the key of the lower bound; empty when there is none.
    lower: Range<usize>,
    upper: Range<usize>,
    flags: u32,
}

impl Scan {
    fn plan(table: &'static TableDescription, index: i32) -> Self {
        let plan = Plan { index, lower: 0..0, upper: 0..0, flags: 0 };
        Self { table, state: State::Planned(plan), block: Buffer::take(), at: 0 }
    }

    fn plan_index(table: &'static TableDescription, index: usize) -> Self {
        Self::plan(table, table.index(index).cast_signed())
    }

    fn push_key(&mut self, columns: u8, write: impl FnOnce(&mut KeyWriter<'_>)) -> Range<usize> {
        let start = self.block.len();
        write(&mut KeyWriter::new(&mut self.block, columns));
        self.at = self.block.len();
        start..self.at
    }

    fn bound(&mut self, lower: Range<usize>, upper: Range<usize>, flags: u32) {
        if let State::Planned(plan) = &mut self.state {
            *plan = Plan { index: plan.index, lower, upper, flags };
        }
    }

    fn next_row(&mut self) -> Option<&[u8]> {
        if self.at == self.block.len() && !self.fetch() {
            return None;
        }
        let (length, rest) = self.block[self.at..].split_first_chunk::<LENGTH_BYTES>()?;
        let length = u32::from_le_bytes(*length) as usize;
        self.at += LENGTH_BYTES + length;
        Some(&rest[..length])
    }

    /// Fetches the next block; false when there is none.
    fn fetch(&mut self) -> bool {
        loop {
            match &mut self.state {
                State::Ended => return false,
                State::Planned(plan) => {
                    let (lower, upper) =
                        (&self.block[plan.lower.clone()], &self.block[plan.upper.clone()]);
                    let scan =
                        host::scan(self.table.handle(), plan.index, lower, upper, plan.flags);
                    self.state = State::Open { scan, block_bytes: BLOCK_BYTES_FIRST };
                }
                State::Open { scan, block_bytes } => {
                    let written = host::next(*scan, &mut self.block, *block_bytes);
                    self.at = 0;
                    if written > 0 {
                        *block_bytes = (*block_bytes * 4).min(BLOCK_BYTES_MAX).max(*block_bytes);
                        return true;
                    }
                    let needed = written.unsigned_abs() as usize;
                    if needed == 0 {
                        self.state = State::Ended;
                    } else {
                        assert!(*block_bytes < needed, "a row of {needed} bytes fits");
                        *block_bytes = needed;
                    }
                }
            }
        }
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        if let State::Open { scan, .. } = self.state {
            host::close(scan);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::native::with_store;
    use crate::prelude::*;

    #[table(name = "numbers")]
    struct Number {
        #[primary_key]
        n: u32,
    }

    #[track_caller]
    fn check_open(scans: usize) {
        assert_eq!(with_store(|store| store.scans_open()), scans);
    }

    #[test]
    fn a_scan_is_opened_by_its_first_row_and_closed_in_any_case() {
        let rows = Number::insert_many((0..5000).map(|n| Number { n })).unwrap();
        assert_eq!(rows.len(), 5000);
        let mut begun = Number::range_by_n(..);
        check_open(0);
        assert_eq!(begun.next().map(|row| row.n), Some(0));
        let mut other = Number::iter();
        other.next();
        check_open(2);
        drop(begun);
        check_open(1);
        assert_eq!(other.by_ref().count(), 4999);
        check_open(0);
        assert!(other.next().is_none());
        drop(other);
        check_open(0);
    }
}
