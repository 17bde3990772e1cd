//! Holds a table's rows as bytes and gives each a number that it keeps.
//!
//! A row's number leads through the directory to its slot, so a row that outgrows its slot moves without anyone who
//! holds its number noticing: indexes, scans and the open transaction name rows by number.
//!
//! ```text
//! directory  │ RowId 0: location │ RowId 1: free, next free RowId │ …        4 bytes a row
//! slot       │ length and flag u32 │ stamp u64 │ row │ unused │             12 bytes a row, and the unused end
//! ```
//!
//! A row that the open transaction deleted is *dead*: its slot and its number stay until the transaction ends, so
//! that undoing it needs no memory and changes no number.
//!
//! Invariants:
//! 1. A directory entry is the location of a slot that is taken, or one link in the chain of free numbers.
//! 2. `live` counts the rows that are not dead.

mod page;
mod slab;

#[cfg(test)]
mod tests;

use cosmictron_types::TxId;

use page::HEADER_BYTES;
use slab::{Location, PAGE_BYTES, Slab};

/// A row's place in its table, for as long as the row lives: an update keeps it. Used again after the row is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub(crate) u32);

impl RowId {
    /// Before every row.
    pub const FIRST: RowId = RowId(0);

    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Who wrote a row as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamp {
    Committed(TxId),
    /// The open transaction, which notes the row as the write of this number.
    Open(u32),
}

/// All rows of one table.
#[derive(Debug)]
pub(crate) struct Heap {
    slab: Slab,
    directory: Vec<u32>,
    /// The first free number, if below [`NONE`].
    free: u32,
    live: usize,
}

/// Marks a directory entry that is free; the other bits are the next free number.
const FREE: u32 = 1 << 31;
/// Ends the chain of free numbers.
const NONE: u32 = FREE - 1;
/// In a slot's length: the row is dead.
const DEAD: u32 = 1 << 31;
/// In a slot's stamp: the open transaction's. Transactions are counted from 1 and never reach it.
const OPEN: u64 = 1 << 63;

impl Heap {
    pub(crate) const fn new() -> Self {
        Self { slab: Slab::new(), directory: Vec::new(), free: NONE, live: 0 }
    }

    /// Rows that are not dead.
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.slab.bytes() + 4 * self.directory.capacity() as u64
    }

    /// More than [`Heap::bytes`] grows by when a row of `length` bytes is put in.
    pub(crate) fn growth_max(&self, length: usize) -> u64 {
        (PAGE_BYTES + 2 * length + 4 * self.directory.capacity()) as u64
    }

    /// Puts a row in. `None` when the table has as many rows as it can have.
    pub(crate) fn insert(&mut self, row: &[u8], stamp: Stamp) -> Option<RowId> {
        let location = self.slab.take(row.len())?;
        write(self.slab.slot_mut(location), row, encode(stamp));
        self.live += 1;
        Some(self.number(location))
    }

    fn number(&mut self, location: Location) -> RowId {
        if self.free == NONE {
            // There are fewer locations than numbers.
            let id = u32::try_from(self.directory.len()).expect("locations are below 2^31");
            self.directory.push(location.0);
            return RowId(id);
        }
        let id = self.free;
        let entry = &mut self.directory[id as usize];
        self.free = *entry & !FREE;
        *entry = location.0;
        RowId(id)
    }

    /// Replaces a row's bytes; stamp and life stay. `None`, and nothing changed, when there is no room for them.
    pub(crate) fn replace(&mut self, id: RowId, row: &[u8]) -> Option<()> {
        let mut location = self.location(id);
        let (length, stamp) = header(self.slab.slot(location));
        if !self.slab.suits(location, row.len()) {
            let moved = self.slab.take(row.len())?;
            self.slab.release(location);
            self.directory[id.0 as usize] = moved.0;
            location = moved;
        }
        let slot = self.slab.slot_mut(location);
        write(slot, row, stamp);
        if length & DEAD != 0 {
            mark(slot, |length| length | DEAD);
        }
        Some(())
    }

    /// Takes a row out, dead or not.
    pub(crate) fn remove(&mut self, id: RowId) {
        let location = self.location(id);
        self.live -= usize::from(self.is_live(id));
        self.slab.release(location);
        self.directory[id.0 as usize] = FREE | self.free;
        self.free = id.0;
    }

    pub(crate) fn kill(&mut self, id: RowId) {
        assert!(self.is_live(id));
        let location = self.location(id);
        mark(self.slab.slot_mut(location), |length| length | DEAD);
        self.live -= 1;
    }

    pub(crate) fn revive(&mut self, id: RowId) {
        assert!(!self.is_live(id));
        let location = self.location(id);
        mark(self.slab.slot_mut(location), |length| length & !DEAD);
        self.live += 1;
    }

    /// A row's bytes, dead or not. Panics when the number is free.
    pub(crate) fn row(&self, id: RowId) -> &[u8] {
        let slot = self.slab.slot(self.location(id));
        let (length, _) = header(slot);
        &slot[HEADER_BYTES..][..(length & !DEAD) as usize]
    }

    pub(crate) fn stamp(&self, id: RowId) -> Stamp {
        let (_, stamp) = header(self.slab.slot(self.location(id)));
        match u32::try_from(stamp ^ OPEN) {
            Ok(write) => Stamp::Open(write),
            Err(_) => Stamp::Committed(TxId::new(stamp)),
        }
    }

    pub(crate) fn set_stamp(&mut self, id: RowId, stamp: Stamp) {
        let location = self.location(id);
        self.slab.slot_mut(location)[4..HEADER_BYTES].copy_from_slice(&encode(stamp).to_le_bytes());
    }

    /// The first row at or behind `id` that is not dead.
    pub(crate) fn next_live(&self, id: RowId) -> Option<RowId> {
        (id.0..self.numbers())
            .map(RowId)
            .find(|&id| self.directory[id.0 as usize] & FREE == 0 && self.is_live(id))
    }

    /// All rows that are not dead.
    pub(crate) fn rows(&self) -> impl Iterator<Item = RowId> {
        let next = |previous: &RowId| self.next_live(RowId(previous.0 + 1));
        core::iter::successors(self.next_live(RowId::FIRST), next)
    }

    /// Whether there is a place for each row beside all others.
    pub(crate) fn can_be_rewritten(&self) -> bool {
        self.slab.has_half_its_pages()
    }

    fn numbers(&self) -> u32 {
        u32::try_from(self.directory.len()).expect("numbers are below 2^31")
    }

    fn is_live(&self, id: RowId) -> bool {
        let (length, _) = header(self.slab.slot(self.location(id)));
        length & DEAD == 0
    }

    fn location(&self, id: RowId) -> Location {
        let entry = self.directory[id.0 as usize];
        assert!(entry & FREE == 0, "row {} does not exist", id.0);
        Location(entry)
    }
}

fn encode(stamp: Stamp) -> u64 {
    match stamp {
        Stamp::Committed(tx) => {
            assert!(tx.get() < OPEN);
            tx.get()
        }
        Stamp::Open(write) => OPEN | u64::from(write),
    }
}

fn write(slot: &mut [u8], row: &[u8], stamp: u64) {
    let length = u32::try_from(row.len()).ok().filter(|length| length & DEAD == 0);
    slot[..4].copy_from_slice(&length.expect("a row is smaller than 2 GiB").to_le_bytes());
    slot[4..HEADER_BYTES].copy_from_slice(&stamp.to_le_bytes());
    slot[HEADER_BYTES..][..row.len()].copy_from_slice(row);
}

fn header(slot: &[u8]) -> (u32, u64) {
    let header: &[u8; HEADER_BYTES] = slot.first_chunk().expect("a slot begins with its header");
    let [a, b, c, d, stamp @ ..] = *header;
    (u32::from_le_bytes([a, b, c, d]), u64::from_le_bytes(stamp))
}

fn mark(slot: &mut [u8], change: impl Fn(u32) -> u32) {
    let (length, _) = header(slot);
    slot[..4].copy_from_slice(&change(length).to_le_bytes());
}
