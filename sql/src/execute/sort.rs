//! Sorts tuples, or keeps the first of them.
//!
//! Only the keys and the borrowed rows are held. When just the first `k` are wanted, tuples gather up to twice as many
//! and are then cut to `k`; from then on a tuple that is not below the last one kept is dropped as it comes.
//!
//! Where tuples come in the order of the first keys already, each *run* of those that are equal in them is sorted by itself
//! and given out before the next begins, so nothing is read beyond the run in which the last wanted tuple is.

use core::cmp::Ordering;

use super::{ENOUGH, Flow, MORE, Run, Sink};
use crate::error::SqlError;
use crate::expr::tuple::Part;
use crate::logical::SortKey;
use crate::physical::Operator;
use crate::value::Datum;
use crate::value::compare::{compare, compare_shown};

/// What is to be sorted by.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'e> {
    pub(super) keys: &'e [SortKey],
    /// In the order of how many of the keys, the first ones, the tuples come already.
    pub(super) presorted: usize,
    /// How many of the first are wanted; all without.
    pub(super) kept: Option<u64>,
}

pub(super) fn run<'e>(
    input: &'e Operator,
    wanted: Wanted<'e>,
    run: &Run<'e>,
    sink: &mut Sink<'_, 'e>,
) -> Result<Flow, SqlError> {
    if wanted.kept == Some(0) {
        return Ok(MORE);
    }
    let mut sorter = Sorter::new(wanted);
    let mut wants_more = MORE;
    let mut sink = |tuple: &[Part<'e>]| {
        wants_more = sink(tuple)?;
        Ok(wants_more)
    };
    let flow = input.run(run, &mut |tuple| {
        if wanted.presorted > 0
            && sorter.is_of_next_run(wanted.presorted, run, tuple)?
            && sorter.give(run, &mut sink)?.is_break()
        {
            return Ok(ENOUGH);
        }
        sorter.take(run, tuple).map(|()| MORE)
    })?;
    if !flow.is_break() {
        let _ = sorter.give(run, &mut sink)?;
    }
    Ok(wants_more)
}

/// Beyond this many, all are held: twice as many would not be few.
const KEPT_MAX: u64 = 1 << 24;

struct Sorter<'e> {
    keys: &'e [SortKey],
    /// From which key on none can fail.
    certain: usize,
    /// How many more are wanted.
    left: u64,
    /// Whether the entries were cut once: the entry at `left - 1` is then the greatest that may still count.
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
    fn new(Wanted { keys, kept, .. }: Wanted<'e>) -> Self {
        let certain = keys.iter().rposition(|key| key.expr.can_fail()).map_or(0, |last| last + 1);
        let (left, entries) = (kept.unwrap_or(u64::MAX), Vec::new());
        Self { keys, certain, left, full: false, entries, scratch: Vec::new() }
    }

    /// How many entries there are at most after a cut.
    fn kept(&self) -> Option<usize> {
        if self.left < KEPT_MAX { usize::try_from(self.left).ok() } else { None }
    }

    fn take(&mut self, run: &Run<'e>, tuple: &[Part<'e>]) -> Result<(), SqlError> {
        if !self.evaluate(run, tuple)? {
            return Ok(()); // Of equal ones the first stay.
        }
        let keys = self.scratch.drain(..).collect();
        let entry = Entry { keys, tuple: tuple.into() };
        run.budget.hold(entry.bytes())?;
        self.entries.push(entry);
        match self.kept() {
            Some(kept) if self.entries.len() >= 2 * kept => self.cut(run, kept),
            _ => {}
        }
        Ok(())
    }

    /// Puts the keys of a tuple into the scratch. Whether it comes before the last one that counts; once that is decided, only
    /// what may refuse it is still evaluated.
    fn evaluate(&mut self, run: &Run<'e>, tuple: &[Part<'e>]) -> Result<bool, SqlError> {
        self.scratch.clear();
        let last = match self.kept() {
            Some(kept) if self.full => Some(&self.entries[kept - 1].keys),
            _ => None,
        };
        let mut ordering = if last.is_some() { Ordering::Equal } else { Ordering::Less };
        for (at, key) in self.keys.iter().enumerate() {
            if ordering.is_gt() && at >= self.certain {
                return Ok(false);
            }
            let value = run.value(&key.expr, tuple)?;
            if let Some(last) = last
                && ordering.is_eq()
            {
                ordering = compare_key(key, &value, &last[at]);
            }
            self.scratch.push(value);
        }
        Ok(ordering.is_lt())
    }

    fn cut(&mut self, run: &Run<'e>, kept: usize) {
        self.sort();
        run.budget.release(self.entries[kept..].iter().map(Entry::bytes).sum());
        self.entries.truncate(kept);
        self.full = true;
    }

    fn sort(&mut self) {
        let keys = self.keys;
        self.entries.sort_by(|left, right| compare_keys(keys, &left.keys, &right.keys));
    }

    /// Whether a tuple differs from those that are held in one of the first so many keys.
    fn is_of_next_run(
        &self,
        presorted: usize,
        run: &Run<'e>,
        tuple: &[Part<'e>],
    ) -> Result<bool, SqlError> {
        let Some(first) = self.entries.first() else { return Ok(false) };
        for (key, value) in self.keys.iter().zip(&first.keys).take(presorted) {
            if compare_key(key, &run.value(&key.expr, tuple)?, value).is_ne() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gives out those that are held, in order; whether more have to come.
    fn give(&mut self, run: &Run<'e>, sink: &mut Sink<'_, 'e>) -> Result<Flow, SqlError> {
        self.sort();
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX);
        let mut held = 0;
        for (at, entry) in std::mem::take(&mut self.entries).into_iter().enumerate() {
            held += entry.bytes();
            if at < wanted && sink(&entry.tuple)?.is_break() {
                return Ok(ENOUGH);
            }
            self.left = self.left.saturating_sub(1);
        }
        run.budget.release(held);
        self.full = false;
        Ok(if self.left == 0 { ENOUGH } else { MORE })
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
        (false, false) => {
            let ordering =
                if key.tells_forms { compare_shown(left, right) } else { compare(left, right) };
            if key.descending { ordering.reverse() } else { ordering }
        }
    }
}
