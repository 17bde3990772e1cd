//! Windows against what is found by sorting everything anew.

use proptest::prelude::*;

use super::super::super::tuple::KeptPart;
use super::spare::KEPT_MAX;
use super::*;
use crate::value::{Integer, SqlType};

/// A tuple of a key and a value that is not sorted by.
fn tuple(key: i128, value: i128) -> Tuple {
    Tuple::of(KeptPart::of_values(&[Datum::Int(key), Datum::Int(value)]).unwrap())
}

fn keys(descending: bool) -> Vec<SortKey> {
    let expr = Expr::made_column(0, 0, SqlType::Int(Integer::I64), false, "key");
    vec![SortKey { expr, descending, nulls_first: false, breaks_ties: false, tells_forms: false }]
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
    let mut window = Window::new(&keys(false), Some(&count(100)), Some(&count(100)), None, &params);
    let window = window.as_mut().unwrap();
    let all: Delta = (0..1_000).map(|key| (tuple(key, 0), 1)).collect();
    assert_eq!(window.apply(&params, &all).unwrap().len(), 100);
    let mut shifts = Shifts::default();
    window.add(window.rank(&params, &tuple(-1, 0)).unwrap(), 1, &mut shifts);
    window.settle(&mut shifts);
    let moved: Vec<Weight> = shifts.delta.iter().map(|(_, weight)| *weight).collect();
    assert_eq!(moved, [1, -1]);
}
