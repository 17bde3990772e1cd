//! Measures what it costs that rows can be elsewhere: `cargo run --release -p cosmictron-storage --example measure_stores`.
//!
//! The same work is done by a store itself and through [`Stores`] in turns; the median of the turns counts. Times are
//! those that the thread spent on its processor, one transaction each, without the log.

use std::hint::black_box;
use std::sync::Arc;

use cosmictron_storage::{
    Key, KeyBuilder, Placement, SchemaChange, Seat, Store, StoreLimits, Stores, TransactionLimits,
    sharded_index_schemas,
};
use cosmictron_types::schema::{ModuleSchema, TableSchema};
use cosmictron_types::{IndexId, ShardCount, ShardId, TableId, TxId};

const ACCOUNTS: TableId = TableId::new(1);
const PRIMARY: IndexId = IndexId::new(0);
/// As many as a processor's cache holds: what is measured are instructions.
const ROWS: u64 = 2_000;
/// How often a turn goes through the rows.
const ROUNDS: usize = 1000;
const TURNS: usize = 5;
const TEXT_BYTES: usize = 80;

/// A table of one placement, filled, and the keys of its rows that are on the first shard, shuffled.
struct Case {
    name: &'static str,
    stores: Stores,
    at: Placement,
    ids: Vec<u64>,
    keys: Vec<Key>,
    times: [Vec<f64>; 5],
}

const WORK: [&str; 5] =
    ["update, store", "update, stores", "find, store", "find, stores", "insert and delete, stores"];

fn main() {
    let home = "";
    let spread = r#","shard_by":"id""#;
    let unique = r#",{"name":"text","columns":["balance"],"unique":true}"#;
    let mut cases = [
        Case::new("at home", 1, home, ""),
        Case::new("spread over 1 shard", 1, spread, ""),
        Case::new("spread over 2 shards, 1 held", 2, spread, ""),
        Case::new("spread over 1 shard, sharded index", 1, spread, unique),
    ];
    for turn in 0..TURNS {
        cases.iter_mut().for_each(|case| case.measure(turn as u64));
    }
    println!("{ROWS} rows of 100 bytes with a u64 primary key; ns");
    for case in &mut cases {
        println!("{}", case.name);
        for (work, times) in WORK.iter().zip(&mut case.times) {
            times.sort_by(f64::total_cmp);
            println!("    {work:<28} {:>7.1}", times[TURNS / 2]);
        }
    }
}

impl Case {
    fn new(name: &'static str, shards: u16, shard_by: &str, index: &str) -> Self {
        let shards = ShardCount::new(shards).expect("that many shards can be");
        let schemas = schemas(shard_by, index);
        let seat = Seat { shard: ShardId::FIRST, shards };
        let mut store = Store::seated(StoreLimits::default(), seat);
        let create = (1..).map(TableId::new).zip(schemas).collect();
        let change = SchemaChange { create, ..SchemaChange::default() };
        store.change_schema(&change, &|_| None).expect("the schema is correct");
        let defs: Vec<_> = store.tables().map(|table| table.def().clone()).collect();
        let at = Placement::resolve(&defs, ShardId::FIRST).swap_remove(0);
        let mut stores = Stores::new(Box::new(store));
        let mut ids = Vec::new();
        stores.begin(TransactionLimits::UNBOUNDED);
        for id in 0..ROWS {
            // Rows of the other shard are refused for want of its store.
            if stores.insert(&at, ShardId::FIRST, &mut row(id, id)).is_ok() {
                ids.push(id);
            }
        }
        stores.iter_mut().for_each(|store| store.commit(TxId::new(1)));
        let step = 2_147_483_647 % ids.len();
        let ids: Vec<u64> = (0..ids.len()).map(|place| ids[place * step % ids.len()]).collect();
        let keys = ids.iter().map(|id| key(&at, *id)).collect();
        Self { name, stores, at, ids, keys, times: Default::default() }
    }

    fn measure(&mut self, turn: u64) {
        let Self { stores, at, ids, keys, times, .. } = self;
        // The value of a unique index stays the row's own.
        let balance = |id: u64| if at.def().indexes.len() > 1 { id } else { turn };
        let own = |stores: &mut Stores, id: u64| {
            let store = stores.iter_mut().next().expect("there is a store");
            store.begin(TransactionLimits::default());
            store.update(ACCOUNTS, &row(id, balance(id))).expect("the row is there");
            store.commit(TxId::new(2));
        };
        let through = |stores: &mut Stores, id: u64| {
            stores.begin(TransactionLimits::default());
            stores.update(at, &row(id, balance(id))).expect("the row is there");
            stores.iter_mut().for_each(|store| store.commit(TxId::new(2)));
        };
        times[0].push(time(ids, |id| own(stores, *id)));
        times[1].push(time(ids, |id| through(stores, *id)));
        let store = stores.iter().next().expect("there is a store");
        times[2].push(time(keys, |key| {
            let table = store.table(ACCOUNTS).expect("the table was created");
            black_box(table.find(PRIMARY, key).map(|row| table.row(row)));
        }));
        times[3].push(time(keys, |key| {
            black_box(stores.find(at, PRIMARY, key).expect("the store is held"));
        }));
        times[4].push(time(keys, |key| {
            stores.begin(TransactionLimits::default());
            let old = stores.find(at, PRIMARY, key).expect("the store is held");
            let mut row = old.expect("the row is there").to_vec();
            assert_eq!(stores.delete(at, PRIMARY, key), Ok(1));
            stores.insert(at, ShardId::FIRST, &mut row).expect("the row is gone");
            stores.iter_mut().for_each(|store| store.commit(TxId::new(3)));
        }));
    }
}

fn schemas(shard_by: &str, index: &str) -> Vec<Arc<TableSchema>> {
    let item = format!(
        r#"{{"table":{{"name":"accounts"{shard_by},"columns":[{{"name":"id","type":"u64"}},
            {{"name":"balance","type":"u64"}},{{"name":"text","type":"string"}}],
            "indexes":[{{"name":"id","columns":["id"],"primary":true}}{index}]}}}}"#
    );
    let module = ModuleSchema::parse_items([item.as_str()]).expect("the schema is correct");
    let table = module.tables[0].clone();
    let hidden = sharded_index_schemas(&table);
    [table].into_iter().chain(hidden).map(Arc::new).collect()
}

fn row(id: u64, balance: u64) -> [u8; 20 + TEXT_BYTES] {
    let mut row = [b'x'; 20 + TEXT_BYTES];
    row[..8].copy_from_slice(&id.to_le_bytes());
    row[8..16].copy_from_slice(&balance.to_le_bytes());
    row[16..20].copy_from_slice(&(TEXT_BYTES as u32).to_le_bytes());
    row
}

fn key(at: &Placement, id: u64) -> Key {
    let mut key = KeyBuilder::new(at.def().index(PRIMARY));
    key.value(&id).expect("the primary key is a u64");
    key.finish()
}

/// Nanoseconds for each of these, on the average.
fn time<T>(each: &[T], mut work: impl FnMut(&T)) -> f64 {
    each.iter().for_each(&mut work);
    let started = processor_ns();
    (0..ROUNDS).for_each(|_| each.iter().for_each(&mut work));
    (processor_ns() - started) / (ROUNDS * each.len()) as f64
}

/// Nanoseconds that this thread has run.
fn processor_ns() -> f64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    schedstat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0.0)
}
