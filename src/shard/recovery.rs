//! Brings a shard back from its log: rows, tables, modules, and what the other shards have to know.
//!
//! Invariants:
//! 1. The recovered store is what it was after some transaction, and every answered one is in it (DESIGN invariants 1
//!    and 2).
//! 2. Nothing is changed on the disk before the whole log was read and understood.

use std::sync::Arc;

use cosmictron_runtime::{Boot, DiskError, SegmentNumber};
use cosmictron_storage::log::record::{Payload, PayloadError, TransactionRecord};
use cosmictron_storage::log::recover::{Head, Recovered};
use cosmictron_storage::log::{
    InvalidOptions, Log, LogId, LogOptions, ReadError, RecoverError, Recovery,
};
use cosmictron_storage::{
    ApplyError, ChangeReader, LoggedChange, SchemaChange, SchemaDifference, Store, StoreLimits,
};
use cosmictron_types::{ShardId, TableId, Timestamp, TxId};
use cosmictron_wasm_host::Instances;

use super::account::roles_notice;
use super::announcement::Announcements;
use super::deploy::{resolver, schema_of};
use super::journal::Journal;
use super::outbox::Outbox;
use super::report::Figures;
use super::{Joining, Shard, ShardOptions};
use crate::catalog::{
    Account, FIRST_USER_TABLE, ModuleRow, Session, SystemTable, TableRow, create_system_tables,
};
use crate::config::Durability;
use crate::directory::{Directory, Module, Notice};
use crate::module_files::{LoadError, ModuleFiles};

/// What every shard is made from.
#[derive(Clone)]
pub struct BootPlan {
    pub options: Arc<ShardOptions>,
    pub store: StoreLimits,
    pub log: LogOptions,
    pub durability: Durability,
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
    #[error("{file}: {error}")]
    Record { file: String, error: RecordError },
    #[error("module {module}: {error}")]
    Module { module: String, error: LoadError },
    #[error(transparent)]
    Options(#[from] InvalidOptions),
}

/// Why a record that is whole cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error(transparent)]
    Payload(#[from] PayloadError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error("the schema of table {table} is damaged: {error}")]
    Schema { table: String, error: serde_json::Error },
    #[error("tables cannot follow their schemas: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Tables(Vec<SchemaDifference>),
}

/// Recovers one shard. Blocks for as long as its log is long.
pub fn boot(plan: &BootPlan, boot: &mut Boot<'_>) -> Result<Shard, BootError> {
    let mut replay = Replay::new(plan.store);
    let recovered = read_log(plan, boot, &mut replay)?;
    settle_files(boot, &recovered)?;
    boot.counters().raise_tx(replay.committed);
    boot.counters().raise_table(replay.last_table());
    let Replay { mut store, committed, committed_at } = replay;
    store.set_limits(plan.store);
    let log = Log::start(plan.log, recovered.tail)?;
    let mut shard = Shard {
        options: plan.options.clone(),
        store: Some(Box::new(store)),
        journal: Journal::new(log, plan.durability),
        outbox: Outbox::default(),
        directory: Directory::new(boot.shards()),
        instances: Default::default(),
        announcements: Announcements::default(),
        forwarded: vec![0; usize::from(boot.shards().get())],
        joining: Joining {
            missing: boot.shards().get() - 1,
            waiting: Vec::new(),
            syncs: Vec::new(),
        },
        committed,
        committed_at,
        next_cleaning: Timestamp::EPOCH,
        schedules_rest_until: Timestamp::EPOCH,
        figures: Figures::default(),
        depleted: None,
        json: Vec::new(),
    };
    shard.load_modules(plan, boot.shard())?;
    Ok(shard)
}

fn read_log(
    plan: &BootPlan,
    boot: &mut Boot<'_>,
    replay: &mut Replay,
) -> Result<Recovered, BootError> {
    let id = LogId { data: plan.data, shard: boot.shard() };
    let heads = read_heads(boot)?;
    let heads = heads.iter().map(|(segment, bytes)| Head {
        segment: cosmictron_storage::log::SegmentNumber::new(segment.get()),
        bytes,
    });
    let named = |boot: &mut Boot<'_>, error: RecoverError| {
        let file = boot.log().name(SegmentNumber::new(error.segment().get()));
        BootError::Log { file, error }
    };
    let mut recovery = Recovery::start(id, heads).map_err(|error| named(boot, error))?;
    let mut bytes = Vec::new();
    while let Some(wanted) = recovery.wants() {
        let segment = SegmentNumber::new(wanted.get());
        read_segment(boot, segment, &mut bytes)?;
        let read = recovery.read(&bytes, |record| replay.visit(record.payload));
        read.map_err(|error| match error {
            ReadError::Log(error) => named(boot, error),
            ReadError::Visit { error, .. } => {
                BootError::Record { file: boot.log().name(segment), error }
            }
        })?;
    }
    let recovered = recovery.finish();
    match plan.is_begun && !recovered.is_begun {
        true => Err(BootError::LogGone(boot.shard())),
        false => Ok(recovered),
    }
}

fn read_heads(boot: &mut Boot<'_>) -> Result<Vec<(SegmentNumber, Vec<u8>)>, BootError> {
    let segments = boot.log().segments().map_err(|error| BootError::Disk {
        file: format!("the log of shard {}", boot.shard()),
        error,
    })?;
    segments
        .iter()
        .map(|extent| {
            let mut head = Vec::new();
            let read = boot.log().read_head(extent.segment, Head::BYTES, &mut head);
            read.map_err(|error| disk_error(boot, extent.segment, error))?;
            Ok((extent.segment, head))
        })
        .collect()
}

fn read_segment(
    boot: &mut Boot<'_>,
    segment: SegmentNumber,
    bytes: &mut Vec<u8>,
) -> Result<(), BootError> {
    let read = boot.log().read(segment, bytes);
    read.map_err(|error| disk_error(boot, segment, error))
}

fn disk_error(boot: &mut Boot<'_>, segment: SegmentNumber, error: DiskError) -> BootError {
    BootError::Disk { file: boot.log().name(segment), error }
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
        cut.map_err(|error| disk_error(boot, segment, error))?;
    }
    if let Some(unused) = recovered.unused {
        let segment = SegmentNumber::new(unused.get());
        let removed = boot.log().remove(segment);
        removed.map_err(|error| disk_error(boot, segment, error))?;
    }
    Ok(())
}

/// A store that follows its log.
struct Replay {
    store: Store,
    committed: TxId,
    committed_at: Timestamp,
}

impl Replay {
    fn new(limits: StoreLimits) -> Self {
        // What was taken once is taken again, also when the limit has been lowered since.
        let mut store = Store::new(StoreLimits { bytes_max: u64::MAX, ..limits });
        create_system_tables(&mut store);
        Self { store, committed: TxId::ZERO, committed_at: Timestamp::EPOCH }
    }

    fn visit(&mut self, payload: &[u8]) -> Result<(), RecordError> {
        match Payload::decode(payload)? {
            Payload::Transaction(record) => self.apply(&record),
            Payload::Mark => Ok(()),
        }
    }

    fn apply(&mut self, record: &TransactionRecord<'_>) -> Result<(), RecordError> {
        self.store.apply(record.tx, record.changes)?;
        (self.committed, self.committed_at) = (record.tx, record.timestamp);
        // A record that changes tables begins with the rows that say so, and has no other user rows (see `deploy`).
        let first = ChangeReader::new(record.changes).next();
        if first
            .is_some_and(|change| change.is_ok_and(|change| table_of(&change) == TableRow::TABLE))
        {
            self.follow_catalog()?;
        }
        Ok(())
    }

    /// Makes the tables what their rows say.
    fn follow_catalog(&mut self) -> Result<(), RecordError> {
        let rows = TableRow::all(&self.store);
        let mut change = SchemaChange::default();
        for row in &rows {
            let schema = schema_of(row)
                .map_err(|error| RecordError::Schema { table: row.name.clone(), error })?;
            let id = TableId::new(row.id);
            match self.store.table(id) {
                None => change.create.push((id, Arc::new(schema))),
                Some(table) if *table.def().schema != schema => {
                    change.alter.push((id, Arc::new(schema)));
                }
                Some(_) => {}
            }
        }
        let user_tables = self.store.tables().map(|table| table.def().id);
        change.drop = user_tables
            .filter(|id| *id >= FIRST_USER_TABLE)
            .filter(|id| !rows.iter().any(|row| row.id == id.get()))
            .collect();
        // Foreign keys stay within a module, and a record changes the tables of one.
        let ids: Vec<(String, String, TableId)> =
            rows.into_iter().map(|row| (row.module, row.name, TableId::new(row.id))).collect();
        let module_of = |id: TableId| ids.iter().find(|(_, _, other)| *other == id);
        let touched = change.create.iter().chain(&change.alter).map(|(id, _)| *id).next();
        let module = touched.and_then(module_of).map(|(module, _, _)| module.clone());
        let names: Vec<(String, TableId)> = ids
            .iter()
            .filter(|(owner, _, _)| Some(owner) == module.as_ref())
            .map(|(_, name, id)| (name.clone(), *id))
            .collect();
        self.store.change_schema(&change, &resolver(&names)).map_err(RecordError::Tables)
    }

    fn last_table(&self) -> TableId {
        let reserved = TableId::new(FIRST_USER_TABLE.get() - 1);
        self.store.tables().map(|table| table.def().id).max().unwrap_or(reserved).max(reserved)
    }
}

/// The table that a change is of.
fn table_of(change: &LoggedChange<'_>) -> TableId {
    match *change {
        LoggedChange::Insert { table, .. }
        | LoggedChange::Update { table, .. }
        | LoggedChange::DeleteKey { table, .. }
        | LoggedChange::DeleteRow { table, .. }
        | LoggedChange::Sequence { table, .. } => table,
    }
}

impl Shard {
    /// Loads the modules whose home this is and puts the active ones in service.
    fn load_modules(&mut self, plan: &BootPlan, home: ShardId) -> Result<(), BootError> {
        for row in ModuleRow::all(self.store()) {
            let compiled = plan.modules.load(&row.version);
            let compiled =
                compiled.map_err(|error| BootError::Module { module: row.name.clone(), error })?;
            let name: Arc<str> = row.name.as_str().into();
            if row.active {
                self.instances.insert(name.clone(), Instances::new(&compiled));
            }
            let module = Module::assemble(self.store(), name, home, compiled, &row);
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
        let roles = accounts.iter().filter(|account| !account.roles.is_empty()).map(roles_notice);
        let revoked = Session::all(self.store()).into_iter().filter(|session| session.revoked);
        let revoked = revoked
            .map(|session| Notice::Revoked { session: session.id, expires_at: session.expires_at });
        modules.chain(roles).chain(revoked).collect()
    }
}
