//! Frames records into a shard's write-ahead log, says what to write where, and reads it all back after a crash.
//!
//! The problem: a crash may keep any part of what was in flight and nothing else, in any order; a disk may also damage
//! what it had confirmed. The first must be cut away without a question and the second must never be, and both look
//! like a bad record. [`Log`] therefore writes such that what was confirmed leaves evidence, and [`Recovery`] cuts only
//! where there is none.
//!
//! ```text
//!  segment 1 (closed)                           segment 2 (open)                            segment 3 (prepared)
//! ┌────────┬─────────┬───────┬─────┬────────┐  ┌────────┬─────────┬───────────────┬ ─ ─ ┐  ┌ ─ ─ ─ ─ ─ ─ ─ ─ ─┐
//! │ header │ group   │ group │  0  │ footer │  │ header │ group   │ group         │  0    │  0
//! └────────┴─────────┴───────┴─────┴────────┘  └────────┴─────────┴───────────────┴ ─ ─ ┘  └ ─ ─ ─ ─ ─ ─ ─ ─ ─┘
//!    group = record, record, …, zeros up to a whole block;  record = header, payload
//! ```
//!
//! Writing keeps these invariants:
//! 1. Records become durable strictly in order: [`Log::durable`] and all before it are on the device.
//! 2. No block is written twice, and no file is written that an earlier process had open (but for a footer, in a block
//!    that records never use). So a write that a dying process left in flight does no harm by landing late, when the
//!    next process already writes. Until that one's first header is durable the landed record may still count as the
//!    log's; so no record is taken before ([`LogState::Starting`]).
//! 3. An appended record has its space: it fits into segments that are prepared already, so a disk that fills up
//!    later takes no record that was accepted.
//! 4. A segment's header is written when every record before the segment is durable, and alone. So a header proves
//!    all records before it, and any byte behind a header proves the header.
//! 5. Then the segment before gets its footer; only then come records. So a record that was acknowledged proves that
//!    the segment before it has its footer, and a footer proves that the next segment's header was there.
//! 6. A segment is prepared only when the one before it is open: only the last file may be without a header.
//! 7. After a failed write nothing is handed out, and nothing is acknowledged, for good.
//!
//! Recovery keeps these:
//! 8. Every record that is given out is one that was appended, and all before it were given out: a prefix.
//! 9. Of a closed segment (a later header exists) exactly the records up to that header's first LSN are given out; of
//!    several later headers the smallest LSN counts. Anything else, too few records or too many bytes missing, is
//!    corruption. Whatever lies behind them is ignored. So a log is cut at any record by beginning a segment with it.
//! 10. In the last segment with a header a bad record of LSN b ends the log, a *torn tail*, unless there is evidence
//!    that b was durable: a record behind it, at a block's beginning, whose `stable` is at least b; or the segment's
//!    footer; or a file that is shorter than it was prepared. With evidence the start is refused.
//! 11. Recovery itself changes nothing. Writing goes on in a new segment, whose header ends the old one; only then may
//!    that be trimmed. So recovering twice is recovering once, wherever the first was interrupted.
//!
//! **What remains ambiguous.** Records whose write was confirmed, but after which nothing was sealed any more: damage to
//! them looks like a crash before the confirmation, and they are cut. That is the last group of a log (with
//! [`LogOptions::groups_in_flight_max`] above 1, the last so many) and only until anything else is written: the next
//! group, the header that the next start writes, or a [`Payload::Mark`](record::Payload::Mark) appended when the log
//! goes idle or is closed. [`Log::proven`] says how far the evidence reaches. And the very first segment's loss, with
//! its file, shows nowhere in the log: whoever owns the data directory has to know whether the log was
//! [`Recovered::is_begun`].
//!
//! What is not here: reading and writing files (the runtime), when to flush (the shard), what payloads mean beyond
//! their kind ([`record`]). The bytes are laid out in [`frame`] and specified in `docs/file-format.md`.
//!
//! Reading order: [`frame`]; for writing this file, then `backlog`, `rotation`, `flight`; for recovery `walk`, then
//! [`mod@recover`].

mod backlog;
mod flight;
pub mod frame;
mod number;
mod options;
pub mod record;
pub mod recover;
mod refusal;
mod rotation;
mod state;
mod walk;

#[cfg(test)]
mod tests;

use cosmictron_types::Lsn;

pub use frame::{BLOCK_BYTES, LogId};
pub use number::{SegmentNumber, WriteId};
pub use options::{GROUPS_IN_FLIGHT_MAX, InvalidOptions, LogOptions, WRITE_BYTES_MAX};
pub use recover::{Cut, Head, Recovered, Recovery, Tail, Trim, recover};
pub use refusal::{Damage, ReadError, RecoverError};
pub use state::{AppendError, DiskFault, LogFigures, LogState, Poison, Progress};
pub use walk::{BadRecord, Record};

use backlog::{Backlog, Group};
use flight::Flight;
use frame::Checksum;
use rotation::{FrameHead, Rotation};

/// One shard's log, as far as it can be known without touching the disk: takes records, hands out writes, hears
/// which landed.
///
/// The owner loops: [`Log::wants_segment`] and [`Log::next_write`] until they give nothing, whenever the log was
/// appended to (best when everything that is ready has been appended, so that groups gather) and after every
/// [`Log::complete`] and [`Log::segment_ready`].
#[derive(Debug)]
pub struct Log {
    options: LogOptions,
    backlog: Backlog,
    rotation: Rotation,
    flight: Flight,
    appended: Lsn,
    durable: Lsn,
    proven: Lsn,
    /// The last record that was sealed, and its checksum.
    sealed: Lsn,
    previous: Checksum,
    poison: Option<Poison>,
    /// What the write that was handed out last consists of.
    outgoing: Outgoing,
    figures: LogFigures,
}

#[derive(Debug)]
enum Outgoing {
    Nothing,
    Group(Group),
    Block(Box<[u8; BLOCK_BYTES]>),
}

/// Bytes to be written: durably, and as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write<'a> {
    pub id: WriteId,
    pub segment: SegmentNumber,
    /// A multiple of [`BLOCK_BYTES`], as is the length of `bytes`.
    pub offset: u64,
    pub bytes: &'a [u8],
}

impl Log {
    /// Goes on behind `tail`, in a new segment. Everything up to the tail counts as durable: the owner has done what
    /// [`Recovered::trims`] asks for.
    pub fn start(options: LogOptions, tail: Tail) -> Result<Log, InvalidOptions> {
        options.check()?;
        Ok(Log {
            backlog: Backlog::new(options.group_bytes_max),
            rotation: Rotation::start(tail.id, options.segment_bytes, tail.closing),
            flight: Flight::default(),
            appended: tail.last,
            durable: tail.last,
            proven: Lsn::ZERO,
            sealed: tail.last,
            previous: tail.previous,
            poison: None,
            outgoing: Outgoing::Nothing,
            figures: LogFigures::default(),
            options,
        })
    }

    /// The sizes that it was started with.
    pub fn options(&self) -> &LogOptions {
        &self.options
    }

    /// Takes a record; never waits. It is durable when [`Log::durable`] has reached the LSN that is given back.
    pub fn append(&mut self, payload: &[u8]) -> Result<Lsn, AppendError> {
        self.admit(payload.len())?;
        Ok(self.push(payload))
    }

    /// Takes a record that [`Log::admit`] has promised to take, whatever has happened since; `None` when the log was lost
    /// meanwhile. Panics when something else has taken its room.
    pub fn append_admitted(&mut self, payload: &[u8]) -> Option<Lsn> {
        if self.poison.is_some() {
            return None;
        }
        let bytes = self.backlog.bytes_with(payload.len()) as u64;
        assert!(bytes <= self.rotation.room(), "the room for an admitted record is gone");
        Some(self.push(payload))
    }

    fn push(&mut self, payload: &[u8]) -> Lsn {
        self.appended = self.appended.next();
        self.backlog.push(payload);
        self.figures.records += 1;
        self.figures.payload_bytes += payload.len() as u64;
        self.appended
    }

    /// Whether a payload of this length would be taken now. What [`Log::append`] asks first; a shard asks it before
    /// it runs a call, so as not to run what it could not log.
    pub fn admit(&self, payload_bytes: usize) -> Result<(), AppendError> {
        if let Some(poison) = self.poison {
            return Err(AppendError::Poisoned(poison));
        }
        let bytes_max = self.options.record_bytes_max;
        if payload_bytes > bytes_max {
            return Err(AppendError::TooLarge { bytes: payload_bytes, bytes_max });
        }
        if self.rotation.is_out_of_space() {
            return Err(AppendError::OutOfSpace);
        }
        let bytes = self.backlog.bytes_with(payload_bytes);
        if bytes > self.options.backlog_bytes_max {
            return Err(AppendError::Backlog { bytes: self.backlog.bytes() });
        }
        if bytes as u64 > self.rotation.room() {
            return Err(AppendError::NoSegment);
        }
        Ok(())
    }

    /// The next write to be done, if one can be started now; the open group is sealed for it. Hand it to the disk
    /// before asking again: its bytes are lent only until then.
    ///
    /// While a write is in flight only full groups follow it: a small one gathers more by waiting.
    pub fn next_write(&mut self) -> Option<Write<'_>> {
        if self.poison.is_some() || self.flight.len() >= self.options.groups_in_flight_max {
            return None;
        }
        let (segment, offset) = match self.next_group() {
            Some(placed) => placed,
            None => self.next_frame_block()?,
        };
        let bytes = match &self.outgoing {
            Outgoing::Group(group) => group.bytes(),
            Outgoing::Block(block) => &block[..],
            Outgoing::Nothing => unreachable!("something was just put here"),
        };
        let id = self.flight.launch(segment, offset, self.sealed, self.durable);
        self.figures.written_bytes += bytes.len() as u64;
        Some(Write { id, segment, offset, bytes })
    }

    /// Seals the first group, if it has its turn and the open segment has room for it.
    fn next_group(&mut self) -> Option<(SegmentNumber, u64)> {
        let group = self.backlog.first()?;
        if !self.flight.is_empty() && !self.backlog.is_first_full() {
            return None;
        }
        let place = self.rotation.place(group.padded_bytes() as u64)?;
        if let Outgoing::Group(written) = std::mem::replace(&mut self.outgoing, Outgoing::Nothing) {
            self.backlog.recycle(written);
        }
        let mut group = self.backlog.pop()?;
        (self.sealed, self.previous) =
            group.seal(place.seed, self.sealed, self.previous, self.durable);
        self.figures.groups += 1;
        self.outgoing = Outgoing::Group(group);
        Some((place.number, place.offset))
    }

    /// The header or footer that is due, once nothing is in flight.
    fn next_frame_block(&mut self) -> Option<(SegmentNumber, u64)> {
        if !self.flight.is_empty() {
            return None;
        }
        assert_eq!(self.sealed, self.durable, "what is sealed and not durable is in flight");
        let due = self.rotation.frame_block(self.sealed, self.previous)?;
        let mut block = Box::new([0; BLOCK_BYTES]);
        match due.head {
            FrameHead::Header(head) => block[..head.len()].copy_from_slice(&head),
            FrameHead::Footer(head) => block[..head.len()].copy_from_slice(&head),
        }
        self.outgoing = Outgoing::Block(block);
        Some((due.segment, due.offset))
    }

    /// Hears how a write ended. Panics when it is not in flight.
    pub fn complete(&mut self, id: WriteId, result: Result<(), DiskFault>) -> Progress {
        let write = *self.flight.find(id);
        if let Err(fault) = result {
            self.end(write.segment, Some(write.offset), fault);
        }
        if self.poison.is_some() {
            return Progress::Poisoned;
        }
        let Some(passed) = self.flight.land(id) else { return Progress::None };
        self.proven = self.proven.max(passed.stable);
        if self.flight.is_empty() {
            self.rotation.landed();
        }
        if passed.last == self.durable {
            return Progress::None;
        }
        self.durable = passed.last;
        Progress::Durable(self.durable)
    }

    /// The segment that is to be prepared now, and its length in bytes; given once. It does not exist: recovery named
    /// it as [`Recovered::unused`] if it did.
    pub fn wants_segment(&mut self) -> Option<(SegmentNumber, u64)> {
        if self.poison.is_some() { None } else { self.rotation.wants() }
    }

    /// Hears how the preparation of a segment ended. A full disk closes the log until [`Log::retry_segment`]
    /// succeeds; any other fault poisons it.
    pub fn segment_ready(&mut self, segment: SegmentNumber, result: Result<(), DiskFault>) {
        if let Err(fault) = self.rotation.prepared(segment, result) {
            self.end(segment, None, fault);
        }
    }

    /// After [`LogState::Full`]: lets [`Log::wants_segment`] ask once more. When, is the owner's to choose.
    pub fn retry_segment(&mut self) {
        self.rotation.retry();
    }

    fn end(&mut self, segment: SegmentNumber, offset: Option<u64>, fault: DiskFault) {
        self.poison.get_or_insert(Poison { segment, offset, fault });
    }

    /// The last record taken.
    pub fn appended(&self) -> Lsn {
        self.appended
    }

    /// The last record that is surely on the device, with all before it.
    pub fn durable(&self) -> Lsn {
        self.durable
    }

    /// The last record whose damage recovery could not take for a torn tail. Behind [`Log::durable`] when the log
    /// rests; a record appended then (such as [`Payload::Mark`](record::Payload::Mark)) makes up for it.
    pub fn proven(&self) -> Lsn {
        self.proven
    }

    pub fn state(&self) -> LogState {
        if let Some(poison) = self.poison {
            return LogState::Poisoned(poison);
        }
        if self.rotation.is_out_of_space() {
            return LogState::Full;
        }
        if self.rotation.is_started() { LogState::Open } else { LogState::Starting }
    }

    pub fn figures(&self) -> LogFigures {
        LogFigures {
            segments: self.rotation.begun(),
            backlog_bytes: self.backlog.bytes(),
            writes_in_flight: self.flight.len(),
            ..self.figures
        }
    }
}
