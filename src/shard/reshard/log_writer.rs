//! Writes the logs of the new shards.

use cosmictron_runtime::{LogSink, SegmentNumber};
use cosmictron_storage::log::record::{Payload, TransactionRecord};
use cosmictron_storage::log::{AppendError, Log, LogId, Recovery};
use cosmictron_types::{ShardCount, ShardId, Timestamp, TxId};

use super::{ReshardError, ReshardPlan};

/// All logs in the making.
pub struct LogWriter<'s> {
    shards: ShardCount,
    logs: Vec<Log>,
    sink: &'s mut dyn LogSink,
    /// The last transaction of several shards: those up to it are in all their logs.
    complete: TxId,
    payload: Vec<u8>,
}

impl<'s> LogWriter<'s> {
    pub fn new(plan: &ReshardPlan, sink: &'s mut dyn LogSink) -> Result<Self, ReshardError> {
        let log = |shard| {
            let id = LogId { data: plan.data, shard };
            let empty = Recovery::start(id, []).expect("a log without segments is empty");
            Log::start(plan.log, empty.finish().tail)
        };
        let logs: Result<Vec<Log>, _> = plan.new.shards().map(log).collect();
        let (complete, payload) = (TxId::ZERO, Vec::new());
        let mut writer = Self { shards: plan.new, logs: logs?, sink, complete, payload };
        plan.new.shards().try_for_each(|shard| writer.flush(shard))?;
        Ok(writer)
    }

    /// Appends a transaction to the logs of the shards that it has changes on, which are in `parts` in their order.
    pub fn append(
        &mut self,
        tx: TxId,
        at: Timestamp,
        parts: Vec<Vec<u8>>,
    ) -> Result<(), ReshardError> {
        let has_part = |(_, part): &(ShardId, &Vec<u8>)| !part.is_empty();
        let participants: Vec<ShardId> =
            self.shards.shards().zip(&parts).filter(has_part).map(|(shard, _)| shard).collect();
        for shard in &participants {
            self.payload.clear();
            TransactionRecord::begin(tx, at, &participants, self.complete, &mut self.payload);
            self.payload.extend_from_slice(&parts[shard.index()]);
            self.append_payload(*shard)?;
        }
        if participants.len() > 1 {
            self.complete = tx;
        }
        Ok(())
    }

    /// Ends each log with a mark, which is evidence of all before it, and begins those that nothing was written to.
    pub fn finish(mut self) -> Result<(), ReshardError> {
        for shard in self.shards.shards() {
            self.payload.clear();
            Payload::Mark.encode(&mut self.payload);
            self.append_payload(shard)?;
            self.flush(shard)?;
        }
        Ok(())
    }

    fn append_payload(&mut self, shard: ShardId) -> Result<(), ReshardError> {
        let admitted = self.logs[shard.index()].admit(self.payload.len());
        if let Err(AppendError::Backlog { .. } | AppendError::NoSegment) = admitted {
            self.flush(shard)?;
        }
        let appended = self.logs[shard.index()].append(&self.payload);
        appended.map(drop).map_err(|error| match error {
            AppendError::TooLarge { .. } => {
                ReshardError::RecordTooLarge { bytes: self.payload.len() }
            }
            other => unreachable!("all that was handed out has landed: {other}"),
        })
    }

    /// Writes whatever can be written.
    fn flush(&mut self, shard: ShardId) -> Result<(), ReshardError> {
        let log = &mut self.logs[shard.index()];
        let failed = |error| ReshardError::Write { shard, error };
        loop {
            let mut is_done = true;
            while let Some((segment, bytes)) = log.wants_segment() {
                let number = SegmentNumber::new(segment.get());
                self.sink.prepare(shard, number, bytes).map_err(failed)?;
                log.segment_ready(segment, Ok(()));
                is_done = false;
            }
            while let Some(write) = log.next_write() {
                let (id, segment) = (write.id, SegmentNumber::new(write.segment.get()));
                self.sink.write(shard, segment, write.offset, write.bytes).map_err(failed)?;
                log.complete(id, Ok(()));
                is_done = false;
            }
            if is_done {
                return Ok(());
            }
        }
    }
}
