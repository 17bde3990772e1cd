//! One live query, and all who subscribed to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron_sql::{AnswerChanges, Dataflow, LeafChanges, LivePlan, Params, RowFormat, SqlError};
use cosmictron_types::{ShardId, TxId};

use super::listener::Change;
use super::opening::Opening;
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
    pub subscribers: BTreeMap<(ListenerId, SubscriptionId), Subscriber>,
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

impl Flow {
    /// Takes what a transaction changed; what came of it for the answer, unless nothing has or it is not begun.
    pub fn take(
        &mut self,
        tx: TxId,
        changes: LeafChanges,
    ) -> Result<Option<AnswerChanges>, SqlError> {
        match &mut self.stage {
            Stage::Opening(opening) => {
                opening.keep(tx, changes)?;
                Ok(None)
            }
            // It was read with the rest.
            Stage::Running { begun, .. } if tx <= *begun => Ok(None),
            Stage::Running { dataflow, .. } => {
                let changes = dataflow.apply(changes)?;
                Ok((!changes.is_empty()).then_some(changes))
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

/// A change of a flow's answer, encoded for the first subscriber of each format, and shared by all.
#[derive(Debug)]
pub struct SharedChange {
    changes: AnswerChanges,
    /// `Some(None)` where the rows come to nothing.
    json: Option<Option<Arc<Change>>>,
    binary: Option<Option<Arc<Change>>>,
}

impl SharedChange {
    pub fn new(changes: AnswerChanges) -> Self {
        Self { changes, json: None, binary: None }
    }

    /// The change in a format; `None` where nothing has changed.
    pub fn in_format(&mut self, format: RowFormat) -> Result<Option<&Arc<Change>>, SqlError> {
        let place = match format {
            RowFormat::Json => &mut self.json,
            RowFormat::Binary => &mut self.binary,
        };
        if place.is_none() {
            let rows = self.changes.rows(format)?;
            *place = Some((!rows.is_empty()).then(|| Arc::new(Change::new(rows))));
        }
        Ok(place.as_ref().and_then(Option::as_ref))
    }
}
