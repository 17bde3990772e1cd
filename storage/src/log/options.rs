//! The sizes of a log, and the relations between them that its invariants need.

use super::frame::{BLOCK_BYTES, PAYLOAD_BYTES_LIMIT, RECORD_HEADER_BYTES, padded};
use super::rotation::FRAME_BLOCKS;

/// Bytes of the largest write: what the runtime takes at once.
pub const WRITE_BYTES_MAX: usize = 64 << 20;
/// Writes that the runtime takes before the first of them has landed.
pub const GROUPS_IN_FLIGHT_MAX: usize = 16;

/// Bytes of the largest payload that any log may allow: with its header it is one write.
const RECORD_BYTES_LIMIT: usize = WRITE_BYTES_MAX - RECORD_HEADER_BYTES;

const _: () = assert!(WRITE_BYTES_MAX.is_multiple_of(BLOCK_BYTES));
const _: () = assert!(RECORD_BYTES_LIMIT < PAYLOAD_BYTES_LIMIT);

/// How large a log's parts may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// Length of a segment's file; whole blocks. A segment is zero-filled before it is used, while the one before it
    /// is written, so it should last longer than that takes.
    pub segment_bytes: u64,
    /// A group gets no larger by another record; whole blocks. One record that is larger makes a group of its own.
    pub group_bytes_max: usize,
    /// Writes that may be in flight at once. With 1, damage can be taken for a torn tail in the last group only.
    pub groups_in_flight_max: usize,
    /// Bytes of the largest payload.
    pub record_bytes_max: usize,
    /// Bytes of groups that may wait; at least a record, and at most what a segment holds.
    pub backlog_bytes_max: usize,
}

impl Default for LogOptions {
    /// 64 MiB take about 0.1 s to fill with zeros and at least as long to fill with records; 256 KiB take hardly
    /// longer to flush than one block; 32 MiB of backlog are written in well under a second.
    fn default() -> LogOptions {
        LogOptions {
            segment_bytes: 64 << 20,
            group_bytes_max: 256 << 10,
            groups_in_flight_max: 1,
            record_bytes_max: 16 << 20,
            backlog_bytes_max: 32 << 20,
        }
    }
}

/// A log's sizes do not go together. The configuration's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOptions {
    #[error("log {what} of {bytes} bytes is not a multiple of {BLOCK_BYTES} from {BLOCK_BYTES} on")]
    NotBlocks { what: &'static str, bytes: u64 },
    #[error("log {what} of {value} exceeds {value_max}")]
    TooLarge { what: &'static str, value: u64, value_max: u64 },
    #[error("a log without writes in flight writes nothing")]
    NoFlight,
}

impl LogOptions {
    /// Whether a log can be run with these sizes.
    pub fn check(&self) -> Result<(), InvalidOptions> {
        blocks("segment", self.segment_bytes)?;
        blocks("group", self.group_bytes_max as u64)?;
        if self.groups_in_flight_max == 0 {
            return Err(InvalidOptions::NoFlight);
        }
        at_most("groups in flight", self.groups_in_flight_max, GROUPS_IN_FLIGHT_MAX as u64)?;
        at_most("group", self.group_bytes_max, WRITE_BYTES_MAX as u64)?;
        at_most("record", self.record_bytes_max, RECORD_BYTES_LIMIT as u64)?;
        let record_bytes = padded(self.record_bytes_max + RECORD_HEADER_BYTES);
        at_most("record with its padding", record_bytes, self.backlog_bytes_max as u64)?;
        let frame_bytes = (FRAME_BLOCKS * BLOCK_BYTES) as u64;
        let in_segment = self.segment_bytes.saturating_sub(frame_bytes);
        at_most("backlog", self.backlog_bytes_max, in_segment)
    }
}

fn blocks(what: &'static str, bytes: u64) -> Result<(), InvalidOptions> {
    match bytes > 0 && bytes.is_multiple_of(BLOCK_BYTES as u64) {
        true => Ok(()),
        false => Err(InvalidOptions::NotBlocks { what, bytes }),
    }
}

fn at_most(what: &'static str, value: usize, value_max: u64) -> Result<(), InvalidOptions> {
    let value = value as u64;
    match value <= value_max {
        true => Ok(()),
        false => Err(InvalidOptions::TooLarge { what, value, value_max }),
    }
}
