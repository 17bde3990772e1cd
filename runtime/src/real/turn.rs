//! Lets a task give way to everything else that is ready, sockets and timers included.
//!
//! A task that wakes itself jumps this executor's queue and starves sockets and timers. So a turn goes through the
//! kernel: one task reads from a socket pair, whoever wants to give way writes one byte into it, and the completion
//! of the read wakes all who wait. The executor sees that completion only when it also sees all others.
//!
//! The read is in flight again before anyone who waited goes on: on epoll a read that finds its byte would not wait.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::task::{Poll, Waker};

use monoio::io::AsyncReadRent;

/// Where tasks of one core wait until all others have had their turn.
pub(crate) struct Turns {
    bell_rope: UnixStream,
    /// The other end, until `serve` takes it.
    bell: Cell<Option<UnixStream>>,
    /// A byte is on its way.
    is_pulled: Cell<bool>,
    /// Counts the bytes that came back: the turns.
    turn: Cell<u64>,
    waiting: RefCell<Vec<Waker>>,
    is_closed: Cell<bool>,
}

impl Turns {
    /// `is_uring`: io_uring waits only on blocking sockets, epoll only on others.
    pub(crate) fn new(is_uring: bool) -> io::Result<Self> {
        let (bell_rope, bell) = UnixStream::pair()?;
        bell_rope.set_nonblocking(true)?;
        bell.set_nonblocking(!is_uring)?;
        Ok(Self {
            bell_rope,
            bell: Cell::new(Some(bell)),
            is_pulled: Cell::new(false),
            turn: Cell::new(0),
            waiting: RefCell::default(),
            is_closed: Cell::new(false),
        })
    }

    /// Resolves when everything that is ready now has had its turn; never once the turns are closed.
    pub(crate) async fn next(&self) {
        let entered = self.turn.get();
        if !self.is_closed.get() {
            self.pull();
        }
        poll_fn(|cx| {
            if self.turn.get() != entered {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Runs until `close`, once.
    pub(crate) async fn serve(&self) -> io::Result<()> {
        let bell = self.bell.take().expect("turns are served once");
        let mut bell = monoio::net::UnixStream::from_std(bell)?;
        let mut byte = Vec::with_capacity(1);
        while !self.is_closed.get() {
            byte.clear();
            let (read, buffer) = bell.read(byte).await;
            byte = buffer;
            if let Err(error) = read
                && error.kind() != io::ErrorKind::Interrupted
            {
                return Err(error);
            }
            self.is_pulled.set(false);
            self.turn.set(self.turn.get() + 1);
            self.waiting.borrow_mut().drain(..).for_each(Waker::wake);
        }
        Ok(())
    }

    /// Ends the turns: who waits gets the last one, and `serve` returns.
    pub(crate) fn close(&self) {
        self.is_closed.set(true);
        self.pull();
    }

    fn pull(&self) {
        if self.is_pulled.replace(true) {
            return;
        }
        // One byte at most is in the pair, so there is room; the pair lives as long as we do.
        (&self.bell_rope).write_all(&[0]).expect("a socket pair takes one byte");
    }
}
