//! The stores that a transaction holds, taken together: tables whose rows are spread over shards are written and read
//! through them as if they were one.
//!
//! [`Store`] is the truth about one shard; what is added here is where rows are. A [`Placement`](placement::Placement)
//! says it for a table. An operation that needs the store of a shard that is not held changes nothing and says so
//! ([`Elsewhere`]); the caller undoes the transaction and runs it again with that store, too.
//!
//! ```text
//! insert, update, delete ─┬─ the row is all there is to it ────────────────► its store
//!                         └─ write: needs → checks ──► entries of sharded indexes, then the row
//!                                                      each in the store that it belongs to
//! ```
//!
//! Reading order: [`placement`] says where a table's rows are, `site` leads to them from rows and keys,
//! [`sharded_index`] keeps unique what no store could by itself, `reach` tells which stores have the rows of a key,
//! `constraint` checks what spans stores, `write` and [`scan`] are the operations, `judged` those of them that somebody has a say in,
//! `past` those that read what was.
//!
//! Invariants:
//! 1. The stores ascend by shard, and all belong to the same number of shards.
//! 2. Between two operations the constraints of all tables hold over all stores: a row is on the shard that its column
//!    says, and in a sharded index exactly once.
//! 3. A write that is refused, or that needs another store, has changed nothing but what was counted.
//! 4. The open transaction's count of writes is in one store, the last that was written; it holds for all.
//! 5. While the past is looked at no transaction is open.

mod constraint;
pub mod elsewhere;
mod judged;
mod past;
pub mod placement;
mod reach;
pub mod scan;
pub mod sharded_index;
mod site;
mod write;

#[cfg(test)]
mod tests;

use cosmictron_types::{ShardCount, ShardId, TxId};

use crate::store::{Store, TransactionLimits};
use elsewhere::Elsewhere;

/// One store or several, and the transaction that is open on all of them.
///
/// What it changed is told and committed store by store ([`Stores::iter_mut`], [`Store::encode_changes`],
/// [`Store::commit`]).
#[derive(Debug)]
pub struct Stores {
    /// Nearly always the only one.
    first: Box<Store>,
    #[allow(clippy::vec_box, reason = "stores come and go in their boxes")]
    more: Vec<Box<Store>>,
    /// The place of the store that has the count of writes.
    counting: usize,
    /// As of which transaction rows are read; `None` for the present.
    moment: Option<TxId>,
}

impl Stores {
    pub fn new(store: Box<Store>) -> Self {
        Self { first: store, more: Vec::new(), counting: 0, moment: None }
    }

    /// Takes in another shard's store. Panics when that is held already, or a transaction is open.
    pub fn add(&mut self, mut store: Box<Store>) {
        assert!(self.iter().all(|held| !held.is_open()) && !store.is_open());
        assert_eq!(store.seat().shards, self.shards());
        let shard = store.seat().shard;
        assert!(!self.holds(shard), "the store of shard {shard} is held already");
        if shard < self.first.seat().shard {
            std::mem::swap(&mut self.first, &mut store);
        }
        let at = self.more.partition_point(|held| held.seat().shard < store.seat().shard);
        self.more.insert(at, store);
        self.counting = 0;
    }

    /// Gives the stores back, in ascending order of shards.
    pub fn into_stores(self) -> impl Iterator<Item = Box<Store>> {
        std::iter::once(self.first).chain(self.more)
    }

    /// How many shards there are, held or not.
    pub fn shards(&self) -> ShardCount {
        self.first.seat().shards
    }

    pub fn holds(&self, shard: ShardId) -> bool {
        self.position(shard).is_some()
    }

    /// All that are held, in ascending order of shards.
    pub fn iter(&self) -> impl Iterator<Item = &Store> {
        std::iter::once(&*self.first).chain(self.more.iter().map(|store| &**store))
    }

    /// As [`Stores::iter`], to commit. What is to be written is written with [`Stores::store_mut`].
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Store> {
        std::iter::once(&mut *self.first).chain(self.more.iter_mut().map(|store| &mut **store))
    }

    pub fn store(&self, shard: ShardId) -> Result<&Store, Elsewhere> {
        let at = self.position(shard).ok_or_else(|| Elsewhere::one(shard))?;
        Ok(self.at(at))
    }

    /// The store of a shard, to write to it: the transaction's count of writes goes on there.
    pub fn store_mut(&mut self, shard: ShardId) -> Result<&mut Store, Elsewhere> {
        let at = self.position(shard).ok_or_else(|| Elsewhere::one(shard))?;
        if at != self.counting {
            let tally = self.at_mut(self.counting).take_tally();
            self.at_mut(at).put_tally(tally);
            self.counting = at;
        }
        Ok(self.at_mut(at))
    }

    /// Opens a transaction on all of them; the limits are those of its writes in all of them together. Entries of
    /// sharded indexes count as rows. Panics when one is open.
    pub fn begin(&mut self, limits: TransactionLimits) {
        assert!(self.moment.is_none(), "nothing is written while the past is looked at (I5)");
        self.first.begin(limits);
        self.more.iter_mut().for_each(|store| store.begin(limits));
    }

    /// As [`Store::limit_transaction`], for all of them together.
    pub fn limit_transaction(&mut self, limits: TransactionLimits) {
        self.iter_mut().for_each(|store| store.limit_transaction(limits));
    }

    /// Undoes the open transaction on all of them. Panics when none is open.
    pub fn rollback(&mut self) {
        self.first.rollback();
        self.more.iter_mut().for_each(|store| store.rollback());
    }

    #[inline]
    fn position(&self, shard: ShardId) -> Option<usize> {
        if self.first.seat().shard == shard {
            return Some(0);
        }
        let at = self.more.binary_search_by_key(&shard, |store| store.seat().shard).ok()?;
        Some(at + 1)
    }

    fn at(&self, position: usize) -> &Store {
        match position.checked_sub(1) {
            None => &self.first,
            Some(at) => &self.more[at],
        }
    }

    fn at_mut(&mut self, position: usize) -> &mut Store {
        match position.checked_sub(1) {
            None => &mut self.first,
            Some(at) => &mut self.more[at],
        }
    }
}
