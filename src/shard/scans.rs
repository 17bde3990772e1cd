//! Runs long reads a slice at a time, so that calls need not wait for them.
//!
//! A slice runs between two transactions, about a millisecond; then whatever has come meanwhile is done, and the next read has
//! its slice. What a read shows stays as of the transaction that it began with: versions that end are kept for it.
//!
//! Invariants:
//! 1. While there are reads and the store is at home, one [`Message::NextSlice`] of this shard to itself is under way.

use std::collections::VecDeque;
use std::sync::Arc;

use cosmictron_sql::{Params, PartRun, PartialRows, Plan, RowFormat, SqlError, Step};
use cosmictron_types::{Timestamp, TxId};

use super::outbox::{Asker, ReplyTo};
use super::request::{Answer, PartRows, QueryError, Rows, Unavailable};
use super::{Message, Seam, Shard};

/// Reads of one shard that go on at once.
const SCANS_MAX: usize = 256;

/// One shard's long reads, in turn.
#[derive(Default)]
pub struct Scans {
    running: VecDeque<Scan>,
    is_slice_due: bool,
}

/// A read under way.
pub struct Scan {
    pub run: PartRun,
    /// What is told with the rows: as of which transaction they are.
    pub tx: TxId,
    pub reply: ReplyTo,
    pub arrived: Timestamp,
    pub whole: Option<Whole>,
}

/// A query whose only part this is, with what it takes to answer it.
pub struct Whole {
    pub plan: Arc<Plan>,
    pub params: Arc<Params>,
    pub format: RowFormat,
}

impl Scans {
    pub fn len(&self) -> usize {
        self.running.len()
    }
}

impl Shard {
    /// Runs the first slice of a read, and the others when it is their turn.
    pub(super) fn begin_scan(&mut self, scan: Scan, seam: &mut Seam<'_>) {
        if self.scans.len() >= SCANS_MAX {
            let error = QueryError::from(Unavailable::Overloaded);
            return self.end_scan(scan, Err(error), seam);
        }
        self.step(scan, seam);
        self.go_on_scanning(seam);
    }

    /// A slice is due.
    pub(super) fn next_slice(&mut self, seam: &mut Seam<'_>) {
        self.scans.is_slice_due = false;
        if self.store.is_none() {
            return; // It is gone on with when the store is back.
        }
        if let Some(scan) = self.scans.running.pop_front() {
            self.step(scan, seam);
        }
        self.go_on_scanning(seam);
    }

    /// Asks for the next slice, if there is something to scan.
    pub(super) fn go_on_scanning(&mut self, seam: &mut Seam<'_>) {
        if self.store.is_some() && !self.scans.running.is_empty() && !self.scans.is_slice_due {
            self.scans.is_slice_due = true;
            seam.send(seam.shard(), Message::NextSlice);
        }
    }

    fn step(&mut self, mut scan: Scan, seam: &mut Seam<'_>) {
        if let Asker::Task(ticket) = &scan.reply.asker
            && scan.reply.shard == seam.shard()
            && !seam.is_awaited(ticket)
        {
            // Nobody is there to hear it.
            return self.end_scan(scan, Err(Unavailable::Overloaded.into()), seam);
        }
        match scan.run.step(
            self.store.as_mut().expect("a slice has its turn when the store is home"),
            self.options.slice_rows,
        ) {
            Ok(Step::More) => self.scans.running.push_back(scan),
            Ok(Step::Done(rows)) => {
                let rows = PartRows { newest: scan.tx, rows };
                self.end_scan(scan, Ok(rows), seam);
            }
            Err(error) => self.end_scan(scan, Err(error.into()), seam),
        }
    }

    fn end_scan(&mut self, scan: Scan, rows: Result<PartRows, QueryError>, seam: &mut Seam<'_>) {
        let Scan { reply, arrived, whole, .. } = scan;
        let answer = match whole {
            None => Answer::Part(rows.map(Box::new)),
            Some(Whole { plan, params, format }) => Answer::Rows(rows.and_then(|part| {
                let tx = part.newest;
                Ok(self.merge(&plan, &params, &[part.rows], tx, format)?)
            })),
        };
        self.hold(Some(reply), answer, arrived, Vec::new(), seam);
    }

    /// Puts the parts of a query together.
    pub(super) fn merge(
        &self,
        plan: &Plan,
        params: &Params,
        parts: &[PartialRows],
        tx: TxId,
        format: RowFormat,
    ) -> Result<Rows, SqlError> {
        let rows = plan.merge(parts, params, &self.options.query)?;
        Ok(Rows { tx, rows: rows.encode(format)? })
    }
}
