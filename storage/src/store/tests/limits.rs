use super::*;
use crate::fixture::{PRIMARY, T1, dump, key, schemas, store, store_with};
use crate::store::{StoreLimits, TransactionLimits};

#[test]
fn a_transaction_writes_so_many_rows_and_bytes() {
    let mut store = store(&[USER]);
    store.begin(TransactionLimits { rows_max: 3, bytes_max: 1000 });
    insert(&mut store, T1, &user(1, "a", 1)).unwrap();
    update(&mut store, T1, &user(1, "a", 2)).unwrap();
    insert(&mut store, T1, &user(2, "b", 1)).unwrap();
    let too_many = WriteError::TransactionRows { rows_max: 3 };
    assert_eq!(insert(&mut store, T1, &user(3, "c", 1)), Err(too_many.clone()));
    let first = key(&store, T1, 0, &[&1u64]);
    assert_eq!(store.delete(T1, PRIMARY, &first), Err(too_many));
    store.rollback();

    let bytes = encode(&store, T1, &user(1, "a", 1)).len() as u64;
    store.begin(TransactionLimits { rows_max: 100, bytes_max: 3 * bytes - 1 });
    insert(&mut store, T1, &user(1, "a", 1)).unwrap();
    insert(&mut store, T1, &user(2, "b", 1)).unwrap();
    let too_large = WriteError::TransactionBytes { bytes_max: 3 * bytes - 1 };
    assert_eq!(insert(&mut store, T1, &user(3, "c", 1)), Err(too_large.clone()));
    assert_eq!(store.delete(T1, PRIMARY, &first), Err(too_large));
    assert_eq!(store.table(T1).unwrap().len(), 2);
    store.rollback();
    store.begin(TransactionLimits { rows_max: 1, bytes_max: 1000 });
    insert(&mut store, T1, &user(1, "a", 1)).unwrap();
    store.rollback();
}

#[test]
fn limits_may_change_while_a_transaction_is_open() {
    let mut store = store(&[USER]);
    let limits = |rows_max| TransactionLimits { rows_max, bytes_max: 1000 };
    store.begin(limits(1));
    insert(&mut store, T1, &user(1, "a", 1)).unwrap();
    assert!(insert(&mut store, T1, &user(2, "b", 1)).is_err());
    store.limit_transaction(limits(2));
    insert(&mut store, T1, &user(2, "b", 1)).unwrap();
    let too_many = Err(WriteError::TransactionRows { rows_max: 2 });
    assert_eq!(insert(&mut store, T1, &user(3, "c", 1)), too_many);
    store.commit(cosmictron_types::TxId::new(1));
    assert_eq!(store.table(T1).unwrap().len(), 2);
}

#[test]
#[should_panic(expected = "the transaction has written more already")]
fn limits_never_fall_below_what_was_written() {
    let mut store = store(&[USER]);
    store.begin(TransactionLimits { rows_max: 1, bytes_max: 1000 });
    insert(&mut store, T1, &user(1, "a", 1)).unwrap();
    store.limit_transaction(TransactionLimits { rows_max: 0, bytes_max: 1000 });
}

#[test]
fn a_delete_of_too_many_rows_deletes_none() {
    let mut store = store(&[USER]);
    store.begin(TransactionLimits { rows_max: 15, bytes_max: 10_000 });
    (1..=10).for_each(|id| {
        insert(&mut store, T1, &user(id, "", 1)).unwrap();
    });
    let all = key(&store, T1, 2, &[&1u8]);
    let refused = store.delete(T1, cosmictron_types::IndexId::new(2), &all);
    assert_eq!(refused, Err(WriteError::TransactionRows { rows_max: 15 }));
    assert_eq!(store.table(T1).unwrap().len(), 10);
    store.rollback();
}

#[test]
fn a_row_has_so_many_bytes() {
    let limits = StoreLimits { row_bytes_max: 100, ..StoreLimits::default() };
    let mut store = store_with(limits, &schemas(&[USER]));
    store.begin(TransactionLimits::default());
    let fixed = encode(&store, T1, &user(1, "", 1)).len();
    insert(&mut store, T1, &user(1, &"x".repeat(100 - fixed), 1)).unwrap();
    let error = WriteError::RowTooLarge { table: "user".into(), bytes: 101, bytes_max: 100 };
    let longer = user(1, &"x".repeat(101 - fixed), 1);
    assert_eq!(insert(&mut store, T1, &longer), Err(error.clone()));
    assert_eq!(update(&mut store, T1, &longer), Err(error));
    store.rollback();
}

/// Fills a store to its limit, in rows of very different sizes.
fn fill(store: &mut Store) -> u64 {
    store.begin(TransactionLimits { rows_max: u64::MAX, bytes_max: u64::MAX });
    for id in 1.. {
        let email = format!("{id} {}", "x".repeat((id as usize * 37) % 20_000));
        let inserted = insert(store, T1, &user(id, &email, (id % 250) as u8));
        assert!(store.bytes() <= store.limits().bytes_max);
        match inserted {
            Ok(_) => {}
            Err(WriteError::StoreFull { bytes_max, .. }) => {
                assert_eq!(bytes_max, store.limits().bytes_max);
                return id - 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    unreachable!("ids go on for longer than memory")
}

#[test]
fn memory_ends_at_the_limit_and_a_full_store_still_works() {
    let limits = StoreLimits { bytes_max: 8 << 20, ..StoreLimits::default() };
    let mut store = store_with(limits, &schemas(&[USER]));
    let rows = fill(&mut store);
    store.commit(cosmictron_types::TxId::new(1));
    assert!(store.bytes() > 7 << 20, "{} bytes are used", store.bytes());
    let full = dump(&store);

    store.begin(TransactionLimits::default());
    let first = key(&store, T1, 0, &[&1u64]);
    assert_eq!(store.delete(T1, PRIMARY, &first), Ok(1), "deleting is how room is made");
    store.rollback();
    assert_eq!(dump(&store), full);

    store.begin(TransactionLimits { rows_max: u64::MAX, bytes_max: u64::MAX });
    for id in 1..=rows {
        let key = key(&store, T1, 0, &[&id]);
        store.delete(T1, PRIMARY, &key).unwrap();
    }
    store.commit(cosmictron_types::TxId::new(2));
    assert!(store.bytes() < 1 << 20, "{} bytes are left", store.bytes());
    let measured: u64 = store.tables().map(|table| table.bytes().total()).sum();
    assert_eq!(store.bytes(), measured);
    assert!(fill(&mut store) >= rows);
    store.rollback();
}

#[test]
fn a_full_store_takes_updates_that_need_no_memory() {
    let table = r#"{"name":"t","columns":[{"name":"id","type":"u64"},{"name":"text","type":"string"}],
        "indexes":[{"name":"id","columns":["id"],"primary":true}]}"#;
    let limits = StoreLimits { bytes_max: 1 << 20, ..StoreLimits::default() };
    let mut store = store_with(limits, &schemas(&[table]));
    let values =
        |id: u64, text: &str| -> [Box<dyn Value>; 2] { [Box::new(id), Box::new(text.to_owned())] };
    store.begin(TransactionLimits::default());
    let refused = (1..).find_map(|id| insert(&mut store, T1, &values(id, &"x".repeat(500))).err());
    assert!(matches!(refused, Some(WriteError::StoreFull { .. })));
    update(&mut store, T1, &values(1, &"y".repeat(500))).unwrap();
    update(&mut store, T1, &values(1, &"y".repeat(450))).unwrap();
    let longer = update(&mut store, T1, &values(1, &"z".repeat(600)));
    assert!(matches!(longer, Err(WriteError::StoreFull { .. })));
    let elsewhere = update(&mut store, T1, &values(1, "short"));
    assert!(
        matches!(elsewhere, Err(WriteError::StoreFull { .. })),
        "it may need a page of its own"
    );
}
