use super::*;
use crate::fixture::{T1, def, row};

const KEYED: &str = r#"{"name":"a","columns":[{"name":"id","type":"u8"},{"name":"body","type":"bytes"}],
    "indexes":[{"name":"id","columns":["id"],"primary":true}]}"#;

fn tx(tx: u64) -> TxId {
    TxId::new(tx)
}

/// A version of one row that lasted from `until - 1` to `until`.
fn version(row: &[u8], until: u64, is_deleted: bool, link: Link) -> Version<'_> {
    Version { created: tx(until - 1), until: tx(until), is_deleted, id: RowId(0), link, row }
}

#[test]
fn links_stay_good_when_their_numbers_begin_anew() {
    let def = def(KEYED);
    assert_eq!(def.id, T1);
    let mut history = History::new(tx(0));
    // The last pages before the numbers of links begin anew.
    history.ring = Ring::starting_at((1 << 19) - 3);
    let rows: Vec<Vec<u8>> =
        (0..6u8).map(|at| row(&def.layout, &[&1u8, &vec![at; 10_000]])).collect();
    let mut links = Vec::new();
    for until in 1..=60u64 {
        let old = &rows[usize::try_from(until % 6).unwrap()];
        links.push(history.append(&def, &version(old, until, true, Link::NONE)));
    }
    assert!(links.windows(2).any(|pair| pair[1].0 < pair[0].0));
    let mut key = crate::key::KeyBuilder::new(def.primary().unwrap());
    key.column(&[1]).unwrap();
    let key = key.finish();
    for forgotten in 0..8 {
        for until in 1..=60u64 {
            if tx(until - 1) < history.oldest() {
                continue;
            }
            let expected = &rows[usize::try_from(until % 6).unwrap()];
            let link = links[usize::try_from(until - 1).unwrap()];
            assert_eq!(history.ring.at(link).row, expected);
            let found = history.find_deleted(&def, &key, tx(until - 1));
            assert_eq!(found.row, Some(expected.as_slice()), "{until} {forgotten}");
        }
        history.forget_front(&def);
    }
}

#[test]
fn a_full_ring_forgets_its_oldest_block() {
    let mut ring = Ring::<3>::new();
    let big = vec![7; 40_000];
    for until in 1..=3 {
        assert!(!ring.is_full(big.len()));
        ring.append(&version(&big, until, false, Link::NONE));
    }
    assert!(ring.is_full(big.len()) && !ring.is_full(8));
    ring.drop_front();
    assert!(!ring.is_full(big.len()));
    ring.append(&version(&big, 4, false, Link::NONE));
    assert_eq!(
        ring.since(tx(0)).map(|version| version.until).collect::<Vec<_>>(),
        [tx(2), tx(3), tx(4)]
    );
    assert_eq!(ring.since(tx(3)).map(|version| version.until).collect::<Vec<_>>(), [tx(4)]);
    assert_eq!((ring.versions(), ring.front_until()), (3, Some(tx(2))));
}

#[test]
fn a_block_takes_memory_as_it_fills() {
    let mut ring = Ring::<8>::new();
    assert_eq!(ring.bytes(), 0);
    ring.append(&version(&[1; 100], 1, false, Link::NONE));
    assert!(ring.bytes() < 1000, "{}", ring.bytes());
    for until in 2..2000 {
        ring.append(&version(&[1; 100], until, false, Link::NONE));
        assert!(ring.bytes() <= 2 * 128 * until + 2 * 65_536);
    }
    let before = ring.bytes();
    ring.seal(tx(0));
    assert_eq!(ring.bytes(), before, "nothing in it is as old");
    ring.seal(tx(1990));
    assert!(ring.bytes() < before);
    let versions = ring.versions();
    ring.append(&version(&[1; 100], 2000, false, Link::NONE));
    assert_eq!(ring.versions(), versions + 1);
    while ring.front_until().is_some() {
        ring.drop_front();
    }
    assert_eq!((ring.bytes(), ring.versions()), (0, 0));
}
