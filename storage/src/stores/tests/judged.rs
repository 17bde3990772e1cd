//! Who has a say in a write sees the row as it would be and the tables as they are, and a write that is not let changes nothing.

use cosmictron_types::{IndexId, ShardId};

use super::cluster::{Cluster, key, read};
use crate::fixture::row;
use crate::stores::elsewhere::StoresError;

const NOTE: &str = r#"{"name":"note","shard_by":"id",
    "columns":[{"name":"id","type":"u64","auto_inc":true},{"name":"rank","type":"u64"}],
    "indexes":[{"name":"id","columns":["id"],"primary":true},{"name":"rank","columns":["rank"]}]}"#;

/// What a test's judge says.
#[derive(Debug, PartialEq)]
enum Refusal {
    Judged(Vec<u8>),
    Stores(StoresError),
}

impl From<StoresError> for Refusal {
    fn from(error: StoresError) -> Self {
        Refusal::Stores(error)
    }
}

fn all(cluster: &Cluster) -> Vec<ShardId> {
    cluster.shards.shards().collect()
}

#[test]
fn a_new_row_is_judged_with_its_number_before_it_is_there() {
    for shards in [1, 3] {
        let mut cluster = Cluster::new(shards, &[NOTE]);
        let held = all(&cluster);
        let mut stores = cluster.take(&held);
        let at = cluster.table("note");
        let unfilled = row(&at.def().layout, &[&0u64, &7u64]);
        let mut given = unfilled.clone();
        let refused = stores.insert_if(at, held[0], &mut given, |stores, row| {
            assert_ne!(row, unfilled, "it has its number");
            assert_eq!(stores.count(at), Ok(0), "it is not there");
            Err(Refusal::Judged(row.to_vec()))
        });
        let Err(Refusal::Judged(judged)) = refused else { panic!("{refused:?}") };
        assert_eq!((&given, stores.count(at)), (&unfilled, Ok(0)));
        stores
            .insert_if(at, held[0], &mut given, |_, row| match row == judged {
                true => Ok(()),
                false => Err(Refusal::Judged(row.to_vec())),
            })
            .unwrap();
        assert_eq!((&given, stores.count(at)), (&judged, Ok(1)));
        let changed = row(&at.def().layout, &[&0u64, &8u64]);
        assert_eq!(stores.replaced(at, &given), Ok(Some(&given[..])));
        assert_eq!(stores.replaced(at, &changed), Ok(None));
        assert!(stores.replaced(at, &given[..9]).is_err(), "that is no row");
        cluster.commit(stores);
    }
}

#[test]
fn only_chosen_rows_are_deleted() {
    for shards in [1, 3] {
        let mut cluster = Cluster::new(shards, &[NOTE]);
        for id in 1..=8u64 {
            cluster.insert("note", &[&id, &(id / 8)]).unwrap();
        }
        let held = all(&cluster);
        let mut stores = cluster.take(&held);
        let at = cluster.table("note");
        let (rank, index) = (key(at, 1, &[&0u64]), IndexId::new(1));
        let is_even = |row: &[u8]| row[0].is_multiple_of(2);
        let mut seen = 0;
        let refused = stores.delete_if(at, index, &rank, |_, row| {
            seen += 1;
            if seen == 5 { Err(Refusal::Judged(row.to_vec())) } else { Ok(true) }
        });
        assert!(matches!(refused, Err(Refusal::Judged(_))));
        assert_eq!(stores.count(at), Ok(8), "those that were chosen before are there still");
        let deleted = stores.delete_if(at, index, &rank, |_, row| Ok::<_, Refusal>(is_even(row)));
        assert_eq!(deleted, Ok(3));
        let mut scan = stores.scan(at).unwrap();
        let mut left: Vec<u8> = read(&stores, &mut scan, 9).iter().map(|row| row[0]).collect();
        left.sort_unstable();
        assert_eq!(left, [1, 3, 5, 7, 8]);
        cluster.commit(stores);
    }
}
