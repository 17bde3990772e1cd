//! Moves on what depends on the time: the answers of queries that compare something with `now()`.
//!
//! A flow knows when its answer changes by time alone, next. The core has one alarm, for the earliest of its flows; when that
//! comes, all whose instant has come go on to the present. A transaction takes a flow to its own time as well, so the time
//! of a flow is the same for everything in it.
//!
//! Whoever begins is told the answer that the flow has, instead of one of a query of its own: no query could be asked as of both
//! the transaction and the time that the flow is just at.
//!
//! Invariants:
//! 1. A flow is in `instants` with the instant that it is due at, if it has one.

use std::collections::BTreeMap;

use cosmictron_sql::{Resource, SqlError};
use cosmictron_types::{Duration, TxId};

use super::course::{Updates, distribute};
use super::flow::Stage;
use super::listener::Item;
use super::subscriber::Beginning;
use super::{FlowId, ListenerId, Live, SubscriptionId};
use crate::shard::request::{QueryError, Rows};
use crate::shard::{Seam, Shard};

/// A flow is moved on by time alone no more often: rows whose instants are that close come and go together.
const STEP_MIN: Duration = Duration::from_millis(10);

impl Live {
    /// Notes when a flow is due, which may have changed.
    pub(super) fn note_instant(&mut self, id: FlowId) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let due = flow.next_instant().map(|next| next.max(flow.moved_at + STEP_MIN));
        if flow.due == due {
            return;
        }
        if let Some(before) = std::mem::replace(&mut flow.due, due) {
            self.instants.remove(&(before, id));
        }
        if let Some(due) = due {
            self.instants.insert((due, id));
        }
    }

    /// The transaction as of which a flow is exact: what has been taken is, also where none of it was about this flow.
    fn reached(&self, begun: TxId) -> TxId {
        self.arrivals.taken().max(begun)
    }
}

impl Shard {
    /// Asks to be woken when the next flow is due.
    pub(super) fn set_alarm(&self, seam: &mut Seam<'_>) {
        if let Some((due, _)) = self.live.instants.first() {
            seam.wake_at(*due);
        }
    }

    /// Moves on the flows whose instant has come, and asks to be woken for the next.
    pub(in crate::shard) fn move_flows(&mut self, seam: &mut Seam<'_>) {
        if self.live.refilling.is_some() {
            // The update of the last transaction is not told. Whoever completes it sets the alarm again.
            return;
        }
        let now = seam.now();
        let due = self.live.instants.iter().take_while(|(due, _)| *due <= now);
        let due: Vec<FlowId> = due.map(|(_, id)| *id).collect();
        self.move_on(&due, seam);
        self.set_alarm(seam);
    }

    /// Takes flows to the present.
    fn move_on(&mut self, flows: &[FlowId], seam: &mut Seam<'_>) {
        let now = seam.now();
        // They are not all as far: one that has just begun may have read more than has been taken.
        let mut updates: BTreeMap<TxId, Updates> = BTreeMap::new();
        let mut failed = Vec::new();
        for id in flows {
            let Some(flow) = self.live.flows.get_mut(id) else { continue };
            let moved = flow.move_to(now);
            let Stage::Running { begun, .. } = flow.stage else { continue };
            let tx = self.live.reached(begun);
            match moved {
                Ok(None) => {}
                Ok(Some(change)) => {
                    let flow = self.live.flows.get_mut(id).expect("it was just moved");
                    let told = distribute(flow, tx, change, updates.entry(tx).or_default());
                    failed.extend(told.err().map(|error| (*id, error)));
                }
                Err(error) => failed.push((*id, error)),
            }
        }
        for (tx, updates) in updates {
            self.tell_updates(tx, updates);
        }
        // Others may go on when one ends, and must not be told of that before.
        for (id, error) in failed {
            self.fail_flow(id, &error.into(), seam);
        }
        flows.iter().for_each(|id| self.settle_flow(*id, seam));
    }

    /// Tells a subscriber of a flow that depends on the time the answer that it begins with.
    pub(super) fn begin_from_flow(
        &mut self,
        id: FlowId,
        listener: ListenerId,
        subscription: SubscriptionId,
        seam: &mut Seam<'_>,
    ) {
        if let Some(refilling) = &mut self.live.refilling {
            return refilling.put_off((id, listener, subscription));
        }
        self.move_on(&[id], seam);
        let Some(flow) = self.live.flows.get(&id) else { return };
        let Stage::Running { begun, answer, dataflow } = &flow.stage else { return };
        let (tx, at) = (self.live.reached(*begun), dataflow.now());
        let answer = answer.as_ref().expect("a flow that depends on the time keeps its answer");
        let Some(subscriber) = flow.audience.get((listener, subscription)) else { return };
        match answer.rows(subscriber.format()).map_err(QueryError::from).and_then(
            |(rows, count)| {
                self.admit_answer(count, rows.bytes() as u64)?;
                Ok(rows)
            },
        ) {
            Ok(rows) => {
                let begin =
                    |beginning: Beginning| beginning.at(at).afresh(subscription, Rows { tx, rows });
                self.begin_subscriber(id, (listener, subscription), tx, begin);
            }
            Err(error) => {
                if let Some(party) = self.live.listeners.get_mut(&listener) {
                    party.subscriptions.remove(&subscription);
                    party.listener.push(Item::Failed { subscription, error });
                }
                self.forget_subscriber(id, listener, subscription, seam);
            }
        }
        self.tell_listener(listener);
        self.set_alarm(seam);
    }

    /// Whether an answer is no larger than that of a query may be.
    fn admit_answer(&self, rows: u64, bytes: u64) -> Result<(), QueryError> {
        let limits = &self.options.query;
        let check = |what, count, max| match count <= max {
            true => Ok(()),
            false => Err(QueryError::from(SqlError::Exhausted { what, max })),
        };
        check(Resource::Rows, rows, limits.rows_max)?;
        check(Resource::ResultBytes, bytes, limits.bytes_max)
    }
}
