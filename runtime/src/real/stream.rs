//! Is one TCP connection on one core: reads and writes owned buffers, ends when its deadline passes.
//!
//! A read or a write is never dropped before it has resolved (a dropped read loses bytes). What must end early ends by
//! the socket's deadline. A connection whose two directions go on by themselves is split in halves, which share it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::rc::Rc;

use cosmictron_types::Duration;
use monoio::buf::{IoBuf, IoBufMut};
use monoio::io::{AsyncReadRent, AsyncWriteRent, OwnedReadHalf, OwnedWriteHalf, Splitable};

use super::deadline::{DeadlineEntry, Deadlines};

/// Room that a read makes when its buffer is full.
const READ_BYTES_MIN: usize = 4096;

/// By when a connection must have got on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// It may take for ever.
    None,
    /// The peer owes nothing; silence for so long ends it, and so does the shutdown.
    Idle(Duration),
    /// The peer owes us something; it must be there in so long.
    Due(Duration),
}

/// A connection that this core has accepted.
pub struct TcpStream {
    // First, so that the deadlines forget the descriptor before it is closed.
    deadline: DeadlineEntry,
    socket: monoio::net::TcpStream,
    peer: SocketAddr,
}

/// The direction from the peer of a connection that was split.
pub struct ReadHalf {
    // First, as in [`TcpStream`]: the half that goes last drops the entry before the socket.
    deadline: Rc<DeadlineEntry>,
    socket: OwnedReadHalf<monoio::net::TcpStream>,
}

/// The direction to the peer of a connection that was split.
pub struct WriteHalf {
    deadline: Rc<DeadlineEntry>,
    socket: OwnedWriteHalf<monoio::net::TcpStream>,
}

impl TcpStream {
    pub(crate) fn new(
        socket: monoio::net::TcpStream,
        peer: SocketAddr,
        deadlines: &Rc<Deadlines>,
    ) -> Self {
        // SAFETY: the descriptor stays open until `socket` is dropped, and by the order of the fields the entry, which
        // is all that holds this borrow, goes before it; so it does in the halves.
        let descriptor = unsafe { BorrowedFd::borrow_raw(socket.as_raw_fd()) };
        Self { deadline: deadlines.enter(descriptor), socket, peer }
    }

    /// The address of the other side.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Both directions apart, each for a task of its own on this core.
    pub fn split(self) -> (ReadHalf, WriteHalf) {
        let Self { deadline, socket, .. } = self;
        let deadline = Rc::new(deadline);
        let (read, write) = socket.into_split();
        (
            ReadHalf { deadline: Rc::clone(&deadline), socket: read },
            WriteHalf { deadline, socket: write },
        )
    }

    /// Replaces the deadline. One that has passed stays passed.
    pub fn set_deadline(&self, deadline: Deadline) {
        self.deadline.replace(deadline);
    }

    /// Whether the deadline has passed, or the shutdown has ended an idle connection. After that no read succeeds;
    /// writes still do for five seconds.
    pub fn is_expired(&self) -> bool {
        self.deadline.is_expired()
    }

    /// Appends what has come to `buffer`, at most up to its capacity (which grows when there is none left), and says
    /// how many bytes that was: 0 when the peer has ended its side. `TimedOut` when the deadline has passed.
    pub async fn read(&mut self, buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        read(&mut self.socket, &self.deadline, buffer).await
    }

    /// Writes the whole of `buffer` and hands it back. After an error, how much was written is unknown.
    pub async fn write_all(&mut self, buffer: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        write_all(&mut self.socket, &self.deadline, buffer).await
    }

    /// Ends our side: the peer reads to the end of what was written and then sees the end.
    pub fn shutdown(&self) -> io::Result<()> {
        self.deadline.shutdown_write()
    }
}

impl ReadHalf {
    /// As [`TcpStream::set_deadline`], of the whole connection.
    pub fn set_deadline(&self, deadline: Deadline) {
        self.deadline.replace(deadline);
    }

    /// As [`TcpStream::is_expired`].
    pub fn is_expired(&self) -> bool {
        self.deadline.is_expired()
    }

    /// As [`TcpStream::read`].
    pub async fn read(&mut self, buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        read(&mut self.socket, &self.deadline, buffer).await
    }
}

impl WriteHalf {
    /// As [`TcpStream::set_deadline`], of the whole connection. One that passes during a write ends both directions.
    pub fn set_deadline(&self, deadline: Deadline) {
        self.deadline.replace(deadline);
    }

    /// As [`TcpStream::write_all`].
    pub async fn write_all(&mut self, buffer: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        write_all(&mut self.socket, &self.deadline, buffer).await
    }

    /// As [`TcpStream::shutdown`].
    pub fn shutdown(&self) -> io::Result<()> {
        self.deadline.shutdown_write()
    }
}

async fn read(
    socket: &mut impl AsyncReadRent,
    deadline: &DeadlineEntry,
    mut buffer: Vec<u8>,
) -> (io::Result<usize>, Vec<u8>) {
    if buffer.len() == buffer.capacity() {
        buffer.reserve(READ_BYTES_MIN);
    }
    loop {
        if deadline.is_expired() {
            return (Err(io::ErrorKind::TimedOut.into()), buffer);
        }
        let (start, end) = (buffer.len(), buffer.capacity());
        let (result, slice) = socket.read(buffer.slice_mut(start..end)).await;
        buffer = slice.into_inner();
        match result {
            Ok(0) if deadline.is_expired() => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted || deadline.is_expired() => {}
            result => return (result, buffer),
        }
    }
}

async fn write_all(
    socket: &mut impl AsyncWriteRent,
    deadline: &DeadlineEntry,
    mut buffer: Vec<u8>,
) -> (io::Result<()>, Vec<u8>) {
    deadline.set_writing(true);
    let mut written = 0;
    let result = loop {
        if written == buffer.len() {
            break Ok(());
        }
        let (result, slice) = socket.write(buffer.slice(written..)).await;
        buffer = slice.into_inner();
        match result {
            Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
            Ok(bytes) => written += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    deadline.set_writing(false);
    (result, buffer)
}
