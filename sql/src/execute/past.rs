//! Reads a range of an index as of a past transaction, in the index's order.
//!
//! Rows that are as they were come from the index in its order; those that have changed or gone since are among the
//! versions that ended later, in no order. The latter are looked through and sorted, then both are merged. So a plan may
//! rely on an index's order whatever moment it is executed for.

use core::mem::size_of;

use cosmictron_storage::{Key, TableSnapshot, is_between};
use cosmictron_types::IndexId;

use super::{ENOUGH, Flow, MORE, Run, Sink};
use crate::error::SqlError;
use crate::physical::Scan;
use crate::physical::key::Bounds;

impl Scan {
    pub(super) fn push_past<'e>(
        &'e self,
        table: TableSnapshot<'e>,
        index: IndexId,
        bounds: &Bounds,
        descending: bool,
        run: &Run<'e>,
        sink: &mut Sink<'_, 'e>,
    ) -> Result<Flow, SqlError> {
        let def = table.table().def();
        let mut ended = ended(table, index, bounds, run)?;
        ended.sort_unstable_by(|(a, _), (b, _)| if descending { b.cmp(a) } else { a.cmp(b) });
        let mut ended = ended.into_iter().peekable();
        let range = table.table().range(index, bounds.lower.as_ref(), bounds.upper.as_ref());
        let rows: Box<dyn Iterator<Item = _>> = match descending {
            false => Box::new(range),
            true => Box::new(range.rev()),
        };
        for row in rows {
            run.budget.scan()?;
            let Some(row) = table.row(row) else { continue };
            // The key is only needed while there is something to compare it with.
            let key = ended.peek().map(|_| def.key_of(index, row));
            let is_before = |other: &Key| {
                key.as_ref().is_some_and(|key| if descending { other > key } else { other < key })
            };
            while let Some((_, old)) = ended.next_if(|(other, _)| is_before(other)) {
                if sink(&[self.part(old)])?.is_break() {
                    return Ok(ENOUGH);
                }
            }
            if sink(&[self.part(row)])?.is_break() {
                return Ok(ENOUGH);
            }
        }
        for (_, old) in ended {
            if sink(&[self.part(old)])?.is_break() {
                return Ok(ENOUGH);
            }
        }
        Ok(MORE)
    }
}

/// Rows that were in the range and have changed or gone since, with their keys.
fn ended<'e>(
    table: TableSnapshot<'e>,
    index: IndexId,
    bounds: &Bounds,
    run: &Run<'e>,
) -> Result<Vec<(Key, &'e [u8])>, SqlError> {
    let def = table.table().def();
    let mut ended = Vec::new();
    for row in table.ended() {
        run.budget.scan()?;
        let Some(row) = row else { continue };
        let key = def.key_of(index, row);
        if is_between(&key, bounds.lower.as_ref(), bounds.upper.as_ref()) {
            run.budget.hold(size_of::<(Key, &[u8])>() + key.as_bytes().len())?;
            ended.push((key, row));
        }
    }
    Ok(ended)
}
