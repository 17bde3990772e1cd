//! What was is read as it was: every way of reading, against what was read then.

use core::ops::Bound;

use cosmictron_types::{IndexId, ShardId, TxId};

use super::cluster::{Cluster, key, read};
use crate::stores::Stores;

/// Spread by `who`, so that `n` is unique by a sharded index.
const ITEM: &str = r#"{"name":"item","shard_by":"who","columns":[
    {"name":"who","type":"u64"},{"name":"n","type":"u64"},{"name":"rank","type":"u64"}],
  "indexes":[{"name":"who","columns":["who"],"unique":true,"primary":true},
    {"name":"n","columns":["n"],"unique":true},{"name":"rank","columns":["rank","n"]}]}"#;
const HOME: &str = r#"{"name":"home","columns":[{"name":"who","type":"u64"},{"name":"n","type":"u64"}],
  "indexes":[{"name":"who","columns":["who"],"unique":true,"primary":true},{"name":"n","columns":["n","who"]}]}"#;

/// Everything that can be read of both tables.
fn all(cluster: &Cluster, stores: &Stores) -> Vec<Vec<Vec<u8>>> {
    let mut told = Vec::new();
    for name in ["item", "home"] {
        let at = cluster.table(name);
        told.push(vec![stores.count(at).unwrap().to_le_bytes().to_vec()]);
        let mut whole = read(stores, &mut stores.scan(at).unwrap(), usize::MAX);
        whole.sort_unstable();
        told.push(whole);
        for (index, _) in (0..).zip(&at.def().indexes) {
            for (lower, upper) in [(2u64, 5u64), (4, 4), (0, 9)] {
                let (lower, upper) = (key(at, index, &[&lower]), key(at, index, &[&upper]));
                for descending in [false, true] {
                    let bounds = (Bound::Included(&lower), Bound::Included(&upper));
                    let id = IndexId::new(index);
                    let mut scan = stores.range(at, id, bounds.0, bounds.1, descending).unwrap();
                    // A piece at a time.
                    let mut rows = read(stores, &mut scan, 1);
                    rows.extend(read(stores, &mut scan, 2));
                    rows.extend(read(stores, &mut scan, usize::MAX));
                    told.push(rows);
                }
            }
        }
        for value in 0..8u64 {
            let unique = if name == "item" { 0..2 } else { 0..1 };
            for index in unique {
                let found = stores.find(at, IndexId::new(index), &key(at, index, &[&value]));
                told.push(found.unwrap().into_iter().map(<[u8]>::to_vec).collect());
            }
        }
    }
    told
}

#[test]
fn what_was_is_read_as_it_was_over_several_stores() {
    let mut cluster = Cluster::new(3, &[HOME, ITEM]);
    let shards: Vec<ShardId> = cluster.shards.shards().collect();
    let (mut before, mut chance) = (Vec::new(), 7u64);
    let mut below = |end: u64| {
        chance =
            chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % end
    };
    for _ in 0..120 {
        let (who, n, rank) = (below(7), below(7), below(4));
        // What is refused changes nothing.
        let _ = match below(5) {
            0 => cluster.insert("item", &[&who, &n, &rank]).map(drop),
            1 => cluster.update("item", &[&who, &n, &rank]),
            2 => cluster.delete("item", 0, &[&who]).map(drop),
            3 => cluster.insert("home", &[&who, &rank]).map(drop),
            _ => cluster.delete("home", 1, &[&rank]).map(drop),
        };
        let mut stores = cluster.take(&shards);
        let told = all(&cluster, &stores);
        let tx = stores.iter().map(crate::Store::committed).max().unwrap();
        stores.rollback();
        cluster.give_back(stores);
        before.push((tx, told));
    }
    let mut stores = cluster.take(&shards);
    stores.rollback();
    for (tx, told) in before {
        stores.look_at(Some(tx));
        let tables = cluster.tables.iter().map(|at| at.table());
        assert_eq!(stores.check_moment(tables), Ok(()));
        assert_eq!(all(&cluster, &stores), told, "as of {tx}");
    }
    stores.look_at(Some(TxId::ZERO));
    assert_eq!(stores.count(cluster.table("item")), Ok(0));
    stores.look_at(None);
    cluster.give_back(stores);
}
