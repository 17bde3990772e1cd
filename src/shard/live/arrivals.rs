//! Puts what shards tell a core in the order of their transactions, and together what one transaction did on several.
//!
//! ```text
//!   shard 0   ● 3        ● 7 ● 8    ▷ progress 8  ┐
//!   shard 1        ● 4   ● 7        ▷ progress 7  ┼─▶ 3, 4, 7 (both parts); 8 waits for shard 1
//! ```
//!
//! What a shard tells comes in the order of its transactions. So once each has told how far it is, and that is as far as a
//! transaction or further, nothing is missing of that one and nothing comes before it.
//!
//! Invariants:
//! 1. Transactions come out in ascending order, each once, with all that any shard has told of it.

use std::collections::VecDeque;

use cosmictron_types::{ShardCount, ShardId, TxId};

use super::feed::{FeedBatch, FlowChanges};
use super::readers::Touched;

/// What one transaction did, on all shards.
#[derive(Debug)]
pub struct Arrived {
    pub tx: TxId,
    pub flows: Vec<FlowChanges>,
    pub touched: Vec<Touched>,
}

/// What has come from all shards and was not taken out.
#[derive(Debug)]
pub struct Arrivals {
    shards: ShardCount,
    /// By shard.
    sources: Vec<Source>,
    /// The last transaction that was taken out.
    taken: TxId,
    /// Bytes of all that waits.
    bytes: usize,
}

#[derive(Debug)]
struct Source {
    batches: VecDeque<FeedBatch>,
    /// Up to here it has told everything.
    progress: TxId,
    /// Up to here it was asked to go on, and has not answered.
    asked: Option<TxId>,
    /// How many flows draw on it.
    flows: usize,
}

impl Source {
    fn new() -> Self {
        Self { batches: VecDeque::new(), progress: TxId::ZERO, asked: None, flows: 0 }
    }
}

impl Arrivals {
    pub fn new(shards: ShardCount) -> Self {
        let sources = shards.shards().map(|_| Source::new()).collect();
        Self { shards, sources, taken: TxId::ZERO, bytes: 0 }
    }

    /// One more flow draws on a shard.
    pub fn open(&mut self, source: ShardId) {
        self.sources[source.index()].flows += 1;
    }

    /// One flow fewer does.
    pub fn close(&mut self, source: ShardId) {
        let source = &mut self.sources[source.index()];
        source.flows -= 1;
        if source.flows == 0 {
            let gone = source.batches.drain(..).map(|batch| batch.bytes());
            self.bytes -= gone.sum::<usize>();
        }
    }

    /// A shard has told what one of its transactions did.
    pub fn push(&mut self, from: ShardId, batch: FeedBatch) {
        let source = &mut self.sources[from.index()];
        source.progress = source.progress.max(batch.tx);
        // What is of flows that have ended comes too late at times, and in the way of those that came in their place.
        if source.flows > 0 && self.taken < batch.tx {
            self.bytes += batch.bytes();
            source.batches.push_back(batch);
        }
    }

    /// A shard has told everything up to a transaction.
    pub fn note_progress(&mut self, from: ShardId, tx: TxId) {
        let source = &mut self.sources[from.index()];
        source.progress = source.progress.max(tx);
        if source.asked.is_some_and(|asked| asked <= tx) {
            source.asked = None;
        }
    }

    /// Up to here all shards that matter have told everything; `None` when none matters.
    pub fn frontier(&self) -> Option<TxId> {
        let active = self.sources.iter().filter(|source| source.flows > 0);
        active.map(|source| source.progress).min()
    }

    /// Whether all has been told up to a transaction, and nothing of it is still to be taken out.
    pub fn is_past(&self, tx: TxId) -> bool {
        self.frontier().is_none_or(|frontier| tx <= frontier)
            && self.head().is_none_or(|head| tx < head)
    }

    /// The last transaction that was taken out.
    pub fn taken(&self) -> TxId {
        self.taken
    }

    /// Bytes of all that waits.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The next transaction that has come from anywhere.
    pub fn head(&self) -> Option<TxId> {
        self.sources.iter().filter_map(|source| source.batches.front()).map(|batch| batch.tx).min()
    }

    /// The next transaction of which nothing is missing.
    pub fn take(&mut self) -> Option<Arrived> {
        let tx = self.head().filter(|head| self.frontier().is_some_and(|all| *head <= all))?;
        assert!(self.taken < tx, "transactions ascend (I1)");
        self.taken = tx;
        let mut arrived = Arrived { tx, flows: Vec::new(), touched: Vec::new() };
        for source in &mut self.sources {
            while let Some(batch) = source.batches.pop_front_if(|batch| batch.tx == tx) {
                self.bytes -= batch.bytes();
                arrived.flows.extend(batch.flows);
                arrived.touched.extend(batch.touched);
            }
        }
        Some(arrived)
    }

    /// The shards that have to be asked to go on to a transaction; they count as asked.
    pub fn ask(&mut self, upto: TxId) -> Vec<ShardId> {
        let mut asked = Vec::new();
        for (shard, source) in self.shards.shards().zip(&mut self.sources) {
            if source.flows > 0 && source.progress < upto && source.asked.is_none() {
                source.asked = Some(upto);
                asked.push(shard);
            }
        }
        asked
    }

    /// A shard did not say how far it is.
    pub fn was_refused(&mut self, source: ShardId) {
        self.sources[source.index()].asked = None;
    }
}

#[cfg(test)]
mod tests {
    use cosmictron_sql::LeafChanges;

    use super::super::FlowId;
    use super::*;

    fn shard(number: u16) -> ShardId {
        ShardId::new(number, count()).unwrap()
    }

    fn count() -> ShardCount {
        ShardCount::new(3).unwrap()
    }

    fn batch(tx: u64, flow: u64) -> FeedBatch {
        let flows = vec![FlowChanges { flow: FlowId(flow), changes: Ok(LeafChanges::default()) }];
        FeedBatch { tx: TxId::new(tx), flows, touched: Vec::new() }
    }

    fn arrivals() -> Arrivals {
        let mut arrivals = Arrivals::new(count());
        arrivals.open(shard(0));
        arrivals.open(shard(1));
        arrivals
    }

    fn taken(arrivals: &mut Arrivals) -> Vec<(u64, Vec<u64>)> {
        let all = std::iter::from_fn(|| arrivals.take());
        let numbers = |flows: &[FlowChanges]| flows.iter().map(|flow| flow.flow.0).collect();
        all.map(|arrived| (arrived.tx.get(), numbers(&arrived.flows))).collect()
    }

    #[test]
    fn a_transaction_waits_until_no_part_and_nothing_before_it_can_come() {
        let mut arrivals = arrivals();
        arrivals.push(shard(0), batch(3, 1));
        arrivals.push(shard(0), batch(7, 1));
        assert_eq!(taken(&mut arrivals), []);
        assert_eq!(arrivals.ask(TxId::new(3)), [shard(1)]);
        assert_eq!(arrivals.ask(TxId::new(3)), []);
        arrivals.push(shard(1), batch(4, 2));
        assert_eq!(taken(&mut arrivals), [(3, vec![1]), (4, vec![2])]);
        arrivals.push(shard(1), batch(7, 2));
        assert_eq!(taken(&mut arrivals), [(7, vec![1, 2])]);
        assert_eq!(arrivals.bytes(), 0);
    }

    #[test]
    fn what_waits_is_counted_until_it_is_taken_or_its_flows_end() {
        let mut arrivals = arrivals();
        arrivals.push(shard(0), batch(3, 1));
        let one = arrivals.bytes();
        arrivals.push(shard(0), batch(4, 1));
        assert!(one > 0 && arrivals.bytes() == 2 * one);
        arrivals.push(shard(1), batch(3, 2));
        taken(&mut arrivals);
        assert_eq!(arrivals.bytes(), one);
        arrivals.close(shard(0));
        assert_eq!(arrivals.bytes(), 0);
    }

    #[test]
    fn who_says_how_far_it_is_need_not_have_done_anything() {
        let mut arrivals = arrivals();
        arrivals.push(shard(0), batch(3, 1));
        assert!(!arrivals.is_past(TxId::new(2)));
        arrivals.note_progress(shard(1), TxId::new(9));
        assert!(arrivals.is_past(TxId::new(2)) && !arrivals.is_past(TxId::new(3)));
        assert_eq!(taken(&mut arrivals), [(3, vec![1])]);
        assert!(arrivals.is_past(TxId::new(3)) && !arrivals.is_past(TxId::new(4)));
    }

    #[test]
    fn a_shard_on_which_nothing_draws_is_not_waited_for() {
        let mut arrivals = arrivals();
        arrivals.push(shard(2), batch(1, 9));
        arrivals.push(shard(0), batch(3, 1));
        arrivals.close(shard(1));
        assert_eq!(taken(&mut arrivals), [(3, vec![1])]);
        arrivals.close(shard(0));
        assert!(arrivals.is_past(TxId::new(100)));
    }
}
