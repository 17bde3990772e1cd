//! Where the rows of a table are, and what follows from it for its indexes and foreign keys.
//!
//! Resolved once when a module is deployed, for all its tables together, and shared by all shards.
//!
//! | what | where it is checked |
//! |---|---|
//! | unique index of a table at home | at home |
//! | unique index with the column that places the rows | in the row's store |
//! | other unique index of a table that is spread | in the store of its [sharded index](super::sharded_index) |
//! | foreign key between tables at home | at home |
//! | foreign key between the columns that place both tables | in the row's store |
//! | other foreign key | the target: where its value says, or its sharded index's; referrers: where they can be |

use std::sync::Arc;

use cosmictron_types::{IndexId, ShardId, TableId};

use super::site::{Rows, Site};
use crate::definition::{ForeignKeyDef, TableDef};
use crate::table::Referrer;

/// One table's placement.
#[derive(Debug)]
pub struct Placement {
    pub(super) site: Arc<Site>,
    /// Foreign keys whose targets can be on another shard than their rows.
    pub(super) targets: Vec<Target>,
    /// Foreign keys that point at this table from rows that can be on another shard.
    pub(super) referrers: Vec<DistantReferrer>,
}

/// A foreign key whose target can be on another shard.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) key: ForeignKeyDef,
    pub(super) site: Arc<Site>,
    /// The unique index of the column that it points at.
    pub(super) index: IndexId,
}

/// A foreign key of rows that can be on another shard.
#[derive(Debug)]
pub(super) struct DistantReferrer {
    pub(super) referrer: Referrer,
    pub(super) site: Arc<Site>,
}

impl Placement {
    /// The placements of all tables of a module, in the order in which they are given. Tables without `shard_by` are
    /// on its `home`.
    ///
    /// Panics when a table is missing that another one refers to, or one of
    /// [`sharded_index_schemas`](super::sharded_index::sharded_index_schemas): a module's tables are created together.
    pub fn resolve(tables: &[Arc<TableDef>], home: ShardId) -> Vec<Placement> {
        let sites: Vec<Arc<Site>> =
            tables.iter().map(|def| Arc::new(Site::new(def, tables, home))).collect();
        let placement = |site: &Arc<Site>| Placement {
            targets: site.targets(&sites),
            referrers: site.referrers(&sites),
            site: site.clone(),
        };
        sites.iter().map(placement).collect()
    }

    pub fn table(&self) -> TableId {
        self.site.def.id
    }

    pub fn def(&self) -> &Arc<TableDef> {
        &self.site.def
    }

    /// The shard that has all rows, where that is one.
    pub fn home(&self) -> Option<ShardId> {
        match self.site.rows {
            Rows::Home(shard) => Some(shard),
            Rows::Spread(_) => None,
        }
    }

    /// Whether an insert concerns no store but the row's.
    pub(super) fn inserts_alone(&self) -> bool {
        self.site.sharded.is_empty() && self.targets.is_empty()
    }

    /// Whether a delete concerns no stores but those of the rows.
    pub(super) fn deletes_alone(&self) -> bool {
        self.site.sharded.is_empty() && self.referrers.is_empty()
    }

    /// Whether an update concerns no store but the row's, and cannot change what places the row.
    pub(super) fn updates_alone(&self) -> bool {
        self.inserts_alone() && self.deletes_alone()
    }
}

/// What spans shards.
impl Site {
    fn targets(&self, sites: &[Arc<Site>]) -> Vec<Target> {
        let distant = self.def.foreign_keys.iter().filter_map(|&key| {
            let site = site_of(key.target, sites);
            let index = site.def.unique_index_of(key.target_column);
            let index = index.expect("a foreign key points at a unique column");
            (!self.def.is_beside(&key, &site.def)).then(|| Target {
                key,
                site: site.clone(),
                index,
            })
        });
        distant.collect()
    }

    fn referrers(&self, sites: &[Arc<Site>]) -> Vec<DistantReferrer> {
        let keys =
            sites.iter().flat_map(|site| site.def.foreign_keys.iter().map(move |key| (site, key)));
        let distant = keys
            .filter(|(site, key)| key.target == self.def.id && !site.def.is_beside(key, &self.def));
        let referrer = |(site, key): (&Arc<Site>, &ForeignKeyDef)| DistantReferrer {
            referrer: Referrer::new(site.def.id, key),
            site: site.clone(),
        };
        distant.map(referrer).collect()
    }
}

fn site_of(table: TableId, sites: &[Arc<Site>]) -> &Arc<Site> {
    let site = sites.iter().find(|site| site.def.id == table);
    site.unwrap_or_else(|| panic!("table {table} is not among the module's"))
}
