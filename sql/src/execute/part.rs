//! Runs a shard's part of a query, and writes what its tuples carry into bytes of their own.
//!
//! Invariants:
//! 1. A part's bytes are within the limits of its execution: where each row is one of the answer, the answer's slots count
//!    as the answer's bytes; all else counts as memory.

use super::budget::check;
use super::sort;
use super::{Flow, MORE, Run, Sink, slice};
use crate::error::{Resource, SqlError};
use crate::expr::Expr;
use crate::expr::carried::{RowTooLong, RowWriter};
use crate::expr::tuple::{Cell, Part};
use crate::logical::SortKey;
use crate::partial::PartialRows;
use crate::physical::Operator;
use crate::physical::split::Split;

pub(crate) fn run<'e>(split: &'e Split, run: &Run<'e>) -> Result<PartialRows, SqlError> {
    let mut part = PartialRows::new(split.carried.len());
    let result = split.part.run(run, &mut |tuple| {
        part.append(split, run, tuple)?;
        Ok(MORE)
    });
    part.scanned = run.budget.scanned();
    match result {
        Ok(_) => Ok(part),
        // The rows before may be all that is wanted.
        Err(refusal) if split.takes_in_turn => {
            part.refusal = Some(refusal);
            Ok(part)
        }
        Err(refusal) => Err(refusal),
    }
}

impl PartialRows {
    fn append<'e>(
        &mut self,
        split: &'e Split,
        run: &Run<'e>,
        tuple: &[Part<'e>],
    ) -> Result<(), SqlError> {
        let start = self.bytes.len();
        let appended = self.write_row(split, run, tuple);
        if appended.is_err() {
            self.bytes.truncate(start);
        }
        appended
    }

    fn write_row<'e>(
        &mut self,
        split: &'e Split,
        run: &Run<'e>,
        tuple: &[Part<'e>],
    ) -> Result<(), SqlError> {
        let limits = run.budget.limits();
        if split.answer_slots.is_some() {
            check(Resource::Rows, self.row_count + 1, limits.rows_max)?;
        }
        let answer_slots = split.answer_slots.unwrap_or(0);
        let mut row = RowWriter::begin(split.carried.len(), &mut self.bytes);
        for (slot, expr) in split.carried.iter().enumerate() {
            let cell = match expr {
                Expr::Column(column) => tuple[column.part].cell(column),
                expr => Cell::Value(run.value(expr, tuple)?),
            };
            let bytes = row.push(&cell).map_err(|RowTooLong| SqlError::Exhausted {
                what: Resource::Memory,
                max: u32::MAX.into(),
            })?;
            if slot < answer_slots {
                self.answer_bytes += bytes as u64;
                check(Resource::ResultBytes, self.answer_bytes, limits.bytes_max)?;
            } else {
                self.held_bytes += bytes as u64;
                run.budget.hold(bytes)?;
            }
        }
        self.row_count += 1;
        Ok(())
    }
}

/// The first tuples that a merge may need: at most as many as LIMIT and OFFSET say together.
pub(super) fn head<'e>(
    input: &'e Operator,
    keys: &'e [SortKey],
    (limit, offset): (Option<&'e Expr>, Option<&'e Expr>),
    run: &Run<'e>,
    sink: &mut Sink<'_, 'e>,
) -> Result<Flow, SqlError> {
    let (limit, offset) = (run.count(limit, "LIMIT")?, run.count(offset, "OFFSET")?);
    if limit == Some(0) {
        return Ok(MORE);
    }
    // One row more than an answer may have is enough to refuse it.
    let rows_max = run.budget.limits().rows_max.saturating_add(1);
    let limit = limit.unwrap_or(u64::MAX).min(rows_max);
    let kept = Some(limit.saturating_add(offset.unwrap_or(0)));
    match keys {
        [] => slice(kept, None, |sink: &mut Sink<'_, 'e>| input.run(run, sink), sink),
        keys => sort::run(input, keys, kept, run, sink),
    }
}
