//! Writes that concern several stores: what they ask for, and that they are done whole or not at all.

use cosmictron_types::{IndexId, ShardId};

use super::cluster::{Cluster, key};
use crate::fixture::{dump, row};
use crate::store::write::WriteError;
use crate::store::{StoreLimits, TransactionLimits};
use crate::stores::Stores;
use crate::stores::elsewhere::StoresError;

const USER: &str = r#"{"name":"user","shard_by":"id","columns":[
    {"name":"id","type":"u64"},
    {"name":"email","type":"u64"},
    {"name":"nick","type":{"option":"u64"}},
    {"name":"friend","type":{"option":"u64"},"foreign_key":{"table":"user","column":"id"}}],
  "indexes":[{"name":"id","columns":["id"],"primary":true},
    {"name":"email","columns":["email"],"unique":true},
    {"name":"nick","columns":["nick"],"unique":true}]}"#;
const POST: &str = r#"{"name":"post","shard_by":"user","columns":[
    {"name":"id","type":"u64"},{"name":"user","type":"u64"},{"name":"text","type":"string"}],
  "indexes":[{"name":"id","columns":["id"],"primary":true}]}"#;

fn shards(stores: &[u16], cluster: &Cluster) -> Vec<ShardId> {
    stores.iter().map(|&at| ShardId::new(at, cluster.shards).unwrap()).collect()
}

#[track_caller]
fn assert_missing<T: core::fmt::Debug>(result: Result<T, StoresError>, expected: &[ShardId]) {
    match result {
        Err(StoresError::Elsewhere(elsewhere)) => assert_eq!(elsewhere.shards(), expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let mut cluster = Cluster::new(4, &[USER]);
    let on = [0, 1, 2, 3].map(|shard| cluster.number_on(shard));
    let mut stores = cluster.take(&shards(&[1], &cluster));
    let before: Vec<_> = stores.iter().map(dump).collect();
    let at = cluster.table("user");
    let mut user = row(&at.def().layout, &[&on[1], &on[3], &Some(on[2]), &Some(on[0])]);
    let here = ShardId::new(1, cluster.shards).unwrap();
    assert_missing(stores.insert(at, here, &mut user), &shards(&[0, 2, 3], &cluster));
    let mut user = row(&at.def().layout, &[&on[0], &on[3], &Some(on[2]), &Some(on[0])]);
    assert_missing(stores.insert(at, here, &mut user), &shards(&[0], &cluster));
    assert_missing(stores.update(at, &user), &shards(&[0], &cluster));
    let by_nick = key(at, 2, &[&Some(on[2])]);
    assert_missing(stores.delete(at, IndexId::new(2), &by_nick), &shards(&[2], &cluster));
    let absent = key(at, 2, &[&None::<u64>]);
    assert_missing(stores.delete(at, IndexId::new(2), &absent), &shards(&[0, 2, 3], &cluster));
    assert_eq!(stores.iter().map(dump).collect::<Vec<_>>(), before);
    assert_eq!(
        stores.find(at, IndexId::new(2), &absent).unwrap_err().to_string(),
        "rows are in stores that are not held, of shards 0, 2, 3"
    );
    stores.rollback();
    cluster.give_back(stores);
}

#[test]
fn what_the_row_keeps_needs_no_other_store() {
    let mut cluster = Cluster::new(4, &[USER]);
    let on = [0, 1, 2, 3].map(|shard| cluster.number_on(shard));
    cluster.insert("user", &[&on[1], &on[3], &Some(on[2]), &None::<u64>]).unwrap();
    let mut stores = cluster.take(&shards(&[1], &cluster));
    let at = cluster.table("user");
    let same = row(&at.def().layout, &[&on[1], &on[3], &Some(on[2]), &Some(on[1])]);
    stores.update(at, &same).unwrap();
    let found = stores.find(at, IndexId::new(0), &key(at, 0, &[&on[1]])).unwrap();
    assert_eq!(found, Some(&same[..]));
    let elsewhere = stores.find(at, IndexId::new(1), &key(at, 1, &[&on[3]])).unwrap_err();
    assert_eq!(elsewhere.shards(), shards(&[3], &cluster));
    cluster.commit(stores);
}

#[test]
fn a_row_is_found_by_its_sharded_index_wherever_it_is() {
    let mut cluster = Cluster::new(4, &[USER]);
    let on = [0, 1, 2, 3].map(|shard| cluster.number_on(shard));
    let user = cluster.insert("user", &[&on[1], &on[3], &None::<u64>, &None::<u64>]).unwrap();
    let mut asked = 0;
    let found = cluster.run(&shards(&[0], &cluster), |cluster, stores| {
        asked += 1;
        let at = cluster.table("user");
        Ok(stores.find(at, IndexId::new(1), &key(at, 1, &[&on[3]]))?.map(<[u8]>::to_vec))
    });
    assert_eq!((found, asked), (Some(user), 3), "first its entry's store, then its own");
    let found = cluster.run(&shards(&[0], &cluster), |cluster, stores| {
        let at = cluster.table("user");
        Ok(stores.find(at, IndexId::new(1), &key(at, 1, &[&on[2]]))?.map(<[u8]>::to_vec))
    });
    assert_eq!(found, None);
}

#[test]
fn what_places_a_row_is_never_updated() {
    let mut cluster = Cluster::new(3, &[POST]);
    let text = String::from("text");
    let on = [0, 1].map(|shard| cluster.number_on(shard));
    cluster.insert("post", &[&7u64, &on[0], &text]).unwrap();
    let beside = (on[0] + 1..)
        .find(|n| crate::store::owner_of_key(cluster.shards, &n.to_be_bytes()) == ShardId::FIRST);
    let changed = WriteError::ShardKeyChanged { table: "post".into(), column: "user".into() };
    for user in [on[1], beside.unwrap()] {
        let refusal = cluster.update("post", &[&7u64, &user, &text]).unwrap_err();
        assert_eq!(refusal, StoresError::Refused(changed.clone()));
    }
    assert_eq!(
        changed.to_string(),
        "column user places rows of table post on a shard, so an update does not change it"
    );
    let missing = cluster.update("post", &[&8u64, &on[1], &text]).unwrap_err();
    assert_eq!(missing, StoresError::Refused(WriteError::NoSuchRow { table: "post".into() }));
    cluster.update("post", &[&7u64, &on[0], &String::from("other")]).unwrap();
    assert_eq!(cluster.rows("post", 0).len(), 1);
    assert_eq!(cluster.delete("post", 0, &[&7u64]), Ok(1));
}

#[test]
fn the_limits_hold_for_all_stores_together() {
    let mut cluster = Cluster::new(2, &[POST]);
    let text = String::from("text");
    let on = [0, 1].map(|shard| cluster.number_on(shard));
    // A row and its entry each.
    cluster.limits = TransactionLimits { rows_max: 20, bytes_max: u64::MAX };
    let all: Vec<ShardId> = cluster.shards.shards().collect();
    let mut stores = cluster.take(&all);
    let at = cluster.table("post");
    let insert = |stores: &mut Stores, id: u64| {
        let mut row = row(&at.def().layout, &[&id, &on[usize::try_from(id % 2).unwrap()], &text]);
        stores.insert(at, ShardId::FIRST, &mut row)
    };
    for id in 1..11 {
        insert(&mut stores, id).unwrap();
    }
    let refusal = StoresError::Refused(WriteError::TransactionRows { rows_max: 20 });
    assert_eq!(insert(&mut stores, 11), Err(refusal.clone()));
    stores.limit_transaction(TransactionLimits { rows_max: 21, bytes_max: u64::MAX });
    let refusal = StoresError::Refused(WriteError::TransactionRows { rows_max: 21 });
    let first = dump(stores.store(all[0]).unwrap());
    assert_eq!(insert(&mut stores, 11), Err(refusal), "the row has room, its entry has none");
    assert_eq!(dump(stores.store(all[0]).unwrap()), first);
    cluster.commit(stores);
    let mut stores = cluster.take(&all);
    let at = cluster.table("post");
    let mut row = row(&at.def().layout, &[&12u64, &on[0], &text]);
    stores.insert(at, ShardId::FIRST, &mut row).unwrap();
    cluster.commit(stores);
}

#[test]
fn of_two_entries_either_both_are_in_or_none() {
    let mut cluster = Cluster::new(3, &[USER]);
    let on = [0, 1, 2].map(|shard| cluster.number_on(shard));
    // The row and its first entry have room.
    cluster.limits = TransactionLimits { rows_max: 2, bytes_max: u64::MAX };
    let all: Vec<ShardId> = cluster.shards.shards().collect();
    let mut stores = cluster.take(&all);
    let before: Vec<_> = stores.iter().map(dump).collect();
    let at = cluster.table("user");
    let mut user = row(&at.def().layout, &[&on[0], &on[1], &Some(on[2]), &None::<u64>]);
    let refusal = WriteError::TransactionRows { rows_max: 2 };
    let refused = stores.insert(at, ShardId::FIRST, &mut user);
    assert_eq!(refused, Err(StoresError::Refused(refusal)));
    assert_eq!(stores.iter().map(dump).collect::<Vec<_>>(), before);
    cluster.commit(stores);
}

#[test]
fn a_row_that_refers_to_itself_counts_as_it_will_be() {
    let user =
        USER.replace(r#""table":"user","column":"id""#, r#""table":"user","column":"email""#);
    let mut cluster = Cluster::new(3, &[&user]);
    let on = [0, 1, 2].map(|shard| cluster.number_on(shard));
    cluster.insert("user", &[&on[0], &on[1], &None::<u64>, &Some(on[1])]).unwrap();
    let lost = cluster.update("user", &[&on[0], &on[2], &None::<u64>, &Some(on[1])]).unwrap_err();
    let is_refused =
        matches!(lost, StoresError::Refused(WriteError::ForeignKeyWithoutTarget { .. }));
    assert!(is_refused, "{lost}");
    cluster.update("user", &[&on[0], &on[2], &None::<u64>, &Some(on[2])]).unwrap();
    assert_eq!(cluster.delete("user", 0, &[&on[0]]), Ok(1));
}

#[test]
fn a_store_without_room_for_an_entry_leaves_the_row_out() {
    let limits = StoreLimits { bytes_max: 256 << 10, ..StoreLimits::default() };
    let mut cluster = Cluster::with_limits(2, limits, &[USER, POST]);
    let shards = cluster.shards;
    let numbers_on = |shard: u16| {
        let is_there = move |number: &u64| {
            crate::store::owner_of_key(shards, &number.to_be_bytes()).get() == shard
        };
        (1u64..).filter(is_there)
    };
    let author = cluster.number_on(1);
    let text = "x".repeat(1000);
    // Shard 1 fills up with posts.
    let is_full = numbers_on(1).any(|id| match cluster.insert("post", &[&id, &author, &text]) {
        Ok(_) => false,
        Err(StoresError::Refused(WriteError::StoreFull { .. })) => true,
        Err(other) => panic!("{other}"),
    });
    assert!(is_full);
    // What is left has room for some entries of users that are on shard 0.
    let mut users = 0;
    let refusal = numbers_on(0).zip(numbers_on(1)).find_map(|(id, email)| {
        let inserted = cluster.insert("user", &[&id, &email, &Some(id), &None::<u64>]);
        users += u64::from(inserted.is_ok());
        inserted.err()
    });
    assert!(matches!(refusal, Some(StoresError::Refused(WriteError::StoreFull { .. }))));
    assert_eq!(cluster.rows("user", 0).len() as u64, users);
}

#[test]
fn one_delete_takes_rows_of_all_shards_that_refer_to_each_other() {
    let mut cluster = Cluster::new(3, &[USER]);
    let on = [0, 1, 2].map(|shard| cluster.number_on(shard));
    cluster.insert("user", &[&on[0], &1u64, &None::<u64>, &None::<u64>]).unwrap();
    cluster.insert("user", &[&on[1], &2u64, &None::<u64>, &Some(on[0])]).unwrap();
    cluster.insert("user", &[&on[2], &3u64, &None::<u64>, &Some(on[1])]).unwrap();
    cluster.update("user", &[&on[0], &1u64, &None::<u64>, &Some(on[2])]).unwrap();
    let referenced = cluster.delete("user", 0, &[&on[1]]).unwrap_err();
    assert!(matches!(referenced, StoresError::Refused(WriteError::Referenced { .. })));
    assert_eq!(cluster.delete("user", 2, &[&None::<u64>]), Ok(3));
    assert_eq!(cluster.rows("user", 0).len(), 0);
}

#[test]
fn stores_are_given_back_in_ascending_order() {
    let mut cluster = Cluster::new(4, &[USER]);
    let mut stores = cluster.take(&shards(&[2, 3, 0, 1], &cluster));
    let order: Vec<u16> = stores.iter().map(|store| store.seat().shard.get()).collect();
    assert_eq!(order, [0, 1, 2, 3]);
    assert!(cluster.shards.shards().all(|shard| stores.holds(shard)));
    stores.rollback();
    cluster.give_back(stores);
}
