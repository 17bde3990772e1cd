//! Counts what an execution uses, and ends it at its limits.

use core::cell::Cell;

use crate::error::{Resource, SqlError};
use crate::limits::ExecutionLimits;

/// What is left of the limits of one execution.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: ExecutionLimits,
    scanned: Cell<u64>,
    held_bytes: Cell<u64>,
}

impl Budget {
    pub(crate) fn new(limits: &ExecutionLimits) -> Self {
        Self { limits: *limits, scanned: Cell::new(0), held_bytes: Cell::new(0) }
    }

    pub(crate) fn limits(&self) -> &ExecutionLimits {
        &self.limits
    }

    /// One more row was read.
    #[inline]
    pub(crate) fn scan(&self) -> Result<(), SqlError> {
        self.scan_many(1)
    }

    /// So many more rows, or versions of rows, were read.
    #[inline]
    pub(crate) fn scan_many(&self, rows: u64) -> Result<(), SqlError> {
        let scanned = self.scanned.get().saturating_add(rows);
        self.scanned.set(scanned);
        check(Resource::RowsScanned, scanned, self.limits.scanned_max)
    }

    /// How many rows were read.
    pub(crate) fn scanned(&self) -> u64 {
        self.scanned.get()
    }

    /// So many more bytes are kept for sorting or grouping.
    pub(crate) fn hold(&self, bytes: usize) -> Result<(), SqlError> {
        let held = self.held_bytes.get().saturating_add(bytes as u64);
        self.held_bytes.set(held);
        check(Resource::Memory, held, self.limits.memory_bytes_max)
    }

    /// Whether so many more bytes could be kept.
    pub(crate) fn check_room(&self, bytes: u64) -> Result<(), SqlError> {
        let held = self.held_bytes.get().saturating_add(bytes);
        check(Resource::Memory, held, self.limits.memory_bytes_max)
    }

    /// So many of the bytes kept are kept no more.
    pub(crate) fn release(&self, bytes: usize) {
        self.held_bytes.set(self.held_bytes.get().saturating_sub(bytes as u64));
    }
}

#[inline]
pub(crate) fn check(what: Resource, used: u64, max: u64) -> Result<(), SqlError> {
    if used > max {
        return Err(SqlError::Exhausted { what, max });
    }
    Ok(())
}
