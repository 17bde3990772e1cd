//! One query over several stores: each shard runs its part where the rows are, and one thread merges what they give.
//!
//! ```text
//!   shard 0   Plan::execute_part ─▶ PartialRows ─┐
//!   shard 1   Plan::execute_part ─▶ PartialRows ─┼─▶ Plan::merge ─▶ RowSet
//!   …                                            ┘
//! ```
//!
//! The answer is the one that [`Plan::execute`] gives over a store with the rows of all, but for what SQL leaves open:
//! rows of equal order come by their shard, where there is no LIMIT or OFFSET.
//!
//! Bounds. A part's bytes are at most `bytes_max` and `memory_bytes_max` together, whatever its store holds. A merge
//! refuses parts that scanned more than `scanned_max` in sum, or whose bytes to hold are more than `memory_bytes_max` in
//! sum, before it looks at a row; its own memory counts on top of theirs, and its answer has the limits of any.

use cosmictron_storage::Snapshot;

use crate::error::SqlError;
use crate::execute::budget::Budget;
use crate::execute::{Run, Source, part};
use crate::expr::carried::CarriedRow;
use crate::limits::ExecutionLimits;
use crate::params::Params;
use crate::plan::Plan;
use crate::rowset::RowSet;

/// What one shard gives to a query: rows, or groups, as bytes that borrow from nothing.
#[derive(Debug)]
pub struct PartialRows {
    /// One for each table of the query, or for each aggregate of one.
    pub(crate) streams: Vec<StreamRows>,
    pub(crate) scanned: u64,
    /// Why there are no more rows, where that matters only to a merge that needs more.
    pub(crate) refusal: Option<SqlError>,
}

/// Rows of one form.
#[derive(Debug)]
pub(crate) struct StreamRows {
    pub(crate) bytes: Vec<u8>,
    pub(crate) row_count: u64,
    pub(crate) slot_count: usize,
    /// Bytes that are the answer's, and bytes that a merge has to pay for.
    pub(crate) answer_bytes: u64,
    pub(crate) held_bytes: u64,
    /// Its store has no such table: another one has it.
    pub(crate) is_elsewhere: bool,
}

const _: () = {
    const fn is_sent<T: Send>() {}
    is_sent::<PartialRows>();
};

impl PartialRows {
    /// Of a query that needs no rows of a table.
    pub(crate) fn none() -> Self {
        Self { streams: Vec::new(), scanned: 0, refusal: None }
    }

    /// Bytes of all rows.
    pub fn bytes(&self) -> usize {
        self.streams.iter().map(|stream| stream.bytes.len()).sum()
    }

    /// How many rows or groups there are.
    pub fn len(&self) -> u64 {
        self.streams.iter().map(|stream| stream.row_count).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many rows of the table were read for it.
    pub fn scanned(&self) -> u64 {
        self.scanned
    }

    pub(crate) fn rows(&self, stream: usize) -> Rows<'_> {
        let StreamRows { slot_count, row_count, bytes, .. } = &self.streams[stream];
        Rows { slot_count: *slot_count, left: *row_count, bytes }
    }

    /// Bytes that a merge has to pay for.
    fn held_bytes(&self) -> u64 {
        self.streams.iter().map(|stream| stream.held_bytes).fold(0, u64::saturating_add)
    }

    pub(crate) fn refusal(&self) -> Option<&SqlError> {
        self.refusal.as_ref()
    }
}

impl StreamRows {
    pub(crate) fn new(slot_count: usize) -> Self {
        Self {
            bytes: Vec::new(),
            row_count: 0,
            slot_count,
            answer_bytes: 0,
            held_bytes: 0,
            is_elsewhere: false,
        }
    }
}

/// The rows of a stream that were not yet read.
pub(crate) struct Rows<'e> {
    slot_count: usize,
    /// Rows can be of no bytes.
    left: u64,
    bytes: &'e [u8],
}

impl<'e> Iterator for Rows<'e> {
    type Item = CarriedRow<'e>;

    fn next(&mut self) -> Option<CarriedRow<'e>> {
        self.left = self.left.checked_sub(1)?;
        let (row, rest) = CarriedRow::split_first(self.slot_count, self.bytes);
        self.bytes = rest;
        Some(row)
    }
}

impl Plan {
    /// Runs the part of the query that belongs to the rows of one store. The moment is the caller's choice: of one query
    /// all parts read as of the same transaction, whatever the query names ([`Plan::tx`] settles that).
    ///
    /// A query that needs no rows of a table has an empty part. Of several tables some may be on other stores.
    pub fn execute_part(
        &self,
        store: Snapshot<'_>,
        params: &Params,
        limits: &ExecutionLimits,
    ) -> Result<PartialRows, SqlError> {
        let run = self.begin(store, params, limits)?;
        match self.split().filter(|_| !self.is_explain()) {
            Some(split) => part::run(split, &run),
            None => Ok(PartialRows::none()),
        }
    }

    /// Puts the parts of all shards together; `parts` are in the order of the shards, made by this very plan with these
    /// parameters.
    pub fn merge<'e>(
        &'e self,
        parts: &'e [PartialRows],
        params: &'e Params,
        limits: &ExecutionLimits,
    ) -> Result<RowSet<'e>, SqlError> {
        self.check_params(params)?;
        let budget = Budget::new(limits);
        let scanned = parts.iter().map(|part| part.scanned).fold(0, u64::saturating_add);
        // What joins compare comes on top of what was read for them.
        budget.scan_many(scanned)?;
        for part in parts {
            budget.hold(usize::try_from(part.held_bytes()).unwrap_or(usize::MAX))?;
        }
        let run = Run { source: Source::Parts(parts), views: None, params, budget };
        if self.is_explain() {
            return self.explained(&self.explain_split(), &run);
        }
        match self.split() {
            Some(split) => {
                let is_of_plan = |part: &PartialRows| {
                    let slots = split.streams.iter().map(|stream| stream.carried.len());
                    part.streams.iter().map(|stream| stream.slot_count).eq(slots)
                };
                assert!(parts.iter().all(is_of_plan));
                for (at, stream) in split.streams.iter().enumerate() {
                    if parts.iter().all(|part| part.streams[at].is_elsewhere) {
                        let table = stream.table().name.to_string();
                        return Err(SqlError::StalePlan { table });
                    }
                }
                self.answer(&split.merge, &split.output, &run)
            }
            None => self.answer_whole(&run),
        }
    }
}
