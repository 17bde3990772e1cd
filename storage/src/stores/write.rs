//! Inserts, updates and deletes rows wherever they are, in the transaction that is open on all stores.
//!
//! A write that concerns one store alone is that store's. The others are done in four steps: what they need is gathered,
//! everything is checked in the order in which a single store checks it, the entries of sharded indexes are put in, which
//! can be undone, and the row comes last.

use cosmictron_types::{IndexId, ShardId};

use super::Stores;
use super::elsewhere::{Needs, StoresError};
use super::placement::Placement;
use super::reach::Reach;
use super::sharded_index::Entry;
use super::site::Trail;
use crate::heap::RowId;
use crate::key::Key;
use crate::planted::{Fault, is_planted};
use crate::store::write::WriteError;

/// The primary key's index.
const PRIMARY: IndexId = IndexId::new(0);

/// An update whose needs are met.
struct Update<'p> {
    shard: ShardId,
    id: RowId,
    /// The indexes in which the row's key changes.
    changed: Vec<usize>,
    leaving: Vec<Entry<'p>>,
    entering: Vec<Entry<'p>>,
}

/// A delete whose needs are met.
struct Delete<'p> {
    index: IndexId,
    /// The rows by shard; ascending.
    rows: Vec<(ShardId, Vec<RowId>)>,
    leaving: Vec<Entry<'p>>,
}

impl Stores {
    /// Checks and inserts a row on the shard that it belongs to. `auto_inc` columns that are 0 are filled in place, and
    /// are 0 again after an error. If that is the column which places the row, the row comes to `here`.
    ///
    /// Panics, as every write does, when no transaction is open or there is no such table.
    pub fn insert(
        &mut self,
        at: &Placement,
        here: ShardId,
        row: &mut [u8],
    ) -> Result<(), StoresError> {
        let shard = match at.site.is_placed_by_sequence(row) {
            true => here,
            false => at.site.shard_of(row, self.shards())?,
        };
        if at.inserts_alone() {
            self.store_mut(shard)?.insert(at.table(), row)?;
            return Ok(());
        }
        let store = self.store_mut(shard)?;
        let filled = store.prepare(at.table(), row)?;
        let inserted = self.insert_filled(at, shard, row);
        if inserted.is_err() {
            self.held(shard).unfill(at.table(), &filled, row);
        }
        inserted
    }

    pub(super) fn insert_filled(
        &mut self,
        at: &Placement,
        shard: ShardId,
        row: &[u8],
    ) -> Result<(), StoresError> {
        let entries = at.site.entries(row, None, self.shards());
        let mut needs = Needs::of(self);
        Self::need_entries(&entries, &mut needs);
        self.need_targets(at, row, None, &mut needs);
        needs.met()?;
        let store = self.held(shard);
        store.check_unique(at.table(), row, 0..at.def().indexes.len())?;
        self.check_entries(at, &entries)?;
        store.check_own_targets(at.table(), row, None)?;
        self.check_targets(at, row, None)?;
        self.enter(&entries)?;
        if let Err(refused) = self.store_mut(shard)?.put_row(at.table(), row) {
            self.take_out(&entries);
            return Err(refused.into());
        }
        self.pass(at, shard, row, &entries);
        Ok(())
    }

    /// Replaces the row that has this primary key. The column that places it stays as it is.
    pub fn update(&mut self, at: &Placement, row: &[u8]) -> Result<(), StoresError> {
        let shard = at.site.shard_of(row, self.shards())?;
        if at.updates_alone() {
            self.store_mut(shard)?.update(at.table(), row)?;
            return Ok(());
        }
        let Some(update) = self.plan_update(at, shard, row)? else { return Ok(()) };
        self.check_update(at, row, &update)?;
        self.count_entries(&update.leaving)?;
        self.enter(&update.entering)?;
        let Update { shard, id, changed, leaving, entering } = update;
        let store = self.store_mut(shard)?;
        if let Err(refused) = store.rewrite_row(at.table(), id, row, &changed) {
            self.take_out(&entering);
            return Err(refused.into());
        }
        self.take_out(&leaving);
        self.pass(at, shard, row, &entering);
        Ok(())
    }

    /// `None` when the row is as it is to be.
    fn plan_update<'p>(
        &mut self,
        at: &'p Placement,
        shard: ShardId,
        row: &[u8],
    ) -> Result<Option<Update<'p>>, StoresError> {
        let (def, shards) = (at.def(), self.shards());
        let id = match self.store_mut(shard)?.find_row(at.table(), row) {
            Err(missing @ WriteError::NoSuchRow { .. }) => {
                return Err(self.explain_missing(at, row, missing)?.into());
            }
            found => found?,
        };
        let store = self.store_mut(shard)?;
        let length = store.row(at.table(), id).len();
        store.count_write(row.len().max(length))?;
        let old = self.held(shard).row(at.table(), id);
        if let Some(column) = at.site.changed_column(old, row) {
            return Err(WriteError::ShardKeyChanged { table: def.name.clone(), column }.into());
        }
        if old == row {
            return Ok(None);
        }
        let changed = def.changed_indexes(old, row);
        let leaving = at.site.entries(old, Some(&changed), shards);
        let entering = at.site.entries(row, Some(&changed), shards);
        let mut needs = Needs::of(self);
        Self::need_entries(&leaving, &mut needs);
        Self::need_entries(&entering, &mut needs);
        self.need_targets(at, row, Some(old), &mut needs);
        self.need_referrers(at, old, Some(row), &mut needs);
        needs.met()?;
        Ok(Some(Update { shard, id, changed, leaving, entering }))
    }

    fn check_update(
        &self,
        at: &Placement,
        row: &[u8],
        update: &Update<'_>,
    ) -> Result<(), WriteError> {
        let Update { shard, id, changed, entering, .. } = update;
        let store = self.held(*shard);
        let old = store.row(at.table(), *id);
        store.check_unique(at.table(), row, changed.iter().copied())?;
        self.check_entries(at, entering)?;
        store.check_own_targets(at.table(), row, Some(*id))?;
        self.check_targets(at, row, Some(old))?;
        store.check_own_referrers(at.table(), *id, Some(row), &[*id])?;
        self.check_referrers(at, old, Some(row), &[(*shard, vec![*id])])
    }

    /// Why the row's shard has none with its primary key: it can be on another one, where its column says otherwise.
    fn explain_missing(
        &self,
        at: &Placement,
        row: &[u8],
        missing: WriteError,
    ) -> Result<WriteError, StoresError> {
        let (def, site) = (at.def(), &at.site);
        let Some(column) = site.placing_column() else { return Ok(missing) };
        let key = def.key_of(PRIMARY, row);
        let Trail::Entry(sharded, key, shard) = site.trail(PRIMARY, &key, self.shards()) else {
            return Ok(missing);
        };
        Ok(match sharded.find(self.store(shard)?, &key) {
            None => missing,
            Some(_) => WriteError::ShardKeyChanged {
                table: def.name.clone(),
                column: def.column_name(column),
            },
        })
    }

    /// Deletes all rows that have these values in an index's first columns; how many they were.
    pub fn delete(
        &mut self,
        at: &Placement,
        index: IndexId,
        key: &Key,
    ) -> Result<u64, StoresError> {
        check_deletable(at)?;
        let reach = self.reach(&at.site, index, key)?;
        if let (Reach::One(shard), true) = (reach, at.deletes_alone()) {
            return Ok(self.store_mut(shard)?.delete(at.table(), index, key)?);
        }
        let shards = self.within(reach)?.into_iter();
        let found = shards.map(|shard| (shard, self.held(shard).rows_with(at.table(), index, key)));
        let found = found.collect();
        self.delete_found(at, index, found)
    }

    /// Deletes rows that were found by an index; how many they were.
    pub(super) fn delete_found(
        &mut self,
        at: &Placement,
        index: IndexId,
        found: Vec<(ShardId, Vec<RowId>)>,
    ) -> Result<u64, StoresError> {
        let delete = self.plan_delete(at, index, found)?;
        self.check_delete(at, &delete)?;
        self.count_entries(&delete.leaving)?;
        let mut count = 0;
        for (shard, rows) in &delete.rows {
            let store = self.store_mut(*shard)?;
            rows.iter().for_each(|&row| store.erase_row(at.table(), row, delete.index));
            count += rows.len() as u64;
        }
        if !is_planted(Fault::IndexEntryStays) {
            self.take_out(&delete.leaving);
        }
        Ok(count)
    }

    fn plan_delete<'p>(
        &mut self,
        at: &'p Placement,
        index: IndexId,
        found: Vec<(ShardId, Vec<RowId>)>,
    ) -> Result<Delete<'p>, StoresError> {
        for (shard, rows) in &found {
            let store = self.store_mut(*shard)?;
            for &row in rows {
                let length = store.row(at.table(), row).len();
                store.count_write(length)?;
            }
        }
        let (mut needs, mut leaving) = (Needs::of(self), Vec::new());
        for (shard, rows) in &found {
            for &row in rows {
                let row = self.held(*shard).row(at.table(), row);
                leaving.extend(at.site.entries(row, None, self.shards()));
                self.need_referrers(at, row, None, &mut needs);
            }
        }
        Self::need_entries(&leaving, &mut needs);
        needs.met()?;
        Ok(Delete { index, rows: found, leaving })
    }

    fn check_delete(&self, at: &Placement, delete: &Delete<'_>) -> Result<(), WriteError> {
        for (shard, rows) in &delete.rows {
            let store = self.held(*shard);
            for &row in rows {
                store.check_own_referrers(at.table(), row, None, rows)?;
                self.check_referrers(at, store.row(at.table(), row), None, &delete.rows)?;
            }
        }
        Ok(())
    }

    fn count_entries(&mut self, entries: &[Entry<'_>]) -> Result<(), StoresError> {
        for entry in entries {
            self.store_mut(entry.shard)?.count_write(entry.row.len())?;
        }
        Ok(())
    }

    /// Puts in all these entries, or none of them.
    fn enter(&mut self, entries: &[Entry<'_>]) -> Result<(), StoresError> {
        for (at, entry) in entries.iter().enumerate() {
            let store = self.store_mut(entry.shard)?;
            let table = entry.of.def.id;
            let counted = store.count_write(entry.row.len());
            if let Err(refused) = counted.and_then(|()| store.put_row(table, &entry.row)) {
                self.take_out(&entries[..at]);
                return Err(refused.into());
            }
        }
        Ok(())
    }

    fn take_out(&mut self, entries: &[Entry<'_>]) {
        for entry in entries.iter().rev() {
            let at = self.position(entry.shard).expect("the needs are met");
            entry.take_out(self.at_mut(at));
        }
    }

    /// Moves the sequences past the numbers of a row that is in: those of its own store, and those that could give out
    /// the same number.
    fn pass(&mut self, at: &Placement, shard: ShardId, row: &[u8], entries: &[Entry<'_>]) {
        let own = self.position(shard).expect("the needs are met");
        self.at_mut(own).pass_row(at.table(), row);
        for entry in entries.iter().filter(|entry| entry.shard != shard) {
            let Some(sequence) = entry.of.sequence else { continue };
            let store = self.position(entry.shard).expect("the needs are met");
            self.at_mut(store).pass_number(at.table(), sequence, row);
        }
    }
}

pub(super) fn check_deletable(at: &Placement) -> Result<(), WriteError> {
    let def = at.def();
    match def.is_append_only() {
        true => Err(WriteError::AppendOnly { table: def.name.clone() }),
        false => Ok(()),
    }
}
