//! Reads one shard's log into a store: what recovery does before anything on the disk is changed.
//!
//! Invariants:
//! 1. The store is what it was after the last record that was read: a record is followed whole, or the replay ends.

use std::sync::Arc;

use cosmictron_runtime::{DiskError, LogDirectory, SegmentNumber};
use cosmictron_storage::log::record::{Payload, PayloadError, TransactionRecord};
use cosmictron_storage::log::recover::{Head, Recovered};
use cosmictron_storage::log::{self, LogId, ReadError, Record, RecoverError, Recovery};
use cosmictron_storage::{
    ApplyError, ChangeReader, LoggedChange, SchemaChange, SchemaDifference, Seat, Store,
    StoreLimits,
};
use cosmictron_types::{Duration, Lsn, ShardCount, ShardId, TableId, Timestamp, TxId};

use super::BootError;
use super::cut::{JointFact, JointFacts};
use crate::catalog::{FIRST_USER_TABLE, SystemTable, TableRow, create_system_tables};
use crate::shard::chain::Chain;
use crate::shard::tables_change::{resolver, schema_of};

/// A store that follows its log.
pub struct Replay {
    pub store: Store,
    /// The last transaction, and when it was.
    pub committed: TxId,
    pub committed_at: Timestamp,
    shards: ShardCount,
    joint: JointFacts,
    history_time: Duration,
    /// The hashes of what was read, where they are wanted.
    pub chain: Option<Chain>,
    /// Records until what has become too old is forgotten.
    records_left: u32,
}

/// Records between two times of forgetting.
const FORGETTING_RECORDS: u32 = 1024;

/// Why a record that is whole cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error(transparent)]
    Payload(#[from] PayloadError),
    #[error("the chain of hashes is broken")]
    Chain,
    #[error("a transaction names a shard that the server does not have")]
    Participants,
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error("the schema of table {table} is damaged: {error}")]
    Schema { table: String, error: serde_json::Error },
    #[error("tables cannot follow their schemas: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Tables(Vec<SchemaDifference>),
}

impl Replay {
    /// Reads a whole log, one segment in memory at a time, and keeps the past for `history_time`. One that was begun cannot be
    /// empty.
    pub fn of(
        id: LogId,
        shards: ShardCount,
        is_begun: bool,
        limits: StoreLimits,
        history_time: Duration,
        chain: Option<Chain>,
        log: &mut dyn LogDirectory,
    ) -> Result<(Replay, Recovered), BootError> {
        let mut replay = Replay::new(limits, history_time, Seat { shard: id.shard, shards });
        replay.chain = chain;
        let recovered = replay.read(id, log, None)?;
        match is_begun && !recovered.is_begun {
            true => Err(BootError::LogGone(id.shard)),
            false => Ok((replay, recovered)),
        }
    }

    /// Reads a log that was read whole, up to the record before which it is cut.
    pub fn before(
        first_cut: Lsn,
        id: LogId,
        shards: ShardCount,
        limits: StoreLimits,
        history_time: Duration,
        chain: Option<Chain>,
        log: &mut dyn LogDirectory,
    ) -> Result<(Replay, Recovered), BootError> {
        let mut replay = Replay::new(limits, history_time, Seat { shard: id.shard, shards });
        replay.chain = chain;
        let recovered = replay.read(id, log, Some(first_cut))?;
        Ok((replay, recovered))
    }

    /// Of an empty log.
    pub fn new(limits: StoreLimits, history_time: Duration, seat: Seat) -> Self {
        // What was taken once is taken again, also when the limit has been lowered since.
        let mut store = Store::seated(StoreLimits { bytes_max: u64::MAX, ..limits }, seat);
        create_system_tables(&mut store);
        let (committed, committed_at) = (TxId::ZERO, Timestamp::EPOCH);
        let records_left = FORGETTING_RECORDS;
        let joint = JointFacts::default();
        let shards = seat.shards;
        Self {
            store,
            committed,
            committed_at,
            chain: None,
            shards,
            joint,
            history_time,
            records_left,
        }
    }

    /// What the other shards have to know of the transactions that they took part in.
    pub fn take_joint_facts(&mut self) -> JointFacts {
        std::mem::take(&mut self.joint)
    }

    fn read(
        &mut self,
        id: LogId,
        log: &mut dyn LogDirectory,
        before: Option<Lsn>,
    ) -> Result<Recovered, BootError> {
        let mut recovery = start_recovery(id, before, log)?;
        let mut bytes = Vec::new();
        while let Some(wanted) = recovery.wants() {
            let segment = SegmentNumber::new(wanted.get());
            let read = log.read(segment, &mut bytes);
            read.map_err(|error| disk_error(log, segment, error))?;
            let read = recovery.read(&bytes, |record| self.visit(record));
            read.map_err(|error| visited(log, segment, error))?;
        }
        Ok(recovery.finish())
    }

    fn visit(&mut self, record: Record<'_>) -> Result<(), RecordError> {
        let payload = Payload::decode(record.payload)?;
        if let Some(chain) = &mut self.chain {
            chain.follow(record, &payload)?;
        }
        match payload {
            Payload::Transaction(transaction) => {
                if transaction.participants.iter().len() > 1 {
                    self.note_joint(record.lsn, &transaction)?;
                }
                let TransactionRecord { tx, timestamp, changes, .. } = transaction;
                self.follow(tx, timestamp, changes, |_| ())
            }
            Payload::Mark | Payload::Seal { .. } => Ok(()),
        }
    }

    fn note_joint(&mut self, lsn: Lsn, record: &TransactionRecord<'_>) -> Result<(), RecordError> {
        let shard = |number| ShardId::new(number, self.shards);
        let participants: Option<Vec<ShardId>> = record.participants.iter().map(shard).collect();
        let participants = participants.ok_or(RecordError::Participants)?;
        self.joint.add(JointFact { tx: record.tx, lsn, participants }, record.complete);
        Ok(())
    }

    /// Does one transaction; shows the store before it is committed.
    pub fn follow(
        &mut self,
        tx: TxId,
        at: Timestamp,
        changes: &[u8],
        look: impl FnOnce(&Store),
    ) -> Result<(), RecordError> {
        self.store.apply_and_look(tx, changes, look)?;
        self.store.note_time(at);
        (self.committed, self.committed_at) = (tx, at);
        self.forget();
        // A record that changes tables begins with the rows that say so, and has no other user rows (see `deploy`).
        let first = ChangeReader::new(changes).next();
        if first
            .is_some_and(|change| change.is_ok_and(|change| table_of(&change) == TableRow::TABLE))
        {
            self.follow_catalog()?;
        }
        Ok(())
    }

    /// Forgets what was too old when the last record was written, so that a long log takes no more memory than the past
    /// may. What has become too old since goes when the shard runs.
    fn forget(&mut self) {
        self.records_left -= 1;
        if self.records_left == 0 {
            self.records_left = FORGETTING_RECORDS;
            self.store.forget(self.committed_at - self.history_time, usize::MAX);
        }
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

    /// The newest table; what the next one has to come after.
    pub(super) fn last_table(&self) -> TableId {
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

/// Begins to read a log, up to a record if one is given.
pub fn start_recovery(
    id: LogId,
    before: Option<Lsn>,
    log: &mut dyn LogDirectory,
) -> Result<Recovery, BootError> {
    let heads = read_heads(id, log)?;
    let heads = heads
        .iter()
        .map(|(segment, bytes)| Head { segment: log::SegmentNumber::new(segment.get()), bytes });
    let recovery = Recovery::start(id, heads).map_err(|error| named(log, error))?;
    Ok(match before {
        Some(lsn) => recovery.cut_before(lsn),
        None => recovery,
    })
}

/// Says which file an error is about.
pub fn visited(
    log: &dyn LogDirectory,
    segment: SegmentNumber,
    error: ReadError<RecordError>,
) -> BootError {
    match error {
        ReadError::Log(error) => named(log, error),
        ReadError::Visit { lsn, error: RecordError::Chain } => {
            BootError::Chain { file: log.name(segment), lsn }
        }
        ReadError::Visit { lsn, error } => {
            BootError::Record { file: log.name(segment), lsn, error }
        }
    }
}

fn named(log: &dyn LogDirectory, error: RecoverError) -> BootError {
    let file = log.name(SegmentNumber::new(error.segment().get()));
    BootError::Log { file, error }
}

pub fn disk_error(log: &dyn LogDirectory, segment: SegmentNumber, error: DiskError) -> BootError {
    BootError::Disk { file: log.name(segment), error }
}

fn read_heads(
    id: LogId,
    log: &mut dyn LogDirectory,
) -> Result<Vec<(SegmentNumber, Vec<u8>)>, BootError> {
    let segments = log.segments().map_err(|error| BootError::Disk {
        file: format!("the log of shard {}", id.shard),
        error,
    })?;
    segments
        .iter()
        .map(|extent| {
            let mut head = Vec::new();
            let read = log.read_head(extent.segment, Head::BYTES, &mut head);
            read.map_err(|error| disk_error(log, extent.segment, error))?;
            Ok((extent.segment, head))
        })
        .collect()
}
