//! The whole answer of a live query, kept where it cannot be asked for again.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::compile::LivePlan;
use super::delta::Weight;
use super::output::AnswerChanges;
use super::tuple::Tuple;
use crate::error::SqlError;
use crate::params::Params;
use crate::rowset::{EncodedRows, RowFormat};

/// See the module. In no format, since who begins to be told may want either.
#[derive(Debug)]
pub struct HeldAnswer {
    plan: Arc<LivePlan>,
    params: Arc<Params>,
    tuples: BTreeMap<Tuple, Weight>,
    bytes: usize,
}

/// What a tuple takes besides itself, about.
const ENTRY_BYTES: usize = 2 * size_of::<(Tuple, Weight)>();

impl HeldAnswer {
    /// The answer of which these are the changes from nothing.
    pub fn of(changes: AnswerChanges) -> Self {
        let AnswerChanges { plan, params, delta } = changes;
        let mut answer = Self { plan, params, tuples: BTreeMap::new(), bytes: 0 };
        delta.into_iter().for_each(|(tuple, weight)| answer.add_tuple(tuple, weight));
        answer
    }

    /// Goes on with what has changed.
    pub fn add(&mut self, changes: &AnswerChanges) {
        for (tuple, weight) in &changes.delta {
            self.add_tuple(tuple.clone(), *weight);
        }
    }

    fn add_tuple(&mut self, tuple: Tuple, weight: Weight) {
        let bytes = tuple.bytes() + ENTRY_BYTES;
        match self.tuples.entry(tuple) {
            Entry::Vacant(place) => {
                place.insert(weight);
                self.bytes += bytes;
            }
            Entry::Occupied(mut place) => {
                *place.get_mut() += weight;
                if *place.get() == 0 {
                    place.remove();
                    self.bytes -= bytes;
                }
            }
        }
    }

    /// The rows in a format, and how many they are.
    ///
    /// # Errors
    ///
    /// As of [`AnswerChanges::rows`].
    pub fn rows(&self, format: RowFormat) -> Result<(EncodedRows, u64), SqlError> {
        let delta = self.tuples.iter().map(|(tuple, weight)| (tuple.clone(), *weight)).collect();
        let (plan, params) = (self.plan.clone(), self.params.clone());
        Ok(AnswerChanges { plan, params, delta }.rows(format)?.to_answer())
    }

    /// Bytes that it takes, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
