//! One module over several cores: transfers that stay on a shard and transfers that cross, made by each shard's own tasks, and
//! a query over all. No network, and no answer waits for the disk.

use std::cell::Cell;
use std::fs;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use cosmictron::directory::Directory;
use cosmictron::shard::{Answer, Query, Request, RowsAt};
use cosmictron_runtime::real;
use cosmictron_sql::{Catalog, NameError, Params, PlanLimits, RowFormat};
use cosmictron_storage::TableDef;
use cosmictron_types::{Duration, Partition, ShardCount, ShardId};
use cosmictron_wasm_host::CompiledModule;

use super::Effort;
use super::bank::Bank;
use super::in_process::{self, Handle, PAUSE, Site, is_done, request};
use crate::report::{Figure, Report, Target};

/// Calls of one task after which the others have their turn, where they are answered at once.
const CALLS_A_TURN: u32 = 16;
/// Of a hundred transfers, how many cross.
const CROSSING: [u64; 3] = [0, 10, 100];
/// Calls of which the median is told, one at a time.
const LONE_CALLS: usize = 300;
/// Between two of them: both cores sleep by then.
const REST: Duration = Duration::from_millis(2);
/// Rows of the table that is summed up.
const SUMMED: u64 = 1_000_000;
const OPENED_AT_ONCE: u64 = 10_000;
const BALANCE: u64 = 1_000_000;
const ASKED_MICROS: f64 = 120.0;

#[derive(Clone, Debug, Args)]
pub struct Options {
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    bank: Bank,
    /// Calls of each shard that are under way at once
    #[arg(long, default_value_t = 128)]
    at_once: usize,
    /// Shards to compare with one
    #[arg(long, default_value_t = 2)]
    shards: u16,
}

/// What one server's shards have measured together in one round.
#[derive(Clone, Debug, Default)]
struct Round {
    /// Calls a second, by how many cross.
    rates: [f64; CROSSING.len()],
    /// Microseconds of a lone call that stays, and of one that crosses.
    lone: [f64; 2],
    /// Seconds of the sum over all rows.
    sum: f64,
}

pub fn run(options: &Options) -> Result<Report> {
    let many = ShardCount::new(options.shards).context("--shards is from 1 to 1024")?;
    let (mut ones, mut several) = (Vec::new(), Vec::new());
    for _ in 0..options.effort.rounds {
        ones.push(one_round(options, ShardCount::ONE)?);
        several.push(one_round(options, many)?);
    }
    let pairs = |figure: &dyn Fn(&Round, &Round) -> (f64, f64)| {
        several.iter().zip(&ones).map(|(many, one)| figure(many, one)).collect::<Vec<_>>()
    };
    let figure = |name: &str, unit, floor: &str, rounds, target| Figure {
        name: name.to_owned(),
        unit,
        floor: floor.to_owned(),
        rounds,
        target,
    };
    let at_least = Target::AtLeast;
    let one = "one shard";
    Ok(Report {
        figures: vec![
            figure("local", "/s", one, pairs(&|m, o| (m.rates[0], o.rates[0])), at_least(1.8)),
            figure(
                "10 % cross",
                "/s",
                "local",
                pairs(&|m, _| (m.rates[1], m.rates[0])),
                at_least(0.7),
            ),
            figure(
                "all cross",
                "/s",
                "local",
                pairs(&|m, _| (m.rates[2], m.rates[0])),
                at_least(0.35),
            ),
            figure("all cross", "/s", one, pairs(&|m, o| (m.rates[2], o.rates[0])), at_least(0.6)),
            figure(
                "p50 of a crossing call beyond a local one's",
                "us",
                "asked for",
                pairs(&|m, _| (m.lone[1] - m.lone[0], ASKED_MICROS)),
                Target::AtMost(1.0),
            ),
            figure(
                "sums of 1,000,000 rows",
                "/s",
                one,
                pairs(&|m, o| (1.0 / m.sum, 1.0 / o.sum)),
                at_least(1.7),
            ),
        ],
    })
}

fn one_round(options: &Options, shards: ShardCount) -> Result<Round> {
    let Site { folder, plan, compiled } = Site::new(&options.bank)?;
    let log = folder.path().join("log");
    fs::create_dir(&log)?;
    let mut runtime = real::Options::new(log);
    runtime.shards = Some(shards);
    let meeting = Arc::new(Meeting { arrived: AtomicUsize::new(0), shards });
    let (told, rounds) = channel();
    real::run(&runtime, plan, |shard| {
        let (options, compiled, told) = (options.clone(), compiled.clone(), told.clone());
        let meeting = meeting.clone();
        async move { measure(shard, options, compiled, meeting, told).await }
    })?;
    drop(told);
    let mut all = Round::default();
    for round in rounds {
        let round = round?;
        all.rates.iter_mut().zip(round.rates).for_each(|(all, rate)| *all += rate);
        all.lone.iter_mut().zip(round.lone).for_each(|(all, lone)| *all += lone);
        all.sum += round.sum;
    }
    Ok(all)
}

/// Where the shards' tasks wait for each other.
struct Meeting {
    arrived: AtomicUsize,
    shards: ShardCount,
}

impl Meeting {
    /// Waits until all have come as often as this one.
    async fn next(&self, shard: &Handle, times: &mut usize) {
        *times += usize::from(self.shards.get());
        self.arrived.fetch_add(1, Ordering::SeqCst);
        while self.arrived.load(Ordering::SeqCst) < *times {
            shard.sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn measure(
    shard: Handle,
    options: Options,
    compiled: CompiledModule,
    meeting: Arc<Meeting>,
    told: Sender<Result<Round>>,
) {
    let measured = measure_shard(&shard, &options, compiled, &meeting).await;
    let has_failed = measured.is_err();
    // Nobody listens any more when the run is being given up.
    let _ = told.send(measured);
    if has_failed {
        shard.stop();
    }
}

async fn measure_shard(
    shard: &Handle,
    options: &Options,
    compiled: CompiledModule,
    meeting: &Meeting,
) -> Result<Round> {
    let (mut met, is_first) = (0, shard.id() == ShardId::FIRST);
    if is_first {
        in_process::open(shard).await?;
        in_process::deploy(shard, compiled).await?;
        open_accounts(shard, 0, options.bank.accounts).await?;
    } else {
        let Answer::Joined = shard.request(Request::Join).await else {
            return Err(anyhow!("a shard is not opened"));
        };
    }
    let ids = Rc::new(Ids::new(shard, options.bank.accounts));
    let mut round = Round::default();
    for (rate, crossing) in round.rates.iter_mut().zip(CROSSING) {
        meeting.next(shard, &mut met).await;
        *rate = rate_of(shard, options, &ids, crossing).await?;
    }
    meeting.next(shard, &mut met).await;
    if is_first {
        shard.sleep(Duration::from_millis(50)).await;
        round.lone = [lone_call(shard, &ids, 0).await?, lone_call(shard, &ids, 100).await?];
        open_accounts(shard, options.bank.accounts, SUMMED).await?;
        round.sum = sum(shard).await?;
    }
    meeting.next(shard, &mut met).await;
    Ok(round)
}

async fn open_accounts(shard: &Handle, from: u64, to: u64) -> Result<()> {
    for first in (from..to).step_by(OPENED_AT_ONCE as usize) {
        let numbers = [first, OPENED_AT_ONCE.min(to - first), BALANCE];
        in_process::call_until_done(shard, "open_spread", &numbers).await?;
    }
    Ok(())
}

/// Calls a second that this shard's tasks make.
async fn rate_of(shard: &Handle, options: &Options, ids: &Rc<Ids>, crossing: u64) -> Result<f64> {
    let start = Instant::now();
    let end = start + options.effort.span();
    let (calls, working) = (Rc::new(Cell::new(0_u64)), Rc::new(Cell::new(options.at_once)));
    for task in 0..options.at_once {
        let (shard_of_task, ids, calls) = (shard.clone(), ids.clone(), calls.clone());
        let working = working.clone();
        shard.spawn(async move {
            let shard = shard_of_task;
            let mut chance = Chance::new(task as u64 + 1000 * u64::from(shard.id().get()));
            let mut turn = 0;
            while Instant::now() < end {
                let (from, to) = ids.draw(&mut chance, crossing);
                let Ok(request) = request(&shard, "transfer_spread", &[from, to, 1]) else { break };
                let mut pending = shard.request(request);
                let answer = match pending.take_ready() {
                    Some(answer) => answer,
                    None => pending.await,
                };
                match is_done(answer) {
                    Ok(true) => calls.set(calls.get() + 1),
                    Ok(false) => shard.sleep(PAUSE).await,
                    Err(error) => {
                        eprintln!("{error:#}");
                        break;
                    }
                }
                turn += 1;
                if turn == CALLS_A_TURN {
                    turn = 0;
                    shard.yield_now().await;
                }
            }
            working.set(working.get() - 1);
        });
    }
    while working.get() > 0 {
        shard.sleep(PAUSE).await;
    }
    Ok(calls.get() as f64 / start.elapsed().as_secs_f64())
}

/// Microseconds that a call takes when there is no other: the median.
async fn lone_call(shard: &Handle, ids: &Ids, crossing: u64) -> Result<f64> {
    let (mut micros, mut chance) = (Vec::new(), Chance::new(7));
    for _ in 0..LONE_CALLS {
        shard.sleep(REST).await;
        let (from, to) = ids.draw(&mut chance, crossing);
        let request = request(shard, "transfer_spread", &[from, to, 1])?;
        let start = Instant::now();
        is_done(shard.request(request).await)?;
        micros.push(start.elapsed().as_secs_f64() * 1e6);
    }
    micros.sort_by(f64::total_cmp);
    Ok(micros[LONE_CALLS / 2])
}

/// Seconds of a sum over all rows: the least of several.
async fn sum(shard: &Handle) -> Result<f64> {
    let mut least = f64::INFINITY;
    for _ in 0..5 {
        let query = shard.with(|machine| {
            let catalog = Tables(machine.directory());
            let text =
                "SELECT sum(balance), count(*), max(id) FROM spread_accounts WHERE balance > 0";
            let plan = Arc::new(cosmictron_sql::plan(text, &catalog, &PlanLimits::default())?);
            let (module, table) = machine
                .directory()
                .table(None, "spread_accounts")
                .map_err(|error| anyhow!("spread_accounts: {error:?}"))?;
            let params = Params::default();
            let mut rows = RowsAt::default();
            rows.add(&module, &table);
            let reach = rows.reach(&plan, &params, shard.count());
            anyhow::Ok(Query { plan, params, reach, views: None, format: RowFormat::Json })
        })?;
        let start = Instant::now();
        let Answer::Rows(Ok(_)) = shard.request(Request::Query(query)).await else {
            return Err(anyhow!("the sum is refused"));
        };
        least = least.min(start.elapsed().as_secs_f64());
    }
    Ok(least)
}

struct Tables<'a>(&'a Directory);

impl Catalog for Tables<'_> {
    fn table(&self, module: Option<&str>, name: &str) -> Result<Arc<TableDef>, NameError> {
        self.0.table(module, name).map(|(_, table)| table).map_err(|_| NameError::Unknown)
    }
}

/// Accounts on this shard, and on others.
struct Ids {
    here: Vec<u64>,
    elsewhere: Vec<u64>,
}

impl Ids {
    fn new(shard: &Handle, accounts: u64) -> Self {
        let owner = |id: &u64| shard.count().owner_of(Partition::of_key(&id.to_be_bytes()));
        let (here, elsewhere) = (0..accounts).partition(|id| owner(id) == shard.id());
        Self { here, elsewhere }
    }

    /// Payer and payee; of a hundred such pairs so many cross, where there are several shards.
    fn draw(&self, chance: &mut Chance, crossing: u64) -> (u64, u64) {
        let from = self.here[chance.below(self.here.len())];
        if !self.elsewhere.is_empty() && (chance.below(100) as u64) < crossing {
            return (from, self.elsewhere[chance.below(self.elsewhere.len())]);
        }
        loop {
            let to = self.here[chance.below(self.here.len())];
            if to != from {
                return (from, to);
            }
        }
    }
}

/// Xorshift: quick, and the same in every run.
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 16) as usize) % bound
    }
}
