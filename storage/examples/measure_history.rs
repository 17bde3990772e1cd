//! Measures what the past costs: `cargo run --release -p cosmictron-storage --example measure_history [ROWS]`.
//!
//! Memory is the growth of the resident set. Times are those that the thread spent on its processor, without the log; one
//! transaction an update. Each row is updated twice, so that as of half of the updates every second row is as it was.

mod meter;

use std::hint::black_box;
use std::sync::Arc;

use cosmictron_storage::{Key, KeyBuilder, Store, StoreLimits, TransactionLimits};
use cosmictron_types::schema::{ModuleSchema, TableSchema};
use cosmictron_types::{IndexId, TableId, Timestamp, TxId};

use meter::{processor_ns, resident_bytes, shuffle, time};

const ACCOUNTS: TableId = TableId::new(1);
const PRIMARY: IndexId = IndexId::new(0);
/// An id of 8 bytes, a balance of 8, and where the text ends in 4: with 80 bytes of text a row has 100.
const TEXT_BYTES: usize = 80;
/// Transactions in a millisecond.
const RATE: u64 = 20;

fn main() {
    let rows = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    println!("{rows} rows of 100 bytes with a u64 primary key");
    let mut without = store(0);
    fill(&mut without, rows);
    update("update at random, no history", &mut without, rows, 2);
    read_present("no history", &without, rows, &keys(&without, rows));
    drop(without);
    let mut store = store(8 << 30);
    fill(&mut store, rows);
    let keys = keys(&store, rows);
    let before = resident_bytes();
    update("update at random, with history", &mut store, rows, 2);
    update("update at random, once more", &mut store, rows, rows + 2);
    let grown = (resident_bytes() - before) as f64;
    let figures = store.table(ACCOUNTS).expect("the table was created").history();
    let each = |bytes: f64| bytes / figures.versions as f64;
    println!(
        "    a version of 100 bytes: resident {:.1}, counted {:.1} bytes; {:.1} MB with the timeline",
        each(grown),
        each(figures.bytes as f64),
        store.history_bytes() as f64 / 1e6
    );
    read_present("with history", &store, rows, &keys);
    for (name, share) in
        [("nearly now", 20), ("a quarter ago", 15), ("half ago", 10), ("before all", 0)]
    {
        read_past(name, &store, rows, TxId::new(1 + rows / 10 * share), &keys);
    }
    delete(&mut store, rows, &keys);
    forget(&mut store, rows);
}

fn read_present(name: &str, store: &Store, rows: u64, keys: &[Key]) {
    let table = store.present().table(ACCOUNTS).expect("it was created").expect("it is present");
    time(&format!("find and read, {name}"), rows, &mut || {
        for key in keys {
            black_box(table.find(key).row.expect("the row was inserted")[8]);
        }
    });
    time(&format!("scan, {name}"), rows, &mut || {
        let rows = table.table().scan().filter_map(|row| table.row(row));
        black_box(rows.map(|row| u64::from(row[20])).sum::<u64>());
    });
}

fn read_past(name: &str, store: &Store, rows: u64, tx: TxId, keys: &[Key]) {
    let table = store.as_of(tx).table(ACCOUNTS).expect("it was created").expect("it is kept");
    time(&format!("find and read, {name}"), rows, &mut || {
        for key in keys {
            black_box(table.find(key).row.expect("the row was inserted")[8]);
        }
    });
    time(&format!("scan, {name}"), rows, &mut || {
        let kept = table.table().scan().filter_map(|row| table.row(row));
        let ended = table.ended().flatten();
        let found = kept
            .chain(ended)
            .fold((0, 0), |(count, sum), row| (count + 1, sum + u64::from(row[20])));
        assert_eq!(black_box(found).0, rows);
    });
}

fn delete(store: &mut Store, rows: u64, keys: &[Key]) {
    let (bytes, first) = (store.history_bytes(), store.committed().get() + 1);
    time("delete at random, with history", rows, &mut || {
        for (tx, key) in (first..).zip(keys) {
            store.begin(TransactionLimits::default());
            assert_eq!(store.delete(ACCOUNTS, PRIMARY, key), Ok(1));
            commit(store, tx);
        }
    });
    println!(
        "    a deleted row of 100 bytes: counted {:.1} bytes",
        (store.history_bytes() - bytes) as f64 / rows as f64
    );
    let table = store
        .as_of(TxId::new(first - 1))
        .table(ACCOUNTS)
        .expect("it was created")
        .expect("it is kept");
    time("find and read a deleted row", rows, &mut || {
        for key in keys {
            black_box(table.find(key).row.expect("the row was there")[8]);
        }
    });
}

fn forget(store: &mut Store, rows: u64) {
    let mut slices = 0;
    let started = processor_ns();
    while store.forget(Timestamp::from_micros(i64::MAX), 1) {
        slices += 1;
    }
    let taken = processor_ns() - started;
    println!(
        "{:<34} {:>7.1} ns; a slice of one block {:.1} µs",
        "forget a version",
        taken / (3 * rows) as f64,
        taken / 1e3 / f64::from(slices)
    );
}

fn update(name: &str, store: &mut Store, rows: u64, first: u64) {
    time(name, rows, &mut || {
        for at in 0..rows {
            store.begin(TransactionLimits::default());
            store
                .update(ACCOUNTS, &row(shuffle(at, rows), first + at))
                .expect("the row was inserted");
            commit(store, first + at);
        }
    });
}

fn commit(store: &mut Store, tx: u64) {
    store.commit(TxId::new(tx));
    let micros = i64::try_from(tx * 1000 / RATE).expect("there are fewer transactions");
    store.note_time(Timestamp::from_micros(micros));
}

fn store(history_bytes_max: u64) -> Store {
    let mut store = Store::new(StoreLimits { history_bytes_max, ..StoreLimits::default() });
    store.create_table(ACCOUNTS, schema(), &|_| None).expect("the schema is correct");
    store
}

fn schema() -> Arc<TableSchema> {
    let item = r#"{"table":{"name":"accounts","columns":[{"name":"id","type":"u64"},
        {"name":"balance","type":"u64"},{"name":"text","type":"string"}],
        "indexes":[{"name":"id","columns":["id"],"primary":true}]}}"#;
    let module = ModuleSchema::parse_items([item]).expect("the schema is correct");
    Arc::new(module.tables[0].clone())
}

fn fill(store: &mut Store, rows: u64) {
    store.begin(TransactionLimits::UNBOUNDED);
    for id in 0..rows {
        store.insert(ACCOUNTS, &mut row(id, 0)).expect("no id comes twice");
    }
    commit(store, 1);
}

fn keys(store: &Store, rows: u64) -> Vec<Key> {
    let def = store.table(ACCOUNTS).expect("the table was created").def();
    let key = |at| {
        let mut key = KeyBuilder::new(def.index(PRIMARY));
        key.value(&shuffle(at, rows)).expect("the primary key is a u64");
        key.finish()
    };
    (0..rows).map(key).collect()
}

fn row(id: u64, balance: u64) -> [u8; 20 + TEXT_BYTES] {
    let mut row = [b'x'; 20 + TEXT_BYTES];
    row[..8].copy_from_slice(&id.to_le_bytes());
    row[8..16].copy_from_slice(&balance.to_le_bytes());
    row[16..20].copy_from_slice(&(TEXT_BYTES as u32).to_le_bytes());
    row
}
