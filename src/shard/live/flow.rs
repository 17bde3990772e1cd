//! One live query, and all who subscribed to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron_sql::{Dataflow, LeafChanges, LivePlan, Params, Resource, RowChanges, SqlError};
use cosmictron_types::{ShardId, Timestamp, TxId};

use super::listener::Change;
use super::opening::{FLOW_BYTES_MAX, Opening};
use super::subscriber::Subscriber;
use super::{ListenerId, SubscriptionId};

/// What two subscriptions have in common that share a flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    pub text: Arc<str>,
    /// As [`Params::key`] gives them.
    pub params: Vec<u8>,
}

/// See the module.
#[derive(Debug)]
pub struct Flow {
    pub key: FlowKey,
    pub plan: Arc<LivePlan>,
    pub params: Arc<Params>,
    /// The shards that have its rows.
    pub sources: Vec<ShardId>,
    pub stage: Stage,
    /// When it is to be moved on by time, if it is.
    pub due: Option<Timestamp>,
    /// When it last was.
    pub moved_at: Timestamp,
    pub subscribers: BTreeMap<(ListenerId, SubscriptionId), Subscriber>,
}

#[derive(Debug)]
pub enum Stage {
    Opening(Box<Opening>),
    Running {
        dataflow: Dataflow,
        /// As of which transaction it was begun.
        begun: TxId,
        /// Where it depends on the time: all rows, for those who begin.
        answer: Option<RowChanges>,
    },
}

impl Flow {
    /// Takes what a transaction changed; what came of it for the answer, unless nothing has or it is not begun.
    pub fn take(
        &mut self,
        tx: TxId,
        changes: LeafChanges,
        now: Timestamp,
    ) -> Result<Option<Arc<Change>>, SqlError> {
        match &mut self.stage {
            Stage::Opening(opening) => {
                opening.keep(tx, changes)?;
                Ok(None)
            }
            // It was read with the rest.
            Stage::Running { begun, .. } if tx <= *begun => Ok(None),
            Stage::Running { .. } => self.apply(changes, now),
        }
    }

    /// Goes on to a time; what that changes in the answer.
    pub fn move_to(&mut self, now: Timestamp) -> Result<Option<Arc<Change>>, SqlError> {
        self.moved_at = now;
        self.apply(LeafChanges::default(), now)
    }

    fn apply(
        &mut self,
        changes: LeafChanges,
        now: Timestamp,
    ) -> Result<Option<Arc<Change>>, SqlError> {
        let Stage::Running { dataflow, answer, .. } = &mut self.stage else { return Ok(None) };
        let rows = dataflow.apply_at(changes, now)?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut at = None;
        if let Some(answer) = answer {
            answer.merge(&rows);
            at = Some(dataflow.now());
            if (answer.bytes() + dataflow.bytes()) as u64 > FLOW_BYTES_MAX {
                return Err(SqlError::Exhausted { what: Resource::Memory, max: FLOW_BYTES_MAX });
            }
        }
        Ok(Some(Arc::new(Change::new(rows, at))))
    }

    /// Whether time alone changes its answer.
    pub fn depends_on_time(&self) -> bool {
        self.plan.moves_with_time()
    }

    /// When it does so next.
    pub fn next_instant(&self) -> Option<Timestamp> {
        match &self.stage {
            Stage::Opening(_) => None,
            Stage::Running { dataflow, .. } => dataflow.next_instant(),
        }
    }

    pub fn bytes(&self) -> usize {
        match &self.stage {
            Stage::Opening(opening) => opening.bytes(),
            Stage::Running { dataflow, answer, .. } => {
                dataflow.bytes() + answer.as_ref().map_or(0, RowChanges::bytes)
            }
        }
    }
}
