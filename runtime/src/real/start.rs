//! Starts a thread for each shard, makes all machines, lets them serve, and ends everything in order.
//!
//! Order matters at the end: an executor must outlive every thread that may still wake its tasks, since a waker that
//! finds its executor gone would drop a task on the wrong thread. So the shards leave their executors first, then the
//! pool and the segments' thread end, then the executors are dropped.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Scope};
use std::time::Duration;

use cosmictron_types::{ShardCount, ShardId};

use super::control::Control;
use super::cpu::Cpus;
use super::log::segment::SegmentThread;
use super::mesh;
use super::options::{IoDriverInUse, LogBackendInUse, Options};
use super::pool::{Pool, Urgency};
use super::seat::{Common, Line, Report, Seat, Word};
use super::shard::Shard;
use super::signal::SignalWatch;
use crate::boot::{Counters, Recovery};
use crate::machine::Machine;

/// How long slow work that runs may go on when all else has ended.
const POOL_PATIENCE: Duration = Duration::from_secs(1);

/// Why the server did not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError<E> {
    /// The system refused something that every server needs.
    #[error("shard {shard}: {error}")]
    Shard {
        /// Where.
        shard: ShardId,
        /// What the system said.
        error: io::Error,
    },
    /// A thread or the signals' handler could not be set up.
    #[error("starting threads: {0}")]
    Threads(io::Error),
    /// A machine could not be made from what its log holds.
    #[error("shard {shard}: {error}")]
    Boot {
        /// Whose.
        shard: ShardId,
        /// What `boot` said.
        error: E,
    },
}

/// Makes a machine on each core, then runs `serve` there until it has returned on every core, or someone has stopped
/// the shards. Blocks. `recovery` may block; `serve` must not.
pub fn run<M, R, F>(
    options: &Options,
    recovery: R,
    serve: impl Fn(Shard<M>) -> F + Sync,
) -> Result<(), RunError<R::Error>>
where
    M: Machine,
    R: Recovery<M>,
    F: Future<Output = ()> + 'static,
{
    let cpus = Cpus::of_this_process();
    let count = options.shards.unwrap_or_else(|| cpus.default_shards());
    let control = Control::new(count);
    let signals = options.signals.then(|| SignalWatch::start(control.clone())).transpose();
    let signals = signals.map_err(RunError::Threads)?;
    let start_pool = |urgency, threads| {
        let pool = Pool::start(urgency, threads, options.pool_queue, &cpus);
        pool.map(Arc::new).map_err(RunError::Threads)
    };
    let pool = start_pool(Urgency::Soon, options.pool_threads)?;
    // As many as may find a processor that nobody wants.
    let idle_pool = start_pool(Urgency::Idle, count.get().into())?;
    let segments = SegmentThread::start().map_err(RunError::Threads)?;
    let counters = Arc::new(Counters::new());
    let common = Common {
        options,
        count,
        control,
        pool: Arc::clone(&pool),
        idle_pool: Arc::clone(&idle_pool),
        counters,
        cpus,
    };

    let result = thread::scope(|scope| {
        let Lines { words, reports: from_shards } =
            start_shards(scope, &common, &segments, &recovery, &serve)?;
        // An error here drops the words, and a shard that is told nothing leaves.
        let facts: Arc<[R::Facts]> = await_reads(&from_shards, count)?.into();
        tell(&words, || Word::Finish(Arc::clone(&facts)));
        announce(count, &await_boots(&from_shards, count)?);
        tell(&words, || Word::Serve);
        await_ends(&from_shards, count);
        let has_ended = pool.close(POOL_PATIENCE) & idle_pool.close(POOL_PATIENCE);
        segments.close();
        tell(&words, || if has_ended { Word::Drop } else { Word::Leave });
        Ok(())
    });
    pool.close(POOL_PATIENCE);
    idle_pool.close(POOL_PATIENCE);
    drop(signals);
    result
}

/// Starts the threads of all shards; they read their logs and then wait for a word.
fn start_shards<'scope, 'env, M, E, T, F>(
    scope: &'scope Scope<'scope, 'env>,
    common: &'env Common<'env>,
    segments: &SegmentThread,
    recovery: &'env impl Recovery<M, Error = E, Facts = T>,
    serve: &'env (impl Fn(Shard<M>) -> F + Sync),
) -> Result<Lines<E, T>, RunError<E>>
where
    M: Machine,
    E: Send + 'env,
    T: Send + Sync + 'env,
    F: Future<Output = ()> + 'static,
{
    let (reports, from_shards) = channel();
    let mut words = Vec::new();
    for mesh in mesh::build(common.count) {
        let shard = mesh.shard();
        let (word, to_shard) = channel();
        let line = Line { reports: reports.clone(), words: to_shard };
        let seat = Seat::prepare(common, mesh, segments, line);
        let seat = seat.map_err(|error| RunError::Shard { shard, error })?;
        let thread = thread::Builder::new().name(format!("shard-{shard}"));
        let thread = thread.stack_size(common.options.stack_bytes);
        thread.spawn_scoped(scope, move || seat.sit(recovery, serve)).map_err(RunError::Threads)?;
        words.push(word);
    }
    Ok(Lines { words, reports: from_shards })
}

/// The main thread's lines to all shards.
struct Lines<E, T> {
    words: Vec<Sender<Word<T>>>,
    reports: Receiver<Report<E, T>>,
}

type InUse = (IoDriverInUse, LogBackendInUse);

/// Until all have read their logs, or one has failed; what they have read, in their order.
fn await_reads<E, T>(
    from_shards: &Receiver<Report<E, T>>,
    count: ShardCount,
) -> Result<Vec<T>, RunError<E>> {
    let mut all = Vec::new();
    while all.len() < count.get().into() {
        match from_shards.recv().expect("a shard reports before it leaves") {
            Report::Read(shard, facts) => all.push((shard, facts)),
            Report::Failed(error) => return Err(error),
            Report::Booted(..) | Report::Ended => unreachable!("a shard waits for all others"),
        }
    }
    all.sort_by_key(|(shard, _)| *shard);
    Ok(all.into_iter().map(|(_, facts)| facts).collect())
}

/// Until all have booted, or one has failed.
fn await_boots<E, T>(
    from_shards: &Receiver<Report<E, T>>,
    count: ShardCount,
) -> Result<Vec<InUse>, RunError<E>> {
    let mut in_use = Vec::new();
    while in_use.len() < count.get().into() {
        match from_shards.recv().expect("a shard reports before it leaves") {
            Report::Booted(io, log) => in_use.push((io, log)),
            Report::Failed(error) => return Err(error),
            Report::Read(..) | Report::Ended => unreachable!("a shard does one after the other"),
        }
    }
    Ok(in_use)
}

/// The one line that says what the server runs on: the slowest of what its shards were granted.
fn announce(count: ShardCount, in_use: &[InUse]) {
    let io = in_use.iter().map(|(io, _)| *io).max();
    let log = in_use.iter().map(|(_, log)| *log).max();
    if let (Some(io), Some(log)) = (io, log) {
        tracing::info!(shards = count.get(), %io, %log, "serving");
    }
}

fn await_ends<E, T>(from_shards: &Receiver<Report<E, T>>, count: ShardCount) {
    for _ in count.shards() {
        let report = from_shards.recv().expect("a shard reports its end");
        assert!(matches!(report, Report::Ended), "a shard reports once more, its end");
    }
}

fn tell<T>(shards: &[Sender<Word<T>>], word: impl Fn() -> Word<T>) {
    for shard in shards {
        shard.send(word()).expect("a shard listens until it was told how to leave");
    }
}
