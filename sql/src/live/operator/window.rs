//! ORDER BY … LIMIT: all tuples in their order, and which of them were given out last.

use core::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::delta::{Delta, Weight, consolidate};
use super::super::tuple::Tuple;
use crate::error::{EvalError, SqlError};
use crate::execute::row_count;
use crate::execute::sort::compare_keys;
use crate::expr::Expr;
use crate::expr::evaluate::Inputs;
use crate::logical::SortKey;
use crate::params::Params;
use crate::value::Datum;

/// See the module.
#[derive(Debug)]
pub(crate) struct Window {
    by: Arc<[SortKey]>,
    offset: u64,
    /// `None` is no limit.
    limit: Option<u64>,
    ranked: BTreeMap<Rank, Weight>,
    shown: Delta,
    bytes: usize,
}

/// A tuple by its place in the order.
#[derive(Debug)]
struct Rank {
    by: Arc<[SortKey]>,
    keys: Box<[Datum<'static>]>,
    tuple: Tuple,
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Rank {}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_keys(&self.by, &self.keys, &other.keys).then_with(|| self.tuple.cmp(&other.tuple))
    }
}

const ENTRY_BYTES: usize = 2 * size_of::<(Rank, Weight)>();

impl Window {
    pub(super) fn new(
        keys: &[SortKey],
        limit: Option<&Expr>,
        offset: Option<&Expr>,
        params: &Params,
    ) -> Result<Self, SqlError> {
        let offset = row_count(offset, "OFFSET", params)?.unwrap_or(0);
        let limit = row_count(limit, "LIMIT", params)?;
        let by = keys.into();
        Ok(Self { by, offset, limit, ranked: BTreeMap::new(), shown: Delta::new(), bytes: 0 })
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn apply(&mut self, params: &Params, delta: &Delta) -> Result<Delta, SqlError> {
        for (tuple, weight) in delta {
            self.take(params, tuple, *weight)?;
        }
        let now = self.window();
        let gone = std::mem::replace(&mut self.shown, now);
        let mut out: Delta = gone.into_iter().map(|(tuple, weight)| (tuple, -weight)).collect();
        out.extend(self.shown.iter().cloned());
        consolidate(&mut out);
        Ok(out)
    }

    fn take(&mut self, params: &Params, tuple: &Tuple, weight: Weight) -> Result<(), SqlError> {
        let parts = tuple.parts();
        let inputs = Inputs { tuple: &parts, params };
        let keys = self.by.iter().map(|key| Ok(key.expr.evaluate(inputs)?.into_owned()));
        let keys = keys.collect::<Result<Box<[Datum<'static>]>, EvalError>>()?;
        let held: usize = keys.iter().map(|key| size_of::<Datum<'_>>() + key.heap_bytes()).sum();
        let held = ENTRY_BYTES + held + tuple.bytes();
        let rank = Rank { by: self.by.clone(), keys, tuple: tuple.clone() };
        let before = self.ranked.len();
        match self.ranked.entry(rank) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(weight);
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                *place.get_mut() += weight;
                if *place.get() == 0 {
                    place.remove();
                }
            }
        }
        match self.ranked.len().cmp(&before) {
            Ordering::Less => self.bytes -= held,
            Ordering::Equal => {}
            Ordering::Greater => self.bytes += held,
        }
        Ok(())
    }

    /// The tuples from the offset on, as many as the limit allows.
    fn window(&self) -> Delta {
        let mut skipped = self.offset;
        let mut left = self.limit.unwrap_or(u64::MAX);
        let mut window = Delta::new();
        for (rank, weight) in &self.ranked {
            if left == 0 {
                break;
            }
            let there = u64::try_from(*weight).unwrap_or(0);
            let passed = there.min(skipped);
            skipped -= passed;
            let shown = (there - passed).min(left);
            left -= shown;
            if shown > 0 {
                window.push((rank.tuple.clone(), shown.cast_signed()));
            }
        }
        window
    }
}
