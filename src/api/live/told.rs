//! What the core tells a connection becomes messages.

use std::sync::Arc;

use cosmictron_net::wire::{AnswerRows, ServerMessage, UpdateWriter};
use cosmictron_sql::{EncodedRows, Plan};
use cosmictron_types::TxId;

use super::standing::dismiss;
use super::{Conversation, Ending, Outlet, QUERY_WEIGHT};
use crate::api::problem::{bug, call_problem, query_problem, unavailable_problem};
use crate::api::sql::{write_columns, write_key, write_types};
use crate::shard::{Answer, Change, End, First, Item, SubscriptionId, Told};

impl Conversation {
    /// Tells the client what the core has answered to [`Conversation::listen`].
    pub fn tell(&mut self, answer: Answer, outlet: &mut Outlet<'_>) {
        match answer {
            Answer::Told(Told::News(items)) => {
                items.into_iter().for_each(|item| self.tell_item(item, outlet));
            }
            Answer::Told(Told::Ended(End::TooSlow)) => outlet.close(Ending::TooSlow),
            Answer::Told(Told::Ended(End::SignedOut)) => dismiss(Ending::SignedOut, outlet),
            Answer::Told(Told::Ended(End::RightsChanged)) => {
                dismiss(Ending::RightsChanged, outlet);
            }
            // The core takes no such requests any more.
            _ => outlet.close(Ending::ShuttingDown),
        }
    }

    fn tell_item(&mut self, item: Item, outlet: &mut Outlet<'_>) {
        match item {
            Item::Subscribed { subscription, first } => {
                self.tell_first(subscription, &first, outlet);
            }
            Item::Failed { subscription, error } => {
                if let Some((id, has_begun)) = self.subscriptions.end(subscription) {
                    self.weight -= if has_begun { 0 } else { QUERY_WEIGHT };
                    outlet.problem(Some(&id), &query_problem(&error));
                }
            }
            Item::Update { tx, changes } => self.tell_update(tx, &changes, outlet),
            Item::Answered { number, answer } => self.tell_answer(number, answer, outlet),
        }
    }

    fn tell_first(&mut self, subscription: SubscriptionId, first: &First, outlet: &mut Outlet<'_>) {
        if let Some((id, plan)) = self.subscriptions.begin(subscription) {
            self.weight -= QUERY_WEIGHT;
            let (tx_id, resumed) = (first.tx, first.is_resumed);
            let mut key = Vec::new();
            plan.key().iter().for_each(|columns| write_key(columns, &mut key));
            let key = plan.key().map(|_| text(&key));
            with_rows(&plan, &first.rows, |answer| {
                outlet.message(&ServerMessage::Subscribed { id, tx_id, answer, key, resumed });
            });
        }
    }

    /// Tells of one transaction; of subscriptions that have ended meanwhile, nothing.
    fn tell_update(
        &self,
        tx: TxId,
        changes: &[(SubscriptionId, Arc<Change>)],
        outlet: &mut Outlet<'_>,
    ) {
        let known = |(number, change): &'_ (SubscriptionId, Arc<Change>)| {
            Some((self.subscriptions.id_of(*number)?, change.clone()))
        };
        let mut changes = changes.iter().filter_map(known).peekable();
        if changes.peek().is_none() {
            return;
        }
        outlet.message_with(|out| {
            let mut update = UpdateWriter::begin(self.subprotocol, tx, out);
            changes.for_each(|(id, change)| update.change(id, &change.told));
            update.finish();
        });
    }

    fn tell_answer(&mut self, number: u64, answer: Answer, outlet: &mut Outlet<'_>) {
        let Some(open) = self.requests.remove(&number) else { return };
        self.weight -= open.weight();
        let id = &open.id;
        let problem = match (answer, open.plan) {
            (Answer::Called(Ok(called)), _) => {
                let result = called.result.as_deref();
                let (tx_id, duration) = (called.tx, called.duration);
                return outlet.message(&ServerMessage::Called { id, tx_id, duration, result });
            }
            (Answer::Rows(Ok(rows)), Some(plan)) => {
                let tx_id = rows.tx;
                return with_rows(&plan, &rows.rows, |answer| {
                    outlet.message(&ServerMessage::Rows { id, tx_id, answer });
                });
            }
            (Answer::Called(Err(error)), _) => call_problem(error),
            (Answer::Rows(Err(error)), _) => query_problem(&error),
            (Answer::Synced(Err(why)), _) => unavailable_problem(why),
            _ => bug(),
        };
        self.api.note_forbidden(&problem, self.standing.identity(), "a WebSocket");
        outlet.problem(Some(id), &problem);
    }
}

/// Lends rows with what their columns are.
fn with_rows(plan: &Plan, rows: &EncodedRows, lend: impl FnOnce(AnswerRows<'_>)) {
    let (mut columns, mut types) = (Vec::new(), Vec::new());
    write_columns(plan, &mut columns);
    write_types(plan, &mut types);
    lend(AnswerRows { columns: text(&columns), types: text(&types), rows: &rows.told() });
}

fn text(json: &[u8]) -> &str {
    str::from_utf8(json).expect("JSON is text")
}
