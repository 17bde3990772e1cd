//! Runs a part of a query in slices, so that whatever else a shard has to do need not wait for a long one.
//!
//! ```text
//!   begin_part ─▶ step ──▶ More ─▶ (other transactions) ─▶ step ──▶ … ──▶ Done(PartialRows) ─▶ Plan::merge
//! ```
//!
//! The first slice is an execution like any other, over the store itself: a query that reads no more than that takes what
//! it takes without slices, and needs no history. One that has more to read begins again through a [`Walk`]: its answer is
//! the one of the transaction that was named, whatever is committed in between. Only finding a row by its primary key is
//! one slice always.
//!
//! A query of several tables has a stream of rows for each of them. The walks of all begin together, so that all show one
//! transaction, and are gone through one after the other.
//!
//! What a run holds is within its limits, as for any execution. What it makes the store hold are the old versions of its
//! table that end while it lasts: no more than `scanned_max`, for it reads them all, and no more than end from one slice to
//! the next beyond that. Whoever keeps a run bounds its time. Dropping it lets go of both.
//!
//! What is not sliced: a table of groups or of distinct rows that grows moves its entries, a longer answer its bytes.

mod slice;

use std::sync::Arc;

use cosmictron_storage::{Snapshot, Store, Walk, WalkLost};
use cosmictron_types::TxId;

use crate::error::SqlError;
use crate::execute::budget::Budget;
use crate::execute::gathering::{self, Gathering, Stages};
use crate::execute::{Run, Source, part, scan};
use crate::limits::ExecutionLimits;
use crate::params::Params;
use crate::partial::{PartialRows, StreamRows};
use crate::physical::Scan;
use crate::physical::access::Path;
use crate::physical::split::Stream;
use crate::plan::Plan;
use crate::rowset::RowSet;
use crate::time_travel::AsOf;
use slice::{Slice, course};

/// Rows of a slice: about a millisecond of what takes long, grouping or sorting, and half of one to filter or to sum.
pub const SLICE_ROWS: u64 = 16_384;

/// A first slice in which tables are joined has so many times the rows: where lookups would do, walking through whole tables
/// takes much longer.
const JOIN_FIRST_FACTOR: u64 = 4;

/// A part of a query under way. It holds no borrow of the store.
#[derive(Debug)]
#[must_use]
pub struct PartRun {
    plan: Arc<Plan>,
    params: Arc<Params>,
    limits: ExecutionLimits,
    tx: TxId,
    state: State,
}

/// What a slice came to.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// There is more to do.
    More,
    Done(PartialRows),
}

#[derive(Debug)]
enum State {
    Fresh,
    Walking(Box<Walking>, Budget),
    Over,
}

/// All streams of a part, the ones that are done first.
#[derive(Debug)]
struct Walking {
    done: Vec<StreamRows>,
    /// The next to go on with is the last.
    left: Vec<StreamWalk>,
}

/// One stream.
#[derive(Debug)]
struct StreamWalk {
    /// `None` where it reads no table.
    walk: Option<Walk>,
    /// The walk is over, or nobody wants more of it.
    is_read: bool,
    gathering: Gathering,
}

const _: () = {
    const fn is_owned<T: Send + 'static>() {}
    is_owned::<PartRun>();
};

/// How much of an execution a first slice may be.
enum First {
    /// All of it, however much that is.
    Whole,
    /// So many rows.
    Rows(u64),
    /// Nothing: it cannot be all.
    Nothing,
}

impl Plan {
    /// Begins to run the part of the query that belongs to the rows of one store, as of a transaction that has happened,
    /// and after which this store gets none with a lower number.
    pub fn begin_part(
        self: &Arc<Self>,
        params: Arc<Params>,
        limits: &ExecutionLimits,
        tx: TxId,
    ) -> PartRun {
        PartRun { plan: self.clone(), params, limits: *limits, tx, state: State::Fresh }
    }

    /// As [`Plan::execute_at`], if no more than so many rows are read for it. `None` where there are more: then the query
    /// is one for [`Plan::begin_part`], and its only part is merged.
    pub fn execute_within<'e>(
        &'e self,
        store: Snapshot<'e>,
        params: &'e Params,
        limits: &ExecutionLimits,
        rows: u64,
    ) -> Result<Option<RowSet<'e>>, SqlError> {
        match self.first(store, limits, rows)? {
            First::Nothing => Ok(None),
            First::Whole => self.execute_at(store, params, limits).map(Some),
            First::Rows(rows) => {
                let limits = ExecutionLimits { scanned_max: rows, ..*limits };
                let run = self.begin(store, params, &limits)?;
                let answer = self.answer_whole(&run);
                if run.budget.scanned() > rows { Ok(None) } else { answer.map(Some) }
            }
        }
    }

    fn first(
        &self,
        store: Snapshot<'_>,
        limits: &ExecutionLimits,
        rows: u64,
    ) -> Result<First, SqlError> {
        let Some(split) = self.split().filter(|_| !self.is_explain() && rows < limits.scanned_max)
        else {
            return Ok(First::Whole);
        };
        let stages: Vec<Stages<'_>> =
            split.streams.iter().filter_map(|stream| Stages::of(&stream.operator)).collect();
        if stages.iter().all(Stages::is_of_one_row) {
            return Ok(First::Whole);
        }
        if let [stages] = stages.as_slice() {
            let rows = stages.first_rows(rows);
            let is_more = stages.reads_all() && stages.reads_more_than(rows, store)?;
            return Ok(if is_more { First::Nothing } else { First::Rows(rows) });
        }
        // Over one store a join may look rows up that a stream would read; so nothing is known but by trying.
        Ok(First::Rows(rows.saturating_mul(JOIN_FIRST_FACTOR).min(limits.scanned_max)))
    }
}

impl Stages<'_> {
    /// Whether what is read is the row of a primary key, whatever the moment.
    fn is_of_one_row(&self) -> bool {
        match self.source {
            gathering::Source::Scan(Scan { path: Path::Lookup { index, .. }, table, .. }) => {
                table.index(*index).primary
            }
            _ => false,
        }
    }

    /// Whether it is known to read more rows.
    fn reads_more_than(&self, rows: u64, store: Snapshot<'_>) -> Result<bool, SqlError> {
        match self.source {
            // Another store has it.
            _ if store.store().table(self.source.table().id).is_none() => Ok(false),
            gathering::Source::Scan(Scan { table, path: Path::Whole, .. }) => {
                Ok(scan::table(store, table)?.table().len() as u64 > rows)
            }
            _ => Ok(false),
        }
    }
}

impl PartRun {
    /// Runs one slice of about so many rows, between two transactions.
    ///
    /// Panics after the last slice, and after an error: there is nothing more to run.
    pub fn step(&mut self, store: &mut Store, rows: u64) -> Result<Step, SqlError> {
        match core::mem::replace(&mut self.state, State::Over) {
            State::Fresh => self.begin(store, rows),
            State::Walking(walking, budget) => self.walk(walking, budget, store, rows),
            State::Over => panic!("the part is over"),
        }
    }

    fn begin(&mut self, store: &mut Store, rows: u64) -> Result<Step, SqlError> {
        let snapshot = store.as_of(self.tx);
        let limits = match self.plan.first(snapshot, &self.limits, rows)? {
            First::Whole => self.limits,
            First::Rows(rows) => ExecutionLimits { scanned_max: rows, ..self.limits },
            First::Nothing => {
                let (walking, budget) = self.begin_walk(store)?;
                return self.walk(walking, budget, store, rows);
            }
        };
        let run = self.plan.begin(snapshot, &self.params, &limits)?;
        let Some(split) = self.plan.split().filter(|_| !self.plan.is_explain()) else {
            return Ok(Step::Done(PartialRows::none()));
        };
        let part = part::run(split, &run);
        let is_all = limits == self.limits || run.budget.scanned() <= limits.scanned_max;
        if is_all {
            return part.map(Step::Done);
        }
        let (walking, budget) = self.begin_walk(store)?;
        self.state = State::Walking(walking, budget);
        Ok(Step::More)
    }

    fn begin_walk(&self, store: &mut Store) -> Result<(Box<Walking>, Budget), SqlError> {
        let split = self.plan.split().expect("only what reads a table is walked");
        let run = self.plan.begin(store.as_of(self.tx), &self.params, &self.limits)?;
        let mut begun = Vec::with_capacity(split.streams.len());
        for stream in &split.streams {
            let stages = Stages::of(&stream.operator).expect("a stream reads a table");
            let mut gathering = Gathering::new(&stages, stream, &run)?;
            let course = match stream.is_elsewhere(store) {
                true => None,
                false => course(&stages, &run)?,
            };
            gathering.rows.is_elsewhere = stream.is_elsewhere(store);
            begun.push((gathering, course, stages));
        }
        let budget = run.budget;
        let mut left = Vec::with_capacity(begun.len());
        for (gathering, course, stages) in begun.into_iter().rev() {
            let table = stages.source.table();
            let walk = match course {
                Some(course) => {
                    let walk = store.walk(table.id, self.tx, course);
                    let stale = || SqlError::StalePlan { table: table.name.to_string() };
                    let walk = walk.ok_or_else(stale)?;
                    Some(walk.map_err(|forgotten| self.lost(forgotten.into(), &stages))?)
                }
                None => None,
            };
            left.push(StreamWalk { is_read: walk.is_none(), walk, gathering });
        }
        Ok((Box::new(Walking { done: Vec::new(), left }), budget))
    }

    fn walk(
        &mut self,
        mut walking: Box<Walking>,
        budget: Budget,
        store: &Store,
        rows: u64,
    ) -> Result<Step, SqlError> {
        let split = self.plan.split().expect("only what reads a table is walked");
        let source = Source::Store(store.as_of(self.tx));
        let run = Run { source, views: None, params: &self.params, budget };
        let mut left = rows;
        let mut refused = None;
        while let Some(at) = walking.left.last_mut()
            && left > 0
        {
            let stream = &split.streams[walking.done.len()];
            let is_over = match self.go_on(at, stream, &run, store, &mut left) {
                // The rows before may be all that is wanted.
                Err(refusal) if split.takes_in_turn => {
                    refused = Some(refusal);
                    true
                }
                result => result?,
            };
            if is_over && let Some(done) = walking.left.pop() {
                walking.done.push(done.gathering.rows);
            }
        }
        if walking.left.is_empty() {
            let (streams, scanned) = (walking.done, run.budget.scanned());
            return Ok(Step::Done(PartialRows { streams, scanned, refusal: refused }));
        }
        self.state = State::Walking(walking, run.budget);
        Ok(Step::More)
    }

    /// One stream for as long as the slice lasts. Whether it is over.
    fn go_on(
        &self,
        at: &mut StreamWalk,
        stream: &Stream,
        run: &Run<'_>,
        store: &Store,
        left: &mut u64,
    ) -> Result<bool, SqlError> {
        let stages = Stages::of(&stream.operator).expect("a stream reads a table");
        let StreamWalk { walk, is_read, gathering } = at;
        let mut slice = Slice { stages: &stages, stream, run, gathering, left: *left };
        let is_over = match walk {
            Some(walk) if !*is_read => {
                let steps = walk.resume(store).map_err(|lost| self.lost(lost, &stages))?;
                slice.read(steps, is_read)
            }
            _ => slice.give(),
        };
        *left = slice.left;
        is_over
    }

    fn lost(&self, lost: WalkLost, stages: &Stages<'_>) -> SqlError {
        match lost {
            WalkLost::Altered => {
                SqlError::StalePlan { table: stages.source.table().name.to_string() }
            }
            WalkLost::Forgotten(forgotten) => {
                let asked = AsOf::Tx(self.tx);
                SqlError::HistoryExpired { asked, oldest: forgotten.oldest }
            }
        }
    }
}
