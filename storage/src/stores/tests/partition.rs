//! Keys as they come in practice are spread evenly over partitions and over shards.

use cosmictron_types::id::PARTITIONS;
use cosmictron_types::{ColumnIndex, Partition, RowLayout, ShardCount, Type, Uuid};

use crate::definition::IndexDef;
use crate::fixture::{Value, row};

const KEYS: u64 = 64 * PARTITIONS as u64;

/// The partitions of `KEYS` values of one type.
fn partitions<T: Value>(ty: Type, value: impl Fn(u64) -> T) -> Vec<Partition> {
    let layout = RowLayout::new([ty]);
    let index = IndexDef::of_column(ColumnIndex::new(0), &layout);
    let key = |at| index.key_of(&layout, &row(&layout, &[&value(at)]));
    (0..KEYS).map(|at| Partition::of_key(key(at).as_bytes())).collect()
}

#[track_caller]
fn check(family: &str, partitions: &[Partition]) {
    let mut counts = vec![0u32; PARTITIONS.into()];
    partitions.iter().for_each(|partition| counts[usize::from(partition.get())] += 1);
    let expected = f64::from(u32::try_from(partitions.len()).unwrap()) / f64::from(PARTITIONS);
    let squares = counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected);
    let chi_square: f64 = squares.sum();
    // 1023 degrees of freedom: 1023 on the average, and one in ten million beyond 1023 + 5.3 * sqrt(2 * 1023).
    assert!(chi_square < 1263.0, "{family}: {chi_square}");
    for shards in [2, 3, 4, 7, 16] {
        let count = ShardCount::new(shards).unwrap();
        let mut rows = vec![0u32; shards.into()];
        partitions.iter().for_each(|&partition| rows[count.owner_of(partition).index()] += 1);
        let even = f64::from(u32::try_from(partitions.len()).unwrap()) / f64::from(shards);
        assert!(
            rows.iter().all(|&rows| (f64::from(rows) / even - 1.0).abs() < 0.06),
            "{family}: {rows:?}"
        );
    }
}

#[test]
fn numbers_that_follow_one_another_are_spread_evenly() {
    check("u64", &partitions(Type::U64, |at| at));
    check("u64 from a million", &partitions(Type::U64, |at| at + 1_000_000));
    check("u32", &partitions(Type::U32, |at| u32::try_from(at).unwrap()));
    check("i64", &partitions(Type::I64, |at| i64::try_from(at).unwrap() - 32_000));
    check("i128", &partitions(Type::I128, |at| i128::from(at) - 32_000));
    check("f64", &partitions(Type::F64, |at| f64::from(u32::try_from(at).unwrap())));
}

#[test]
fn numbers_in_steps_are_spread_evenly() {
    for step in [2, 10, 1000, 1024, 4096, 1 << 32, 1 << 48] {
        check(&format!("u64 by {step}"), &partitions(Type::U64, |at| at.wrapping_mul(step)));
    }
}

#[test]
fn texts_and_uuids_are_spread_evenly() {
    check("short names", &partitions(Type::String, |at| format!("u{at}")));
    check(
        "long names",
        &partitions(Type::String, |at| format!("a-customer-of-ours/{at:08}@example.org")),
    );
    let uuid = |at: u64| Uuid::from_u128(u128::from(at) << 64 | 0x8000_0000_0000_0000);
    check("uuids in order of time", &partitions(Type::Uuid, uuid));
}

#[test]
fn equal_keys_have_one_partition() {
    let of = |value: f64| {
        let layout = RowLayout::new([Type::F64]);
        let index = IndexDef::of_column(ColumnIndex::new(0), &layout);
        Partition::of_key(index.key_of(&layout, &row(&layout, &[&value])).as_bytes())
    };
    assert_eq!(of(-0.0), of(0.0));
    assert_eq!(of(f64::NAN), of(-f64::NAN));
    assert_ne!(of(1.0), of(-1.0));
}
