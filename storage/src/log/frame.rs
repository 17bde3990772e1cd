//! Lays out the fixed parts of a log: segment header, record header, segment footer, byte by byte.
//!
//! ```text
//! segment header, 64 bytes, in a block of its own     record header, 32 bytes, then the payload
//!  0  magic "COSMWAL\0"                                0  checksum of bytes 4..32, seeded
//!  8  format version u32                               4  checksum of the payload
//! 12  shard u16, then two zero bytes                   8  payload bytes u32; bit 31: last of its group
//! 16  data directory u64                              12  checksum of the record before (its bytes 0..4)
//! 24  number u64                                      16  LSN u64
//! 32  bytes of the whole segment u64                  24  stable LSN u64
//! 40  first LSN u64
//! 48  checksum of the last record before u32          segment footer, 32 bytes, in the last block
//! 52  eight zero bytes                                 0  magic "COSMEND\0"
//! 60  checksum of bytes 0..60                          8  number u64
//!                                                     16  last LSN u64
//!                                                     24  checksum of the last record u32
//!                                                     28  checksum of bytes 0..28, seeded
//! ```
//!
//! All numbers are little-endian, all checksums CRC32C. *Seeded* means continued from the checksum of the segment's
//! header, so that a record is valid in its own segment only, and cannot be forged by a guest whose rows the log
//! carries: the seed depends on the data directory's random number, which no guest sees.
//!
//! What a checksum misses. CRC32C finds every burst of up to 32 bits and any three flipped bits in a record of up to
//! 256 MiB (any five below 655 bytes); other damage passes with probability 2^-32. A record that was torn by a crash
//! is judged once, so a wrong one is expected after some four thousand million crashes that tear one, and it would
//! also have to be a transaction that nobody was answered for. The header's own checksum covers length and LSN, so
//! a length is believed only when it is known to be ours.

use cosmictron_types::{Lsn, ShardId};

use super::number::SegmentNumber;

/// Writes are whole blocks: the unit that O_DIRECT and every disk of today can take.
pub const BLOCK_BYTES: usize = 4096;
/// Bytes at the beginning of a segment that its header takes; the rest of its block is zero.
pub const SEGMENT_HEADER_BYTES: usize = 64;
/// Bytes in front of every payload.
pub const RECORD_HEADER_BYTES: usize = 32;
/// The version of the format that this code writes, and the only one that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// Bytes at the beginning of a segment's last block that its footer takes.
pub(super) const SEGMENT_FOOTER_BYTES: usize = 32;

const HEADER_MAGIC: [u8; 8] = *b"COSMWAL\0";
const FOOTER_MAGIC: [u8; 8] = *b"COSMEND\0";
const LAST_OF_GROUP: u32 = 1 << 31;

/// A payload is shorter than this, since the length shares its 32 bits with a flag.
pub(super) const PAYLOAD_BYTES_LIMIT: usize = LAST_OF_GROUP as usize;

/// Which log: of which data directory, and of which of its shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogId {
    /// Random, made with the data directory and kept in it.
    pub data: u64,
    pub shard: ShardId,
}

/// CRC32C of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checksum(u32);

impl Checksum {
    /// What stands where there is no record before.
    pub(super) const NONE: Checksum = Checksum(0);

    pub(super) fn of(bytes: &[u8]) -> Checksum {
        Checksum(crc32c::crc32c(bytes))
    }

    /// As if `bytes` followed what this is the checksum of.
    fn then(self, bytes: &[u8]) -> Checksum {
        Checksum(crc32c::crc32c_append(self.0, bytes))
    }

    fn to_bytes(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }
}

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// The shard's number; not a [`ShardId`], since the server may have fewer shards now.
    pub(super) shard: u16,
    pub(super) data: u64,
    pub(super) number: SegmentNumber,
    /// As it was prepared.
    pub(super) bytes: u64,
    /// The record that comes first in this segment. All before it were durable when this was written.
    pub(super) first: Lsn,
    /// Of the record before the first.
    pub(super) previous: Checksum,
}

/// Why a segment has no header that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// Zero, torn or damaged.
    Invalid,
    /// Whole, and of another version.
    Version(u32),
}

impl SegmentHeader {
    /// The header's bytes, and the seed of the segment's records.
    pub(super) fn encode(&self) -> ([u8; SEGMENT_HEADER_BYTES], Checksum) {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[0..8].copy_from_slice(&HEADER_MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.shard.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.data.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.number.get().to_le_bytes());
        bytes[32..40].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.first.get().to_le_bytes());
        bytes[48..52].copy_from_slice(&self.previous.to_bytes());
        let checksum = Checksum::of(&bytes[..60]);
        bytes[60..64].copy_from_slice(&checksum.to_bytes());
        (bytes, checksum)
    }

    /// Reads the header of a segment that begins with `bytes`, and the seed of its records.
    pub(super) fn decode(bytes: &[u8]) -> Result<(SegmentHeader, Checksum), HeaderFault> {
        let bytes: &[u8; SEGMENT_HEADER_BYTES] = bytes.first_chunk().ok_or(HeaderFault::Invalid)?;
        let checksum = Checksum(u32_at(bytes, 60));
        // Magic, checksum and version keep their places in every version, so that this order holds for all of them.
        if bytes[0..8] != HEADER_MAGIC || Checksum::of(&bytes[..60]) != checksum {
            return Err(HeaderFault::Invalid);
        }
        let version = u32_at(bytes, 8);
        if version != FORMAT_VERSION {
            return Err(HeaderFault::Version(version));
        }
        let header = SegmentHeader {
            shard: u16::from_le_bytes([bytes[12], bytes[13]]),
            data: u64_at(bytes, 16),
            number: SegmentNumber::new(u64_at(bytes, 24)),
            bytes: u64_at(bytes, 32),
            first: Lsn::new(u64_at(bytes, 40)),
            previous: Checksum(u32_at(bytes, 48)),
        };
        Ok((header, checksum))
    }
}

/// The last block of a segment that is closed: its successor has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentFooter {
    pub(super) number: SegmentNumber,
    /// The segment's last record, or the one before its first when it holds none.
    pub(super) last: Lsn,
    pub(super) previous: Checksum,
}

impl SegmentFooter {
    pub(super) fn encode(&self, seed: Checksum) -> [u8; SEGMENT_FOOTER_BYTES] {
        let mut bytes = [0; SEGMENT_FOOTER_BYTES];
        bytes[0..8].copy_from_slice(&FOOTER_MAGIC);
        bytes[8..16].copy_from_slice(&self.number.get().to_le_bytes());
        bytes[16..24].copy_from_slice(&self.last.get().to_le_bytes());
        bytes[24..28].copy_from_slice(&self.previous.to_bytes());
        let checksum = seed.then(&bytes[..28]);
        bytes[28..32].copy_from_slice(&checksum.to_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8], seed: Checksum) -> Option<SegmentFooter> {
        let bytes: &[u8; SEGMENT_FOOTER_BYTES] = bytes.first_chunk()?;
        if bytes[0..8] != FOOTER_MAGIC || seed.then(&bytes[..28]) != Checksum(u32_at(bytes, 28)) {
            return None;
        }
        Some(SegmentFooter {
            number: SegmentNumber::new(u64_at(bytes, 8)),
            last: Lsn::new(u64_at(bytes, 16)),
            previous: Checksum(u32_at(bytes, 24)),
        })
    }
}

/// What stands in front of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) payload: Checksum,
    /// Shorter than [`PAYLOAD_BYTES_LIMIT`].
    pub(super) payload_bytes: usize,
    /// Nothing but zeros follows in this block.
    pub(super) is_last_of_group: bool,
    pub(super) previous: Checksum,
    pub(super) lsn: Lsn,
    /// This record and all before it were known to be durable when the group was sealed; below `lsn`.
    pub(super) stable: Lsn,
}

impl RecordHeader {
    /// The header's bytes, and the checksum that the next record repeats.
    pub(super) fn encode(&self, seed: Checksum) -> ([u8; RECORD_HEADER_BYTES], Checksum) {
        let length = u32::try_from(self.payload_bytes).expect("a payload is below its limit");
        let flag = if self.is_last_of_group { LAST_OF_GROUP } else { 0 };
        let mut bytes = [0; RECORD_HEADER_BYTES];
        bytes[4..8].copy_from_slice(&self.payload.to_bytes());
        bytes[8..12].copy_from_slice(&(length | flag).to_le_bytes());
        bytes[12..16].copy_from_slice(&self.previous.to_bytes());
        bytes[16..24].copy_from_slice(&self.lsn.get().to_le_bytes());
        bytes[24..32].copy_from_slice(&self.stable.get().to_le_bytes());
        let checksum = seed.then(&bytes[4..]);
        bytes[0..4].copy_from_slice(&checksum.to_bytes());
        (bytes, checksum)
    }

    /// Reads the header that begins with `bytes`; `None` unless it is one of this segment's.
    pub(super) fn decode(bytes: &[u8], seed: Checksum) -> Option<(RecordHeader, Checksum)> {
        let bytes: &[u8; RECORD_HEADER_BYTES] = bytes.first_chunk()?;
        let checksum = Checksum(u32_at(bytes, 0));
        if seed.then(&bytes[4..]) != checksum {
            return None;
        }
        let length = u32_at(bytes, 8);
        let header = RecordHeader {
            payload: Checksum(u32_at(bytes, 4)),
            payload_bytes: (length & !LAST_OF_GROUP) as usize,
            is_last_of_group: length & LAST_OF_GROUP != 0,
            previous: Checksum(u32_at(bytes, 12)),
            lsn: Lsn::new(u64_at(bytes, 16)),
            stable: Lsn::new(u64_at(bytes, 24)),
        };
        Some((header, checksum))
    }
}

/// The beginning of the block that `bytes` end in, or where they end when that is a block's beginning.
pub(super) const fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(BLOCK_BYTES)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("every caller's array reaches that far"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("every caller's array reaches that far"))
}
