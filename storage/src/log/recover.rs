//! Reads a log back: gives out every record, finds the tail, and tells a torn one from damage.
//!
//! The owner hands over the first bytes of every segment, then whole segments one at a time, as [`Recovery::wants`]
//! names them, so no more than one has to be in memory. Headers come first because a later header decides where an
//! earlier segment ends: a write that was in flight when its process died may land behind a tail that was already
//! recovered, and must not be taken for a record then.

use std::convert::Infallible;

use cosmictron_types::Lsn;

use super::frame::{
    BLOCK_BYTES, Checksum, HeaderFault, LogId, SEGMENT_HEADER_BYTES, SegmentFooter, SegmentHeader,
    padded,
};
use super::number::SegmentNumber;
use super::refusal::{Damage, ReadError, RecoverError};
use super::rotation::{FRAME_BLOCKS, Segment};
use super::walk::{Record, Walk, is_zero};

/// The part of a closed segment that has to be unused for it to be trimmed. One that was simply full is left alone;
/// one that a recovery ended is worth the cutting.
const TRIM_PART: usize = 4;

/// A recovery under way.
#[derive(Debug)]
pub struct Recovery {
    id: LogId,
    /// Those with a header, in order.
    segments: Vec<Known>,
    /// The file behind them that has no header, if there is one.
    headerless: Option<SegmentNumber>,
    /// Which of `segments`, then `headerless`, is wanted next.
    at: usize,
    last: Lsn,
    previous: Checksum,
    cut: Option<Cut>,
    trims: Vec<Trim>,
    is_cut: bool,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    header: SegmentHeader,
    seed: Checksum,
    /// The record at which a later header takes the log over, if one does.
    end: Option<Lsn>,
}

/// The beginning of one segment's file: [`Head::BYTES`] of it, or all when it is shorter.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    pub segment: SegmentNumber,
    pub bytes: &'a [u8],
}

impl Head<'_> {
    /// How much of a file is wanted.
    pub const BYTES: usize = SEGMENT_HEADER_BYTES;
}

/// What was read back, and what is to be done before a [`Log`](super::Log) goes on.
#[derive(Debug)]
pub struct Recovered {
    pub tail: Tail,
    /// What was cut away: writes that a crash left unfinished.
    pub cut: Option<Cut>,
    /// Lengths to cut segments to, durably, before anything recovered is shown to anyone. The segment of the tail is
    /// among them with its own length: cutting nothing, but syncing what may have reached the disk's cache only.
    pub trims: Vec<Trim>,
    /// A segment that was prepared and not used: to be removed before the log goes on.
    pub unused: Option<SegmentNumber>,
    /// Whether the log was ever written to. When it was not, the owner has to know from elsewhere that the data
    /// directory is new: a log whose files are all gone looks the same.
    pub is_begun: bool,
}

/// Where a log ends, and where writing goes on.
#[derive(Clone, Copy, Debug)]
pub struct Tail {
    pub(super) id: LogId,
    pub(super) last: Lsn,
    pub(super) previous: Checksum,
    pub(super) closing: Option<Segment>,
}

impl Tail {
    /// The last record.
    pub fn last(&self) -> Lsn {
        self.last
    }
}

/// A torn tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub segment: SegmentNumber,
    /// Where the bytes begin that count for nothing.
    pub offset: u64,
    /// The last record before them.
    pub last: Lsn,
}

/// A length to cut a segment to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    pub segment: SegmentNumber,
    pub bytes: u64,
}

impl Recovery {
    /// Judges the headers. `heads` are all files of the log, in any order.
    pub fn start<'a>(
        id: LogId,
        heads: impl IntoIterator<Item = Head<'a>>,
    ) -> Result<Recovery, RecoverError> {
        let mut heads: Vec<Head<'a>> = heads.into_iter().collect();
        heads.sort_by_key(|head| head.segment);
        let (mut segments, mut headerless) = (Vec::with_capacity(heads.len()), None);
        let mut expected = SegmentNumber::NONE.next();
        for head in &heads {
            if head.segment != expected {
                return Err(misnumbered(head.segment, expected));
            }
            if let Some(segment) = headerless {
                // A segment is prepared only once the one before it has its header.
                return Err(corrupt(segment, 0, Damage::Header));
            }
            match Known::decode(id, head)? {
                Some(known) => segments.push(known),
                None => headerless = Some(head.segment),
            }
            expected = expected.next();
        }
        end_by_later_headers(&mut segments);
        Ok(Recovery {
            id,
            is_cut: false,
            segments,
            headerless,
            at: 0,
            last: Lsn::ZERO,
            previous: Checksum::NONE,
            cut: None,
            trims: Vec::new(),
        })
    }

    /// Ends the log before the record `lsn`, which was read before and is whole: it and all behind it no longer count
    /// once writing goes on. To be called before anything is read.
    #[must_use]
    pub fn cut_before(mut self, lsn: Lsn) -> Recovery {
        for known in &mut self.segments {
            known.end = Some(known.end.map_or(lsn, |end| end.min(lsn)));
        }
        self.is_cut = true;
        self
    }

    /// The segment to be read next; `None` when everything was read.
    pub fn wants(&self) -> Option<SegmentNumber> {
        let (at, known) = self.next_read();
        known
            .map(|known| known.header.number)
            .or(self.headerless.filter(|_| at <= self.segments.len()))
    }

    /// The next segment that has records which count, and its place; or the place behind all of them.
    fn next_read(&self) -> (usize, Option<Known>) {
        let rest = self.segments.iter().enumerate().skip(self.at);
        match rest.filter(|(_, known)| !known.is_void()).map(|(at, known)| (at, *known)).next() {
            Some((at, known)) => (at, Some(known)),
            None => (self.at.max(self.segments.len()), None),
        }
    }

    /// Reads the segment that [`Recovery::wants`] names, all of its bytes, and shows its records to `visit` in order.
    ///
    /// After an error the recovery is over, and what was visited is not the whole log.
    pub fn read<E>(
        &mut self,
        bytes: &[u8],
        visit: impl FnMut(Record<'_>) -> Result<(), E>,
    ) -> Result<(), ReadError<E>> {
        let segment = self.wants().expect("a segment is read only when it is wanted");
        let (at, known) = self.next_read();
        self.at = at;
        let Some(known) = known else {
            // Records were only written behind a durable header (invariant 4 of the log).
            if !is_zero(bytes.get(BLOCK_BYTES..).unwrap_or(&[])) {
                return Err(corrupt(segment, 0, Damage::Header).into());
            }
            self.at += 1;
            return Ok(());
        };
        known.check(bytes, self.last, self.previous)?;
        let records = &bytes[..bytes.len().min(known.footer_at())];
        let walk = Walk::new(records, known.seed, self.last, self.previous);
        let walk = match known.end {
            Some(end) => self.read_closed(bytes.len(), walk, end, visit)?,
            None => self.read_last(bytes, walk, known, visit)?,
        };
        (self.last, self.previous) = walk;
        self.at += 1;
        Ok(())
    }

    /// A later header says how many records there are: no fewer, and more do not count.
    fn read_closed<E>(
        &mut self,
        file_bytes: usize,
        mut walk: Walk<'_>,
        end: Lsn,
        mut visit: impl FnMut(Record<'_>) -> Result<(), E>,
    ) -> Result<(Lsn, Checksum), ReadError<E>> {
        let segment = self.segments[self.at].header.number;
        while walk.last().next() < end {
            let lsn = walk.last().next();
            let record = walk.step().map_err(|bad| {
                corrupt(segment, walk.offset(), Damage::RecordInside { lsn, bad })
            })?;
            visit(record).map_err(|error| ReadError::Visit { lsn, error })?;
        }
        let bytes = padded(walk.offset());
        // What closes it is not on the device before the log goes on.
        if self.is_cut {
            return Ok((walk.last(), walk.previous()));
        }
        if bytes < file_bytes - file_bytes / TRIM_PART {
            self.trims.push(Trim { segment, bytes: bytes as u64 });
        }
        Ok((walk.last(), walk.previous()))
    }

    /// The records end where there is no good one, unless there is evidence that there was.
    fn read_last<E>(
        &mut self,
        bytes: &[u8],
        mut walk: Walk<'_>,
        known: Known,
        mut visit: impl FnMut(Record<'_>) -> Result<(), E>,
    ) -> Result<(Lsn, Checksum), ReadError<E>> {
        let segment = known.header.number;
        if (bytes.len() as u64) < known.header.bytes {
            // Only closed segments are ever cut short.
            let damage = Damage::ShortFile { bytes: known.header.bytes };
            return Err(corrupt(segment, bytes.len(), damage).into());
        }
        if SegmentFooter::decode(&bytes[known.footer_at()..], known.seed).is_some() {
            return Err(self.successor_is_gone(segment).into());
        }
        let bad = loop {
            match walk.step() {
                Ok(record) => {
                    visit(record).map_err(|error| ReadError::Visit { lsn: record.lsn, error })?
                }
                Err(bad) => break bad,
            }
        };
        if let Some(witness) = walk.evidence() {
            let lsn = walk.last().next();
            let damage = Damage::RecordBeforeEvidence { lsn, bad, witness };
            return Err(corrupt(segment, walk.offset(), damage).into());
        }
        if !walk.is_clean() {
            let offset = walk.offset() as u64;
            self.cut = Some(Cut { segment, offset, last: walk.last() });
        }
        // First of all: a segment may be trimmed only when the header that closes it is surely on the device.
        self.trims.insert(0, Trim { segment, bytes: bytes.len() as u64 });
        Ok((walk.last(), walk.previous()))
    }

    /// Why a segment that has a footer is nevertheless the last with a header.
    fn successor_is_gone(&self, segment: SegmentNumber) -> RecoverError {
        match self.headerless {
            Some(next) => corrupt(next, 0, Damage::Header),
            None => RecoverError::MissingSegment { segment: segment.next() },
        }
    }

    /// What came of it. Panics before everything was read.
    pub fn finish(self) -> Recovered {
        assert_eq!(self.wants(), None, "a log is read to its end");
        let closing = self.segments.last().map(|known| Segment {
            number: known.header.number,
            bytes: known.header.bytes,
            offset: known.footer_at() as u64,
            seed: known.seed,
        });
        let tail = Tail { id: self.id, last: self.last, previous: self.previous, closing };
        let mut trims = self.trims;
        if let Some(last) = closing.filter(|_| self.is_cut) {
            trims = vec![Trim { segment: last.number, bytes: last.bytes }];
        }
        Recovered {
            tail,
            cut: self.cut,
            trims,
            unused: self.headerless,
            is_begun: closing.is_some(),
        }
    }
}

impl Known {
    /// What a file's beginning says; `None` when it has no header.
    fn decode(id: LogId, head: &Head<'_>) -> Result<Option<Known>, RecoverError> {
        let segment = head.segment;
        let (header, seed) = match SegmentHeader::decode(head.bytes) {
            Ok(decoded) => decoded,
            Err(HeaderFault::Invalid) => return Ok(None),
            Err(HeaderFault::Version(version)) => {
                return Err(RecoverError::UnknownVersion { segment, version });
            }
        };
        if header.data != id.data {
            return Err(RecoverError::WrongData { segment });
        }
        if header.shard != id.shard.get() {
            let (shard, found) = (id.shard, header.shard);
            return Err(RecoverError::WrongShard { segment, shard, found });
        }
        if header.number != segment {
            return Err(RecoverError::WrongSegment { segment, found: header.number });
        }
        let frame_bytes = (FRAME_BLOCKS * BLOCK_BYTES) as u64;
        if header.bytes < frame_bytes || usize::try_from(header.bytes).is_err() {
            // No log has ever made such a segment.
            return Err(corrupt(segment, 0, Damage::Header));
        }
        Ok(Some(Known { header, seed, end: None }))
    }

    /// Whether `bytes` are a whole segment with this header that follows the record before.
    fn check(&self, bytes: &[u8], last: Lsn, previous: Checksum) -> Result<(), RecoverError> {
        let segment = self.header.number;
        if SegmentHeader::decode(bytes) != Ok((self.header, self.seed)) {
            return Err(corrupt(segment, 0, Damage::Header));
        }
        if (self.header.first, self.header.previous) != (last.next(), previous) {
            return Err(corrupt(segment, 0, Damage::Discontinuity));
        }
        Ok(())
    }

    /// Whether a later header has taken over before its first record.
    fn is_void(&self) -> bool {
        self.end.is_some_and(|end| end <= self.header.first)
    }

    /// Where its footer is, and its records end.
    fn footer_at(&self) -> usize {
        usize::try_from(self.header.bytes).expect("checked by decode") - BLOCK_BYTES
    }
}

/// Of all later headers the one with the smallest first record ends a segment: usually the next one's; where the log
/// was cut further back, the one of the segment that was begun then.
fn end_by_later_headers(segments: &mut [Known]) {
    let mut end = None;
    for known in segments.iter_mut().rev() {
        known.end = end;
        end = Some(end.map_or(known.header.first, |end: Lsn| end.min(known.header.first)));
    }
}

/// Recovers a log whose segments are all in memory, in any order.
pub fn recover(
    id: LogId,
    segments: &[(SegmentNumber, &[u8])],
    mut visit: impl FnMut(Record<'_>),
) -> Result<Recovered, RecoverError> {
    let heads = segments.iter().map(|&(segment, bytes)| Head { segment, bytes });
    let mut recovery = Recovery::start(id, heads)?;
    while let Some(wanted) = recovery.wants() {
        let (_, bytes) = segments
            .iter()
            .find(|(segment, _)| *segment == wanted)
            .expect("only what is there is wanted");
        let visited = recovery.read(bytes, |record| {
            visit(record);
            Ok::<(), Infallible>(())
        });
        visited.map_err(|error| match error {
            ReadError::Log(error) => error,
            ReadError::Visit { error, .. } => match error {},
        })?;
    }
    Ok(recovery.finish())
}

fn corrupt(segment: SegmentNumber, offset: usize, damage: Damage) -> RecoverError {
    RecoverError::Corrupt { segment, offset: offset as u64, damage }
}

fn misnumbered(segment: SegmentNumber, expected: SegmentNumber) -> RecoverError {
    if segment < expected {
        return RecoverError::DuplicateSegment { segment };
    }
    RecoverError::MissingSegment { segment: expected }
}
