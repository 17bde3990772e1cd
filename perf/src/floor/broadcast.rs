//! The broadcast floor: a server that sends what one WebSocket says to all others, and nothing else.
//!
//! One thread, one epoll, blocking writes; the handshake and the frames are those of the real server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use anyhow::{Result, bail};
use cosmictron_net::ws::{
    Compression, Decoder, Deflater, Encoder, Handshake, Inflater, JSON_V1, Limits, Received, Role,
};
use cosmictron_net::{Decoder as HttpDecoder, Limits as HttpLimits, Progress};
use rustix::event::epoll;

const READ_BYTES: usize = 16 << 10;
/// Not the number of a peer.
const LISTENER: u64 = u64::MAX;

/// Serves on `address` until it is killed; prints the address once it listens.
pub fn serve(address: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(address)?;
    println!("{}", listener.local_addr()?);
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let data = epoll::EventData::new_u64(LISTENER);
    epoll::add(&epoll, &listener, data, epoll::EventFlags::IN)?;
    let mut peers = Peers { epoll, all: Vec::new() };
    let (mut events, mut frame) = (Vec::with_capacity(1024), Vec::new());
    loop {
        events.clear();
        epoll::wait(&peers.epoll, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in &events {
            match event.data.u64() {
                LISTENER => peers.take_in(listener.accept()?.0)?,
                number => peers.hear(number as usize, &mut frame)?,
            }
        }
    }
}

struct Peers {
    epoll: OwnedFd,
    /// By number; those that have gone are `None`.
    all: Vec<Option<Peer>>,
}

struct Peer {
    stream: TcpStream,
    decoder: Decoder,
}

impl Peers {
    fn take_in(&mut self, mut stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        upgrade(&mut stream)?;
        let data = epoll::EventData::new_u64(self.all.len() as u64);
        epoll::add(&self.epoll, &stream, data, epoll::EventFlags::IN)?;
        let decoder = Decoder::new(Role::Server, false, Limits::default());
        self.all.push(Some(Peer { stream, decoder }));
        Ok(())
    }

    /// Sends what a peer has said to all others.
    fn hear(&mut self, number: usize, frame: &mut Vec<u8>) -> Result<()> {
        let Some(peer) = &mut self.all[number] else { return Ok(()) };
        let mut bytes = [0; READ_BYTES];
        let count = peer.stream.read(&mut bytes).unwrap_or(0);
        if count == 0 {
            self.all[number] = None;
            return Ok(());
        }
        peer.decoder.input().extend_from_slice(&bytes[..count]);
        loop {
            let (mut inflater, mut deflater) = (Inflater::new(), Deflater::new());
            let Some(peer) = &mut self.all[number] else { return Ok(()) };
            match peer.decoder.next(&mut inflater)? {
                Received::Text(text) => {
                    frame.clear();
                    Encoder::new(Compression::Off).text(text, &mut deflater, frame);
                }
                _ => return Ok(()),
            }
            let others = self.all.iter_mut().enumerate().filter(|(other, _)| *other != number);
            for (_, peer) in others {
                if let Some(peer) = peer {
                    peer.stream.write_all(frame)?;
                }
            }
        }
    }
}

fn upgrade(stream: &mut TcpStream) -> Result<()> {
    let (mut decoder, mut out) = (HttpDecoder::new(HttpLimits::default()), Vec::new());
    loop {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes)?;
        if count == 0 {
            bail!("a client has gone");
        }
        decoder.input().extend_from_slice(&bytes[..count]);
        match decoder.next(|_| 0)? {
            Progress::NeedMore { .. } => {}
            Progress::Upgrade(request) => {
                let handshake = Handshake::check(&request.head, &[JSON_V1]);
                let handshake = handshake.map_err(|error| anyhow::anyhow!("{error:?}"))?;
                handshake.without_deflate().write(&mut out, &request.head.reply());
                return Ok(stream.write_all(&out)?);
            }
            _ => bail!("a client wants something else"),
        }
    }
}
