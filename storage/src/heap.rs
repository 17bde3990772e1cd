//! Holds a table's rows as bytes, each under the number of its place.
//!
//! A row's [`RowId`] is where it lies, so reading it takes no detour. Within a transaction it stays good, also when the
//! row outgrows its place: the row then lies elsewhere and leaves word behind. When the transaction commits,
//! [`Heap::settle`] makes the new place the row's own, under a new number.
//!
//! ```text
//! slot   │ tag and length u32 │ stamp u64 │ link u32 │ row │ unused │        16 bytes a row, and the unused end
//! ```
//!
//! A row that the open transaction deleted is *dead*: its place stays until the transaction ends, so that undoing it
//! changes no number.
//!
//! Invariants:
//! 1. Between transactions no row is moved and none is dead, and every row suits its place.
//! 2. `live` counts the rows that are not dead.

mod page;
mod slab;

#[cfg(test)]
mod tests;

use cosmictron_types::TxId;

use crate::history::Link;
use page::{FREE, HEADER_BYTES};
use slab::{Location, PAGE_BYTES, Slab};

/// A row's place in its table. Good until the transaction ends that changes the row, or deletes it.
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
    live: usize,
}

/// Tags above a slot's length, beside [`FREE`].
/// The row is dead.
const DEAD: u32 = 1 << 30;
/// The row is not here: its place follows the header.
const MOVED: u32 = 1 << 29;
/// A row that belongs to the number of another place.
const GUEST: u32 = 1 << 28;
const LENGTH: u32 = GUEST - 1;
/// Bytes of the largest row.
pub(crate) const ROW_BYTES_MAX: u32 = LENGTH;
const _: () = assert!(FREE > DEAD);
/// In a slot's stamp: the open transaction's. Transactions are counted from 1 and never reach it.
const OPEN: u64 = 1 << 63;
/// Where in a slot the link is.
const LINK_AT: usize = 12;

impl Heap {
    pub(crate) const fn new() -> Self {
        Self { slab: Slab::new(), live: 0 }
    }

    /// Rows that are not dead.
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.slab.bytes()
    }

    /// More than [`Heap::bytes`] grows by when a row of `length` bytes is put in.
    pub(crate) const fn growth_max(length: usize) -> u64 {
        (PAGE_BYTES + 2 * length) as u64
    }

    /// Puts a row in. `None` when the table has as many rows as it can have.
    pub(crate) fn insert(&mut self, row: &[u8], stamp: Stamp) -> Option<RowId> {
        let location = self.slab.take(row.len())?;
        write(self.slab.slot_mut(location), 0, row);
        self.live += 1;
        let id = RowId(location.0);
        self.set_stamp(id, stamp);
        self.set_link(id, Link::NONE);
        Some(id)
    }

    /// Whether a row of `length` bytes would stay where the row lies.
    pub(crate) fn suits(&self, id: RowId, length: usize) -> bool {
        !self.is_moved(id) && self.slab.suits(Location(id.0), length)
    }

    /// Replaces a row's bytes; stamp and life stay. `None`, and nothing changed, when there is no room for them.
    pub(crate) fn replace(&mut self, id: RowId, row: &[u8]) -> Option<()> {
        let home = Location(id.0);
        let tag = self.tag(id);
        let guest = (tag & MOVED != 0).then(|| self.guest(home));
        if self.slab.suits(home, row.len()) {
            guest.into_iter().for_each(|guest| self.slab.release(guest));
            write(self.slab.slot_mut(home), tag & DEAD, row);
            return Some(());
        }
        let place = match guest.filter(|&guest| self.slab.suits(guest, row.len())) {
            Some(guest) => guest,
            None => {
                let place = self.slab.take(row.len())?;
                guest.into_iter().for_each(|guest| self.slab.release(guest));
                write(self.slab.slot_mut(home), tag & DEAD | MOVED, &place.0.to_le_bytes());
                place
            }
        };
        write(self.slab.slot_mut(place), GUEST, row);
        Some(())
    }

    /// Whether a row outgrew its place.
    pub(crate) fn is_moved(&self, id: RowId) -> bool {
        self.tag(id) & MOVED != 0
    }

    /// Makes the place where a row that moved lies its own: its new number.
    pub(crate) fn settle(&mut self, id: RowId) -> RowId {
        assert!(self.is_moved(id));
        let (home, dead) = (Location(id.0), self.tag(id) & DEAD);
        let (stamp, link) = (self.stamp(id), self.link(id));
        let place = self.guest(home);
        self.slab.release(home);
        set_tag(self.slab.slot_mut(place), dead);
        let settled = RowId(place.0);
        self.set_stamp(settled, stamp);
        self.set_link(settled, link);
        settled
    }

    /// Takes a row out, dead or not.
    pub(crate) fn remove(&mut self, id: RowId) {
        let home = Location(id.0);
        let tag = self.tag(id);
        self.live -= usize::from(tag & DEAD == 0);
        if tag & MOVED != 0 {
            self.slab.release(self.guest(home));
        }
        self.slab.release(home);
    }

    pub(crate) fn kill(&mut self, id: RowId) {
        let tag = self.tag(id);
        assert!(tag & DEAD == 0);
        set_tag(self.slab.slot_mut(Location(id.0)), tag | DEAD);
        self.live -= 1;
    }

    pub(crate) fn revive(&mut self, id: RowId) {
        let tag = self.tag(id);
        assert!(tag & DEAD != 0);
        set_tag(self.slab.slot_mut(Location(id.0)), tag & !DEAD);
        self.live += 1;
    }

    /// A row's bytes, dead or not. Panics when the place is free.
    pub(crate) fn row(&self, id: RowId) -> &[u8] {
        let slot = self.slab.slot(Location(id.0));
        let tag = tag(slot);
        assert!(tag & (FREE | GUEST) == 0, "row {} does not exist", id.0);
        if tag & MOVED == 0 { body(slot) } else { body(self.slab.slot(self.guest(Location(id.0)))) }
    }

    pub(crate) fn stamp(&self, id: RowId) -> Stamp {
        let slot = self.slab.slot(Location(id.0));
        let stamp = slot[4..].first_chunk().expect("a slot begins with its header");
        let stamp = u64::from_le_bytes(*stamp);
        match u32::try_from(stamp ^ OPEN) {
            Ok(write) => Stamp::Open(write),
            Err(_) => Stamp::Committed(TxId::new(stamp)),
        }
    }

    pub(crate) fn set_stamp(&mut self, id: RowId, stamp: Stamp) {
        let stamp = match stamp {
            Stamp::Committed(tx) => {
                assert!(tx.get() < OPEN);
                tx.get()
            }
            Stamp::Open(write) => OPEN | u64::from(write),
        };
        let slot = self.slab.slot_mut(Location(id.0));
        slot[4..LINK_AT].copy_from_slice(&stamp.to_le_bytes());
    }

    /// What the row was before it was as it is.
    pub(crate) fn link(&self, id: RowId) -> Link {
        let link = self.slab.slot(Location(id.0))[LINK_AT..].first_chunk();
        Link(u32::from_le_bytes(*link.expect("a slot begins with its header")))
    }

    pub(crate) fn set_link(&mut self, id: RowId, link: Link) {
        let slot = self.slab.slot_mut(Location(id.0));
        slot[LINK_AT..HEADER_BYTES].copy_from_slice(&link.0.to_le_bytes());
    }

    /// The first row at or behind `id` that is not dead.
    pub(crate) fn next_live(&self, id: RowId) -> Option<RowId> {
        let is_row = |slot: &[u8]| tag(slot) & (FREE | GUEST | DEAD) == 0;
        self.slab.find(Location(id.0), is_row).map(|location| RowId(location.0))
    }

    /// All rows that are not dead.
    pub(crate) fn rows(&self) -> impl Iterator<Item = RowId> {
        let next = |previous: &RowId| self.next_live(RowId(previous.0 + 1));
        core::iter::successors(self.next_live(RowId::FIRST), next)
    }

    /// The tags of a row's own place.
    fn tag(&self, id: RowId) -> u32 {
        let tag = tag(self.slab.slot(Location(id.0)));
        assert!(tag & (FREE | GUEST) == 0, "row {} does not exist", id.0);
        tag & !LENGTH
    }

    /// Where a row that moved lies.
    fn guest(&self, home: Location) -> Location {
        let place = self.slab.slot(home)[HEADER_BYTES..].first_chunk();
        Location(u32::from_le_bytes(*place.expect("every slot has room for a place")))
    }
}

/// A slot's tags and length.
fn tag(slot: &[u8]) -> u32 {
    u32::from_le_bytes(*slot.first_chunk().expect("a slot begins with its header"))
}

fn body(slot: &[u8]) -> &[u8] {
    &slot[HEADER_BYTES..][..(tag(slot) & LENGTH) as usize]
}

fn write(slot: &mut [u8], tag: u32, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).ok().filter(|&length| length <= LENGTH);
    let length = length.expect("a row has fewer than 2^28 bytes");
    slot[..4].copy_from_slice(&(tag | length).to_le_bytes());
    slot[HEADER_BYTES..][..bytes.len()].copy_from_slice(bytes);
}

fn set_tag(slot: &mut [u8], new: u32) {
    let length = tag(slot) & LENGTH;
    slot[..4].copy_from_slice(&(new | length).to_le_bytes());
}
