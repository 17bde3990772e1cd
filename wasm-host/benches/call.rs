//! What calls, instances and compilation cost. `cargo bench -p cosmictron-wasm-host`; with `--test` each runs once.

use std::hint::black_box;

use cosmictron_types::{ConnectionId, Identity, Timestamp, TxId};
use cosmictron_wasm_host::{
    Cache, CallContext, CallOutcome, CompiledModule, Data, DataError, GuestKey, GuestRange, Host,
    HostOptions, Instances, Limits, ScanHandle,
};
use criterion::{Criterion, criterion_group, criterion_main};

const ROWS: usize = 1000;
/// id u64, n u64.
const ROW_BYTES: usize = 16;

const CONTEXT: CallContext = CallContext {
    tx_id: TxId::ZERO,
    timestamp: Timestamp::EPOCH,
    sender: Identity::SYSTEM,
    connection_id: ConnectionId::NONE,
    seed: [0; 16],
};

/// One table of numbered rows; the key is the place. As little of a shard as there can be.
struct Rows {
    rows: Vec<[u8; ROW_BYTES]>,
    scan_at: usize,
}

fn place(bytes: &[u8]) -> Result<usize, DataError> {
    let id = bytes.first_chunk().map(|id| u64::from_le_bytes(*id));
    id.map(|id| id as usize % ROWS).ok_or_else(|| DataError::Misuse("short".to_owned()))
}

impl Data for Rows {
    fn insert(&mut self, _: u32, row: &mut [u8]) -> Result<(), DataError> {
        let place = place(row)?;
        self.rows[place].copy_from_slice(row);
        Ok(())
    }

    fn update(&mut self, table: u32, row: &[u8]) -> Result<(), DataError> {
        let mut row: [u8; ROW_BYTES] = row.try_into().expect("the benchmark's rows have one size");
        self.insert(table, &mut row)
    }

    fn delete(&mut self, _: u32, _: u32, _: GuestKey<'_>) -> Result<u64, DataError> {
        Ok(0)
    }

    fn find(&mut self, _: u32, _: u32, key: GuestKey<'_>) -> Result<Option<&[u8]>, DataError> {
        place(key.row).map(|place| Some(&self.rows[place][..]))
    }

    fn scan(&mut self, _: u32, _: GuestRange<'_>) -> Result<ScanHandle, DataError> {
        self.scan_at = 0;
        Ok(ScanHandle(0))
    }

    fn next(
        &mut self,
        _: ScanHandle,
        sink: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool, DataError> {
        while let Some(row) = self.rows.get(self.scan_at) {
            if !sink(row) {
                return Ok(true);
            }
            self.scan_at += 1;
        }
        Ok(false)
    }

    fn close(&mut self, _: ScanHandle) {}

    fn count(&mut self, _: u32) -> Result<u64, DataError> {
        Ok(ROWS as u64)
    }

    fn take_row(&mut self, _: &mut [u8]) -> Result<(), DataError> {
        Ok(())
    }

    fn schedule(&mut self, _: Timestamp, _: u32, _: &[u8]) -> Result<(), DataError> {
        Ok(())
    }
}

const MODULE: &str = r#"(module
  (import "cosm" "describe" (func $describe (param i32 i32)))
  (import "cosm" "result" (func $result (param i32 i32)))
  (import "console" "log" (func $log (param i32 i32 i32)))
  (import "datastore" "update" (func $update (param i32 i32 i32) (result i32)))
  (import "datastore" "find" (func $find (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "datastore" "scan" (func $scan (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "datastore" "next" (func $next (param i32 i32 i32) (result i64)))
  (memory (export "memory") 1)
  (data (i32.const 1024) "{\"table\":{\"name\":\"t\",\"columns\":[{\"name\":\"id\",\"type\":\"u64\"},{\"name\":\"n\",\"type\":\"u64\"}],\"indexes\":[{\"name\":\"id\",\"columns\":[\"id\"],\"primary\":true}]}}")
  (data (i32.const 1280) "{\"reducer\":{\"name\":\"a_empty\"}}")
  (data (i32.const 1344) "{\"reducer\":{\"name\":\"b_result\",\"result\":\"u64\"}}")
  (data (i32.const 1408) "{\"reducer\":{\"name\":\"c_find_update\",\"params\":[{\"name\":\"id\",\"type\":\"u64\"}]}}")
  (data (i32.const 1536) "{\"reducer\":{\"name\":\"d_scan\"}}")
  (data (i32.const 1600) "{\"reducer\":{\"name\":\"e_trap\"}}")
  (data (i32.const 1664) "{\"reducer\":{\"name\":\"f_log\"}}")
  (func (export "cosm_abi_1"))
  (func (export "cosm_buffer") (param i32) (result i32) (i32.const 8192))
  (func (export "cosm_describe_all")
    (call $describe (i32.const 1024) (i32.const 145))
    (call $describe (i32.const 1280) (i32.const 30))
    (call $describe (i32.const 1344) (i32.const 46))
    (call $describe (i32.const 1408) (i32.const 74))
    (call $describe (i32.const 1536) (i32.const 29))
    (call $describe (i32.const 1600) (i32.const 29))
    (call $describe (i32.const 1664) (i32.const 28)))
  (func (export "cosm_reducer_a_empty") (param i32 i32) (result i32) (i32.const 0))
  (func (export "cosm_reducer_b_result") (param i32 i32) (result i32)
    (call $result (i32.const 0) (i32.const 8)) (i32.const 0))
  (func (export "cosm_reducer_c_find_update") (param i32 i32) (result i32)
    (i32.store8 (i32.const 0) (i32.const 1))
    (i64.store (i32.const 1) (i64.load offset=80 (local.get 0)))
    (if (i64.lt_s (call $find (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 9)
          (i32.const 20) (i32.const 16)) (i64.const 0)) (then (unreachable)))
    (i32.store (i32.const 16) (i32.const 16))
    (i64.store (i32.const 28) (i64.add (i64.load (i32.const 28)) (i64.const 1)))
    (call $update (i32.const 0) (i32.const 16) (i32.const 20)))
  (func (export "cosm_reducer_d_scan") (param i32 i32) (result i32)
    (local $scan i32)
    (local.set $scan (call $scan (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0)))
    (loop $l (br_if $l (i64.ne (call $next (local.get $scan) (i32.const 8192) (i32.const 4096)) (i64.const 0))))
    (i32.const 0))
  (func (export "cosm_reducer_e_trap") (param i32 i32) (result i32) (unreachable))
  (func (export "cosm_reducer_f_log") (param i32 i32) (result i32)
    (call $log (i32.const 2) (i32.const 1024) (i32.const 64)) (i32.const 0)))"#;

const EMPTY: u32 = 0;
const RESULT: u32 = 1;
const FIND_UPDATE: u32 = 2;
const SCAN: u32 = 3;
const TRAP: u32 = 4;
const LOG: u32 = 5;

struct Shard {
    instances: Instances<Box<Rows>>,
    data: Option<Box<Rows>>,
}

impl Data for Box<Rows> {
    fn insert(&mut self, table: u32, row: &mut [u8]) -> Result<(), DataError> {
        (**self).insert(table, row)
    }

    fn update(&mut self, table: u32, row: &[u8]) -> Result<(), DataError> {
        (**self).update(table, row)
    }

    fn delete(&mut self, table: u32, index: u32, key: GuestKey<'_>) -> Result<u64, DataError> {
        (**self).delete(table, index, key)
    }

    fn find(
        &mut self,
        table: u32,
        index: u32,
        key: GuestKey<'_>,
    ) -> Result<Option<&[u8]>, DataError> {
        (**self).find(table, index, key)
    }

    fn scan(&mut self, table: u32, range: GuestRange<'_>) -> Result<ScanHandle, DataError> {
        (**self).scan(table, range)
    }

    fn next(
        &mut self,
        scan: ScanHandle,
        sink: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool, DataError> {
        (**self).next(scan, sink)
    }

    fn close(&mut self, scan: ScanHandle) {
        (**self).close(scan);
    }

    fn count(&mut self, table: u32) -> Result<u64, DataError> {
        (**self).count(table)
    }

    fn take_row(&mut self, row: &mut [u8]) -> Result<(), DataError> {
        (**self).take_row(row)
    }

    fn schedule(&mut self, at: Timestamp, reducer: u32, args: &[u8]) -> Result<(), DataError> {
        (**self).schedule(at, reducer, args)
    }
}

impl Shard {
    fn new(module: &CompiledModule) -> Shard {
        let rows = (0..ROWS as u128).map(u128::to_le_bytes).collect();
        let mut instances = Instances::new(module);
        instances.replenish().expect("the pool has room");
        Shard { instances, data: Some(Box::new(Rows { rows, scan_at: 0 })) }
    }

    fn call(&mut self, reducer: u32, args: &[u8]) -> CallOutcome {
        let data = self.data.take().expect("the data came back");
        let (data, outcome) = self.instances.call(reducer, &CONTEXT, args, data);
        self.data = Some(data);
        outcome
    }

    fn must_return(&mut self, reducer: u32, args: &[u8]) {
        let outcome = self.call(reducer, args);
        assert!(matches!(outcome, CallOutcome::Returned { .. }), "{outcome}");
    }
}

fn host(limits: Limits) -> Host {
    let options = HostOptions { limits, instances_max: 64, ..HostOptions::default() };
    Host::new(options).expect("the machine runs WebAssembly")
}

fn calls(criterion: &mut Criterion) {
    let wasm = wat::parse_str(MODULE).expect("the module is well formed");
    let module = host(Limits::default()).compile(&wasm).expect("the module is accepted");
    let mut shard = Shard::new(&module);
    let cases = [("empty", EMPTY), ("result", RESULT), ("log", LOG), ("scan 1000 rows", SCAN)];
    for (name, reducer) in cases {
        criterion.bench_function(name, |bench| bench.iter(|| shard.must_return(reducer, &[])));
    }
    let mut id = 0u64;
    criterion.bench_function("find and update", |bench| {
        bench.iter(|| {
            id = id.wrapping_add(0x9e37_79b9);
            shard.must_return(FIND_UPDATE, &id.to_le_bytes());
        });
    });
}

fn instances(criterion: &mut Criterion) {
    let wasm = wat::parse_str(MODULE).expect("the module is well formed");
    let module = host(Limits::default()).compile(&wasm).expect("the module is accepted");
    let mut shard = Shard::new(&module);
    criterion.bench_function("trap and replenish", |bench| {
        bench.iter(|| {
            black_box(shard.call(TRAP, &[]));
            shard.instances.replenish().expect("the pool has room");
        });
    });
    let once = host(Limits { calls_per_instance: 1, ..Limits::default() });
    let mut isolated = Shard::new(&once.compile(&wasm).expect("the module is accepted"));
    criterion.bench_function("empty, an instance a call", |bench| {
        bench.iter(|| isolated.must_return(EMPTY, &[]));
    });
}

fn compilation(criterion: &mut Criterion) {
    let host = host(Limits::default());
    let wasm = wat::parse_str(MODULE).expect("the module is well formed");
    let directory = tempfile::tempdir().expect("there is a place for temporary files");
    let cache = Cache::open(directory.path()).expect("the directory is ours");
    criterion.bench_function("compile a small module", |bench| {
        bench.iter(|| host.compile(&wasm).expect("the module is accepted"));
    });
    host.load_or_compile(&wasm, &cache).expect("the module is accepted");
    criterion.bench_function("load a small module", |bench| {
        bench.iter(|| host.load_or_compile(&wasm, &cache).expect("the module is accepted"));
    });
}

criterion_group!(benches, calls, instances, compilation);
criterion_main!(benches);
