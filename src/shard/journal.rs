//! The shard's write-ahead log: what is appended, when it is written, and when it counts.
//!
//! [`cosmictron_storage::log`] knows the format and the order of writes, the runtime's seam does them; this stands
//! between and adds the durability mode.

use cosmictron_runtime::{DiskError, DiskFailure, SegmentNumber, WriteId};
use cosmictron_storage::Store;
use cosmictron_storage::log::record::{Payload, TransactionRecord};
use cosmictron_storage::log::{self, AppendError, DiskFault, Log, LogFigures, LogState, Progress};
use cosmictron_storage::planted::{Fault, is_planted};
use cosmictron_types::{Lsn, Timestamp, TxId};

use super::Seam;
use super::chain::Chain;
use super::ground::JointRecord;
use super::request::Unavailable;
use crate::config::Durability;

/// What a seal can take: a block, and what is left of the one before.
const SEAL_ROOM_BYTES: usize = 2 * log::BLOCK_BYTES;

/// One shard's log in use.
pub struct Journal {
    log: Log,
    durability: Durability,
    /// Under `interval`: when what was appended has to be written.
    due: Option<Timestamp>,
    /// The hashes of what was appended, where they are wanted.
    chain: Option<Chain>,
    /// Kept for its allocation.
    payload: Vec<u8>,
}

/// What a completion of the disk means for the shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landed {
    /// There may be more that is durable, and room for more writes.
    Fine,
    /// The log is lost, now or since before.
    Poisoned,
}

impl Journal {
    pub fn new(log: Log, durability: Durability, chain: Option<Chain>) -> Self {
        Self { log, durability, due: None, chain, payload: Vec::new() }
    }

    /// Whether a record with a payload of this length would be taken.
    pub fn admit(&self, payload_bytes: usize) -> Result<(), Unavailable> {
        self.log.admit(payload_bytes).map_err(unavailable)
    }

    /// Appends the changes of the store's open transaction. Nothing has changed when it fails.
    pub fn append(
        &mut self,
        tx: TxId,
        now: Timestamp,
        store: &Store,
        seam: &mut Seam<'_>,
    ) -> Result<(), Unavailable> {
        self.payload.clear();
        TransactionRecord::begin(tx, now, &[seam.shard()], TxId::ZERO, &mut self.payload);
        store.encode_changes(&mut self.payload);
        let lsn = self.log.append(&self.payload).map_err(unavailable)?;
        self.add_to_chain(lsn);
        self.flush_when_due(now, seam);
        Ok(())
    }

    fn flush_when_due(&mut self, now: Timestamp, seam: &mut Seam<'_>) {
        match self.durability {
            Durability::Always | Durability::None => seam.flush_soon(),
            Durability::Interval(span) => {
                if self.due.is_none() {
                    self.due = Some(now + span);
                    seam.wake_at(now + span);
                }
            }
        }
    }

    /// Bytes of joint records that the log will surely take, whatever it may then say to others. As many as a record may
    /// have, if the log can; while the next segment is being made it can take less, which is enough for most.
    pub fn grant(&self) -> Result<usize, Unavailable> {
        let most = self.log.options().record_bytes_max;
        // A seal may come between.
        let admits = |bytes: &usize| self.admit((bytes + SEAL_ROOM_BYTES).min(most)).is_ok();
        let bytes = [most, most / 8, most / 64].into_iter().find(admits);
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => return self.admit(most).map(|()| most),
        };
        // Many small records take a little more than one of their length: groups are padded to whole blocks.
        Ok(bytes - bytes / 8)
    }

    /// Appends this shard's part of a joint transaction; `None` when the log was lost.
    pub fn append_joint(
        &mut self,
        record: &JointRecord,
        complete: TxId,
        seam: &mut Seam<'_>,
    ) -> Option<Lsn> {
        let JointRecord { tx, at, participants, changes, .. } = record;
        self.payload.clear();
        TransactionRecord::begin(*tx, *at, participants, complete, &mut self.payload);
        self.payload.extend_from_slice(changes);
        let lsn = self.log.append_admitted(&self.payload)?;
        self.add_to_chain(lsn);
        self.flush_when_due(*at, seam);
        Some(lsn)
    }

    /// What has to be durable before an answer may leave now.
    pub fn barrier(&self) -> Lsn {
        match self.durability {
            Durability::Always if is_planted(Fault::AnswerBeforeFlush) => Lsn::ZERO,
            Durability::Always => self.log.appended(),
            Durability::Interval(_) | Durability::None => Lsn::ZERO,
        }
    }

    pub fn durable(&self) -> Lsn {
        self.log.durable()
    }

    pub fn appended(&self) -> Lsn {
        self.log.appended()
    }

    pub fn figures(&self) -> LogFigures {
        self.log.figures()
    }

    pub fn state(&self) -> LogState {
        self.log.state()
    }

    /// Whether nothing becomes durable any more.
    pub fn is_lost(&self) -> bool {
        matches!(self.log.state(), LogState::Poisoned(_))
    }

    /// Why the log was lost, for the operator.
    pub fn poison(&self) -> String {
        match self.log.state() {
            LogState::Poisoned(poison) => match poison.offset {
                Some(offset) => {
                    format!("segment {}, offset {offset}: {}", poison.segment, poison.fault)
                }
                None => format!("segment {}: {}", poison.segment, poison.fault),
            },
            other => format!("{other:?}"),
        }
    }

    /// Hands the disk whatever can be written now.
    pub fn flush(&mut self, seam: &mut Seam<'_>) {
        self.due = None;
        self.seal();
        while let Some((segment, bytes)) = self.log.wants_segment() {
            seam.prepare_segment(SegmentNumber::new(segment.get()), bytes);
        }
        while let Some(write) = self.log.next_write() {
            let (id, segment) = (WriteId::new(write.id.get()), write.segment.get());
            seam.write(id, SegmentNumber::new(segment), write.offset, write.bytes);
        }
    }

    pub fn written(&mut self, write: WriteId, result: Result<(), DiskError>) -> Landed {
        let id = log::WriteId::new(write.get());
        let result = if is_planted(Fault::FailedWriteCounts) { Ok(()) } else { result };
        match self.log.complete(id, result.map_err(fault)) {
            Progress::Poisoned => Landed::Poisoned,
            Progress::None | Progress::Durable(_) => Landed::Fine,
        }
    }

    pub fn segment_ready(
        &mut self,
        segment: SegmentNumber,
        result: Result<(), DiskError>,
    ) -> Landed {
        let segment = log::SegmentNumber::new(segment.get());
        self.log.segment_ready(segment, result.map_err(fault));
        if self.is_lost() { Landed::Poisoned } else { Landed::Fine }
    }

    /// Under `interval`: when the next write is due.
    pub fn next_tick(&self) -> Option<Timestamp> {
        self.due
    }

    pub fn tick(&mut self, seam: &mut Seam<'_>) {
        if self.due.is_some_and(|due| due <= seam.now()) {
            self.flush(seam);
        }
    }

    /// After a full disk: asks for the next segment once more.
    pub fn retry_space(&mut self, seam: &mut Seam<'_>) {
        if self.log.state() == LogState::Full {
            self.log.retry_segment();
            // Where no record is taken for want of room, nothing else would have the segment made.
            self.flush(seam);
        }
    }

    /// Appends a mark behind the last transaction, so that damage to it can be told from a torn tail, and has all of
    /// it written.
    pub fn mark(&mut self, seam: &mut Seam<'_>) -> Result<(), Unavailable> {
        self.payload.clear();
        Payload::Mark.encode(&mut self.payload);
        seam.flush_soon();
        let lsn = self.log.append(&self.payload).map_err(unavailable)?;
        self.add_to_chain(lsn);
        Ok(())
    }

    fn add_to_chain(&mut self, lsn: Lsn) {
        if let Some(chain) = &mut self.chain {
            chain.add(lsn, &self.payload);
        }
    }

    /// Seals what the next write takes along. Where there is no room, a later seal covers it.
    fn seal(&mut self) {
        if self.log.figures().writes_in_flight > 0 {
            return; // What is appended now is not written before that has landed.
        }
        let Some(chain) = &mut self.chain else { return };
        let Some(seal) = chain.seal() else { return };
        self.payload.clear();
        seal.encode(&mut self.payload);
        if let Ok(lsn) = self.log.append(&self.payload) {
            chain.add_seal(lsn, &self.payload);
        }
    }

    /// Whether the first segment is still being prepared.
    pub fn is_starting(&self) -> bool {
        self.log.state() == LogState::Starting
    }
}

fn fault(error: DiskError) -> DiskFault {
    match error {
        DiskError::OutOfSpace => DiskFault::OutOfSpace,
        DiskError::Failed(DiskFailure::Os(number)) => DiskFault::System(number),
        DiskError::Failed(DiskFailure::ShortWrite { .. }) => DiskFault::ShortWrite,
    }
}

fn unavailable(error: AppendError) -> Unavailable {
    match error {
        AppendError::TooLarge { .. } => Unavailable::StorageFull,
        AppendError::Backlog { .. } | AppendError::NoSegment => Unavailable::Overloaded,
        AppendError::OutOfSpace => Unavailable::OutOfSpace,
        AppendError::Poisoned(_) => Unavailable::LogFailed,
    }
}
