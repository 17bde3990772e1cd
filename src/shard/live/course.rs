//! How live queries go on: what shards tell becomes updates, in order, and answers to calls stand behind those that show them.

use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron_sql::{LeafChanges, SqlError};
use cosmictron_types::{ShardId, TxId};

use super::arrivals::Arrived;
use super::feed::{FeedBatch, FlowChanges};
use super::flow::{Flow, Lack, SharedChange, Taken};
use super::listener::{Change, Item};
use super::subscriber::Subscriber;
use super::{FlowId, ListenerId, SubscriptionId, Told};
use crate::shard::outbox::Asker;
use crate::shard::request::{Answer, Request, Unavailable};
use crate::shard::{Seam, Shard};

/// What may have come from shards and wait for another one to be as far.
const ARRIVALS_BYTES_MAX: usize = 64 << 20;

/// Updates of one transaction, by who is told.
pub(super) type Updates = BTreeMap<ListenerId, Vec<(SubscriptionId, Arc<Change>)>>;

impl Shard {
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
                && let Some(arrived) = self.live.arrivals.take()
            {
                self.update(arrived, seam);
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
    fn update(&mut self, arrived: Arrived, seam: &mut Seam<'_>) {
        let Arrived { tx, flows: told, touched } = arrived;
        let mut of_flow: BTreeMap<FlowId, Result<LeafChanges, SqlError>> = BTreeMap::new();
        for FlowChanges { flow, changes } in told {
            match (of_flow.entry(flow).or_insert_with(|| Ok(LeafChanges::default())), changes) {
                (Ok(all), Ok(changes)) => all.append(changes),
                (all @ Ok(_), Err(error)) => *all = Err(error),
                (Err(_), _) => {}
            }
        }
        let touched = self.live.readers.of(&touched);
        for flow in &touched {
            of_flow.entry(*flow).or_insert_with(|| Ok(LeafChanges::default()));
        }
        let (now, mut updates) = (seam.now(), Updates::new());
        let mut lacking: Vec<(FlowId, Lack)> = Vec::new();
        for (id, changes) in of_flow {
            let Some(flow) = self.live.flows.get_mut(&id) else { continue };
            let is_touched = touched.contains(&id);
            let taken = changes.and_then(|changes| flow.take(tx, changes, is_touched, now));
            let told = taken.and_then(|taken| match taken {
                Taken::Nothing => Ok(()),
                Taken::Changed(change) => distribute(flow, tx, change, &mut updates),
                Taken::Lacking(lack) => {
                    lacking.push((id, lack));
                    Ok(())
                }
            });
            if let Err(error) = told {
                self.fail_flow(id, &error.into(), seam);
            }
            self.settle_flow(id, seam);
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
