//! Defines what a shard is to its drivers: a state machine that takes one event at a time and acts through a seam.
//!
//! The real driver ([`crate::real`]) and the simulated one ([`crate::sim`]) run the same machine, so whatever touches
//! time, chance, disk or another core goes through [`Seam`] and nowhere else.
//!
//! Invariants that both drivers keep:
//! 1. A machine handles one event at a time and to its end; no call on the seam re-enters it.
//! 2. Messages from one shard to another arrive once each and in the order in which they were sent.
//! 3. Every `write`, and every `prepare_segment`, is followed by exactly one [`Event::Written`] or
//!    [`Event::SegmentReady`] unless the process dies first. Writes may complete in another order than they were made.
//! 4. `now` never goes back on one shard.
//! 5. A [`Ticket`] is answered at most once: it is neither `Clone` nor `Copy`, and `answer` takes it.
//!
//! What a machine does not get: the directory of its log before it started (that is [`crate::boot::Boot`]), sockets,
//! and threads for slow work (those belong to the tasks around the machine).

use std::fmt;

use cosmictron_types::{Duration, ShardCount, ShardId, TableId, Timestamp, TxId};

/// Segments are written in whole blocks: offset and length of every write are multiples of this.
pub const BLOCK_BYTES: usize = 4096;

/// Messages that fit into the ring from one shard to another. What a machine sends beyond it waits in the sender's
/// overflow, so a machine bounds what it has in flight to a peer to about this many.
/// 1024 slots of a few pointers each stay inside the L2 cache.
pub const MAILBOX_SLOTS: usize = 1024;

/// Messages that may wait at the sender for room in one ring. One more is a bug of the machine that sends.
pub const OVERFLOW_MAX: usize = 16 * MAILBOX_SLOTS;

/// The largest single write. Room for one commit group whose transaction is huge; the usual one is a thousandth of it.
pub const WRITE_BYTES_MAX: usize = 64 << 20;
const _: () = assert!(WRITE_BYTES_MAX.is_multiple_of(BLOCK_BYTES));

/// Writes that one shard may have in flight. One more is a bug of the machine.
pub const WRITES_IN_FLIGHT_MAX: usize = 16;

/// Segments that one shard may have asked for and not yet got. One more is a bug of the machine.
pub const SEGMENTS_IN_PREPARATION_MAX: usize = 8;

/// The state machine that one core runs.
pub trait Machine: Sized + 'static {
    /// What a connection's task on this core asks for.
    type Request: 'static;
    /// What such a task gets back.
    type Answer: 'static;
    /// What one core's machine tells another's.
    type Message: Send + 'static;

    /// Takes one event to its end. Runs on the shard's thread, so it must be short: whatever loops over data of a
    /// user's size stops by a budget and goes on at the next [`Event::Flush`].
    fn handle(&mut self, event: Event<Self>, seam: &mut dyn Seam<Self>);
}

/// What happens to a machine.
pub enum Event<M: Machine> {
    /// The first event, once, before any other: time to prepare a segment or to ask for a [`Event::Tick`].
    Start,
    /// A task on this core asks; the machine answers now or later by [`Seam::answer`].
    Request {
        /// To answer it with.
        ticket: Ticket,
        /// What is asked for.
        request: M::Request,
    },
    /// Another shard's machine (or this one's own) has sent something.
    Message {
        /// Who has sent it.
        from: ShardId,
        /// What was sent.
        message: M::Message,
    },
    /// A write has reached the device, or has failed. After a failure the content of its blocks is unknown.
    Written {
        /// The machine's name for the write.
        write: WriteId,
        /// Durable, or not to be relied on.
        result: Result<(), DiskError>,
    },
    /// A segment is zero-filled and it and its directory are on the device; or it failed and is gone again.
    SegmentReady {
        /// Which one.
        segment: SegmentNumber,
        /// Ready to be written to, or not there.
        result: Result<(), DiskError>,
    },
    /// Asked for by [`Seam::flush_soon`]: comes after everything that was ready then has been handled.
    Flush,
    /// Asked for by [`Seam::wake_at`]: comes at that time or later.
    Tick,
}

/// The one door to time, chance, disk, other cores and waiting tasks.
pub trait Seam<M: Machine> {
    /// The shard that this machine is.
    fn shard(&self) -> ShardId;

    /// How many shards there are.
    fn shards(&self) -> ShardCount;

    /// Wall-clock time that never goes back on one shard.
    fn now(&self) -> Timestamp;

    /// Chance; seeded in the simulation.
    fn random(&mut self) -> u64;

    /// Takes the next number of the server-wide counter of transactions.
    fn next_tx(&mut self) -> TxId;

    /// How long this shard's core has worked for it since the start, the kernel's work for its sockets and its log
    /// included.
    fn busy(&self) -> Duration;

    /// The number that any shard has taken last.
    fn last_tx(&self) -> TxId;

    /// Takes the next number of the server-wide counter of tables.
    fn next_table(&mut self) -> TableId;

    /// Sends to another shard's machine, or to this one (it then arrives as an event of its own, after this one).
    fn send(&mut self, to: ShardId, message: M::Message);

    /// Answers a request. When its task has gone meanwhile, the answer is dropped.
    fn answer(&mut self, ticket: Ticket, answer: M::Answer);

    /// Whether the task that asked still waits. Work for one that has gone can be dropped before it runs.
    fn is_awaited(&self, ticket: &Ticket) -> bool;

    /// Asks for one [`Event::Flush`]; asking again before it came changes nothing.
    fn flush_soon(&mut self);

    /// Asks for one [`Event::Tick`]. Of several wishes the earliest wins and the others are forgotten.
    fn wake_at(&mut self, at: Timestamp);

    /// Writes `bytes` at `offset` of `segment`, which was prepared or found at the start. They are copied before this
    /// returns and durable when [`Event::Written`] says so. Panics unless `offset` and the length are multiples of
    /// [`BLOCK_BYTES`], the length is in `1..=`[`WRITE_BYTES_MAX`] and fewer than [`WRITES_IN_FLIGHT_MAX`] are in
    /// flight.
    fn write(&mut self, id: WriteId, segment: SegmentNumber, offset: u64, bytes: &[u8]);

    /// Makes a new segment of `bytes` zeros, off this thread, and syncs it and its directory. One that exists is an
    /// error, never overwritten. Panics when [`SEGMENTS_IN_PREPARATION_MAX`] are being made.
    fn prepare_segment(&mut self, segment: SegmentNumber, bytes: u64);

    /// Removes a segment that nothing needs any more, off this thread. A failure is logged and costs only space: the
    /// segment is then found again at the next start. Segments of a shard are made and removed in the order in which
    /// that was asked for, also across a crash.
    fn remove_segment(&mut self, segment: SegmentNumber);
}

/// The right and duty to answer one request, once.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// A machine's own name for one of its writes; it need only be unique among those in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId(u64);

impl WriteId {
    /// From its number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A segment's place in its shard's log; also its file's name. Numbers are not used again within one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentNumber(u64);

impl SegmentNumber {
    /// From its number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The segment after this one. Panics after 2^64 segments.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for SegmentNumber {
    /// As in the file's name: ten digits, so that a directory's listing is in the log's order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}", self.0)
    }
}

/// Why the disk did not do what it was asked for. Always the world's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiskError {
    /// No room on the device or in the quota: the one failure that passes when room is made.
    #[error("no space left on the device")]
    OutOfSpace,
    /// Whatever else went wrong. What is on the device is unknown, and trying again proves nothing.
    #[error(transparent)]
    Failed(#[from] DiskFailure),
}

/// What went wrong on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiskFailure {
    /// The operating system's error number.
    #[error("the device or file system failed with {}", std::io::Error::from_raw_os_error(*.0))]
    Os(i32),
    /// The device took less than it was given.
    #[error("{written} of {bytes} bytes were written")]
    ShortWrite {
        /// What it took.
        written: usize,
        /// What it was given.
        bytes: usize,
    },
}

impl DiskError {
    /// What an I/O error of the operating system means for the log.
    pub fn from_io(error: &std::io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOSPC | libc::EDQUOT) => DiskError::OutOfSpace,
            Some(number) => DiskError::Failed(DiskFailure::Os(number)),
            None => DiskError::Failed(DiskFailure::Os(libc::EIO)),
        }
    }
}

impl<M: Machine> Event<M> {
    /// The event's name, for traces.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Start => "start",
            Event::Request { .. } => "request",
            Event::Message { .. } => "message",
            Event::Written { .. } => "written",
            Event::SegmentReady { .. } => "segment-ready",
            Event::Flush => "flush",
            Event::Tick => "tick",
        }
    }
}

/// What [`Seam::write`] demands of its caller; `in_flight` are the writes before this one.
pub(crate) fn assert_write(offset: u64, bytes: &[u8], in_flight: usize) {
    assert!(offset.is_multiple_of(BLOCK_BYTES as u64), "a write at {offset} is not aligned");
    assert!(bytes.len().is_multiple_of(BLOCK_BYTES), "{} bytes are no whole blocks", bytes.len());
    assert!((1..=WRITE_BYTES_MAX).contains(&bytes.len()), "a write of {} bytes", bytes.len());
    assert!(in_flight < WRITES_IN_FLIGHT_MAX, "{in_flight} writes are in flight");
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn only_a_full_disk_is_out_of_space() {
        let of = |number| DiskError::from_io(&io::Error::from_raw_os_error(number));
        assert_eq!(of(libc::ENOSPC), DiskError::OutOfSpace);
        assert_eq!(of(libc::EDQUOT), DiskError::OutOfSpace);
        assert_eq!(of(libc::EIO), DiskError::Failed(DiskFailure::Os(libc::EIO)));
    }

    #[test]
    fn segment_names_sort_as_their_numbers() {
        let names = [9, 10, 1_000_000].map(|n| SegmentNumber::new(n).to_string());
        assert_eq!(names, ["0000000009", "0000000010", "0001000000"]);
    }
}
