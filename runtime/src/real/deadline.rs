//! Ends sockets that were silent for too long, by one timer task a core.
//!
//! A read that is dropped in mid-air loses bytes, so no read is ever put under a time limit. Instead each socket has a
//! due time here, and the timer task shuts overdue ones down, which ends whatever is in flight on them.
//!
//! ```text
//!   alive ──due, reading──▶ soft (no more input; the task may still say why) ──grace──▶ hard (no more output either)
//!     └─────due, writing────────────────────────────────────────────────────────────────▲
//! ```

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::BorrowedFd;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use rustix::net::Shutdown;
use rustix::time::{ClockId, clock_gettime};
use slab::Slab;

use super::bell::Bell;
use super::stream::Deadline;

/// Two looks at all sockets are at least this far apart: what a deadline may be late.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(100);

/// The longest sleep at once, well inside what the timer wheel counts.
const SLEEP_MAX: Duration = Duration::from_secs(60 * 60);

/// How long a socket that timed out while reading may take to say so.
const GRACE: Duration = Duration::from_secs(5);

/// The due times of one core's sockets.
#[derive(Default)]
pub(crate) struct Deadlines {
    entries: RefCell<Slab<Entry>>,
    /// No entry is due before this.
    next_look: Cell<Option<Uptime>>,
    bell: Bell,
    is_closed: Cell<bool>,
}

struct Entry {
    /// Open as long as the entry is: the entry's owner removes it before it closes the socket.
    socket: BorrowedFd<'static>,
    due: Option<Uptime>,
    is_idle: bool,
    is_writing: bool,
    end: End,
}

/// Time since the machine has started, up to one tick of its timer ago: at a tenth of the cost of the exact time, which
/// every request would pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Uptime(Duration);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Alive,
    Soft,
    Hard,
}

/// One socket's place among the deadlines; gives it up when dropped.
pub(crate) struct DeadlineEntry {
    deadlines: Rc<Deadlines>,
    key: usize,
}

impl Deadlines {
    /// Takes a socket in. The caller drops the returned entry before the socket is closed.
    pub(crate) fn enter(self: &Rc<Self>, socket: BorrowedFd<'static>) -> DeadlineEntry {
        let entry = Entry { socket, due: None, is_idle: false, is_writing: false, end: End::Alive };
        let key = self.entries.borrow_mut().insert(entry);
        DeadlineEntry { deadlines: Rc::clone(self), key }
    }

    /// Sockets that are open.
    pub(crate) fn socket_count(&self) -> usize {
        self.entries.borrow().len()
    }

    /// Ends the sockets that wait for a peer that owes nothing.
    pub(crate) fn expire_idle(&self) {
        let now = Uptime::now();
        let mut entries = self.entries.borrow_mut();
        entries
            .iter_mut()
            .filter(|(_, entry)| entry.is_idle)
            .for_each(|(_, entry)| entry.expire(now));
        drop(entries);
        self.look_by(now.plus(GRACE));
    }

    /// Ends all sockets at once.
    pub(crate) fn expire_all(&self) {
        self.entries.borrow_mut().iter_mut().for_each(|(_, entry)| entry.end_hard());
    }

    /// Runs until `close`.
    pub(crate) async fn serve(&self) {
        while !self.is_closed.get() {
            match self.next_look.get() {
                Some(at) => match at.0.checked_sub(Uptime::now().0) {
                    None | Some(Duration::ZERO) => self.look(),
                    Some(rest) => sleep_or_rung(rest, &self.bell).await,
                },
                None => self.bell.rung().await,
            }
        }
    }

    pub(crate) fn close(&self) {
        self.is_closed.set(true);
        self.bell.ring();
    }

    fn look(&self) {
        let now = Uptime::now();
        let mut next: Option<Uptime> = None;
        for (_, entry) in self.entries.borrow_mut().iter_mut() {
            if entry.due.is_some_and(|due| due <= now) {
                entry.expire(now);
            }
            next = [next, entry.due].into_iter().flatten().min();
        }
        self.next_look.set(next.map(|at| at.max(now.plus(LOOK_EVERY_MIN))));
    }

    fn look_by(&self, at: Uptime) {
        if self.next_look.get().is_none_or(|next| at < next) {
            self.next_look.set(Some(at));
            self.bell.ring();
        }
    }
}

impl Entry {
    fn expire(&mut self, now: Uptime) {
        if self.end == End::Alive && !self.is_writing {
            self.end = End::Soft;
            self.due = Some(now.plus(GRACE));
            // It fails only for a socket that the peer has ended already.
            let _ = rustix::net::shutdown(self.socket, Shutdown::Read);
        } else {
            self.end_hard();
        }
    }

    fn end_hard(&mut self) {
        self.end = End::Hard;
        self.due = None;
        let _ = rustix::net::shutdown(self.socket, Shutdown::Both);
    }
}

impl DeadlineEntry {
    pub(crate) fn replace(&self, deadline: Deadline) {
        match deadline {
            Deadline::None => self.set(None, false),
            Deadline::Idle(after) => self.set(Some(after.to_std()), true),
            Deadline::Due(after) => self.set(Some(after.to_std()), false),
        }
    }

    /// Ends the direction to the peer.
    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        let socket = self.deadlines.entries.borrow()[self.key].socket;
        Ok(rustix::net::shutdown(socket, Shutdown::Write)?)
    }

    /// Due in `after`, or never. An idle socket is also ended by [`Deadlines::expire_idle`].
    pub(crate) fn set(&self, after: Option<Duration>, is_idle: bool) {
        let due = after.map(|after| Uptime::now().plus(after));
        let mut entries = self.deadlines.entries.borrow_mut();
        let entry = &mut entries[self.key];
        if entry.end != End::Alive {
            return;
        }
        (entry.due, entry.is_idle) = (due, is_idle);
        drop(entries);
        if let Some(due) = due {
            self.deadlines.look_by(due);
        }
    }

    pub(crate) fn set_writing(&self, is_writing: bool) {
        self.deadlines.entries.borrow_mut()[self.key].is_writing = is_writing;
    }

    pub(crate) fn is_expired(&self) -> bool {
        self.deadlines.entries.borrow()[self.key].end != End::Alive
    }
}

impl Drop for DeadlineEntry {
    fn drop(&mut self) {
        self.deadlines.entries.borrow_mut().remove(self.key);
    }
}

impl Uptime {
    fn now() -> Self {
        let time = clock_gettime(ClockId::MonotonicCoarse);
        // Neither is negative, and there are fewer than 10^9 nanoseconds in the second.
        Self(Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32))
    }

    fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}

/// Waits for `span`, or for a ring, or takes one that came before.
pub(crate) async fn sleep_or_rung(span: Duration, bell: &Bell) {
    let mut sleep = pin!(monoio::time::sleep(span.min(SLEEP_MAX)));
    poll_fn(|cx| match bell.poll_rung(cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => sleep.as_mut().poll(cx),
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    /// Two sockets that live to the end of the process, as `enter` demands.
    fn pair() -> (&'static UnixStream, &'static UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Box::leak(Box::new(ours)), Box::leak(Box::new(theirs)))
    }

    fn enter(deadlines: &Rc<Deadlines>, socket: &'static UnixStream) -> DeadlineEntry {
        // SAFETY: the socket was leaked, so its descriptor stays open.
        deadlines.enter(unsafe { BorrowedFd::borrow_raw(socket.as_raw_fd()) })
    }

    #[test]
    fn a_reader_that_is_overdue_can_still_say_why() {
        let deadlines = Rc::new(Deadlines::default());
        let (mut ours, mut theirs) = pair();
        let entry = enter(&deadlines, ours);
        entry.set(Some(Duration::ZERO), false);
        deadlines.look();
        assert!(entry.is_expired());
        assert_eq!(ours.read(&mut [0]).unwrap(), 0);
        ours.write_all(b"late").unwrap();
        let mut said = [0; 4];
        theirs.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"late");
    }

    #[test]
    fn a_writer_that_is_overdue_is_cut_off() {
        let deadlines = Rc::new(Deadlines::default());
        let (mut ours, _theirs) = pair();
        let entry = enter(&deadlines, ours);
        entry.set_writing(true);
        entry.set(Some(Duration::ZERO), false);
        deadlines.look();
        assert!(ours.write(b"x").is_err());
    }

    #[test]
    fn only_idle_sockets_end_at_shutdown() {
        let deadlines = Rc::new(Deadlines::default());
        let (idle, busy) = (enter(&deadlines, pair().0), enter(&deadlines, pair().0));
        idle.set(Some(Duration::from_secs(60)), true);
        busy.set(Some(Duration::from_secs(10)), false);
        deadlines.expire_idle();
        assert!(idle.is_expired() && !busy.is_expired());
    }

    #[test]
    fn an_earlier_deadline_moves_the_next_look_forward() {
        let deadlines = Rc::new(Deadlines::default());
        let entry = enter(&deadlines, pair().0);
        entry.set(Some(Duration::from_secs(60)), true);
        let first = deadlines.next_look.get().unwrap();
        assert!(deadlines.bell.is_rung());
        entry.set(Some(Duration::from_secs(10)), false);
        assert!(deadlines.next_look.get().unwrap() < first);
    }
}
