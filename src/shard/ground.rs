//! The stores that one transaction works on, and what it did to each: this shard's alone, or several that were lent.
//!
//! Invariants:
//! 1. Stores stand in the order of their shards.
//! 2. A joint transaction leaves a record for every store, also where it changed nothing: what it has read there was
//!    before it, and has to survive if it does.

use std::sync::Arc;

use cosmictron_storage::{Store, TransactionLimits};
use cosmictron_types::{ShardId, Timestamp, TxId};

use super::stability::Partner;

/// One or several stores in hand.
pub struct Ground {
    lots: Vec<Lot>,
    /// Whether a joint transaction has taken of the room that logs have promised.
    is_used: bool,
}

/// One shard's store, in hand.
pub struct Lot {
    pub shard: ShardId,
    pub store: Box<Store>,
    /// Bytes of records that the shard's log has promised to take.
    pub room: usize,
    /// The newest joint record in the shard's log, those in `records` included.
    pub last_joint: Option<LastJoint>,
    /// What is to be appended to the shard's log, in order.
    pub records: Vec<JointRecord>,
}

/// A transaction of several shards that a log ends with.
#[derive(Clone, Debug)]
pub struct LastJoint {
    pub tx: TxId,
    pub participants: Arc<[ShardId]>,
}

/// One shard's part of a joint transaction, to be appended to its log.
#[derive(Debug)]
pub struct JointRecord {
    pub tx: TxId,
    pub at: Timestamp,
    pub participants: Arc<[ShardId]>,
    pub partners: Vec<Partner>,
    /// As the store encodes them; empty when there are none.
    pub changes: Vec<u8>,
}

impl JointRecord {
    /// As what its log ends with.
    pub fn last(&self) -> LastJoint {
        LastJoint { tx: self.tx, participants: self.participants.clone() }
    }
}

/// The log of some shard has not promised room for so much.
#[derive(Debug)]
pub struct NoRoom;

impl Ground {
    /// One shard's store alone. `lots` is empty, and kept by the caller for its allocation.
    pub fn own(shard: ShardId, store: Box<Store>, mut lots: Vec<Lot>) -> Self {
        assert!(lots.is_empty());
        lots.push(Lot { shard, store, room: usize::MAX, last_joint: None, records: Vec::new() });
        Self { lots, is_used: false }
    }

    /// Several, in the order of their shards.
    pub fn joint(lots: Vec<Lot>) -> Self {
        assert!(lots.is_sorted_by(|a, b| a.shard < b.shard), "stores are in order (I1)");
        Self { lots, is_used: false }
    }

    /// Moves the stores out, for a guest to work on.
    pub fn take(&mut self) -> Ground {
        Ground { lots: std::mem::take(&mut self.lots), is_used: self.is_used }
    }

    pub fn into_lots(self) -> Vec<Lot> {
        self.lots
    }

    pub fn is_joint(&self) -> bool {
        self.lots.len() > 1
    }

    /// Whether all the room that logs have promised is there still.
    pub fn is_fresh(&self) -> bool {
        !self.is_used
    }

    /// The only store, where there is one.
    pub fn sole_mut(&mut self) -> Option<&mut Store> {
        match &mut self.lots[..] {
            [lot] => Some(&mut lot.store),
            _ => None,
        }
    }

    /// The records of one shard, out of its lot.
    pub fn take_records(&mut self, shard: ShardId) -> Vec<JointRecord> {
        let lot = self.lots.iter_mut().find(|lot| lot.shard == shard);
        lot.map(|lot| std::mem::take(&mut lot.records)).unwrap_or_default()
    }

    pub fn store(&self, shard: ShardId) -> Option<&Store> {
        let lot = self.lots.iter().find(|lot| lot.shard == shard)?;
        Some(&lot.store)
    }

    pub fn store_mut(&mut self, shard: ShardId) -> Option<&mut Store> {
        let lot = self.lots.iter_mut().find(|lot| lot.shard == shard)?;
        Some(&mut lot.store)
    }

    /// The store of a shard that is known to be in hand.
    pub fn at(&self, shard: ShardId) -> &Store {
        self.store(shard).expect("the store is in hand")
    }

    /// The store of a shard that is known to be in hand.
    pub fn at_mut(&mut self, shard: ShardId) -> &mut Store {
        self.store_mut(shard).expect("the store is in hand")
    }

    pub fn begin(&mut self, limits: TransactionLimits) {
        self.lots.iter_mut().for_each(|lot| lot.store.begin(limits));
    }

    pub fn limit(&mut self, limits: TransactionLimits) {
        self.lots.iter_mut().for_each(|lot| lot.store.limit_transaction(limits));
    }

    pub fn rollback(&mut self) {
        self.lots.iter_mut().for_each(|lot| lot.store.rollback());
    }

    /// Commits the open transaction on all stores and keeps a record for each log. Undoes it when one has no room.
    pub fn commit_joint(&mut self, tx: TxId, at: Timestamp) -> Result<(), NoRoom> {
        let encode = |lot: &Lot| {
            let mut changes = Vec::new();
            lot.store.encode_changes(&mut changes);
            changes
        };
        let changes: Vec<Vec<u8>> = self.lots.iter().map(encode).collect();
        let bytes = |changes: &Vec<u8>| changes.len() + RECORD_BYTES + 2 * self.lots.len();
        if self.lots.iter().zip(&changes).any(|(lot, changes)| lot.room < bytes(changes)) {
            self.rollback();
            return Err(NoRoom);
        }
        self.is_used = true;
        let participants: Arc<[ShardId]> = self.lots.iter().map(|lot| lot.shard).collect();
        let partners: Vec<Vec<Partner>> =
            participants.iter().map(|shard| self.partners_of(*shard)).collect();
        let taken: Vec<usize> = changes.iter().map(bytes).collect();
        let parts = changes.into_iter().zip(partners).zip(taken);
        for (lot, ((changes, partners), taken)) in self.lots.iter_mut().zip(parts) {
            lot.store.commit(tx);
            lot.store.note_time(at);
            lot.room -= taken;
            let participants = participants.clone();
            lot.last_joint = Some(LastJoint { tx, participants: participants.clone() });
            lot.records.push(JointRecord { tx, at, participants, partners, changes });
        }
        Ok(())
    }

    /// The other participants of a transaction that commits now, as one of them has to know them.
    fn partners_of(&self, shard: ShardId) -> Vec<Partner> {
        let others = self.lots.iter().filter(|lot| lot.shard != shard);
        let partner = |lot: &Lot| Partner {
            shard: lot.shard,
            after: match &lot.last_joint {
                Some(last) if !last.participants.contains(&shard) => last.tx,
                _ => TxId::ZERO,
            },
        };
        others.map(partner).collect()
    }
}

/// More than a joint record takes in a log beyond its changes and participants: head, framing and its share of padding.
const RECORD_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use cosmictron_storage::StoreLimits;
    use cosmictron_types::ShardCount;

    use super::*;

    fn lots(room: usize) -> Vec<Lot> {
        let lot = |shard| Lot {
            shard,
            store: Box::new(Store::new(StoreLimits::default())),
            room,
            last_joint: None,
            records: Vec::new(),
        };
        ShardCount::new(3).into_iter().flat_map(ShardCount::shards).map(lot).collect()
    }

    fn commit(ground: &mut Ground, tx: u64) -> Result<(), NoRoom> {
        ground.begin(TransactionLimits::default());
        ground.commit_joint(TxId::new(tx), Timestamp::from_micros(5_000))
    }

    #[test]
    fn a_joint_transaction_is_told_to_every_log_and_known_by_its_time() {
        let mut lots = lots(1 << 20);
        let participants: Arc<[ShardId]> = lots[1..].iter().map(|lot| lot.shard).collect();
        lots[1].last_joint = Some(LastJoint { tx: TxId::new(3), participants });
        let mut ground = Ground::joint(lots);
        commit(&mut ground, 7).unwrap();
        for lot in ground.into_lots() {
            assert_eq!(lot.store.tx_at(Timestamp::from_micros(5_000)), Some(TxId::new(7)));
            assert_eq!((lot.records.len(), lot.records[0].participants.len()), (1, 3));
            // Only the first shard does not know what the second one's log holds before.
            let after = |partner: &Partner| (partner.shard.get(), partner.after.get());
            let afters: Vec<(u16, u64)> = lot.records[0].partners.iter().map(after).collect();
            let expected = [[(1, 3), (2, 0)], [(0, 0), (2, 0)], [(0, 0), (1, 0)]];
            assert_eq!(afters, expected[lot.shard.index()]);
        }
    }

    #[test]
    fn what_a_log_has_not_promised_room_for_is_undone() {
        let mut ground = Ground::joint(lots(300));
        commit(&mut ground, 1).unwrap();
        assert!(!ground.is_fresh());
        assert!(commit(&mut ground, 2).is_err());
        for lot in ground.into_lots() {
            assert_eq!(lot.records.len(), 1);
            assert!(!lot.store.is_changed(), "nothing is open");
        }
    }
}
