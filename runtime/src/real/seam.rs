//! Is the seam of a real shard: its mailboxes, its log, its clock and the tasks that wait for it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use cosmictron_types::{Duration, ShardCount, ShardId, TableId, Timestamp, TxId};

use super::bell::Bell;
use super::clock::WallClock;
use super::log::Log;
use super::log::segment::SegmentDesk;
use super::mesh::Mesh;
use super::pending::Slots;
use crate::boot::Counters;
use crate::machine::{Machine, OVERFLOW_MAX, Seam, SegmentNumber, Ticket, WriteId};
use crate::random::Random;

/// What one shard's machine acts through. Borrowed for the length of one event.
pub(crate) struct RealSeam<M: Machine> {
    pub(crate) shard: ShardId,
    pub(crate) shards: ShardCount,
    pub(crate) clock: Rc<WallClock>,
    pub(crate) random: Random,
    pub(crate) counters: Arc<Counters>,
    pub(crate) mesh: Mesh<M::Message>,
    pub(crate) own_mail: VecDeque<M::Message>,
    pub(crate) slots: Rc<RefCell<Slots<M::Answer>>>,
    pub(crate) flush: Rc<Bell>,
    pub(crate) tick: Rc<Bell>,
    pub(crate) tick_at: Option<Timestamp>,
    pub(crate) log: Log,
    pub(crate) segments: SegmentDesk,
}

impl<M: Machine> RealSeam<M> {
    /// Tells other shards, and this one, of what was sent during an event.
    pub(crate) fn ring_doorbells(&mut self) {
        self.mesh.ring_doorbells();
        if !self.own_mail.is_empty() {
            self.mesh.doorbell().ring();
        }
    }

    pub(crate) fn has_mail(&self) -> bool {
        !self.own_mail.is_empty() || self.mesh.has_work()
    }
}

impl<M: Machine> Seam<M> for RealSeam<M> {
    fn shard(&self) -> ShardId {
        self.shard
    }

    fn shards(&self) -> ShardCount {
        self.shards
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn random(&mut self) -> u64 {
        self.random.next()
    }

    fn next_tx(&mut self) -> TxId {
        self.counters.next_tx()
    }

    fn busy(&self) -> Duration {
        super::cpu::thread_time()
    }

    fn last_tx(&self) -> TxId {
        self.counters.last_tx()
    }

    fn next_table(&mut self) -> TableId {
        self.counters.next_table()
    }

    fn send(&mut self, to: ShardId, message: M::Message) {
        if to == self.shard {
            assert!(self.own_mail.len() < OVERFLOW_MAX, "{OVERFLOW_MAX} messages wait for {to}");
            self.own_mail.push_back(message);
        } else {
            self.mesh.send(to, message);
        }
    }

    fn answer(&mut self, ticket: Ticket, answer: M::Answer) {
        let kept = self.slots.borrow_mut().answer(ticket, answer);
        if let Ok(Some(waker)) = kept {
            waker.wake();
        }
    }

    fn is_awaited(&self, ticket: &Ticket) -> bool {
        self.slots.borrow().is_awaited(ticket)
    }

    fn flush_soon(&mut self) {
        self.flush.ring();
    }

    fn wake_at(&mut self, at: Timestamp) {
        if self.tick_at.is_none_or(|earlier| at < earlier) {
            self.tick_at = Some(at);
            self.tick.ring();
        }
    }

    fn write(&mut self, id: WriteId, segment: SegmentNumber, offset: u64, bytes: &[u8]) {
        self.log.write(id, segment, offset, bytes);
    }

    fn prepare_segment(&mut self, segment: SegmentNumber, bytes: u64) {
        self.segments.prepare(segment, bytes);
    }

    fn remove_segment(&mut self, segment: SegmentNumber) {
        self.segments.remove(segment);
    }
}
