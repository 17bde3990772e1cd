//! The lives of instances: reused while healthy, replaced when not.

use cosmictron_wasm_host::{CallOutcome, Limits};

use crate::guest::{Deployed, host, module_with, row1};

/// Counts its calls in a global, and does what its argument says.
fn counting() -> String {
    let reducer =
        r#"{"reducer":{"name":"r","params":[{"name":"what","type":"u32"}],"result":"u32"}}"#;
    let body = "
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (if (i32.eq (i32.load offset=80 (local.get $input)) (i32.const 1)) (then (unreachable)))
        (if (i32.eq (i32.load offset=80 (local.get $input)) (i32.const 2))
            (then (drop (memory.grow (i32.const 300)))))
        (if (i32.eq (i32.load offset=80 (local.get $input)) (i32.const 3))
            (then (call $fail (i32.const 0) (i32.const 1)) (return (i32.const 1))))
        (i32.store (i32.const 256) (global.get $calls))
        (call $result (i32.const 256) (i32.const 4)) (i32.const 0)";
    module_with(&[reducer], body, "(global $calls (mut i32) (i32.const 0))")
}

const COUNT: u32 = 0;
const TRAP: u32 = 1;
const GROW: u32 = 2;
const FAIL: u32 = 3;

#[test]
fn an_instance_is_kept_until_it_traps_or_grows_too_large() {
    let mut deployed = Deployed::new(&counting());
    let mut calls = |what: u32| match deployed.call("r", &row1(&what)) {
        CallOutcome::Returned { result } => Some(result.unwrap()),
        _ => None,
    };
    assert_eq!(calls(COUNT), Some(row1(&1u32)));
    assert_eq!(calls(FAIL), None);
    assert_eq!(calls(COUNT), Some(row1(&3u32)), "a failure does not end an instance");
    assert_eq!(calls(TRAP), None);
    assert_eq!(calls(COUNT), Some(row1(&1u32)), "a trap does");
    assert_eq!(calls(GROW), Some(row1(&2u32)));
    assert_eq!(calls(COUNT), Some(row1(&1u32)), "so does memory above the limit for keeping");
}

#[test]
fn an_instance_serves_so_many_calls_and_no_more() {
    let every_other = host(Limits { calls_per_instance: 2, ..Limits::default() });
    let mut deployed = Deployed::on(&every_other, &counting());
    let results = (0..5).map(|_| deployed.result("r", &row1(&COUNT)));
    assert_eq!(results.collect::<Vec<_>>(), [1u32, 2, 1, 2, 1].map(|count| row1(&count)));
}

#[test]
fn a_spare_is_ready_after_replenishing() {
    let mut deployed = Deployed::new(&counting());
    assert!(deployed.instances.is_depleted());
    deployed.instances.replenish().unwrap();
    assert!(!deployed.instances.is_depleted());
    assert_eq!(deployed.instances.made(), 1);
    deployed.call("r", &row1(&TRAP));
    assert!(deployed.instances.is_depleted());
    deployed.instances.replenish().unwrap();
    assert_eq!(deployed.instances.made(), 2);
    deployed.result("r", &row1(&COUNT));
    assert_eq!(deployed.instances.made(), 2, "the call took the spare");
}

#[test]
fn memory_of_one_instance_is_not_seen_in_the_next() {
    let reducer = r#"{"reducer":{"name":"r","result":"u64"}}"#;
    let body = "
        (memory.copy (i32.const 256) (i32.const 60000) (i32.const 8))
        (i64.store (i32.const 60000) (i64.const 0x5ec2e7))
        (drop (memory.grow (i32.const 300)))
        (call $result (i32.const 256) (i32.const 8)) (i32.const 0)";
    let mut deployed = Deployed::new(&module_with(&[reducer], body, ""));
    for _ in 0..8 {
        assert_eq!(deployed.result("r", &[]), row1(&0u64));
        deployed.instances.replenish().unwrap();
    }
    assert!(deployed.instances.made() >= 8);
}

#[test]
fn the_context_crosses_as_the_abi_says() {
    let reducer = r#"{"reducer":{"name":"r","result":"bytes"}}"#;
    // A row of one column of bytes: where they end, then a count, then the bytes.
    let body = "
        (i32.store (i32.const 248) (i32.const 84)) (i32.store (i32.const 252) (i32.const 80))
        (memory.copy (i32.const 256) (local.get $input) (i32.const 80))
        (call $result (i32.const 248) (i32.const 88)) (i32.const 0)";
    let mut deployed = Deployed::new(&module_with(&[reducer], body, ""));
    let mut expected = Vec::new();
    expected.extend_from_slice(&7u64.to_le_bytes());
    expected.extend_from_slice(&1_700_000_000_000_000i64.to_le_bytes());
    expected.extend_from_slice(&[0xaa; 32]);
    expected.extend_from_slice(&[0xbb; 16]);
    expected.extend_from_slice(&[0xcc; 16]);
    assert_eq!(deployed.result("r", &[]), row1(&expected));
}

#[test]
fn modules_do_not_share_their_instances() {
    let mut one = Deployed::new(&counting());
    let mut other = Deployed::new(&counting());
    assert_eq!(one.result("r", &row1(&COUNT)), row1(&1u32));
    assert_eq!(other.result("r", &row1(&COUNT)), row1(&1u32));
    one.call("r", &row1(&TRAP));
    assert_eq!(other.result("r", &row1(&COUNT)), row1(&2u32));
}
