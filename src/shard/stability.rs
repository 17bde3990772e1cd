//! Knows which transactions of several shards are stable, and so how far this shard's answers may go.
//!
//! Such a *joint* transaction has a record in the log of each participant. Recovery cuts every log at the first joint
//! record that another participant's log lacks, again and again until nothing more is cut. So a joint record is
//! *complete*, and survives whatever happens, once it is durable at all participants and all joint records before it
//! in their logs are complete. What a log holds up to its first incomplete record, and is durable, is stable.
//!
//! Shards tell each other two numbers, their [`Progress`]: up to which transaction their joint records are durable, and
//! up to which they are complete. The record before one's own in a partner's log has a smaller number, so whoever waits
//! for whom, nobody waits in a circle.
//!
//! A shard that is busy hears late: it is told again only when it has confirmed what it was told before, so there is
//! never more than one message to each on its way.
//!
//! Invariants:
//! 1. Joint records are kept in the log's order, which is that of their `tx_id`s; the first is incomplete.
//! 2. Nothing is taken for complete that recovery could cut.

use std::collections::VecDeque;

use cosmictron_storage::planted::{Fault, is_planted};
use cosmictron_types::{Lsn, ShardCount, ShardId, TxId};

/// How far one shard's joint records are, by transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// All up to here are durable in its log.
    pub durable: TxId,
    /// All up to here are complete.
    pub complete: TxId,
}

impl Progress {
    /// Before the first joint record.
    pub const NONE: Progress = Progress { durable: TxId::ZERO, complete: TxId::ZERO };
}

/// Another participant of a joint transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partner {
    pub shard: ShardId,
    /// The joint record before this one in the partner's log. Nothing when that has this shard for a participant too: it
    /// is then in this shard's log, and complete before this one is asked about.
    pub after: TxId,
}

/// A joint record of this log that is not complete.
#[derive(Debug)]
struct Joint {
    lsn: Lsn,
    tx: TxId,
    partners: Vec<Partner>,
}

/// One shard's joint records.
#[derive(Debug)]
pub struct Stability {
    waiting: VecDeque<Joint>,
    /// What the other shards have told, by shard.
    heard: Vec<Progress>,
    own: Progress,
    /// What the other shards are told, by shard.
    told: Vec<Told>,
}

/// What another shard is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Told {
    /// It knows all that it has to.
    #[default]
    Enough,
    /// It was told something and has not confirmed it.
    Something,
    /// And has to be told more when it has.
    TooLittle,
}

impl Stability {
    /// Of a shard whose whole log is stable, as it is after recovery.
    pub fn new(shards: ShardCount) -> Self {
        let heard = vec![Progress::NONE; usize::from(shards.get())];
        let told = vec![Told::Enough; heard.len()];
        Self { waiting: VecDeque::new(), heard, own: Progress::NONE, told }
    }

    /// A joint record was appended.
    pub fn append(&mut self, lsn: Lsn, tx: TxId, partners: Vec<Partner>) {
        let last = self.waiting.back();
        assert!(
            last.is_none_or(|last| last.lsn < lsn && last.tx < tx),
            "joint records ascend (I1)"
        );
        self.waiting.push_back(Joint { lsn, tx, partners });
    }

    /// Another shard has told how far it is.
    pub fn hear(&mut self, from: ShardId, progress: Progress) {
        let heard = &mut self.heard[from.index()];
        heard.durable = heard.durable.max(progress.durable);
        heard.complete = heard.complete.max(progress.complete);
    }

    /// Takes note of what has become durable and complete. Yields whom to tell how far this shard is.
    pub fn advance(&mut self, durable: Lsn) -> Vec<(ShardId, Progress)> {
        let before = self.own;
        let landed = self.waiting.partition_point(|joint| joint.lsn <= durable);
        if let Some(joint) = landed.checked_sub(1).and_then(|last| self.waiting.get(last)) {
            self.own.durable = self.own.durable.max(joint.tx);
        }
        let complete = self.waiting.iter().take(landed).take_while(|joint| self.is_complete(joint));
        let complete = complete.count();
        if let Some(last) = complete.checked_sub(1) {
            self.own.complete = self.waiting[last].tx;
        }
        // Nobody else can wait for this shard: each joint record has all of them for partners.
        let listeners = match self.own == before {
            true => Vec::new(),
            false => self.partners(),
        };
        self.waiting.drain(..complete);
        listeners.into_iter().filter_map(|shard| self.tell(shard)).collect()
    }

    fn tell(&mut self, shard: ShardId) -> Option<(ShardId, Progress)> {
        let told = &mut self.told[shard.index()];
        if *told == Told::Enough {
            *told = Told::Something;
            return Some((shard, self.own));
        }
        *told = Told::TooLittle;
        None
    }

    /// A shard has confirmed what it was told. Yields what it has to be told since.
    pub fn confirm(&mut self, from: ShardId) -> Option<(ShardId, Progress)> {
        match std::mem::take(&mut self.told[from.index()]) {
            Told::TooLittle => self.tell(from),
            Told::Something => None,
            Told::Enough => unreachable!("it was told nothing"),
        }
    }

    /// The last record that an answer may tell of, where the log is durable up to `durable`.
    pub fn stable(&self, durable: Lsn) -> Lsn {
        match self.waiting.front() {
            Some(_) if is_planted(Fault::ReleaseBeforePartner) => durable,
            Some(first) if first.lsn <= durable => Lsn::new(first.lsn.get() - 1),
            _ => durable,
        }
    }

    /// All joint records up to here are complete.
    pub fn complete(&self) -> TxId {
        self.own.complete
    }

    /// Whether a joint record waits for this shard.
    pub fn waits_for(&self, shard: ShardId) -> bool {
        self.waiting.iter().any(|joint| joint.partners.iter().any(|other| other.shard == shard))
    }

    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a durable record, behind complete ones, is complete.
    fn is_complete(&self, joint: &Joint) -> bool {
        joint.partners.iter().all(|partner| {
            let heard = self.heard[partner.shard.index()];
            joint.tx <= heard.durable && partner.after <= heard.complete
        })
    }

    fn partners(&self) -> Vec<ShardId> {
        let mut shards: Vec<ShardId> = self
            .waiting
            .iter()
            .flat_map(|joint| &joint.partners)
            .map(|other| other.shard)
            .collect();
        shards.sort_unstable();
        shards.dedup();
        shards
    }
}
