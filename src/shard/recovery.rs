//! Brings a shard back from its log: rows, tables, modules, and what the other shards have to know.
//!
//! Invariants:
//! 1. The recovered store is what it was after some transaction, and every answered one is in it (DESIGN invariants 1
//!    and 2).
//! 2. Nothing is changed on the disk before the logs of all shards were read and understood.
//! 3. No log holds a transaction of several shards that another participant's log lacks ([`cut`]).

pub(super) mod cut;
pub(super) mod replay;

pub use cut::JointFacts;
pub use replay::{RecordError, Replay};

use std::collections::VecDeque;
use std::sync::Arc;

use cosmictron_runtime::{Boot, DiskError, Recovery, SegmentNumber};
use cosmictron_storage::StoreLimits;
use cosmictron_storage::log::recover::Recovered;
use cosmictron_storage::log::{InvalidOptions, Log, LogId, LogOptions, RecoverError};
use cosmictron_types::{Lsn, ShardId, Timestamp, TxId};

use super::account::rights_notice;
use super::announcement::Announcements;
use super::chain::Chain;
use super::journal::Journal;
use super::lending::Outgoing;
use super::live::Live;
use super::outbox::Outbox;
use super::report::Figures;
use super::stability::Stability;
use super::visit::Visits;
use super::{Joining, Served, Shard, ShardOptions};
use crate::catalog::{Account, ModuleRow, Session, SystemTable};
use crate::config::Durability;
use crate::directory::{Directory, Module, Notice};
use crate::module_files::{LoadError, ModuleFiles};
use replay::disk_error;

/// What every shard is made from.
#[derive(Clone)]
pub struct BootPlan {
    pub options: Arc<ShardOptions>,
    pub store: StoreLimits,
    pub log: LogOptions,
    pub durability: Durability,
    /// Whether the log is a chain of hashes.
    pub is_chained: bool,
    /// The data directory's random number.
    pub data: u64,
    /// Whether this directory has ever been served: then no log may be missing.
    pub is_begun: bool,
    pub modules: ModuleFiles,
}

/// Why a shard does not start. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    #[error("{file}: {error}")]
    Disk { file: String, error: DiskError },
    #[error("the log of shard {0} is gone: restore the data directory from a backup")]
    LogGone(ShardId),
    #[error("{}: {error} ({})", file, error.advice())]
    Log { file: String, error: RecoverError },
    #[error(
        "{file}, record {lsn}: {error} (the record is whole: start the version of the server that wrote it, or a newer one)"
    )]
    Record { file: String, lsn: Lsn, error: RecordError },
    #[error(
        "{file}, record {lsn}: the chain of hashes is broken: the log was changed after it was written (restore it from a backup, or find out who changed it; without audit.chain it is read as it is)"
    )]
    Chain { file: String, lsn: Lsn },
    #[error("the log of shard {shard} has no record {lsn}, which a head names")]
    HeadMissing { shard: ShardId, lsn: Lsn },
    #[error("module {module}: {error}")]
    Module { module: String, error: LoadError },
    #[error(transparent)]
    Options(#[from] InvalidOptions),
}

/// What a shard has read of its log.
pub struct ReadLog {
    replay: Replay,
    recovered: Recovered,
}

/// Blocks for as long as the log is long.
impl Recovery<Shard> for BootPlan {
    type Read = ReadLog;
    type Facts = JointFacts;
    type Error = BootError;

    fn read(&self, boot: &mut Boot<'_>) -> Result<(ReadLog, JointFacts), BootError> {
        let (id, shards) = (self.log_id(boot), boot.shards());
        let (mut replay, recovered) = Replay::of(
            id,
            shards,
            self.is_begun,
            self.store,
            self.options.history_time,
            self.chain(),
            boot.log(),
        )?;
        // Also what will be cut: its numbers are not used again.
        boot.counters().raise_tx(replay.committed);
        boot.counters().raise_table(replay.last_table());
        let facts = replay.take_joint_facts();
        Ok((ReadLog { replay, recovered }, facts))
    }

    fn finish(
        &self,
        boot: &mut Boot<'_>,
        mut read: ReadLog,
        facts: &[JointFacts],
    ) -> Result<Shard, BootError> {
        if let Some(first) = cut::cuts(facts)[boot.shard().index()] {
            tracing::info!(
                shard = boot.shard().get(),
                from = first.tx.get(),
                "the log is cut before a transaction that another shard's log lacks; it was never answered"
            );
            let (id, shards) = (self.log_id(boot), boot.shards());
            let (replay, recovered) = Replay::before(
                first.lsn,
                id,
                shards,
                self.store,
                self.options.history_time,
                self.chain(),
                boot.log(),
            )?;
            // A table that was dropped in what is cut is there again.
            boot.counters().raise_table(replay.last_table());
            read = ReadLog { replay, recovered };
        }
        start(self, boot, read)
    }
}

impl BootPlan {
    fn chain(&self) -> Option<Chain> {
        self.is_chained.then(Chain::new)
    }

    fn log_id(&self, boot: &Boot<'_>) -> LogId {
        LogId { data: self.data, shard: boot.shard() }
    }
}

fn start(plan: &BootPlan, boot: &mut Boot<'_>, read: ReadLog) -> Result<Shard, BootError> {
    let ReadLog { replay, recovered } = read;
    settle_files(boot, &recovered)?;
    let Replay { mut store, committed, committed_at, chain, .. } = replay;
    store.set_limits(plan.store);
    let visits = Visits::after_start(&store);
    let log = Log::start(plan.log, recovered.tail)?;
    let mut shard = Shard {
        options: plan.options.clone(),
        store: Some(Box::new(store)),
        journal: Journal::new(log, plan.durability, chain),
        outbox: Outbox::default(),
        queue: VecDeque::new(),
        is_working: false,
        outgoing: boot.shards().shards().map(|_| Outgoing::default()).collect(),
        lent_at: Timestamp::EPOCH,
        last_joint: None,
        has_scheduled: false,
        is_tick_due: false,
        stability: Stability::new(boot.shards()),
        directory: Directory::new(boot.shards()),
        instances: Default::default(),
        announcements: Announcements::default(),
        gatherings: Default::default(),
        scans: Default::default(),
        live: Live::new(boot.shards()),
        forwarded: vec![0; usize::from(boot.shards().get())],
        joining: Joining {
            missing: boot.shards().get() - 1,
            waiting: Vec::new(),
            syncs: Vec::new(),
        },
        committed,
        committed_at,
        next_cleaning: Timestamp::EPOCH,
        next_forgetting: Timestamp::EPOCH,
        schedules_rest_until: Timestamp::EPOCH,
        schedules_away: Default::default(),
        visits,
        figures: Figures::default(),
        depleted: None,
        json: Vec::new(),
    };
    shard.load_modules(plan)?;
    Ok(shard)
}

/// Cuts torn tails off and removes what was prepared and never used.
fn settle_files(boot: &mut Boot<'_>, recovered: &Recovered) -> Result<(), BootError> {
    if let Some(cut) = recovered.cut {
        tracing::info!(
            shard = boot.shard().get(),
            segment = cut.segment.get(),
            offset = cut.offset,
            "the log's torn tail is cut; nothing in it was ever answered"
        );
    }
    for trim in &recovered.trims {
        let segment = SegmentNumber::new(trim.segment.get());
        let cut = boot.log().truncate(segment, trim.bytes);
        cut.map_err(|error| disk_error(boot.log(), segment, error))?;
    }
    if let Some(unused) = recovered.unused {
        let segment = SegmentNumber::new(unused.get());
        let removed = boot.log().remove(segment);
        removed.map_err(|error| disk_error(boot.log(), segment, error))?;
    }
    Ok(())
}

impl Shard {
    /// Loads the modules whose home this is and puts the active ones in service.
    fn load_modules(&mut self, plan: &BootPlan) -> Result<(), BootError> {
        for row in ModuleRow::all(self.store()) {
            let compiled = plan.modules.load(&row.version);
            let compiled =
                compiled.map_err(|error| BootError::Module { module: row.name.clone(), error })?;
            let name: Arc<str> = row.name.as_str().into();
            if row.active {
                self.instances.insert(name.clone(), Served::new(&compiled));
            }
            let module = Module::assemble(self.store(), name, compiled, &row, TxId::ZERO);
            self.directory.apply(&Notice::Module(Arc::new(module)));
        }
        let facts = self.own_facts();
        facts.iter().for_each(|notice| self.directory.apply(notice));
        Ok(())
    }

    /// Everything in this shard's log that other shards have to know.
    pub(super) fn own_facts(&self) -> Vec<Notice> {
        let modules = self.directory.modules().cloned().map(Notice::Module);
        let accounts = Account::all(self.store());
        let rights = accounts.iter().map(|account| rights_notice(self.store(), account));
        let rights = rights.filter(|it| !matches!(it, Notice::Rights(_, it) if it.is_empty()));
        let revoked = Session::all(self.store()).into_iter().filter(|session| session.revoked);
        let revoked = revoked
            .map(|session| Notice::Revoked { session: session.id, expires_at: session.expires_at });
        modules.chain(rights).chain(revoked).collect()
    }
}
