//! One subscription: how it begins, and what waits for that.

use std::sync::Arc;

use cosmictron_sql::{EncodedRows, RowChanges, RowFormat};
use cosmictron_types::{Timestamp, TxId};

use super::SubscriptionId;
use super::listener::{Change, First, Item};
use crate::shard::request::{Query, Rows};

/// See the module.
#[derive(Debug)]
pub enum Subscriber {
    /// Its first answer is not complete.
    Beginning(Box<Beginning>),
    /// It was told the answer as of this transaction, and is told what changes in it later. What led to the answer may
    /// still be on its way here.
    Told { tx: TxId, format: RowFormat },
}

impl Subscriber {
    /// How it is told.
    pub fn format(&self) -> RowFormat {
        match self {
            Subscriber::Beginning(beginning) => beginning.query.format,
            Subscriber::Told { format, .. } => *format,
        }
    }
}

#[derive(Debug)]
pub struct Beginning {
    /// What is to be asked once the flow runs.
    pub query: Query,
    /// The subscriber has the answer as of then.
    pub since: Option<TxId>,
    /// The answer, once it is known.
    pub now: Option<Rows>,
    /// The time that the answer is as of, where it depends on that.
    pub at: Option<Timestamp>,
    /// What came since it has begun.
    pub later: Vec<(TxId, Arc<Change>)>,
}

impl Beginning {
    pub fn new(query: Query, since: Option<TxId>) -> Self {
        Self { query, since, now: None, at: None, later: Vec::new() }
    }

    /// With an answer that depends on the time.
    pub fn at(self, at: Timestamp) -> Self {
        Self { at: Some(at), ..self }
    }

    /// What a subscriber is told who has nothing.
    pub fn afresh(self, subscription: SubscriptionId, now: Rows) -> Vec<Item> {
        let first = First { tx: now.tx, rows: now.rows, is_resumed: false, at: self.at };
        let mut items = vec![Item::Subscribed { subscription, first }];
        items.extend(later_updates(self.later, subscription, now.tx));
        items
    }

    /// What a subscriber is told who has an earlier answer: what has become of it.
    pub fn resumed(self, subscription: SubscriptionId, before: &Rows, now: Rows) -> Vec<Item> {
        let rows = RowChanges::between(&before.rows, &now.rows);
        let tx = self.since.expect("it has something to resume from");
        let rows_of_none = EncodedRows::none(self.query.format);
        let first = First { tx, rows: rows_of_none, is_resumed: true, at: None };
        let mut items = vec![Item::Subscribed { subscription, first }];
        if !rows.is_empty() {
            let changes = vec![(subscription, Arc::new(Change::new(rows, None)))];
            items.push(Item::Update { tx: now.tx, changes });
        }
        items.extend(later_updates(self.later, subscription, now.tx));
        items
    }
}

/// What came after the answer.
fn later_updates(
    later: Vec<(TxId, Arc<Change>)>,
    subscription: SubscriptionId,
    answered: TxId,
) -> impl Iterator<Item = Item> {
    later
        .into_iter()
        .filter(move |(tx, _)| answered < *tx)
        .map(move |(tx, change)| Item::Update { tx, changes: vec![(subscription, change)] })
}
