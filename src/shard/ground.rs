//! The stores that one transaction works on, and what it did to each: this shard's alone, or several that were lent.
//!
//! Invariants:
//! 1. Stores stand in the order of their shards.
//! 2. A joint transaction leaves a record for every store, also where it changed nothing: what it has read there was
//!    before it, and has to survive if it does.

use std::sync::Arc;

use cosmictron_storage::{Store, Stores, TransactionLimits};
use cosmictron_types::{ShardId, Timestamp, TxId};

use super::stability::Partner;

/// One or several stores in hand.
pub struct Ground {
    /// Away while a guest works on them.
    stores: Option<Stores>,
    /// What the logs of the stores have to do with it, in their order; none where no log but this shard's has.
    ledgers: Vec<Ledger>,
    /// Whether a joint transaction has taken of the room that logs have promised.
    is_used: bool,
}

/// One shard's store, in hand.
pub struct Lot {
    pub store: Box<Store>,
    pub ledger: Ledger,
}

/// What is to be told to the log of a store that is in hand.
pub struct Ledger {
    /// Bytes of records that the log has promised to take.
    pub room: usize,
    /// The newest joint record in the log, those in `records` included.
    pub last_joint: Option<LastJoint>,
    /// What is to be appended to the log, in order.
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

impl Lot {
    pub fn shard(&self) -> ShardId {
        self.store.seat().shard
    }
}

impl Ground {
    /// This shard's store alone.
    pub fn own(store: Box<Store>) -> Self {
        Self { stores: Some(Stores::new(store)), ledgers: Vec::new(), is_used: false }
    }

    /// Several, in the order of their shards.
    pub fn joint(lots: Vec<Lot>) -> Self {
        assert!(lots.is_sorted_by(|a, b| a.shard() < b.shard()), "stores are in order (I1)");
        let mut ledgers = Vec::with_capacity(lots.len());
        let mut stores: Option<Stores> = None;
        for Lot { store, ledger } in lots {
            ledgers.push(ledger);
            match &mut stores {
                None => stores = Some(Stores::new(store)),
                Some(stores) => stores.add(store),
            }
        }
        assert!(ledgers.len() > 1, "a joint transaction has several stores");
        Self { stores, ledgers, is_used: false }
    }

    /// Moves the stores out, for a guest to work on.
    pub fn take_stores(&mut self) -> Stores {
        self.stores.take().expect("no guest works on the stores")
    }

    /// Takes them back.
    pub fn return_stores(&mut self, stores: Stores) {
        assert!(self.stores.replace(stores).is_none(), "the stores were with the guest");
    }

    /// This shard's store, where it is the only one.
    pub fn into_own(mut self) -> Box<Store> {
        assert!(!self.is_joint());
        self.take_stores().into_stores().next().expect("there is always a first store")
    }

    pub fn into_lots(mut self) -> Vec<Lot> {
        let stores = self.take_stores().into_stores();
        stores.zip(self.ledgers).map(|(store, ledger)| Lot { store, ledger }).collect()
    }

    pub fn is_joint(&self) -> bool {
        !self.ledgers.is_empty()
    }

    /// Whether all the room that logs have promised is there still.
    pub fn is_fresh(&self) -> bool {
        !self.is_used
    }

    /// Whether every log has promised room for so many bytes.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.ledgers.iter().all(|ledger| bytes + RECORD_BYTES <= ledger.room)
    }

    fn stores(&self) -> &Stores {
        self.stores.as_ref().expect("no guest works on the stores")
    }

    fn stores_mut(&mut self) -> &mut Stores {
        self.stores.as_mut().expect("no guest works on the stores")
    }

    /// The only store, where there is one.
    pub fn sole_mut(&mut self) -> Option<&mut Store> {
        match self.is_joint() {
            false => self.stores_mut().iter_mut().next(),
            true => None,
        }
    }

    /// The records of one shard, out of its ledger.
    pub fn take_records(&mut self, shard: ShardId) -> Vec<JointRecord> {
        let at = self.iter().position(|store| store.seat().shard == shard);
        let ledger = at.and_then(|at| self.ledgers.get_mut(at));
        ledger.map(|ledger| std::mem::take(&mut ledger.records)).unwrap_or_default()
    }

    /// All stores in hand, in the order of their shards.
    pub fn iter(&self) -> impl Iterator<Item = &Store> {
        self.stores().iter()
    }

    /// All stores in hand, in the order of their shards.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Store> {
        self.stores_mut().iter_mut()
    }

    pub fn holds(&self, shard: ShardId) -> bool {
        self.stores().holds(shard)
    }

    /// The store of a shard that is known to be in hand.
    pub fn at(&self, shard: ShardId) -> &Store {
        self.stores().store(shard).expect("the store is in hand")
    }

    /// The store of a shard that is known to be in hand.
    pub fn at_mut(&mut self, shard: ShardId) -> &mut Store {
        self.stores_mut().store_mut(shard).expect("the store is in hand")
    }

    pub fn begin(&mut self, limits: TransactionLimits) {
        self.stores_mut().begin(limits);
    }

    pub fn limit(&mut self, limits: TransactionLimits) {
        self.stores_mut().limit_transaction(limits);
    }

    pub fn rollback(&mut self) {
        self.stores_mut().rollback();
    }

    /// Commits the open transaction on all stores and keeps a record for each log. Undoes it when one has no room.
    pub fn commit_joint(&mut self, tx: TxId, at: Timestamp) -> Result<(), NoRoom> {
        let encode = |store: &Store| {
            let mut changes = Vec::new();
            store.encode_changes(&mut changes);
            changes
        };
        let changes: Vec<Vec<u8>> = self.iter().map(encode).collect();
        let names = 2 * self.ledgers.len();
        let bytes = |changes: &Vec<u8>| changes.len() + RECORD_BYTES + names;
        if self.ledgers.iter().zip(&changes).any(|(ledger, changes)| ledger.room < bytes(changes)) {
            self.rollback();
            return Err(NoRoom);
        }
        self.is_used = true;
        let participants: Arc<[ShardId]> = self.iter().map(|store| store.seat().shard).collect();
        let partners: Vec<Vec<Partner>> =
            participants.iter().map(|shard| self.partners_of(*shard, &participants)).collect();
        for store in self.iter_mut() {
            store.commit(tx);
            store.note_time(at);
        }
        let taken: Vec<usize> = changes.iter().map(bytes).collect();
        let parts = changes.into_iter().zip(partners).zip(taken);
        for (ledger, ((changes, partners), taken)) in self.ledgers.iter_mut().zip(parts) {
            ledger.room -= taken;
            let record =
                JointRecord { tx, at, participants: participants.clone(), partners, changes };
            ledger.last_joint = Some(record.last());
            ledger.records.push(record);
        }
        Ok(())
    }

    /// The other participants of a transaction that commits now, as one of them has to know them.
    fn partners_of(&self, shard: ShardId, participants: &[ShardId]) -> Vec<Partner> {
        let all = participants.iter().zip(&self.ledgers);
        let others = all.filter(|(other, _)| **other != shard);
        let partner = |(other, ledger): (&ShardId, &Ledger)| Partner {
            shard: *other,
            after: match &ledger.last_joint {
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
    use cosmictron_storage::{Seat, StoreLimits};
    use cosmictron_types::ShardCount;

    use super::*;

    fn lots(room: usize) -> Vec<Lot> {
        let shards = ShardCount::new(3).unwrap();
        let lot = |shard| Lot {
            store: Box::new(Store::seated(StoreLimits::default(), Seat { shard, shards })),
            ledger: Ledger { room, last_joint: None, records: Vec::new() },
        };
        shards.shards().map(lot).collect()
    }

    fn commit(ground: &mut Ground, tx: u64) -> Result<(), NoRoom> {
        ground.begin(TransactionLimits::default());
        ground.commit_joint(TxId::new(tx), Timestamp::from_micros(5_000))
    }

    #[test]
    fn a_joint_transaction_is_told_to_every_log_and_known_by_its_time() {
        let mut lots = lots(1 << 20);
        let participants: Arc<[ShardId]> = lots[1..].iter().map(Lot::shard).collect();
        lots[1].ledger.last_joint = Some(LastJoint { tx: TxId::new(3), participants });
        let mut ground = Ground::joint(lots);
        commit(&mut ground, 7).unwrap();
        for lot in ground.into_lots() {
            assert_eq!(lot.store.tx_at(Timestamp::from_micros(5_000)), Some(TxId::new(7)));
            assert_eq!(
                (lot.ledger.records.len(), lot.ledger.records[0].participants.len()),
                (1, 3)
            );
            // Only the first shard does not know what the second one's log holds before.
            let after = |partner: &Partner| (partner.shard.get(), partner.after.get());
            let afters: Vec<(u16, u64)> =
                lot.ledger.records[0].partners.iter().map(after).collect();
            let expected = [[(1, 3), (2, 0)], [(0, 0), (2, 0)], [(0, 0), (1, 0)]];
            assert_eq!(afters, expected[lot.shard().index()]);
        }
    }

    #[test]
    fn what_a_log_has_not_promised_room_for_is_undone() {
        let mut ground = Ground::joint(lots(300));
        commit(&mut ground, 1).unwrap();
        assert!(!ground.is_fresh());
        assert!(commit(&mut ground, 2).is_err());
        for lot in ground.into_lots() {
            assert_eq!(lot.ledger.records.len(), 1);
            assert!(!lot.store.is_changed(), "nothing is open");
        }
    }
}
