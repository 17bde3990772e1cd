use std::collections::BTreeMap;

use cosmictron_types::TxId;
use proptest::prelude::*;

use super::*;

const TX: Stamp = Stamp::Committed(TxId::new(7));

#[derive(Clone, Copy, Debug)]
enum Op {
    Insert(usize),
    Replace(usize, usize),
    Kill(usize),
    Revive(usize),
    Remove(usize),
    Settle(usize),
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..300usize, 1 => 300..9000usize, 1 => 60_000..70_000usize]
}

fn op() -> impl Strategy<Value = Op> {
    let pick = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 16));
    prop_oneof![
        4 => length().prop_map(Op::Insert),
        2 => (pick.clone(), length()).prop_map(|(pick, length)| Op::Replace(pick, length)),
        1 => pick.clone().prop_map(Op::Kill),
        1 => pick.clone().prop_map(Op::Revive),
        2 => pick.clone().prop_map(Op::Remove),
        1 => pick.prop_map(Op::Settle),
    ]
}

/// A row that differs from others of its length.
fn row(length: usize, salt: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 31 + salt) % 251).unwrap()).collect()
}

/// What the heap should hold: bytes, and whether the row is live.
type Model = BTreeMap<RowId, (Vec<u8>, bool)>;

fn nth(model: &Model, pick: usize) -> Option<RowId> {
    model.keys().nth(pick % model.len().max(1)).copied()
}

fn step(heap: &mut Heap, model: &mut Model, salt: usize, op: Op) {
    match op {
        Op::Insert(length) => {
            let row = row(length, salt);
            let id = heap.insert(&row, TX).unwrap();
            assert_eq!(model.insert(id, (row, true)), None, "a number is given to one row");
        }
        Op::Replace(pick, length) => {
            let Some(id) = nth(model, pick) else { return };
            let row = row(length, salt);
            heap.replace(id, &row).unwrap();
            model.get_mut(&id).unwrap().0 = row;
        }
        Op::Kill(pick) => {
            let Some(id) = nth(model, pick).filter(|id| model[id].1) else { return };
            heap.kill(id);
            model.get_mut(&id).unwrap().1 = false;
        }
        Op::Revive(pick) => {
            let Some(id) = nth(model, pick).filter(|id| !model[id].1) else { return };
            heap.revive(id);
            model.get_mut(&id).unwrap().1 = true;
        }
        Op::Remove(pick) => {
            let Some(id) = nth(model, pick) else { return };
            heap.remove(id);
            model.remove(&id);
        }
        Op::Settle(pick) => {
            let Some(id) = nth(model, pick).filter(|id| heap.is_moved(*id)) else { return };
            let settled = heap.settle(id);
            assert!(!heap.is_moved(settled));
            let row = model.remove(&id).unwrap();
            assert_eq!(model.insert(settled, row), None);
        }
    }
}

fn check(heap: &Heap, model: &Model) {
    let live: Vec<RowId> = model.iter().filter(|(_, row)| row.1).map(|(id, _)| *id).collect();
    assert_eq!(heap.rows().collect::<Vec<_>>(), live);
    assert_eq!(heap.len(), live.len());
    for (id, (bytes, _)) in model {
        assert_eq!(heap.row(*id), bytes);
        assert_eq!(heap.stamp(*id), TX);
    }
}

proptest! {
    #[test]
    fn rows_keep_their_numbers_and_bytes(ops in prop::collection::vec(op(), 1..200)) {
        let (mut heap, mut model) = (Heap::new(), Model::new());
        for (salt, op) in ops.into_iter().enumerate() {
            step(&mut heap, &mut model, salt, op);
        }
        check(&heap, &model);
        for id in model.keys() {
            heap.remove(*id);
        }
        prop_assert_eq!(heap.len(), 0);
        prop_assert_eq!(heap.slab.bytes(), 0, "empty pages give their memory back");
    }
}

#[test]
fn memory_stays_below_what_was_announced() {
    let mut heap = Heap::new();
    for length in (0..3000).map(|at| at * 37 % 10_000) {
        let (before, growth_max) = (heap.bytes(), Heap::growth_max(length));
        heap.insert(&row(length, 0), TX).unwrap();
        assert!(heap.bytes() <= before + growth_max, "{length}");
    }
}

#[test]
fn a_stamp_is_of_a_transaction_or_of_a_write() {
    let mut heap = Heap::new();
    let id = heap.insert(b"row", Stamp::Open(u32::MAX)).unwrap();
    assert_eq!(heap.stamp(id), Stamp::Open(u32::MAX));
    heap.kill(id);
    heap.set_stamp(id, TX);
    assert_eq!((heap.stamp(id), heap.row(id), heap.len()), (TX, b"row".as_slice(), 0));
}

#[test]
#[should_panic(expected = "row 0 does not exist")]
fn a_number_without_a_row_is_a_bug() {
    let mut heap = Heap::new();
    let id = heap.insert(b"row", TX).unwrap();
    heap.insert(b"row", TX).unwrap();
    heap.remove(id);
    heap.row(id);
}

#[test]
fn a_row_that_shrinks_gives_its_place_back_when_it_settles() {
    let mut heap = Heap::new();
    let ids: Vec<RowId> =
        (0..1000).map(|salt| heap.insert(&row(4000, salt), TX).unwrap()).collect();
    let full = heap.bytes();
    ids.iter().for_each(|id| heap.replace(*id, b"short").unwrap());
    ids.iter().for_each(|id| assert_eq!(heap.row(*id), b"short"));
    assert_eq!(heap.rows().collect::<Vec<_>>(), ids, "the numbers are good until they settle");
    let ids: Vec<RowId> = ids.into_iter().map(|id| heap.settle(id)).collect();
    assert!(heap.bytes() < full / 20, "{} of {full}", heap.bytes());
    ids.iter().for_each(|id| assert_eq!(heap.row(*id), b"short"));
}

#[test]
fn a_row_that_returns_to_its_length_returns_to_its_place() {
    let mut heap = Heap::new();
    let id = heap.insert(b"row", TX).unwrap();
    let bytes = heap.bytes();
    heap.replace(id, &row(500, 0)).unwrap();
    heap.replace(id, &row(50_000, 0)).unwrap();
    heap.kill(id);
    heap.replace(id, b"was").unwrap();
    assert!(!heap.is_moved(id));
    assert_eq!((heap.row(id), heap.stamp(id), heap.len()), (b"was".as_slice(), TX, 0));
    heap.revive(id);
    assert_eq!((heap.rows().collect::<Vec<_>>(), heap.bytes()), (vec![id], bytes));
}
