//! Starts a shard among the others: each tells all what its log says they have to know, once.
//!
//! Invariants:
//! 1. Nobody is told that a shard has joined before it knows what all others know and its log takes records, or has
//!    failed. The first shard opens the server; the others join only then.

use cosmictron_types::ShardId;

use super::announcement::Conclusion;
use super::outbox::{Held, ReplyTo};
use super::request::Answer;
use super::{Message, Seam, Shard, peers};

/// How far the exchange of snapshots at the start is.
pub(super) struct Joining {
    /// Shards whose snapshot has not come.
    pub(super) missing: u16,
    pub(super) waiting: Vec<ReplyTo>,
    /// Asked before the log could be written.
    pub(super) syncs: Vec<ReplyTo>,
}

impl Shard {
    /// Tells the others what they have to know, and prepares the log.
    pub(super) fn start(&mut self, seam: &mut Seam<'_>) {
        for peer in peers(seam) {
            seam.send(peer, Message::Snapshot(self.own_facts()));
        }
        self.journal.flush(seam);
        self.wake(seam);
    }

    /// Answers once this shard knows what the others know, its log can be written and, but for the first shard, the
    /// first one has opened the server.
    pub(super) fn join(&mut self, reply: ReplyTo, seam: &mut Seam<'_>) {
        self.joining.waiting.push(reply);
        self.conclude_joining(seam);
    }

    pub(super) fn conclude_joining(&mut self, seam: &mut Seam<'_>) {
        let is_settled = self.joining.missing == 0 && !self.journal.is_starting();
        if !is_settled || (seam.shard() != ShardId::FIRST && !self.directory.is_open()) {
            return;
        }
        for reply in std::mem::take(&mut self.joining.waiting) {
            self.finish(
                Conclusion { reply: Some(reply), answer: Answer::Joined, arrived: seam.now() },
                seam,
            );
        }
    }

    /// Answers once all that was done is durable, whatever the durability mode, with a mark behind it: damage to it can
    /// then be told from a torn tail.
    pub(super) fn sync(&mut self, reply: ReplyTo, seam: &mut Seam<'_>) {
        if self.journal.is_starting() {
            self.joining.syncs.push(reply);
            return;
        }
        let marked = self.journal.mark(seam);
        let (lsn, arrived) = (self.journal.appended(), seam.now());
        let answer = Answer::Synced(marked);
        self.keep(Held { lsn, reply: Some(reply), answer, arrived, notices: Vec::new() }, seam);
    }
}
