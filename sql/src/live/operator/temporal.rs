//! A temporal filter: keeps which tuples will come and which will go when time goes on.
//!
//! ```text
//!   tuple ─▶ span ─┬─ over already ──▶ (dropped)
//!                  ├─ to come ───────▶ coming, by its beginning ──time──▶ out, and going where it ends
//!                  └─ now ───────────▶ out, and going, by its end ──time──▶ out again
//! ```
//!
//! Invariants:
//! 1. All spans in `coming` begin later than the time, and all in `going` end later.
//! 2. Time does not go back, so what is over need not be kept: when such a tuple is deleted it has gone before.

use std::collections::BTreeMap;

use super::super::delta::{Delta, Weight};
use super::super::temporal::{Bound, Span};
use super::super::tuple::Tuple;
use crate::error::{EvalError, SqlError};
use crate::expr::evaluate::Inputs;
use crate::params::Params;

/// See the module. Instants are in microseconds.
#[derive(Debug, Default)]
pub(crate) struct TemporalFilter {
    coming: BTreeMap<(i64, Tuple), Weight>,
    going: BTreeMap<(i64, Tuple), Weight>,
    bytes: usize,
}

const ENTRY_BYTES: usize = 2 * size_of::<((i64, Tuple), Weight)>();

impl TemporalFilter {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the next tuple comes or goes, if nothing else happens.
    pub(crate) fn next(&self) -> Option<i64> {
        let first = |queue: &BTreeMap<(i64, Tuple), Weight>| {
            queue.first_key_value().map(|((instant, _), _)| *instant)
        };
        first(&self.coming).into_iter().chain(first(&self.going)).min()
    }

    /// Goes on to a time, and takes a change of the input at that time.
    pub(crate) fn apply(
        &mut self,
        bounds: &[Bound],
        params: &Params,
        now: i64,
        delta: Delta,
    ) -> Result<Delta, SqlError> {
        let mut out = Delta::new();
        self.advance(bounds, params, now, &mut out)?;
        for (tuple, weight) in delta {
            self.take(bounds, params, now, (tuple, weight), &mut out)?;
        }
        Ok(out)
    }

    fn advance(
        &mut self,
        bounds: &[Bound],
        params: &Params,
        now: i64,
        out: &mut Delta,
    ) -> Result<(), SqlError> {
        while let Some(entry) = self.coming.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((_, tuple), weight) = entry.remove_entry();
            self.bytes -= ENTRY_BYTES + tuple.bytes();
            self.take(bounds, params, now, (tuple, weight), out)?;
        }
        while let Some(entry) = self.going.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((_, tuple), weight) = entry.remove_entry();
            self.bytes -= ENTRY_BYTES + tuple.bytes();
            out.push((tuple, -weight));
        }
        Ok(())
    }

    fn take(
        &mut self,
        bounds: &[Bound],
        params: &Params,
        now: i64,
        (tuple, weight): (Tuple, Weight),
        out: &mut Delta,
    ) -> Result<(), SqlError> {
        let Span { from, until } = span(bounds, params, &tuple)?;
        if until <= now || until <= from {
            return Ok(()); // I2
        }
        if now < from {
            self.bytes = count(&mut self.coming, self.bytes, (from, tuple), weight);
            return Ok(());
        }
        if until != Span::FOREVER {
            self.bytes = count(&mut self.going, self.bytes, (until, tuple.clone()), weight);
        }
        out.push((tuple, weight));
        Ok(())
    }
}

/// When a tuple passes all bounds.
fn span(bounds: &[Bound], params: &Params, tuple: &Tuple) -> Result<Span, EvalError> {
    let parts = tuple.parts();
    let inputs = Inputs { tuple: &parts, params };
    bounds.iter().try_fold(Span::ALWAYS, |span, bound| Ok(span.and(bound.span(inputs)?)))
}

/// Adds to how often something waits; says how many bytes are kept then.
fn count(
    queue: &mut BTreeMap<(i64, Tuple), Weight>,
    bytes: usize,
    key: (i64, Tuple),
    weight: Weight,
) -> usize {
    let entry_bytes = ENTRY_BYTES + key.1.bytes();
    match queue.entry(key) {
        std::collections::btree_map::Entry::Vacant(place) => {
            place.insert(weight);
            bytes + entry_bytes
        }
        std::collections::btree_map::Entry::Occupied(mut place) => {
            *place.get_mut() += weight;
            if *place.get() != 0 {
                return bytes;
            }
            place.remove();
            bytes - entry_bytes
        }
    }
}
