//! Numbers that several shards give out.

use std::collections::BTreeSet;

use cosmictron_types::{ColumnIndex, ShardId};

use super::cluster::Cluster;
use crate::fixture::row;
use crate::store::write::WriteError;
use crate::stores::elsewhere::StoresError;

/// By the number itself.
const OWN: &str = r#"{"name":"own","shard_by":"id","columns":[{"name":"id","type":"i32","auto_inc":true}],
    "indexes":[{"name":"id","columns":["id"],"primary":true}]}"#;
/// By another column.
const OTHER: &str = r#"{"name":"other","shard_by":"who","columns":[
    {"name":"id","type":"u64","auto_inc":true},{"name":"who","type":"u64"}],
    "indexes":[{"name":"id","columns":["id"],"primary":true}]}"#;
/// At home.
const HOME: &str = r#"{"name":"home","columns":[{"name":"id","type":"u64","auto_inc":true}],
    "indexes":[{"name":"id","columns":["id"],"primary":true}]}"#;

fn number(row: &[u8], width: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes[..width].copy_from_slice(&row[..width]);
    u64::from_le_bytes(bytes)
}

/// Inserts on one shard with no other at hand.
fn insert_on(
    cluster: &mut Cluster,
    shard: ShardId,
    table: &str,
    values: &[&dyn crate::fixture::Value],
) -> Result<Vec<u8>, StoresError> {
    let mut stores = cluster.take(&[shard]);
    let at = cluster.table(table);
    let mut row = row(&at.def().layout, values);
    let inserted = stores.insert(at, shard, &mut row).map(|()| row);
    cluster.commit(stores);
    inserted
}

#[test]
fn a_generated_key_lands_where_it_is_made_and_nowhere_else() {
    let mut cluster = Cluster::new(4, &[OWN]);
    let mut seen = BTreeSet::new();
    for round in 0..50 {
        for shard in cluster.shards.shards() {
            let row = insert_on(&mut cluster, shard, "own", &[&0i32]).unwrap();
            assert!(seen.insert(number(&row, 4)), "{round}");
        }
    }
    // Four shards leave no more gaps than chance has it.
    assert!(seen.last().unwrap() < &400);
}

#[test]
fn a_generated_number_needs_no_other_shard_than_the_rows() {
    let mut cluster = Cluster::new(3, &[OTHER]);
    let mut seen = BTreeSet::new();
    for shard in cluster.shards.shards() {
        let who = cluster.number_on(shard.get());
        for _ in 0..20 {
            let row = insert_on(&mut cluster, shard, "other", &[&0u64, &who]).unwrap();
            assert!(seen.insert(number(&row, 8)));
        }
    }
}

#[test]
fn an_explicit_number_is_passed_by_the_shard_that_could_give_it_out() {
    let mut cluster = Cluster::new(2, &[OTHER]);
    let who = [0, 1].map(|shard| cluster.number_on(shard));
    // Rows of shard 0 that have all the numbers below 40, also those that shard 1 gives out.
    for id in 1..40u64 {
        cluster.insert("other", &[&id, &who[0]]).unwrap();
    }
    for _ in 0..10 {
        let row = cluster.insert("other", &[&0u64, &who[1]]).unwrap();
        assert!(number(&row, 8) >= 40);
    }
}

#[test]
fn an_update_moves_the_sequence_of_the_shard_that_could_give_the_number_out() {
    let table = r#"{"name":"t","shard_by":"who","columns":[
        {"name":"id","type":"u64"},{"name":"n","type":"u32","auto_inc":true},{"name":"who","type":"u64"}],
        "indexes":[{"name":"id","columns":["id"],"primary":true},
        {"name":"n","columns":["n"],"unique":true}]}"#;
    let mut cluster = Cluster::new(2, &[table]);
    let who = [0, 1].map(|shard| cluster.number_on(shard));
    cluster.insert("t", &[&1u64, &1u32, &who[0]]).unwrap();
    for n in 2..60u32 {
        cluster.update("t", &[&1u64, &n, &who[0]]).unwrap();
    }
    for shard in [0u8, 1] {
        let id = 10 + u64::from(shard);
        let row = cluster.insert("t", &[&id, &0u32, &who[usize::from(shard)]]).unwrap();
        let n = u32::from_le_bytes(*row[8..].first_chunk().unwrap());
        assert!(n > 58, "{n} is not behind those that shard {shard} could have given out");
    }
}

#[test]
fn a_shard_without_a_number_of_its_own_left_is_exhausted() {
    let mut cluster = Cluster::new(2, &[OWN]);
    let is_on = |shard: u16, n: i32| {
        let mut key = n.to_be_bytes();
        key[0] ^= 0x80;
        crate::store::owner_of_key(cluster.shards, &key).get() == shard
    };
    let mut from_end = (0..100).map(|back| i32::MAX - back);
    let last = from_end.find(|&n| is_on(0, n)).unwrap();
    cluster.insert("own", &[&last]).unwrap();
    let refusal = insert_on(&mut cluster, ShardId::FIRST, "own", &[&0i32]).unwrap_err();
    let exhausted = matches!(refusal, StoresError::Refused(WriteError::AutoIncExhausted { .. }));
    assert!(exhausted, "{refusal}");
    let other = cluster.shards.shards().nth(1).unwrap();
    insert_on(&mut cluster, other, "own", &[&0i32]).unwrap();
}

#[test]
fn tables_at_home_count_without_gaps_on_every_shard() {
    let mut cluster = Cluster::new(4, &[HOME, OWN]);
    let home = cluster.home();
    for n in 1..20 {
        let row = insert_on(&mut cluster, home, "home", &[&0u64]).unwrap();
        assert_eq!(number(&row, 8), n);
    }
}

#[test]
fn a_number_that_was_not_used_is_taken_back() {
    let mut cluster = Cluster::new(2, &[OTHER]);
    let who = cluster.number_on(0);
    let mut stores = cluster.take(&[ShardId::FIRST]);
    let at = cluster.table("other");
    let mut first = row(&at.def().layout, &[&0u64, &who]);
    stores.insert(at, ShardId::FIRST, &mut first).unwrap();
    let sequence = |stores: &crate::Stores| {
        let table = stores.store(ShardId::FIRST).unwrap().table(at.table()).unwrap();
        assert_eq!(table.sequences().next().unwrap().0, ColumnIndex::new(0));
        table.sequences().next().unwrap().1
    };
    assert_eq!(sequence(&stores), u128::from(number(&first, 8)));
    stores.rollback();
    assert_eq!(sequence(&stores), 0);
    cluster.give_back(stores);
}
