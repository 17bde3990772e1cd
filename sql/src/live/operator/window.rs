//! ORDER BY … LIMIT: all tuples in their order, in three zones of which the middle one is shown.
//!
//! ```text
//!   before: the first OFFSET │ shown: the next LIMIT │ after: all others
//! ```
//!
//! A tuple that comes or goes does so in its own zone. Then zones that have too many give their last ones on, and zones that lack
//! some take the first of those behind: as many as have come or gone. So a change costs the way to its place in the order and
//! what it moves in or out of the window, however large that is.
//!
//! A window upon a leaf keeps few of the tuples after it, since they can be read again: what is behind the *bound* is not kept,
//! and neither what comes nor what goes there needs memory. When so many have gone that the window lacks some while there may be
//! more behind the bound, it is *dry*, and has to be filled again with what there is at that moment.
//!
//! Invariants, between two changes:
//! 1. Nothing in a zone ranks behind anything in a later one. A tuple that is there several times may be in several.
//! 2. A zone has as many tuples as it is to have, or all behind it are empty.
//! 3. All tuples before the bound are kept, none behind it, and of that at the bound no more than there are.

mod spare;
#[cfg(test)]
mod tests;
mod zone;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::delta::{Delta, Weight, consolidate};
use super::super::tuple::Tuple;
use crate::error::{EvalError, SqlError};
use crate::execute::row_count;
use crate::expr::Expr;
use crate::expr::evaluate::Inputs;
use crate::logical::SortKey;
use crate::params::Params;
use crate::value::Datum;
pub(in super::super) use spare::Spare;
use zone::{Rank, Zone};

/// See the module.
#[derive(Debug)]
pub(crate) struct Window {
    by: Arc<[SortKey]>,
    /// Before, shown, after.
    zones: [Zone; 3],
    /// How many tuples are kept of those that can be read again; `None` where all are.
    kept_max: Option<u64>,
    /// Behind it there may be tuples that are not kept; `None` where there are none.
    bound: Option<Rank>,
    /// Tuples that have gone more often than they have come, and how much more often: they count as not there.
    owed: BTreeMap<Rank, u64>,
}

/// The zone that is shown.
const SHOWN: usize = 1;
const AFTER: usize = 2;

/// What has come into the window and what has gone out of it.
#[derive(Default)]
struct Shifts {
    delta: Delta,
    /// At how many they are added up, so that what comes and goes again is no burden.
    due: usize,
}

/// So few are not added up.
const SHIFTS_MIN: usize = 1_024;

impl Window {
    pub(super) fn new(
        keys: &[SortKey],
        limit: Option<&Expr>,
        offset: Option<&Expr>,
        spare: Option<Spare>,
        params: &Params,
    ) -> Result<Self, SqlError> {
        let offset = row_count(offset, "OFFSET", params)?.unwrap_or(0);
        let limit = row_count(limit, "LIMIT", params)?;
        let kept_max = spare.zip(limit).map(|(spare, limit)| spare.kept(limit, offset));
        let zones = [offset, limit.unwrap_or(u64::MAX), u64::MAX].map(Zone::new);
        Ok(Self { by: keys.into(), zones, kept_max, bound: None, owed: BTreeMap::new() })
    }

    /// Whether it begins with what was read for it, which need not be all.
    pub(crate) fn is_filled(&self) -> bool {
        self.kept_max.is_some()
    }

    /// Whether it lacks tuples that there may be.
    pub(crate) fn is_dry(&self) -> bool {
        self.bound.is_some() && !self.zones[..AFTER].iter().all(Zone::is_full)
    }

    /// Takes what was read in the place of what it keeps: all tuples, or as many of the first as are kept.
    pub(crate) fn fill(&mut self, params: &Params, read: &Delta) -> Result<Delta, SqlError> {
        let mut shifts = Shifts::default();
        let wanted = self.zones.each_ref().map(|zone| zone.wanted);
        let old = std::mem::replace(&mut self.zones, wanted.map(Zone::new));
        let [_, shown, _] = old;
        shown.iter().for_each(|(rank, times)| shifts.note(&rank.tuple, -times.cast_signed()));
        self.bound = None;
        self.owed.clear();
        let mut count = 0;
        for (tuple, weight) in read {
            let rank = self.rank(params, tuple)?;
            count += weight.unsigned_abs();
            self.add(rank, weight.unsigned_abs(), &mut shifts);
            self.settle(&mut shifts);
        }
        if self.kept_max.is_some_and(|kept_max| kept_max <= count) {
            self.bound = self.zones.iter().rev().find_map(Zone::last).cloned();
        }
        Ok(shifts.into_delta())
    }

    pub(super) fn bytes(&self) -> usize {
        let owed = self.owed.keys().map(Rank::bytes).sum::<usize>();
        self.zones.iter().map(|zone| zone.bytes).sum::<usize>() + owed
    }

    pub(crate) fn apply(&mut self, params: &Params, delta: &Delta) -> Result<Delta, SqlError> {
        let mut shifts = Shifts::default();
        for (tuple, weight) in delta {
            let rank = self.rank(params, tuple)?;
            if self.bound.as_ref().is_some_and(|bound| *bound < rank) {
                continue;
            }
            let times = weight.unsigned_abs();
            match *weight > 0 {
                true => self.add(rank, times, &mut shifts),
                false => self.remove(rank, times, &mut shifts),
            }
            self.settle(&mut shifts);
        }
        Ok(shifts.into_delta())
    }

    fn rank(&self, params: &Params, tuple: &Tuple) -> Result<Rank, SqlError> {
        let parts = tuple.parts();
        let inputs = Inputs { tuple: &parts, params };
        let keys = self.by.iter().map(|key| Ok(key.expr.evaluate(inputs)?.into_owned()));
        let keys = keys.collect::<Result<Box<[Datum<'static>]>, EvalError>>()?;
        Ok(Rank { by: self.by.clone(), keys, tuple: tuple.clone() })
    }

    fn add(&mut self, rank: Rank, mut times: u64, shifts: &mut Shifts) {
        if let Some(owed) = self.owed.get_mut(&rank) {
            let paid = times.min(*owed);
            times -= paid;
            *owed -= paid;
            if *owed == 0 {
                self.owed.remove(&rank);
            }
        }
        if times > 0 {
            let is_place = |zone: &Zone| !zone.is_full() || zone.last().is_some_and(|l| rank <= *l);
            let place = self.zones.iter().position(is_place).unwrap_or(AFTER);
            self.put(place, rank, times, shifts);
        }
    }

    fn remove(&mut self, rank: Rank, times: u64, shifts: &mut Shifts) {
        let mut left = times;
        // From the last one on, so that little has to move up.
        for (at, zone) in self.zones.iter_mut().enumerate().rev() {
            let taken = zone.remove(&rank, left);
            left -= taken;
            if at == SHOWN {
                shifts.note(&rank.tuple, -taken.cast_signed());
            }
        }
        // Of a tuple at the bound it may be one that is not kept.
        if left > 0 && self.bound.as_ref() != Some(&rank) {
            *self.owed.entry(rank).or_insert(0) += left;
        }
    }

    /// Gives every zone as many as it is to have, and lets go of what is not to be kept.
    fn settle(&mut self, shifts: &mut Shifts) {
        for at in 0..AFTER {
            while let Some(excess) = self.zones[at].count.checked_sub(self.zones[at].wanted)
                && excess > 0
                && let Some((rank, times)) = self.zones[at].take_last(excess)
            {
                self.moved(at, at + 1, rank, times, shifts);
            }
        }
        for at in 0..AFTER {
            while !self.zones[at].is_full()
                && let Some(source) = (at + 1..=AFTER).find(|later| self.zones[*later].count > 0)
            {
                let lack = self.zones[at].wanted - self.zones[at].count;
                let Some((rank, times)) = self.zones[source].take_first(lack) else { break };
                self.moved(source, at, rank, times, shifts);
            }
        }
        let Some(kept_max) = self.kept_max else { return };
        let kept = self.zones.iter().map(|zone| zone.count).fold(0, u64::saturating_add);
        let mut excess = kept.saturating_sub(kept_max);
        while excess > 0
            && let Some((rank, times)) = self.zones[AFTER].take_last(excess)
        {
            excess -= times;
            self.bound = Some(rank);
        }
    }

    /// Tuples were taken out of a zone and belong to another.
    fn moved(&mut self, source: usize, target: usize, rank: Rank, times: u64, shifts: &mut Shifts) {
        if source == SHOWN {
            shifts.note(&rank.tuple, -times.cast_signed());
        }
        self.put(target, rank, times, shifts);
    }

    fn put(&mut self, zone: usize, rank: Rank, times: u64, shifts: &mut Shifts) {
        if zone == SHOWN {
            shifts.note(&rank.tuple, times.cast_signed());
        }
        self.zones[zone].add(rank, times);
    }
}

impl Shifts {
    fn note(&mut self, tuple: &Tuple, weight: Weight) {
        if weight == 0 {
            return;
        }
        self.delta.push((tuple.clone(), weight));
        if self.delta.len() > self.due.max(SHIFTS_MIN) {
            consolidate(&mut self.delta);
            self.due = 2 * self.delta.len();
        }
    }

    fn into_delta(mut self) -> Delta {
        consolidate(&mut self.delta);
        self.delta
    }
}
