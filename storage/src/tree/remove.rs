//! Takes an entry out, merging nodes that become small.

use core::cmp::Ordering;

use super::Tree;
use super::arena::NONE;
use super::node::{Probe, Side};
use crate::heap::RowId;

impl<const N: usize> Tree<N> {
    /// Fewer entries than this, and a node is merged with a neighbour or filled from it.
    const LEN_MIN: usize = if N / 4 > 2 { N / 4 } else { 2 };

    /// Takes out the entry of `row`, whose full key is `key`. Panics when it is not there: then index and rows
    /// disagree.
    pub(crate) fn remove<K>(&mut self, key: &[u8], row: RowId, keys: &K)
    where
        K: Fn(RowId, &[u8]) -> Ordering,
    {
        assert!(self.root != NONE, "row {} is not in its index", row.get());
        self.remove_below(self.root, self.height, &Probe::entry_of(key, row), keys);
        self.len -= 1;
        if self.len == 0 {
            return self.clear();
        }
        while self.height > 0 && self.inners.at(self.root).entries.len() == 1 {
            self.root = self.inners.remove(self.root).children[0];
            self.height -= 1;
        }
    }

    /// Whether the subtree's first entry is another now. The node may be left small, or empty.
    fn remove_below<K>(&mut self, node: u32, level: u32, probe: &Probe<'_>, keys: &K) -> bool
    where
        K: Fn(RowId, &[u8]) -> Ordering,
    {
        if level == 0 {
            let entries = &mut self.leaves.at_mut(node).entries;
            let at = entries.cut(probe, Side::Before, keys);
            let is_there = at < entries.len() && probe.compare(entries.at(at), keys).is_eq();
            assert!(is_there, "{probe:?} is not in its index");
            entries.remove(at);
            return at == 0;
        }
        let inner = self.inners.at(node);
        // The entry itself, if it is a child's first one, leads to that child.
        let at = inner.entries.cut(probe, Side::After, keys);
        let at = at.checked_sub(1).expect("an entry lies behind the first one of its tree");
        let child = inner.children[at];
        let is_first = self.remove_below(child, level - 1, probe, keys);
        let left = self.entries(child, level - 1).len();
        if left == 0 {
            self.detach(child, level - 1);
            self.inners.at_mut(node).remove(at);
        } else {
            if is_first {
                let first = self.first(child, level - 1);
                self.inners.at_mut(node).entries.set(at, first);
            }
            if left < Self::LEN_MIN {
                self.refill(node, level, at);
            }
        }
        is_first && at == 0
    }

    /// Gives back a node that has no entries left.
    fn detach(&mut self, id: u32, level: u32) {
        if level > 0 {
            self.inners.remove(id);
            return;
        }
        let leaf = self.leaves.remove(id);
        if leaf.previous != NONE {
            self.leaves.at_mut(leaf.previous).next = leaf.next;
        }
        if leaf.next != NONE {
            self.leaves.at_mut(leaf.next).previous = leaf.previous;
        }
    }

    /// Merges the child at `at` with a neighbour, or evens both out.
    fn refill(&mut self, node: u32, level: u32, at: usize) {
        let inner = self.inners.at(node);
        if inner.entries.len() == 1 {
            return; // No neighbour: the node above will merge this one.
        }
        let at = at.saturating_sub(1);
        let (left, right) = (inner.children[at], inner.children[at + 1]);
        let is_merged = if level == 1 {
            self.even_out_leaves(left, right)
        } else {
            self.even_out_inners(left, right)
        };
        if is_merged {
            self.detach(right, level - 1);
            self.inners.at_mut(node).remove(at + 1);
        } else {
            let first = self.first(right, level - 1);
            self.inners.at_mut(node).entries.set(at + 1, first);
        }
    }

    /// Whether all entries are in the left leaf now.
    fn even_out_leaves(&mut self, left: u32, right: u32) -> bool {
        let mut a = self.leaves.at(left).entries;
        let mut b = self.leaves.at(right).entries;
        let total = a.len() + b.len();
        if total <= N {
            a.append(&b, 0..b.len());
            b.truncate(0);
        } else if a.len() < total / 2 {
            let count = total / 2 - a.len();
            a.append(&b, 0..count);
            b = b.split_off(count);
        } else {
            let mut front = a.split_off(total / 2);
            front.append(&b, 0..b.len());
            b = front;
        }
        self.leaves.at_mut(left).entries = a;
        self.leaves.at_mut(right).entries = b;
        total <= N
    }

    /// As [`Tree::even_out_leaves`], with the children.
    fn even_out_inners(&mut self, left: u32, right: u32) -> bool {
        let (mut a, mut b) = (*self.inners.at(left), *self.inners.at(right));
        let total = a.entries.len() + b.entries.len();
        if total <= N {
            a.append(&b, 0..b.entries.len());
            b.entries.truncate(0);
        } else if a.entries.len() < total / 2 {
            let count = total / 2 - a.entries.len();
            a.append(&b, 0..count);
            b = b.split_off(count);
        } else {
            let mut front = a.split_off(total / 2);
            front.append(&b, 0..b.entries.len());
            b = front;
        }
        *self.inners.at_mut(left) = a;
        *self.inners.at_mut(right) = b;
        total <= N
    }
}
