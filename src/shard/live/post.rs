//! What connections ask of their core, and how it goes on with what has arrived.

use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron_types::{ShardId, Timestamp, TxId};

use super::audience::Audience;
use super::feed::{FeedBatch, FlowChanges, TapId};
use super::flow::{Flow, SharedChange, Stage, Taken};
use super::listener::{Change, Item};
use super::opening::Opening;
use super::subscriber::{Beginning, Subscriber};
use super::{FlowId, ListenerId, LiveRequest, Subscribe, SubscriptionId, Told};
use crate::directory::Notice;
use crate::shard::outbox::{Asker, ReplyTo};
use crate::shard::request::{Answer, QueryError, Request, Unavailable};
use crate::shard::{FORWARDED_MAX, Message, Seam, Shard};
use cosmictron_sql::{LeafChanges, SqlError};

/// What may have come from shards and wait for another one to be as far.
const ARRIVALS_BYTES_MAX: usize = 64 << 20;

/// Updates of one transaction, by who is told.
pub(super) type Updates = BTreeMap<ListenerId, Vec<(SubscriptionId, Arc<Change>)>>;

impl Shard {
    pub(in crate::shard) fn live(
        &mut self,
        request: LiveRequest,
        reply: ReplyTo,
        seam: &mut Seam<'_>,
    ) {
        match request {
            LiveRequest::Identify { listener, session } => self.identify(listener, session),
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
            stage: Stage::Opening(Box::new(Opening::new())),
            due: None,
            moved_at: Timestamp::EPOCH,
            audience: Audience::One(member, beginning),
        };
        self.live.flows.insert(id, Box::new(flow));
        self.live.by_query.insert(key, id);
        self.tap_sources(id, seam);
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
        if let Some(due) = flow.due {
            self.live.instants.remove(&(due, id));
        }
        if let Some(refilling) = &mut self.live.refilling {
            refilling.end(id);
            let members = flow.audience.members().into_iter();
            members.for_each(|(listener, id)| refilling.forget(listener, id));
        }
        self.live.by_query.remove(&flow.key);
        let tap = TapId { core: seam.shard(), flow: id };
        for source in flow.reach.shards(seam.shards()) {
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
        let of_shard = self.live.flows.iter().filter(|(_, flow)| flow.reach.has(shard));
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
            let mut leaves = flow.plan.leaves().iter();
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

    /// A flow runs: asks for the answers that its subscribers begin with.
    pub(super) fn ask_for_subscribers(&mut self, id: FlowId, seam: &mut Seam<'_>) {
        let Some(flow) = self.live.flows.get(&id) else { return };
        for (listener, subscription) in flow.audience.members() {
            self.ask_for_subscriber(id, listener, subscription, seam);
        }
    }

    fn ask_for_subscriber(
        &mut self,
        id: FlowId,
        listener: ListenerId,
        subscription: SubscriptionId,
        seam: &mut Seam<'_>,
    ) {
        let flow = self.live.flows.get(&id);
        let subscriber = flow.and_then(|flow| flow.audience.get((listener, subscription)));
        let Some(Subscriber::Beginning(beginning)) = subscriber else { return };
        if flow.is_some_and(|flow| flow.depends_on_time()) {
            return self.begin_from_flow(id, listener, subscription, seam);
        }
        let mut query = beginning.query.clone();
        query.params = query.params.as_of(beginning.now.as_ref().and(beginning.since));
        let asker = Asker::Subscriber(id, listener, subscription);
        self.ask(Request::Query(query), asker, seam);
    }

    /// The answer that a subscriber begins with, or the one that it had.
    pub(in crate::shard) fn subscriber_was_answered(
        &mut self,
        id: FlowId,
        listener: ListenerId,
        subscription: SubscriptionId,
        answer: Answer,
        seam: &mut Seam<'_>,
    ) {
        let flow = self.live.flows.get_mut(&id);
        let subscriber = flow.and_then(|flow| flow.audience.get_mut((listener, subscription)));
        let Some(Subscriber::Beginning(beginning)) = subscriber else { return };
        let rows = match answer {
            Answer::Rows(rows) => rows,
            Answer::Synced(Err(why)) => Err(why.into()),
            other => unreachable!("not what was asked for: {other:?}"),
        };
        let now = beginning.now.take();
        let now_tx = now.as_ref().or(rows.as_ref().ok()).map_or(TxId::ZERO, |rows| rows.tx);
        match (rows, now, beginning.since) {
            (Ok(now), None, Some(since)) if since <= now.tx => {
                beginning.now = Some(now);
                return self.ask_for_subscriber(id, listener, subscription, seam);
            }
            (Ok(before), Some(now), _) => {
                let resume = |beginning: Beginning| beginning.resumed(subscription, &before, now);
                self.begin_subscriber(id, (listener, subscription), now_tx, resume);
            }
            // Or what it had is not known any more.
            (Ok(now), None, _) | (Err(_), Some(now), _) => {
                let begin = |beginning: Beginning| beginning.afresh(subscription, now);
                self.begin_subscriber(id, (listener, subscription), now_tx, begin);
            }
            (Err(error), None, _) => {
                if let Some(party) = self.live.listeners.get_mut(&listener) {
                    party.subscriptions.remove(&subscription);
                    party.listener.push(Item::Failed { subscription, error });
                }
                self.forget_subscriber(id, listener, subscription, seam);
            }
        }
        self.tell_listener(listener);
        self.run_live(seam);
    }

    /// A subscriber is told what it begins with, as of `tx`.
    pub(super) fn begin_subscriber(
        &mut self,
        id: FlowId,
        (listener, subscription): (ListenerId, SubscriptionId),
        tx: TxId,
        begin: impl FnOnce(Beginning) -> Vec<Item>,
    ) {
        let flow = self.live.flows.get_mut(&id).expect("it was just looked at");
        let subscriber = flow.audience.get_mut((listener, subscription));
        let subscriber = subscriber.expect("it was just looked at");
        let told = Subscriber::Told { tx, format: subscriber.format() };
        if let Subscriber::Beginning(beginning) = std::mem::replace(subscriber, told)
            && let Some(party) = self.live.listeners.get_mut(&listener)
        {
            begin(*beginning).into_iter().for_each(|item| party.listener.push_beginning(item));
        }
    }

    /// A listener's own request was answered by a shard.
    pub(in crate::shard) fn listener_was_answered(
        &mut self,
        listener: ListenerId,
        number: u64,
        from: ShardId,
        answer: Answer,
        seam: &mut Seam<'_>,
    ) {
        let Some(party) = self.live.listeners.get_mut(&listener) else { return };
        let tx = match &answer {
            Answer::Called(Ok(called)) if !party.subscriptions.is_empty() => Some(called.tx),
            _ => None,
        };
        let item = Item::Answered { number, answer };
        let Some(tx) = tx else {
            party.listener.push(item);
            return self.tell_listener(listener);
        };
        // Whatever that shard has told of transactions up to this one came before.
        self.live.arrivals.note_progress(from, tx);
        self.live.last_call += 1;
        self.live.calls.insert((tx, self.live.last_call), (listener, item));
        self.run_live(seam);
    }

    /// A shard has told what a transaction did.
    pub(in crate::shard) fn take_batch(
        &mut self,
        from: ShardId,
        batch: FeedBatch,
        seam: &mut Seam<'_>,
    ) {
        self.live.arrivals.push(from, batch);
        self.run_live(seam);
        if self.live.arrivals.bytes() > ARRIVALS_BYTES_MAX {
            // Some shard is far behind the others: who subscribes again resumes.
            let flows: Vec<FlowId> = self.live.flows.keys().copied().collect();
            for flow in flows {
                self.fail_flow(flow, &Unavailable::Overloaded.into(), seam);
            }
        }
    }

    /// A shard has said how far it is.
    pub(in crate::shard) fn take_progress(
        &mut self,
        from: ShardId,
        answer: &Answer,
        seam: &mut Seam<'_>,
    ) {
        match answer {
            Answer::Progress(tx) => self.live.arrivals.note_progress(from, *tx),
            _ => self.live.arrivals.was_refused(from),
        }
        self.run_live(seam);
    }

    /// Goes on with what has arrived: updates whose time has come, then answers that waited for them.
    pub(super) fn run_live(&mut self, seam: &mut Seam<'_>) {
        if std::mem::replace(&mut self.live.is_running, true) {
            return;
        }
        let mut has_asked = false;
        loop {
            while self.has_refilled(seam)
                && let Some((tx, flows)) = self.live.arrivals.take()
            {
                self.update(tx, flows, seam);
            }
            self.give_calls();
            // Those that are asked may answer at once, but need not, and are not asked twice in a row.
            if std::mem::replace(&mut has_asked, true) {
                break;
            }
            let wanted = self.live.wanted();
            for source in wanted.map_or_else(Vec::new, |upto| self.live.arrivals.ask(upto)) {
                self.ask_shard(source, Request::Progress, Asker::Progress, seam);
            }
        }
        self.live.is_running = false;
        self.set_alarm(seam);
    }

    /// Gives the answers of calls whose updates have been told.
    fn give_calls(&mut self) {
        while self.live.refilling.is_none()
            && let Some(entry) = self.live.calls.first_entry()
            && self.live.arrivals.is_past(entry.key().0)
        {
            let (listener, item) = entry.remove();
            if let Some(party) = self.live.listeners.get_mut(&listener) {
                party.listener.push(item);
                self.tell_listener(listener);
            }
        }
    }

    /// Tells subscribers what a transaction changed.
    fn update(&mut self, tx: TxId, told: Vec<FlowChanges>, seam: &mut Seam<'_>) {
        let mut of_flow: BTreeMap<FlowId, Result<LeafChanges, SqlError>> = BTreeMap::new();
        for FlowChanges { flow, changes } in told {
            match (of_flow.entry(flow).or_insert_with(|| Ok(LeafChanges::default())), changes) {
                (Ok(all), Ok(changes)) => all.append(changes),
                (all @ Ok(_), Err(error)) => *all = Err(error),
                (Err(_), _) => {}
            }
        }
        let (now, mut updates) = (seam.now(), Updates::new());
        let mut lacking = Vec::new();
        for (id, changes) in of_flow {
            let Some(flow) = self.live.flows.get_mut(&id) else { continue };
            let taken = changes.and_then(|changes| flow.take(tx, changes, now));
            let told = taken.and_then(|taken| match taken {
                Taken::Nothing => Ok(()),
                Taken::Changed(change) => distribute(flow, tx, change, &mut updates),
                Taken::Lacking(rows, leaves) => {
                    lacking.push((id, rows, leaves));
                    Ok(())
                }
            });
            if let Err(error) = told {
                self.fail_flow(id, &error.into(), seam);
            }
            self.live.note_instant(id);
        }
        match lacking.is_empty() {
            true => self.tell_updates(tx, updates),
            false => self.refill(tx, updates, lacking, seam),
        }
    }

    /// Puts updates as of one transaction behind what waits for each listener.
    pub(super) fn tell_updates(&mut self, tx: TxId, updates: Updates) {
        for (listener, changes) in updates {
            if changes.is_empty() {
                continue;
            }
            if let Some(party) = self.live.listeners.get_mut(&listener) {
                party.listener.push(Item::Update { tx, changes });
                self.tell_listener(listener);
            }
        }
    }

    /// Answers those who listen and for whom there is something: one event may have brought several things for each.
    pub(in crate::shard) fn tell_listeners(&mut self, seam: &mut Seam<'_>) {
        while let Some(listener) = self.live.to_tell.pop() {
            let Some(party) = self.live.listeners.get_mut(&listener) else { continue };
            if !party.listener.has_news() {
                continue;
            }
            let Some(reply) = party.listener.listens.take() else { continue };
            let told = party.listener.take().map_or_else(Told::Ended, Told::News);
            self.answer_at_once(reply, Answer::Told(told), seam);
        }
    }

    /// Somebody may have something to be told.
    pub(super) fn tell_listener(&mut self, listener: ListenerId) {
        self.live.to_tell.push(listener);
    }

    /// Asks a shard of its choice.
    fn ask(&mut self, request: Request, asker: Asker, seam: &mut Seam<'_>) {
        let home = self.home_of(&request, seam);
        self.ask_shard(home, request, asker, seam);
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
        if self.forwarded[shard.index()] >= FORWARDED_MAX {
            let answer = request.refuse(Unavailable::Overloaded);
            let reply = ReplyTo { shard: here, asker, via: here };
            return self.answer_at_once(reply, answer, seam);
        }
        self.forwarded[shard.index()] += 1;
        seam.send(shard, Message::Forward { asker, request });
    }
}

/// Gives a change to all subscribers of a flow, each in its format.
pub(super) fn distribute(
    flow: &mut Flow,
    tx: TxId,
    mut change: SharedChange,
    updates: &mut Updates,
) -> Result<(), SqlError> {
    // Those of a flow that depends on the time began with its own answer: whatever it gives is new to them.
    let all_is_new = flow.depends_on_time();
    let mut failed = None;
    flow.audience.for_each(|(listener, subscription), subscriber| {
        if let Subscriber::Told { tx: answered, .. } = subscriber
            && tx <= *answered
            && !all_is_new
        {
            return;
        }
        let change = match change.in_format(subscriber.format()) {
            Ok(Some(change)) => change.clone(),
            Ok(None) => return,
            Err(error) => return failed = Some(error),
        };
        match subscriber {
            Subscriber::Told { .. } => {
                updates.entry(listener).or_default().push((subscription, change));
            }
            Subscriber::Beginning(beginning) => beginning.later.push((tx, change)),
        }
    });
    failed.map_or(Ok(()), Err)
}
