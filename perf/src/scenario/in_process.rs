//! The product's shards inside this process, asked by tasks on their own cores: no network.

use std::fs;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use cosmictron::config::Durability;
use cosmictron::module_files::ModuleFiles;
use cosmictron::shard::{
    Answer, BootPlan, Call, CallError, Deploy, LiveLimits, PIECE_ROWS, Request, Shard,
    ShardOptions, Unavailable,
};
use cosmictron_runtime::real;
use cosmictron_storage::log::LogOptions;
use cosmictron_storage::{StoreLimits, TransactionLimits};
use cosmictron_types::{ConnectionId, Duration, Identity};
use cosmictron_wasm_host::{CompiledModule, Host, HostOptions};
use tempfile::TempDir;

use super::bank::Bank;

/// For the log to have room again.
pub const PAUSE: Duration = Duration::from_millis(1);

/// A shard as a task on its core sees it.
pub type Handle = real::Shard<Shard>;

/// What servers in the process are started from.
pub struct Site {
    pub folder: TempDir,
    pub plan: BootPlan,
    pub compiled: CompiledModule,
}

impl Site {
    /// A folder of its own, and the bank's module compiled.
    pub fn new(bank: &Bank) -> Result<Self> {
        let folder = bank.place.folder()?;
        let modules = ModuleFiles::open(folder.path(), Host::new(HostOptions::default())?)?;
        let wasm = fs::read(&bank.place.module)
            .with_context(|| format!("the module {}", bank.place.module.display()))?;
        let compiled = modules.store(&wasm)?;
        Ok(Self { folder, plan: plan(modules), compiled })
    }
}

/// What the server's defaults come to, but for the durability.
fn plan(modules: ModuleFiles) -> BootPlan {
    BootPlan {
        options: Arc::new(ShardOptions {
            transaction: TransactionLimits { rows_max: 100_000, bytes_max: 16 << 20 },
            idempotency_kept: Duration::from_secs(24 * 60 * 60),
            audit_kept: Duration::from_secs(90 * 24 * 60 * 60),
            history_time: Duration::from_secs(60 * 60),
            slice_rows: cosmictron_sql::SLICE_ROWS,
            live: LiveLimits {
                query_bytes_max: 1 << 30,
                bytes_max: 2 << 30,
                piece_rows: PIECE_ROWS,
            },
            query: cosmictron_sql::ExecutionLimits::default(),
        }),
        store: StoreLimits::default(),
        log: LogOptions::default(),
        durability: Durability::None,
        data: 1,
        is_chained: false,
        is_begun: false,
        modules,
    }
}

/// Opens the server for calls; the first shard does it for all.
pub async fn open(shard: &Handle) -> Result<()> {
    let is_joined = matches!(shard.request(Request::Join).await, Answer::Joined);
    ensure!(is_joined, "the shard does not join");
    for other in shard.count().shards() {
        let answer = shard.request(Request::Sync(other)).await;
        ensure!(matches!(answer, Answer::Synced(Ok(()))), "the log of shard {other} is not begun");
    }
    let is_open = shard.request(Request::Open { have_all_begun: true }).await;
    ensure!(matches!(is_open, Answer::Joined), "the shard is not opened");
    Ok(())
}

/// Puts the bank's module in service.
pub async fn deploy(shard: &Handle, compiled: CompiledModule) -> Result<()> {
    let deploy = Deploy { name: "transfer".into(), compiled, deployer: Identity::SYSTEM };
    match shard.request(Request::Deploy(deploy)).await {
        Answer::Deployed(Ok(_)) => Ok(()),
        other => Err(anyhow!("the module is not deployed: {other:?}")),
    }
}

/// A call of a reducer by its name, as the API makes it once it has read a request.
pub fn request(shard: &Handle, reducer: &str, numbers: &[u64]) -> Result<Request> {
    let place = shard.with(|shard| shard.directory().reducer(None, reducer));
    let place = place.map_err(|error| anyhow!("{reducer}: {error:?}"))?;
    // A row of numbers of eight bytes is just those.
    let args: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let destination = place.module.destination(place.index, &args, None, shard.count());
    Ok(Request::Call(Call {
        module: place.module,
        reducer: place.index,
        args,
        sender: Identity::SYSTEM,
        connection: ConnectionId::NONE,
        idempotency: None,
        destination,
    }))
}

/// Whether a call was done, or there was no room for its record.
pub fn is_done(answer: Answer) -> Result<bool> {
    match answer {
        Answer::Called(Ok(_)) => Ok(true),
        Answer::Called(Err(CallError::Unavailable(Unavailable::Overloaded))) => Ok(false),
        answer => Err(anyhow!("a call is answered by {answer:?}")),
    }
}

/// Calls until it is done.
pub async fn call_until_done(shard: &Handle, reducer: &str, numbers: &[u64]) -> Result<()> {
    while !is_done(shard.request(request(shard, reducer, numbers)?).await)? {
        shard.sleep(PAUSE).await;
    }
    Ok(())
}
