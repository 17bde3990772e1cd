//! Segments of a log in memory: written by the log itself, and damaged, or made of arbitrary headers whose checksums
//! are right.

use cosmictron_storage::log::{BLOCK_BYTES, Log, LogId, LogOptions, SegmentNumber, recover};
use cosmictron_types::ShardId;

use crate::program::Program;

pub const ID: LogId = LogId { data: 0x5eed, shard: ShardId::FIRST };

/// Small enough that a few records fill a segment.
pub const OPTIONS: LogOptions = LogOptions {
    segment_bytes: 6 * BLOCK_BYTES as u64,
    group_bytes_max: 2 * BLOCK_BYTES,
    groups_in_flight_max: 1,
    record_bytes_max: 3 * BLOCK_BYTES,
    backlog_bytes_max: 4 * BLOCK_BYTES,
};

const RECORDS_MAX: usize = 12;
const SEGMENTS_MAX: usize = 4;
const BLOCKS_MAX: usize = 8;

/// Files by number.
pub type Segments = Vec<(SegmentNumber, Vec<u8>)>;

/// A log that was written without a fault.
pub struct WrittenLog {
    pub segments: Segments,
    /// The payload of each record.
    pub payloads: Vec<Vec<u8>>,
}

impl WrittenLog {
    /// Some records of some lengths, each in a group of its own or with the one before.
    pub fn write(program: &mut Program<'_>) -> WrittenLog {
        let tail = recover::recover(ID, &[], |_| ()).expect("nothing is a log").tail;
        let mut log = Log::start(OPTIONS, tail).expect("the sizes go together");
        let mut written = WrittenLog { segments: Vec::new(), payloads: Vec::new() };
        written.pump(&mut log);
        for _ in 0..program.below(RECORDS_MAX) {
            let payload = vec![program.byte(); program.below(OPTIONS.record_bytes_max)];
            log.append(&payload).expect("nothing waits to be written");
            written.payloads.push(payload);
            // Two small ones may leave together.
            if program.byte() % 2 == 0 || log.admit(OPTIONS.record_bytes_max).is_err() {
                written.pump(&mut log);
            }
        }
        written.pump(&mut log);
        written
    }

    /// Does what the log wants until it wants nothing.
    fn pump(&mut self, log: &mut Log) {
        loop {
            if let Some((segment, bytes)) = log.wants_segment() {
                let bytes = usize::try_from(bytes).expect("segments are small");
                self.segments.push((segment, vec![0; bytes]));
                log.segment_ready(segment, Ok(()));
            }
            let Some(write) = log.next_write() else { return };
            let at = usize::try_from(write.offset).expect("segments are small");
            let (_, file) = self
                .segments
                .iter_mut()
                .find(|(segment, _)| *segment == write.segment)
                .expect("what is written to was prepared");
            file[at..at + write.bytes.len()].copy_from_slice(write.bytes);
            let id = write.id;
            log.complete(id, Ok(()));
        }
    }

    /// Damages files in ways that forge no checksum.
    pub fn damage(&mut self, program: &mut Program<'_>) {
        // Few, since enough single bytes could forge anything.
        for _ in 0..8 {
            if program.is_over() || self.segments.is_empty() {
                return;
            }
            self.wound(program);
        }
    }

    fn wound(&mut self, program: &mut Program<'_>) {
        let kind = program.byte() % 6;
        let target = program.below(self.segments.len());
        let source = program.below(self.segments.len());
        let at = program.below(self.segments[target].1.len().max(1));
        let length = program.below(3 * BLOCK_BYTES);
        let file = &mut self.segments[target].1;
        let end = (at + length).min(file.len());
        match kind {
            0 if at < file.len() => file[at] ^= program.byte(),
            1 if at < end => file[at..end].fill(program.byte()),
            2 => file.truncate(at),
            3 => file.resize(file.len() + length, program.byte()),
            4 => drop(self.segments.remove(target)),
            5 => self.copy_blocks(source, length / BLOCK_BYTES, target, at / BLOCK_BYTES),
            _ => {}
        }
    }

    /// Puts up to two blocks from elsewhere in the log where blocks are.
    fn copy_blocks(&mut self, source: usize, from: usize, target: usize, to: usize) {
        let copy = self.segments[source].1.clone();
        let blocks = copy.chunks_exact(BLOCK_BYTES).skip(from).take(2);
        let places = self.segments[target].1.chunks_exact_mut(BLOCK_BYTES).skip(to);
        places.zip(blocks).for_each(|(place, block)| place.copy_from_slice(block));
    }
}

/// Segments of arbitrary headers, records and footers with right checksums. Most of them go on where the one before
/// has ended, so that reading gets far.
pub fn forge(program: &mut Program<'_>) -> Segments {
    let count = program.below(SEGMENTS_MAX) as u64 + 1;
    let mut forger = Forger { program, next: 1, previous: [0; 4] };
    (1..=count)
        .map(|number| {
            let number = forger.unless_it_lies(number);
            (SegmentNumber::new(number), forger.segment(number))
        })
        .collect()
}

struct Forger<'p, 'a> {
    program: &'p mut Program<'a>,
    /// The LSN that comes next, and the checksum of the record before.
    next: u64,
    previous: [u8; 4],
}

impl Forger<'_, '_> {
    /// The truth, or now and then another number.
    fn unless_it_lies(&mut self, truth: u64) -> u64 {
        match self.program.byte() {
            255 => u64::from_le_bytes(self.program.array()),
            240..255 => u64::from(self.program.byte() % 16),
            _ => truth,
        }
    }

    fn segment(&mut self, number: u64) -> Vec<u8> {
        let blocks = self.program.below(BLOCKS_MAX);
        let mut file = vec![0; blocks * BLOCK_BYTES];
        if file.is_empty() {
            return file;
        }
        file[0..8].copy_from_slice(b"COSMWAL\0");
        file[8..12].copy_from_slice(&1u32.to_le_bytes());
        file[16..24].copy_from_slice(&ID.data.to_le_bytes());
        file[24..32].copy_from_slice(&number.to_le_bytes());
        let bytes = self.unless_it_lies(file.len() as u64);
        file[32..40].copy_from_slice(&bytes.to_le_bytes());
        let first = self.unless_it_lies(self.next);
        file[40..48].copy_from_slice(&first.to_le_bytes());
        file[48..52].copy_from_slice(&self.previous);
        // Any field may say something else.
        if self.program.byte() >= 240 {
            file[self.program.below(60)] = self.program.byte();
        }
        let seed = crc32c::crc32c(&file[..60]);
        file[60..64].copy_from_slice(&seed.to_le_bytes());
        let mut at = BLOCK_BYTES;
        while at < file.len() {
            at += self.block(&mut file[at..], seed).next_multiple_of(BLOCK_BYTES).max(BLOCK_BYTES);
        }
        file
    }

    /// A record, a footer, zeros or nonsense. How many bytes it takes.
    fn block(&mut self, file: &mut [u8], seed: u32) -> usize {
        match self.program.byte() {
            240.. => {
                file[0..8].copy_from_slice(b"COSMEND\0");
                file[8..28].copy_from_slice(&self.program.array::<20>());
                let checksum = crc32c::crc32c_append(seed, &file[..28]);
                file[28..32].copy_from_slice(&checksum.to_le_bytes());
                0
            }
            220..240 => 0,
            200..220 => {
                file[..BLOCK_BYTES].fill(self.program.byte());
                0
            }
            _ => self.record(file, seed),
        }
    }

    fn record(&mut self, file: &mut [u8], seed: u32) -> usize {
        let bytes = self.program.below(3000);
        let said = self.unless_it_lies(bytes as u64).to_le_bytes();
        file[8..12].copy_from_slice(&said[..4]);
        // The last of its group, or followed in the same block by zeros.
        file[11] ^= self.program.byte() & 0x80 ^ 0x80;
        file[12..16].copy_from_slice(&self.previous);
        let lsn = self.unless_it_lies(self.next);
        file[16..24].copy_from_slice(&lsn.to_le_bytes());
        let stable = self.unless_it_lies(self.next - 1);
        file[24..32].copy_from_slice(&stable.to_le_bytes());
        let end = (32 + bytes).min(file.len());
        let payload = crc32c::crc32c(&file[32..end]);
        file[4..8].copy_from_slice(&payload.to_le_bytes());
        self.previous = crc32c::crc32c_append(seed, &file[4..32]).to_le_bytes();
        file[0..4].copy_from_slice(&self.previous);
        self.next += 1;
        end
    }
}
