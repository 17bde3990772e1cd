//! Finds the rows that the open transaction deleted, by primary key.
//!
//! Most transactions that delete put nothing back. So a deleted row is only listed, and sorted in when the first row
//! asks for its place.

use core::cmp::Ordering;

use crate::heap::RowId;
use crate::key::Key;
use crate::tree::{Probe, Tree};

#[derive(Debug)]
pub(super) struct Graves {
    /// Deleted since the last question.
    fresh: Vec<RowId>,
    sorted: Tree,
}

/// Room for so many rows is kept from one transaction to the next.
const KEPT_ROWS_MAX: usize = 64;

impl Graves {
    pub(super) const fn new() -> Self {
        Self { fresh: Vec::new(), sorted: Tree::new() }
    }

    pub(super) fn bytes(&self) -> u64 {
        (self.fresh.capacity() * size_of::<RowId>()) as u64 + self.sorted.bytes()
    }

    pub(super) fn add(&mut self, row: RowId) {
        self.fresh.push(row);
    }

    /// Takes out the row with this key. `key_of` gives a row's key, `keys` compares it as a tree asks.
    pub(super) fn take<K>(
        &mut self,
        key: impl FnOnce() -> Key,
        key_of: impl Fn(RowId) -> Key,
        keys: &K,
    ) -> Option<RowId>
    where
        K: Fn(RowId, &[u8]) -> Ordering,
    {
        for row in self.fresh.drain(..) {
            self.sorted.insert(key_of(row).as_bytes(), row, keys);
        }
        if self.sorted.len() == 0 {
            return None;
        }
        let key = key();
        let row = self.sorted.find(&Probe::new(key.as_bytes()), keys)?;
        self.sorted.remove(key.as_bytes(), row, keys);
        Some(row)
    }

    pub(super) fn clear(&mut self) {
        self.fresh.clear();
        self.fresh.shrink_to(KEPT_ROWS_MAX);
        if self.sorted.len() > 0 {
            self.sorted.clear();
        }
    }
}
