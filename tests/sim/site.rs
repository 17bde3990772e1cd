//! Prepares what the real server prepares outside of its shards: the WebAssembly engine, the module files, the options.
//!
//! Compilation runs on the helper pool and ends before a shard hears of a module, so it stays outside of the simulated
//! world as well. What boots read back is read from files that are never torn: the real server has them on the device
//! before a module's row is in any log.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use cosmictron::config::Durability;
use cosmictron::module_files::ModuleFiles;
use cosmictron::shard::{BootPlan, ShardOptions};
use cosmictron_sql::ExecutionLimits;
use cosmictron_storage::log::LogOptions;
use cosmictron_storage::{StoreLimits, TransactionLimits};
use cosmictron_types::Duration;
use cosmictron_wasm_host::{CompiledModule, Host, HostOptions};
use tempfile::TempDir;

/// Small, so that segments rotate: a record of the bank's takes about 400 bytes, a group at least 4 KiB.
pub const SEGMENT_BYTES: u64 = 128 << 10;

/// What all simulated servers of a test share.
pub struct Site {
    /// Of a directory that was never served.
    plan: BootPlan,
    /// The bank, in two versions.
    bank: [CompiledModule; 2],
    _directory: TempDir,
}

impl Site {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut options = HostOptions { instances_max: 64, ..HostOptions::default() };
        // A deadline is real time, which must not decide anything here.
        options.limits.deadline = StdDuration::from_secs(60 * 60);
        let modules = ModuleFiles::open(directory.path(), Host::new(options).unwrap()).unwrap();
        let bank = bank_sources().map(|text| modules.store(&wat::parse_str(text).unwrap()));
        Site { plan: plan(modules), bank: bank.map(Result::unwrap), _directory: directory }
    }

    /// What a server with so many writes in flight starts from.
    pub fn plan(&self, groups_in_flight_max: usize) -> BootPlan {
        let mut plan = self.plan.clone();
        plan.log.groups_in_flight_max = groups_in_flight_max;
        plan
    }

    pub fn bank(&self) -> &[CompiledModule; 2] {
        &self.bank
    }
}

fn bank_sources() -> [String; 2] {
    let first = include_str!("../modules/wat/bank.wat");
    let second = first.replacen("(; version 2", "", 1).replacen(";)", "", 1);
    assert_ne!(first, second, "the bank has two versions");
    [first.to_owned(), second]
}

fn plan(modules: ModuleFiles) -> BootPlan {
    BootPlan {
        options: Arc::new(ShardOptions {
            transaction: TransactionLimits { rows_max: 1_000, bytes_max: 64 << 10 },
            idempotency_kept: Duration::from_secs(24 * 60 * 60),
            history_time: Duration::from_secs(60 * 60),
            query: ExecutionLimits::default(),
        }),
        store: StoreLimits {
            bytes_max: 64 << 20,
            history_bytes_max: 256 << 10,
            ..StoreLimits::default()
        },
        log: LogOptions {
            segment_bytes: SEGMENT_BYTES,
            group_bytes_max: 16 << 10,
            record_bytes_max: 96 << 10,
            backlog_bytes_max: 112 << 10,
            ..LogOptions::default()
        },
        durability: Durability::Always,
        data: 0x5157_0c0f_fee0_0001,
        is_begun: false,
        modules,
    }
}
