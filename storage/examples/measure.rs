//! Measures what a store costs: `cargo run --release -p cosmictron-storage --example measure [ROWS]`.
//!
//! Memory is the growth of a process's resident set, each case in a process of its own. Times are those that the thread
//! spent on its processor, without the log; one transaction a write, but for the inserts, which are 1000 in one.

mod meter;

use std::hint::black_box;
use std::ops::Bound;
use std::process::Command;
use std::sync::Arc;

use cosmictron_storage::{Key, KeyBuilder, Store, StoreLimits, TableDef, TransactionLimits};
use cosmictron_types::schema::{ModuleSchema, TableSchema};
use cosmictron_types::{IndexId, TableId, TxId};

use meter::{resident_bytes, shuffle, time};

const ACCOUNTS: TableId = TableId::new(1);
const PRIMARY: IndexId = IndexId::new(0);
/// An id of 8 bytes, a balance of 8, and where the text ends in 4: with 80 bytes of text a row has 100.
const TEXT_BYTES: usize = 80;
/// What is measured in processes of their own.
const CASES: [(&str, Order, bool); 3] = [
    ("insert in order", Order::Ascending, false),
    ("insert at random", Order::Shuffled, false),
    ("insert at random, two indexes", Order::Shuffled, true),
];

#[derive(Clone, Copy)]
enum Order {
    Ascending,
    Shuffled,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rows = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    if let Some(case) = arguments.next().and_then(|text| text.parse::<usize>().ok()) {
        return measure_memory(rows, case);
    }
    println!("{rows} rows of 100 bytes with a u64 primary key");
    for case in 0..CASES.len() {
        let program = std::env::current_exe().expect("the program knows where it is");
        let arguments = [rows.to_string(), case.to_string()];
        let status = Command::new(program).args(arguments).status();
        assert!(status.is_ok_and(|status| status.success()));
    }
    measure_times(rows);
    measure_replay(rows);
}

fn measure_memory(rows: u64, case: usize) {
    let (name, order, has_second) = CASES[case];
    let by_balance = r#",{"name":"by_balance","columns":["balance"]}"#;
    let mut store = store(&schema(if has_second { by_balance } else { "" }));
    let ids = ids(rows, order);
    let before = resident_bytes();
    time(name, rows, &mut || fill(&mut store, &ids));
    let grown = resident_bytes().saturating_sub(before) as f64 / 1e6;
    let bytes = store.table(ACCOUNTS).expect("the table was created").bytes();
    let (heap, indexes) = (bytes.rows as f64 / 1e6, bytes.indexes as f64 / 1e6);
    println!("    resident {grown:.1} MB; counted: rows {heap:.1} MB, indexes {indexes:.1} MB");
}

fn measure_times(rows: u64) {
    let mut store = store(&schema(""));
    fill(&mut store, &ids(rows, Order::Ascending));
    let shuffled = ids(rows, Order::Shuffled);
    let def = store.table(ACCOUNTS).expect("the table was created").def().clone();
    let keys: Vec<Key> = shuffled.iter().map(|&id| key(&def, id)).collect();
    let table = store.table(ACCOUNTS).expect("the table was created");
    time("find at random", rows, &mut || {
        keys.iter().for_each(|key| assert!(black_box(table.find(PRIMARY, key)).is_some()));
    });
    time("find and read at random", rows, &mut || {
        keys.iter().for_each(|key| {
            let row = table.find(PRIMARY, key).expect("the row was inserted");
            black_box(table.row(row)[8]);
        });
    });
    time("scan", rows, &mut || {
        let sum: u64 = table.scan().map(|row| u64::from(table.row(row)[20])).sum();
        black_box(sum);
    });
    time("range of everything", rows, &mut || {
        let range = table.range(PRIMARY, Bound::Unbounded, Bound::Unbounded);
        let sum: u64 = range.map(|row| u64::from(table.row(row)[20])).sum();
        black_box(sum);
    });
    time("update at random", rows, &mut || {
        for (tx, &id) in (2..).zip(&shuffled) {
            store.begin(TransactionLimits::default());
            store.update(ACCOUNTS, &row(id, tx)).expect("the row was inserted");
            store.commit(TxId::new(tx));
        }
    });
    time("update at random, undone", rows, &mut || {
        for (tx, &id) in (rows + 2..).zip(&shuffled) {
            store.begin(TransactionLimits::default());
            store.update(ACCOUNTS, &row(id, tx)).expect("the row was inserted");
            store.rollback();
        }
    });
    time("delete at random", rows, &mut || {
        for (tx, key) in (rows + 2..).zip(&keys) {
            store.begin(TransactionLimits::default());
            assert_eq!(store.delete(ACCOUNTS, PRIMARY, key), Ok(1));
            store.commit(TxId::new(tx));
        }
    });
    println!("    left when everything is deleted {:.1} MB", store.bytes() as f64 / 1e6);
}

/// Transactions of two updates each, as a transfer between accounts logs them.
fn measure_replay(rows: u64) {
    let mut store = store(&schema(""));
    fill(&mut store, &ids(rows, Order::Ascending));
    let (mut log, mut ends) = (Vec::new(), Vec::new());
    for tx in 2..rows + 2 {
        let (source, target) = (shuffle(tx, rows), shuffle(tx * 7 + 1, rows));
        store.begin(TransactionLimits::default());
        store.update(ACCOUNTS, &row(source, tx)).expect("the row was inserted");
        store.update(ACCOUNTS, &row(target, tx)).expect("the row was inserted");
        store.encode_changes(&mut log);
        ends.push(log.len());
        store.commit(TxId::new(tx));
    }
    time("replay a transfer", rows, &mut || {
        let mut start = 0;
        for (tx, &end) in (rows + 2..).zip(&ends) {
            store.apply(TxId::new(tx), &log[start..end]).expect("the changes were made here");
            start = end;
        }
    });
}

fn schema(more: &str) -> Arc<TableSchema> {
    let item = format!(
        r#"{{"table":{{"name":"accounts","columns":[{{"name":"id","type":"u64"}},
            {{"name":"balance","type":"u64"}},{{"name":"text","type":"string"}}],
            "indexes":[{{"name":"id","columns":["id"],"primary":true}}{more}]}}}}"#
    );
    let module = ModuleSchema::parse_items([item.as_str()]).expect("the schema is correct");
    Arc::new(module.tables[0].clone())
}

fn store(schema: &Arc<TableSchema>) -> Store {
    let mut store = Store::new(StoreLimits::default());
    store.create_table(ACCOUNTS, schema.clone(), &|_| None).expect("the schema is correct");
    store
}

fn fill(store: &mut Store, ids: &[u64]) {
    for chunk in ids.chunks(1000) {
        store.begin(TransactionLimits::default());
        for &id in chunk {
            store.insert(ACCOUNTS, &mut row(id, 0)).expect("no id comes twice");
        }
        store.commit(TxId::new(1));
    }
}

fn row(id: u64, balance: u64) -> [u8; 20 + TEXT_BYTES] {
    let mut row = [b'x'; 20 + TEXT_BYTES];
    row[..8].copy_from_slice(&id.to_le_bytes());
    row[8..16].copy_from_slice(&balance.to_le_bytes());
    row[16..20].copy_from_slice(&(TEXT_BYTES as u32).to_le_bytes());
    row
}

fn key(def: &TableDef, id: u64) -> Key {
    let mut key = KeyBuilder::new(def.index(PRIMARY));
    key.value(&id).expect("the primary key is a u64");
    key.finish()
}

fn ids(rows: u64, order: Order) -> Vec<u64> {
    let id = |at| match order {
        Order::Ascending => at,
        Order::Shuffled => shuffle(at, rows),
    };
    (0..rows).map(id).collect()
}
