//! Reads by SQL: one snapshot of the store, between two transactions.

use cosmictron_sql::Present;

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
        let present = Present { tx: self.committed, committed_at: self.committed_at };
        let Query { plan, params, .. } = query;
        let limits = &self.options.query;
        let rows = plan.execute_as_of(self.store(), params, limits, present)?;
        let mut json = Vec::new();
        rows.write_json(&mut json);
        Ok(Rows { tx: self.committed, json })
    }
}
