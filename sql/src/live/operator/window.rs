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
//! Invariants, between two changes:
//! 1. Nothing in a zone ranks behind anything in a later one. A tuple that is there several times may be in several.
//! 2. A zone has as many tuples as it is to have, or all behind it are empty.

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
use zone::{Rank, Zone};

/// See the module.
#[derive(Debug)]
pub(crate) struct Window {
    by: Arc<[SortKey]>,
    /// Before, shown, after.
    zones: [Zone; 3],
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
        params: &Params,
    ) -> Result<Self, SqlError> {
        let offset = row_count(offset, "OFFSET", params)?.unwrap_or(0);
        let limit = row_count(limit, "LIMIT", params)?.unwrap_or(u64::MAX);
        let zones = [offset, limit, u64::MAX].map(Zone::new);
        Ok(Self { by: keys.into(), zones, owed: BTreeMap::new() })
    }

    pub(super) fn bytes(&self) -> usize {
        let owed = self.owed.keys().map(Rank::bytes).sum::<usize>();
        self.zones.iter().map(|zone| zone.bytes).sum::<usize>() + owed
    }

    pub(crate) fn apply(&mut self, params: &Params, delta: &Delta) -> Result<Delta, SqlError> {
        let mut shifts = Shifts::default();
        for (tuple, weight) in delta {
            let rank = self.rank(params, tuple)?;
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
        if left > 0 {
            *self.owed.entry(rank).or_insert(0) += left;
        }
    }

    /// Gives every zone as many as it is to have.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::tuple::KeptPart;
    use super::*;
    use crate::value::{Integer, SqlType};

    /// A tuple of a key and a value that is not sorted by.
    fn tuple(key: i128, value: i128) -> Tuple {
        Tuple::of(KeptPart::of_values(&[Datum::Int(key), Datum::Int(value)]).unwrap())
    }

    fn keys(descending: bool) -> Vec<SortKey> {
        let expr = Expr::made_column(0, 0, SqlType::Int(Integer::I64), false, "key");
        vec![SortKey { expr, descending, nulls_first: false, breaks_ties: false }]
    }

    fn count(count: u64) -> Expr {
        Expr::Literal { value: Datum::Int(count.into()), ty: SqlType::Int(Integer::I64) }
    }

    /// The window of all that is there, found anew.
    fn naive(
        all: &BTreeMap<(i128, i128), Weight>,
        descending: bool,
        offset: u64,
        limit: Option<u64>,
    ) -> BTreeMap<Tuple, Weight> {
        let there = all.iter().filter(|(_, weight)| **weight > 0);
        let mut units: Vec<(i128, Tuple)> = there
            .flat_map(|((key, value), weight)| {
                std::iter::repeat_n((*key, tuple(*key, *value)), usize::try_from(*weight).unwrap())
            })
            .collect();
        units.sort_by(|(a, left), (b, right)| {
            let keys = if descending { b.cmp(a) } else { a.cmp(b) };
            keys.then_with(|| left.cmp(right))
        });
        let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap());
        let mut window = BTreeMap::new();
        for (_, tuple) in units.into_iter().skip(usize::try_from(offset).unwrap()).take(limit) {
            *window.entry(tuple).or_default() += 1;
        }
        window
    }

    proptest! {
        #[test]
        fn what_is_shown_is_the_window_of_all(
            changes in prop::collection::vec(
                prop::collection::vec((0i128..12, 0i128..3, -3i64..4), 1..6), 1..40),
            descending: bool,
            offset in 0u64..6,
            limit in prop::option::of(0u64..6),
        ) {
            let params = Params::default();
            let (by, limit_expr) = (keys(descending), limit.map(count));
            let mut window =
                Window::new(&by, limit_expr.as_ref(), Some(&count(offset)), &params).unwrap();
            let mut all: BTreeMap<(i128, i128), Weight> = BTreeMap::new();
            let mut shown: BTreeMap<Tuple, Weight> = BTreeMap::new();
            for change in changes {
                let mut delta: Delta = Vec::new();
                for (key, value, weight) in change {
                    *all.entry((key, value)).or_default() += weight;
                    delta.push((tuple(key, value), weight));
                }
                consolidate(&mut delta);
                let told = window.apply(&params, &delta).unwrap();
                for (tuple, weight) in told {
                    prop_assert_ne!(weight, 0);
                    *shown.entry(tuple).or_default() += weight;
                }
                shown.retain(|_, weight| *weight != 0);
                prop_assert_eq!(&shown, &naive(&all, descending, offset, limit));
            }
            let gone: Delta = all
                .iter()
                .map(|((key, value), weight)| (tuple(*key, *value), -weight))
                .filter(|(_, weight)| *weight != 0)
                .collect();
            window.apply(&params, &gone).unwrap();
            prop_assert_eq!(window.bytes(), 0);
        }
    }

    /// All tuples of the window were gone through, and cloned, for every change.
    #[test]
    fn a_change_moves_no_more_than_it_has_to() {
        let params = Params::default();
        let mut window = Window::new(&keys(false), Some(&count(100)), Some(&count(100)), &params);
        let window = window.as_mut().unwrap();
        let all: Delta = (0..1_000).map(|key| (tuple(key, 0), 1)).collect();
        assert_eq!(window.apply(&params, &all).unwrap().len(), 100);
        let mut shifts = Shifts::default();
        window.add(window.rank(&params, &tuple(-1, 0)).unwrap(), 1, &mut shifts);
        window.settle(&mut shifts);
        let moved: Vec<Weight> = shifts.delta.iter().map(|(_, weight)| *weight).collect();
        assert_eq!(moved, [1, -1]);
    }
}
