//! Is one keep-alive connection of the generator.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use cosmictron_net::{Limits, Method, ResponseDecoder};
use rustix::event::epoll::EventFlags;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::workload::Workload;
use crate::reading::read_some;

const ANSWER_BYTES_MAX: usize = 1 << 20;

pub(super) struct Connection {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    decoder: ResponseDecoder,
    method: Method,
    /// Encoded requests that the socket has not taken yet.
    unsent: Vec<u8>,
    /// Since when each request that was not answered counts, in their order.
    waiting: VecDeque<Instant>,
    wants_room: bool,
}

impl Connection {
    pub(super) fn open(address: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> Result<Connection> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let tls = tls.map(|config| shake_hands(&mut stream, config)).transpose()?;
        stream.set_nonblocking(true)?;
        Ok(Connection {
            stream,
            tls,
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
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(&self.unsent)?;
            self.unsent.clear();
            return self.flush_records();
        }
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

    /// Writes what the socket takes of what TLS has made. Whether [`Connection::interest`] has changed.
    fn flush_records(&mut self) -> Result<bool> {
        let had_wanted = self.wants_room;
        self.wants_room = false;
        while let Some(tls) = self.tls.as_mut().filter(|tls| tls.wants_write()) {
            match tls.write_tls(&mut self.stream) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.wants_room = true;
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
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
        match &mut self.tls {
            None => read_some(&mut self.stream, self.decoder.input())?,
            Some(tls) => read_within(&mut self.stream, tls, self.decoder.input())?,
        }
        while let Some(answer) = self.decoder.next(self.method)? {
            let Some(since) = self.waiting.pop_front() else {
                bail!("an answer that nobody asked for");
            };
            on(answer.status, answer.body, since);
        }
        Ok(())
    }
}

/// A session whose handshake is over.
fn shake_hands(
    stream: &mut TcpStream,
    config: &Arc<ClientConfig>,
) -> Result<Box<ClientConnection>> {
    let name = ServerName::try_from("localhost")?;
    let mut tls = Box::new(ClientConnection::new(config.clone(), name)?);
    // What waits here was counted as sent: the socket alone bounds it.
    tls.set_buffer_limit(None);
    while tls.is_handshaking() {
        tls.complete_io(stream)?;
    }
    Ok(tls)
}

/// As [`read_some`], of what is said within TLS.
fn read_within(
    stream: &mut TcpStream,
    tls: &mut ClientConnection,
    input: &mut Vec<u8>,
) -> Result<()> {
    match tls.read_tls(stream) {
        Ok(0) => bail!("the server has closed a connection"),
        Ok(_) => {}
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    }
    let state = tls.process_new_packets()?;
    let start = input.len();
    input.resize(start + state.plaintext_bytes_to_read(), 0);
    Ok(tls.reader().read_exact(&mut input[start..])?)
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
