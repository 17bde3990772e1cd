//! Gathers appended records into groups, and seals a group when its turn to be written comes.
//!
//! A group is what one write makes durable. Only the last group of the backlog is open; the others are as full as
//! they get. What depends on the moment of writing (the segment's seed, how far the log is durable, the chain) is
//! filled in by [`Group::seal`]; the payload is copied and its checksum taken while it is warm, when it is appended.

use std::collections::VecDeque;

use cosmictron_types::Lsn;

use super::frame::{BLOCK_BYTES, Checksum, RECORD_HEADER_BYTES, RecordHeader, padded};

/// Records that are written together: one or more, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Each record's payload behind the room for its header; once sealed, whole blocks.
    bytes: Vec<u8>,
    /// What is known of each record before the group is sealed.
    payloads: Vec<PayloadExtent>,
}

#[derive(Clone, Copy, Debug)]
struct PayloadExtent {
    checksum: Checksum,
    bytes: usize,
}

impl Group {
    fn push(&mut self, payload: &[u8]) {
        self.bytes.extend_from_slice(&[0; RECORD_HEADER_BYTES]);
        self.bytes.extend_from_slice(payload);
        self.payloads.push(PayloadExtent { checksum: Checksum::of(payload), bytes: payload.len() });
    }

    /// Whole blocks: what it takes in a segment.
    pub(super) fn padded_bytes(&self) -> usize {
        padded(self.bytes.len())
    }

    /// The group as it is written. Only after [`Group::seal`].
    pub(super) fn bytes(&self) -> &[u8] {
        assert!(
            self.bytes.len().is_multiple_of(BLOCK_BYTES),
            "a group is sealed before it is read"
        );
        &self.bytes
    }

    /// Writes every record's header and pads to whole blocks. `last` and `previous` are the record before the first
    /// and its checksum; gives the same of the group's last.
    pub(super) fn seal(
        &mut self,
        seed: Checksum,
        last: Lsn,
        previous: Checksum,
        stable: Lsn,
    ) -> (Lsn, Checksum) {
        assert!(stable <= last, "a record is not durable before it is written");
        let (mut at, mut last, mut previous) = (0, last, previous);
        for (number, payload) in self.payloads.iter().enumerate() {
            last = last.next();
            let header = RecordHeader {
                payload: payload.checksum,
                payload_bytes: payload.bytes,
                is_last_of_group: number + 1 == self.payloads.len(),
                previous,
                lsn: last,
                stable,
            };
            let bytes;
            (bytes, previous) = header.encode(seed);
            self.bytes[at..at + RECORD_HEADER_BYTES].copy_from_slice(&bytes);
            at += RECORD_HEADER_BYTES + payload.bytes;
        }
        self.bytes.resize(self.padded_bytes(), 0);
        (last, previous)
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.payloads.clear();
    }
}

/// Groups that wait for their write, in order.
#[derive(Debug)]
pub(super) struct Backlog {
    groups: VecDeque<Group>,
    group_bytes_max: usize,
    /// Sum of the groups' [`Group::padded_bytes`].
    bytes: usize,
    /// An empty group whose allocations are used again.
    spare: Group,
}

impl Backlog {
    pub(super) fn new(group_bytes_max: usize) -> Backlog {
        Backlog { groups: VecDeque::new(), group_bytes_max, bytes: 0, spare: Group::default() }
    }

    /// Bytes that the waiting groups take in a segment.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// As [`Backlog::bytes`], if a payload of this length were pushed.
    pub(super) fn bytes_with(&self, payload_bytes: usize) -> usize {
        let record_bytes = RECORD_HEADER_BYTES + payload_bytes;
        match self.open_group(record_bytes) {
            Some(group) => {
                self.bytes - group.padded_bytes() + padded(group.bytes.len() + record_bytes)
            }
            None => self.bytes + padded(record_bytes),
        }
    }

    /// The last group, when a record of this length still fits into it.
    fn open_group(&self, record_bytes: usize) -> Option<&Group> {
        self.groups.back().filter(|group| group.bytes.len() + record_bytes <= self.group_bytes_max)
    }

    pub(super) fn push(&mut self, payload: &[u8]) {
        let bytes = self.bytes_with(payload.len());
        if self.open_group(RECORD_HEADER_BYTES + payload.len()).is_none() {
            self.groups.push_back(std::mem::take(&mut self.spare));
        }
        let group = self.groups.back_mut().expect("there is an open group");
        group.push(payload);
        self.bytes = bytes;
    }

    /// The group whose turn it is.
    pub(super) fn first(&self) -> Option<&Group> {
        self.groups.front()
    }

    /// Whether the first group gets no larger by waiting.
    pub(super) fn is_first_full(&self) -> bool {
        self.groups.len() > 1
    }

    pub(super) fn pop(&mut self) -> Option<Group> {
        let group = self.groups.pop_front()?;
        self.bytes -= group.padded_bytes();
        Some(group)
    }

    /// Takes back a group that was written out. The allocation of a huge one is not kept.
    pub(super) fn recycle(&mut self, mut group: Group) {
        if group.bytes.capacity() <= 2 * self.group_bytes_max {
            group.clear();
            self.spare = group;
        }
    }
}
