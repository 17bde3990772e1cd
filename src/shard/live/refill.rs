//! Fills flows again that lack rows: those that keep only the first ones of an order, when so many of these have gone. Flows whose
//! views have to run again wait here, too ([`super::rerun`]).
//!
//! ```text
//!   transaction ─▶ flows ─▶ one lacks rows ─▶ its shards: the rows as of this transaction ─▶ its update, with the others'
//!                                              (what comes after the transaction waits)
//! ```
//!
//! Invariants:
//! 1. No transaction is taken while the update of the one before is not complete, so updates stay in order and whole.

use std::collections::BTreeMap;

use cosmictron_sql::{AnswerChanges, LeafChanges, SqlError};
use cosmictron_types::{ShardId, TxId};

use super::course::{Updates, distribute};
use super::flow::{Lack, Stage};
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
    flows: BTreeMap<FlowId, Waiting>,
    /// Subscriptions that begin with the answer that a flow has, once that is complete.
    put_off: Vec<(FlowId, ListenerId, SubscriptionId)>,
}

/// What one flow waits for.
#[derive(Debug)]
pub enum Waiting {
    Rows(Refill),
    /// Its views, without which it cannot take these changes of the transaction.
    Views(LeafChanges),
    /// Its views, to begin.
    Opening,
}

/// Rows on their way.
#[derive(Debug)]
pub struct Refill {
    /// Answers that have not come.
    missing: usize,
    parts: LeafParts,
    /// What it has made of the transaction without them.
    rows: AnswerChanges,
}

impl Refilling {
    /// Of a transaction whose update is known but for the flows that are to wait.
    pub fn new(tx: TxId, updates: Updates) -> Self {
        Self { tx, updates, flows: BTreeMap::new(), put_off: Vec::new() }
    }

    pub fn tx(&self) -> TxId {
        self.tx
    }

    /// A flow waits.
    pub fn wait(&mut self, flow: FlowId, waiting: Waiting) {
        self.flows.insert(flow, waiting);
    }

    /// A flow waits no longer; for what it did.
    pub fn take(&mut self, flow: FlowId) -> Option<Waiting> {
        self.flows.remove(&flow)
    }

    /// What flows have made of the transaction.
    pub fn updates(&mut self) -> &mut Updates {
        &mut self.updates
    }

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
    /// Has flows given what they lack as of a transaction, before its update is told.
    pub(super) fn refill(
        &mut self,
        tx: TxId,
        updates: Updates,
        lacking: Vec<(FlowId, Lack)>,
        seam: &mut Seam<'_>,
    ) {
        self.live.refilling = Some(Refilling::new(tx, updates));
        // None is asked for before all are known to wait: answers may come at once.
        let mut questions = Vec::with_capacity(lacking.len());
        for (id, lack) in lacking {
            questions.extend(self.lack(id, lack, seam).map(|leaves| (id, leaves)));
        }
        for (id, leaves) in questions {
            self.ask_for_rows(id, &leaves, tx, seam);
        }
        self.start_reruns(seam);
    }

    /// A flow waits for what it lacks; the leaves whose rows are to be asked for.
    pub(super) fn lack(&mut self, id: FlowId, lack: Lack, seam: &Seam<'_>) -> Option<Vec<usize>> {
        let flow = self.live.flows.get(&id)?;
        let refilling = self.live.refilling.as_mut()?;
        match lack {
            Lack::Rows(rows, leaves) => {
                let missing = flow.reach.shards(seam.shards()).count() * leaves.len();
                let refill = Refill { missing, parts: LeafParts::new(), rows };
                refilling.wait(id, Waiting::Rows(refill));
                Some(leaves)
            }
            Lack::Views(changes) => {
                refilling.wait(id, Waiting::Views(changes));
                self.live.reruns.push(id);
                None
            }
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
        let waiting = refilling.and_then(|refilling| refilling.flows.get_mut(&id));
        let Some(Waiting::Rows(refill)) = waiting else { return };
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
        let Some(Waiting::Rows(Refill { parts, mut rows, .. })) = refilling.take(id) else {
            return Ok(());
        };
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
