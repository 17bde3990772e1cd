//! Holds answers back until everything that they tell of is durable.
//!
//! An answer tells of the transaction that it answers, and of whatever that transaction or query has read. All of it
//! was appended to this shard's log before, so it is enough to wait for the last record that was appended then. Who is
//! turned away is told of no transaction, and does not come here: the bound holds, and a slow disk is not waited for.
//!
//! Invariants:
//! 1. Answers leave in the order in which they were held: their records ascend.
//! 2. Under `durability = always` nothing leaves before the log is durable up to its record (DESIGN invariant 1).

use std::collections::VecDeque;

use cosmictron_runtime::Ticket;
use cosmictron_types::{Lsn, ShardId, Timestamp, TxId};

use super::gather::GatheringId;
use super::live::opening::FlowQuestion;
use super::live::{FlowId, ListenerId, SubscriptionId};
use super::request::Answer;
use crate::directory::Notice;

/// Answers that may wait at once. Each belongs to a request whose task waits, so connections bound them too.
pub const HELD_MAX: usize = 65_536;

/// Who gets an answer.
#[derive(Debug)]
pub struct ReplyTo {
    pub shard: ShardId,
    pub asker: Asker,
    /// The shard that the request was sent to, whoever answers it.
    pub via: ShardId,
}

/// What has asked on a shard.
#[derive(Debug)]
pub enum Asker {
    /// A task.
    Task(Ticket),
    /// The schedule with this id.
    Schedule(u64),
    /// The visit that ends.
    Visit(TxId),
    /// A query that it gathers.
    Gathering(GatheringId),
    /// A live query on its way.
    Flow(FlowId, FlowQuestion),
    /// A subscription that begins.
    Subscriber(FlowId, ListenerId, SubscriptionId),
    /// A connection, under its own number.
    Listener(ListenerId, u64),
    /// What has arrived for live queries, and waits for others to be as far.
    Progress,
    /// Nobody has: it is told what a transaction changes.
    Feed,
}

/// An answer that waits, and what has to be told to the other shards before it may leave.
pub struct Held {
    pub lsn: Lsn,
    pub reply: Option<ReplyTo>,
    pub answer: Answer,
    pub arrived: Timestamp,
    pub notices: Vec<Notice>,
}

/// One shard's answers that wait for its log.
#[derive(Default)]
pub struct Outbox {
    held: VecDeque<Held>,
}

impl Outbox {
    pub fn len(&self) -> usize {
        self.held.len()
    }

    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.held.len() >= HELD_MAX
    }

    pub fn hold(&mut self, held: Held) {
        assert!(self.held.back().is_none_or(|last| last.lsn <= held.lsn), "answers ascend (I1)");
        self.held.push_back(held);
    }

    /// The next answer that may leave, if any.
    pub fn release(&mut self, durable: Lsn) -> Option<Held> {
        self.held.pop_front_if(|held| held.lsn <= durable)
    }

    /// Everything that still waits, once it will never become durable.
    pub fn drain(&mut self) -> impl Iterator<Item = Held> {
        self.held.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(lsn: u64) -> Held {
        Held {
            lsn: Lsn::new(lsn),
            reply: None,
            answer: Answer::Joined,
            arrived: Timestamp::EPOCH,
            notices: Vec::new(),
        }
    }

    #[test]
    fn an_answer_waits_for_its_record_and_no_longer() {
        let mut outbox = Outbox::default();
        [1, 1, 3].into_iter().for_each(|lsn| outbox.hold(held(lsn)));
        assert!(outbox.release(Lsn::ZERO).is_none());
        assert_eq!(outbox.release(Lsn::new(2)).unwrap().lsn, Lsn::new(1));
        assert_eq!(outbox.release(Lsn::new(2)).unwrap().lsn, Lsn::new(1));
        assert!(outbox.release(Lsn::new(2)).is_none());
        assert_eq!(outbox.len(), 1);
    }
}
