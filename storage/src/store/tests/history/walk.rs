//! Walks that go on a few steps at a time between random transactions, against copies of the tables.

use proptest::prelude::*;

use super::*;
use crate::definition::index_at;
use crate::snapshot::walk::{Course, Walk, WalkLost};

/// Where a walk begins: at so many transactions ago, which way, between which tags.
#[derive(Clone, Debug)]
struct Begin {
    is_keyless: bool,
    age: u64,
    by_tag: Option<(u8, u8, bool)>,
}

#[derive(Clone, Debug)]
enum Move {
    Store(Step),
    Begin(Begin),
    /// Goes on with one of the walks.
    Go {
        walk: usize,
        steps: usize,
    },
    /// Ends one before its time.
    Drop {
        walk: usize,
    },
}

fn begin() -> impl Strategy<Value = Begin> {
    let by_tag = prop::option::of((0..TAGS, 0..TAGS, any::<bool>()));
    let age = prop_oneof![2 => Just(0u64), 1 => 0..12u64];
    (any::<bool>(), age, by_tag).prop_map(|(is_keyless, age, by_tag)| Begin {
        is_keyless,
        age,
        by_tag,
    })
}

fn step_of_walks() -> impl Strategy<Value = Move> {
    prop_oneof![
        8 => step().prop_map(Move::Store),
        2 => begin().prop_map(Move::Begin),
        8 => (0..4usize, 1..8usize).prop_map(|(walk, steps)| Move::Go { walk, steps }),
        1 => (0..4usize).prop_map(|walk| Move::Drop { walk }),
    ]
}

struct Walking {
    walk: Walk,
    begin: Begin,
    tx: u64,
    expected: Vec<Vec<u8>>,
    found: Vec<Vec<u8>>,
}

impl Begin {
    fn table(&self) -> TableId {
        if self.is_keyless { T2 } else { T1 }
    }

    /// The index over tags; its rows, and the keys of their entries.
    fn index(&self) -> cosmictron_types::IndexId {
        if self.is_keyless { PRIMARY } else { index_at(1) }
    }

    fn walk(&self, history: &mut History) -> Option<Walking> {
        let tx = history.tx.saturating_sub(self.age);
        let (_, content) = history.past.range(..=tx).next_back()?;
        let rows = content[usize::from(self.is_keyless)].clone();
        let def = history.store.table(self.table()).unwrap().def().clone();
        let (course, expected) = match self.by_tag {
            _ if def.indexes.len() <= usize::from(self.index().get()) => return None,
            None => (Course::Whole, rows),
            Some((low, high, descending)) => {
                let key = |tag: u8| key(&history.store, self.table(), self.index().get(), &[&tag]);
                let (lower, upper) = (Bound::Included(key(low)), Bound::Excluded(key(high)));
                let is_it = |row: &Vec<u8>| {
                    let key = def.key_of(self.index(), row);
                    is_between(&key, lower.as_ref(), upper.as_ref())
                };
                let rows = rows.into_iter().filter(is_it).collect();
                (Course::Range { index: self.index(), lower, upper, descending }, rows)
            }
        };
        let walk = history.store.walk(self.table(), TxId::new(tx), course).unwrap().ok()?;
        Some(Walking { walk, begin: self.clone(), tx, expected, found: Vec::new() })
    }
}

impl Walking {
    /// Whether there may be more.
    fn go(&mut self, store: &Store, steps: usize) -> Result<bool, WalkLost> {
        let mut pieces = self.walk.resume(store)?;
        for _ in 0..steps {
            match pieces.next() {
                Some(row) => self.found.extend(row.map(<[u8]>::to_vec)),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn check(mut self, store: &Store) {
        assert!(!self.go(store, 1).unwrap(), "what is over stays over");
        assert_eq!(self.walk.held_bytes(), 0);
        if let Some((_, _, descending)) = self.begin.by_tag {
            let def = self.walk.def();
            let keys: Vec<Key> =
                self.found.iter().map(|row| def.key_of(self.begin.index(), row)).collect();
            let is_sorted = |pair: &[Key]| {
                if descending { pair[1] <= pair[0] } else { pair[0] <= pair[1] }
            };
            assert!(keys.windows(2).all(is_sorted), "{:?}", self.begin);
        }
        self.found.sort();
        let is_right = self.found == self.expected;
        let brief = |rows: &[Vec<u8>]| -> Vec<String> {
            rows.iter()
                .map(|row| format!("{:?}… {}", &row[..row.len().min(20)], row.len()))
                .collect()
        };
        let (found, expected) = (brief(&self.found), brief(&self.expected));
        assert!(is_right, "{:?} as of {}: {found:#?} {expected:#?}", self.begin, self.tx);
    }
}

/// Ends a walk that has met all, or that has lost its table.
fn advance(walks: &mut Vec<Walking>, at: usize, steps: usize, history: &History) {
    match walks[at].go(&history.store, steps) {
        Ok(true) => {}
        Ok(false) => walks.remove(at).check(&history.store),
        Err(WalkLost::Altered) => {
            let walking = walks.remove(at);
            let now = history.store.table(walking.begin.table()).unwrap().def();
            assert!(!Arc::ptr_eq(now, walking.walk.def()));
        }
        Err(WalkLost::Forgotten(forgotten)) => panic!("{forgotten}: it was pinned"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_walk_meets_every_row_of_its_past_once(
        moves in prop::collection::vec(step_of_walks(), 1..120),
        history_bytes_max in prop_oneof![Just(0u64), Just(200_000), Just(1 << 30)],
    ) {
        let limits = StoreLimits { history_bytes_max, ..StoreLimits::default() };
        let mut history = History::new(limits);
        let mut walks: Vec<Walking> = Vec::new();
        for step in &moves {
            match step {
                Move::Store(step) => history.step(step),
                Move::Begin(begin) => walks.extend(begin.walk(&mut history)),
                Move::Go { walk, steps } if *walk < walks.len() => {
                    advance(&mut walks, *walk, *steps, &history);
                }
                Move::Drop { walk } if *walk < walks.len() => drop(walks.remove(*walk)),
                Move::Go { .. } | Move::Drop { .. } => {}
            }
        }
        while !walks.is_empty() {
            advance(&mut walks, 0, usize::MAX, &history);
        }
        // With the last walk what it held goes, at the latest with the next commit.
        history.step(&Step::Commit(Vec::new()));
        prop_assert!(history.store.history_bytes() <= history_bytes_max);
        let counted: u64 = history.store.tables().map(|table| table.history().bytes).sum();
        prop_assert!(counted <= history.store.history_bytes());
        history.check();
    }
}

#[test]
fn a_walk_over_a_table_without_history_keeps_what_it_needs_and_no_longer() {
    let limits = StoreLimits { history_bytes_max: 0, ..StoreLimits::default() };
    let mut history = History::new(limits);
    let put = |tag| Step::Commit((0..KEYS).map(|key| Op::Put { key, tag, length: 20 }).collect());
    history.step(&put(1));
    let whole = Begin { is_keyless: false, age: 0, by_tag: None };
    let mut walking = whole.walk(&mut history).unwrap();
    assert_eq!(walking.go(&history.store, 4), Ok(true));
    for tag in 0..TAGS {
        history.step(&put(tag));
    }
    assert!(history.store.history_bytes() > 0);
    assert_eq!(walking.go(&history.store, usize::MAX), Ok(false));
    walking.check(&history.store);
    history.step(&put(0));
    assert_eq!(history.store.history_bytes(), 0);
}
