//! Carries messages between cores: a bounded ring from every shard to every other, and one doorbell for each receiver.
//!
//! Invariants:
//! 1. Messages of one pair arrive in order and once: a ring keeps order, and while a sender's overflow holds messages,
//!    newer ones queue behind them.
//! 2. Nothing sleeps on mail: a sender rings after it has pushed, a receiver registers at its doorbell and then looks
//!    again. Likewise for room: a sender with overflow asks for a ring and then looks, a receiver looks after it popped.
//!    A ring may tell of room that was filled since (the receiver popped, we pushed, it rang), and it takes the asking
//!    back; so a sender asks again each time before it sleeps, not only when it last pushed.
//! 3. A sender's overflow holds at most [`OVERFLOW_MAX`] messages for one receiver; more is a machine that doesn't
//!    bound what it has in flight, and a panic.
//!
//! ```text
//!   shard 0 ──push──▶ [overflow 0→1] ─▶ ring 0→1 ──pop──▶ shard 1
//!      └──────────── rings ────────────────────────▶ doorbell 1
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::task::Waker;

use atomic_waker::AtomicWaker;
use cosmictron_types::{ShardCount, ShardId};
use rtrb::{Consumer, Producer, PushError, RingBuffer};

use crate::machine::{MAILBOX_SLOTS, OVERFLOW_MAX};

/// One core's end of the mesh.
pub(crate) struct Mesh<T> {
    outlets: Vec<Option<Outlet<T>>>,
    inlets: Vec<Option<Inlet<T>>>,
    doorbells: Doorbells,
    own: ShardId,
    /// Receivers that were sent something since the last `ring_doorbells`.
    to_ring: Vec<ShardId>,
}

/// Rung by any core, listened to by the one that owns it.
type Doorbells = Arc<[Doorbell]>;

/// Alone on its cache lines: senders write it with every batch.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Doorbell(AtomicWaker);

struct Outlet<T> {
    ring: Producer<T>,
    overflow: VecDeque<T>,
    lacks_room: Arc<AtomicBool>,
    is_to_ring: bool,
}

struct Inlet<T> {
    ring: Consumer<T>,
    sender_lacks_room: Arc<AtomicBool>,
}

impl Doorbell {
    pub(crate) fn ring(&self) {
        self.0.wake();
    }

    /// Lets `waker` be woken by the next ring. Look for mail again after this.
    pub(crate) fn register(&self, waker: &Waker) {
        self.0.register(waker);
    }
}

/// The ends of a mesh between `count` shards, in their order.
pub(crate) fn build<T>(count: ShardCount) -> Vec<Mesh<T>> {
    let doorbells: Doorbells = count.shards().map(|_| Doorbell::default()).collect();
    let end = |own| Mesh {
        outlets: count.shards().map(|_| None).collect(),
        inlets: count.shards().map(|_| None).collect(),
        doorbells: Arc::clone(&doorbells),
        own,
        to_ring: Vec::with_capacity(count.get().into()),
    };
    let mut ends: Vec<Mesh<T>> = count.shards().map(end).collect();
    for from in count.shards() {
        for to in count.shards().filter(|to| *to != from) {
            let (outlet, inlet) = pair();
            ends[from.index()].outlets[to.index()] = Some(outlet);
            ends[to.index()].inlets[from.index()] = Some(inlet);
        }
    }
    ends
}

fn pair<T>() -> (Outlet<T>, Inlet<T>) {
    let (producer, consumer) = RingBuffer::new(MAILBOX_SLOTS);
    let lacks_room = Arc::new(AtomicBool::new(false));
    let inlet = Inlet { ring: consumer, sender_lacks_room: Arc::clone(&lacks_room) };
    (Outlet { ring: producer, overflow: VecDeque::new(), lacks_room, is_to_ring: false }, inlet)
}

impl<T> Mesh<T> {
    /// Whose end this is.
    pub(crate) fn shard(&self) -> ShardId {
        self.own
    }

    /// Sends to another shard. The receiver hears of it at the next [`Mesh::ring_doorbells`].
    pub(crate) fn send(&mut self, to: ShardId, message: T) {
        let outlet = self.outlets[to.index()].as_mut().expect("a message to oneself needs no mesh");
        if !outlet.is_to_ring {
            outlet.is_to_ring = true;
            self.to_ring.push(to);
        }
        if outlet.overflow.is_empty() {
            if let Err(PushError::Full(message)) = outlet.ring.push(message) {
                outlet.overflow.push_back(message);
                outlet.drain_overflow();
            }
        } else {
            assert!(outlet.overflow.len() < OVERFLOW_MAX, "{OVERFLOW_MAX} messages wait for {to}");
            outlet.overflow.push_back(message);
        }
    }

    /// Tells every receiver that was sent something.
    pub(crate) fn ring_doorbells(&mut self) {
        while let Some(to) = self.to_ring.pop() {
            if let Some(outlet) = &mut self.outlets[to.index()] {
                outlet.is_to_ring = false;
            }
            self.doorbells[to.index()].ring();
        }
    }

    /// Moves overflow into rings that have room again.
    pub(crate) fn drain_overflow(&mut self) {
        for (to, outlet) in self.outlets.iter_mut().enumerate() {
            if let Some(outlet) = outlet
                && !outlet.overflow.is_empty()
                && outlet.drain_overflow()
            {
                self.doorbells[to].ring();
            }
        }
    }

    /// The next message of one sender.
    pub(crate) fn receive(&mut self, from: ShardId) -> Option<T> {
        self.inlets[from.index()].as_mut()?.ring.pop().ok()
    }

    /// To be called when some messages of `from` were received: wakes it when it waits for room.
    pub(crate) fn tell_of_room(&mut self, from: ShardId) {
        let Some(inlet) = &self.inlets[from.index()] else { return };
        // Pairs with the fence in `Outlet::asks_for_room`: either we see that it asks or it sees our pops (I2).
        fence(Ordering::SeqCst);
        if inlet.sender_lacks_room.load(Ordering::Relaxed)
            && inlet.sender_lacks_room.swap(false, Ordering::Relaxed)
        {
            self.doorbells[from.index()].ring();
        }
    }

    /// Whether any sender has left something, or overflow could move. If it could not, its receiver is asked for a ring.
    pub(crate) fn has_work(&self) -> bool {
        let has_mail = |inlet: &Inlet<T>| !inlet.ring.is_empty();
        let can_move = |outlet: &Outlet<T>| !outlet.overflow.is_empty() && outlet.asks_for_room();
        self.inlets.iter().flatten().any(has_mail) || self.outlets.iter().flatten().any(can_move)
    }

    pub(crate) fn doorbell(&self) -> &Doorbell {
        &self.doorbells[self.own.index()]
    }

    /// Messages that wait in the ring from each shard to this one.
    pub(crate) fn depths(&self) -> Vec<usize> {
        let depth = |inlet: &Option<Inlet<T>>| inlet.as_ref().map_or(0, |inlet| inlet.ring.slots());
        self.inlets.iter().map(depth).collect()
    }

    /// Messages that wait here for room, to all receivers.
    pub(crate) fn overflow(&self) -> usize {
        self.outlets.iter().flatten().map(|outlet| outlet.overflow.len()).sum()
    }
}

impl<T> Outlet<T> {
    /// Whether anything moved into the ring. With a remainder, the receiver will ring us when there is room.
    fn drain_overflow(&mut self) -> bool {
        let mut has_moved = self.fill_ring();
        while !self.overflow.is_empty() && self.asks_for_room() {
            has_moved |= self.fill_ring();
        }
        has_moved
    }

    /// Asks the receiver for a ring when it has made room, then looks whether it has.
    fn asks_for_room(&self) -> bool {
        self.lacks_room.store(true, Ordering::Relaxed);
        // Pairs with the fence in `Mesh::tell_of_room`.
        fence(Ordering::SeqCst);
        !self.ring.is_full()
    }

    fn fill_ring(&mut self) -> bool {
        let mut has_moved = false;
        while let Some(message) = self.overflow.pop_front() {
            match self.ring.push(message) {
                Ok(()) => has_moved = true,
                Err(PushError::Full(message)) => {
                    self.overflow.push_front(message);
                    break;
                }
            }
        }
        has_moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> (Mesh<usize>, Mesh<usize>, ShardId, ShardId) {
        let count = ShardCount::new(2).unwrap();
        let [first, second]: [Mesh<usize>; 2] = build(count).try_into().ok().unwrap();
        let other = ShardId::new(1, count).unwrap();
        (first, second, ShardId::FIRST, other)
    }

    #[test]
    fn order_holds_through_the_overflow() {
        let (mut sender, mut receiver, first, second) = two();
        let sent = 3 * MAILBOX_SLOTS;
        (0..sent).for_each(|number| sender.send(second, number));
        assert_eq!(sender.overflow(), 2 * MAILBOX_SLOTS);
        let mut received = Vec::new();
        while received.len() < sent {
            while let Some(number) = receiver.receive(first) {
                received.push(number);
            }
            receiver.tell_of_room(first);
            sender.drain_overflow();
        }
        assert!(received.iter().copied().eq(0..sent));
    }

    #[test]
    fn a_sender_without_room_is_work_once_there_is_some() {
        let (mut sender, mut receiver, first, second) = two();
        (0..=MAILBOX_SLOTS).for_each(|number| sender.send(second, number));
        assert!(!sender.has_work());
        assert!(receiver.has_work());
        receiver.receive(first);
        assert!(sender.has_work());
    }

    /// The receiver pops, the sender fills the room and asks anew, and only now the receiver takes the asking back.
    #[test]
    fn a_ring_for_room_that_is_filled_already_is_not_the_last() {
        let (mut sender, mut receiver, first, second) = two();
        (0..MAILBOX_SLOTS + 3).for_each(|number| sender.send(second, number));
        receiver.receive(first);
        sender.drain_overflow();
        receiver.tell_of_room(first);
        assert!(!sender.has_work(), "the ring is full again");
        receiver.receive(first);
        let asks = |receiver: &Mesh<usize>| {
            let inlet = receiver.inlets[first.index()].as_ref().unwrap();
            inlet.sender_lacks_room.load(Ordering::Relaxed)
        };
        assert!(asks(&receiver), "nobody would tell the sender of room");
        receiver.tell_of_room(first);
        assert!(!asks(&receiver));
        assert!(sender.has_work());
    }

    #[test]
    #[should_panic(expected = "messages wait for 1")]
    fn a_machine_that_floods_is_a_bug() {
        let (mut sender, _receiver, _, second) = two();
        (0..=MAILBOX_SLOTS + OVERFLOW_MAX).for_each(|number| sender.send(second, number));
    }
}
