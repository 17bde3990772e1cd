//! How a subscription begins: with the query's answer, or with what has become of the one that it had.

use cosmictron_types::TxId;

use super::listener::Item;
use super::subscriber::{Beginning, Subscriber};
use super::{FlowId, ListenerId, SubscriptionId};
use crate::shard::outbox::Asker;
use crate::shard::request::{Answer, Request};
use crate::shard::{Seam, Shard};

impl Shard {
    /// A flow runs: asks for the answers that its subscribers begin with.
    pub(super) fn ask_for_subscribers(&mut self, id: FlowId, seam: &mut Seam<'_>) {
        let Some(flow) = self.live.flows.get(&id) else { return };
        for (listener, subscription) in flow.audience.members() {
            self.ask_for_subscriber(id, listener, subscription, seam);
        }
    }

    pub(super) fn ask_for_subscriber(
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
}
