//! Tells which of the stores have the rows of a key.

use cosmictron_types::{IndexId, ShardId};

use super::Stores;
use super::elsewhere::{Elsewhere, Needs};
use super::site::{Site, Trail};
use crate::key::Key;

/// Where the rows with a key can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// There is none.
    Nowhere,
    One(ShardId),
    All,
}

impl Reach {
    pub(super) fn need(self, needs: &mut Needs<'_>) {
        match self {
            Reach::Nowhere => {}
            Reach::One(shard) => needs.shard(shard),
            Reach::All => needs.all(),
        }
    }
}

impl Stores {
    /// Where the rows are that begin with a key; needs no store but that of a sharded index.
    pub(super) fn reach(&self, site: &Site, index: IndexId, key: &Key) -> Result<Reach, Elsewhere> {
        match site.trail(index, key, self.shards()) {
            Trail::Shard(shard) => Ok(Reach::One(shard)),
            Trail::Anywhere => Ok(Reach::All),
            Trail::Entry(sharded, key, shard) => {
                let store = self.store(shard)?;
                Ok(match sharded.find(store, &key) {
                    Some(entry) => Reach::One(sharded.row_shard(store, entry, self.shards())),
                    None => Reach::Nowhere,
                })
            }
        }
    }

    /// The shards of a reach, in ascending order; all their stores are held.
    pub(super) fn within(&self, reach: Reach) -> Result<Vec<ShardId>, Elsewhere> {
        let mut needs = Needs::of(self);
        reach.need(&mut needs);
        needs.met()?;
        Ok(match reach {
            Reach::Nowhere => Vec::new(),
            Reach::One(shard) => vec![shard],
            Reach::All => self.shards().shards().collect(),
        })
    }
}
