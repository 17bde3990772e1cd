//! Is the seam of a simulated shard for the length of one event: every effect becomes a plan.

use std::collections::BTreeMap;

use cosmictron_types::{Duration, ShardCount, ShardId, TableId, Timestamp, TxId};

use super::disk::{Disk, Job};
use super::faults::Faults;
use super::schedule::{Schedule, What};
use super::trace::Trace;
use super::world::{Client, RequestId};
use crate::boot::Counters;
use crate::machine::{
    MAILBOX_SLOTS, Machine, OVERFLOW_MAX, SEGMENTS_IN_PREPARATION_MAX, Seam, SegmentNumber, Ticket,
    WriteId, assert_write,
};
use crate::random::Random;

/// What one shard has asked for.
#[derive(Default)]
pub(crate) struct Wishes {
    pub(crate) flush: bool,
    pub(crate) tick: Option<Timestamp>,
    /// Counts the wishes for a tick; a planned tick of an earlier one is void.
    pub(crate) tick_wish: u64,
    /// When the last of its segments that are to be made or removed is.
    pub(crate) last_job_at: Timestamp,
}

/// Messages on their way from one shard to another.
pub(crate) struct Lane {
    /// When the last one arrives: none overtakes it.
    pub(crate) last_at: Timestamp,
    pub(crate) count: usize,
}

/// A machine's seam during one event.
pub(crate) struct SimSeam<'a, M: Machine> {
    pub(crate) shard: ShardId,
    pub(crate) shards: ShardCount,
    pub(crate) world_now: Timestamp,
    /// By the shard's own clock.
    pub(crate) now: Timestamp,
    pub(crate) faults: &'a Faults,
    pub(crate) random: &'a mut Random,
    pub(crate) counters: &'a Counters,
    pub(crate) schedule: &'a mut Schedule<M>,
    pub(crate) lanes: &'a mut BTreeMap<(ShardId, ShardId), Lane>,
    pub(crate) disk: &'a mut Disk,
    pub(crate) wishes: &'a mut Wishes,
    pub(crate) clients: &'a mut BTreeMap<RequestId, Client>,
    pub(crate) answers: &'a mut Vec<(RequestId, M::Answer)>,
    pub(crate) trace: &'a mut Trace,
}

impl<M: Machine> SimSeam<'_, M> {
    /// Behind all earlier ones.
    fn begin_job(&mut self, job: Job) {
        let key = self.disk.begin_job(job);
        let earliest = self.world_now + self.faults.segment_delay.draw(self.random);
        let after_last = Timestamp::from_micros(self.wishes.last_job_at.as_micros() + 1);
        self.wishes.last_job_at = earliest.max(after_last);
        self.plan_own(self.wishes.last_job_at, What::SegmentDone(key));
    }

    fn plan_own(&mut self, at: Timestamp, what: What<M>) {
        self.schedule.plan(at, self.shard, what, self.random);
    }
}

impl<M> Seam<M> for SimSeam<'_, M>
where
    M: Machine<Message: std::fmt::Debug, Answer: std::fmt::Debug>,
{
    fn shard(&self) -> ShardId {
        self.shard
    }

    fn shards(&self) -> ShardCount {
        self.shards
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn random(&mut self) -> u64 {
        self.random.next()
    }

    fn next_tx(&mut self) -> TxId {
        self.counters.next_tx()
    }

    /// What happens in this world takes no time.
    fn busy(&self) -> Duration {
        Duration::ZERO
    }

    fn last_tx(&self) -> TxId {
        self.counters.last_tx()
    }

    fn next_table(&mut self) -> TableId {
        self.counters.next_table()
    }

    fn send(&mut self, to: ShardId, message: M::Message) {
        self.trace.note(self.world_now, self.shard, format_args!("  send to s{to}: {message:?}"));
        let earliest = self.world_now + self.faults.message_delay.draw(self.random);
        let lane = self
            .lanes
            .entry((self.shard, to))
            .or_insert(Lane { last_at: self.world_now, count: 0 });
        assert!(lane.count < MAILBOX_SLOTS + OVERFLOW_MAX, "{} messages wait for {to}", lane.count);
        lane.count += 1;
        let after_last = Timestamp::from_micros(lane.last_at.as_micros() + 1);
        lane.last_at = earliest.max(after_last);
        let what = What::Message { from: self.shard, message };
        self.schedule.plan(lane.last_at, to, what, self.random);
    }

    fn answer(&mut self, ticket: Ticket, answer: M::Answer) {
        let id = RequestId::of(&ticket);
        self.trace.note(self.world_now, self.shard, format_args!("  answer {id}: {answer:?}"));
        if let Some(Client::Waiting) = self.clients.remove(&id) {
            self.answers.push((id, answer));
        }
    }

    fn is_awaited(&self, ticket: &Ticket) -> bool {
        self.clients.get(&RequestId::of(ticket)) == Some(&Client::Waiting)
    }

    fn flush_soon(&mut self) {
        if !self.wishes.flush {
            self.wishes.flush = true;
            self.plan_own(self.world_now, What::Flush);
        }
    }

    fn wake_at(&mut self, at: Timestamp) {
        if self.wishes.tick.is_some_and(|earlier| earlier <= at) {
            return;
        }
        self.wishes.tick = Some(at);
        self.wishes.tick_wish += 1;
        let wish = self.wishes.tick_wish;
        // The wish is by the shard's own clock.
        let wait = (at - self.now).max(Duration::ZERO);
        let late = self.faults.tick_late.draw(self.random);
        self.plan_own(self.world_now + wait + late, What::Tick { wish });
    }

    fn write(&mut self, id: WriteId, segment: SegmentNumber, offset: u64, bytes: &[u8]) {
        assert_write(offset, bytes, self.disk.writes_in_flight());
        let (now, shard, length) = (self.world_now, self.shard, bytes.len());
        let what = format_args!("  write {}: {length} bytes at {segment}+{offset}", id.get());
        self.trace.note(now, shard, what);
        let key = self.disk.begin_write(id, segment, offset, bytes, self.faults, self.random);
        let delay = self.faults.write_delay.draw(self.random);
        self.plan_own(now + delay, What::WriteDone(key));
    }

    fn prepare_segment(&mut self, segment: SegmentNumber, bytes: u64) {
        let asked_for = self.disk.segments_in_preparation();
        assert!(asked_for < SEGMENTS_IN_PREPARATION_MAX, "{asked_for} segments asked for");
        self.trace.note(
            self.world_now,
            self.shard,
            format_args!("  prepare {segment}: {bytes} bytes"),
        );
        self.begin_job(Job::Prepare { segment, bytes });
    }

    fn remove_segment(&mut self, segment: SegmentNumber) {
        self.trace.note(self.world_now, self.shard, format_args!("  remove {segment}"));
        self.begin_job(Job::Remove { segment });
    }
}
