//! What a log says about itself: whether it takes records, why one was refused, how it ended.

use cosmictron_types::Lsn;

use super::number::SegmentNumber;

/// What a completed write has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing yet: an earlier write has not landed, or it carried no record.
    None,
    /// Records up to this one are durable now.
    Durable(Lsn),
    /// The log is poisoned, now or since before.
    Poisoned,
}

/// Whether the log takes records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogState {
    /// The first segment is not open yet.
    Starting,
    Open,
    /// The disk is full. What was appended still becomes durable; nothing new is taken until a segment could be
    /// prepared. See [`Log::retry_segment`](super::Log::retry_segment).
    Full,
    Poisoned(Poison),
}

/// Where and why a log ended for good. What lies on the device behind [`Log::durable`](super::Log::durable) is unknown
/// until the next recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poison {
    pub segment: SegmentNumber,
    /// `None` when the segment could not even be prepared.
    pub offset: Option<u64>,
    pub fault: DiskFault,
}

/// Why a record was not taken. The log is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The caller's doing.
    #[error("record of {bytes} bytes exceeds the limit of {bytes_max}")]
    TooLarge { bytes: usize, bytes_max: usize },
    /// The disk is slower than the callers. Passes by itself.
    #[error("{bytes} bytes already wait for the disk")]
    Backlog { bytes: usize },
    /// The next segment is still being prepared. Passes by itself.
    #[error("no segment is prepared for the record yet")]
    NoSegment,
    /// Passes when there is room on the disk again.
    #[error("the disk is full")]
    OutOfSpace,
    /// Final: an earlier write has failed.
    #[error("the log has ended: {}", .0.fault)]
    Poisoned(Poison),
}

/// Why the disk did not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiskFault {
    #[error("no space left on the device")]
    OutOfSpace,
    /// The operating system's error number.
    #[error("the disk failed with system error {0}")]
    System(i32),
    #[error("the disk took only a part of a write")]
    ShortWrite,
}

/// What a log has done since its start, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogFigures {
    pub records: u64,
    pub payload_bytes: u64,
    /// Groups sealed.
    pub groups: u64,
    /// Bytes handed out, padding, headers and footers included.
    pub written_bytes: u64,
    /// Segments begun.
    pub segments: u64,
    /// Bytes that wait for their write now.
    pub backlog_bytes: usize,
    /// Writes in flight now, or landed before an earlier one.
    pub writes_in_flight: usize,
}
