//! Which shard a store belongs to, and of how many: what of the key space is its own.

use cosmictron_types::{Partition, ShardCount, ShardId};

/// One shard among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    pub shard: ShardId,
    pub shards: ShardCount,
}

impl Seat {
    /// The one shard of a server that has no other.
    pub const ALONE: Seat = Seat { shard: ShardId::FIRST, shards: ShardCount::ONE };

    /// Whether rows that a value places, told by its key bytes, are this shard's.
    pub fn owns(&self, key: &[u8]) -> bool {
        owner_of_key(self.shards, key) == self.shard
    }
}

/// The shard of the rows that a value places, told by its key bytes.
pub(crate) fn owner_of_key(shards: ShardCount, key: &[u8]) -> ShardId {
    // Without other shards there is nothing to work out.
    if shards == ShardCount::ONE {
        return ShardId::FIRST;
    }
    shards.owner_of(Partition::of_key(key))
}
