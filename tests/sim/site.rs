//! Prepares what the real server prepares outside of its shards: the WebAssembly engine, the module files, the options.
//!
//! Compilation runs on the helper pool and ends before a shard hears of a module, so it stays outside of the simulated
//! world as well. What boots read back is read from files that are never torn: the real server has them on the device
//! before a module's row is in any log.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration as StdDuration;

use cosmictron::config::Durability;
use cosmictron::module_files::ModuleFiles;
use cosmictron::shard::{BootPlan, LiveLimits, ShardOptions};
use cosmictron_sql::ExecutionLimits;
use cosmictron_storage::log::LogOptions;
use cosmictron_storage::{StoreLimits, TransactionLimits};
use cosmictron_types::Duration;
use cosmictron_wasm_host::{CompiledModule, Host, HostOptions};
use tempfile::TempDir;

use crate::desk::{self, Workload};
use crate::visits;

/// Small, so that segments rotate: a record of the bank's takes about 400 bytes, a group at least 4 KiB.
pub const SEGMENT_BYTES: u64 = 128 << 10;

/// What all simulated servers of a test share.
pub struct Site {
    /// Of a directory that was never served.
    plan: BootPlan,
    modules: ModuleFiles,
    /// The versions of banks and desks, by family: two for each way to route its calls. They are compiled when they are
    /// first asked for.
    versions: BTreeMap<Family, OnceCell<Vec<CompiledModule>>>,
    _directory: TempDir,
}

impl Site {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut options = HostOptions { instances_max: 64, ..HostOptions::default() };
        // A deadline is real time, which must not decide anything here.
        options.limits.deadline = StdDuration::from_secs(60 * 60);
        let modules = ModuleFiles::open(directory.path(), Host::new(options).unwrap()).unwrap();
        let versions = Family::all().map(|family| (family, OnceCell::new())).collect();
        Site { plan: plan(modules.clone()), modules, versions, _directory: directory }
    }

    /// What a server with so many writes in flight starts from.
    pub fn plan(&self, groups_in_flight_max: usize) -> BootPlan {
        let mut plan = self.plan.clone();
        plan.log.groups_in_flight_max = groups_in_flight_max;
        plan
    }

    /// A bank's or desk's versions.
    pub fn bank(&self, family: Family) -> &[CompiledModule] {
        let compile = |text| self.modules.store(&wat::parse_str(text).unwrap()).unwrap();
        self.versions[&family].get_or_init(|| family.sources().into_iter().map(compile).collect())
    }
}

/// Modules with the same tables, of which one can follow the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    AtHome,
    Spread,
    /// Spread, and no two receipts have the same mark: they are spread by their ids, so that takes a sharded index.
    Unique,
    /// No bank: a desk, spread or not.
    Desk(Workload, bool),
    /// It is told of connections, spread or not.
    Visited(bool),
}

impl Family {
    pub const BANKS: [Family; 3] = [Family::AtHome, Family::Spread, Family::Unique];

    fn all() -> impl Iterator<Item = Family> {
        let desks = |workload| [false, true].map(|is_spread| Family::Desk(workload, is_spread));
        let desks = Workload::ALL.into_iter().flat_map(desks);
        let visited = [false, true].map(Family::Visited);
        Family::BANKS.into_iter().chain(desks).chain(visited)
    }

    pub fn is_spread(self) -> bool {
        !matches!(self, Family::AtHome | Family::Desk(_, false) | Family::Visited(false))
    }

    fn sources(self) -> Vec<String> {
        let kinds = match self {
            Family::Desk(workload, is_spread) => return desk::sources(workload, is_spread),
            Family::Visited(is_spread) => return visits::sources(is_spread),
            Family::AtHome => &[Kind::AtHome][..],
            Family::Spread | Family::Unique => &[Kind::Spread, Kind::Routed, Kind::RoutedByBoth],
        };
        kinds.iter().flat_map(|kind| bank_sources(*kind, self)).collect()
    }
}

/// Where the rows of a bank are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// All on its home.
    AtHome,
    /// Spread over the shards; calls start at home.
    Spread,
    /// Spread; a transfer starts where its source is.
    Routed,
    /// Spread; a transfer also says that it wants the store of its target.
    RoutedByBoth,
}

impl Kind {
    /// What is added to descriptions, by their beginnings.
    fn additions(self) -> Vec<(&'static str, &'static str)> {
        if self == Kind::AtHome {
            return Vec::new();
        }
        let mut additions = vec![
            (r#"{"table":{"name":"account""#, r#","shard_by":"id""#),
            (r#"{"table":{"name":"entry""#, r#","shard_by":"account""#),
            (r#"{"table":{"name":"receipt""#, r#","shard_by":"id""#),
        ];
        let route = match self {
            Kind::AtHome | Kind::Spread => return additions,
            Kind::Routed => r#","shard_by":["source"]"#,
            Kind::RoutedByBoth => r#","shard_by":["source","target"]"#,
        };
        let reducers =
            [r#"{"reducer":{"name":"transfer""#, r#"{"reducer":{"name":"transfer_later""#];
        additions.extend(reducers.map(|reducer| (reducer, route)));
        additions
    }
}

fn bank_sources(kind: Kind, family: Family) -> [String; 2] {
    let mark = r#""columns":["mark"]"#;
    let is_unique =
        |beginning: &str| family == Family::Unique && beginning.contains(r#""receipt""#);
    let edit = |text: String, (beginning, addition): &(&str, &str)| {
        describe(&text, beginning, |description| match is_unique(beginning) {
            true => description.replace(mark, &format!(r#"{mark},"unique":true"#)) + addition,
            false => description + addition,
        })
    };
    let whole = include_str!("../modules/wat/bank.wat").to_owned();
    let first = kind.additions().iter().fold(whole, edit);
    let second = first.replacen("(; version 2", "", 1).replacen(";)", "", 1);
    assert_ne!(first, second, "the bank has two versions");
    [first, second]
}

/// Makes another of the description that begins so, which comes without its last two braces. It moves to where there is
/// room for more.
fn describe(text: &str, beginning: &str, edit: impl Fn(String) -> String) -> String {
    let quoted = |text: &str| text.replace('"', "\\\"");
    let (head, tail) = text.split_once(&quoted(beginning)).expect("the bank describes it");
    let (_, old) = head.rsplit_once("(data (i32.const ").expect("a description is data");
    let old = old.split(')').next().and_then(|at| at.parse::<usize>().ok()).unwrap();
    // Where twice as much fits between one and the next.
    let new = (32 << 10) + 2 * old;
    let (description, _) = tail.split_once("}}\")").expect("a description ends so");
    let whole = format!("{}{description}}}}}", quoted(beginning));
    let plain = format!("{beginning}{}", description.replace('\\', ""));
    let longer = format!("{}}}}}", quoted(&edit(plain)));
    let length = |quoted: &str| quoted.replace('\\', "").len();
    let call = |at: usize, text: &str| {
        format!("(call $describe (i32.const {at}) (i32.const {}))", length(text))
    };
    let data = |at: usize, text: &str| format!("(data (i32.const {at}) \"{text}\")");
    let changed = text
        .replace(&data(old, &whole), &data(new, &longer))
        .replace(&call(old, &whole), &call(new, &longer));
    assert!(!changed.contains(&whole) && changed.contains(&call(new, &longer)));
    changed
}

fn plan(modules: ModuleFiles) -> BootPlan {
    BootPlan {
        options: Arc::new(ShardOptions {
            transaction: TransactionLimits { rows_max: 1_000, bytes_max: 64 << 10 },
            idempotency_kept: Duration::from_secs(24 * 60 * 60),
            audit_kept: Duration::from_secs(24 * 60 * 60),
            history_time: Duration::from_secs(60 * 60),
            query: ExecutionLimits::default(),
            // So few that the banks' tables take several slices.
            slice_rows: 5,
            live: LiveLimits { query_bytes_max: 16 << 20, bytes_max: 64 << 20, piece_rows: 3 },
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
        // A start then also holds the log to its seals.
        is_chained: true,
        is_begun: false,
        modules,
    }
}
