//! Scans over an index: bounds, flags and blocks, compared with a filter over a list.

use std::cell::RefCell;

use cosmictron_types::RowWriter;
use proptest::prelude::*;

use crate::guest::{Deployed, TABLE, module_with};

/// `i(n, name)` inserts a row; `r(lower, upper, lower_length, upper_length, flags, room)` yields the
/// blocks of a scan of `by_n`, one after the other.
fn deployed() -> Deployed {
    let insert = r#"{"reducer":{"name":"i","params":[{"name":"n","type":"u64"},{"name":"name","type":"u64"}]}}"#;
    let scan = r#"{"reducer":{"name":"r","result":"bytes","params":[
        {"name":"lower","type":"u64"},{"name":"upper","type":"u64"},
        {"name":"lower_length","type":"u32"},{"name":"upper_length","type":"u32"},
        {"name":"flags","type":"u32"},{"name":"room","type":"u32"}]}}"#;
    let neighbour = r#"(func (export "cosm_reducer_i") (param $input i32) (param i32) (result i32)
        (i32.store (i32.const 64) (i32.const 28)) (i64.store (i32.const 68) (i64.const 0))
        (i64.store (i32.const 76) (i64.load offset=80 (local.get $input)))
        (i32.store (i32.const 84) (i32.const 8))
        (i64.store (i32.const 88) (i64.load offset=88 (local.get $input)))
        (call $insert (i32.const 0) (i32.const 64) (i32.const 32)))"#;
    let body = "(local $scan i32) (local $at i32) (local $got i32)
        (i32.store8 (i32.const 64) (i32.const 1)) (i32.store8 (i32.const 80) (i32.const 1))
        (i64.store (i32.const 65) (i64.load offset=80 (local.get $input)))
        (i64.store (i32.const 81) (i64.load offset=88 (local.get $input)))
        (local.set $scan (call $scan (i32.const 0) (i32.const 1)
            (i32.const 64) (i32.load offset=96 (local.get $input))
            (i32.const 80) (i32.load offset=100 (local.get $input))
            (i32.load offset=104 (local.get $input))))
        (local.set $at (i32.const 4104))
        (loop $blocks
            (local.set $got (i32.wrap_i64 (call $next (local.get $scan) (local.get $at)
                (i32.load offset=108 (local.get $input)))))
            (local.set $at (i32.add (local.get $at) (local.get $got)))
            (br_if $blocks (i32.gt_s (local.get $got) (i32.const 0))))
        (if (local.get $got) (then (unreachable)))
        (i32.store (i32.const 4096) (i32.sub (local.get $at) (i32.const 4100)))
        (i32.store (i32.const 4100) (i32.sub (local.get $at) (i32.const 4104)))
        (call $result (i32.const 4096) (i32.sub (local.get $at) (i32.const 4096)))
        (i32.const 0)";
    let mut deployed = Deployed::new(&module_with(&[TABLE, insert, scan], body, neighbour));
    for (number, n) in VALUES.iter().enumerate() {
        // Names without a zero byte, for the model's sake.
        let name = 0x0101_0101_0101_0101 + number as u64;
        let mut args = Vec::new();
        let mut writer = RowWriter::new(&mut args);
        writer.slot(n);
        writer.slot(&name);
        assert_eq!(deployed.call("i", &args).to_string(), "returned");
    }
    deployed
}

/// Values of `n`, in the order of their ids: 1, 2, …
const VALUES: [u64; 9] = [5, 3, 5, u64::MAX, 0, 256, 3, 255, 5];
const KEY_BYTES: u32 = 9;
const ROW_BYTES: u32 = 28;

/// What one scan is asked for.
#[derive(Clone, Debug)]
struct Asked {
    lower: Option<u64>,
    upper: Option<u64>,
    flags: u32,
    room: u32,
}

fn scanned(deployed: &mut Deployed, asked: &Asked) -> Vec<u64> {
    let mut args = Vec::new();
    let mut writer = RowWriter::new(&mut args);
    writer.slot(&asked.lower.unwrap_or(0));
    writer.slot(&asked.upper.unwrap_or(0));
    writer.slot(&asked.lower.map_or(0, |_| KEY_BYTES));
    writer.slot(&asked.upper.map_or(0, |_| KEY_BYTES));
    writer.slot(&asked.flags);
    writer.slot(&asked.room);
    let result = deployed.result("r", &args);
    let rows = result[8..].chunks_exact(4 + ROW_BYTES as usize);
    assert_eq!(rows.remainder(), b"");
    rows.map(|row| u64::from_le_bytes(row[12..20].try_into().unwrap())).collect()
}

fn expected(asked: &Asked) -> Vec<u64> {
    let is_above = |n: u64| match asked.lower {
        Some(lower) if asked.flags & 1 != 0 => lower < n,
        Some(lower) => lower <= n,
        None => true,
    };
    let is_below = |n: u64| match asked.upper {
        Some(upper) if asked.flags & 2 != 0 => n < upper,
        Some(upper) => n <= upper,
        None => true,
    };
    let mut found: Vec<u64> =
        VALUES.iter().copied().filter(|&n| is_above(n) && is_below(n)).collect();
    found.sort_unstable();
    if asked.flags & 4 != 0 {
        found.reverse();
    }
    found
}

fn bound() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(prop::sample::select(vec![0, 1, 3, 4, 5, 6, 255, 256, 257, u64::MAX]))
}

#[test]
fn a_scan_yields_what_lies_between_its_bounds() {
    let deployed = RefCell::new(deployed());
    let asked = (bound(), bound(), 0u32..8, 4 + ROW_BYTES..200)
        .prop_map(|(lower, upper, flags, room)| Asked { lower, upper, flags, room });
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    runner
        .run(&asked, |asked| {
            prop_assert_eq!(scanned(&mut deployed.borrow_mut(), &asked), expected(&asked));
            Ok(())
        })
        .unwrap();
    let all = Asked { lower: None, upper: None, flags: 0, room: 200 };
    assert_eq!(scanned(&mut deployed.borrow_mut(), &all).len(), VALUES.len());
}
