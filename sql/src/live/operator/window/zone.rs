//! A stretch of an order: tuples by their rank, each so often.

use core::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::OccupiedEntry;
use std::sync::Arc;

use super::super::super::tuple::Tuple;
use crate::execute::sort::compare_keys;
use crate::logical::SortKey;
use crate::value::Datum;

/// A tuple by its place in the order.
#[derive(Clone, Debug)]
pub(super) struct Rank {
    pub(super) by: Arc<[SortKey]>,
    pub(super) keys: Box<[Datum<'static>]>,
    pub(super) tuple: Tuple,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Zone {
    ranked: BTreeMap<Rank, u64>,
    /// How many tuples there are.
    pub(super) count: u64,
    /// How many there are to be.
    pub(super) wanted: u64,
    /// Memory.
    pub(super) bytes: usize,
}

impl Zone {
    pub(super) fn new(wanted: u64) -> Self {
        Self { ranked: BTreeMap::new(), count: 0, wanted, bytes: 0 }
    }

    pub(super) fn is_full(&self) -> bool {
        self.count >= self.wanted
    }

    /// The last one's rank.
    pub(super) fn last(&self) -> Option<&Rank> {
        self.ranked.last_key_value().map(|(rank, _)| rank)
    }

    /// All tuples, and how often each is there.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Rank, u64)> {
        self.ranked.iter().map(|(rank, times)| (rank, *times))
    }

    pub(super) fn add(&mut self, rank: Rank, times: u64) {
        self.count += times;
        let bytes = rank.bytes();
        let there = self.ranked.entry(rank).or_insert(0);
        if *there == 0 {
            self.bytes += bytes;
        }
        *there += times;
    }

    /// Takes a tuple away so many times, or as often as it is there; how often that was.
    pub(super) fn remove(&mut self, rank: &Rank, times: u64) -> u64 {
        let Some(there) = self.ranked.get_mut(rank) else { return 0 };
        let taken = times.min(*there);
        self.count -= taken;
        *there -= taken;
        if *there == 0 {
            self.ranked.remove(rank);
            self.bytes -= rank.bytes();
        }
        taken
    }

    /// Takes the first tuple out, up to so many times.
    pub(super) fn take_first(&mut self, times: u64) -> Option<(Rank, u64)> {
        let Self { ranked, count, bytes, .. } = self;
        ranked.first_entry().map(|entry| take(entry, times, count, bytes))
    }

    /// Takes the last tuple out, up to so many times.
    pub(super) fn take_last(&mut self, times: u64) -> Option<(Rank, u64)> {
        let Self { ranked, count, bytes, .. } = self;
        ranked.last_entry().map(|entry| take(entry, times, count, bytes))
    }
}

fn take(
    mut entry: OccupiedEntry<'_, Rank, u64>,
    times: u64,
    count: &mut u64,
    bytes: &mut usize,
) -> (Rank, u64) {
    let taken = times.min(*entry.get());
    *count -= taken;
    if taken < *entry.get() {
        *entry.get_mut() -= taken;
        return (entry.key().clone(), taken);
    }
    let (rank, _) = entry.remove_entry();
    *bytes -= rank.bytes();
    (rank, taken)
}

impl Rank {
    /// What an entry of a map takes, in nodes that are half full.
    const ENTRY_BYTES: usize = 2 * size_of::<(Rank, u64)>();

    pub(super) fn bytes(&self) -> usize {
        let keys = self.keys.iter().map(|key| size_of::<Datum<'_>>() + key.heap_bytes());
        Self::ENTRY_BYTES + keys.sum::<usize>() + self.tuple.bytes()
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Rank {}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_keys(&self.by, &self.keys, &other.keys).then_with(|| self.tuple.cmp(&other.tuple))
    }
}
