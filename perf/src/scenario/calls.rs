//! Calls inside the process: the product's shard on one core, asked by its own task. No network, and nothing waits for
//! the disk.

use std::fs;
use std::sync::mpsc::channel;
use std::time::{Duration as StdDuration, Instant};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use cosmictron_runtime::real;
use cosmictron_types::ShardCount;
use cosmictron_wasm_host::CompiledModule;

use super::Effort;
use super::bank::Bank;
use super::in_process::{self, Handle, PAUSE, Site};
use crate::cpu::{Seats, sit_on};
use crate::load::Ids;
use crate::report::{Figure, Report, Target};

/// Calls after which everything else on the core has its turn.
const CALLS_A_TURN: u64 = 64;
const ASKED_MICROS: f64 = 3.0;

#[derive(Clone, Debug, Args)]
pub struct Options {
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    bank: Bank,
    /// Makes the log a chain of hashes, as `audit.chain` does
    #[arg(long)]
    chain: bool,
}

pub fn run(options: &Options) -> Result<Report> {
    let Site { folder, mut plan, compiled } = Site::new(&options.bank)?;
    plan.is_chained = options.chain;
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

/// Microseconds a call, round by round.
async fn measure(shard: &Handle, options: &Options, compiled: CompiledModule) -> Result<Vec<f64>> {
    in_process::open(shard).await?;
    in_process::deploy(shard, compiled).await?;
    for opening in options.bank.openings() {
        in_process::call_until_done(shard, "open_accounts", &opening).await?;
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
pub fn processor_time() -> Result<StdDuration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split_whitespace().next().context("the kernel keeps no times of threads")?;
    Ok(StdDuration::from_nanos(nanos.parse()?))
}

/// Calls a reducer that is answered at once; whether there was room for its record.
fn call(shard: &Handle, reducer: &str, numbers: &[u64]) -> Result<bool> {
    let mut pending = shard.request(in_process::request(shard, reducer, numbers)?);
    let answer = pending.take_ready();
    in_process::is_done(answer.ok_or_else(|| anyhow!("{reducer} is not answered at once"))?)
}
