//! Takes connections in, on every core by a listener of its own (SO_REUSEPORT).
//!
//! An accept that is dropped in mid-air leaks its connection, so the accept loop is a task of ours that runs to its
//! end. It ends by [`Listening::close`], which first takes what the kernel has already queued: closing a listener
//! resets those. The last free descriptors are not for connections: one that would take them is ended at once. When
//! there are none at all the loop pauses; it never spins.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::rc::Rc;
use std::time::Duration;

use rustix::io::FdFlags;
use rustix::net::{Shutdown, SocketFlags};
use rustix::process::{Resource, getrlimit};
use socket2::{Domain, Protocol, Socket, Type};

use super::deadline::Deadlines;
use super::stream::TcpStream;

/// Connections that the kernel completes for us while we don't accept.
const BACKLOG: i32 = 1024;

/// Descriptors that connections leave to the log and to everything else: a flood of connections must not keep a log
/// from opening its next segment.
const DESCRIPTORS_KEPT: u64 = 64;

/// Without a free descriptor there is nothing to do until a connection ends.
const PAUSE: Duration = Duration::from_millis(50);

/// An address that this process holds, so that each of its cores can listen on it.
pub struct ReservedAddress {
    address: SocketAddr,
    /// Bound, never listening: no connection comes to it.
    _holder: Socket,
}

/// A core's listener. It goes on when this is dropped.
#[derive(Clone)]
pub struct Listening {
    shared: Rc<Shared>,
}

struct Shared {
    address: SocketAddr,
    /// A second descriptor of the listening socket: closing needs one that no one else closes.
    socket: StdListener,
    is_closing: Cell<bool>,
    last_accepted: RefCell<Vec<(StdStream, SocketAddr)>>,
}

impl ReservedAddress {
    /// Takes the address, or a free port when its port is 0. Fails when another server listens on it: sharing a port
    /// among cores would else let two servers share it without a word.
    pub fn reserve(address: SocketAddr) -> io::Result<Self> {
        if address.port() != 0 {
            let probe = new_socket(address)?;
            probe.bind(&address.into())?;
        }
        let holder = new_socket(address)?;
        holder.set_reuse_port(true)?;
        holder.bind(&address.into())?;
        let unknown = || io::Error::from(io::ErrorKind::AddrNotAvailable);
        let address = holder.local_addr()?.as_socket().ok_or_else(unknown)?;
        Ok(Self { address, _holder: holder })
    }

    /// What each core is to listen on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Listening {
    /// The address that connections come to.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Stops listening. Connections that the kernel has completed are still handed out.
    pub fn close(&self) {
        if self.shared.is_closing.replace(true) {
            return;
        }
        if let Err(error) = self.shared.take_queued() {
            tracing::warn!(%error, "could not take the last connections");
        }
        // Ends the accept in flight. It fails only for a socket that doesn't listen.
        let _ = rustix::net::shutdown(&self.shared.socket, Shutdown::Both);
    }
}

impl Shared {
    /// Accepts until the kernel has no more.
    fn take_queued(&self) -> io::Result<()> {
        self.socket.set_nonblocking(true)?;
        loop {
            match rustix::net::accept_with(&self.socket, SocketFlags::CLOEXEC) {
                Ok(descriptor) => {
                    let stream = StdStream::from(descriptor);
                    if let Ok(peer) = stream.peer_addr() {
                        self.last_accepted.borrow_mut().push((stream, peer));
                    }
                }
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                Err(rustix::io::Errno::CONNABORTED | rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Starts the accept loop on this core's executor.
pub(crate) fn listen(
    address: SocketAddr,
    is_uring: bool,
    deadlines: Rc<Deadlines>,
    shortages: Rc<Cell<u64>>,
    on_connection: impl FnMut(TcpStream) + 'static,
) -> io::Result<Listening> {
    let socket = new_socket(address)?;
    socket.set_reuse_port(true)?;
    // Connections inherit it. Answers are written whole, so there is nothing to wait for.
    socket.set_tcp_nodelay(true)?;
    // io_uring waits only on blocking sockets, epoll only on others.
    socket.set_nonblocking(!is_uring)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let socket = StdListener::from(socket);
    let shared = Rc::new(Shared {
        address: socket.local_addr()?,
        socket: socket.try_clone()?,
        is_closing: Cell::new(false),
        last_accepted: RefCell::default(),
    });
    let listener = monoio::net::TcpListener::from_std(socket)?;
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let accept = Accept {
        shared: Rc::clone(&shared),
        shortages,
        is_short: false,
        deadlines,
        is_uring,
        // Under a tiny limit they must share.
        descriptors_end: descriptors - DESCRIPTORS_KEPT.min(descriptors / 4),
        on_connection,
    };
    monoio::spawn(accept.run(listener));
    Ok(Listening { shared })
}

struct Accept<F> {
    shared: Rc<Shared>,
    shortages: Rc<Cell<u64>>,
    is_short: bool,
    deadlines: Rc<Deadlines>,
    is_uring: bool,
    /// No connection may have this descriptor or a higher one. The kernel gives out the lowest that is free.
    descriptors_end: u64,
    on_connection: F,
}

impl<F: FnMut(TcpStream)> Accept<F> {
    async fn run(mut self, listener: monoio::net::TcpListener) {
        loop {
            match listener.accept().await {
                Ok((socket, peer)) => self.take(socket, peer),
                Err(_) if self.shared.is_closing.get() => break,
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    self.note_shortage(&error);
                    monoio::time::sleep(PAUSE).await;
                }
            }
        }
        for (stream, peer) in self.shared.last_accepted.take() {
            let socket = stream
                .set_nonblocking(!self.is_uring)
                .and_then(|()| monoio::net::TcpStream::from_std(stream));
            if let Ok(socket) = socket {
                self.take(socket, peer);
            }
        }
    }

    fn take(&mut self, socket: monoio::net::TcpStream, peer: SocketAddr) {
        if u64::try_from(socket.as_raw_fd()).is_ok_and(|number| self.descriptors_end <= number) {
            return self.note_shortage(&"few descriptors are left");
        }
        self.is_short = false;
        if self.is_uring {
            // monoio accepts without it, and a child process must not hold our connections open.
            // SAFETY: `socket` keeps the descriptor open during this block.
            let descriptor = unsafe { BorrowedFd::borrow_raw(socket.as_raw_fd()) };
            let _ = rustix::io::fcntl_setfd(descriptor.as_fd(), FdFlags::CLOEXEC);
        }
        (self.on_connection)(TcpStream::new(socket, peer, &self.deadlines));
    }

    /// Says so once for each time of shortage.
    fn note_shortage(&mut self, reason: &dyn fmt::Display) {
        self.shortages.set(self.shortages.get() + 1);
        if !self.is_short {
            tracing::warn!(%reason, address = %self.shared.address, "connections are turned away");
        }
        self.is_short = true;
    }
}

/// The peer gave up before we came to it; the next one may be well.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted)
}

fn new_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the last server's connections to be forgotten.
    socket.set_reuse_address(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any_port() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[test]
    fn an_address_on_which_another_server_listens_is_refused() {
        let other = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        other.set_reuse_port(true).unwrap();
        other.bind(&any_port().into()).unwrap();
        other.listen(1).unwrap();
        let taken = other.local_addr().unwrap().as_socket().unwrap();
        let refusal = ReservedAddress::reserve(taken).err().unwrap();
        assert_eq!(refusal.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_free_port_is_found_and_held() {
        let first = ReservedAddress::reserve(any_port()).unwrap();
        let second = ReservedAddress::reserve(any_port()).unwrap();
        assert_ne!(first.address().port(), 0);
        assert_ne!(first.address(), second.address());
    }
}
