//! Reads on through a walk, and gives out what was kept back, for as long as a slice lasts.

use core::ops::Bound;

use cosmictron_storage::{Course, Steps};

use crate::error::SqlError;
use crate::execute::Run;
use crate::execute::gathering::{Gathering, Source, Stages};
use crate::expr::Expr;
use crate::physical::access::Path;
use crate::physical::key::{self, Bounds};
use crate::physical::split::Stream;

/// The rows that a walk has to meet. `None` when there can be none.
pub(super) fn course<'e>(stages: &Stages<'e>, run: &Run<'e>) -> Result<Option<Course>, SqlError> {
    let Source::Scan(scan) = stages.source else { return Ok(Some(Course::Whole)) };
    let evaluate = |expr: &'e Expr| run.value(expr, &[]);
    let (index, bounds, descending) = match &scan.path {
        Path::Whole => return Ok(Some(Course::Whole)),
        Path::Lookup { index, key } => {
            let key = key::lookup(&scan.table, scan.table.index(*index), key, &evaluate)?;
            let bounds = key.map(|key| Bounds {
                lower: Bound::Included(key.clone()),
                upper: Bound::Included(key),
            });
            (*index, bounds, false)
        }
        Path::Range(range) => {
            (range.index, key::bounds(&scan.table, range, &evaluate)?, range.descending)
        }
    };
    Ok(bounds.map(|Bounds { lower, upper }| Course::Range { index, lower, upper, descending }))
}

/// One slice of a walk.
pub(super) struct Slice<'s, 'e> {
    pub(super) stages: &'s Stages<'e>,
    pub(super) stream: &'e Stream,
    pub(super) run: &'s Run<'e>,
    pub(super) gathering: &'s mut Gathering,
    /// What may still be done, in rows read.
    pub(super) left: u64,
}

impl<'e> Slice<'_, 'e> {
    /// Goes on reading; when all is read, gives out what was kept back. Whether all is done.
    pub(super) fn read(
        &mut self,
        mut steps: Steps<'e, '_>,
        is_read: &mut bool,
    ) -> Result<bool, SqlError> {
        let mut held = steps.held_bytes();
        while self.left > 0 {
            let Some(row) = steps.next() else {
                *is_read = true;
                return self.give();
            };
            self.left = self.left.saturating_sub(self.stages.row_cost());
            self.run.budget.scan()?;
            let holds = steps.held_bytes();
            if holds != held {
                self.run.budget.release(held);
                self.run.budget.hold(holds)?;
                held = holds;
            }
            let Some(row) = row else { continue };
            let row = self.stages.source.part(row);
            let (flow, cost) = self.gathering.take(self.stages, self.stream, self.run, row)?;
            self.left = self.left.saturating_sub(cost);
            if flow.is_break() {
                *is_read = true;
                return self.give();
            }
        }
        Ok(false)
    }

    pub(super) fn give(&mut self) -> Result<bool, SqlError> {
        while self.left > 0 {
            let Some(cost) = self.gathering.give(self.stages, self.stream, self.run)? else {
                return Ok(true);
            };
            self.left = self.left.saturating_sub(cost);
        }
        Ok(false)
    }
}
