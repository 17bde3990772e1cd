//! Gives out the rows that parts carry: one part after the other, or in the order that all of them are in.
//!
//! Nothing is copied: tuples borrow from the bytes of the parts. Rows that are equal in order come by the number of
//! their shard, so that two merges of the same parts give one answer.

use core::cmp::Ordering;

use super::sort::compare_keys;
use super::{ENOUGH, Flow, MORE, Run, Sink};
use crate::error::SqlError;
use crate::expr::carried::CarriedRow;
use crate::expr::tuple::Part;
use crate::logical::SortKey;
use crate::partial::Rows;
use crate::value::Datum;

/// The rows of one stream. `keys` are those that each part is sorted by.
pub(super) fn gather<'e>(
    stream: usize,
    keys: &'e [SortKey],
    run: &Run<'e>,
    sink: &mut Sink<'_, 'e>,
) -> Result<Flow, SqlError> {
    if keys.is_empty() { in_turn(stream, run, sink) } else { in_order(stream, keys, run, sink) }
}

fn in_turn<'e>(stream: usize, run: &Run<'e>, sink: &mut Sink<'_, 'e>) -> Result<Flow, SqlError> {
    for part in run.parts() {
        for row in part.rows(stream) {
            if sink(&[Part::Carried(row)])?.is_break() {
                return Ok(ENOUGH);
            }
        }
        if let Some(refusal) = part.refusal() {
            return Err(refusal.clone());
        }
    }
    Ok(MORE)
}

/// The first row of a part that was not given out yet.
struct Head<'e> {
    shard: usize,
    keys: Vec<Datum<'e>>,
    row: CarriedRow<'e>,
    rest: Rows<'e>,
}

impl<'e> Head<'e> {
    /// Goes on to the part's next row. `None` when there is none.
    fn advance(mut self, by: &'e [SortKey], run: &Run<'e>) -> Result<Option<Self>, SqlError> {
        let Some(row) = self.rest.next() else { return Ok(None) };
        self.row = row;
        self.keys.clear();
        for key in by {
            self.keys.push(run.value(&key.expr, &[Part::Carried(row)])?);
        }
        Ok(Some(self))
    }

    fn compare(&self, other: &Self, by: &[SortKey]) -> Ordering {
        compare_keys(by, &self.keys, &other.keys).then(self.shard.cmp(&other.shard))
    }
}

fn in_order<'e>(
    stream: usize,
    by: &'e [SortKey],
    run: &Run<'e>,
    sink: &mut Sink<'_, 'e>,
) -> Result<Flow, SqlError> {
    // The last is the next to give out. There are few shards, and the next row of a part tends to be near the front.
    let mut heads: Vec<Head<'e>> = Vec::with_capacity(run.parts().len());
    let insert = |heads: &mut Vec<Head<'e>>, head: Head<'e>| {
        let at = heads.partition_point(|other| other.compare(&head, by).is_gt());
        heads.insert(at, head);
    };
    for (shard, part) in run.parts().iter().enumerate() {
        let mut rest = part.rows(stream);
        let Some(row) = rest.next() else { continue };
        let first =
            Head { shard, keys: Vec::with_capacity(by.len()), row, rest: part.rows(stream) };
        if let Some(head) = first.advance(by, run)? {
            insert(&mut heads, head);
        }
    }
    while let Some(head) = heads.pop() {
        if sink(&[Part::Carried(head.row)])?.is_break() {
            return Ok(ENOUGH);
        }
        if let Some(head) = head.advance(by, run)? {
            insert(&mut heads, head);
        }
    }
    Ok(MORE)
}
