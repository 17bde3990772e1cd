//! Old versions in the order in which they ended, in blocks: appended at one end, forgotten at the other.
//!
//! ```text
//!            front                                   back
//!   blocks   │ · v v v v v v │ · v v v v v │ · v v v ─▶
//!   pages      7               8             9            a block takes one page of addresses, whatever its size
//! ```
//!
//! A place is a page number above 13 bits of offset within the block, in units of 8 bytes. A link is the low 32 bits of
//! a place. The first unit of a block is unused, so that no link is 0.
//!
//! Invariants:
//! 1. Versions ascend by `until`.
//! 2. There are fewer pages than links can tell apart, so a link names one place.

use std::collections::VecDeque;

use cosmictron_types::TxId;

use super::version::{Link, UNIT_BYTES, Version};

/// Bytes of a block, but for one that holds a single larger version.
pub(super) const BLOCK_BYTES: usize = 64 << 10;
/// Units of a page of addresses.
const PAGE_UNITS: u64 = 1 << PAGE_BITS;
const PAGE_BITS: u32 = 13;
const _: () = assert!(BLOCK_BYTES == UNIT_BYTES << PAGE_BITS);
/// Pages at most: one less than 32 bits of units are.
const PAGES_MAX: usize = (1 << (u32::BITS - PAGE_BITS)) - 1;

/// The versions of one table. `PAGES` is how many blocks there may be; tests use few.
#[derive(Debug)]
pub(super) struct Ring<const PAGES: usize = PAGES_MAX> {
    blocks: VecDeque<Block>,
    /// The page of the front block.
    first: u64,
    /// The back block takes no more versions.
    is_sealed: bool,
    /// Memory of all blocks.
    bytes: u64,
    versions: u64,
}

/// A place between two versions, or behind the last one, that stays good while versions come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    page: u64,
    /// In bytes.
    offset: usize,
}

impl Position {
    fn of_page(page: u64) -> Self {
        Self { page, offset: UNIT_BYTES }
    }
}

#[derive(Debug)]
struct Block {
    bytes: Vec<u8>,
    first_until: TxId,
    last_until: TxId,
    versions: u32,
    /// How many of them were ended by a delete.
    deleted: u32,
}

impl<const PAGES: usize> Ring<PAGES> {
    pub(super) const fn new() -> Self {
        Self { blocks: VecDeque::new(), first: 1, is_sealed: false, bytes: 0, versions: 0 }
    }

    /// One whose first block is of this page.
    #[cfg(test)]
    pub(super) fn starting_at(first: u64) -> Self {
        Self { first, ..Self::new() }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes + (self.blocks.capacity() * size_of::<Block>()) as u64
    }

    pub(super) fn versions(&self) -> u64 {
        self.versions
    }

    /// Whether a version with a row of this length needs a new block where there are as many as there may be: the
    /// front one has to go first.
    pub(super) fn is_full(&self, row_bytes: usize) -> bool {
        self.blocks.len() == PAGES && !self.has_room(Version::bytes(row_bytes))
    }

    fn has_room(&self, bytes: usize) -> bool {
        let back = self.blocks.back();
        !self.is_sealed && back.is_some_and(|back| back.bytes.len() + bytes <= BLOCK_BYTES)
    }

    /// Adds the newest version. The ring must not be full.
    pub(super) fn append(&mut self, version: &Version<'_>) -> Link {
        let bytes = Version::bytes(version.row.len());
        if !self.has_room(bytes) {
            self.open(version.until);
        }
        let is_only = self.blocks.len() == 1;
        let page = self.first + self.blocks.len() as u64 - 1;
        let block = self.blocks.back_mut().expect("a block was opened");
        assert!(
            block.last_until <= version.until,
            "versions end in the order of transactions (I1)"
        );
        let (before, start) = (block.bytes.capacity(), block.bytes.len().max(UNIT_BYTES));
        block.reserve(bytes, is_only);
        self.bytes += (block.bytes.capacity() - before) as u64;
        version.write(&mut block.bytes);
        block.last_until = version.until;
        block.versions += 1;
        block.deleted += u32::from(version.is_deleted);
        self.versions += 1;
        low(page * PAGE_UNITS + (start / UNIT_BYTES) as u64)
    }

    fn open(&mut self, until: TxId) {
        assert!(self.blocks.len() < PAGES, "the ring is full (I2)");
        self.is_sealed = false;
        let (bytes, versions, deleted) = (Vec::new(), 0, 0);
        let block = Block { bytes, first_until: until, last_until: until, versions, deleted };
        self.blocks.push_back(block);
    }

    /// Ends the back block if its first version ended at or before `horizon`, so that it can go in time, however few
    /// versions come after it.
    pub(super) fn seal(&mut self, horizon: TxId) {
        let Some(back) = self.blocks.back_mut() else { return };
        if !self.is_sealed && back.first_until <= horizon {
            let before = back.bytes.capacity();
            back.bytes.shrink_to_fit();
            self.bytes -= (before - back.bytes.capacity()) as u64;
            self.is_sealed = true;
        }
    }

    /// The version that a link names. It must be there still.
    pub(super) fn at(&self, link: Link) -> Version<'_> {
        let place = self.place(link);
        let page = place / PAGE_UNITS - self.first;
        let block = &self.blocks[usize::try_from(page).expect("pages are fewer than 2^19")];
        Version::read(&block.bytes[offset(place)..])
    }

    /// The place that a link names.
    pub(super) fn place(&self, link: Link) -> u64 {
        let end = (self.first + self.blocks.len() as u64) * PAGE_UNITS;
        end - u64::from(low(end).0.wrapping_sub(link.0))
    }

    /// Where the first block begins that has versions which ended after `tx`.
    pub(super) fn start_after(&self, tx: TxId) -> u64 {
        (self.first + self.block_after(tx) as u64) * PAGE_UNITS
    }

    /// All versions that ended after `tx`, and up to a block of those that ended before.
    pub(super) fn since(&self, tx: TxId) -> impl Iterator<Item = Version<'_>> {
        self.blocks
            .range(self.block_after(tx)..)
            .flat_map(Block::versions)
            .map(|(_, version)| version)
    }

    /// A position before all versions that ended after `tx`, behind most of the others.
    pub(super) fn position_after(&self, tx: TxId) -> Position {
        let block = self.block_after(tx);
        match self.blocks.back() {
            // The next version may still go into the back block.
            Some(back) if block == self.blocks.len() => {
                Position { page: self.first + block as u64 - 1, offset: back.bytes.len() }
            }
            _ => Position::of_page(self.first + block as u64),
        }
    }

    /// The version behind a position, which moves behind it; of those that are forgotten, the next that is there. `None`
    /// behind the newest version, until there is another.
    pub(super) fn next(&self, at: &mut Position) -> Option<(Link, Version<'_>)> {
        if at.page < self.first {
            *at = Position::of_page(self.first);
        }
        loop {
            let number = usize::try_from(at.page - self.first).expect("pages are fewer than 2^19");
            let block = self.blocks.get(number)?;
            if at.offset < block.bytes.len() {
                let version = Version::read(&block.bytes[at.offset..]);
                let link = low(at.page * PAGE_UNITS + (at.offset / UNIT_BYTES) as u64);
                at.offset += Version::bytes(version.row.len());
                return Some((link, version));
            }
            if number + 1 == self.blocks.len() {
                return None;
            }
            *at = Position::of_page(at.page + 1);
        }
    }

    fn block_after(&self, tx: TxId) -> usize {
        self.blocks.partition_point(|block| block.last_until <= tx)
    }

    /// When the last version of the front block ended.
    pub(super) fn front_until(&self) -> Option<TxId> {
        self.blocks.front().map(|block| block.last_until)
    }

    /// The versions of the front block that were ended by a delete.
    pub(super) fn front_deleted(&self) -> impl Iterator<Item = (Link, Version<'_>)> {
        let start = self.first * PAGE_UNITS;
        // Most blocks have none, and need not be read.
        let front = self.blocks.front().filter(|front| front.deleted > 0);
        let versions = front.into_iter().flat_map(Block::versions);
        versions
            .filter(|(_, version)| version.is_deleted)
            .map(move |(at, version)| (low(start + (at / UNIT_BYTES) as u64), version))
    }

    /// Forgets the front block.
    pub(super) fn drop_front(&mut self) {
        let Some(front) = self.blocks.pop_front() else { return };
        self.first += 1;
        self.bytes -= front.bytes.capacity() as u64;
        self.versions -= u64::from(front.versions);
        if self.blocks.is_empty() {
            self.blocks = VecDeque::new();
        }
    }
}

impl Block {
    /// Makes room for a version. The only block of a ring grows by doubling, so that the history of a table that hardly
    /// changes stays small.
    fn reserve(&mut self, bytes: usize, is_only: bool) {
        // The first unit is unused.
        let start = self.bytes.len().max(UNIT_BYTES);
        let end = start + bytes;
        if end > self.bytes.capacity() {
            let capacity =
                if is_only { (2 * self.bytes.capacity()).min(BLOCK_BYTES) } else { BLOCK_BYTES };
            self.bytes.reserve_exact(capacity.max(end) - self.bytes.len());
        }
        self.bytes.resize(start, 0);
    }

    /// Each version and its offset.
    fn versions(&self) -> impl Iterator<Item = (usize, Version<'_>)> {
        let mut at = UNIT_BYTES;
        core::iter::from_fn(move || {
            if at >= self.bytes.len() {
                return None;
            }
            let version = Version::read(&self.bytes[at..]);
            let found = (at, version);
            at += Version::bytes(version.row.len());
            Some(found)
        })
    }
}

/// The link to a place.
pub(super) fn low(place: u64) -> Link {
    let [a, b, c, d, ..] = place.to_le_bytes();
    Link(u32::from_le_bytes([a, b, c, d]))
}

fn offset(place: u64) -> usize {
    usize::try_from(place % PAGE_UNITS).expect("a page has 2^13 units") * UNIT_BYTES
}
