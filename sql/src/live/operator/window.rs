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

mod zone;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::delta::{Delta, Weight, consolidate};
use super::super::tuple::Tuple;
use crate::error::{EvalError, SqlError};
use crate::execute::row_count;
use crate::expr::arithmetic::{Arithmetic, Domain};
use crate::expr::evaluate::Inputs;
use crate::expr::{Case, Expr};
use crate::logical::SortKey;
use crate::params::Params;
use crate::value::{Datum, Integer, SqlType};
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

/// How many tuples a window keeps beyond those that it needs, if they can be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spare {
    /// Where it needs fewer; else as many as it needs.
    pub(crate) min: u64,
}

impl Spare {
    /// How many it keeps in all.
    fn kept(self, limit: u64, offset: u64) -> u64 {
        let needed = limit.saturating_add(offset);
        needed.saturating_add(needed.max(self.min)).min(KEPT_MAX)
    }

    /// The same as the limit of a query, which is null where there is none.
    pub(in super::super) fn kept_expr(self, limit: &Expr, offset: Option<&Expr>) -> Expr {
        let ty = || SqlType::Int(Integer::I64);
        let number = |value: u64| Expr::Literal { value: Datum::Int(value.into()), ty: ty() };
        let sum = |left: Expr, right: Expr| Expr::Arithmetic {
            op: Arithmetic::Add,
            domain: Domain::Exact,
            left: Box::new(left),
            right: Box::new(right),
        };
        let needed = match offset {
            Some(offset) => sum(limit.clone(), Expr::Coalesce(vec![offset.clone(), number(0)])),
            None => limit.clone(),
        };
        let most = Expr::Extreme { greatest: true, list: vec![needed.clone(), number(self.min)] };
        let kept = sum(needed.clone(), most);
        let bounded = Expr::Extreme { greatest: false, list: vec![kept, number(KEPT_MAX)] };
        let is_null = Expr::IsNull { expr: Box::new(needed), negated: false };
        Expr::Case(Box::new(Case {
            operand: None,
            branches: vec![(is_null, Expr::Literal { value: Datum::Null, ty: ty() })],
            otherwise: Some(bounded),
        }))
    }
}

/// More than can be.
const KEPT_MAX: u64 = i64::MAX.cast_unsigned();

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
                Window::new(&by, limit_expr.as_ref(), Some(&count(offset)), None, &params)
                    .unwrap();
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

    /// What there is, in order, as a leaf reads it.
    fn read(all: &BTreeMap<(i128, i128), Weight>, descending: bool, kept_max: u64) -> Delta {
        naive(all, descending, 0, Some(kept_max)).into_iter().collect()
    }

    proptest! {
        #[test]
        fn a_window_that_keeps_little_shows_the_same(
            changes in prop::collection::vec(
                prop::collection::vec((0i128..12, 0i128..3, -3i64..4), 1..6), 1..60),
            descending: bool,
            offset in 0u64..3,
            limit in 0u64..4,
            min in 0u64..4,
        ) {
            let params = Params::default();
            let (by, spare) = (keys(descending), Spare { min });
            let (limit_expr, offset_expr) = (count(limit), count(offset));
            let kept_max = spare.kept(limit, offset);
            let kept_expr = spare.kept_expr(&limit_expr, Some(&offset_expr));
            prop_assert_eq!(row_count(Some(&kept_expr), "LIMIT", &params).unwrap(), Some(kept_max));
            let mut window =
                Window::new(&by, Some(&limit_expr), Some(&offset_expr), Some(spare), &params).unwrap();
            let mut all: BTreeMap<(i128, i128), Weight> = BTreeMap::new();
            let mut shown: BTreeMap<Tuple, Weight> = BTreeMap::new();
            for change in changes {
                let mut delta: Delta = Vec::new();
                for (key, value, weight) in change {
                    // Rows that can be read go no more often than they have come.
                    let there = all.entry((key, value)).or_default();
                    let weight = weight.max(-*there);
                    *there += weight;
                    delta.push((tuple(key, value), weight));
                }
                consolidate(&mut delta);
                let mut told = window.apply(&params, &delta).unwrap();
                if window.is_dry() {
                    told.extend(window.fill(&params, &read(&all, descending, kept_max)).unwrap());
                }
                prop_assert!(!window.is_dry());
                let kept: u64 = window.zones.iter().map(|zone| zone.count).sum();
                prop_assert!(kept <= kept_max.max(limit + offset));
                for (tuple, weight) in told {
                    *shown.entry(tuple).or_default() += weight;
                }
                shown.retain(|_, weight| *weight != 0);
                prop_assert_eq!(&shown, &naive(&all, descending, offset, Some(limit)));
            }
        }
    }

    #[test]
    fn without_a_limit_all_is_kept() {
        let null = Expr::Literal { value: Datum::Null, ty: SqlType::Int(Integer::I64) };
        let kept = Spare { min: 64 }.kept_expr(&null, Some(&count(5)));
        assert_eq!(row_count(Some(&kept), "LIMIT", &Params::default()).unwrap(), None);
        let kept = Spare { min: 64 }.kept_expr(&count(KEPT_MAX), Some(&count(KEPT_MAX)));
        let kept = row_count(Some(&kept), "LIMIT", &Params::default()).unwrap();
        assert_eq!(kept, Some(Spare { min: 64 }.kept(KEPT_MAX, KEPT_MAX)));
        assert_eq!(Spare { min: 64 }.kept(50, 0), 114);
        assert_eq!(Spare { min: 64 }.kept(50, 50), 200);
    }

    /// All tuples of the window were gone through, and cloned, for every change.
    #[test]
    fn a_change_moves_no_more_than_it_has_to() {
        let params = Params::default();
        let mut window =
            Window::new(&keys(false), Some(&count(100)), Some(&count(100)), None, &params);
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
