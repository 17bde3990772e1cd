//! Reads by SQL: one snapshot of the store, between two transactions, or in slices where it takes longer.

use std::sync::Arc;

use cosmictron_sql::{AsOf, Present};
use cosmictron_types::TxId;

use super::request::{Answer, Query, QueryError, Rows};
use super::scans::{Scan, Whole};
use super::{ReplyTo, Seam, Shard};

/// How a query goes on.
enum Reading {
    Done(Rows),
    /// As of this transaction, in slices.
    Long(TxId),
}

impl Shard {
    /// Runs a query and holds its rows until everything that they show is durable.
    pub(super) fn query(&mut self, query: Query, reply: ReplyTo, seam: &mut Seam<'_>) {
        let arrived = seam.now();
        self.figures.queries += 1;
        let answer = match self.read(&query, seam) {
            Ok(Reading::Done(rows)) => Ok(rows),
            Ok(Reading::Long(tx)) => {
                let Query { plan, params, format, .. } = query;
                let params = Arc::new(params);
                let run = plan.begin_part(params.clone(), &self.options.query, tx);
                let whole = Some(Whole { plan, params, format });
                return self.begin_scan(Scan { run, tx, reply, arrived, whole }, seam);
            }
            Err(error) => Err(error),
        };
        self.hold(Some(reply), Answer::Rows(answer), arrived, Vec::new(), seam);
    }

    fn read(&self, query: &Query, seam: &Seam<'_>) -> Result<Reading, QueryError> {
        self.admit_read(seam)?;
        let Query { plan, params, format, .. } = query;
        let present = Present { tx: self.newest(plan.as_of(params)?, seam), now: seam.now() };
        let store = self.store();
        let (tx, snapshot) = match plan.tx(store, params, present)? {
            Some(tx) => (tx, store.as_of(tx)),
            None => (self.committed, store.present()),
        };
        let rows =
            plan.execute_within(snapshot, params, &self.options.query, self.options.slice_rows)?;
        let Some(rows) = rows else { return Ok(Reading::Long(tx)) };
        Ok(Reading::Done(Rows { tx, rows: rows.encode(*format)? }))
    }

    /// The newest transaction as of which this shard may be read.
    ///
    /// A number beyond this shard's own may be another shard's, and lie between two of this one's. Whatever this shard has
    /// taken from the counter is committed or given up by now, and what it takes from here on is greater than what
    /// anyone has taken so far; so up to there nothing will change any more.
    fn newest(&self, asked: Option<AsOf>, seam: &Seam<'_>) -> TxId {
        match asked {
            Some(AsOf::Tx(tx)) if tx > self.committed => seam.last_tx(),
            _ => self.committed,
        }
    }
}
