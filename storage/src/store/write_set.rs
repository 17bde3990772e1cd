//! Remembers what the open transaction did to each row: enough to undo it, and to tell its net changes.
//!
//! However often a row is written, it has one [`Write`] with the row as the transaction found it. So the memory of a
//! transaction is bounded by the rows it touches, and its net changes need no search:
//!
//! | `before` | `is_alive` | the transaction's net change |
//! |---|---|---|
//! | absent | yes | insert |
//! | present | yes | update |
//! | present | no | delete |
//! | absent | no | none |
//!
//! Invariants:
//! 1. A row whose stamp is [`Stamp::Open(n)`](crate::heap::Stamp) has write `n`.
//! 2. A write that is alive, or has a `before`, has its row in the heap.

use cosmictron_types::{IndexId, TxId};

use super::TransactionLimits;
use super::write::WriteError;
use crate::heap::RowId;

#[derive(Debug, Default)]
pub(super) struct WriteSet {
    pub(super) writes: Vec<Write>,
    /// Rows as the transaction found them, one after the other.
    old: Vec<u8>,
    /// Sequences that the transaction moved, each once.
    pub(super) moved: Vec<MovedSequence>,
    pub(super) tally: Tally,
}

/// Writes that were counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    rows: u64,
    bytes: u64,
}

/// One row that was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write {
    /// The table's place in the store.
    pub(super) table: u32,
    pub(super) row: RowId,
    pub(super) before: Option<Before>,
    pub(super) is_alive: bool,
    /// The index by which the row was found when it was deleted.
    pub(super) found_by: IndexId,
}

/// Where the row as it was is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    at: usize,
    length: usize,
    pub(super) created: TxId,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct MovedSequence {
    pub(super) table: u32,
    pub(super) sequence: usize,
    /// Its position when the transaction began.
    pub(super) before: u128,
}

/// Buffers that grew beyond this are given back when their transaction ends.
const KEPT_BYTES_MAX: usize = 1 << 20;

impl WriteSet {
    /// Counts one write, if the limits allow it.
    pub(super) fn count(
        &mut self,
        bytes: usize,
        limits: &TransactionLimits,
    ) -> Result<(), WriteError> {
        let TransactionLimits { rows_max, bytes_max } = *limits;
        if self.tally.rows >= rows_max {
            return Err(WriteError::TransactionRows { rows_max });
        }
        if self.tally.bytes + bytes as u64 > bytes_max {
            return Err(WriteError::TransactionBytes { bytes_max });
        }
        self.tally.rows += 1;
        self.tally.bytes += bytes as u64;
        Ok(())
    }

    /// Whether the writes counted so far are as many as these limits allow, or fewer.
    pub(super) fn is_within(&self, limits: &TransactionLimits) -> bool {
        self.tally.rows <= limits.rows_max && self.tally.bytes <= limits.bytes_max
    }

    /// Writes counted so far.
    pub(super) fn rows(&self) -> u64 {
        self.tally.rows
    }

    /// The number that the next write will have.
    pub(super) fn next(&self) -> u32 {
        u32::try_from(self.writes.len()).expect("a transaction writes fewer than 2^31 rows")
    }

    pub(super) fn at(&mut self, number: u32) -> &mut Write {
        &mut self.writes[number as usize]
    }

    /// Keeps a row as it was.
    pub(super) fn keep(&mut self, row: &[u8], created: TxId) -> Before {
        let at = self.old.len();
        self.old.extend_from_slice(row);
        Before { at, length: row.len(), created }
    }

    pub(super) fn old(&self, before: &Before) -> &[u8] {
        &self.old[before.at..][..before.length]
    }

    /// Notes where a sequence stood when the transaction began.
    pub(super) fn note_sequence(&mut self, table: u32, sequence: usize, before: u128) {
        let is_noted = |moved: &MovedSequence| moved.table == table && moved.sequence == sequence;
        if !self.moved.iter().any(is_noted) {
            self.moved.push(MovedSequence { table, sequence, before });
        }
    }

    /// Ready for the next transaction.
    pub(super) fn clear(&mut self) {
        self.writes.clear();
        self.old.clear();
        self.moved.clear();
        self.writes.shrink_to(KEPT_BYTES_MAX / size_of::<Write>());
        self.old.shrink_to(KEPT_BYTES_MAX);
        self.tally = Tally::default();
    }
}
