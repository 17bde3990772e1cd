//! Sorts what is carried of tuples, a tuple at a time, or keeps the first of them.
//!
//! [`super::sort`] sorts once when all are there, which takes long and borrows them from the store. Here each tuple is put in
//! its place when it comes and taken out of it when it goes, so that both can pause after any of them. Of equal ones the
//! first stay, and come first.
//!
//! Invariants:
//! 1. There are at most `kept` rows, and the memory of all is paid for.

use core::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::Run;
use super::budget::check;
use super::part::{RowBytes, carry};
use super::sort::{compare_key, compare_keys};
use crate::error::{Resource, SqlError};
use crate::expr::tuple::Part;
use crate::logical::SortKey;
use crate::partial::StreamRows;
use crate::physical::split::Stream;
use crate::value::Datum;

#[derive(Debug)]
pub(crate) struct Ranking {
    by: Arc<[SortKey]>,
    /// In the order of how many of the keys, the first ones, the tuples come already.
    presorted: usize,
    /// How many of the first are wanted; at least one.
    kept: u64,
    rows: BTreeMap<Rank, CarriedBytes>,
    /// Tuples that came, to tell those apart that are equal in order.
    taken: u64,
    /// Bytes of all rows that are the answer's.
    answer_bytes: u64,
    /// Bytes of all rows.
    bytes: usize,
}

/// What became of a tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Kept,
    Dropped,
    /// It was dropped, and so will be all that come.
    Beyond,
}

#[derive(Debug)]
struct Rank {
    by: Arc<[SortKey]>,
    keys: Box<[Datum<'static>]>,
    number: u64,
}

#[derive(Debug)]
struct CarriedBytes {
    row: Box<[u8]>,
    taken: RowBytes,
    /// What the entry holds.
    held: usize,
}

impl Ranking {
    /// What an entry takes beyond its keys and its row: places in nodes that are half full.
    const ENTRY_BYTES: usize = 2 * size_of::<(Rank, CarriedBytes)>();

    pub(crate) fn new(by: &[SortKey], presorted: usize, kept: u64) -> Self {
        let (by, rows) = (by.into(), BTreeMap::new());
        Self { by, presorted, kept, rows, taken: 0, answer_bytes: 0, bytes: 0 }
    }

    /// Keeps the tuple if it is among the first ones so far; what becomes of it.
    pub(crate) fn take<'e>(
        &mut self,
        by: &'e [SortKey],
        stream: &'e Stream,
        run: &Run<'e>,
        tuple: &[Part<'e>],
    ) -> Result<Taken, SqlError> {
        self.taken += 1;
        let is_full = self.rows.len() as u64 >= self.kept;
        if is_full {
            match self.place(by, run, tuple)? {
                (Ordering::Greater, at) if at < self.presorted => return Ok(Taken::Beyond),
                (Ordering::Equal | Ordering::Greater, _) => return Ok(Taken::Dropped),
                (Ordering::Less, _) => {}
            }
        }
        let keys = by.iter().map(|key| Ok(run.value(&key.expr, tuple)?.into_owned()));
        let keys = keys.collect::<Result<Box<[_]>, SqlError>>()?;
        if is_full && let Some((_, last)) = self.rows.pop_last() {
            self.let_go(&last, run);
        }
        self.keep(keys, stream, run, tuple)?;
        Ok(Taken::Kept)
    }

    /// How the tuple comes to the last one that is kept, and by which key. All keys are evaluated: one of them may refuse.
    fn place<'e>(
        &self,
        by: &'e [SortKey],
        run: &Run<'e>,
        tuple: &[Part<'e>],
    ) -> Result<(Ordering, usize), SqlError> {
        let Some((last, _)) = self.rows.last_key_value() else { return Ok((Ordering::Less, 0)) };
        let mut place = (Ordering::Equal, by.len());
        for (at, (key, of_last)) in by.iter().zip(&last.keys).enumerate() {
            let value = run.value(&key.expr, tuple)?;
            if place.0.is_eq() {
                place = (compare_key(key, &value, of_last), at);
            }
        }
        Ok(place)
    }

    fn keep<'e>(
        &mut self,
        keys: Box<[Datum<'static>]>,
        stream: &'e Stream,
        run: &Run<'e>,
        tuple: &[Part<'e>],
    ) -> Result<(), SqlError> {
        if stream.answer_slots.is_some() {
            // Each row will be one of the answer.
            check(Resource::Rows, self.rows.len() as u64 + 1, run.budget.limits().rows_max)?;
        }
        let mut row = Vec::new();
        let taken = carry(stream, run, tuple, self.answer_bytes, &mut row)?;
        let of_keys = keys.iter().map(|key| size_of::<Datum<'_>>() + key.heap_bytes());
        let of_row = usize::try_from(taken.held).unwrap_or(usize::MAX);
        let held = Self::ENTRY_BYTES.saturating_add(of_keys.sum()).saturating_add(of_row);
        run.budget.hold(held)?;
        self.answer_bytes += taken.answer;
        self.bytes += row.len();
        let rank = Rank { by: self.by.clone(), keys, number: self.taken };
        self.rows.insert(rank, CarriedBytes { row: row.into(), taken, held });
        Ok(())
    }

    /// Moves the first row that is left to the end of a part. Whether there was one.
    pub(crate) fn give(&mut self, part: &mut StreamRows, run: &Run<'_>) -> Result<bool, SqlError> {
        let Some((_, row)) = self.rows.pop_first() else { return Ok(false) };
        if part.row_count == 0 {
            // Growing it while rows are given back takes long: the allocator puts together what it was given.
            part.bytes.reserve_exact(self.bytes);
        }
        self.let_go(&row, run);
        part.bytes.extend_from_slice(&row.row);
        part.count(row.taken, run)?;
        Ok(true)
    }

    fn let_go(&mut self, row: &CarriedBytes, run: &Run<'_>) {
        run.budget.release(row.held);
        self.answer_bytes -= row.taken.answer;
        self.bytes -= row.row.len();
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_keys(&self.by, &self.keys, &other.keys).then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Rank {}
