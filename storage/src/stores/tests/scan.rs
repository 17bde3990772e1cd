//! Scans over several stores: what they need, and what they see of changes.

use core::ops::Bound;

use cosmictron_types::{IndexId, ShardId};

use super::cluster::{Cluster, key, read};
use crate::fixture::row;

const ITEM: &str = r#"{"name":"item","shard_by":"who","columns":[
    {"name":"who","type":"u64"},{"name":"n","type":"u64"}],
  "indexes":[{"name":"who","columns":["who","n"]},{"name":"n","columns":["n"]},
    {"name":"both","columns":["n","who"]}]}"#;

fn numbers(rows: &[Vec<u8>]) -> Vec<u64> {
    rows.iter().map(|row| u64::from_le_bytes(*row[8..].first_chunk().unwrap())).collect()
}

#[test]
fn a_range_within_one_value_of_the_placing_column_needs_its_shard_alone() {
    let mut cluster = Cluster::new(3, &[ITEM]);
    let who = cluster.number_on(1);
    let other = cluster.number_on(2);
    for n in 0..5u64 {
        cluster.insert("item", &[&who, &n]).unwrap();
        cluster.insert("item", &[&other, &n]).unwrap();
    }
    let shard = cluster.shards.shards().nth(1).unwrap();
    let mut stores = cluster.take(&[shard]);
    let at = cluster.table("item");
    let range = |stores: &crate::Stores, index, lower: Bound<&_>, upper: Bound<&_>| {
        let scan = stores.range(at, IndexId::new(index), lower, upper, true);
        scan.map(|mut scan| numbers(&read(stores, &mut scan, 99)))
    };
    let (one, two) = (key(at, 0, &[&who, &1u64]), key(at, 0, &[&who, &3u64]));
    assert_eq!(range(&stores, 0, Bound::Included(&one), Bound::Excluded(&two)), Ok(vec![2, 1]));
    let whole = key(at, 0, &[&who]);
    let all = range(&stores, 0, Bound::Included(&whole), Bound::Included(&whole));
    assert_eq!(all, Ok(vec![4, 3, 2, 1, 0]));
    let both = key(at, 2, &[&3u64, &who]);
    assert_eq!(range(&stores, 2, Bound::Included(&both), Bound::Included(&both)), Ok(vec![3]));
    // Everything else is on all shards, and both that are missing are named.
    let missing: Vec<ShardId> = cluster.shards.shards().filter(|other| *other != shard).collect();
    let n = key(at, 2, &[&3u64]);
    for (index, lower, upper) in [
        (0, Bound::Included(&one), Bound::Unbounded),
        (0, Bound::Unbounded, Bound::Included(&one)),
        (0, Bound::Included(&one), Bound::Included(&key(at, 0, &[&other, &3u64]))),
        (1, Bound::Unbounded, Bound::Unbounded),
        (2, Bound::Included(&n), Bound::Included(&n)),
    ] {
        assert_eq!(range(&stores, index, lower, upper).unwrap_err().shards(), missing);
    }
    assert_eq!(stores.scan(at).unwrap_err().shards(), missing);
    assert_eq!(stores.count(at).unwrap_err().shards(), missing);
    stores.rollback();
    cluster.give_back(stores);
}

#[test]
fn a_scan_keeps_its_place_while_rows_come_and_go() {
    let mut cluster = Cluster::new(3, &[ITEM]);
    let who = [0, 1, 2].map(|shard| cluster.number_on(shard));
    for n in [10, 20, 30, 40, 50, 60u64] {
        cluster.insert("item", &[&who[usize::try_from(n / 10 % 3).unwrap()], &n]).unwrap();
    }
    for descending in [false, true] {
        let shards: Vec<ShardId> = cluster.shards.shards().collect();
        let mut stores = cluster.take(&shards);
        let at = cluster.table("item");
        let mut scan = stores
            .range(at, IndexId::new(1), Bound::Unbounded, Bound::Unbounded, descending)
            .unwrap();
        let first = numbers(&read(&stores, &mut scan, 3));
        assert_eq!(first, if descending { [60, 50, 40] } else { [10, 20, 30] });
        // Behind the scan nothing is seen, before it everything.
        for (who, n) in [(who[0], 5u64), (who[1], 35), (who[2], 65), (who[2], 34)] {
            let mut row = row(&at.def().layout, &[&who, &n]);
            stores.insert(at, ShardId::FIRST, &mut row).unwrap();
        }
        for n in [20u64, 30, 40, 50] {
            assert_eq!(stores.delete(at, IndexId::new(1), &key(at, 1, &[&n])), Ok(1));
        }
        let rest = numbers(&read(&stores, &mut scan, 99));
        let expected: &[u64] = if descending { &[35, 34, 10, 5] } else { &[34, 35, 60, 65] };
        assert_eq!(rest, expected);
        assert_eq!(read(&stores, &mut scan, 99), Vec::<Vec<u8>>::new(), "an ended scan stays so");
        stores.rollback();
        cluster.give_back(stores);
    }
}
