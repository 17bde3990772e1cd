//! Sorts tuples, or keeps the first of them.
//!
//! Only the keys and the borrowed rows are held. When just the first `k` are wanted, tuples gather up to twice as many
//! and are then cut to `k`; from then on a tuple that is not below the last one kept is dropped as it comes.

use core::cmp::Ordering;

use super::{ENOUGH, Flow, MORE, Run, Sink};
use crate::error::SqlError;
use crate::expr::tuple::Part;
use crate::logical::SortKey;
use crate::physical::Operator;
use crate::value::Datum;
use crate::value::compare::compare;

pub(super) fn run<'e>(
    input: &'e Operator,
    keys: &'e [SortKey],
    kept: Option<u64>,
    run: &Run<'e>,
    sink: &mut Sink<'_, 'e>,
) -> Result<Flow, SqlError> {
    if kept == Some(0) {
        return Ok(MORE);
    }
    let kept = kept.and_then(|kept| usize::try_from(kept).ok()).filter(|kept| *kept < KEPT_MAX);
    let mut sorter = Sorter { keys, kept, full: false, entries: Vec::new(), scratch: Vec::new() };
    let _ = input.run(run, &mut |tuple| sorter.take(run, tuple).map(|()| MORE))?;
    sorter.entries.sort_by(|left, right| compare_keys(keys, &left.keys, &right.keys));
    if let Some(kept) = sorter.kept {
        sorter.entries.truncate(kept);
    }
    for entry in &sorter.entries {
        if sink(&entry.tuple)?.is_break() {
            return Ok(ENOUGH);
        }
    }
    Ok(MORE)
}

/// Beyond this many, all are held: twice as many would not be few.
const KEPT_MAX: usize = 1 << 24;

struct Sorter<'e> {
    keys: &'e [SortKey],
    /// How many of the first are wanted.
    kept: Option<usize>,
    /// Whether the entries were cut once: the entry at `kept - 1` is then the greatest that may still count.
    full: bool,
    entries: Vec<Entry<'e>>,
    /// The keys of the tuple at hand: most tuples of a long table are dropped by them.
    scratch: Vec<Datum<'e>>,
}

struct Entry<'e> {
    keys: Box<[Datum<'e>]>,
    tuple: Box<[Part<'e>]>,
}

impl<'e> Sorter<'e> {
    fn take(&mut self, run: &Run<'e>, tuple: &[Part<'e>]) -> Result<(), SqlError> {
        self.scratch.clear();
        for key in self.keys {
            self.scratch.push(run.value(&key.expr, tuple)?);
        }
        if let Some(kept) = self.kept
            && self.full
            && compare_keys(self.keys, &self.scratch, &self.entries[kept - 1].keys).is_ge()
        {
            return Ok(()); // Of equal ones the first stay.
        }
        let keys = self.scratch.drain(..).collect();
        let entry = Entry { keys, tuple: tuple.into() };
        run.budget.hold(entry.bytes())?;
        self.entries.push(entry);
        match self.kept {
            Some(kept) if self.entries.len() >= 2 * kept => self.cut(run, kept),
            _ => {}
        }
        Ok(())
    }

    fn cut(&mut self, run: &Run<'e>, kept: usize) {
        let keys = self.keys;
        self.entries.sort_by(|left, right| compare_keys(keys, &left.keys, &right.keys));
        run.budget.release(self.entries[kept..].iter().map(Entry::bytes).sum());
        self.entries.truncate(kept);
        self.full = true;
    }
}

impl Entry<'_> {
    fn bytes(&self) -> usize {
        let keys = self.keys.iter().map(|key| size_of::<Datum<'_>>() + key.heap_bytes());
        let values = self.tuple.iter().map(Part::held_bytes);
        size_of::<Self>() + keys.sum::<usize>() + values.sum::<usize>()
    }
}

pub(crate) fn compare_keys(keys: &[SortKey], left: &[Datum<'_>], right: &[Datum<'_>]) -> Ordering {
    for (key, (left, right)) in keys.iter().zip(left.iter().zip(right)) {
        let ordering = compare_key(key, left, right);
        if ordering.is_ne() {
            return ordering;
        }
    }
    Ordering::Equal
}

#[inline]
pub(super) fn compare_key(key: &SortKey, left: &Datum<'_>, right: &Datum<'_>) -> Ordering {
    match (left.is_null(), right.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) if key.nulls_first => Ordering::Less,
        (true, false) => Ordering::Greater,
        (false, true) if key.nulls_first => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if key.descending => compare(right, left),
        (false, false) => compare(left, right),
    }
}
