//! Measures what a store costs: `cargo run --release -p cosmictron-storage --example measure [ROWS]`.
//!
//! Memory is the growth of the process's resident set. Times are those that the thread spent on its processor, without
//! the log.

use std::hint::black_box;
use std::ops::Bound;
use std::sync::Arc;

use cosmictron_storage::{Key, KeyBuilder, Store, StoreLimits, TableDef, TransactionLimits};
use cosmictron_types::schema::{ModuleSchema, TableSchema};
use cosmictron_types::{IndexId, TableId, TxId};

const ACCOUNTS: TableId = TableId::new(1);
const PRIMARY: IndexId = IndexId::new(0);
/// An id of 8 bytes, a balance of 8, and where the text ends in 4: with 80 bytes of text a row has 100.
const TEXT_BYTES: usize = 80;

fn main() {
    let rows = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    println!("{rows} rows of 100 bytes with a u64 primary key");
    let ascending: Vec<u64> = (0..rows).collect();
    let shuffled: Vec<u64> = (0..rows).map(|id| shuffle(id, rows)).collect();
    measure_memory("in order", &ascending, &schema(""));
    measure_memory("at random", &shuffled, &schema(""));
    let by_balance = r#",{"name":"by_balance","columns":["balance"]}"#;
    measure_memory("at random, two indexes", &shuffled, &schema(by_balance));
    measure_times(&ascending, &shuffled);
    measure_replay(rows);
}

fn measure_memory(name: &str, ids: &[u64], schema: &Arc<TableSchema>) {
    let before = resident_bytes();
    let mut store = store(schema);
    let started = processor_ns();
    fill(&mut store, ids);
    let each = (processor_ns() - started) / ids.len() as f64;
    let grown = resident_bytes().saturating_sub(before) as f64 / 1e6;
    let bytes = store.table(ACCOUNTS).expect("the table was created").bytes();
    println!(
        "insert {name:<24} {each:>6.0} ns   resident {grown:>6.1} MB   rows {:>6.1} MB   indexes {:>5.1} MB",
        bytes.rows as f64 / 1e6,
        bytes.indexes as f64 / 1e6,
    );
}

fn measure_times(ascending: &[u64], shuffled: &[u64]) {
    let mut store = store(&schema(""));
    fill(&mut store, shuffled);
    let def = store.table(ACCOUNTS).expect("the table was created").def().clone();
    let time = |name: &str, count: usize, run: &mut dyn FnMut()| {
        let started = processor_ns();
        run();
        let each = (processor_ns() - started) / count as f64;
        println!("{name:<31} {each:>6.1} ns");
    };
    let keys: Vec<Key> = shuffled.iter().map(|&id| key(&def, id)).collect();
    let table = store.table(ACCOUNTS).expect("the table was created");
    time("find at random", keys.len(), &mut || {
        keys.iter().for_each(|key| assert!(black_box(table.find(PRIMARY, key)).is_some()));
    });
    time("find and read at random", keys.len(), &mut || {
        keys.iter().for_each(|key| {
            let row = table.find(PRIMARY, key).expect("the row was inserted");
            black_box(table.row(row)[8]);
        });
    });
    time("scan", keys.len(), &mut || {
        assert_eq!(
            table.scan().map(|row| u64::from(table.row(row)[8])).fold(0, u64::wrapping_add),
            0
        );
    });
    time("range of everything", keys.len(), &mut || {
        let range = table.range(PRIMARY, Bound::Unbounded, Bound::Unbounded);
        black_box(range.map(|row| u64::from(table.row(row)[8])).fold(0, u64::wrapping_add));
    });
    time("update at random", shuffled.len(), &mut || {
        for (tx, &id) in (2..).zip(shuffled) {
            store.begin(TransactionLimits::default());
            store.update(ACCOUNTS, &row(id, tx)).expect("the row was inserted");
            store.commit(TxId::new(tx));
        }
    });
    time("update at random, rolled back", shuffled.len(), &mut || {
        for (tx, &id) in (3..).zip(shuffled) {
            store.begin(TransactionLimits::default());
            store.update(ACCOUNTS, &row(id, tx)).expect("the row was inserted");
            store.rollback();
        }
    });
    time("delete at random", ascending.len(), &mut || {
        for (tx, key) in (9..).zip(&keys) {
            store.begin(TransactionLimits::default());
            assert_eq!(store.delete(ACCOUNTS, PRIMARY, key), Ok(1));
            store.commit(TxId::new(tx));
        }
    });
    println!("left after deleting everything {:>7.1} MB", store.bytes() as f64 / 1e6);
}

/// Transactions of two updates each, as a transfer between accounts logs them.
fn measure_replay(rows: u64) {
    let schema = schema("");
    let mut store = store(&schema);
    fill(&mut store, &(0..rows).collect::<Vec<_>>());
    let mut log = Vec::new();
    let mut ends = Vec::new();
    for tx in 0..rows {
        let (from, to) = (shuffle(tx, rows), shuffle(tx * 7 + 1, rows));
        store.begin(TransactionLimits::default());
        store.update(ACCOUNTS, &row(from, tx)).expect("the row was inserted");
        store.update(ACCOUNTS, &row(to, tx + 1)).expect("the row was inserted");
        store.encode_changes(&mut log);
        ends.push(log.len());
        store.commit(TxId::new(tx + 2));
    }
    let started = processor_ns();
    let mut start = 0;
    for (tx, &end) in (2..).zip(&ends) {
        store.apply(TxId::new(tx), &log[start..end]).expect("the changes were made here");
        start = end;
    }
    let rate = ends.len() as f64 / (processor_ns() - started) * 1e3;
    let bytes = log.len() / ends.len();
    println!(
        "replay of two updates each      {rate:>6.2} million transactions/s, {bytes} bytes each"
    );
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

/// A bijection of the numbers below `count`, if 2^31 - 1 does not divide it.
fn shuffle(id: u64, count: u64) -> u64 {
    u64::try_from(u128::from(id) * 2_147_483_647 % u128::from(count)).expect("it is below count")
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0) * 4096
}

/// Nanoseconds that this thread has run.
fn processor_ns() -> f64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    schedstat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0.0)
}
