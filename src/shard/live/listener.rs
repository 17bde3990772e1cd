//! What is to be told to one connection, in order, until it listens.
//!
//! Invariants:
//! 1. Of one subscription nothing is told before its first answer, and updates in the order of their transactions.
//! 2. Updates that wait are bounded; the beginnings of subscriptions are by what an answer may be. Beyond [`QUEUE_BYTES_MAX`] all
//!    updates that wait become one, exact as of the last of them; when that is still large, the listener is given up. One that
//!    listens, or has only one update to take, is not behind, however large that is.
//! 3. One that has ended is told that and nothing else.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use cosmictron_sql::{EncodedRows, RowChanges};
use cosmictron_types::{Timestamp, TxId};

use super::SubscriptionId;
use crate::shard::outbox::ReplyTo;
use crate::shard::request::{Answer, QueryError};

/// Bytes that wait for one listener.
pub const QUEUE_BYTES_MAX: usize = 1 << 20;

/// Something to tell a listener.
#[derive(Debug)]
pub enum Item {
    /// A subscription's first answer.
    Subscribed { subscription: SubscriptionId, first: First },
    /// A subscription has ended, or never began.
    Failed { subscription: SubscriptionId, error: QueryError },
    /// What one transaction, or several up to it, changed.
    Update { tx: TxId, changes: Vec<(SubscriptionId, Arc<Change>)> },
    /// The answer to a request of its own.
    Answered { number: u64, answer: Answer },
}

/// Why a listener is told nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was too slow.
    TooSlow,
    /// Its token was signed out.
    SignedOut,
    /// Its account may read other things than before.
    RightsChanged,
}

/// How a subscription begins.
#[derive(Debug, PartialEq, Eq)]
pub struct First {
    /// As of which transaction.
    pub tx: TxId,
    /// All rows; or none where the listener has those of `tx` already.
    pub rows: EncodedRows,
    pub is_resumed: bool,
    /// As of which time, where the answer depends on that.
    pub at: Option<Timestamp>,
}

/// A change of an answer, encoded once for all who are told.
#[derive(Debug)]
pub struct Change {
    pub rows: RowChanges,
    /// The rows that come and the rows that go, as [`RowChanges::write`] writes them.
    pub told: Box<[u8]>,
    /// The time that the answer is as of with it, where that depends on the time.
    pub at: Option<Timestamp>,
}

impl Change {
    pub fn new(rows: RowChanges, at: Option<Timestamp>) -> Self {
        let mut told = Vec::new();
        rows.write(&mut told);
        Self { rows, told: told.into(), at }
    }

    /// Bytes of both forms.
    fn bytes(&self) -> usize {
        self.told.len() + self.rows.bytes()
    }
}

/// Bytes of changes: shared with others, but this one keeps them.
fn bytes(changes: &[(SubscriptionId, Arc<Change>)]) -> usize {
    size_of::<Item>() + changes.iter().map(|(_, change)| change.bytes()).sum::<usize>()
}

/// An item in the queue.
#[derive(Debug)]
struct Waiting {
    item: Item,
    /// It belongs to how a subscription begins: an answer, or what leads to it from an earlier one. As much as it may be.
    is_beginning: bool,
}

/// One connection's queue.
#[derive(Debug, Default)]
pub struct Listener {
    items: VecDeque<Waiting>,
    /// Bytes of updates among them, but for beginnings.
    update_bytes: usize,
    /// It has asked for what comes next.
    pub listens: Option<ReplyTo>,
    ended: Option<End>,
}

impl Listener {
    /// Puts something behind what waits.
    pub fn push(&mut self, item: Item) {
        if self.ended.is_some() {
            return;
        }
        if let Item::Update { changes, .. } = &item {
            self.update_bytes += bytes(changes);
        }
        self.items.push_back(Waiting { item, is_beginning: false });
        if self.update_bytes > QUEUE_BYTES_MAX && self.listens.is_none() {
            self.merge();
        }
    }

    /// Puts something behind what waits that belongs to how a subscription begins.
    pub fn push_beginning(&mut self, item: Item) {
        if self.ended.is_none() {
            self.items.push_back(Waiting { item, is_beginning: true });
        }
    }

    /// Everything that waits, or why there is nothing more.
    pub fn take(&mut self) -> Result<Vec<Item>, End> {
        self.update_bytes = 0;
        let items = std::mem::take(&mut self.items);
        match self.ended {
            None => Ok(items.into_iter().map(|waiting| waiting.item).collect()),
            Some(end) => Err(end),
        }
    }

    /// Nothing more is told, of what waits neither.
    pub fn end(&mut self, why: End) {
        self.ended = Some(why);
        self.items = VecDeque::new();
        self.update_bytes = 0;
    }

    /// Whether there is something to tell.
    pub fn has_news(&self) -> bool {
        self.ended.is_some() || !self.items.is_empty()
    }

    /// Makes one update of all that wait. Beginnings go before it, since it may go on from them; all else behind, since
    /// answers may tell of transactions that it shows.
    fn merge(&mut self) {
        let (mut first, mut rest) = (VecDeque::new(), Vec::new());
        let mut sums: BTreeMap<SubscriptionId, (RowChanges, Option<Timestamp>)> = BTreeMap::new();
        let (mut newest, mut updates) = (TxId::ZERO, 0);
        for waiting in std::mem::take(&mut self.items) {
            match waiting.item {
                _ if waiting.is_beginning => first.push_back(waiting),
                Item::Update { tx, changes } => {
                    updates += 1;
                    newest = newest.max(tx);
                    for (subscription, change) in changes {
                        let none = || (RowChanges::none(change.rows.format()), None);
                        let (sum, at) = sums.entry(subscription).or_insert_with(none);
                        sum.merge(&change.rows);
                        *at = (*at).max(change.at);
                    }
                }
                _ => rest.push(waiting),
            }
        }
        let changed = sums.into_iter().filter(|(_, (rows, _))| !rows.is_empty());
        let changes: Vec<_> =
            changed.map(|(id, (rows, at))| (id, Arc::new(Change::new(rows, at)))).collect();
        self.update_bytes = bytes(&changes);
        let item = Item::Update { tx: newest, changes };
        first.push_back(Waiting { item, is_beginning: false });
        first.extend(rest);
        self.items = first;
        // With half of the room left, the next merge is not due at once.
        if updates > 1 && self.update_bytes > QUEUE_BYTES_MAX / 2 {
            self.end(End::TooSlow);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cosmictron_sql::RowFormat;

    fn update(tx: u64, subscription: u64, rows: &[(&str, i64)]) -> Item {
        let mut changes = RowChanges::none(RowFormat::Json);
        rows.iter().for_each(|(row, weight)| changes.add(row.as_bytes().into(), *weight));
        let change = Arc::new(Change::new(changes, None));
        Item::Update { tx: TxId::new(tx), changes: vec![(SubscriptionId(subscription), change)] }
    }

    fn told(items: &[Item]) -> Vec<String> {
        let tell = |item: &Item| match item {
            Item::Update { tx, changes } => {
                let changes = changes.iter().map(|(id, change)| {
                    format!("{}:{}", id.0, String::from_utf8_lossy(&change.told))
                });
                format!("{tx} {}", changes.collect::<Vec<_>>().join(" "))
            }
            Item::Subscribed { subscription, .. } => format!("begin {}", subscription.0),
            Item::Answered { number, .. } => format!("answer {number}"),
            Item::Failed { .. } => "failed".to_owned(),
        };
        items.iter().map(tell).collect()
    }

    #[test]
    fn what_waits_is_told_in_order() {
        let mut listener = Listener::default();
        assert!(!listener.has_news());
        listener.push(update(3, 1, &[("[1]", 1)]));
        listener.push(update(5, 1, &[("[1]", -1), ("[2]", 1)]));
        assert!(listener.has_news());
        assert_eq!(told(&listener.take().unwrap()), ["3 1:[[1]],[]", "5 1:[[2]],[[1]]"]);
        assert!(!listener.has_news());
    }

    #[test]
    fn who_does_not_listen_gets_the_sum() {
        let mut listener = Listener::default();
        let long = format!("[\"{}\"]", "x".repeat(QUEUE_BYTES_MAX / 8));
        listener.push(update(1, 1, &[("[1]", 1)]));
        listener.push(Item::Answered { number: 7, answer: Answer::Joined });
        let rows = EncodedRows::none(RowFormat::Json);
        let first = First { tx: TxId::new(2), rows, is_resumed: false, at: None };
        listener.push_beginning(Item::Subscribed { subscription: SubscriptionId(2), first });
        // What it resumes with counts for nothing.
        listener.push_beginning(update(3, 2, &[(&long.repeat(20), 1)]));
        for tx in 4..40 {
            let weight = if tx % 2 == 0 { 1 } else { -1 };
            listener.push(update(tx, 2, &[(&long, weight), ("[5]", 1)]));
        }
        let told = told(&listener.take().unwrap());
        assert_eq!(told[0], "begin 2");
        assert!(told[1].starts_with("3 2:"));
        assert!(told[2].contains("1:[[1]],[]"));
        assert_eq!(told[3], "answer 7");
    }

    /// Whoever was told of one large transaction was given up, listening or not.
    #[test]
    fn one_update_is_told_however_large_it_is() {
        let mut listener = Listener::default();
        let long = format!("[\"{}\"]", "x".repeat(2 * QUEUE_BYTES_MAX));
        listener.push(update(3, 1, &[(&long, 1)]));
        assert_eq!(listener.take().unwrap().len(), 1);
    }

    #[test]
    fn who_is_signed_out_is_told_nothing_of_what_waits() {
        let mut listener = Listener::default();
        listener.push(update(3, 1, &[("[1]", 1)]));
        listener.end(End::SignedOut);
        listener.push(update(4, 1, &[("[2]", 1)]));
        assert!(listener.has_news());
        assert_eq!(listener.take().err(), Some(End::SignedOut));
    }

    #[test]
    fn who_falls_behind_by_more_than_can_be_summed_up_is_given_up() {
        let mut listener = Listener::default();
        for tx in 1..40 {
            let long = format!("[{tx},\"{}\"]", "x".repeat(QUEUE_BYTES_MAX / 8));
            listener.push(update(tx, 1, &[(&long, 1)]));
        }
        assert!(listener.has_news());
        assert_eq!(listener.take().err(), Some(End::TooSlow));
    }
}
