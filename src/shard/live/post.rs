//! What connections ask of their core, and what that asks of others; how live queries end.

use std::sync::Arc;

use cosmictron_sql::SqlError;
use cosmictron_types::{ShardId, Timestamp};

use super::audience::Audience;
use super::feed::TapId;
use super::flow::{Flow, Stage};
use super::listener::Item;
use super::opening::Opening;
use super::subscriber::{Beginning, Subscriber};
use super::viewing::Viewing;
use super::{FlowId, ListenerId, LiveRequest, Subscribe, SubscriptionId};
use crate::directory::Notice;
use crate::shard::outbox::{Asker, ReplyTo};
use crate::shard::request::{QueryError, Request, Unavailable};
use crate::shard::{FORWARDED_MAX, Message, Seam, Shard};

impl Shard {
    pub(in crate::shard) fn live(
        &mut self,
        request: LiveRequest,
        reply: ReplyTo,
        seam: &mut Seam<'_>,
    ) {
        match request {
            LiveRequest::Identify { listener, claims } => self.identify(listener, claims),
            LiveRequest::Subscribe(subscribe) => self.subscribe(*subscribe, seam),
            LiveRequest::Unsubscribe { listener, subscription } => {
                self.unsubscribe(listener, subscription, seam);
            }
            LiveRequest::Post { listener, number, request } => {
                self.live.listeners.entry(listener).or_default();
                self.ask(*request, Asker::Listener(listener, number), seam);
            }
            LiveRequest::Listen(listener) => {
                self.live.listeners.entry(listener).or_default().listener.listens = Some(reply);
                return self.tell_listener(listener);
            }
            LiveRequest::Leave(listener) => self.leave(listener, seam),
        }
        self.answer_at_once(reply, LiveRequest::done(), seam);
    }

    fn subscribe(&mut self, subscribe: Subscribe, seam: &mut Seam<'_>) {
        let Subscribe { listener, subscription, text, query, live, since } = subscribe;
        let key = self.live.key_of(text, &query);
        let found = self.live.by_query.get(&key).copied();
        let id = found.unwrap_or_else(|| {
            self.live.last_flow += 1;
            FlowId(self.live.last_flow)
        });
        let party = self.live.listeners.entry(listener).or_default();
        party.subscriptions.insert(subscription, id);
        let reach = query.reach;
        let viewing = query.views.clone().map(|views| Box::new(Viewing::new(views)));
        let params = Arc::new(query.params.clone());
        let beginning = Subscriber::Beginning(Box::new(Beginning::new(query, since)));
        let member = (listener, subscription);
        if let Some(flow) = found.and_then(|id| self.live.flows.get_mut(&id)) {
            flow.audience.insert(member, beginning);
            if matches!(flow.stage, Stage::Running { .. }) {
                self.ask_for_subscriber(id, listener, subscription, seam);
            }
            return;
        }
        let flow = Flow {
            key: key.clone(),
            plan: live,
            params,
            reach,
            viewing,
            stage: Stage::Opening(Box::new(Opening::new())),
            due: None,
            moved_at: Timestamp::EPOCH,
            audience: Audience::One(member, beginning),
            bytes_max: self.options.live.query_bytes_max,
            counted_bytes: 0,
        };
        self.live.flows.insert(id, Box::new(flow));
        self.live.by_query.insert(key, id);
        self.tap_sources(id, seam);
        self.settle_flow(id, seam);
    }

    fn unsubscribe(
        &mut self,
        listener: ListenerId,
        subscription: SubscriptionId,
        seam: &mut Seam<'_>,
    ) {
        let Some(party) = self.live.listeners.get_mut(&listener) else { return };
        if let Some(flow) = party.subscriptions.remove(&subscription) {
            self.forget_subscriber(flow, listener, subscription, seam);
        }
        self.run_live(seam);
    }

    fn leave(&mut self, listener: ListenerId, seam: &mut Seam<'_>) {
        let Some(party) = self.live.listeners.remove(&listener) else { return };
        for (subscription, flow) in party.subscriptions {
            self.forget_subscriber(flow, listener, subscription, seam);
        }
        if let Some(reply) = party.listener.listens {
            self.answer_at_once(reply, LiveRequest::done(), seam);
        }
        self.live.calls.retain(|_, (other, _)| *other != listener);
        self.run_live(seam);
    }

    pub(super) fn forget_subscriber(
        &mut self,
        id: FlowId,
        listener: ListenerId,
        subscription: SubscriptionId,
        seam: &mut Seam<'_>,
    ) {
        if let Some(refilling) = &mut self.live.refilling {
            refilling.forget(listener, subscription);
        }
        let Some(flow) = self.live.flows.get_mut(&id) else { return };
        if !flow.audience.remove((listener, subscription)) {
            self.end_flow(id, seam);
        }
    }

    /// Nobody wants a flow any more, or it cannot go on.
    fn end_flow(&mut self, id: FlowId, seam: &mut Seam<'_>) -> Option<Box<Flow>> {
        let flow = self.live.flows.remove(&id)?;
        self.live.uncount(&flow);
        if let Some(due) = flow.due {
            self.live.instants.remove(&(due, id));
        }
        if let Some(refilling) = &mut self.live.refilling {
            refilling.end(id);
            let members = flow.audience.members().into_iter();
            members.for_each(|(listener, id)| refilling.forget(listener, id));
        }
        self.live.by_query.remove(&flow.key);
        self.live.readers.remove(id);
        let tap = TapId { core: seam.shard(), flow: id };
        for source in flow.sources(seam.shards()) {
            self.live.arrivals.close(source);
            match source == seam.shard() {
                true => self.untap(tap),
                false => seam.send(source, Message::Untap(tap)),
            }
        }
        Some(flow)
    }

    /// Ends a flow, and tells its subscribers why.
    pub(super) fn fail_flow(&mut self, id: FlowId, why: &QueryError, seam: &mut Seam<'_>) {
        let Some(flow) = self.end_flow(id, seam) else { return };
        for (listener, subscription) in flow.audience.members() {
            let Some(party) = self.live.listeners.get_mut(&listener) else { continue };
            party.subscriptions.remove(&subscription);
            party.listener.push(Item::Failed { subscription, error: why.clone() });
            self.tell_listener(listener);
        }
        self.run_live(seam);
    }

    /// Ends the flows that draw on a shard whose log has failed: what it told may not survive.
    pub(in crate::shard) fn fail_flows_of(&mut self, shard: ShardId, seam: &mut Seam<'_>) {
        let of_shard = self.live.flows.iter().filter(|(_, flow)| flow.draws_on(shard));
        let flows: Vec<FlowId> = of_shard.map(|(id, _)| *id).collect();
        for flow in flows {
            self.fail_flow(flow, &Unavailable::LogFailed.into(), seam);
        }
    }

    /// Ends the flows whose tables are not any more what they were planned for, when that may be.
    pub(in crate::shard) fn note_schemas(&mut self, notice: &Notice, seam: &mut Seam<'_>) {
        if !matches!(notice, Notice::Module(_) | Notice::ModuleGone { .. }) {
            return;
        }
        let directory = &self.directory;
        let stale = self.live.flows.iter().filter_map(|(id, flow)| {
            let viewing = flow.viewing.as_ref();
            if let Some(stale) = viewing.and_then(|viewing| viewing.views.stale(directory)) {
                return Some((*id, stale));
            }
            let mut leaves = flow.plan.leaves().iter().filter(|leaf| !leaf.is_view());
            let changed = leaves.find(|leaf| {
                let table = directory.table_of(leaf.table());
                table.is_none_or(|table| !leaf.is_of(&table))
            })?;
            Some((*id, changed.stale()))
        });
        let stale: Vec<(FlowId, SqlError)> = stale.collect();
        for (flow, error) in stale {
            self.fail_flow(flow, &error.into(), seam);
        }
    }

    /// Asks a shard of its choice.
    pub(super) fn ask(&mut self, request: Request, asker: Asker, seam: &mut Seam<'_>) {
        let home = self.home_of(&request, seam);
        self.ask_shard(home, request, asker, seam);
    }

    /// Whether a shard may be asked something more.
    pub(super) fn may_forward(&self, shard: ShardId, seam: &Seam<'_>) -> bool {
        shard == seam.shard() || self.forwarded[shard.index()] < FORWARDED_MAX
    }

    /// Asks a shard something on behalf of this core.
    pub(super) fn ask_shard(
        &mut self,
        shard: ShardId,
        request: Request,
        asker: Asker,
        seam: &mut Seam<'_>,
    ) {
        let here = seam.shard();
        if shard == here {
            let reply = ReplyTo { shard: here, asker, via: here };
            return self.perform(request, reply, seam);
        }
        if !self.may_forward(shard, seam) {
            let answer = request.refuse(Unavailable::Overloaded);
            let reply = ReplyTo { shard: here, asker, via: here };
            return self.answer_at_once(reply, answer, seam);
        }
        self.forwarded[shard.index()] += 1;
        seam.send(shard, Message::Forward { asker, request });
    }
}
