//! Spreads a server's data over another number of shards: reads the logs of the old ones and writes those of the new.
//!
//! ```text
//!   old logs ──▶ transactions, in the order of their numbers ──▶ stores of the old shards
//!                                                                    │ what each transaction changes
//!   new logs ◀── the same transactions, each change where it belongs ◀──┘
//! ```
//!
//! The new logs tell the same history: numbers and times of transactions stay, so do ids, and the past can be read as before.
//! A transaction has as participants the shards that it now has a part on. Nothing is taken into use here; whoever asked
//! does that once the new logs are durable, in one step.
//!
//! Invariants:
//! 1. The old logs are only read, so a process that dies on the way changes nothing.
//! 2. Every change of a transaction that recovery keeps is in exactly one new log; what all shards have to have, the tables of
//!    spread modules, is in each of them.

mod log_reader;
mod log_writer;
mod router;

use cosmictron_runtime::{DiskError, LogDirectory, LogSink};
use cosmictron_storage::log::{InvalidOptions, LogId, LogOptions};
use cosmictron_storage::{Seat, StoreLimits};
use cosmictron_types::{Duration, ShardCount, ShardId, Timestamp, TxId};

use super::recovery::{BootError, JointFacts, Replay, cut};
use log_reader::{LogReader, OwnedTransaction};
use log_writer::LogWriter;
use router::Router;

/// What is to be spread, and how.
#[derive(Clone, Copy, Debug)]
pub struct ReshardPlan {
    pub data: u64,
    pub old: ShardCount,
    pub new: ShardCount,
    pub log: LogOptions,
}

/// Why the data are not spread over another number of shards. The old logs are as they were.
#[derive(Debug, thiserror::Error)]
pub enum ReshardError {
    #[error(transparent)]
    Read(#[from] BootError),
    #[error("writing the new log of shard {shard}: {error}")]
    Write { shard: ShardId, error: DiskError },
    #[error(
        "a transaction of {bytes} bytes exceeds what a record may have: raise modules.transaction_bytes_max for this start"
    )]
    RecordTooLarge { bytes: usize },
    #[error(transparent)]
    Options(#[from] InvalidOptions),
}

/// One of the shards that were.
struct OldShard {
    replay: Replay,
    reader: LogReader,
}

/// Reads the logs of all old shards, which are in `logs` in their order, and writes those of the new ones. A log that was
/// begun cannot be empty. Blocks for as long as the logs are long.
pub fn reshard(
    plan: &ReshardPlan,
    is_begun: bool,
    logs: &mut [&mut dyn LogDirectory],
    sink: &mut dyn LogSink,
) -> Result<(), ReshardError> {
    let mut old = open(plan, is_begun, logs)?;
    let mut router = Router::new(plan.old, plan.new);
    let mut writer = LogWriter::new(plan, sink)?;
    let (mut last, mut last_at) = (TxId::ZERO, Timestamp::EPOCH);
    while let Some(tx) = next_tx(&mut old, logs)? {
        let mut parts = Vec::new();
        for ((shard, old), log) in plan.old.shards().zip(&mut old).zip(logs.iter_mut()) {
            if let Some(part) = old.reader.take(tx, *log)? {
                parts.push((shard, part));
            }
        }
        last_at = parts.iter().map(|(_, part)| part.timestamp).max().unwrap_or(last_at);
        for (shard, part) in &parts {
            follow(*shard, part, &mut old[shard.index()], &mut router)?;
        }
        let stores = old.iter().map(|old| &old.replay.store);
        router.place_tables(stores);
        writer.append(tx, last_at, router.take())?;
        last = tx;
    }
    // How far sequences have come shows in no row, where it has been deleted.
    router.place_sequences(old.iter().map(|old| &old.replay.store));
    writer.append(last.next(), last_at, router.take())?;
    writer.finish()
}

/// Reads how far each log counts, and begins anew.
fn open(
    plan: &ReshardPlan,
    is_begun: bool,
    logs: &mut [&mut dyn LogDirectory],
) -> Result<Vec<OldShard>, ReshardError> {
    let mut facts: Vec<JointFacts> = Vec::new();
    for (shard, log) in plan.old.shards().zip(logs.iter_mut()) {
        let id = LogId { data: plan.data, shard };
        let reader = LogReader::open(id, plan.old, None, *log)?;
        let (read, is_log_begun) = reader.joint_facts(*log)?;
        if is_begun && !is_log_begun {
            return Err(BootError::LogGone(shard).into());
        }
        facts.push(read);
    }
    let cuts = cut::cuts(&facts);
    let mut old = Vec::new();
    for ((shard, log), cut) in plan.old.shards().zip(logs.iter_mut()).zip(cuts) {
        let id = LogId { data: plan.data, shard };
        let before = cut.map(|fact| fact.lsn);
        let reader = LogReader::open(id, plan.old, before, *log)?;
        // The past is in the logs; in memory it is not needed.
        let limits = StoreLimits { history_bytes_max: 0, ..StoreLimits::default() };
        let replay = Replay::new(limits, Duration::ZERO, Seat { shard, shards: plan.old });
        old.push(OldShard { replay, reader });
    }
    Ok(old)
}

/// The lowest number that any log goes on with.
fn next_tx(
    old: &mut [OldShard],
    logs: &mut [&mut dyn LogDirectory],
) -> Result<Option<TxId>, ReshardError> {
    let mut next: Option<TxId> = None;
    for (old, log) in old.iter_mut().zip(logs) {
        if let Some(tx) = old.reader.peek(*log)? {
            next = Some(next.map_or(tx, |next| next.min(tx)));
        }
    }
    Ok(next)
}

/// Applies one shard's part of a transaction, and routes what it changes.
fn follow(
    shard: ShardId,
    part: &OwnedTransaction,
    old: &mut OldShard,
    router: &mut Router,
) -> Result<(), ReshardError> {
    let OldShard { replay, reader } = old;
    let followed =
        replay.follow(part.tx, part.timestamp, &part.changes, |store| router.route(shard, store));
    followed.map_err(|error| reader.blame(part, error).into())
}
