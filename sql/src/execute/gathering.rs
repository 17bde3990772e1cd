//! What a part has of its tuples so far, when it runs in slices: the operators above the scan with nothing borrowed.
//!
//! A part has one shape: filters above a scan, maybe DISTINCT above them, and one operator above that which keeps rows,
//! sorts, groups or counts. [`Stages`] takes a plan apart into these, and [`Gathering`] is the state of all of them.
//!
//! Every tuple is taken, and every row given out, for itself: between any two of them the execution can pause.

use std::sync::Arc;

use cosmictron_storage::TableDef;

use super::aggregate::{Distinct, Group, Grouping, Groups};
use super::part::head_rows;
use super::ranking::{Ranking, Taken};
use super::sort::Wanted;
use super::{ENOUGH, Flow, MORE, Run};
use crate::error::SqlError;
use crate::expr::Expr;
use crate::expr::evaluate::Inputs;
use crate::expr::tuple::Part;
use crate::logical::Output;
use crate::partial::StreamRows;
use crate::physical::access::Path;
use crate::physical::split::Stream;
use crate::physical::{Operator, Scan};
use crate::value::Datum;

/// A part's operators. Borrows from the plan.
pub(crate) struct Stages<'e> {
    pub(crate) source: Source<'e>,
    /// From the innermost filter to the outermost.
    filters: Vec<&'e [Expr]>,
    distinct: Option<&'e [Output]>,
    last: Last<'e>,
}

/// What rows are read for.
#[derive(Clone, Copy)]
pub(crate) enum Source<'e> {
    Scan(&'e Scan),
    /// All rows of a table, to be counted.
    Count(&'e Arc<TableDef>),
}

impl<'e> Source<'e> {
    pub(crate) fn table(self) -> &'e Arc<TableDef> {
        match self {
            Source::Scan(scan) => &scan.table,
            Source::Count(table) => table,
        }
    }

    pub(crate) fn part(self, row: &'e [u8]) -> Part<'e> {
        Part::Row { layout: &self.table().layout, bytes: row }
    }
}

/// What becomes of the tuples in the end.
#[derive(Clone, Copy)]
enum Last<'e> {
    /// As many of the first as LIMIT and OFFSET say, if they are there.
    Rows(Option<Bounds<'e>>),
    Sort(Wanted<'e>, Option<Bounds<'e>>),
    Group(Grouping<'e>),
    Count {
        calls: usize,
    },
}

/// LIMIT and OFFSET.
type Bounds<'e> = (Option<&'e Expr>, Option<&'e Expr>);

impl<'e> Stages<'e> {
    /// `None` when the part reads no table.
    pub(crate) fn of(part: &'e Operator) -> Option<Self> {
        let (last, mut at) = match part {
            Operator::CountRows { table, calls } => {
                let (source, last) = (Source::Count(table), Last::Count { calls: *calls });
                return Some(Self { source, filters: Vec::new(), distinct: None, last });
            }
            Operator::Aggregate { input, keys, calls, .. } => {
                (Last::Group(Grouping { keys, calls }), &**input)
            }
            Operator::Sort { input, keys, presorted } => {
                (Last::Sort(Wanted { keys, presorted: *presorted, kept: None }, None), &**input)
            }
            Operator::Head { input, keys, presorted, limit, offset } => {
                let slice = Some((limit.as_ref(), offset.as_ref()));
                let wanted = Wanted { keys, presorted: *presorted, kept: None };
                let last =
                    if keys.is_empty() { Last::Rows(slice) } else { Last::Sort(wanted, slice) };
                (last, &**input)
            }
            other => (Last::Rows(None), other),
        };
        let mut distinct = None;
        if let Operator::Distinct { input, values } = at {
            (distinct, at) = (Some(values.as_slice()), input);
        }
        let mut filters = Vec::new();
        while let Operator::Filter { input, predicates } = at {
            filters.push(predicates.as_slice());
            at = input;
        }
        filters.reverse();
        match at {
            Operator::Scan(scan) => {
                Some(Self { source: Source::Scan(scan), filters, distinct, last })
            }
            Operator::Nothing => None,
            other => unreachable!("{other:?} does not stand in a part below what ends it"),
        }
    }

    /// Whether all rows of the scan are read, whatever they hold.
    pub(crate) fn reads_all(&self) -> bool {
        match self.last {
            Last::Rows(slice) => slice.is_none(),
            Last::Sort(wanted, slice) => wanted.presorted == 0 || slice.is_none(),
            Last::Group(_) | Last::Count { .. } => true,
        }
    }

    /// Whether tuples are kept that may be many: that costs more than reading them.
    fn keeps(&self) -> bool {
        let is_grouped = matches!(self.last, Last::Group(by) if !by.keys.is_empty());
        is_grouped || self.distinct.is_some() || matches!(self.last, Last::Sort(..))
    }

    /// How many rows may be read for a first slice of so many.
    pub(crate) fn first_rows(&self, rows: u64) -> u64 {
        if self.keeps() { (rows / FIRST_KEPT_SHARE).max(1) } else { rows }
    }

    /// What reading a row costs: those of an index lie here and there.
    pub(crate) fn row_cost(&self) -> u64 {
        match self.source {
            Source::Scan(Scan { path: Path::Range(_), .. }) => 2,
            _ => 1,
        }
    }

    fn passes(&self, run: &Run<'e>, tuple: &[Part<'e>]) -> Result<bool, SqlError> {
        let inputs = Inputs { tuple, params: run.params };
        for predicate in self.filters.iter().copied().flatten() {
            if predicate.truth(inputs)? != Some(true) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// See [`Stages`].
#[derive(Debug)]
pub(crate) struct Gathering {
    distinct: Distinct,
    state: State,
    /// What the stream gives, as far as it is known.
    pub(crate) rows: StreamRows,
}

#[derive(Debug)]
enum State {
    /// So many more are wanted.
    Rows {
        left: u64,
    },
    Sort(Ranking),
    Group(Groups),
    Count(u64),
    /// Groups that were not yet given out.
    Groups(std::vec::IntoIter<Group>),
}

/// What is done with a tuple, in rows that are read in a scan in the same time (`examples/measure_slices.rs`). Values are
/// added up in `ADDED_COST`.
const ADDED_COST: u64 = 1;
const KEPT_COST: u64 = 3;
const NEW_COST: u64 = 8;
const RANKED_COST: u64 = 24;

/// A first slice in which rows are kept has a fourth of the rows.
const FIRST_KEPT_SHARE: u64 = 4;

impl Gathering {
    pub(crate) fn new(
        stages: &Stages<'_>,
        stream: &Stream,
        run: &Run<'_>,
    ) -> Result<Self, SqlError> {
        let wanted = |slice: Option<Bounds<'_>>| match slice {
            Some(slice) => head_rows(slice, run),
            None => Ok(u64::MAX),
        };
        let state = match stages.last {
            Last::Rows(slice) => State::Rows { left: wanted(slice)? },
            Last::Sort(Wanted { keys, presorted, .. }, slice) => match wanted(slice)? {
                0 => State::Rows { left: 0 },
                kept => State::Sort(Ranking::new(keys, presorted, kept)),
            },
            Last::Group(by) => State::Group(Groups::new(by, run)?),
            Last::Count { .. } => State::Count(0),
        };
        let rows = StreamRows::new(stream.carried.len());
        Ok(Self { distinct: Distinct::default(), state, rows })
    }

    /// Takes in the tuple of one row. Whether it wants more, and what that cost beyond reading it.
    pub(crate) fn take<'e>(
        &mut self,
        stages: &Stages<'e>,
        stream: &'e Stream,
        run: &Run<'e>,
        row: Part<'e>,
    ) -> Result<(Flow, u64), SqlError> {
        if let State::Rows { left: 0 } = self.state {
            return Ok((ENOUGH, 0));
        }
        let mut tuple = [row];
        if !stages.passes(run, &tuple)? {
            return Ok((MORE, 0));
        }
        let mut cost = 0;
        if let Some(values) = stages.distinct {
            cost += NEW_COST;
            match self.distinct.take(values, run, &tuple)? {
                Some(values) => tuple = [Part::Values(values)],
                None => return Ok((MORE, ADDED_COST)),
            }
        }
        match (&mut self.state, stages.last) {
            (State::Rows { left }, _) => {
                self.rows.append(stream, run, &tuple)?;
                *left -= 1;
                Ok((if *left == 0 { ENOUGH } else { MORE }, cost + KEPT_COST))
            }
            (State::Sort(ranking), Last::Sort(by, _)) => {
                Ok(match ranking.take(by.keys, stream, run, &tuple)? {
                    Taken::Kept => (MORE, cost + RANKED_COST),
                    Taken::Dropped => (MORE, cost + ADDED_COST),
                    Taken::Beyond => (ENOUGH, cost + ADDED_COST),
                })
            }
            (State::Group(groups), Last::Group(by)) => {
                let before = groups.len();
                groups.take(by, run, &tuple)?;
                Ok((MORE, if groups.len() > before { NEW_COST } else { ADDED_COST }))
            }
            (State::Count(rows), _) => {
                *rows += 1;
                Ok((MORE, 0))
            }
            (state, _) => unreachable!("{state:?} takes no tuples"),
        }
    }

    /// Gives out what was kept back until the last tuple had come, a row a time. What that cost; `None` when all is out.
    pub(crate) fn give<'e>(
        &mut self,
        stages: &Stages<'e>,
        stream: &'e Stream,
        run: &Run<'e>,
    ) -> Result<Option<u64>, SqlError> {
        let values =
            match (core::mem::replace(&mut self.state, State::Rows { left: 0 }), stages.last) {
                (State::Sort(mut ranking), _) => {
                    let is_more = ranking.give(&mut self.rows, run)?;
                    self.state = State::Sort(ranking);
                    return Ok(is_more.then_some(RANKED_COST));
                }
                (State::Group(groups), _) => {
                    self.state = State::Groups(groups.into_groups());
                    return Ok(Some(0));
                }
                (State::Groups(mut groups), Last::Group(by)) => {
                    let Some(group) = groups.next() else { return Ok(None) };
                    self.state = State::Groups(groups);
                    group.into_states(by.calls)
                }
                (State::Count(rows), Last::Count { calls }) => {
                    vec![Datum::Int(rows.into()); calls]
                }
                _ => return Ok(None),
            };
        self.rows.append(stream, run, &[Part::Values(values.into())])?;
        Ok(Some(NEW_COST))
    }
}
