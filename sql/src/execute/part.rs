//! Runs a shard's part of a query, and writes what its tuples carry into bytes of their own.
//!
//! Invariants:
//! 1. A part's bytes are within the limits of its execution: where each row is one of the answer, the answer's slots count
//!    as the answer's bytes; all else counts as memory.

use super::budget::check;
use super::sort::{self, Wanted};
use super::{Flow, MORE, Run, Sink, slice};
use crate::error::{Resource, SqlError};
use crate::expr::Expr;
use crate::expr::carried::{RowTooLong, RowWriter};
use crate::expr::tuple::{Cell, Part};
use crate::partial::{PartialRows, StreamRows};
use crate::physical::Operator;
use crate::physical::split::{Split, Stream};

pub(crate) fn run<'e>(split: &'e Split, run: &Run<'e>) -> Result<PartialRows, SqlError> {
    let mut part = PartialRows::none();
    for stream in &split.streams {
        let mut rows = StreamRows::new(stream.carried.len());
        if stream.is_elsewhere(run.store().store()) {
            rows.is_elsewhere = true;
            part.streams.push(rows);
            continue;
        }
        let result = stream.operator.run(run, &mut |tuple| {
            rows.append(stream, run, tuple)?;
            Ok(MORE)
        });
        part.streams.push(rows);
        part.scanned = run.budget.scanned();
        match result {
            Ok(_) => {}
            // The rows before may be all that is wanted.
            Err(refusal) if split.takes_in_turn => part.refusal = Some(refusal),
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(part)
}

impl StreamRows {
    pub(super) fn append<'e>(
        &mut self,
        stream: &'e Stream,
        run: &Run<'e>,
        tuple: &[Part<'e>],
    ) -> Result<(), SqlError> {
        if stream.answer_slots.is_some() {
            check(Resource::Rows, self.row_count + 1, run.budget.limits().rows_max)?;
        }
        let start = self.bytes.len();
        let taken = carry(stream, run, tuple, self.answer_bytes, &mut self.bytes);
        match taken {
            Ok(taken) => self.count(taken, run),
            Err(refusal) => {
                self.bytes.truncate(start);
                Err(refusal)
            }
        }
    }

    /// Counts a row whose bytes were appended.
    pub(super) fn count(&mut self, taken: RowBytes, run: &Run<'_>) -> Result<(), SqlError> {
        self.row_count += 1;
        self.answer_bytes += taken.answer;
        self.held_bytes += taken.held;
        run.budget.hold(usize::try_from(taken.held).unwrap_or(usize::MAX))
    }
}

/// Bytes of a carried row: those that are the answer's, and those that a merge has to pay for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RowBytes {
    pub(super) answer: u64,
    pub(super) held: u64,
}

/// Appends what is carried of a tuple, where so many bytes are the answer's already. After an error there may be a part of
/// it.
pub(super) fn carry<'e>(
    stream: &'e Stream,
    run: &Run<'e>,
    tuple: &[Part<'e>],
    answer_bytes: u64,
    out: &mut Vec<u8>,
) -> Result<RowBytes, SqlError> {
    let answer_slots = stream.answer_slots.unwrap_or(0);
    let mut taken = RowBytes::default();
    let mut row = RowWriter::begin(stream.carried.len(), out);
    for (slot, expr) in stream.carried.iter().enumerate() {
        let cell = match expr {
            Expr::Column(column) => tuple[column.part].cell(column),
            expr => Cell::Value(run.value(expr, tuple)?),
        };
        let bytes = row.push(&cell).map_err(|RowTooLong| SqlError::Exhausted {
            what: Resource::Memory,
            max: u32::MAX.into(),
        })? as u64;
        if slot < answer_slots {
            taken.answer += bytes;
            let answer_bytes = answer_bytes.saturating_add(taken.answer);
            check(Resource::ResultBytes, answer_bytes, run.budget.limits().bytes_max)?;
        } else {
            taken.held += bytes;
            run.budget.check_room(taken.held)?;
        }
    }
    Ok(taken)
}

/// The first tuples that a merge may need: at most as many as LIMIT and OFFSET say together.
pub(super) fn head<'e>(
    input: &'e Operator,
    wanted: Wanted<'e>,
    (limit, offset): (Option<&'e Expr>, Option<&'e Expr>),
    run: &Run<'e>,
    sink: &mut Sink<'_, 'e>,
) -> Result<Flow, SqlError> {
    let kept = head_rows((limit, offset), run)?;
    if kept == 0 {
        return Ok(MORE);
    }
    let kept = Some(kept);
    match wanted.keys {
        [] => slice(kept, None, |sink: &mut Sink<'_, 'e>| input.run(run, sink), sink),
        _ => sort::run(input, Wanted { kept, ..wanted }, run, sink),
    }
}

/// How many of its first tuples a merge may need of a part.
pub(super) fn head_rows<'e>(
    (limit, offset): (Option<&'e Expr>, Option<&'e Expr>),
    run: &Run<'e>,
) -> Result<u64, SqlError> {
    let (limit, offset) = (run.count(limit, "LIMIT")?, run.count(offset, "OFFSET")?);
    if limit == Some(0) {
        return Ok(0);
    }
    // One row more than an answer may have is enough to refuse it.
    let rows_max = run.budget.limits().rows_max.saturating_add(1);
    Ok(limit.unwrap_or(u64::MAX).min(rows_max).saturating_add(offset.unwrap_or(0)))
}
