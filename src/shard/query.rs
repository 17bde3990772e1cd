//! Reads by SQL: one snapshot of the store, between two transactions.

use cosmictron_sql::{AsOf, Present};
use cosmictron_types::TxId;

use super::request::{Answer, Query, QueryError, Rows};
use super::{ReplyTo, Seam, Shard};

impl Shard {
    /// Runs a query and holds its rows until everything that they show is durable.
    pub(super) fn query(&mut self, query: &Query, reply: ReplyTo, seam: &mut Seam<'_>) {
        let arrived = seam.now();
        self.figures.queries += 1;
        let answer = self.read(query, seam);
        self.hold(Some(reply), Answer::Rows(answer), arrived, Vec::new(), seam);
    }

    fn read(&self, query: &Query, seam: &Seam<'_>) -> Result<Rows, QueryError> {
        self.admit_read(seam)?;
        let Query { plan, params, .. } = query;
        let present = Present { tx: self.newest(plan.as_of(params)?, seam), now: seam.now() };
        let store = self.store();
        let (tx, snapshot) = match plan.tx(store, params, present)? {
            Some(tx) => (tx, store.as_of(tx)),
            None => (self.committed, store.present()),
        };
        let rows = plan.execute_at(snapshot, params, &self.options.query)?;
        let mut json = Vec::new();
        rows.write_json(&mut json);
        Ok(Rows { tx, json })
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
