//! One live query, and all who subscribed to it.

use std::sync::Arc;

use cosmictron_sql::{
    AnswerChanges, Dataflow, HeldAnswer, LeafChanges, LivePlan, Params, Resource, RowFormat, Sight,
    SqlError,
};
use cosmictron_types::{Identity, ShardCount, ShardId, Timestamp, TxId};

use super::audience::Audience;
use super::listener::Change;
use super::opening::Opening;
use super::viewing::Viewing;
use crate::shard::Reach;
use crate::shard::view::Viewed;

/// What two subscriptions have in common that share a flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    pub text: Arc<str>,
    /// What its subscribers see of tables with policies.
    pub sight: Sight,
    /// As [`Params::key`] gives them: whose they are as well, where a policy asks.
    pub params: Arc<[u8]>,
    /// Whose they are where what views yield may depend on it.
    pub caller: Option<Identity>,
}

/// See the module.
#[derive(Debug)]
pub struct Flow {
    pub key: FlowKey,
    pub plan: Arc<LivePlan>,
    pub params: Arc<Params>,
    /// Where its rows are.
    pub reach: Reach,
    /// Its views, where it names some.
    pub viewing: Option<Box<Viewing>>,
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
    Lacking(Lack),
}

/// What a flow has to be given before what a transaction is to it is known.
#[derive(Debug)]
pub enum Lack {
    /// What its views yield as of that transaction. What changed in its tables waits for it.
    Views(LeafChanges),
    /// The rows of these leaves as of that transaction, which it does not keep; and what it has made of the others.
    Rows(AnswerChanges, Vec<usize>),
}

impl Flow {
    /// Takes what a transaction changed, which may have touched what its views have read; what came of it for the answer,
    /// unless it is not begun.
    pub fn take(
        &mut self,
        tx: TxId,
        changes: LeafChanges,
        is_touched: bool,
        now: Timestamp,
    ) -> Result<Taken, SqlError> {
        match &mut self.stage {
            Stage::Opening(opening) => {
                opening.keep(tx, changes, is_touched, self.bytes_max)?;
                Ok(Taken::Nothing)
            }
            // It was read with the rest.
            Stage::Running { begun, .. } if tx <= *begun => Ok(Taken::Nothing),
            Stage::Running { .. } if is_touched => Ok(Taken::Lacking(Lack::Views(changes))),
            Stage::Running { .. } => self.apply(changes, now),
        }
    }

    /// Takes all that a transaction changed in its leaves.
    pub fn apply(&mut self, changes: LeafChanges, now: Timestamp) -> Result<Taken, SqlError> {
        let Stage::Running { dataflow, .. } = &mut self.stage else { return Ok(Taken::Nothing) };
        let rows = dataflow.apply_at(changes, now)?;
        let lacking = dataflow.lacking();
        if !lacking.is_empty() {
            return Ok(Taken::Lacking(Lack::Rows(rows, lacking)));
        }
        Ok(self.change(rows)?.map_or(Taken::Nothing, Taken::Changed))
    }

    /// Takes what its views have yielded; what that changes in its leaves.
    pub fn view(&mut self, viewed: Viewed) -> Result<LeafChanges, SqlError> {
        let Self { viewing, plan, params, bytes_max, .. } = self;
        let Some(viewing) = viewing else { return Ok(LeafChanges::default()) };
        let changes = viewing.take(viewed, plan, params)?;
        match viewing.bytes() as u64 <= *bytes_max {
            true => Ok(changes),
            false => Err(SqlError::Exhausted { what: Resource::Memory, max: *bytes_max }),
        }
    }

    /// Whether it has to hear of a shard's transactions.
    pub fn draws_on(&self, shard: ShardId) -> bool {
        let viewing = self.viewing.as_ref();
        self.reach.has(shard) || viewing.is_some_and(|viewing| viewing.views.read_at(shard))
    }

    /// The shards that it has to hear of.
    pub fn sources(&self, all: ShardCount) -> Vec<ShardId> {
        all.shards().filter(|shard| self.draws_on(*shard)).collect()
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
        let viewing = self.viewing.as_ref().map_or(0, |viewing| viewing.bytes());
        let kept = match &self.stage {
            Stage::Opening(opening) => opening.bytes(),
            Stage::Running { dataflow, answer, .. } => {
                dataflow.bytes() + answer.as_ref().map_or(0, HeldAnswer::bytes)
            }
        };
        viewing + kept
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
