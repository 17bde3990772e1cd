//! Refuses rows that would break a unique index or a foreign key, before anything is changed.
//!
//! A statement is checked against what it leaves behind: a row may refer to itself, and a delete may take rows that
//! refer to each other.

use cosmictron_types::{ColumnIndex, IndexId};

use super::Store;
use super::write::WriteError;
use crate::definition::{ForeignKeyDef, IndexDef, TableDef, index_at};
use crate::heap::RowId;
use crate::key::Key;
use crate::table::{Referrer, Table};

/// The row that an update replaces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replaced<'s> {
    pub(super) id: RowId,
    pub(super) row: &'s [u8],
}

/// Whether `row` may enter these indexes of its table.
pub(super) fn check_unique(
    table: &Table,
    row: &[u8],
    indexes: impl Iterator<Item = usize>,
) -> Result<(), WriteError> {
    let def = table.def();
    for at in indexes {
        let index = &def.indexes[at];
        if !index.unique || index.is_absent_in(&def.layout, row) {
            continue;
        }
        let key = index.key_of(&def.layout, row);
        if table.find(index_at(at), &key).is_some() {
            let (table, index) = (def.name.clone(), index.name.clone());
            return Err(WriteError::UniqueViolation { table, index });
        }
    }
    Ok(())
}

impl Store {
    /// Whether everything that `row` refers to will exist once it is in.
    pub(super) fn check_targets(
        &self,
        place: u32,
        row: &[u8],
        replaced: Option<Replaced<'_>>,
    ) -> Result<(), WriteError> {
        let def = self.at(place).def();
        for (at, foreign_key) in def.foreign_keys.iter().enumerate() {
            // The target can be on another shard: that is for whoever has its store as well.
            let Some(target_index) = self.at(place).links().targets[at] else { continue };
            let value = def.column(row, foreign_key.column);
            let is_kept = replaced.is_some_and(|replaced| {
                foreign_key.target != def.id
                    && def.column(replaced.row, foreign_key.column) == value
            });
            if !is_kept && !self.has_target(place, at, target_index, row, replaced) {
                return Err(WriteError::ForeignKeyWithoutTarget {
                    table: def.name.clone(),
                    column: def.column_name(foreign_key.column),
                    target: self.at(self.place(foreign_key.target)).def().name.clone(),
                });
            }
        }
        Ok(())
    }

    fn has_target(
        &self,
        place: u32,
        foreign_key: usize,
        target_index: IndexId,
        row: &[u8],
        replaced: Option<Replaced<'_>>,
    ) -> bool {
        let table = self.at(place);
        let def = table.def();
        let ForeignKeyDef { column, target, .. } = def.foreign_keys[foreign_key];
        let target = if target == def.id { table } else { self.at(self.place(target)) };
        let Some(key) = target_key(target.def().index(target_index), def, row, column) else {
            return true;
        };
        if target.def().id != def.id {
            return target.find(target_index, &key).is_some();
        }
        // The row itself counts as it will be, not as it was.
        def.key_of(target_index, row) == key
            || target
                .find(target_index, &key)
                .is_some_and(|found| replaced.is_none_or(|replaced| replaced.id != found))
    }

    /// Whether no row refers to a row that goes, or that changes to `new`. The rows in `gone`, which ascend, go or are
    /// checked by themselves.
    pub(super) fn check_referrers(
        &self,
        place: u32,
        row: &[u8],
        new: Option<&[u8]>,
        gone: &[RowId],
    ) -> Result<(), WriteError> {
        let table = self.at(place);
        let def = table.def();
        for referrer in &table.links().referrers {
            let other = self.at(self.place(referrer.table));
            let key = referring_key(referrer, other.def(), def.column(row, referrer.target_column));
            let stays = |new| {
                referring_key(referrer, other.def(), def.column(new, referrer.target_column)) == key
            };
            if new.is_some_and(stays) {
                continue;
            }
            let mut rows = other.matches(referrer.index, &key);
            let is_own = other.def().id == def.id;
            if rows.any(|row| !is_own || gone.binary_search(&row).is_err()) {
                return Err(WriteError::Referenced {
                    table: def.name.clone(),
                    referrer: other.def().name.clone(),
                    column: other.def().column_name(referrer.column),
                });
            }
        }
        Ok(())
    }
}

/// The key by which `row` of a table refers to a row through `column`; `None` when it refers to none.
pub(crate) fn target_key(
    target: &IndexDef,
    def: &TableDef,
    row: &[u8],
    column: ColumnIndex,
) -> Option<Key> {
    let tail = def.column(row, column);
    let tail = match def.layout.types()[column.index()].is_option() {
        true => tail.split_first().filter(|(tag, _)| **tag != 0)?.1,
        false => tail,
    };
    let mut key = Key::new();
    target.parts()[0].encode(tail, &mut key);
    Some(key)
}

/// The beginning of the keys of rows that refer to `value`.
pub(crate) fn referring_key(referrer: &Referrer, def: &TableDef, value: &[u8]) -> Key {
    let mut key = Key::new();
    def.index(referrer.index).parts()[0].encode_present(value, &mut key);
    key
}
