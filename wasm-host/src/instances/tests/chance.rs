//! Modules made by chance, on a shard that answers by chance: whatever happens, every call has an outcome.

use std::sync::Arc;
use std::time::Duration;

use cosmictron_types::Timestamp;
use cosmictron_types::schema::ModuleSchema;
use wasm_smith::{Config, Module};

use super::CONTEXT;
use crate::data::{Data, DataError, GuestKey, GuestRange, RejectCode, ScanHandle};
use crate::host::{Host, HostOptions};
use crate::imports;
use crate::inspect::inspect;
use crate::instances::Instances;
use crate::limits::Limits;
use crate::module::{CompiledModule, Parts};
use crate::version::Version;

/// Modules tried; each is compiled, which takes milliseconds.
const MODULES: u64 = 200;
/// Calls into each that was accepted.
const CALLS: u32 = 4;

/// A shard without tables that answers anything it may answer.
struct Chance {
    state: u64,
    row: Vec<u8>,
    scans: u32,
    scans_open: i32,
}

impl Chance {
    fn new(seed: u64) -> Chance {
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Chance { state, row: vec![7; 24], scans: 0, scans_open: 0 }
    }

    fn below(&mut self, count: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % count
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| u8::try_from(self.below(256)).unwrap()).collect()
    }

    fn answer(&mut self) -> Result<(), DataError> {
        match self.below(16) {
            0 => Err(DataError::Aborted),
            1 => Err(DataError::Misuse("by chance".to_owned())),
            2 | 3 => {
                let code = RejectCode::UniqueViolation;
                Err(DataError::Rejected { code, message: "by chance".to_owned() })
            }
            _ => Ok(()),
        }
    }
}

impl Data for Chance {
    fn insert(&mut self, _: u32, row: &mut [u8]) -> Result<(), DataError> {
        row.fill(1);
        self.answer()
    }

    fn update(&mut self, _: u32, _: &[u8]) -> Result<(), DataError> {
        self.answer()
    }

    fn delete(&mut self, _: u32, _: u32, _: GuestKey<'_>) -> Result<u64, DataError> {
        self.answer().map(|()| 3)
    }

    fn find(&mut self, _: u32, _: u32, _: GuestKey<'_>) -> Result<Option<&[u8]>, DataError> {
        self.answer()?;
        Ok(if self.below(2) == 0 { Some(&self.row) } else { None })
    }

    fn scan(&mut self, _: u32, _: GuestRange<'_>) -> Result<ScanHandle, DataError> {
        self.answer()?;
        self.scans += 1;
        self.scans_open += 1;
        Ok(ScanHandle(self.scans))
    }

    fn next(
        &mut self,
        _: ScanHandle,
        sink: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool, DataError> {
        self.answer()?;
        for _ in 0..self.below(8) {
            if !sink(&self.row) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn close(&mut self, _: ScanHandle) {
        self.scans_open -= 1;
    }

    fn count(&mut self, _: u32) -> Result<u64, DataError> {
        self.answer().map(|()| u64::MAX)
    }

    fn take_row(&mut self, _: &mut [u8]) -> Result<(), DataError> {
        self.answer()
    }

    fn schedule(&mut self, _: Timestamp, _: u32, _: &[u8]) -> Result<(), DataError> {
        self.answer()
    }
}

/// What a module may import and has to export.
fn config() -> Config {
    let counter = include_str!("../../../../tests/modules/wat/counter.wat");
    let all_imports = counter.split("(memory (export").next().unwrap();
    assert_eq!(all_imports.matches("(import ").count(), imports::OFFERED.len());
    let exports = r#"(module (memory (export "memory") 1 2) (func (export "cosm_abi_1"))
        (func (export "cosm_buffer") (param i32) (result i32) unreachable)
        (func (export "cosm_reducer_r") (param i32 i32) (result i32) unreachable))"#;
    Config {
        available_imports: Some(wat::parse_str(format!("{all_imports})")).unwrap()),
        exports: Some(wat::parse_str(exports).unwrap()),
        max_memory32_bytes: 1 << 20,
        // Besides the one that is exported.
        max_memories: 0,
        max_table_elements: 1000,
        allow_start_export: false,
        max_instructions: 400,
        compact_imports_enabled: false,
        reference_types_enabled: false,
        gc_enabled: false,
        exceptions_enabled: false,
        threads_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        wide_arithmetic_enabled: false,
        custom_page_sizes_enabled: false,
        ..Config::default()
    }
}

/// A random module cannot describe itself, so its schema is given to it here.
fn admit(host: &Host, wasm: &[u8]) -> Option<CompiledModule> {
    let table = r#"{"table":{"name":"t","columns":[{"name":"id","type":"u64"}],
        "indexes":[{"name":"id","columns":["id"],"primary":true}]}}"#;
    let reducer = r#"{"reducer":{"name":"r"}}"#;
    let schema = ModuleSchema::parse_items([table, reducer]).unwrap();
    inspect(wasm, &host.limits).ok()?;
    let module = host.translate(wasm).ok()?;
    imports::linker::<Chance>(&host.engine).instantiate_pre(&module).ok()?;
    let interface = Arc::new(crate::compile::interface(&module, schema));
    let (host, version) = (host.clone(), Version::of(wasm));
    let wasm_bytes = wasm.len();
    let parts = Parts { host, module, interface, version, wasm_bytes, was_cached: false };
    Some(CompiledModule::new(parts))
}

#[test]
fn modules_made_by_chance_do_no_harm() {
    let limits = Limits { deadline: Duration::from_millis(5), ..Limits::default() };
    let host = Host::new(HostOptions { limits, ..HostOptions::default() }).unwrap();
    let config = config();
    let mut outcomes = std::collections::BTreeMap::<String, u32>::new();
    for seed in 0..MODULES {
        let mut chance = Chance::new(seed);
        let bytes = chance.bytes(4096);
        let mut source = arbitrary::Unstructured::new(&bytes);
        let Ok(module) = Module::new(config.clone(), &mut source) else { continue };
        let Some(compiled) = admit(&host, &module.to_bytes()) else { continue };
        let mut instances = Instances::new(&compiled);
        for _ in 0..CALLS {
            let (after, outcome) = instances.call(0, &CONTEXT, &chance.bytes(64), chance);
            chance = after;
            assert_eq!(chance.scans_open, 0, "seed {seed}");
            assert!(outcome.to_string().len() < 8192, "seed {seed}");
            let kind = format!("{outcome:?}");
            *outcomes.entry(kind.split([' ', '(']).next().unwrap().to_owned()).or_default() += 1;
        }
    }
    // If nothing ever runs far, the test has lost its point.
    assert!(outcomes.len() >= 3, "{outcomes:?}");
    assert!(outcomes.values().sum::<u32>() >= 400, "{outcomes:?}");
}
