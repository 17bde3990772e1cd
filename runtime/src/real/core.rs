//! Is what one core holds while it runs: its machine, the machine's seam, and the tasks that feed it.
//!
//! The tasks of a core:
//!
//! ```text
//!   mail        doorbell ─▶ Message          tick       timer ─▶ Tick
//!   flush       bell ─────▶ Flush            turns      gives way (see `turn`)
//!   disk        inbox ────▶ Written, …       deadlines  ends silent sockets
//!   completions log ring's eventfd ─▶ Written
//! ```
//!
//! Invariants:
//! 1. No task of ours wakes itself; one that has more to do waits for its turn. (A self-woken task jumps the queue.)
//! 2. A burst of messages can't keep sockets waiting: a core that is rung again and again takes its turn now and then,
//!    since while foreign wake-ups come in without a pause the executor never looks at its sockets.
//! 3. Every task ends once `is_ending` is set and it is nudged, so that nothing is in flight when the ring is dropped.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration as StdDuration;

use cosmictron_types::{ShardId, Timestamp};

use super::bell::Bell;
use super::clock::WallClock;
use super::control::Control;
use super::deadline::{Deadlines, sleep_or_rung};
use super::latch::Latch;
use super::log::inbox::{Done, Inbox};
use super::options::{IoDriverInUse, LogBackendInUse};
use super::pending::{Pending, Slots};
use super::pool::Pool;
use super::seam::RealSeam;
use super::turn::Turns;
use crate::machine::{Event, Machine, WRITES_IN_FLIGHT_MAX};

/// Messages taken from one sender before the next one's turn.
const MAIL_BATCH: usize = 64;

/// Batches of mail after which a core gives way, even when no mail is left (I2).
const MAIL_STREAK_MAX: u32 = 16;

/// The longest that the tick's task sleeps at once: the wall clock may be set forward meanwhile.
const SLEEP_MAX: StdDuration = StdDuration::from_secs(60);

/// One core.
pub(crate) struct Core<M: Machine> {
    pub(crate) machine: RefCell<M>,
    pub(crate) seam: RefCell<RealSeam<M>>,
    pub(crate) slots: Rc<RefCell<Slots<M::Answer>>>,
    pub(crate) clock: Rc<WallClock>,
    pub(crate) flush: Rc<Bell>,
    pub(crate) tick: Rc<Bell>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) turns: Turns,
    pub(crate) deadlines: Rc<Deadlines>,
    pub(crate) accept_shortages: Rc<Cell<u64>>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) idle_pool: Arc<Pool>,
    pub(crate) control: Control,
    pub(crate) shutdown: Latch,
    pub(crate) shard: ShardId,
    pub(crate) io: IoDriverInUse,
    pub(crate) log_backend: LogBackendInUse,
    pub(crate) tasks: Tasks,
}

/// Our own tasks of this core, so that they can be ended.
#[derive(Default)]
pub(crate) struct Tasks {
    running: Cell<usize>,
    is_ending: Cell<bool>,
    one_has_ended: Bell,
}

impl<M: Machine> Core<M> {
    /// Gives the machine one event.
    pub(crate) fn dispatch(&self, event: Event<M>) {
        let mut seam = self.seam.borrow_mut();
        self.machine.borrow_mut().handle(event, &mut *seam);
        seam.ring_doorbells();
    }

    /// Asks the machine on behalf of a task of this core.
    pub(crate) fn request(&self, request: M::Request) -> Pending<M::Answer> {
        let ticket = self.slots.borrow_mut().open();
        let pending = Pending::new(Rc::clone(&self.slots), ticket.slot);
        self.dispatch(Event::Request { ticket, request });
        pending
    }

    /// Starts the tasks that feed the machine.
    pub(crate) fn start_tasks(self: &Rc<Self>) {
        self.spawn_own(|core| async move { core.receive_mail().await });
        self.spawn_own(|core| async move { core.flush_when_asked().await });
        self.spawn_own(|core| async move { core.tick_in_time().await });
        self.spawn_own(|core| async move { core.take_disk_results().await });
        self.spawn_own(|core| async move { core.collect_completions().await });
        self.spawn_own(|core| async move { core.deadlines.serve().await });
        self.spawn_own(|core| async move {
            core.turns.serve().await.expect("an open socket pair can be read");
        });
    }

    /// Ends our tasks and waits for them.
    pub(crate) async fn end_tasks(&self) {
        self.tasks.is_ending.set(true);
        self.seam.borrow().mesh.doorbell().ring();
        self.seam.borrow().log.nudge();
        self.flush.ring();
        self.tick.ring();
        self.inbox.nudge();
        self.deadlines.close();
        self.turns.close();
        while self.tasks.running.get() != 0 {
            self.tasks.one_has_ended.rung().await;
        }
    }

    fn spawn_own<F: Future<Output = ()> + 'static>(
        self: &Rc<Self>,
        task: impl FnOnce(Rc<Self>) -> F,
    ) {
        let (core, running) = (Rc::clone(self), task(Rc::clone(self)));
        self.tasks.running.set(self.tasks.running.get() + 1);
        monoio::spawn(async move {
            running.await;
            core.tasks.running.set(core.tasks.running.get() - 1);
            core.tasks.one_has_ended.ring();
        });
    }

    async fn receive_mail(&self) {
        let mut streak = 0;
        loop {
            self.mail().await;
            if self.tasks.is_ending.get() {
                return;
            }
            self.take_mail();
            streak += 1;
            if streak == MAIL_STREAK_MAX || self.seam.borrow().has_mail() {
                self.turns.next().await;
                streak = 0;
            }
        }
    }

    /// Resolves when there is mail, or room for what waits to be sent.
    async fn mail(&self) {
        poll_fn(|cx| {
            let seam = self.seam.borrow();
            let is_due = || seam.has_mail() || self.tasks.is_ending.get();
            if is_due() {
                return Poll::Ready(());
            }
            seam.mesh.doorbell().register(cx.waker());
            // Looked again: what came before the registration rang at nobody.
            if is_due() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// A batch from each sender, in their order.
    fn take_mail(&self) {
        let mut seam = self.seam.borrow_mut();
        let mut machine = self.machine.borrow_mut();
        seam.mesh.drain_overflow();
        for from in seam.shards.shards().filter(|from| *from != self.shard) {
            let mut taken = 0;
            while taken < MAIL_BATCH
                && let Some(message) = seam.mesh.receive(from)
            {
                machine.handle(Event::Message { from, message }, &mut *seam);
                taken += 1;
            }
            if 0 < taken {
                seam.mesh.tell_of_room(from);
            }
        }
        for _ in 0..seam.own_mail.len().min(MAIL_BATCH) {
            if let Some(message) = seam.own_mail.pop_front() {
                machine.handle(Event::Message { from: self.shard, message }, &mut *seam);
            }
        }
        seam.ring_doorbells();
    }

    async fn flush_when_asked(&self) {
        loop {
            self.flush.rung().await;
            if self.tasks.is_ending.get() {
                return;
            }
            self.dispatch(Event::Flush);
            if self.flush.is_rung() {
                // The machine works in slices: everyone else comes in between.
                self.turns.next().await;
            }
        }
    }

    async fn tick_in_time(&self) {
        while !self.tasks.is_ending.get() {
            let wish = self.seam.borrow().tick_at;
            match wish {
                None => self.tick.rung().await,
                Some(at) => match time_until(self.clock.now(), at) {
                    None => {
                        self.seam.borrow_mut().tick_at = None;
                        self.dispatch(Event::Tick);
                        self.turns.next().await;
                    }
                    Some(span) => {
                        sleep_or_rung(span.min(SLEEP_MAX), &self.tick).await;
                    }
                },
            }
        }
    }

    async fn take_disk_results(&self) {
        let mut results = Vec::with_capacity(WRITES_IN_FLIGHT_MAX);
        loop {
            poll_fn(|cx| {
                let is_due = || !self.inbox.is_empty() || self.tasks.is_ending.get();
                if is_due() {
                    return Poll::Ready(());
                }
                self.inbox.register(cx.waker());
                if is_due() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            if self.tasks.is_ending.get() {
                return;
            }
            self.inbox.take_all(&mut results);
            self.hand_out(&mut results);
        }
    }

    fn hand_out(&self, results: &mut Vec<Done>) {
        for done in results.drain(..) {
            let event = match done {
                Done::Written { write, result, buffer } => {
                    self.seam.borrow_mut().log.has_written(buffer);
                    Event::Written { write, result }
                }
                Done::SegmentReady { segment, result } => {
                    self.seam.borrow_mut().segments.has_prepared();
                    Event::SegmentReady { segment, result }
                }
            };
            self.dispatch(event);
        }
    }

    /// Awaits the log ring's eventfd; with a log thread there is none.
    async fn collect_completions(&self) {
        let event = self.seam.borrow().log.completion_event();
        let Some(event) = event else { return };
        let event = event.and_then(monoio::fs::File::from_std);
        let event = event.expect("an eventfd can be duplicated and awaited");
        let mut count = vec![0; size_of::<u64>()];
        let mut results = Vec::with_capacity(WRITES_IN_FLIGHT_MAX);
        while !self.tasks.is_ending.get() {
            let (read, buffer) = event.read_at(count, 0).await;
            count = buffer;
            if let Err(error) = read {
                assert_eq!(error.kind(), std::io::ErrorKind::Interrupted, "{error}");
            }
            self.seam.borrow_mut().log.collect(&mut results);
            self.hand_out(&mut results);
        }
    }
}

/// `None` when it is time.
fn time_until(now: Timestamp, at: Timestamp) -> Option<StdDuration> {
    (now < at).then(|| (at - now).to_std())
}
