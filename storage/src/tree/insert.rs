//! Puts an entry in, splitting nodes that are full.

use core::cmp::Ordering;

use super::Tree;
use super::arena::NONE;
use super::node::{Entries, Entry, Inner, Leaf, Probe, Side};
use crate::heap::RowId;

/// What putting an entry into a subtree means for the node above.
struct Inserted {
    /// The subtree's first entry is another now.
    is_first: bool,
    /// A new node to the right of the subtree's top.
    split: Option<u32>,
}

impl<const N: usize> Tree<N> {
    /// Puts in the entry of `row`, whose full key is `key`. It must not be there.
    pub(crate) fn insert<K>(&mut self, key: &[u8], row: RowId, keys: &K)
    where
        K: Fn(RowId, &[u8]) -> Ordering,
    {
        let probe = Probe::entry_of(key, row);
        let entry = Entry { head: probe.head(), row };
        self.len += 1;
        if self.root == NONE {
            let mut leaf = Leaf { entries: Entries::new(), previous: NONE, next: NONE };
            leaf.entries.insert(0, entry);
            self.root = self.leaves.add(leaf);
            return;
        }
        let inserted = self.insert_below(self.root, self.height, true, &probe, entry, keys);
        if let Some(right) = inserted.split {
            let mut root = Inner::new();
            root.insert(0, self.first(self.root, self.height), self.root);
            root.insert(1, self.first(right, self.height), right);
            self.root = self.inners.add(root);
            self.height += 1;
        }
    }

    /// `is_edge`: no node of this level lies to the right.
    fn insert_below<K>(
        &mut self,
        node: u32,
        level: u32,
        is_edge: bool,
        probe: &Probe<'_>,
        entry: Entry,
        keys: &K,
    ) -> Inserted
    where
        K: Fn(RowId, &[u8]) -> Ordering,
    {
        if level == 0 {
            return self.insert_into_leaf(node, is_edge, probe, entry, keys);
        }
        let inner = self.inners.at(node);
        let at = inner.entries.cut(probe, Side::Before, keys).saturating_sub(1);
        let is_last = at + 1 == inner.entries.len();
        let child = inner.children[at];
        let below = self.insert_below(child, level - 1, is_edge && is_last, probe, entry, keys);
        if below.is_first {
            let first = self.first(child, level - 1);
            self.inners.at_mut(node).entries.set(at, first);
        }
        let split = below.split.and_then(|right| {
            let first = self.first(right, level - 1);
            self.insert_child(node, is_edge, at + 1, first, right)
        });
        Inserted { is_first: below.is_first && at == 0, split }
    }

    fn insert_into_leaf<K>(
        &mut self,
        id: u32,
        is_edge: bool,
        probe: &Probe<'_>,
        entry: Entry,
        keys: &K,
    ) -> Inserted
    where
        K: Fn(RowId, &[u8]) -> Ordering,
    {
        let leaf = self.leaves.at_mut(id);
        let at = leaf.entries.cut(probe, Side::Before, keys);
        if !leaf.entries.is_full() {
            leaf.entries.insert(at, entry);
            return Inserted { is_first: at == 0, split: None };
        }
        let keep = split_at::<N>(is_edge, at);
        let mut right = leaf.entries.split_off(keep);
        // At the edge of both halves an entry goes to the left one, unless that is full.
        if at <= keep && keep < N {
            leaf.entries.insert(at, entry);
        } else {
            right.insert(at - keep, entry);
        }
        let next = leaf.next;
        let right = self.leaves.add(Leaf { entries: right, previous: id, next });
        self.leaves.at_mut(id).next = right;
        if next != NONE {
            self.leaves.at_mut(next).previous = right;
        }
        Inserted { is_first: at == 0, split: Some(right) }
    }

    /// Puts a child in; the new node to the right when this one was full.
    fn insert_child(
        &mut self,
        id: u32,
        is_edge: bool,
        at: usize,
        first: Entry,
        child: u32,
    ) -> Option<u32> {
        let inner = self.inners.at_mut(id);
        if !inner.entries.is_full() {
            inner.insert(at, first, child);
            return None;
        }
        let keep = split_at::<N>(is_edge, at);
        let mut right = inner.split_off(keep);
        if at <= keep && keep < N {
            inner.insert(at, first, child);
        } else {
            right.insert(at - keep, first, child);
        }
        Some(self.inners.add(right))
    }
}

/// How many entries a full node keeps when one comes in at `at`.
fn split_at<const N: usize>(is_edge: bool, at: usize) -> usize {
    if is_edge && at == N { N } else { N / 2 }
}
