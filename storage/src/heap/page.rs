//! Slots of one size in one piece of memory.
//!
//! ```text
//! page   │ slot 0 │ slot 1 │ … │ slot `used - 1` │ (not there yet)
//! slot   │ tag and length u32 │ stamp u64 │ link u32 │ row │ unused │
//! free   │ FREE and next free slot u32 │ …
//! ```
//!
//! Invariants:
//! 1. Of the slots below `used`, `live` are taken and the others are in the chain that begins at `free`.

/// Bytes before a row: its tags and length, its stamp, and the link to what it was before.
pub(super) const HEADER_BYTES: usize = 16;
/// The tag of a slot that is free. The others are the heap's.
pub(super) const FREE: u32 = 1 << 31;
/// Slots of a page at most: a location has 12 bits for them.
pub(super) const SLOTS_MAX: usize = 1 << 12;
/// Ends the chain of free slots.
const NONE: u16 = u16::MAX;
const _: () = assert!(SLOTS_MAX <= NONE as usize);

#[derive(Debug)]
pub(super) struct Page {
    bytes: Vec<u8>,
    slot_bytes: usize,
    /// How many slots the page has when it is full.
    slots: u16,
    used: u16,
    live: u16,
    free: u16,
}

impl Page {
    /// A page number whose memory was given back.
    pub(super) const fn vacant() -> Self {
        Self { bytes: Vec::new(), slot_bytes: 0, slots: 0, used: 0, live: 0, free: NONE }
    }

    pub(super) fn new(slot_bytes: usize, slots: u16) -> Self {
        assert!((1..=SLOTS_MAX).contains(&usize::from(slots)));
        Self { slot_bytes, slots, ..Self::vacant() }
    }

    /// Bytes of memory taken.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn slot_bytes(&self) -> usize {
        self.slot_bytes
    }

    pub(super) fn is_full(&self) -> bool {
        self.live == self.slots
    }

    pub(super) fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Makes room for all slots at once.
    pub(super) fn reserve_all(&mut self) {
        self.bytes.reserve_exact(self.slot_bytes * usize::from(self.slots));
    }

    /// Takes a free slot. The page must not be full.
    pub(super) fn take(&mut self) -> u16 {
        assert!(!self.is_full());
        self.live += 1;
        if self.free != NONE {
            let slot = self.free;
            let [low, high, ..] = self.slot(slot) else { panic!("a slot holds its header") };
            self.free = u16::from_le_bytes([*low, *high]);
            return slot;
        }
        let slot = self.used;
        self.used += 1;
        self.grow();
        slot
    }

    /// A page that is the only one of its size grows by doubling, so that small tables stay small.
    fn grow(&mut self) {
        let end = self.slot_bytes * usize::from(self.used);
        if end > self.bytes.capacity() {
            let full = self.slot_bytes * usize::from(self.slots);
            let capacity = full.min(end.max(2 * self.bytes.capacity()));
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.resize(end, 0);
    }

    /// Gives a slot back.
    pub(super) fn release(&mut self, slot: u16) {
        let next = FREE | u32::from(self.free);
        self.slot_mut(slot)[..4].copy_from_slice(&next.to_le_bytes());
        self.free = slot;
        self.live -= 1;
    }

    /// The first slot at or behind `from`, taken or not, that `is_wanted`.
    pub(super) fn find(&self, from: u16, is_wanted: impl Fn(&[u8]) -> bool) -> Option<u16> {
        (from..self.used).find(|&slot| is_wanted(self.slot(slot)))
    }

    pub(super) fn slot(&self, slot: u16) -> &[u8] {
        &self.bytes[usize::from(slot) * self.slot_bytes..][..self.slot_bytes]
    }

    pub(super) fn slot_mut(&mut self, slot: u16) -> &mut [u8] {
        &mut self.bytes[usize::from(slot) * self.slot_bytes..][..self.slot_bytes]
    }
}
