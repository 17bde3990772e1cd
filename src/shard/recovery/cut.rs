//! Finds where logs have to be cut so that none holds a part of a transaction of several shards.
//!
//! Each log is cut at the first joint record that another participant's log lacks, which may make others lack one; again
//! and again until nothing more is cut. What is cut was never complete (see [`stability`](super::super::stability)), so
//! nobody was ever shown it.

use cosmictron_storage::planted::{Fault, is_planted};
use cosmictron_types::{Lsn, ShardId, TxId};

/// A joint record as a log tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JointFact {
    pub tx: TxId,
    /// Its record in this log.
    pub lsn: Lsn,
    /// Ascending, this log's own shard included.
    pub participants: Vec<ShardId>,
}

/// The joint records of one log that may have to be cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JointFacts {
    /// All joint records up to here are known to be complete, and are left out.
    pub complete: TxId,
    /// The others, ascending.
    pub open: Vec<JointFact>,
}

impl Default for JointFacts {
    /// Of an empty log.
    fn default() -> Self {
        Self { complete: TxId::ZERO, open: Vec::new() }
    }
}

impl JointFacts {
    /// Takes in the next joint record of the log, and what it says of those before.
    pub fn add(&mut self, fact: JointFact, complete: TxId) {
        if self.complete < complete {
            self.complete = complete;
            self.open.retain(|open| complete < open.tx);
        }
        self.open.push(fact);
    }

    fn holds(&self, tx: TxId) -> bool {
        tx <= self.complete || self.open.binary_search_by_key(&tx, |open| open.tx).is_ok()
    }
}

/// For each log, the first transaction that has to go with all behind it, if any.
pub fn cuts(logs: &[JointFacts]) -> Vec<Option<&JointFact>> {
    let mut cuts: Vec<Option<&JointFact>> = vec![None; logs.len()];
    if is_planted(Fault::IncompleteIsKept) {
        return cuts;
    }
    loop {
        let mut is_changed = false;
        for (at, log) in logs.iter().enumerate() {
            let kept = |shard: &ShardId, tx: TxId| {
                let is_before_cut = cuts[shard.index()].is_none_or(|cut| tx < cut.tx);
                is_before_cut && logs[shard.index()].holds(tx)
            };
            let is_lost =
                |fact: &&JointFact| !fact.participants.iter().all(|shard| kept(shard, fact.tx));
            let Some(lost) = log.open.iter().find(is_lost) else { continue };
            if cuts[at].is_none_or(|cut| lost.tx < cut.tx) {
                cuts[at] = Some(lost);
                is_changed = true;
            }
        }
        if !is_changed {
            return cuts;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use cosmictron_types::ShardCount;
    use proptest::prelude::*;

    use super::*;
    use crate::shard::stability::{Partner, Progress, Stability};

    fn shards(count: u16) -> Vec<ShardId> {
        ShardCount::new(count).unwrap().shards().collect()
    }

    fn facts(joints: &[(u64, &[u16])]) -> JointFacts {
        let all = shards(8);
        let mut facts = JointFacts::default();
        for (tx, participants) in joints {
            let participants = participants.iter().map(|at| all[usize::from(*at)]).collect();
            facts.add(
                JointFact { tx: TxId::new(*tx), lsn: Lsn::new(*tx), participants },
                TxId::ZERO,
            );
        }
        facts
    }

    #[track_caller]
    fn check(logs: &[JointFacts], expected: &[Option<u64>]) {
        let found: Vec<_> = cuts(logs).iter().map(|cut| cut.map(|fact| fact.tx.get())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_cut_spreads_to_whoever_depends_on_it() {
        check(&[facts(&[(1, &[0, 1])]), facts(&[(1, &[0, 1])])], &[None, None]);
        check(&[facts(&[(1, &[0, 1])]), facts(&[])], &[Some(1), None]);
        // Shard 2 lacks transaction 3, so shard 1 loses all from it on, and with it shard 0 what it shares with that.
        let logs = [
            facts(&[(2, &[0, 1]), (5, &[0, 1])]),
            facts(&[(2, &[0, 1]), (3, &[1, 2]), (5, &[0, 1])]),
            facts(&[]),
        ];
        check(&logs, &[Some(5), Some(3), None]);
    }

    #[test]
    fn what_is_known_to_be_complete_is_not_asked_for() {
        let mut first = facts(&[(1, &[0, 1])]);
        let fact = JointFact { tx: TxId::new(4), lsn: Lsn::new(4), participants: shards(2) };
        first.add(fact, TxId::new(1));
        assert_eq!(first.open.len(), 1);
        check(&[first, facts(&[(1, &[0, 1]), (4, &[0, 1])])], &[None, None]);
    }

    /// Some shards, their logs, and the messages between them.
    struct Model {
        logs: Vec<Vec<JointFact>>,
        durable: Vec<u64>,
        shards: Vec<Stability>,
        mail: Vec<VecDeque<(ShardId, Option<Progress>)>>,
    }

    impl Model {
        fn new(count: u16, joints: &[Vec<u16>]) -> Self {
            let all = shards(count);
            let size = all.len();
            let mut model = Self {
                logs: vec![Vec::new(); size],
                durable: vec![0; size],
                shards: all
                    .iter()
                    .map(|_| Stability::new(ShardCount::new(count).unwrap()))
                    .collect(),
                mail: vec![VecDeque::new(); size],
            };
            for (tx, participants) in (1..).zip(joints) {
                let tx = TxId::new(tx);
                let mut participants: Vec<ShardId> =
                    participants.iter().map(|at| all[usize::from(*at) % size]).collect();
                participants.sort();
                participants.dedup();
                if participants.len() > 1 {
                    model.commit(tx, &participants);
                }
            }
            model
        }

        fn commit(&mut self, tx: TxId, participants: &[ShardId]) {
            let before: Vec<Option<JointFact>> =
                self.logs.iter().map(|log| log.last().cloned()).collect();
            for &me in participants {
                let after = |shard: ShardId| match &before[shard.index()] {
                    Some(fact) if !fact.participants.contains(&me) => fact.tx,
                    _ => TxId::ZERO,
                };
                let partners = participants.iter().filter(|other| **other != me);
                let partners =
                    partners.map(|&shard| Partner { shard, after: after(shard) }).collect();
                let log = &mut self.logs[me.index()];
                let lsn = Lsn::new(log.len() as u64 + 1);
                log.push(JointFact { tx, lsn, participants: participants.to_vec() });
                self.shards[me.index()].append(lsn, tx, partners);
            }
        }

        /// One shard's log gets on by a record, or one of its messages arrives.
        fn step(&mut self, choice: u16) {
            let at = usize::from(choice / 2) % self.logs.len();
            if choice.is_multiple_of(2) {
                self.durable[at] = (self.durable[at] + 1).min(self.logs[at].len() as u64);
            }
            let me = shards(8)[at];
            let mut tidings = Vec::new();
            if !choice.is_multiple_of(2)
                && let Some((from, progress)) = self.mail[at].pop_front()
            {
                match progress {
                    Some(progress) => {
                        self.shards[at].hear(from, progress);
                        self.mail[from.index()].push_back((me, None));
                    }
                    None => tidings.extend(self.shards[at].confirm(from)),
                }
            }
            tidings.extend(self.shards[at].advance(Lsn::new(self.durable[at])));
            for (to, progress) in tidings {
                self.mail[to.index()].push_back((me, Some(progress)));
            }
        }

        fn stable(&self, at: usize) -> usize {
            usize::try_from(self.shards[at].stable(Lsn::new(self.durable[at])).get()).unwrap()
        }

        /// Recovers what was durable, and holds it to what counted as stable.
        fn check_crash(&self) {
            let logs: Vec<JointFacts> = self
                .logs
                .iter()
                .zip(&self.durable)
                .map(|(log, durable)| {
                    let durable = usize::try_from(*durable).unwrap();
                    JointFacts { complete: TxId::ZERO, open: log[..durable].to_vec() }
                })
                .collect();
            let cuts = cuts(&logs);
            for (at, log) in logs.iter().enumerate() {
                for (place, fact) in log.open.iter().enumerate() {
                    let is_kept = cuts[at].is_none_or(|cut| fact.tx < cut.tx);
                    assert!(is_kept || self.stable(at) <= place, "shard {at} showed {}", fact.tx);
                    let everywhere = fact.participants.iter().all(|shard| {
                        let there = &logs[shard.index()];
                        there.holds(fact.tx)
                            && cuts[shard.index()].is_none_or(|cut| fact.tx < cut.tx)
                    });
                    assert!(!is_kept || everywhere, "{} is kept in part", fact.tx);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn what_counts_as_stable_is_never_cut(
            count in 2_u16..5,
            joints in prop::collection::vec(prop::collection::vec(0_u16..4, 2..4), 0..40),
            steps in prop::collection::vec(any::<u16>(), 0..400),
        ) {
            let mut model = Model::new(count, &joints);
            for step in steps {
                model.step(step);
                model.check_crash();
            }
            // Once everything has arrived, everything is stable.
            for _ in 0..200 {
                (0..2 * count).for_each(|choice| model.step(choice));
            }
            for (at, log) in model.logs.iter().enumerate() {
                prop_assert_eq!(model.stable(at), log.len());
                prop_assert_eq!(model.shards[at].waiting(), 0);
            }
        }
    }
}
