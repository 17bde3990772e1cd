//! Runs a plan over a store: each operator pushes its tuples into the one above.
//!
//! ```text
//!   Scan ──push──▶ Filter ──push──▶ Top ──push──▶ Limit ──push──▶ cells of the answer
//!        ◀─Enough─        ◀─Enough─     …                          (an operator that has all says so)
//! ```
//!
//! Tuples borrow their rows from the store, so nothing is copied on the way but what an operator has to keep.
//!
//! Invariants:
//! 1. Every row that is read, and every byte that is kept, is paid for in [`Budget`].
//! 2. After `Flow::Enough` an operator pushes nothing more.
//!
//! Reading order: [`budget`], [`scan`] with [`past`], [`join`] with [`join_table`] and [`member`], [`sort`], [`aggregate`] with
//! [`accumulator`] and [`key_set`]; [`part`] and [`merge`]
//! are for a query over several stores, [`gathering`] with [`ranking`] for one in slices.

pub(crate) mod accumulator;
pub(crate) mod aggregate;
pub(crate) mod budget;
pub(crate) mod gathering;
mod join;
mod join_table;
mod key_set;
mod member;
pub(crate) mod merge;
pub(crate) mod part;
mod past;
mod ranking;
pub(crate) mod scan;
pub(crate) mod sort;

use core::ops::ControlFlow;

use cosmictron_storage::Snapshot;
use cosmictron_types::TableId;

use crate::error::{EvalError, SqlError};
use crate::expr::Expr;
use crate::expr::evaluate::Inputs;
use crate::expr::tuple::Part;
use crate::params::Params;
use crate::partial::PartialRows;
use crate::physical::Operator;
use crate::value::Datum;
use aggregate::Grouping;
use budget::Budget;
use sort::Wanted;

/// One execution. Everything in it lives as long as the execution, so tuples and values may borrow from it.
pub(crate) struct Run<'e> {
    pub(crate) source: Source<'e>,
    /// Where the rows of the query's views are, when they are not in the source.
    pub(crate) views: Option<Snapshot<'e>>,
    pub(crate) params: &'e Params,
    pub(crate) budget: Budget,
}

/// Where the lowest operators get their tuples from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'e> {
    Store(Snapshot<'e>),
    /// What each shard gave, in the order of the shards.
    Parts(&'e [PartialRows]),
}

/// Whether the taker of a tuple wants more of them.
pub(crate) type Flow = ControlFlow<()>;

/// Wants more tuples.
pub(crate) const MORE: Flow = ControlFlow::Continue(());
/// Has all that it needs.
pub(crate) const ENOUGH: Flow = ControlFlow::Break(());

/// Takes tuples.
pub(crate) type Sink<'s, 'e> = dyn FnMut(&[Part<'e>]) -> Result<Flow, SqlError> + 's;

impl<'e> Run<'e> {
    pub(crate) fn store(&self) -> Snapshot<'e> {
        match self.source {
            Source::Store(store) => store,
            Source::Parts(_) => unreachable!("what merges reads no table"),
        }
    }

    /// The store that has the rows of a table, or of a view.
    pub(crate) fn store_of(&self, table: TableId) -> Snapshot<'e> {
        match self.views {
            Some(views) if table.is_view() => views,
            _ => self.store(),
        }
    }

    fn parts(&self) -> &'e [PartialRows] {
        match self.source {
            Source::Parts(parts) => parts,
            Source::Store(_) => unreachable!("what reads a table gathers no parts"),
        }
    }

    pub(crate) fn value(&self, expr: &'e Expr, tuple: &[Part<'e>]) -> Result<Datum<'e>, EvalError> {
        expr.evaluate(Inputs { tuple, params: self.params })
    }

    /// The number of LIMIT or OFFSET; `None` when it is null or not given.
    fn count(&self, expr: Option<&'e Expr>, clause: &'static str) -> Result<Option<u64>, SqlError> {
        row_count(expr, clause, self.params)
    }
}

/// The number of LIMIT or OFFSET; `None` when it is null or not given.
pub(crate) fn row_count(
    expr: Option<&Expr>,
    clause: &'static str,
    params: &Params,
) -> Result<Option<u64>, SqlError> {
    let Some(expr) = expr else { return Ok(None) };
    match expr.evaluate(Inputs { tuple: &[], params })? {
        Datum::Int(count) => match u64::try_from(count) {
            Ok(count) => Ok(Some(count)),
            Err(_) => Err(EvalError::Negative { clause }.into()),
        },
        _ => Ok(None),
    }
}

impl Operator {
    /// Pushes every tuple into `sink`, until it has enough.
    pub(crate) fn run<'e>(
        &'e self,
        run: &Run<'e>,
        sink: &mut Sink<'_, 'e>,
    ) -> Result<Flow, SqlError> {
        match self {
            Operator::Unit => sink(&[]),
            Operator::Nothing => Ok(MORE),
            Operator::Scan(scan) => scan.run(run, sink),
            Operator::CountRows { table, calls } => {
                let rows = i128::from(scan::count(run, table)?);
                sink(&[Part::Values(vec![Datum::Int(rows); *calls].into())])
            }
            Operator::Filter { input, predicates } => input.run(run, &mut |tuple| {
                let inputs = Inputs { tuple, params: run.params };
                for predicate in predicates {
                    if predicate.truth(inputs)? != Some(true) {
                        return Ok(MORE);
                    }
                }
                sink(tuple)
            }),
            Operator::Project { input, values } => input.run(run, &mut |tuple| {
                let values = values.iter().map(|value| run.value(&value.expr, tuple));
                sink(&[Part::Values(values.collect::<Result<_, _>>()?)])
            }),
            Operator::Join(join) => join.run(run, sink),
            Operator::Arrange { input, parts } => {
                let mut arranged = Vec::with_capacity(parts.len());
                input.run(run, &mut |tuple| {
                    arranged.clear();
                    arranged.extend(parts.iter().map(|part| tuple[*part].clone()));
                    sink(&arranged)
                })
            }
            Operator::Union { inputs } => {
                for input in inputs {
                    if input.run(run, sink)?.is_break() {
                        return Ok(ENOUGH);
                    }
                }
                Ok(MORE)
            }
            Operator::Aggregate { input, keys, calls, phase } => {
                aggregate::run(input, Grouping { keys, calls }, *phase, run, sink)
            }
            Operator::Distinct { input, values } => {
                aggregate::run_distinct(input, values, run, sink)
            }
            Operator::Sort { input, keys, presorted } => {
                let wanted = Wanted { keys, presorted: *presorted, kept: None };
                sort::run(input, wanted, run, sink)
            }
            Operator::Top { input, keys, presorted, limit, offset } => {
                let limit = run.count(Some(limit), "LIMIT")?;
                let offset = run.count(offset.as_ref(), "OFFSET")?;
                let kept = limit.map(|limit| limit.saturating_add(offset.unwrap_or(0)));
                let wanted = Wanted { keys, presorted: *presorted, kept };
                let input = |sink: &mut Sink<'_, 'e>| sort::run(input, wanted, run, sink);
                slice(limit, offset, input, sink)
            }
            Operator::Limit { input, limit, offset } => {
                let limit = run.count(limit.as_ref(), "LIMIT")?;
                let offset = run.count(offset.as_ref(), "OFFSET")?;
                slice(limit, offset, |sink: &mut Sink<'_, 'e>| input.run(run, sink), sink)
            }
            Operator::Head { input, keys, presorted, limit, offset } => {
                let wanted = Wanted { keys, presorted: *presorted, kept: None };
                part::head(input, wanted, (limit.as_ref(), offset.as_ref()), run, sink)
            }
            Operator::Gather { stream, keys } => merge::gather(*stream, keys, run, sink),
        }
    }
}

/// Lets `limit` tuples pass after `offset` were skipped.
fn slice<'e>(
    limit: Option<u64>,
    offset: Option<u64>,
    input: impl FnOnce(&mut Sink<'_, 'e>) -> Result<Flow, SqlError>,
    sink: &mut Sink<'_, 'e>,
) -> Result<Flow, SqlError> {
    let mut left = limit.unwrap_or(u64::MAX);
    let mut skip = offset.unwrap_or(0);
    if left == 0 {
        return Ok(MORE);
    }
    let mut wants_more = MORE;
    let _ = input(&mut |tuple| {
        if skip > 0 {
            skip -= 1;
            return Ok(MORE);
        }
        left -= 1;
        wants_more = sink(tuple)?;
        Ok(if left == 0 { ENOUGH } else { wants_more })
    })?;
    Ok(wants_more)
}
