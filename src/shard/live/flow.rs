//! One live query, and all who subscribed to it.

use std::sync::Arc;

use cosmictron_sql::{Dataflow, LeafChanges, LivePlan, Params, RowChanges, SqlError};
use cosmictron_types::TxId;

use super::audience::Audience;
use super::listener::Change;
use super::opening::Opening;
use crate::shard::Reach;

/// What two subscriptions have in common that share a flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    pub text: Arc<str>,
    /// As [`Params::key`] gives them.
    pub params: Arc<[u8]>,
}

/// See the module.
#[derive(Debug)]
pub struct Flow {
    pub key: FlowKey,
    pub plan: Arc<LivePlan>,
    pub params: Arc<Params>,
    /// Where its rows are.
    pub reach: Reach,
    pub stage: Stage,
    pub audience: Audience,
}

#[derive(Debug)]
pub enum Stage {
    Opening(Box<Opening>),
    Running {
        dataflow: Dataflow,
        /// As of which transaction it was begun.
        begun: TxId,
    },
}

/// What a transaction is to a flow.
#[derive(Debug)]
pub enum Taken {
    Nothing,
    Changed(Arc<Change>),
    /// This, and what comes of the rows of these leaves as of that transaction: it does not know them.
    Lacking(RowChanges, Vec<usize>),
}

impl Flow {
    /// Takes what a transaction changed; what came of it for the answer, unless it is not begun.
    pub fn take(&mut self, tx: TxId, changes: LeafChanges) -> Result<Taken, SqlError> {
        match &mut self.stage {
            Stage::Opening(opening) => {
                opening.keep(tx, changes)?;
                Ok(Taken::Nothing)
            }
            // It was read with the rest.
            Stage::Running { begun, .. } if tx <= *begun => Ok(Taken::Nothing),
            Stage::Running { dataflow, .. } => {
                let rows = dataflow.apply(changes)?;
                let lacking = dataflow.lacking();
                Ok(match (lacking.is_empty(), rows.is_empty()) {
                    (false, _) => Taken::Lacking(rows, lacking),
                    (true, true) => Taken::Nothing,
                    (true, false) => Taken::Changed(Arc::new(Change::new(rows))),
                })
            }
        }
    }

    pub fn bytes(&self) -> usize {
        match &self.stage {
            Stage::Opening(opening) => opening.bytes(),
            Stage::Running { dataflow, .. } => dataflow.bytes(),
        }
    }
}
