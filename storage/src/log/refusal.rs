//! Why a log is not opened, in words that lead a person on.

use cosmictron_types::{Lsn, ShardId};

use super::number::SegmentNumber;
use super::walk::BadRecord;

/// Why a log is not opened. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoverError {
    #[error("segment {segment} is missing")]
    MissingSegment { segment: SegmentNumber },
    #[error("segment {segment} is named twice")]
    DuplicateSegment { segment: SegmentNumber },
    #[error("segment {segment} says that it is segment {found}")]
    WrongSegment { segment: SegmentNumber, found: SegmentNumber },
    #[error("segment {segment} belongs to shard {found}, not to shard {shard}")]
    WrongShard { segment: SegmentNumber, shard: ShardId, found: u16 },
    #[error("segment {segment} belongs to another data directory")]
    WrongData { segment: SegmentNumber },
    #[error("segment {segment} has format version {version}")]
    UnknownVersion { segment: SegmentNumber, version: u32 },
    /// Something that was on the device is not there any more.
    #[error("segment {segment}, byte {offset}: {damage}")]
    Corrupt { segment: SegmentNumber, offset: u64, damage: Damage },
}

/// What is corrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("the header is damaged")]
    Header,
    #[error("the file ends here, but was {bytes} bytes long")]
    ShortFile { bytes: u64 },
    #[error("record {lsn} is damaged ({bad}), but the next segment begins behind it")]
    RecordInside { lsn: Lsn, bad: BadRecord },
    #[error(
        "record {lsn} is damaged ({bad}), but record {witness} was written when it was durable"
    )]
    RecordBeforeEvidence { lsn: Lsn, bad: BadRecord, witness: Lsn },
    #[error("this segment does not go on where the one before it ends")]
    Discontinuity,
}

/// Why a segment was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError<E> {
    #[error(transparent)]
    Log(#[from] RecoverError),
    /// What the visitor said.
    #[error("record {lsn}: {error}")]
    Visit { lsn: Lsn, error: E },
}

impl RecoverError {
    /// The segment that it is about; the owner knows its file.
    pub fn segment(&self) -> SegmentNumber {
        match *self {
            RecoverError::MissingSegment { segment }
            | RecoverError::DuplicateSegment { segment }
            | RecoverError::WrongSegment { segment, .. }
            | RecoverError::WrongShard { segment, .. }
            | RecoverError::WrongData { segment }
            | RecoverError::UnknownVersion { segment, .. }
            | RecoverError::Corrupt { segment, .. } => segment,
        }
    }

    /// What a person can do.
    pub fn advice(&self) -> &'static str {
        match self {
            RecoverError::MissingSegment { .. } | RecoverError::DuplicateSegment { .. } => {
                "put the missing file back as it was, or restore the data directory from a backup; \
                 to start without it would lose answered calls"
            }
            RecoverError::WrongSegment { .. }
            | RecoverError::WrongShard { .. }
            | RecoverError::WrongData { .. } => {
                "a file was renamed or copied here from elsewhere: put the right one back, or \
                 restore the data directory from a backup"
            }
            RecoverError::UnknownVersion { .. } => {
                "start the version of the server that wrote this data directory, or a newer one"
            }
            RecoverError::Corrupt { .. } => {
                "check the disk, and restore this file from a copy or the data directory from a \
                 backup; to start without the damaged part would lose answered calls"
            }
        }
    }
}
