//! Checks what one store cannot see: values that a row of another shard has, targets and referrers on other shards.
//!
//! Each check comes in two halves: what it needs, which is asked for all checks of a write at once, and the check
//! itself, which takes it for granted that the needs are met.

use cosmictron_types::{IndexId, ShardId};

use super::Stores;
use super::elsewhere::Needs;
use super::placement::{DistantReferrer, Placement, Target};
use super::reach::Reach;
use super::sharded_index::Entry;
use super::site::{Site, Trail};
use crate::heap::RowId;
use crate::key::Key;
use crate::planted::{Fault, is_planted};
use crate::store::write::WriteError;
use crate::store::{Store, referring_key, target_key};

/// Rows of a table that go in one statement: their ids, which ascend, by shard.
pub(super) type Gone = [(ShardId, Vec<RowId>)];

impl Target {
    /// The key of the row that `row` refers to. `None` when it refers to none, or `old` did already.
    fn key_of(&self, from: &Site, row: &[u8], old: Option<&[u8]>) -> Option<Key> {
        let (def, column) = (&from.def, self.key.column);
        let is_own = self.key.target == def.id;
        let is_kept = |old| !is_own && def.column(old, column) == def.column(row, column);
        if old.is_some_and(is_kept) {
            return None;
        }
        target_key(self.site.def.index(self.index), def, row, column)
    }
}

impl DistantReferrer {
    /// The key of the rows that refer to `old`. `None` when the row stays what they refer to.
    fn key_of(&self, site: &Site, old: &[u8], new: Option<&[u8]>) -> Option<Key> {
        let column = self.referrer.target_column;
        let key = |row| referring_key(&self.referrer, &self.site.def, site.def.column(row, column));
        let old = key(old);
        new.is_none_or(|new| key(new) != old).then_some(old)
    }
}

impl Stores {
    pub(super) fn need_entries(entries: &[Entry<'_>], needs: &mut Needs<'_>) {
        entries.iter().for_each(|entry| needs.shard(entry.shard));
    }

    /// Whether no row of any shard has the values of these entries.
    pub(super) fn check_entries(
        &self,
        at: &Placement,
        entries: &[Entry<'_>],
    ) -> Result<(), WriteError> {
        for entry in entries {
            if entry.of.find(self.held(entry.shard), &entry.key).is_some() {
                let def = at.def();
                let (table, index) = (def.name.clone(), def.index(entry.of.index).name.clone());
                return Err(WriteError::UniqueViolation { table, index });
            }
        }
        Ok(())
    }

    pub(super) fn need_targets(
        &self,
        at: &Placement,
        row: &[u8],
        old: Option<&[u8]>,
        needs: &mut Needs<'_>,
    ) {
        for target in &at.targets {
            let Some(key) = target.key_of(&at.site, row, old) else { continue };
            match target.site.trail(target.index, &key, self.shards()) {
                Trail::Shard(shard) | Trail::Entry(_, _, shard) => needs.shard(shard),
                Trail::Anywhere => needs.all(),
            }
        }
    }

    /// Whether everything that `row` refers to on other shards will exist once it is in, in the place of `old`.
    pub(super) fn check_targets(
        &self,
        at: &Placement,
        row: &[u8],
        old: Option<&[u8]>,
    ) -> Result<(), WriteError> {
        if is_planted(Fault::ParentIsNotLookedFor) {
            return Ok(());
        }
        for target in &at.targets {
            let Some(key) = target.key_of(&at.site, row, old) else { continue };
            if !self.has_target(at, target, &key, row, old) {
                return Err(WriteError::ForeignKeyWithoutTarget {
                    table: at.def().name.clone(),
                    column: at.def().column_name(target.key.column),
                    target: target.site.def.name.clone(),
                });
            }
        }
        Ok(())
    }

    fn has_target(
        &self,
        at: &Placement,
        target: &Target,
        key: &Key,
        row: &[u8],
        old: Option<&[u8]>,
    ) -> bool {
        if target.key.target == at.table() {
            // The row itself counts as it will be, not as it was.
            let is_that = |row| at.def().key_of(target.index, row) == *key;
            if is_that(row) {
                return true;
            }
            if old.is_some_and(is_that) {
                return false;
            }
        }
        match target.site.trail(target.index, key, self.shards()) {
            Trail::Shard(shard) => self.has_rows(shard, &target.site, target.index, key, &[]),
            Trail::Entry(sharded, key, shard) => sharded.find(self.held(shard), &key).is_some(),
            Trail::Anywhere => {
                let mut shards = self.shards().shards();
                shards.any(|shard| self.has_rows(shard, &target.site, target.index, key, &[]))
            }
        }
    }

    pub(super) fn need_referrers(
        &self,
        at: &Placement,
        old: &[u8],
        new: Option<&[u8]>,
        needs: &mut Needs<'_>,
    ) {
        for distant in &at.referrers {
            let Some(key) = distant.key_of(&at.site, old, new) else { continue };
            match self.reach(&distant.site, distant.referrer.index, &key) {
                Ok(reach) => reach.need(needs),
                Err(elsewhere) => needs.add(&elsewhere),
            }
        }
    }

    /// Whether no row of another shard refers to a row that goes, or that changes to `new`; rows in `gone` do not count.
    pub(super) fn check_referrers(
        &self,
        at: &Placement,
        old: &[u8],
        new: Option<&[u8]>,
        gone: &Gone,
    ) -> Result<(), WriteError> {
        if is_planted(Fault::ChildIsNotLookedFor) {
            return Ok(());
        }
        for distant in &at.referrers {
            let Some(key) = distant.key_of(&at.site, old, new) else { continue };
            let (other, index) = (&distant.site, distant.referrer.index);
            let reach = self.reach(other, index, &key).expect("the needs are met");
            let gone = if other.def.id == at.table() { gone } else { &[] };
            let is_referred = match reach {
                Reach::Nowhere => false,
                Reach::One(shard) => self.has_rows(shard, other, index, &key, gone),
                Reach::All => {
                    let mut shards = self.shards().shards();
                    shards.any(|shard| self.has_rows(shard, other, index, &key, gone))
                }
            };
            if is_referred {
                return Err(WriteError::Referenced {
                    table: at.def().name.clone(),
                    referrer: other.def.name.clone(),
                    column: other.def.column_name(distant.referrer.column),
                });
            }
        }
        Ok(())
    }

    /// Whether a shard has rows that begin with a key, beside those that go.
    fn has_rows(
        &self,
        shard: ShardId,
        site: &Site,
        index: IndexId,
        key: &Key,
        gone: &Gone,
    ) -> bool {
        let table = self.held(shard).table(site.def.id).expect("every store has all tables");
        let gone = gone.iter().find(|(of, _)| *of == shard).map_or(&[][..], |(_, rows)| rows);
        table.matches(index, key).any(|row| gone.binary_search(&row).is_err())
    }

    /// A store that the needs of a write were met by.
    pub(super) fn held(&self, shard: ShardId) -> &Store {
        self.store(shard).expect("the needs are met")
    }
}
