//! Lets a task give way to everything else that is ready, sockets and timers included.
//!
//! A task that wakes itself jumps this executor's queue and starves sockets and timers. So a turn goes through the
//! kernel: the executor sees its completion only when it also sees all others.
//!
//! With io_uring a task asks whether a socket can be written to; it always can, but the answer comes by the ring. Epoll
//! would answer that at once, so there one task reads from a socket pair, whoever gives way writes one byte into it,
//! and the read's completion wakes all who wait. The read is in flight again before anyone who waited goes on: a read
//! that finds its byte would not wait either.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::task::{Poll, Waker};

use monoio::io::AsyncReadRent;

/// Where tasks of one core wait until all others have had their turn.
pub(crate) struct Turns {
    way: Way,
    /// The pair's first end; the second until the executor, which it needs, runs.
    near: UnixStream,
    far: Cell<Option<UnixStream>>,
}

enum Way {
    Ring(OnceCell<monoio::net::UnixStream>),
    Bytes(Bytes),
}

/// The turns of an executor on epoll.
#[derive(Default)]
struct Bytes {
    is_under_way: Cell<bool>,
    /// Counts the bytes that came back.
    turn: Cell<u64>,
    waiting: RefCell<Vec<Waker>>,
    is_closed: Cell<bool>,
}

impl Turns {
    pub(crate) fn new(is_uring: bool) -> io::Result<Self> {
        let (near, far) = UnixStream::pair()?;
        near.set_nonblocking(true)?;
        // io_uring waits only on blocking sockets, epoll only on others.
        far.set_nonblocking(!is_uring)?;
        let way = if is_uring { Way::Ring(OnceCell::new()) } else { Way::Bytes(Bytes::default()) };
        Ok(Self { way, near, far: Cell::new(Some(far)) })
    }

    /// Resolves when everything that is ready now has had its turn. On epoll never, once the turns are closed.
    pub(crate) async fn next(&self) {
        match &self.way {
            Way::Ring(socket) => {
                let socket = socket.get_or_init(|| self.take_far());
                // A ring that can't poll its sockets serves nobody; without fairness the next turn tells.
                let _ = socket.writable(false).await;
            }
            Way::Bytes(bytes) => bytes.next(&self.near).await,
        }
    }

    /// Runs until `close`, once.
    pub(crate) async fn serve(&self) -> io::Result<()> {
        match &self.way {
            Way::Ring(_) => Ok(()),
            Way::Bytes(bytes) => bytes.serve(self.take_far()).await,
        }
    }

    /// Lets `serve` return, with a last turn for all who wait.
    pub(crate) fn close(&self) {
        if let Way::Bytes(bytes) = &self.way {
            bytes.is_closed.set(true);
            bytes.send(&self.near);
        }
    }

    fn take_far(&self) -> monoio::net::UnixStream {
        let far = self.far.take().expect("it is taken once");
        monoio::net::UnixStream::from_std(far).expect("an executor takes its own socket pair")
    }
}

impl Bytes {
    async fn next(&self, near: &UnixStream) {
        let entered = self.turn.get();
        if !self.is_closed.get() {
            self.send(near);
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

    async fn serve(&self, mut far: monoio::net::UnixStream) -> io::Result<()> {
        let mut byte = Vec::with_capacity(1);
        while !self.is_closed.get() {
            byte.clear();
            let (read, buffer) = far.read(byte).await;
            byte = buffer;
            if let Err(error) = read
                && error.kind() != io::ErrorKind::Interrupted
            {
                return Err(error);
            }
            self.is_under_way.set(false);
            self.turn.set(self.turn.get() + 1);
            self.waiting.borrow_mut().drain(..).for_each(Waker::wake);
        }
        Ok(())
    }

    fn send(&self, mut near: &UnixStream) {
        if self.is_under_way.replace(true) {
            return;
        }
        // At most one byte is in the pair, so there is room, and the far end is open until the turns are closed.
        near.write_all(&[0]).expect("a socket pair takes one byte");
    }
}
