//! Owns the WebAssembly engine of the process: its settings, its pool of instances, and the clock that ends calls.
//!
//! Invariants:
//! 1. A guest can reach nothing but the imports of the ABI; there is no WASI.
//! 2. Equal calls behave equally on every machine: no threads, no relaxed SIMD, one bit pattern for every NaN.
//!
//! wasmtime handles the process's SIGSEGV, SIGILL, SIGFPE and SIGBUS from then on, as it turns faults of guests into
//! traps. Make the host on a thread that is pinned to no core: the clock's thread inherits the mask.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::clock::Clock;
use crate::limits::Limits;

/// Bytes of a discarded instance's memory that stay resident and are cleared rather than given back.
const RESIDENT_BYTES: usize = 1 << 20;
/// Slots of the pool that keep a module's image mapped while nobody uses them. Each may keep `RESIDENT_BYTES`.
const WARM_SLOTS_MAX: u32 = 64;
/// Bytes of an instance's own bookkeeping in the engine: imports, and 32 bytes for every function that a table or an
/// export names.
const INSTANCE_BYTES: usize = 2 << 20;
/// Tables that one module may have; compilers make one.
pub(crate) const TABLES_MAX: u32 = 4;
/// Frames looked at to find a named function after a trap.
const FRAMES: NonZeroUsize = NonZeroUsize::new(16).expect("16 is not zero");
/// Bytes of a page of WebAssembly memory.
pub(crate) const PAGE_BYTES: usize = 64 << 10;

/// The process's WebAssembly engine. Cheap to clone; every clone is the same engine.
#[derive(Clone, Debug)]
pub struct Host {
    pub(crate) engine: Engine,
    pub(crate) limits: Arc<Limits>,
    pub(crate) clock: Clock,
}

/// What the whole process may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostOptions {
    /// For every module alike.
    pub limits: Limits,
    /// Instances alive at once in the process: three for every module on every shard are enough. Each reserves 4 GiB
    /// of addresses, none of them memory until it is used.
    pub instances_max: u32,
    /// How often running guests are checked against their deadline.
    pub tick: Duration,
    /// Whether one module is compiled on all cores at once. Quicker, and every shard feels it.
    pub parallel_compilation: bool,
}

impl Default for HostOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            instances_max: 1024,
            tick: Duration::from_millis(1),
            parallel_compilation: false,
        }
    }
}

/// Why there is no WebAssembly engine. The machine's or the configuration's doing.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("{option} is {value}, but has to be at least {value_min}")]
    TooSmall { option: &'static str, value: u128, value_min: u128 },
    /// Often a limit on the process's addresses (`ulimit -v`).
    #[error(
        "the WebAssembly engine does not start with room for {instances_max} instances: {reason}"
    )]
    Engine { instances_max: u32, reason: String },
    #[error("the WebAssembly engine's clock does not start: {0}")]
    Clock(#[source] std::io::Error),
}

impl Host {
    /// Makes the engine and starts its clock's thread. The thread ends when the last clone, module and instance of
    /// this host is gone.
    pub fn new(options: HostOptions) -> Result<Host, HostError> {
        options.check()?;
        let HostOptions { instances_max, tick, .. } = options;
        let engine = Engine::new(&config(&options))
            .map_err(|error| HostError::Engine { instances_max, reason: format!("{error:#}") })?;
        let clock = Clock::start(&engine, tick, options.limits.deadline);
        let clock = clock.map_err(HostError::Clock)?;
        Ok(Host { engine, limits: Arc::new(options.limits), clock })
    }

    /// What was asked for when the host was made.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

impl HostOptions {
    fn check(&self) -> Result<(), HostError> {
        let at_least = |option, value: u128, value_min: u128| {
            if value < value_min {
                return Err(HostError::TooSmall { option, value, value_min });
            }
            Ok(())
        };
        let limits = &self.limits;
        at_least("tick in nanoseconds", self.tick.as_nanos(), 10_000)?;
        at_least("instances_max", self.instances_max.into(), 1)?;
        at_least("memory_bytes", limits.memory_bytes as u128, PAGE_BYTES as u128)?;
        at_least("stack_bytes", limits.stack_bytes as u128, 16 << 10)?;
        at_least("scans_open", limits.scans_open as u128, 1)?;
        at_least("calls_per_instance", limits.calls_per_instance.into(), 1)
    }
}

fn config(options: &HostOptions) -> Config {
    let limits = &options.limits;
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(options)))
        .memory_init_cow(true)
        .epoch_interruption(true)
        .max_wasm_stack(limits.stack_bytes)
        .parallel_compilation(options.parallel_compilation)
        .cranelift_nan_canonicalization(true)
        .wasm_backtrace_max_frames(Some(FRAMES))
        .generate_address_map(false)
        .native_unwind_info(false)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false);
    config
}

fn pool(options: &HostOptions) -> PoolingAllocationConfig {
    let limits = &options.limits;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(options.instances_max)
        .total_memories(options.instances_max)
        .total_tables(options.instances_max.saturating_mul(TABLES_MAX))
        .max_memories_per_module(1)
        .max_tables_per_module(TABLES_MAX)
        .max_memory_size(limits.memory_bytes / PAGE_BYTES * PAGE_BYTES)
        .table_elements(limits.table_elements)
        .max_core_instance_size(INSTANCE_BYTES)
        .linear_memory_keep_resident(RESIDENT_BYTES)
        .table_keep_resident(RESIDENT_BYTES)
        .max_unused_warm_slots(WARM_SLOTS_MAX)
        // Where the kernel has it, only the pages that a guest wrote to are cleared.
        .pagemap_scan(Enabled::Auto);
    pool
}
