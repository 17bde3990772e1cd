//! An ordered set of rows that stores no keys: a B+tree of (head of the key, row number) entries.
//!
//! An entry is 12 bytes: the first 8 bytes of the row's memcomparable key as a number, and the row's number. Keys of up
//! to 8 bytes are decided by heads alone and never touch a row. Where heads are equal and the key is longer, the caller's
//! `keys` compares the key of a row, taken from the row itself, with the one that is looked for: it says how the
//! row's key, cut to the other's length, stands to it. Entries of equal keys are ordered by row number.
//!
//! ```text
//!             ┌───────────────────────────┐
//!  inner      │ first of a │ first of b │ │
//!             └──┼────────────┼───────────┘
//!          ┌─────▼─────┐ ┌────▼──────┐
//!  leaf    │ a a a a a │↔│ b b b b   │↔ …
//!          └───────────┘ └───────────┘
//! ```
//!
//! A full node is split in halves, but at the right edge the new entry begins a node of its own: keys that come in
//! ascending order leave full nodes behind. A node that falls below a quarter is merged with a neighbour, or takes
//! entries from it.
//!
//! Invariants:
//! 1. Entries ascend, by key and then by row number; no entry is there twice.
//! 2. An inner node's entry equals the first entry of the child beside it. So whatever row is named anywhere in the
//!    tree is one of its rows, and `keys` is never asked about another.
//! 3. All leaves have the same depth, and no node is empty.
//! 4. While an entry of a row is in the tree, the row's key must not change.

mod arena;
mod insert;
mod node;
mod range;
mod remove;

#[cfg(test)]
mod tests;

use core::cmp::Ordering;

use crate::heap::RowId;
use arena::{Arena, NONE};
use node::{Entries, Inner, Leaf};

pub(crate) use node::{Entry, Probe, Side};
pub(crate) use range::{Place, Span};

/// Entries of a node: heads of a leaf take 8 cache lines, of which a search reads three.
const FANOUT: usize = 64;

/// One index. `N` is the entries of a node; tests use small ones.
#[derive(Debug)]
pub(crate) struct Tree<const N: usize = FANOUT> {
    leaves: Arena<Leaf<N>>,
    inners: Arena<Inner<N>>,
    root: u32,
    /// Levels of inner nodes above the leaves.
    height: u32,
    len: usize,
}

impl<const N: usize> Tree<N> {
    pub(crate) const fn new() -> Self {
        Self { leaves: Arena::new(), inners: Arena::new(), root: NONE, height: 0, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Memory of all nodes, free ones included.
    pub(crate) fn bytes(&self) -> u64 {
        self.leaves.bytes() + self.inners.bytes()
    }

    /// More than [`Tree::bytes`] grows by with one entry.
    pub(crate) const fn growth_max() -> u64 {
        (Arena::<Leaf<N>>::CHUNK_BYTES + Arena::<Inner<N>>::CHUNK_BYTES) as u64
    }

    /// Forgets all entries, and gives the memory back.
    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }

    /// The first entry that equals the probe.
    pub(crate) fn find<K>(&self, probe: &Probe<'_>, keys: &K) -> Option<RowId>
    where
        K: Fn(RowId, &[u8]) -> Ordering,
    {
        let place = self.cut(probe, Side::Before, keys);
        let entry = self.entry(place)?;
        probe.compare(entry, keys).is_eq().then_some(entry.row)
    }

    /// The first entry of a full key whose row's number is `row` or a greater one.
    pub(crate) fn find_from<K>(&self, key: &[u8], row: RowId, keys: &K) -> Option<RowId>
    where
        K: Fn(RowId, &[u8]) -> Ordering,
    {
        let place = self.cut(&Probe::entry_of(key, row), Side::Before, keys);
        let entry = self.entry(place)?;
        Probe::new(key).compare(entry, keys).is_eq().then_some(entry.row)
    }

    /// The first entry of a subtree.
    fn first(&self, node: u32, level: u32) -> Entry {
        self.entries(node, level).at(0)
    }

    fn entries(&self, node: u32, level: u32) -> &Entries<N> {
        if level == 0 { &self.leaves.at(node).entries } else { &self.inners.at(node).entries }
    }
}
