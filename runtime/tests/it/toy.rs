//! A machine that needs everything a driver offers: a counter, made durable by a log and known to all shards.
//!
//! Each shard counts for itself. `Add` is answered when the new total is on the device and every other shard has said
//! that it knows. A group of adds is one block of the log:
//!
//! ```text
//!   0      8           16       24                     4096
//!   | sum  | sequence  | total  | zeros ...            |
//! ```

use std::collections::{BTreeMap, VecDeque};

use cosmictron_runtime::{
    BLOCK_BYTES, Boot, DiskError, Event, Machine, Seam, SegmentExtent, SegmentNumber, Ticket,
    WriteId,
};
use cosmictron_types::{Duration, ShardId, Timestamp};

/// Small, so that tests rotate often.
pub(crate) const SEGMENT_BLOCKS: u64 = 4;
const SEGMENT_BYTES: u64 = SEGMENT_BLOCKS * BLOCK_BYTES as u64;

const TICK_EVERY: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(crate) enum Request {
    Add(u64),
    /// What this shard knows of all totals.
    Look,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// This shard's total with the addition in it.
    Added(u64),
    Totals(BTreeMap<u16, u64>),
    /// The log is broken or full; whether the addition counts is open.
    Refused,
}

#[derive(Debug)]
pub(crate) enum Message {
    Total { sequence: u64, total: u64 },
    Known { sequence: u64 },
}

pub(crate) struct Counter {
    total: u64,
    /// Of the last group that was written, or is being written.
    sequence: u64,
    others: BTreeMap<u16, u64>,
    gathering: Vec<(Ticket, u64)>,
    writing: Option<Group>,
    unknown: VecDeque<Unknown>,
    log: Log,
    /// The first segment that was not removed.
    oldest: SegmentNumber,
    pub(crate) ticks: u64,
    pub(crate) last_now: Timestamp,
}

struct Group {
    total: u64,
    answers: Vec<(Ticket, u64)>,
}

/// A durable group that not all other shards know of yet.
struct Unknown {
    sequence: u64,
    known_by: u16,
    answers: Vec<(Ticket, u64)>,
}

enum Log {
    Open {
        segment: SegmentNumber,
        blocks: u64,
        next_is_ready: bool,
    },
    /// The next segment is being made.
    Waiting {
        segment: SegmentNumber,
    },
    Broken,
}

/// Why a log could not be recovered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BootError {
    Disk(DiskError),
    /// A bad block with good ones behind it.
    Corrupt(String),
}

impl Counter {
    pub(crate) fn boot(boot: &mut Boot<'_>) -> Result<Self, BootError> {
        let mut counter = Counter::empty();
        let segments = boot.log().segments().map_err(BootError::Disk)?;
        let mut bytes = Vec::new();
        for (index, SegmentExtent { segment, .. }) in segments.iter().enumerate() {
            boot.log().read(*segment, &mut bytes).map_err(BootError::Disk)?;
            let is_last = index + 1 == segments.len();
            let good = counter.replay(&bytes);
            let has_good_behind = bytes.chunks_exact(BLOCK_BYTES).skip(good).any(is_sealed);
            if has_good_behind {
                return Err(BootError::Corrupt(boot.log().name(*segment)));
            }
            if is_last && good < bytes.len() / BLOCK_BYTES {
                let end = (good * BLOCK_BYTES) as u64;
                boot.log().truncate(*segment, end).map_err(BootError::Disk)?;
            }
        }
        let next = segments.last().map_or(SegmentNumber::new(1), |last| last.segment.next());
        counter.oldest = segments.first().map_or(next, |first| first.segment);
        counter.log = Log::Waiting { segment: next };
        Ok(counter)
    }

    fn empty() -> Self {
        Counter {
            total: 0,
            sequence: 0,
            others: BTreeMap::new(),
            gathering: Vec::new(),
            writing: None,
            unknown: VecDeque::new(),
            log: Log::Broken,
            oldest: SegmentNumber::new(1),
            ticks: 0,
            last_now: Timestamp::EPOCH,
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Takes over blocks as far as they continue the log; how many.
    fn replay(&mut self, bytes: &[u8]) -> usize {
        let mut good = 0;
        for block in bytes.chunks_exact(BLOCK_BYTES) {
            let sequence = number_at(block, 8);
            let is_next = self.sequence == 0 || sequence == self.sequence + 1;
            if !is_sealed(block) || !is_next {
                break;
            }
            (self.sequence, self.total) = (sequence, number_at(block, 16));
            good += 1;
        }
        good
    }

    fn add(&mut self, ticket: Ticket, amount: u64, seam: &mut dyn Seam<Self>) {
        if matches!(self.log, Log::Broken) {
            return seam.answer(ticket, Answer::Refused);
        }
        let _ = seam.next_tx();
        self.total += amount;
        self.gathering.push((ticket, self.total));
        seam.flush_soon();
    }

    /// Writes what has gathered, unless a group is in flight already.
    fn flush(&mut self, seam: &mut dyn Seam<Self>) {
        if self.gathering.is_empty() || self.writing.is_some() {
            return;
        }
        let Log::Open { segment, blocks, next_is_ready } = self.log else { return };
        if blocks == SEGMENT_BLOCKS {
            if next_is_ready {
                self.open(segment.next(), seam);
                self.flush(seam);
            } else {
                self.log = Log::Waiting { segment: segment.next() };
            }
            return;
        }
        self.sequence += 1;
        let block = seal(self.sequence, self.total);
        seam.write(WriteId::new(self.sequence), segment, blocks * BLOCK_BYTES as u64, &block);
        self.log = Log::Open { segment, blocks: blocks + 1, next_is_ready };
        let answers = std::mem::take(&mut self.gathering);
        self.writing = Some(Group { total: self.total, answers });
    }

    fn open(&mut self, segment: SegmentNumber, seam: &mut dyn Seam<Self>) {
        self.log = Log::Open { segment, blocks: 0, next_is_ready: false };
        seam.prepare_segment(segment.next(), SEGMENT_BYTES);
    }

    fn written(&mut self, result: Result<(), DiskError>, seam: &mut dyn Seam<Self>) {
        let group = self.writing.take().expect("one group is in flight");
        if result.is_err() {
            return self.break_down(group.answers, seam);
        }
        if let Log::Open { segment, .. } = self.log {
            while self.oldest < segment {
                // Every block holds the total, so the newest is all that is needed.
                seam.remove_segment(self.oldest);
                self.oldest = self.oldest.next();
            }
        }
        let sequence = self.sequence;
        let own = seam.shard();
        for other in seam.shards().shards().filter(|shard| *shard != own) {
            seam.send(other, Message::Total { sequence, total: group.total });
        }
        self.unknown.push_back(Unknown { sequence, known_by: 1, answers: group.answers });
        self.answer_known(seam);
        self.flush(seam);
    }

    fn answer_known(&mut self, seam: &mut dyn Seam<Self>) {
        let all = seam.shards().get();
        while self.unknown.front().is_some_and(|group| group.known_by == all) {
            let group = self.unknown.pop_front().expect("just seen");
            for (ticket, total) in group.answers {
                seam.answer(ticket, Answer::Added(total));
            }
        }
    }

    fn break_down(&mut self, unwritten: Vec<(Ticket, u64)>, seam: &mut dyn Seam<Self>) {
        self.log = Log::Broken;
        for (ticket, _) in unwritten.into_iter().chain(self.gathering.drain(..)) {
            seam.answer(ticket, Answer::Refused);
        }
    }

    fn segment_ready(
        &mut self,
        segment: SegmentNumber,
        result: Result<(), DiskError>,
        seam: &mut dyn Seam<Self>,
    ) {
        match (&mut self.log, result) {
            (Log::Broken, _) => {}
            (_, Err(_)) => self.break_down(Vec::new(), seam),
            (Log::Waiting { segment: wanted }, Ok(())) => {
                assert_eq!(*wanted, segment);
                self.open(segment, seam);
                self.flush(seam);
            }
            (Log::Open { next_is_ready, .. }, Ok(())) => *next_is_ready = true,
        }
    }

    fn message(&mut self, from: ShardId, message: Message, seam: &mut dyn Seam<Self>) {
        match message {
            Message::Total { sequence, total } => {
                let known = self.others.insert(from.get(), total);
                assert!(known.is_none_or(|known| known <= total), "messages overtook each other");
                seam.send(from, Message::Known { sequence });
            }
            Message::Known { sequence } => {
                if let Some(group) = self.unknown.iter_mut().find(|g| g.sequence == sequence) {
                    group.known_by += 1;
                }
                self.answer_known(seam);
            }
        }
    }
}

impl Machine for Counter {
    type Request = Request;
    type Answer = Answer;
    type Message = Message;

    fn handle(&mut self, event: Event<Self>, seam: &mut dyn Seam<Self>) {
        assert!(self.last_now <= seam.now(), "time went back");
        self.last_now = seam.now();
        match event {
            Event::Start => {
                if let Log::Waiting { segment } = self.log {
                    seam.prepare_segment(segment, SEGMENT_BYTES);
                }
                seam.wake_at(seam.now() + TICK_EVERY);
            }
            Event::Request { ticket, request: Request::Add(amount) } => {
                self.add(ticket, amount, seam);
            }
            Event::Request { ticket, request: Request::Look } => {
                let mut totals = self.others.clone();
                totals.insert(seam.shard().get(), self.total);
                seam.answer(ticket, Answer::Totals(totals));
            }
            Event::Message { from, message } => self.message(from, message, seam),
            Event::Written { result, .. } => self.written(result, seam),
            Event::SegmentReady { segment, result } => self.segment_ready(segment, result, seam),
            Event::Flush => self.flush(seam),
            Event::Tick => {
                self.ticks += 1;
                seam.wake_at(seam.now() + TICK_EVERY);
            }
        }
    }
}

fn seal(sequence: u64, total: u64) -> Vec<u8> {
    let mut block = vec![0; BLOCK_BYTES];
    block[8..16].copy_from_slice(&sequence.to_le_bytes());
    block[16..24].copy_from_slice(&total.to_le_bytes());
    // A mark in every sector, so that no part of a torn block looks whole.
    for sector in block.chunks_exact_mut(512) {
        sector[504..].copy_from_slice(&sequence.to_le_bytes());
    }
    let sum = sum_of(&block[8..]);
    block[..8].copy_from_slice(&sum.to_le_bytes());
    block
}

fn is_sealed(block: &[u8]) -> bool {
    number_at(block, 8) != 0 && number_at(block, 0) == sum_of(&block[8..])
}

fn number_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn sum_of(bytes: &[u8]) -> u64 {
    let mix = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix)
}
