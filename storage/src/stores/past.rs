//! Looks at what was: finds, counts and scans rows as they were after a past transaction, wherever they are.
//!
//! Each store is read as of the same transaction, by its [`Snapshot`]: rows that are as they were come from tables and
//! indexes, and those that have changed or gone since from the versions that ended later. Where an entry of a sharded index
//! would lead to a row, all shards are asked instead: entries are known as they are now.

use core::ops::Bound;

use cosmictron_types::{IndexId, ShardId, TableId, TxId};

use super::Stores;
use super::elsewhere::Elsewhere;
use super::placement::Placement;
use super::reach::Reach;
use crate::key::Key;
use crate::snapshot::{Forgotten, Snapshot, TableSnapshot};
use crate::store::Store;
use crate::store::apply::PRIMARY;
use crate::table::is_between;

impl Stores {
    /// From now on finds, counts and scans rows as they were after a transaction, which the shards of all stores have behind
    /// them; with `None`, as they are. Nothing may be written meanwhile. What is to be read has to be
    /// [checked](Stores::check_moment) before.
    pub fn look_at(&mut self, moment: Option<TxId>) {
        assert!(self.iter().all(|store| !store.is_open()), "the past is read between transactions");
        self.moment = moment;
    }

    /// Whether these tables can be read as of the moment that is looked at, in all stores that are held.
    ///
    /// # Errors
    ///
    /// Says from when on the first can that cannot.
    pub fn check_moment(&self, mut tables: impl Iterator<Item = TableId>) -> Result<(), Forgotten> {
        tables.try_for_each(|id| {
            self.iter().try_for_each(|store| match self.snapshot_of(store).table(id) {
                Some(Err(forgotten)) => Err(forgotten),
                Some(Ok(_)) | None => Ok(()),
            })
        })
    }

    /// A store that is held, as of the moment that is looked at.
    pub fn snapshot_of<'s>(&self, store: &'s Store) -> Snapshot<'s> {
        self.moment.map_or_else(|| store.present(), |tx| store.as_of(tx))
    }

    /// As [`Stores::find`].
    pub(super) fn find_past(
        &self,
        at: &Placement,
        index: IndexId,
        key: &Key,
    ) -> Result<Option<&[u8]>, Elsewhere> {
        let reach = at.site.shard_of_key(index, key, self.shards()).map_or(Reach::All, Reach::One);
        let shards = self.within(reach)?.into_iter();
        let found = shards.filter_map(|shard| first(self.table_at(shard, at.table()), index, key));
        Ok(found.min_by_key(|row| at.def().key_of(index, row)))
    }

    /// Rows of these shards that were there and have changed or gone since.
    pub(super) fn ended(&self, at: &Placement, shards: &[ShardId]) -> Vec<(Key, Box<[u8]>)> {
        let rows = self.ended_rows(at, shards);
        rows.map(|row| (Key::new(), row.into())).collect()
    }

    /// As [`Stores::ended`], within a range of an index; the first in its order stands last.
    pub(super) fn ended_between(
        &self,
        at: &Placement,
        shards: &[ShardId],
        index: IndexId,
        (lower, upper): (Bound<&Key>, Bound<&Key>),
        descending: bool,
    ) -> Vec<(Key, Box<[u8]>)> {
        let keyed =
            self.ended_rows(at, shards).map(|row| (at.def().key_of(index, row), row.into()));
        let mut ended: Vec<(Key, Box<[u8]>)> =
            keyed.filter(|(key, _)| is_between(key, lower, upper)).collect();
        ended.sort_unstable();
        if !descending {
            ended.reverse();
        }
        ended
    }

    fn ended_rows<'s>(
        &'s self,
        at: &'s Placement,
        shards: &'s [ShardId],
    ) -> impl Iterator<Item = &'s [u8]> {
        // Of the present there is nothing to look for.
        let shards = shards.iter().filter(|_| self.moment.is_some());
        let tables = shards.map(|shard| self.table_at(*shard, at.table()));
        tables.filter(|table| !table.is_present()).flat_map(|table| table.ended().flatten())
    }
}

/// How many rows there were.
pub(super) fn rows(table: &TableSnapshot<'_>) -> u64 {
    if table.is_present() {
        return table.table().len() as u64;
    }
    let kept = table.table().scan().filter(|row| table.row(*row).is_some()).count();
    (kept + table.ended().flatten().count()) as u64
}

/// The first row whose key begins with this one, in an index's order.
fn first<'s>(table: TableSnapshot<'s>, index: IndexId, key: &Key) -> Option<&'s [u8]> {
    let def = table.table().def();
    let is_primary = index == PRIMARY && def.primary().is_some();
    if is_primary && def.index(index).columns_of(key).count() == def.index(index).columns.len() {
        return table.find(key).row;
    }
    let (lower, upper) = (Bound::Included(key), Bound::Included(key));
    let kept = table.table().range(index, lower, upper).find_map(|row| table.row(row));
    let ended = table.ended().flatten();
    let ended = ended.filter(|row| is_between(&def.key_of(index, row), lower, upper));
    kept.into_iter().chain(ended).min_by_key(|row| def.key_of(index, row))
}
