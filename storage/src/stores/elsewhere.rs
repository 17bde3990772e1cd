//! What an operation says when it needs stores that are not held.

use core::fmt;

use cosmictron_types::ShardId;

use super::Stores;
use crate::store::write::WriteError;

/// Shards whose stores an operation needs and that are not held. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Elsewhere {
    /// Ascending, never empty.
    shards: Vec<ShardId>,
}

/// Why a write to several stores was not done. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoresError {
    /// Nobody's doing: it has to be done again with these stores.
    #[error(transparent)]
    Elsewhere(#[from] Elsewhere),
    #[error(transparent)]
    Refused(#[from] WriteError),
}

impl Elsewhere {
    /// `None` when there are none.
    pub fn new(mut shards: Vec<ShardId>) -> Option<Self> {
        shards.sort_unstable();
        shards.dedup();
        (!shards.is_empty()).then_some(Self { shards })
    }

    pub(super) fn one(shard: ShardId) -> Self {
        Self { shards: vec![shard] }
    }

    /// The shards, in ascending order.
    pub fn shards(&self) -> &[ShardId] {
        &self.shards
    }
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows are in stores that are not held, of shards")?;
        for (at, shard) in self.shards.iter().enumerate() {
            write!(f, "{}{shard}", if at == 0 { " " } else { ", " })?;
        }
        Ok(())
    }
}

/// Gathers all stores that an operation needs, so that those which are missing are named at once.
pub(super) struct Needs<'s> {
    stores: &'s Stores,
    /// Ascending.
    missing: Vec<ShardId>,
}

impl<'s> Needs<'s> {
    pub(super) fn of(stores: &'s Stores) -> Self {
        Self { stores, missing: Vec::new() }
    }

    pub(super) fn shard(&mut self, shard: ShardId) {
        if self.stores.holds(shard) {
            return;
        }
        if let Err(at) = self.missing.binary_search(&shard) {
            self.missing.insert(at, shard);
        }
    }

    pub(super) fn all(&mut self) {
        self.stores.shards().shards().for_each(|shard| self.shard(shard));
    }

    pub(super) fn add(&mut self, elsewhere: &Elsewhere) {
        elsewhere.shards.iter().for_each(|&shard| self.shard(shard));
    }

    pub(super) fn met(self) -> Result<(), Elsewhere> {
        Elsewhere::new(self.missing).map_or(Ok(()), Err)
    }
}
