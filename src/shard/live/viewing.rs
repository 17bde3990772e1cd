//! The views of one live query as they last ran: their rows, and what changes for the query when they have run again.
//!
//! Invariants:
//! 1. The leaves of the query that are views have seen these rows, each as often as it is here.

use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron_sql::{LeafChanges, LivePlan, Params, SqlError};
use cosmictron_storage::TableDef;
use cosmictron_types::{ShardId, TableId, TxId};

use crate::shard::view::{ViewRun, Viewed, Views};

/// How often each row is there.
type Bag = BTreeMap<Box<[u8]>, i64>;

/// What a row in a bag takes beside its bytes.
const ROW_BYTES: usize = 48;

/// See the module.
#[derive(Debug)]
pub struct Viewing {
    pub views: Views,
    rows: BTreeMap<TableId, Bag>,
    /// The shards whose stores the last run has had.
    held: Vec<ShardId>,
    bytes: usize,
}

impl Viewing {
    /// Of views that have not run.
    pub fn new(views: Views) -> Self {
        Self { views, rows: BTreeMap::new(), held: Vec::new(), bytes: 0 }
    }

    /// The tables that the views can read.
    pub fn tables(&self) -> Vec<Arc<TableDef>> {
        self.views.tables().cloned().collect()
    }

    /// What the home of the views is asked for.
    pub fn run(&self, tx: TxId, is_stable: bool) -> ViewRun {
        ViewRun { views: self.views.clone(), tx, is_stable, wanted: self.held.clone() }
    }

    /// Takes what a run has yielded; what that changes in the leaves of the query.
    pub fn take(
        &mut self,
        viewed: Viewed,
        plan: &LivePlan,
        params: &Params,
    ) -> Result<LeafChanges, SqlError> {
        let mut changes = LeafChanges::default();
        self.held = viewed.held;
        self.bytes = viewed.reads.bytes();
        for (view, yielded) in viewed.rows {
            let mut rows = Bag::new();
            for row in yielded {
                *rows.entry(row).or_default() += 1;
            }
            let bytes = rows.keys().map(|row| row.len() + ROW_BYTES);
            self.bytes += bytes.sum::<usize>();
            let before = self.rows.entry(view).or_default();
            for (row, count) in before.iter().filter(|(row, _)| !rows.contains_key(*row)) {
                plan.read_view(view, row, -count, params, &mut changes)?;
            }
            for (row, count) in &rows {
                let more = count - before.get(row).copied().unwrap_or_default();
                if more != 0 {
                    plan.read_view(view, row, more, params, &mut changes)?;
                }
            }
            *before = rows;
        }
        Ok(changes)
    }

    /// Bytes that it keeps, with what is kept of its reads elsewhere, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
