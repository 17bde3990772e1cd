//! The group-commit floor: a server whose every call appends 256 bytes, waits for the group's flush and answers.
//!
//! It shares the runtime and the HTTP decoder with the real server and has nothing else: no routes, no tokens, no
//! arguments, no guest, no tables. The group gathers while the one before is flushed, as the real log's does.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use cosmictron_net::http::{Status, write_json};
use cosmictron_net::{Decoder, Limits, Progress};
use cosmictron_runtime::real::{Options, Shard, TcpStream, run};
use cosmictron_runtime::{Boot, Event, Machine, Seam, SegmentNumber, Ticket, WriteId};
use cosmictron_types::ShardCount;

const RECORD: [u8; 256] = [7; 256];
const BLOCK_BYTES: usize = 4096;
const SEGMENT_BYTES: u64 = 64 << 20;
const BODY_BYTES_MAX: usize = 64 << 10;

/// Serves on `address` from one core until a signal comes; prints the address once it listens.
pub fn serve(directory: &Path, address: SocketAddr) -> Result<()> {
    let mut options = Options::new(directory);
    options.shards = ShardCount::new(1);
    let listen = |shard: Shard<Appender>| async move {
        let on_connection = {
            let shard = shard.clone();
            move |stream| shard.spawn(answer(shard.clone(), stream))
        };
        match shard.listen(address, on_connection) {
            Ok(listening) => println!("{}", listening.address()),
            Err(error) => {
                eprintln!("{address}: {error}");
                return;
            }
        }
        shard.shutdown().await;
    };
    Ok(run(&options, Appender::boot, listen)?)
}

async fn answer(shard: Shard<Appender>, mut stream: TcpStream) {
    let mut decoder = Decoder::new(Limits::default());
    let mut out = Vec::new();
    loop {
        let room = decoder.read_bytes();
        let mut input = std::mem::take(decoder.input());
        input.reserve(room);
        let (read, input) = stream.read(input).await;
        *decoder.input() = input;
        if !matches!(read, Ok(1..)) {
            return;
        }
        while let Ok(Progress::Request(request)) = decoder.next(|_| BODY_BYTES_MAX) {
            let reply = request.head.reply();
            shard.request(()).await;
            write_json(&mut out, &reply, Status::Ok, b"{\"ok\":true}");
        }
        let (written, buffer) = stream.write_all(out).await;
        out = buffer;
        out.clear();
        if written.is_err() {
            return;
        }
    }
}

/// Gathers records while a group is being written.
struct Appender {
    group: Vec<u8>,
    waiting: Vec<Ticket>,
    in_flight: Vec<Ticket>,
    is_busy: bool,
    offset: u64,
    writes: u64,
}

const SEGMENT: SegmentNumber = SegmentNumber::new(1);

impl Appender {
    fn boot(_: &mut Boot<'_>) -> Result<Appender, Infallible> {
        let (group, waiting, in_flight) = (Vec::new(), Vec::new(), Vec::new());
        // Until the segment is there.
        Ok(Appender { group, waiting, in_flight, is_busy: true, offset: 0, writes: 0 })
    }

    fn write(&mut self, seam: &mut dyn Seam<Appender>) {
        if self.is_busy || self.group.is_empty() {
            return;
        }
        self.group.resize(self.group.len().next_multiple_of(BLOCK_BYTES), 0);
        if SEGMENT_BYTES < self.offset + self.group.len() as u64 {
            self.offset = 0;
        }
        self.writes += 1;
        seam.write(WriteId::new(self.writes), SEGMENT, self.offset, &self.group);
        self.offset += self.group.len() as u64;
        self.group.clear();
        std::mem::swap(&mut self.waiting, &mut self.in_flight);
        self.is_busy = true;
    }
}

impl Machine for Appender {
    type Request = ();
    type Answer = ();
    type Message = ();

    fn handle(&mut self, event: Event<Appender>, seam: &mut dyn Seam<Appender>) {
        match event {
            Event::Start => seam.prepare_segment(SEGMENT, SEGMENT_BYTES),
            Event::SegmentReady { result, .. } => {
                result.expect("the disk has room for a segment");
                self.is_busy = false;
                seam.flush_soon();
            }
            Event::Request { ticket, request: () } => {
                self.group.extend_from_slice(&RECORD);
                self.waiting.push(ticket);
                if !self.is_busy {
                    seam.flush_soon();
                }
            }
            Event::Flush => self.write(seam),
            Event::Written { result, .. } => {
                result.expect("the disk writes");
                self.is_busy = false;
                self.in_flight.drain(..).for_each(|ticket| seam.answer(ticket, ()));
                if !self.group.is_empty() {
                    seam.flush_soon();
                }
            }
            Event::Message { .. } | Event::Tick => {}
        }
    }
}
