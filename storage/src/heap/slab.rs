//! Deals out slots of the size class that fits, from pages of that class.
//!
//! Slots of up to 256 bytes come in steps of 8 bytes, larger ones in eight steps between powers of two, so at most an
//! eighth of a slot is unused. What is larger than the largest class has a page of its own. A page that becomes empty
//! gives its memory back.
//!
//! Invariants:
//! 1. A class's `roomy` holds exactly its pages that are not full.
//! 2. A page number in `vacant` holds no memory.

use std::collections::BTreeSet;

use super::page::{HEADER_BYTES, Page, SLOTS_MAX};

/// Bytes of a full page, but for slots larger than an eighth of it.
pub(super) const PAGE_BYTES: usize = 256 << 10;
/// Pages of one table: what is left of a location's 31 bits. 128 GiB in full pages.
const PAGES_MAX: u32 = 1 << (31 - SLOT_BITS);
const SLOT_BITS: u32 = SLOTS_MAX.trailing_zeros();
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;
/// Bytes of the largest slot that shares a page.
const CLASS_BYTES_MAX: usize = PAGE_BYTES / 8;
/// Slots up to this size are a multiple of [`STEP_BYTES`].
const STEPPED_BYTES_MAX: usize = 256;
const STEP_BYTES: usize = 8;
/// Classes in steps, then eight between powers of two, then the one of single slots.
const CLASSES: usize = STEPPED_BYTES_MAX / STEP_BYTES
    + 8 * (CLASS_BYTES_MAX / STEPPED_BYTES_MAX).trailing_zeros() as usize
    + 1;
const SINGLE: usize = CLASSES - 1;

/// Where a slot is: its page above, its place in the page in the low 12 bits. Below 2^31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Location(pub(super) u32);

impl Location {
    fn new(page: u32, slot: u16) -> Self {
        Self(page << SLOT_BITS | u32::from(slot))
    }

    fn page(self) -> usize {
        (self.0 >> SLOT_BITS) as usize
    }

    fn slot(self) -> u16 {
        u16::try_from(self.0 & SLOT_MASK).expect("SLOT_BITS are fewer than 16")
    }
}

#[derive(Debug)]
pub(super) struct Slab {
    pages: Vec<Page>,
    vacant: BTreeSet<u32>,
    /// One a size class; empty until the first slot is taken, as most indexes of a large server never have rows.
    classes: Vec<Class>,
    bytes: u64,
}

#[derive(Clone, Debug, Default)]
struct Class {
    /// Pages that have a free slot.
    roomy: BTreeSet<u32>,
    /// Pages of this class.
    pages: u32,
}

impl Slab {
    pub(super) const fn new() -> Self {
        Self { pages: Vec::new(), vacant: BTreeSet::new(), classes: Vec::new(), bytes: 0 }
    }

    /// Memory of all pages.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes a slot for a row of `length` bytes. `None` when all page numbers are in use.
    pub(super) fn take(&mut self, length: usize) -> Option<Location> {
        if self.classes.is_empty() {
            self.classes.resize(CLASSES, Class::default());
        }
        let class = class_of(needed(length));
        let number = match self.classes[class].roomy.first() {
            Some(&number) => number,
            None => self.add_page(class, length)?,
        };
        let page = &mut self.pages[number as usize];
        let capacity = page.capacity();
        let slot = page.take();
        self.bytes += (page.capacity() - capacity) as u64;
        if page.is_full() {
            self.classes[class].roomy.remove(&number);
        }
        Some(Location::new(number, slot))
    }

    /// Gives a slot back.
    pub(super) fn release(&mut self, location: Location) {
        let page = &mut self.pages[location.page()];
        let class = &mut self.classes[class_of(page.slot_bytes())];
        let number = location.0 >> SLOT_BITS;
        page.release(location.slot());
        class.roomy.insert(number);
        // The last free place among full pages is kept: the next row would ask for the same memory again.
        let is_needed =
            class.roomy.len() == 1 && class.pages > 1 && page.slot_bytes() <= CLASS_BYTES_MAX;
        if page.is_empty() && !is_needed {
            self.bytes -= page.capacity() as u64;
            *page = Page::vacant();
            class.roomy.remove(&number);
            class.pages -= 1;
            self.vacant.insert(number);
        }
    }

    /// Whether a row of `length` bytes may stay in this slot: it fits, and does not waste more than half of it.
    pub(super) fn suits(&self, location: Location, length: usize) -> bool {
        let slot_bytes = self.pages[location.page()].slot_bytes();
        let needed = needed(length);
        needed <= slot_bytes && slot_bytes <= 2 * slot_bytes_of(class_of(needed), needed)
    }

    pub(super) fn slot(&self, location: Location) -> &[u8] {
        self.pages[location.page()].slot(location.slot())
    }

    pub(super) fn slot_mut(&mut self, location: Location) -> &mut [u8] {
        self.pages[location.page()].slot_mut(location.slot())
    }

    /// The first slot at or behind `from` that `is_wanted`.
    pub(super) fn find(
        &self,
        from: Location,
        is_wanted: impl Fn(&[u8]) -> bool,
    ) -> Option<Location> {
        let (first, mut slot) = (from.page(), from.slot());
        for (number, page) in (from.0 >> SLOT_BITS..).zip(self.pages.get(first..)?) {
            if let Some(found) = page.find(slot, &is_wanted) {
                return Some(Location::new(number, found));
            }
            slot = 0;
        }
        None
    }

    fn add_page(&mut self, class: usize, length: usize) -> Option<u32> {
        let slot_bytes = slot_bytes_of(class, needed(length));
        let slots = if class == SINGLE { 1 } else { (PAGE_BYTES / slot_bytes).min(SLOTS_MAX) };
        let mut page =
            Page::new(slot_bytes, u16::try_from(slots).expect("SLOTS_MAX fits in 16 bits"));
        if self.classes[class].pages > 0 {
            page.reserve_all();
        }
        let number = self.number_page()?;
        self.bytes += page.capacity() as u64;
        self.pages[number as usize] = page;
        self.classes[class].pages += 1;
        self.classes[class].roomy.insert(number);
        Some(number)
    }

    /// A page number that no page has.
    fn number_page(&mut self) -> Option<u32> {
        if let Some(number) = self.vacant.pop_first() {
            return Some(number);
        }
        let number = u32::try_from(self.pages.len()).ok().filter(|&number| number < PAGES_MAX)?;
        self.pages.push(Page::vacant());
        Some(number)
    }
}

/// Bytes that a row of `length` bytes needs, or the number of the place where it lies in its stead.
fn needed(length: usize) -> usize {
    HEADER_BYTES + length.max(size_of::<Location>())
}

/// The class of the smallest slots that hold as many bytes, header included.
fn class_of(bytes: usize) -> usize {
    if bytes <= STEPPED_BYTES_MAX {
        return bytes.div_ceil(STEP_BYTES) - 1;
    }
    if bytes > CLASS_BYTES_MAX {
        return SINGLE;
    }
    // `bytes` lies above 2^k and up to 2^(k + 1).
    let k = (bytes - 1).ilog2();
    let step = 1 << (k - 3);
    let octave = (k - STEPPED_BYTES_MAX.ilog2()) as usize;
    STEPPED_BYTES_MAX / STEP_BYTES + 8 * octave + (bytes - (1 << k)).div_ceil(step) - 1
}

/// Bytes of a class's slots; `needed` for those that have a page of their own.
fn slot_bytes_of(class: usize, needed: usize) -> usize {
    let stepped = STEPPED_BYTES_MAX / STEP_BYTES;
    if class < stepped {
        return (class + 1) * STEP_BYTES;
    }
    if class == SINGLE {
        return needed.next_multiple_of(STEP_BYTES);
    }
    let octave = STEPPED_BYTES_MAX << ((class - stepped) / 8);
    octave + octave / 8 * ((class - stepped) % 8 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_the_smallest_class_that_holds_it() {
        for bytes in HEADER_BYTES..=CLASS_BYTES_MAX {
            let class = class_of(bytes);
            let slot = slot_bytes_of(class, bytes);
            assert!(
                slot >= bytes && slot * 8 <= bytes.next_multiple_of(8) * 9,
                "{bytes} in {slot}"
            );
            assert!(slot_bytes_of(class - 1, bytes) < bytes, "{bytes} in {slot}");
            assert_eq!(class_of(slot), class);
        }
        assert_eq!(class_of(CLASS_BYTES_MAX), SINGLE - 1);
        assert_eq!(class_of(CLASS_BYTES_MAX + 1), SINGLE);
    }
}
