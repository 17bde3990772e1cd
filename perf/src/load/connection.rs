//! Is one keep-alive connection of the generator.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use anyhow::{Result, bail};
use cosmictron_net::{Limits, Method, ResponseDecoder};
use rustix::event::epoll::EventFlags;

use super::workload::Workload;
use crate::reading::read_some;

const ANSWER_BYTES_MAX: usize = 1 << 20;

pub(super) struct Connection {
    stream: TcpStream,
    decoder: ResponseDecoder,
    method: Method,
    /// Encoded requests that the socket has not taken yet.
    unsent: Vec<u8>,
    /// Since when each request that was not answered counts, in their order.
    waiting: VecDeque<Instant>,
    wants_room: bool,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Connection {
            stream,
            decoder: ResponseDecoder::new(Limits::default(), ANSWER_BYTES_MAX),
            method: Method::Get,
            unsent: Vec::new(),
            waiting: VecDeque::new(),
            wants_room: false,
        })
    }

    /// Requests that are not answered yet.
    pub(super) fn under_way(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn put(&mut self, workload: &mut dyn Workload, since: Instant) {
        self.method = workload.method();
        workload.write(&mut self.unsent);
        self.waiting.push_back(since);
    }

    /// Writes what the socket takes. Whether [`Connection::interest`] has changed.
    pub(super) fn flush(&mut self) -> Result<bool> {
        let mut written = 0;
        while written < self.unsent.len() {
            match self.stream.write(&self.unsent[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.unsent.drain(..written);
        let had_wanted = self.wants_room;
        self.wants_room = !self.unsent.is_empty();
        Ok(had_wanted != self.wants_room)
    }

    /// What to wake this connection for.
    pub(super) fn interest(&self) -> EventFlags {
        match self.wants_room {
            true => EventFlags::IN | EventFlags::OUT,
            false => EventFlags::IN,
        }
    }

    /// Reads what is there; gives each answer's status, body and the time that its request counts from.
    pub(super) fn receive(&mut self, mut on: impl FnMut(u16, &[u8], Instant)) -> Result<()> {
        read_some(&mut self.stream, self.decoder.input())?;
        while let Some(answer) = self.decoder.next(self.method)? {
            let Some(since) = self.waiting.pop_front() else {
                bail!("an answer that nobody asked for");
            };
            on(answer.status, answer.body, since);
        }
        Ok(())
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
