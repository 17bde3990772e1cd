//! Gives a starting machine what it needs to recover: its place, the server-wide counters and its log's directory.
//!
//! Both drivers hand out the same [`Boot`], so recovery is the same code in both. Booting may block: no event comes
//! before every shard has booted.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use cosmictron_types::{ShardCount, ShardId, TableId, TxId};

use crate::machine::{DiskError, SegmentNumber};

/// How a machine is made, in two steps: each shard reads its own log, then each finishes by what all have read. A
/// closure that needs only its own log does it in one.
pub trait Recovery<M>: Sync {
    /// What a shard has read, kept on its thread.
    type Read;
    /// What the others have to know of it.
    type Facts: Send + Sync;
    /// Why no machine can be made.
    type Error: Send;

    /// Reads what is there. Changes nothing on the disk: another shard may still fail.
    fn read(&self, boot: &mut Boot<'_>) -> Result<(Self::Read, Self::Facts), Self::Error>;

    /// Makes the machine. `facts` are those of all shards, in their order.
    fn finish(
        &self,
        boot: &mut Boot<'_>,
        read: Self::Read,
        facts: &[Self::Facts],
    ) -> Result<M, Self::Error>;
}

impl<M, E: Send, B: Fn(&mut Boot<'_>) -> Result<M, E> + Sync> Recovery<M> for B {
    type Read = ();
    type Facts = ();
    type Error = E;

    fn read(&self, _: &mut Boot<'_>) -> Result<((), ()), E> {
        Ok(((), ()))
    }

    fn finish(&self, boot: &mut Boot<'_>, (): (), _: &[()]) -> Result<M, E> {
        self(boot)
    }
}

/// What a machine is made from.
pub struct Boot<'a> {
    shard: ShardId,
    shards: ShardCount,
    counters: &'a Counters,
    log: &'a mut dyn LogDirectory,
}

impl<'a> Boot<'a> {
    pub(crate) fn new(
        shard: ShardId,
        shards: ShardCount,
        counters: &'a Counters,
        log: &'a mut dyn LogDirectory,
    ) -> Self {
        Self { shard, shards, counters, log }
    }

    /// The shard that boots.
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// How many shards boot.
    pub fn shards(&self) -> ShardCount {
        self.shards
    }

    /// The server-wide counters, to be raised past what was recovered.
    pub fn counters(&self) -> &'a Counters {
        self.counters
    }

    /// This shard's log as it was left.
    pub fn log(&mut self) -> &mut dyn LogDirectory {
        self.log
    }
}

/// The segments of one shard's log while nothing writes to them. All calls may block.
pub trait LogDirectory {
    /// Every segment there is, in the log's order. Segments that were still being prepared when the process died are
    /// gone: nothing was ever written to them.
    fn segments(&mut self) -> Result<Vec<SegmentExtent>, DiskError>;

    /// Replaces `into` by the whole segment; an allocation made for one segment serves the next.
    fn read(&mut self, segment: SegmentNumber, into: &mut Vec<u8>) -> Result<(), DiskError>;

    /// Replaces `into` by at most the segment's first `bytes` bytes.
    fn read_head(
        &mut self,
        segment: SegmentNumber,
        bytes: usize,
        into: &mut Vec<u8>,
    ) -> Result<(), DiskError>;

    /// Cuts a segment's tail off for good: durable when this returns.
    fn truncate(&mut self, segment: SegmentNumber, bytes: u64) -> Result<(), DiskError>;

    /// Removes a segment for good: durable when this returns.
    fn remove(&mut self, segment: SegmentNumber) -> Result<(), DiskError>;

    /// The segment's name for an error message: its path, where there is one.
    fn name(&self, segment: SegmentNumber) -> String;
}

/// Where new logs are written while no shard runs. All calls may block.
pub trait LogSink {
    /// Makes a segment of so many zero bytes in a shard's log.
    fn prepare(
        &mut self,
        shard: ShardId,
        segment: SegmentNumber,
        bytes: u64,
    ) -> Result<(), DiskError>;

    /// Writes whole blocks; durable once the sink's owner says so.
    fn write(
        &mut self,
        shard: ShardId,
        segment: SegmentNumber,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), DiskError>;
}

/// A segment and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentExtent {
    /// The segment's place in its log.
    pub segment: SegmentNumber,
    /// Its length, a multiple of the block size unless someone has tampered with it.
    pub bytes: u64,
}

/// The counters that all shards share. Each value is given out once; a value given out and never used leaves a gap.
#[derive(Debug, Default)]
pub struct Counters {
    tx: CacheLine<AtomicU64>,
    table: CacheLine<AtomicU32>,
}

/// Alone on its cache line (two, since processors fetch lines in pairs): every commit of every core writes the first.
#[derive(Debug, Default)]
#[repr(align(128))]
struct CacheLine<T>(T);

impl Counters {
    /// Counters that start from nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the next transaction come after `tx`.
    pub fn raise_tx(&self, tx: TxId) {
        // Relaxed: shards boot before they are told to go on, and that hand-over orders it.
        self.tx.0.fetch_max(tx.get(), Ordering::Relaxed);
    }

    /// Makes the next table come after `table`.
    pub fn raise_table(&self, table: TableId) {
        self.table.0.fetch_max(table.get(), Ordering::Relaxed);
    }

    /// The transaction taken last, by any shard.
    pub fn last_tx(&self) -> TxId {
        TxId::new(self.tx.0.load(Ordering::Relaxed))
    }

    pub(crate) fn next_tx(&self) -> TxId {
        // Relaxed: the counter orders transactions by its own modification order alone. What happens before one take
        // and after another on a different core is ordered by the message that told of the first.
        TxId::new(self.tx.0.fetch_add(1, Ordering::Relaxed)).next()
    }

    pub(crate) fn next_table(&self) -> TableId {
        let last = self.table.0.fetch_add(1, Ordering::Relaxed);
        TableId::new(last.checked_add(1).expect("fewer than 2^32 tables are ever made"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_after_what_was_recovered() {
        let counters = Counters::new();
        counters.raise_tx(TxId::new(7));
        counters.raise_tx(TxId::new(3));
        counters.raise_table(TableId::new(2));
        assert_eq!(counters.next_tx(), TxId::new(8));
        assert_eq!(counters.next_tx(), TxId::new(9));
        assert_eq!(counters.last_tx(), TxId::new(9));
        assert_eq!(counters.next_table(), TableId::new(3));
    }
}
