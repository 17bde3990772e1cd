//! Puts test modules together from WebAssembly text, deploys them, and calls them as a shard would.

use std::sync::LazyLock;
use std::time::Duration;

use cosmictron_types::{Column, ConnectionId, Identity, RowWriter, Timestamp, TxId};
use cosmictron_wasm_host::{
    CallContext, CallOutcome, CompileError, CompiledModule, Host, HostOptions, Instances, Limits,
};

use crate::model::Model;

/// Long enough for whatever ends by itself on a busy machine, short enough to wait for.
const DEADLINE: Duration = Duration::from_secs(1);

/// One host for all tests, as there is one in a server.
pub(crate) static HOST: LazyLock<Host> = LazyLock::new(|| host(Limits::default()));

pub(crate) fn host(limits: Limits) -> Host {
    let limits = Limits { deadline: DEADLINE, ..limits };
    Host::new(HostOptions { limits, instances_max: 64, ..HostOptions::default() }).unwrap()
}

pub(crate) const CONTEXT: CallContext = CallContext {
    tx_id: TxId::new(7),
    timestamp: Timestamp::from_micros(1_700_000_000_000_000),
    sender: Identity::from_bytes([0xaa; 32]),
    connection_id: ConnectionId::from_bytes([0xbb; 16]),
    seed: [0xcc; 16],
};

pub(crate) fn compile(text: &str) -> Result<CompiledModule, CompileError> {
    HOST.compile(&wat::parse_str(text).unwrap())
}

/// A module on a shard of its own.
pub(crate) struct Deployed {
    pub(crate) module: CompiledModule,
    pub(crate) instances: Instances<Model>,
    pub(crate) model: Model,
}

impl Deployed {
    #[track_caller]
    pub(crate) fn new(text: &str) -> Deployed {
        Deployed::on(&HOST, text)
    }

    #[track_caller]
    pub(crate) fn on(host: &Host, text: &str) -> Deployed {
        let module = host.compile(&wat::parse_str(text).unwrap()).unwrap();
        let model = Model::new(module.schema());
        Deployed { instances: Instances::new(&module), module, model }
    }

    /// Runs a reducer; undoes what it did unless it returned, as a shard does.
    #[track_caller]
    pub(crate) fn call(&mut self, reducer: &str, args: &[u8]) -> CallOutcome {
        let reducers = &self.module.schema().reducers;
        let number = reducers.iter().position(|known| known.name == reducer).unwrap();
        let number = u32::try_from(number).unwrap();
        let (model, outcome) = self.instances.call(number, &CONTEXT, args, self.model.clone());
        assert_eq!(model.scans_open(), 0, "a scan was left open");
        if matches!(outcome, CallOutcome::Returned { .. }) {
            self.model = model;
        }
        outcome
    }

    /// Runs a view for the sender of [`CONTEXT`]; yields its rows.
    #[track_caller]
    pub(crate) fn view(&mut self, view: &str) -> (Vec<Vec<u8>>, CallOutcome) {
        let views = &self.module.schema().views;
        let number = views.iter().position(|known| known.name == view).unwrap();
        let number = u32::try_from(number).unwrap();
        let (mut model, outcome) = self.instances.view(number, CONTEXT.sender, self.model.clone());
        assert_eq!(model.scans_open(), 0, "a scan was left open");
        (std::mem::take(&mut model.taken), outcome)
    }

    /// The result of a reducer that has to return one.
    #[track_caller]
    pub(crate) fn result(&mut self, reducer: &str, args: &[u8]) -> Vec<u8> {
        match self.call(reducer, args) {
            CallOutcome::Returned { result } => result.unwrap(),
            other => panic!("{other}"),
        }
    }
}

/// A row of two columns, as arguments travel.
pub(crate) fn row2<A: Column, B: Column>(a: &A, b: &B) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = RowWriter::new(&mut out);
    writer.slot(a);
    writer.slot(b);
    writer.tail(a);
    writer.tail(b);
    out
}

/// A row of one column.
pub(crate) fn row1<A: Column>(a: &A) -> Vec<u8> {
    let mut out = Vec::new();
    cosmictron_types::row::encode_single(a, &mut out);
    out
}

/// A small module: all imports, one page of memory, the table `t(id u64 auto_inc, n u64, name string)` with the indexes
/// `id`, `by_n` (not unique) and `by_name` (unique), and the reducer `r`, whose body (it leaves an i32) and neighbours
/// are the test's.
///
/// Memory: "t" at 0, "by_n" at 8, "by_name" at 16, "r" at 32, the input at 1024, the schema from 32768 on.
pub(crate) fn module(body: &str, neighbours: &str) -> String {
    module_with(ITEMS, body, neighbours)
}

/// As [`module`], describing itself in the test's words.
pub(crate) fn module_with(items: &[&str], body: &str, neighbours: &str) -> String {
    let mut data = String::new();
    let mut describe = String::new();
    let mut at = 32 << 10;
    for item in items {
        let bytes: String = item.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        data += &format!("(data (i32.const {at}) \"{bytes}\")\n");
        describe += &format!("(call $describe (i32.const {at}) (i32.const {}))\n", item.len());
        at += item.len();
    }
    format!(
        r#"(module {IMPORTS} (memory (export "memory") 1)
        (data (i32.const 0) "t") (data (i32.const 8) "by_n") (data (i32.const 16) "by_name")
        (data (i32.const 32) "r") {data}
        (func (export "cosm_abi_1"))
        (func (export "cosm_buffer") (param i32) (result i32) (i32.const 1024))
        (func (export "cosm_describe_all") {describe})
        {neighbours}
        (func $r (export "cosm_reducer_r") (param $input i32) (param $length i32) (result i32)
        {body}))"#
    )
}

pub(crate) const TABLE: &str = r#"{"table":{"name":"t","columns":[
    {"name":"id","type":"u64","auto_inc":true},{"name":"n","type":"u64"},{"name":"name","type":"string"}],
    "indexes":[{"name":"id","columns":["id"],"primary":true},{"name":"by_n","columns":["n"]},
    {"name":"by_name","columns":["name"],"unique":true}]}}"#;
pub(crate) const REDUCER: &str = r#"{"reducer":{"name":"r"}}"#;
pub(crate) const ITEMS: &[&str] = &[TABLE, REDUCER];

pub(crate) const IMPORTS: &str = r#"
  (import "cosm" "describe" (func $describe (param i32 i32)))
  (import "cosm" "result" (func $result (param i32 i32)))
  (import "cosm" "rows" (func $rows (param i32 i32)))
  (import "cosm" "fail" (func $fail (param i32 i32)))
  (import "cosm" "schedule" (func $schedule (param i64 i32 i32 i32 i32) (result i32)))
  (import "console" "log" (func $log (param i32 i32 i32)))
  (import "datastore" "table" (func $table (param i32 i32) (result i32)))
  (import "datastore" "index" (func $index (param i32 i32 i32) (result i32)))
  (import "datastore" "insert" (func $insert (param i32 i32 i32) (result i32)))
  (import "datastore" "update" (func $update (param i32 i32 i32) (result i32)))
  (import "datastore" "delete" (func $delete (param i32 i32 i32 i32) (result i64)))
  (import "datastore" "find" (func $find (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "datastore" "scan" (func $scan (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "datastore" "next" (func $next (param i32 i32 i32) (result i64)))
  (import "datastore" "close" (func $close (param i32)))
  (import "datastore" "count" (func $count (param i32) (result i64)))
  (import "datastore" "error" (func $error (param i32 i32) (result i32)))
"#;
