//! One live query, and all who subscribed to it.

use std::sync::Arc;

use cosmictron_sql::{
    AnswerChanges, Dataflow, HeldAnswer, LeafChanges, LivePlan, Params, Resource, RowFormat, Sight,
    SqlError,
};
use cosmictron_types::{Timestamp, TxId};

use super::audience::Audience;
use super::listener::Change;
use super::opening::Opening;
use crate::shard::Reach;

/// What two subscriptions have in common that share a flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    pub text: Arc<str>,
    /// What its subscribers see of tables with policies.
    pub sight: Sight,
    /// As [`Params::key`] gives them: whose they are as well, where a policy asks.
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
    /// When it is to be moved on by time, if it is.
    pub due: Option<Timestamp>,
    /// When it last was.
    pub moved_at: Timestamp,
    pub audience: Audience,
    /// What it may keep.
    pub bytes_max: u64,
    /// What it keeps, as it was last counted.
    pub counted_bytes: u64,
}

#[derive(Debug)]
pub enum Stage {
    Opening(Box<Opening>),
    Running {
        dataflow: Dataflow,
        /// As of which transaction it was begun.
        begun: TxId,
        /// Where it depends on the time: all rows, for those who begin.
        answer: Option<HeldAnswer>,
    },
}

/// What a transaction is to a flow.
#[derive(Debug)]
pub enum Taken {
    Nothing,
    Changed(SharedChange),
    /// This, and what comes of the rows of these leaves as of that transaction: it does not know them.
    Lacking(AnswerChanges, Vec<usize>),
}

impl Flow {
    /// Takes what a transaction changed; what came of it for the answer, unless it is not begun.
    pub fn take(
        &mut self,
        tx: TxId,
        changes: LeafChanges,
        now: Timestamp,
    ) -> Result<Taken, SqlError> {
        match &mut self.stage {
            Stage::Opening(opening) => {
                opening.keep(tx, changes, self.bytes_max)?;
                Ok(Taken::Nothing)
            }
            // It was read with the rest.
            Stage::Running { begun, .. } if tx <= *begun => Ok(Taken::Nothing),
            Stage::Running { dataflow, .. } => {
                let rows = dataflow.apply_at(changes, now)?;
                let lacking = dataflow.lacking();
                if !lacking.is_empty() {
                    return Ok(Taken::Lacking(rows, lacking));
                }
                Ok(self.change(rows)?.map_or(Taken::Nothing, Taken::Changed))
            }
        }
    }

    /// Goes on to a time; what that changes in the answer.
    pub fn move_to(&mut self, now: Timestamp) -> Result<Option<SharedChange>, SqlError> {
        self.moved_at = now;
        let Stage::Running { dataflow, .. } = &mut self.stage else { return Ok(None) };
        let rows = dataflow.apply_at(LeafChanges::default(), now)?;
        self.change(rows)
    }

    /// What subscribers are told of rows that have come and gone, when any have.
    pub fn change(&mut self, rows: AnswerChanges) -> Result<Option<SharedChange>, SqlError> {
        let Stage::Running { dataflow, answer, .. } = &mut self.stage else { return Ok(None) };
        if rows.is_empty() {
            return Ok(None);
        }
        let mut at = None;
        if let Some(answer) = answer {
            answer.add(&rows);
            at = Some(dataflow.now());
            if (answer.bytes() + dataflow.bytes()) as u64 > self.bytes_max {
                return Err(SqlError::Exhausted { what: Resource::Memory, max: self.bytes_max });
            }
        }
        Ok(Some(SharedChange::new(rows, at)))
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
                dataflow.bytes() + answer.as_ref().map_or(0, HeldAnswer::bytes)
            }
        }
    }
}

/// A change of a flow's answer, encoded for the first subscriber of each format, and shared by all.
#[derive(Debug)]
pub struct SharedChange {
    changes: AnswerChanges,
    /// The time that the answer is as of with it, where that depends on the time.
    at: Option<Timestamp>,
    /// `Some(None)` where the rows come to nothing.
    json: Option<Option<Arc<Change>>>,
    binary: Option<Option<Arc<Change>>>,
}

impl SharedChange {
    pub fn new(changes: AnswerChanges, at: Option<Timestamp>) -> Self {
        Self { changes, at, json: None, binary: None }
    }

    /// The change in a format; `None` where nothing has changed.
    pub fn in_format(&mut self, format: RowFormat) -> Result<Option<&Arc<Change>>, SqlError> {
        let place = match format {
            RowFormat::Json => &mut self.json,
            RowFormat::Binary => &mut self.binary,
        };
        if place.is_none() {
            let rows = self.changes.rows(format)?;
            *place = Some((!rows.is_empty()).then(|| Arc::new(Change::new(rows, self.at))));
        }
        Ok(place.as_ref().and_then(Option::as_ref))
    }
}
