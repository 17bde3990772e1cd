//! The generator's WebSockets: any number on one thread, for whoever counts what is pushed to them.

use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cosmictron_net::ws::{
    Compression, Decoder, Deflater, Encoder, Inflater, JSON_V1, Limits, MaskKey, Opening, Received,
    Role,
};
use cosmictron_net::{Limits as HttpLimits, Method, ResponseDecoder};
use rustix::event::{Timespec, epoll};

use crate::reading::read_some;

/// The answer to a handshake.
const ANSWER_BYTES_MAX: usize = 16 << 10;
const EVENTS_AT_ONCE: usize = 256;
/// What a server may send in one message.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// A server that says nothing for so long has hung.
const PATIENCE: Duration = Duration::from_secs(60);
const NONCE: [u8; 16] = [7; 16];
const MASK: MaskKey = MaskKey::new([1, 2, 3, 4]);

/// Connections that were upgraded, uncompressed, of one account.
pub struct Sockets {
    epoll: OwnedFd,
    sockets: Vec<Socket>,
    inflater: Inflater,
    deflater: Deflater,
}

struct Socket {
    stream: TcpStream,
    decoder: Decoder,
}

impl Sockets {
    /// Opens so many, each welcomed if it has a token.
    pub fn open(address: SocketAddr, token: Option<&str>, count: usize) -> Result<Sockets> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut sockets = Vec::with_capacity(count);
        for number in 0..count {
            let socket = Socket::open(address, token)
                .with_context(|| format!("socket {number} to {address}"))?;
            let data = epoll::EventData::new_u64(number as u64);
            epoll::add(&epoll, &socket.stream, data, epoll::EventFlags::IN)?;
            sockets.push(socket);
        }
        let (inflater, deflater) = (Inflater::new(), Deflater::new());
        let mut sockets = Sockets { epoll, sockets, inflater, deflater };
        if token.is_some() {
            let mut welcomed = 0;
            sockets.receive_until(|_, _| {
                welcomed += 1;
                welcomed == count
            })?;
        }
        Ok(sockets)
    }

    /// Sends a text message. Sockets of this generator have little under way, so their buffers have room.
    pub fn send(&mut self, number: usize, text: &str) -> Result<()> {
        let mut out = Vec::with_capacity(text.len() + 16);
        let encoder = Encoder::new(Compression::Off).masked(MASK);
        encoder.text(text, &mut self.deflater, &mut out);
        Ok(self.sockets[number].stream.write_all(&out)?)
    }

    /// Gives each message that comes, with the number of its socket, until `is_done` says that was all.
    pub fn receive_until(&mut self, mut is_done: impl FnMut(usize, &str) -> bool) -> Result<()> {
        let mut last = Instant::now();
        loop {
            let mut done = false;
            let has_heard = self.receive(Duration::from_secs(1), |number, text| {
                done |= is_done(number, text);
            })?;
            if done {
                return Ok(());
            }
            if has_heard {
                last = Instant::now();
            }
            ensure!(last.elapsed() < PATIENCE, "nothing was said for {PATIENCE:?}");
        }
    }

    /// Takes what comes and does nothing with it, as a client that keeps up, until told that it is over.
    pub fn drain(&mut self, is_over: &AtomicBool) -> Result<()> {
        while !is_over.load(Ordering::SeqCst) {
            self.receive(Duration::from_millis(100), |_, _| {})?;
        }
        Ok(())
    }

    /// Gives what comes next, all that is there; waits no longer than `timeout`. Whether anything has come.
    pub fn receive(&mut self, timeout: Duration, mut on: impl FnMut(usize, &str)) -> Result<bool> {
        let nanos = i64::from(timeout.subsec_nanos());
        let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: nanos };
        let mut events = [MaybeUninit::uninit(); EVENTS_AT_ONCE];
        let events = match epoll::wait(&self.epoll, &mut events, Some(&timeout)) {
            Ok((events, _)) => &*events,
            Err(rustix::io::Errno::INTR) => &[],
            Err(error) => return Err(error.into()),
        };
        for event in events {
            let number = event.data.u64() as usize;
            self.sockets[number].receive(&mut self.inflater, |text| on(number, text))?;
        }
        Ok(!events.is_empty())
    }
}

impl Socket {
    fn open(address: SocketAddr, token: Option<&str>) -> Result<Socket> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let opening = Opening::new(NONCE, &[JSON_V1]).without_deflate();
        let mut out = Vec::new();
        opening.write("/v1/ws", "perf", token, &mut out);
        stream.write_all(&out)?;
        let mut http = ResponseDecoder::new(HttpLimits::default(), ANSWER_BYTES_MAX);
        // What follows the answer is not for this decoder, so no byte beyond it is read.
        let mut byte = [0];
        while !http.input().ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            http.input().extend_from_slice(&byte);
        }
        let answer = http.next(Method::Get)?.context("an answer ends with an empty line")?;
        opening.check(&answer)?;
        stream.set_nonblocking(true)?;
        let limits = Limits::with_message_bytes_max(MESSAGE_BYTES_MAX);
        Ok(Socket { stream, decoder: Decoder::new(Role::Client, false, limits) })
    }

    fn receive(&mut self, inflater: &mut Inflater, mut on: impl FnMut(&str)) -> Result<()> {
        read_some(&mut self.stream, self.decoder.input())?;
        loop {
            match self.decoder.next(inflater)? {
                Received::NeedMore => return Ok(()),
                Received::Text(text) => on(text),
                Received::Ping(_) | Received::Pong(_) => {}
                other => bail!("the server has sent {other:?}"),
            }
        }
    }
}
