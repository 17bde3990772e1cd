//! Places between entries, and the entries between two places.

use core::cmp::Ordering;

use super::Tree;
use super::arena::NONE;
use super::node::{Entry, Probe, Side};
use crate::heap::RowId;

/// A place before an entry, or behind the last one. Good until the tree changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    leaf: u32,
    /// Up to the leaf's number of entries in the last leaf, below it elsewhere: each place has one name.
    at: usize,
}

/// The entries between two places, taken from both ends.
#[derive(Clone, Debug)]
pub(crate) struct Span<'t, const N: usize = { super::FANOUT }> {
    tree: &'t Tree<N>,
    front: Place,
    back: Place,
}

impl<const N: usize> Tree<N> {
    /// The place before, or behind, all entries that equal the probe.
    pub(crate) fn cut<K>(&self, probe: &Probe<'_>, side: Side, keys: &K) -> Place
    where
        K: Fn(RowId, &[u8]) -> Ordering,
    {
        if self.root == NONE {
            return Place { leaf: NONE, at: 0 };
        }
        let mut node = self.root;
        for _ in 0..self.height {
            let inner = self.inners.at(node);
            inner.fetch_children();
            node = inner.children[inner.entries.cut(probe, side, keys).saturating_sub(1)];
        }
        let leaf = self.leaves.at(node);
        leaf.entries.fetch_rows();
        let at = leaf.entries.cut(probe, side, keys);
        self.place(node, at)
    }

    /// The place before all entries.
    pub(crate) fn start(&self) -> Place {
        Place { leaf: self.edge(|_| 0), at: 0 }
    }

    /// The place behind all entries.
    pub(crate) fn end(&self) -> Place {
        let leaf = self.edge(|len| len - 1);
        let at = if leaf == NONE { 0 } else { self.leaves.at(leaf).entries.len() };
        Place { leaf, at }
    }

    /// The entry behind a place.
    pub(crate) fn entry(&self, place: Place) -> Option<Entry> {
        if place.leaf == NONE {
            return None;
        }
        let entries = &self.leaves.at(place.leaf).entries;
        (place.at < entries.len()).then(|| entries.at(place.at))
    }

    /// The entries between two places. The front one must not lie behind the back one.
    pub(crate) fn span(&self, front: Place, back: Place) -> Span<'_, N> {
        Span { tree: self, front, back }
    }

    /// The entries that equal a probe. One descent, where a span takes two.
    pub(crate) fn matches<'t, K>(
        &'t self,
        probe: Probe<'t>,
        keys: K,
    ) -> impl Iterator<Item = RowId> + use<'t, K, N>
    where
        K: Fn(RowId, &[u8]) -> Ordering,
    {
        let mut place = self.cut(&probe, Side::Before, &keys);
        core::iter::from_fn(move || {
            let entry = self.entry(place)?;
            let is_match = probe.compare(entry, &keys).is_eq();
            is_match.then(|| {
                place = self.place(place.leaf, place.at + 1);
                entry.row
            })
        })
    }

    fn edge(&self, pick: impl Fn(usize) -> usize) -> u32 {
        if self.root == NONE {
            return NONE;
        }
        (0..self.height).fold(self.root, |node, _| {
            let inner = self.inners.at(node);
            inner.children[pick(inner.entries.len())]
        })
    }

    fn place(&self, leaf: u32, at: usize) -> Place {
        let node = self.leaves.at(leaf);
        if at == node.entries.len() && node.next != NONE {
            return Place { leaf: node.next, at: 0 };
        }
        Place { leaf, at }
    }
}

impl<const N: usize> Iterator for Span<'_, N> {
    type Item = RowId;

    fn next(&mut self) -> Option<RowId> {
        if self.front == self.back {
            return None;
        }
        let Place { leaf, at } = self.front;
        let entry = self.tree.leaves.at(leaf).entries.at(at);
        self.front = self.tree.place(leaf, at + 1);
        Some(entry.row)
    }
}

impl<const N: usize> DoubleEndedIterator for Span<'_, N> {
    fn next_back(&mut self) -> Option<RowId> {
        if self.front == self.back {
            return None;
        }
        let Place { mut leaf, mut at } = self.back;
        if at == 0 {
            leaf = self.tree.leaves.at(leaf).previous;
            at = self.tree.leaves.at(leaf).entries.len();
        }
        self.back = Place { leaf, at: at - 1 };
        Some(self.tree.leaves.at(leaf).entries.at(at - 1).row)
    }
}
