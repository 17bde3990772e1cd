//! Gives answers when their time has come: held until what they tell of is stable, told to the other shards where they
//! have to know, denied when the log is lost.
//!
//! Invariants:
//! 1. An answer leaves once, and, under `durability = always`, not before everything that it tells of is stable: durable
//!    here, and complete where other shards took part.

use cosmictron_types::{Duration, ShardCount, ShardId, Timestamp};

use super::announcement::Conclusion;
use super::journal::Landed;
use super::outbox::{Asker, Held, ReplyTo};
use super::request::{Answer, Unavailable};
use super::{Message, Seam, Shard, peers};
use crate::directory::Notice;

impl Shard {
    /// Lets an answer go as soon as everything up to now is durable.
    pub(super) fn hold(
        &mut self,
        reply: Option<ReplyTo>,
        answer: Answer,
        arrived: Timestamp,
        notices: Vec<Notice>,
        seam: &mut Seam<'_>,
    ) {
        self.publish(seam);
        let lsn = self.journal.barrier();
        self.keep(Held { lsn, reply, answer, arrived, notices }, seam);
    }

    pub(super) fn keep(&mut self, held: Held, seam: &mut Seam<'_>) {
        let stable = self.stability.stable(self.journal.durable());
        let is_stable = self.outbox.is_empty() && held.lsn <= stable;
        // Who is turned away because too much waits for the disk is not made to wait for it, too.
        if is_stable || held.answer.is_turned_away() {
            self.give(held, seam);
        } else if self.is_lost(seam.shard()) {
            self.deny(held, seam);
        } else {
            self.outbox.hold(held);
        }
    }

    /// Answers what will never be durable with the one thing that is known: that nothing is.
    pub(super) fn deny(&mut self, held: Held, seam: &mut Seam<'_>) {
        let answer = held.answer.refuse(Unavailable::LogFailed);
        self.finish(Conclusion { reply: held.reply, answer, arrived: held.arrived }, seam);
    }

    /// Goes on with what waited for the disk.
    pub(super) fn after_disk(&mut self, landed: Landed, seam: &mut Seam<'_>) {
        if let Landed::Poisoned = landed {
            self.lose_log(seam);
        }
        // Also when the log has failed: who waits for its start would wait for ever.
        if !self.joining.waiting.is_empty() || !self.joining.syncs.is_empty() {
            self.conclude_joining(seam);
            // What is owed since before the start waits for the log.
            self.wake(seam);
            for reply in std::mem::take(&mut self.joining.syncs) {
                self.sync(reply, seam);
            }
        }
        // The next group goes first: the disk works while answers are given.
        self.journal.flush(seam);
        self.release(seam);
    }

    /// Gives the answers whose time has come, and tells the shards that wait for this one how far it is.
    pub(super) fn release(&mut self, seam: &mut Seam<'_>) {
        let durable = self.journal.durable();
        for (peer, progress) in self.stability.advance(durable) {
            seam.send(peer, Message::Progress(progress));
        }
        let stable = self.stability.stable(durable);
        while let Some(held) = self.outbox.release(stable) {
            self.give(held, seam);
        }
    }

    /// Whether nothing more becomes stable here: the log has failed, or one that it depends on.
    pub(super) fn is_lost(&self, me: ShardId) -> bool {
        self.journal.is_lost() || self.directory.failed_logs().contains(&me)
    }

    /// Denies everything that waits, and tells the others. Final.
    pub(super) fn lose_log(&mut self, seam: &mut Seam<'_>) {
        let notice = Notice::LogFailed(seam.shard());
        if self.directory.failed_logs().contains(&seam.shard()) {
            return;
        }
        let reason = match self.journal.is_lost() {
            true => self.journal.poison(),
            false => "transactions in it are not in the failed log of another shard".to_owned(),
        };
        tracing::error!(
            shard = seam.shard().get(),
            reason,
            "the write-ahead log has failed; this shard takes no work until the server is restarted"
        );
        let lost: Vec<Held> = self.outbox.drain().collect();
        lost.into_iter().for_each(|held| self.deny(held, seam));
        self.fail_flows_of(seam.shard(), seam);
        self.tell(vec![notice], None, seam);
    }

    /// An answer's time has come: others are told what has changed, then it goes.
    pub(super) fn give(&mut self, held: Held, seam: &mut Seam<'_>) {
        let Held { reply, answer, arrived, notices, .. } = held;
        self.tell(notices, Some(Conclusion { reply, answer, arrived }), seam);
    }

    /// Tells every shard, and concludes once all have confirmed.
    pub(super) fn tell(
        &mut self,
        notices: Vec<Notice>,
        then: Option<Conclusion>,
        seam: &mut Seam<'_>,
    ) {
        for notice in &notices {
            self.end_affected(notice);
            self.directory.apply(notice);
            self.note_schemas(notice, seam);
        }
        let then = match then {
            Some(then) if notices.is_empty() || seam.shards() == ShardCount::ONE => {
                return self.finish(then, seam);
            }
            None if seam.shards() == ShardCount::ONE => return,
            Some(then) => then,
            None => Conclusion { reply: None, answer: Answer::Joined, arrived: seam.now() },
        };
        let id = self.announcements.start(seam.shards(), notices.len(), then);
        for peer in peers(seam) {
            for notice in &notices {
                seam.send(peer, Message::Announce { id, notice: notice.clone() });
            }
        }
    }

    pub(super) fn finish(&mut self, conclusion: Conclusion, seam: &mut Seam<'_>) {
        let Conclusion { reply, mut answer, arrived } = conclusion;
        if let Answer::Called(Ok(called)) = &mut answer {
            // It may have arrived at a shard whose clock is a little ahead.
            called.duration = seam.now().since(arrived).max(Duration::ZERO);
        }
        let Some(ReplyTo { shard, asker, via }) = reply else { return };
        match (shard == seam.shard(), asker, answer) {
            (true, Asker::Feed, Answer::Fed(batch)) => self.take_batch(shard, batch, seam),
            (false, Asker::Feed, Answer::Fed(batch)) => seam.send(shard, Message::Fed(batch)),
            // The log that it was in is lost, which all are told.
            (_, Asker::Feed, _) => {}
            (true, asker, answer) => self.answered(shard, via, asker, answer, seam),
            (false, asker, answer) => {
                seam.send(shard, Message::Answered { asker, answer, via });
            }
        }
    }

    pub(super) fn answer_at_once(&mut self, reply: ReplyTo, answer: Answer, seam: &mut Seam<'_>) {
        self.finish(Conclusion { reply: Some(reply), answer, arrived: seam.now() }, seam);
    }

    /// Something on this core has the answer to its request.
    ///
    /// It comes from a shard that need not be the one that was asked.
    pub(super) fn answered(
        &mut self,
        from: ShardId,
        via: ShardId,
        asker: Asker,
        answer: Answer,
        seam: &mut Seam<'_>,
    ) {
        if via != seam.shard() {
            self.forwarded[via.index()] -= 1;
            self.go_on_rerunning(seam);
        }
        match asker {
            Asker::Task(ticket) => seam.answer(ticket, answer),
            Asker::Schedule(id) => self.end_scheduled(id, &answer, seam),
            Asker::Visit(visit) => self.visit_was_ended(visit, &answer, seam),
            Asker::Gathering(id) => self.gathered(id, via, answer, seam),
            Asker::Flow(id, question) => self.flow_was_answered(id, question, via, answer, seam),
            Asker::Subscriber(flow, listener, subscription) => {
                self.subscriber_was_answered(flow, listener, subscription, answer, seam);
            }
            Asker::Listener(listener, number) => {
                self.listener_was_answered(listener, number, from, answer, seam);
            }
            Asker::Progress => self.take_progress(via, &answer, seam),
            Asker::Feed => unreachable!("nobody has asked"),
        }
    }
}
