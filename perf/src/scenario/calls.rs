//! Calls inside the process: the product's shard on one core, asked by its own task. No network, and nothing waits for
//! the disk.

use std::fs;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration as StdDuration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use cosmictron::config::Durability;
use cosmictron::module_files::ModuleFiles;
use cosmictron::shard::{
    Answer, BootPlan, Call, CallError, Deploy, Request, Shard, ShardOptions, Unavailable,
};
use cosmictron_runtime::real;
use cosmictron_storage::log::LogOptions;
use cosmictron_storage::{StoreLimits, TransactionLimits};
use cosmictron_types::{ConnectionId, Duration, Identity, ShardCount};
use cosmictron_wasm_host::{CompiledModule, Host, HostOptions};

use super::Effort;
use super::bank::Bank;
use crate::cpu::{Seats, sit_on};
use crate::load::Ids;
use crate::report::{Figure, Report, Target};

/// Calls after which everything else on the core has its turn.
const CALLS_A_TURN: u64 = 64;
/// For the log to have room again.
const PAUSE: Duration = Duration::from_millis(1);
const ASKED_MICROS: f64 = 3.0;

#[derive(Clone, Debug, Args)]
pub struct Options {
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    bank: Bank,
}

pub fn run(options: &Options) -> Result<Report> {
    let folder = options.bank.folder()?;
    let modules = ModuleFiles::open(folder.path(), Host::new(HostOptions::default())?)?;
    let wasm = fs::read(&options.bank.module)
        .with_context(|| format!("the module {}", options.bank.module.display()))?;
    let compiled = modules.store(&wasm)?;
    let plan = plan(modules);
    let log = folder.path().join("log");
    fs::create_dir(&log)?;
    sit_on(Seats::find()?.server)?;
    let mut runtime = real::Options::new(log);
    runtime.shards = Some(ShardCount::ONE);
    let (told, rounds) = channel();
    real::run(&runtime, plan, |shard| {
        let (options, compiled, told) = (options.clone(), compiled.clone(), told.clone());
        async move {
            // Nobody listens any more when the run is being given up.
            let _ = told.send(measure(&shard, &options, compiled).await);
            shard.stop();
        }
    })?;
    let micros = rounds.try_recv().context("the shard has measured nothing")??;
    let figure = Figure {
        name: "transfer in the process".to_owned(),
        unit: "us",
        floor: "asked for".to_owned(),
        rounds: micros.into_iter().map(|micros| (micros, ASKED_MICROS)).collect(),
        target: Target::AtMost(1.0),
    };
    Ok(Report { figures: vec![figure] })
}

/// What the server's defaults come to, but for the durability.
fn plan(modules: ModuleFiles) -> BootPlan {
    BootPlan {
        options: Arc::new(ShardOptions {
            transaction: TransactionLimits { rows_max: 100_000, bytes_max: 16 << 20 },
            idempotency_kept: Duration::from_secs(24 * 60 * 60),
            history_time: Duration::from_secs(60 * 60),
            slice_rows: cosmictron_sql::SLICE_ROWS,
            query: cosmictron_sql::ExecutionLimits::default(),
        }),
        store: StoreLimits::default(),
        log: LogOptions::default(),
        durability: Durability::None,
        data: 1,
        is_begun: false,
        modules,
    }
}

type Handle = real::Shard<Shard>;

/// Microseconds a call, round by round.
async fn measure(shard: &Handle, options: &Options, compiled: CompiledModule) -> Result<Vec<f64>> {
    for request in [Request::Join, Request::Open { have_all_begun: true }] {
        ensure!(matches!(shard.request(request).await, Answer::Joined), "the shard is not opened");
    }
    let deploy = Deploy { name: "transfer".into(), compiled, deployer: Identity::SYSTEM };
    let Answer::Deployed(Ok(_)) = shard.request(Request::Deploy(deploy)).await else {
        return Err(anyhow!("the module is not deployed"));
    };
    for opening in options.bank.openings() {
        while !call(shard, "open_accounts", &opening)? {
            shard.sleep(PAUSE).await;
        }
    }
    let mut ids = options.bank.ids(1);
    // The first is not counted: it warms up.
    let mut rounds = Vec::new();
    for round in 0..=options.effort.rounds {
        let micros = one_round(shard, options, &mut ids).await?;
        if 0 < round {
            rounds.push(micros);
        }
    }
    Ok(rounds)
}

/// Time of the processor, so that neither waiting for the log, which no disk lets keep up with such a core, nor other
/// programs count; the writes to the log do.
async fn one_round(shard: &Handle, options: &Options, ids: &mut Ids) -> Result<f64> {
    let (start, before, mut calls) = (Instant::now(), processor_time()?, 0_u64);
    while start.elapsed() < options.effort.span() {
        let mut has_room = true;
        for _ in 0..CALLS_A_TURN {
            let (from, to) = ids.draw_two();
            has_room = call(shard, "transfer", &[from, to, 1])?;
            if !has_room {
                break;
            }
            calls += 1;
        }
        match has_room {
            true => shard.yield_now().await,
            false => shard.sleep(PAUSE).await,
        }
    }
    Ok((processor_time()? - before).as_secs_f64() * 1e6 / calls as f64)
}

/// What this thread has used.
fn processor_time() -> Result<StdDuration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split_whitespace().next().context("the kernel keeps no times of threads")?;
    Ok(StdDuration::from_nanos(nanos.parse()?))
}

/// Calls a reducer by its name, as the API does once it has read a request; whether there was room for its record.
fn call(shard: &Handle, reducer: &str, numbers: &[u64]) -> Result<bool> {
    let place = shard.with(|shard| shard.directory().reducer(None, reducer));
    let place = place.map_err(|error| anyhow!("{reducer}: {error:?}"))?;
    // A row of numbers of eight bytes is just those.
    let args: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let destination = place.module.destination(place.index, &args, None, shard.count());
    let mut pending = shard.request(Request::Call(Call {
        module: place.module,
        reducer: place.index,
        args,
        sender: Identity::SYSTEM,
        connection: ConnectionId::NONE,
        idempotency: None,
        destination,
    }));
    match pending.take_ready() {
        Some(Answer::Called(Ok(_))) => Ok(true),
        Some(Answer::Called(Err(CallError::Unavailable(Unavailable::Overloaded)))) => Ok(false),
        Some(answer) => Err(anyhow!("{reducer} is answered by {answer:?}")),
        None => Err(anyhow!("{reducer} is not answered at once")),
    }
}
