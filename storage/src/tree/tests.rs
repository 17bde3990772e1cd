use core::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Keys of rows, as a table would have them.
type Rows = BTreeMap<RowId, Vec<u8>>;
type Model = BTreeSet<(Vec<u8>, RowId)>;

/// Compares as the contract of `keys` says; panics when asked about a row that is not there.
fn compare(rows: &Rows) -> impl Fn(RowId, &[u8]) -> Ordering {
    |row, probe| {
        let key = &rows[&row];
        key[..key.len().min(probe.len())].cmp(probe)
    }
}

#[derive(Clone, Debug)]
enum Op {
    Insert(Vec<u8>),
    Remove(prop::sample::Index),
}

/// Keys end in a 0 that occurs nowhere else, so that none is the beginning of another.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let short = prop::collection::vec(1..4u8, 0..4);
    let long = prop::collection::vec(1..3u8, 7..12);
    prop_oneof![short, long].prop_map(|mut key| {
        key.push(0);
        key
    })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => key().prop_map(Op::Insert),
        4 => any::<prop::sample::Index>().prop_map(Op::Remove),
    ]
}

struct Fixture<const N: usize> {
    tree: Tree<N>,
    rows: Rows,
    model: Model,
    next: u32,
}

impl<const N: usize> Fixture<N> {
    fn new() -> Self {
        Self { tree: Tree::new(), rows: Rows::new(), model: Model::new(), next: 0 }
    }

    fn insert(&mut self, key: &[u8]) {
        // Row numbers that neither ascend nor descend.
        let row = RowId((self.next.wrapping_mul(2_654_435_761) % (1 << 20)) << 10 | self.next);
        self.next += 1;
        self.rows.insert(row, key.to_vec());
        self.tree.insert(key, row, &compare(&self.rows));
        self.model.insert((key.to_vec(), row));
    }

    fn remove(&mut self, at: usize) {
        let (key, row) = self.model.iter().nth(at).unwrap().clone();
        self.tree.remove(&key, row, &compare(&self.rows));
        self.model.remove(&(key, row));
        self.rows.remove(&row);
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Insert(key) => self.insert(key),
            Op::Remove(pick) if !self.model.is_empty() => self.remove(pick.index(self.model.len())),
            Op::Remove(_) => {}
        }
    }

    fn check(&self) {
        let expected: Vec<RowId> = self.model.iter().map(|(_, row)| *row).collect();
        let all = self.tree.span(self.tree.start(), self.tree.end());
        assert_eq!(all.clone().collect::<Vec<_>>(), expected);
        let backward: Vec<RowId> = all.rev().collect();
        assert_eq!(backward, expected.into_iter().rev().collect::<Vec<_>>());
        assert_eq!(self.tree.len(), self.model.len());
        if self.tree.root != NONE {
            self.check_below(self.tree.root, self.tree.height);
        }
    }

    /// Invariants 2 and 3.
    fn check_below(&self, node: u32, level: u32) {
        assert!(self.tree.entries(node, level).len() > 0);
        if level == 0 {
            return;
        }
        let inner = self.tree.inners.at(node);
        for at in 0..inner.entries.len() {
            assert_eq!(inner.entries.at(at), self.tree.first(inner.children[at], level - 1));
            self.check_below(inner.children[at], level - 1);
        }
    }

    /// Entries between two cuts, as the tree and as the model have them.
    fn check_cut(&self, probe: &[u8], side: Side) {
        let place = self.tree.cut(&Probe::new(probe), side, &compare(&self.rows));
        let behind: Vec<RowId> = self.tree.span(place, self.tree.end()).collect();
        let is_behind = |key: &[u8]| match side {
            Side::Before => key >= probe,
            Side::After => key > probe && !key.starts_with(probe),
        };
        let expected = self.model.iter().filter(|(key, _)| is_behind(key)).map(|(_, row)| *row);
        assert_eq!(behind, expected.collect::<Vec<_>>(), "{probe:?} {side:?}");
    }
}

proptest! {
    #[test]
    fn a_tree_is_an_ordered_set(ops in prop::collection::vec(op(), 1..600), probe in key()) {
        let mut fixture = Fixture::<8>::new();
        for op in &ops {
            fixture.apply(op);
        }
        fixture.check();
        for length in 0..=probe.len() {
            fixture.check_cut(&probe[..length], Side::Before);
            fixture.check_cut(&probe[..length], Side::After);
        }
        for (key, row) in &fixture.model {
            let keys = compare(&fixture.rows);
            let first = fixture.model.iter().find(|(other, _)| other == key).map(|(_, row)| *row);
            prop_assert_eq!(fixture.tree.find(&Probe::new(key), &keys), first);
            let place = fixture.tree.cut(&Probe::entry_of(key, *row), Side::Before, &keys);
            prop_assert_eq!(fixture.tree.entry(place).map(|entry| entry.row), Some(*row));
        }
    }

    #[test]
    fn a_tree_that_is_emptied_in_any_order_ends_empty(
        keys in prop::collection::vec(key(), 1..200),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 200),
    ) {
        let mut fixture = Fixture::<16>::new();
        keys.iter().for_each(|key| fixture.insert(key));
        for pick in picks.iter().take(keys.len()) {
            fixture.remove(pick.index(fixture.model.len()));
            fixture.check();
        }
        prop_assert_eq!(fixture.tree.bytes(), 0);
    }
}

fn number(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

#[test]
fn ascending_keys_leave_full_nodes() {
    let mut fixture = Fixture::<64>::new();
    (0..64 * 64).for_each(|at| fixture.insert(&number(at)));
    fixture.check();
    let leaves = fixture.tree.leaves.bytes() / size_of::<Leaf<64>>() as u64;
    assert_eq!(leaves, 64);
}

#[test]
fn a_queue_does_not_leave_nodes_behind() {
    let mut fixture = Fixture::<8>::new();
    for at in 0..5000 {
        fixture.insert(&number(at));
        if at >= 100 {
            fixture.remove(0);
        }
    }
    fixture.check();
    assert!(fixture.tree.bytes() < 128 * 1024, "{}", fixture.tree.bytes());
}

#[test]
fn nodes_that_are_not_needed_give_their_memory_back() {
    let mut fixture = Fixture::<8>::new();
    (0..10_000).for_each(|at| fixture.insert(&number(at)));
    let full = fixture.tree.bytes();
    (0..9_900).for_each(|_| fixture.remove(50));
    fixture.check();
    assert!(fixture.tree.bytes() < full / 4, "{} of {full}", fixture.tree.bytes());
    (0..10_000).for_each(|at| fixture.insert(&number(at * 7)));
    fixture.check();
}

#[test]
#[should_panic(expected = "is not in its index")]
fn taking_out_what_is_not_there_is_a_bug() {
    let mut fixture = Fixture::<8>::new();
    fixture.insert(&number(1));
    fixture.tree.remove(&number(2), RowId(5), &compare(&fixture.rows));
}
