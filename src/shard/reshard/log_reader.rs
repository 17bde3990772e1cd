//! Reads the transactions of one log, as they are asked for, one segment in memory at a time.

use std::collections::VecDeque;

use cosmictron_runtime::{LogDirectory, SegmentNumber};
use cosmictron_storage::log::record::Payload;
use cosmictron_storage::log::{LogId, Record, Recovery};
use cosmictron_types::{Lsn, ShardCount, ShardId, Timestamp, TxId};

use crate::shard::recovery::cut::JointFact;
use crate::shard::recovery::replay::{disk_error, start_recovery, visited};
use crate::shard::recovery::{BootError, JointFacts, RecordError};

/// One log, read up to a point.
pub struct LogReader {
    shards: ShardCount,
    recovery: Recovery,
    transactions: VecDeque<OwnedTransaction>,
    segment: String,
    bytes: Vec<u8>,
}

/// One shard's part of a transaction.
pub struct OwnedTransaction {
    pub lsn: Lsn,
    pub tx: TxId,
    pub timestamp: Timestamp,
    participants: Vec<ShardId>,
    complete: TxId,
    pub changes: Vec<u8>,
}

impl LogReader {
    /// Begins at the first record; ends before a record, if one is given.
    pub fn open(
        id: LogId,
        shards: ShardCount,
        before: Option<Lsn>,
        log: &mut dyn LogDirectory,
    ) -> Result<Self, BootError> {
        let recovery = start_recovery(id, before, log)?;
        let (transactions, segment) = (VecDeque::new(), String::new());
        Ok(Self { shards, recovery, transactions, segment, bytes: Vec::new() })
    }

    /// The number of the next transaction.
    pub fn peek(&mut self, log: &mut dyn LogDirectory) -> Result<Option<TxId>, BootError> {
        while self.transactions.is_empty() {
            let Some(wanted) = self.recovery.wants() else { return Ok(None) };
            let segment = SegmentNumber::new(wanted.get());
            let read = log.read(segment, &mut self.bytes);
            read.map_err(|error| disk_error(log, segment, error))?;
            self.segment = log.name(segment);
            let Self { recovery, bytes, transactions, shards, .. } = self;
            let read = recovery.read(bytes, |record| keep(record, *shards, transactions));
            read.map_err(|error| visited(log, segment, error))?;
        }
        Ok(self.transactions.front().map(|next| next.tx))
    }

    /// The next transaction, if it has this number.
    pub fn take(
        &mut self,
        tx: TxId,
        log: &mut dyn LogDirectory,
    ) -> Result<Option<OwnedTransaction>, BootError> {
        match self.peek(log)? {
            Some(next) if next == tx => Ok(self.transactions.pop_front()),
            _ => Ok(None),
        }
    }

    /// Reads all of it for what the other shards have to know of the transactions that they took part in, and for whether it
    /// was ever written to.
    pub fn joint_facts(
        mut self,
        log: &mut dyn LogDirectory,
    ) -> Result<(JointFacts, bool), BootError> {
        let mut facts = JointFacts::default();
        while self.peek(log)?.is_some() {
            for transaction in self.transactions.drain(..) {
                let OwnedTransaction { lsn, tx, participants, complete, .. } = transaction;
                if participants.len() > 1 {
                    facts.add(JointFact { tx, lsn, participants }, complete);
                }
            }
        }
        Ok((facts, self.recovery.finish().is_begun))
    }

    /// Says which record an error is about.
    pub fn blame(&self, part: &OwnedTransaction, error: RecordError) -> BootError {
        BootError::Record { file: self.segment.clone(), lsn: part.lsn, error }
    }
}

fn keep(
    record: Record<'_>,
    shards: ShardCount,
    transactions: &mut VecDeque<OwnedTransaction>,
) -> Result<(), RecordError> {
    let Payload::Transaction(transaction) = Payload::decode(record.payload)? else {
        return Ok(());
    };
    let shard = |number| ShardId::new(number, shards);
    let participants: Option<Vec<ShardId>> = transaction.participants.iter().map(shard).collect();
    transactions.push_back(OwnedTransaction {
        lsn: record.lsn,
        tx: transaction.tx,
        timestamp: transaction.timestamp,
        participants: participants.ok_or(RecordError::Participants)?,
        complete: transaction.complete,
        changes: transaction.changes.to_vec(),
    });
    Ok(())
}
