//! Entries of one node, and where a probe falls among them.

use core::cmp::Ordering;

use crate::heap::RowId;

/// What a leaf holds a row by, and an inner node a child: the child's first entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The first 8 bytes of the row's key, as a number.
    pub(crate) head: u64,
    pub(crate) row: RowId,
}

/// Entries in order, heads apart from rows so that a search reads heads only.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Entries<const N: usize> {
    /// Behind the last entry filled with the greatest head, so that a search does not have to know where that is.
    heads: [u64; N],
    rows: [RowId; N],
    len: u16,
}

const LINE_BYTES: usize = 64;
/// Heads of one cache line.
const BLOCK: usize = LINE_BYTES / size_of::<u64>();

/// A leaf, chained with its neighbours. Aligned so that each block of heads is one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Leaf<const N: usize> {
    pub(super) entries: Entries<N>,
    pub(super) previous: u32,
    pub(super) next: u32,
}

/// A node above others: each entry is the first of the child at the same place.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Inner<const N: usize> {
    pub(super) entries: Entries<N>,
    pub(super) children: [u32; N],
}

/// What is looked for: a key, or the beginning of one, or one entry among those with equal keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe<'k> {
    /// The head of the key padded with zeros, and with ones: outside of them the heads decide.
    low: u64,
    high: u64,
    /// The key, where it is longer than a head, so that equal heads do not decide.
    long: Option<&'k [u8]>,
    /// Orders entries of equal keys.
    row: Option<RowId>,
}

/// Bytes of a head.
const HEAD_BYTES: usize = 8;

impl<'k> Probe<'k> {
    pub(crate) fn new(key: &'k [u8]) -> Self {
        if let Some(head) = key.first_chunk::<HEAD_BYTES>() {
            let head = u64::from_be_bytes(*head);
            let long = (key.len() > HEAD_BYTES).then_some(key);
            return Self { low: head, high: head, long, row: None };
        }
        let (mut low, mut high) = ([0x00; HEAD_BYTES], [0xff; HEAD_BYTES]);
        low[..key.len()].copy_from_slice(key);
        high[..key.len()].copy_from_slice(key);
        let (low, high) = (u64::from_be_bytes(low), u64::from_be_bytes(high));
        Self { low, high, long: None, row: None }
    }

    /// The entry that `row` has, or would have, with this full key.
    pub(crate) fn entry_of(key: &'k [u8], row: RowId) -> Self {
        Self { row: Some(row), ..Self::new(key) }
    }

    /// The head of an entry with this full key.
    pub(crate) fn head(&self) -> u64 {
        self.low
    }

    /// How an entry stands to this: equal when its key begins with the probe's.
    pub(super) fn compare<K: Fn(RowId, &[u8]) -> Ordering>(
        &self,
        entry: Entry,
        keys: &K,
    ) -> Ordering {
        if entry.head < self.low {
            return Ordering::Less;
        }
        if entry.head > self.high {
            return Ordering::Greater;
        }
        let by_key = self.long.map_or(Ordering::Equal, |key| keys(entry.row, key));
        by_key.then_with(|| self.row.map_or(Ordering::Equal, |row| entry.row.cmp(&row)))
    }
}

/// On which side of the entries that equal a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

impl<const N: usize> Entries<N> {
    pub(super) const fn new() -> Self {
        assert!(N > 0 && N.is_multiple_of(BLOCK) && N < u16::MAX as usize);
        Self { heads: [u64::MAX; N], rows: [RowId(0); N], len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() == N
    }

    pub(super) fn at(&self, at: usize) -> Entry {
        Entry { head: self.heads[at], row: self.rows[at] }
    }

    pub(super) fn set(&mut self, at: usize, entry: Entry) {
        assert!(at < self.len());
        self.heads[at] = entry.head;
        self.rows[at] = entry.row;
    }

    /// How many entries lie before the probe's place.
    pub(super) fn cut<K>(&self, probe: &Probe<'_>, side: Side, keys: &K) -> usize
    where
        K: Fn(RowId, &[u8]) -> Ordering,
    {
        let is_decided = probe.long.is_none() && probe.row.is_none();
        if is_decided && side == Side::After {
            return self.count_up_to(probe.high);
        }
        let from = self.count_below(probe.low);
        if is_decided || self.heads.get(from).is_none_or(|&head| head > probe.high) {
            return from;
        }
        let (mut low, mut high) = (from, self.count_up_to(probe.high));
        while low < high {
            let middle = (low + high) / 2;
            let ordering = probe.compare(self.at(middle), keys);
            let is_before = ordering.is_lt() || (ordering.is_eq() && side == Side::After);
            if is_before { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// How many heads are less than `bound`. The last head of every block is looked at, then one block: the reads of
    /// each step do not wait for each other, as those of a binary search do.
    fn count_below(&self, bound: u64) -> usize {
        let (blocks, _) = self.heads.as_chunks::<BLOCK>();
        // The last block needs no look: what is behind all others is in it.
        let whole: usize = blocks[..blocks.len() - 1]
            .iter()
            .fold(0, |whole, block| usize::from(block[BLOCK - 1] < bound).wrapping_add(whole));
        let below = blocks[whole]
            .iter()
            .fold(0, |below, head| usize::from(*head < bound).wrapping_add(below));
        BLOCK * whole + below
    }

    fn count_up_to(&self, bound: u64) -> usize {
        bound.checked_add(1).map_or(self.len(), |bound| self.count_below(bound))
    }

    /// Has the processor fetch the rows while it waits for the heads that say which one is needed.
    pub(super) fn fetch_rows(&self) {
        fetch(&self.rows);
    }

    pub(super) fn insert(&mut self, at: usize, entry: Entry) {
        let len = self.len();
        insert(&mut self.heads, len, at, entry.head);
        insert(&mut self.rows, len, at, entry.row);
        self.len += 1;
    }

    pub(super) fn remove(&mut self, at: usize) {
        let len = self.len();
        self.heads.copy_within(at + 1..len, at);
        self.rows.copy_within(at + 1..len, at);
        self.truncate(len - 1);
    }

    /// Moves what lies at `at` and behind to a node of its own.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let mut right = Self::new();
        right.append(self, at..self.len());
        self.truncate(at);
        right
    }

    pub(super) fn append(&mut self, other: &Self, range: core::ops::Range<usize>) {
        let (start, end) = (self.len(), self.len() + range.len());
        self.heads[start..end].copy_from_slice(&other.heads[range.clone()]);
        self.rows[start..end].copy_from_slice(&other.rows[range]);
        self.set_len(end);
    }

    /// Keeps the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        let before = self.len();
        self.heads[len..before].fill(u64::MAX);
        self.set_len(len);
    }

    fn set_len(&mut self, len: usize) {
        self.len = u16::try_from(len).expect("a node has fewer than 65536 entries");
    }
}

impl<const N: usize> Inner<N> {
    pub(super) const fn new() -> Self {
        Self { entries: Entries::new(), children: [0; N] }
    }

    /// As [`Entries::fetch_rows`], for the children.
    pub(super) fn fetch_children(&self) {
        fetch(&self.children);
    }

    pub(super) fn insert(&mut self, at: usize, entry: Entry, child: u32) {
        insert(&mut self.children, self.entries.len(), at, child);
        self.entries.insert(at, entry);
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.children.copy_within(at + 1..self.entries.len(), at);
        self.entries.remove(at);
    }

    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let mut right = Self::new();
        right.append(self, at..self.entries.len());
        self.entries.truncate(at);
        right
    }

    pub(super) fn append(&mut self, other: &Self, range: core::ops::Range<usize>) {
        let start = self.entries.len();
        self.children[start..start + range.len()].copy_from_slice(&other.children[range.clone()]);
        self.entries.append(&other.entries, range);
    }
}

/// Reads one element of each cache line. Nothing waits for what is read.
fn fetch<T: Copy>(array: &[T]) {
    array.iter().step_by(LINE_BYTES / size_of::<T>()).for_each(|element| {
        core::hint::black_box(*element);
    });
}

fn insert<T: Copy>(array: &mut [T], len: usize, at: usize, value: T) {
    array.copy_within(at..len, at + 1);
    array[at] = value;
}
