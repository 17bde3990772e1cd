//! Decides which segment a group goes to, and walks from one segment to the next.
//!
//! ```text
//!             header written          footer written
//!  Before ───────────────────▶ Begun ────────────────▶ Open ── a group does not fit ──▶ Before
//!    ▲  nothing in flight,       │ (no footer: the log's first segment)  ▲
//!    │  next segment prepared    └───────────────────────────────────────┘
//!  start
//! ```
//!
//! Invariants:
//! 1. A segment's header is written when nothing else is in flight, so every record before it is durable.
//! 2. The footer of the segment before is written after that, and alone; groups come after both. So a record that was
//!    acknowledged in a segment proves the segment's header and the footer before it.
//! 3. The next segment is asked for while a segment is open, and not before. So of all the files only the last can
//!    be without a header.

use cosmictron_types::Lsn;

use super::frame::{
    BLOCK_BYTES, Checksum, LogId, SEGMENT_FOOTER_BYTES, SEGMENT_HEADER_BYTES, SegmentFooter,
    SegmentHeader,
};
use super::number::SegmentNumber;
use super::state::DiskFault;

/// Blocks of a segment that hold no records: header and footer.
pub(super) const FRAME_BLOCKS: usize = 2;

const BLOCK: u64 = BLOCK_BYTES as u64;

/// The segment that is written and the one after it.
#[derive(Debug)]
pub(super) struct Rotation {
    id: LogId,
    segment_bytes: u64,
    place: Place,
    next: SegmentNumber,
    preparation: Preparation,
    /// Whether a segment has been open since the start. Before, no record is taken: until the first header is
    /// durable, it is not settled where the recovered log ends.
    is_started: bool,
    begun: u64,
}

#[derive(Debug)]
enum Place {
    /// The next segment begins as soon as it can; `closing` ends then.
    Before { closing: Option<Segment> },
    /// The header is in flight.
    Beginning { closing: Option<Segment>, segment: Segment },
    /// The footer of the segment before is due.
    Begun { closing: Segment, segment: Segment },
    /// That footer is in flight.
    Closing { segment: Segment },
    /// Groups go to this segment.
    Open(Segment),
}

/// A segment with a header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) number: SegmentNumber,
    /// All of it.
    pub(super) bytes: u64,
    /// Where the next group goes.
    pub(super) offset: u64,
    pub(super) seed: Checksum,
}

impl Segment {
    /// Where its footer goes, and its records end.
    fn footer_at(&self) -> u64 {
        self.bytes - BLOCK
    }

    fn room(&self) -> u64 {
        self.footer_at() - self.offset
    }
}

/// How far the next segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Preparation {
    /// Not to be asked for yet.
    Early,
    /// To be asked for.
    Due,
    Asked,
    Ready,
    OutOfSpace,
}

/// A header or a footer, on its way into a block of its own.
pub(super) struct FrameBlock {
    pub(super) segment: SegmentNumber,
    pub(super) offset: u64,
    /// How it begins; the rest is zero.
    pub(super) head: FrameHead,
}

pub(super) enum FrameHead {
    Header([u8; SEGMENT_HEADER_BYTES]),
    Footer([u8; SEGMENT_FOOTER_BYTES]),
}

impl Rotation {
    /// `closing` is the segment that the log was recovered from; it gets its footer.
    pub(super) fn start(id: LogId, segment_bytes: u64, closing: Option<Segment>) -> Rotation {
        let last = closing.map_or(SegmentNumber::NONE, |segment| segment.number);
        Rotation {
            id,
            segment_bytes,
            place: Place::Before { closing },
            next: last.next(),
            preparation: Preparation::Due,
            is_started: false,
            begun: 0,
        }
    }

    /// Bytes of groups that surely find their place in what is prepared.
    pub(super) fn room(&self) -> u64 {
        if !self.is_started {
            return 0;
        }
        if self.preparation == Preparation::Ready {
            return self.segment_bytes - FRAME_BLOCKS as u64 * BLOCK;
        }
        match &self.place {
            Place::Before { .. } => 0,
            Place::Beginning { segment, .. }
            | Place::Begun { segment, .. }
            | Place::Closing { segment }
            | Place::Open(segment) => segment.room(),
        }
    }

    pub(super) fn is_out_of_space(&self) -> bool {
        self.preparation == Preparation::OutOfSpace
    }

    pub(super) fn is_started(&self) -> bool {
        self.is_started
    }

    /// Segments begun since the start.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// The segment to prepare now, and its length; given once.
    pub(super) fn wants(&mut self) -> Option<(SegmentNumber, u64)> {
        if self.preparation != Preparation::Due {
            return None;
        }
        self.preparation = Preparation::Asked;
        Some((self.next, self.segment_bytes))
    }

    /// Hears how the preparation ended. A full disk is waited for; any other fault is given back.
    pub(super) fn prepared(
        &mut self,
        segment: SegmentNumber,
        result: Result<(), DiskFault>,
    ) -> Result<(), DiskFault> {
        assert_eq!((segment, self.preparation), (self.next, Preparation::Asked));
        self.preparation = match result {
            Ok(()) => Preparation::Ready,
            Err(DiskFault::OutOfSpace) => Preparation::OutOfSpace,
            Err(fault) => return Err(fault),
        };
        Ok(())
    }

    /// Asks again after the disk was full.
    pub(super) fn retry(&mut self) {
        if self.preparation == Preparation::OutOfSpace {
            self.preparation = Preparation::Due;
        }
    }

    /// A place for a group in the open segment. When the group does not fit, the segment is over.
    pub(super) fn place(&mut self, group_bytes: u64) -> Option<Segment> {
        let Place::Open(segment) = &mut self.place else { return None };
        let placed = *segment;
        if placed.room() < group_bytes {
            self.place = Place::Before { closing: Some(placed) };
            return None;
        }
        segment.offset += group_bytes;
        Some(placed)
    }

    /// The header or footer that is due. The caller sees to it that nothing is in flight.
    pub(super) fn frame_block(&mut self, last: Lsn, previous: Checksum) -> Option<FrameBlock> {
        match self.place {
            Place::Before { closing } if self.preparation == Preparation::Ready => {
                Some(self.begin(closing, last, previous))
            }
            Place::Begun { closing, segment } => {
                self.place = Place::Closing { segment };
                let footer = SegmentFooter { number: closing.number, last, previous };
                Some(FrameBlock {
                    segment: closing.number,
                    offset: closing.footer_at(),
                    head: FrameHead::Footer(footer.encode(closing.seed)),
                })
            }
            _ => None,
        }
    }

    fn begin(&mut self, closing: Option<Segment>, last: Lsn, previous: Checksum) -> FrameBlock {
        let (number, bytes) = (self.next, self.segment_bytes);
        let LogId { data, shard } = self.id;
        let header =
            SegmentHeader { shard: shard.get(), data, number, bytes, first: last.next(), previous };
        let (head, seed) = header.encode();
        let segment = Segment { number, bytes, offset: BLOCK, seed };
        self.place = Place::Beginning { closing, segment };
        self.next = number.next();
        self.preparation = Preparation::Early;
        self.begun += 1;
        FrameBlock { segment: number, offset: 0, head: FrameHead::Header(head) }
    }

    /// Hears that nothing is in flight any more: a header or footer that was has landed.
    pub(super) fn landed(&mut self) {
        self.place = match self.place {
            Place::Beginning { closing: Some(closing), segment } => {
                Place::Begun { closing, segment }
            }
            Place::Beginning { closing: None, segment } | Place::Closing { segment } => {
                self.preparation = Preparation::Due;
                self.is_started = true;
                Place::Open(segment)
            }
            _ => return,
        };
    }
}
