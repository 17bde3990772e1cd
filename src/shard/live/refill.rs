//! Fills flows again that lack rows: those that keep only the first ones of an order, when so many of these have gone.
//!
//! ```text
//!   transaction ─▶ flows ─▶ one lacks rows ─▶ its shards: the rows as of this transaction ─▶ its update, with the others'
//!                                              (what comes after the transaction waits)
//! ```
//!
//! Invariants:
//! 1. No transaction is taken while the update of the one before is not complete, so updates stay in order and whole.

use std::collections::BTreeMap;

use cosmictron_sql::{AnswerChanges, SqlError};
use cosmictron_types::{ShardId, TxId};

use super::course::{Updates, distribute};
use super::flow::Stage;
use super::opening::{FlowQuestion, LeafParts};
use super::{FlowId, ListenerId, SubscriptionId};
use crate::shard::request::{Answer, QueryError};
use crate::shard::{Seam, Shard};

/// A transaction whose update waits for rows.
#[derive(Debug)]
pub struct Refilling {
    tx: TxId,
    /// What the other flows made of it.
    updates: Updates,
    /// The flows that wait.
    flows: BTreeMap<FlowId, Refill>,
    /// Subscriptions that begin with the answer that a flow has, once that is complete.
    put_off: Vec<(FlowId, ListenerId, SubscriptionId)>,
}

/// What one flow waits for.
#[derive(Debug)]
struct Refill {
    /// Answers that have not come.
    missing: usize,
    parts: LeafParts,
    /// What it has made of the transaction without them.
    rows: AnswerChanges,
}

impl Refilling {
    /// A subscription is over: it is told nothing more.
    pub fn forget(&mut self, listener: ListenerId, subscription: SubscriptionId) {
        if let Some(changes) = self.updates.get_mut(&listener) {
            changes.retain(|(other, _)| *other != subscription);
        }
    }

    /// A subscription is to begin once all flows are complete.
    pub fn put_off(&mut self, beginning: (FlowId, ListenerId, SubscriptionId)) {
        self.put_off.push(beginning);
    }

    /// A flow is over.
    pub fn end(&mut self, flow: FlowId) {
        self.flows.remove(&flow);
    }
}

impl Shard {
    /// Reads what flows lack of some of their leaves as of a transaction, before its update is told.
    pub(super) fn refill(
        &mut self,
        tx: TxId,
        updates: Updates,
        lacking: Vec<(FlowId, AnswerChanges, Vec<usize>)>,
        seam: &mut Seam<'_>,
    ) {
        let mut questions = Vec::with_capacity(lacking.len());
        let mut flows = BTreeMap::new();
        for (id, rows, leaves) in lacking {
            let Some(flow) = self.live.flows.get(&id) else { continue };
            let missing = flow.reach.shards(seam.shards()).count() * leaves.len();
            flows.insert(id, Refill { missing, parts: LeafParts::new(), rows });
            questions.push((id, leaves));
        }
        self.live.refilling = Some(Refilling { tx, updates, flows, put_off: Vec::new() });
        for (id, leaves) in questions {
            self.ask_for_rows(id, &leaves, tx, seam);
        }
    }

    /// A shard has answered what a flow that runs has asked it.
    pub(super) fn refill_was_answered(
        &mut self,
        id: FlowId,
        question: FlowQuestion,
        from: ShardId,
        answer: Answer,
        seam: &mut Seam<'_>,
    ) {
        let refilling = self.live.refilling.as_mut();
        let Some(refill) = refilling.and_then(|refilling| refilling.flows.get_mut(&id)) else {
            return;
        };
        refill.missing -= 1;
        match (question, answer) {
            (FlowQuestion::Rows(leaf), Answer::Part(Ok(part))) => {
                refill.parts.insert((leaf, from), part.rows);
            }
            (_, Answer::Part(Err(error))) => return self.fail_flow(id, &error, seam),
            (_, other) => unreachable!("not what was asked for: {other:?}"),
        }
        if refill.missing > 0 {
            return;
        }
        match self.end_refill(id) {
            Ok(()) => {
                self.settle_flow(id, seam);
                self.run_live(seam);
            }
            Err(error) => self.fail_flow(id, &QueryError::from(error), seam),
        }
    }

    /// All rows that a flow lacked have come.
    fn end_refill(&mut self, id: FlowId) -> Result<(), SqlError> {
        let refilling = self.live.refilling.as_mut().expect("it was just looked at");
        let Refill { parts, mut rows, .. } =
            refilling.flows.remove(&id).expect("it was just looked at");
        let Some(flow) = self.live.flows.get_mut(&id) else { return Ok(()) };
        let read = flow.rows_of(parts)?;
        let Stage::Running { dataflow, .. } = &mut flow.stage else { return Ok(()) };
        rows.merge(dataflow.fill(read)?);
        assert!(dataflow.lacking().is_empty(), "it was given all, or as many as it keeps");
        if let Some(change) = flow.change(rows)? {
            distribute(flow, refilling.tx, change, &mut refilling.updates)?;
        }
        Ok(())
    }

    /// Tells the update that has waited, once no flow lacks rows any more. Whether none does.
    pub(super) fn has_refilled(&mut self, seam: &mut Seam<'_>) -> bool {
        let is_complete = |refilling: &mut Refilling| refilling.flows.is_empty();
        if let Some(refilling) = self.live.refilling.take_if(is_complete) {
            self.tell_updates(refilling.tx, refilling.updates);
            for (flow, listener, subscription) in refilling.put_off {
                self.begin_from_flow(flow, listener, subscription, seam);
            }
        }
        self.live.refilling.is_none()
    }
}
