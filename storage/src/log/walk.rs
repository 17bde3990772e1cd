//! Walks over the records of one segment in memory, and looks for evidence behind the last good one.

use cosmictron_types::Lsn;

use super::frame::{BLOCK_BYTES, Checksum, RECORD_HEADER_BYTES, RecordHeader, padded};
use crate::planted::{Fault, is_planted};

/// One record as it was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub lsn: Lsn,
    pub payload: &'a [u8],
}

/// Why there is no record where one is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    #[error("the records end")]
    End,
    #[error("there are only zeros")]
    Zeros,
    #[error("its header's checksum is wrong")]
    HeaderChecksum,
    #[error("it is record {found}")]
    OtherLsn { found: Lsn },
    #[error("it does not follow the record before it")]
    OtherPredecessor,
    #[error("it is cut off")]
    CutOff,
    #[error("its payload's checksum is wrong")]
    PayloadChecksum,
}

/// A position between two records.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    /// The segment up to where its records end at the latest.
    bytes: &'a [u8],
    seed: Checksum,
    /// Where the next record begins.
    offset: usize,
    /// The last record passed, and its checksum.
    last: Lsn,
    previous: Checksum,
}

impl<'a> Walk<'a> {
    /// Begins behind the header of a segment whose first record follows `last`.
    pub(super) fn new(bytes: &'a [u8], seed: Checksum, last: Lsn, previous: Checksum) -> Walk<'a> {
        Walk { bytes, seed, offset: BLOCK_BYTES, last, previous }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn last(&self) -> Lsn {
        self.last
    }

    pub(super) fn previous(&self) -> Checksum {
        self.previous
    }

    /// Passes the next record. Does not move when there is none.
    pub(super) fn step(&mut self) -> Result<Record<'a>, BadRecord> {
        let rest = self.bytes.get(self.offset..).unwrap_or(&[]);
        let Some((head, body)) = rest.split_at_checked(RECORD_HEADER_BYTES) else {
            return Err(BadRecord::End);
        };
        let Some((header, checksum)) = RecordHeader::decode(head, self.seed) else {
            let is_zero = head.iter().all(|&byte| byte == 0);
            return Err(if is_zero { BadRecord::Zeros } else { BadRecord::HeaderChecksum });
        };
        if header.lsn != self.last.next() {
            return Err(BadRecord::OtherLsn { found: header.lsn });
        }
        if header.previous != self.previous {
            return Err(BadRecord::OtherPredecessor);
        }
        let payload = body.get(..header.payload_bytes).ok_or(BadRecord::CutOff)?;
        let is_whole = Checksum::of(payload) == header.payload;
        if !is_whole && !is_planted(Fault::TornRecordCounts) {
            return Err(BadRecord::PayloadChecksum);
        }
        let end = self.offset + RECORD_HEADER_BYTES + payload.len();
        self.offset = if header.is_last_of_group { padded(end) } else { end };
        self.last = header.lsn;
        self.previous = checksum;
        Ok(Record { lsn: header.lsn, payload })
    }

    /// The record behind the last one passed, if any, which proves that the one after that was durable once. Groups
    /// begin with a block, so only there is looked: a payload that happens to look like a record is hardly ever met.
    pub(super) fn evidence(&self) -> Option<Lsn> {
        let lost = self.last.next();
        let behind = self.bytes.get(padded(self.offset)..).unwrap_or(&[]);
        behind.chunks(BLOCK_BYTES).find_map(|block| {
            let (header, _) = RecordHeader::decode(block, self.seed)?;
            let is_evidence = lost <= header.stable && header.stable < header.lsn;
            is_evidence.then_some(header.lsn)
        })
    }

    /// Whether only zeros follow the last record's group.
    pub(super) fn is_clean(&self) -> bool {
        is_zero(self.bytes.get(self.offset..).unwrap_or(&[]))
    }
}

/// Whether there are only zeros, sixteen bytes at a time.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<16>();
    words.iter().all(|word| u128::from_le_bytes(*word) == 0) && rest.iter().all(|&byte| byte == 0)
}
