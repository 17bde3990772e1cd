//! Inserts, updates and deletes rows in the open transaction.

use std::sync::Arc;

use cosmictron_types::layout::InvalidRow;
use cosmictron_types::{IndexId, TableId};

use super::Store;
use super::constraint::{Replaced, check_unique};
use crate::definition::TableDef;
use crate::heap::RowId;
use crate::key::Key;

/// Why a write is refused. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    #[error("row of table {table}: {error}")]
    InvalidRow {
        table: Arc<str>,
        #[source]
        error: InvalidRow,
    },
    #[error("row of {bytes} bytes for table {table} exceeds the limit of {bytes_max}")]
    RowTooLarge { table: Arc<str>, bytes: usize, bytes_max: u32 },
    #[error("table {table} has a row with the same {index} already")]
    UniqueViolation { table: Arc<str>, index: Arc<str> },
    #[error(
        "column {column} of table {table} refers to a row of table {target} that does not exist"
    )]
    ForeignKeyWithoutTarget { table: Arc<str>, column: String, target: Arc<str> },
    #[error("row of table {table} is referred to by column {column} of table {referrer}")]
    Referenced { table: Arc<str>, referrer: Arc<str>, column: String },
    #[error("table {table} has no row with this primary key")]
    NoSuchRow { table: Arc<str> },
    #[error(
        "column {column} places rows of table {table} on a shard, so an update does not change it"
    )]
    ShardKeyChanged { table: Arc<str>, column: String },
    #[error("table {table} has no primary key to update a row by")]
    NoPrimaryKey { table: Arc<str> },
    #[error("column {column} of table {table} has used its greatest number {max}")]
    AutoIncExhausted { table: Arc<str>, column: String, max: u128 },
    #[error("rows of table {table} are never changed and never deleted")]
    AppendOnly { table: Arc<str> },
    #[error("transaction writes more than {rows_max} rows")]
    TransactionRows { rows_max: u64 },
    #[error("transaction writes more than {bytes_max} bytes")]
    TransactionBytes { bytes_max: u64 },
    #[error(
        "tables of this shard take {bytes} of {bytes_max} bytes of memory, with no room for the row"
    )]
    StoreFull { bytes: u64, bytes_max: u64 },
    #[error("table {table} has as many rows as a table can have")]
    TableFull { table: Arc<str> },
}

impl Store {
    /// Checks and inserts a row. `auto_inc` columns that are 0 are filled in place, and are 0 again after an error.
    ///
    /// Panics, as every write does, when no transaction is open or there is no such table.
    pub fn insert(&mut self, table: TableId, row: &mut [u8]) -> Result<RowId, WriteError> {
        let place = self.place(table);
        self.admit(place, row)?;
        self.count(row.len())?;
        let filled = self.fill(place, row)?;
        let inserted = self.insert_filled(place, row);
        if inserted.is_err() {
            filled.empty(self.at(place), row);
        }
        inserted
    }

    fn insert_filled(&mut self, place: u32, row: &[u8]) -> Result<RowId, WriteError> {
        let table = self.at(place);
        check_unique(table, row, 0..table.def().indexes.len())?;
        self.check_targets(place, row, None)?;
        self.check_room(place, row.len())?;
        let id = self.put(place, row).ok_or_else(|| table_full(self.at(place).def()))?;
        self.pass(place, row);
        Ok(id)
    }

    /// Replaces the row that has this primary key.
    pub fn update(&mut self, table: TableId, row: &[u8]) -> Result<RowId, WriteError> {
        let place = self.place(table);
        let id = self.find_replaced(place, row)?;
        self.count(row.len().max(self.at(place).row(id).len()))?;
        let table = self.at(place);
        let (def, old) = (table.def(), table.row(id));
        if old == row {
            return Ok(id);
        }
        let changed = def.changed_indexes(old, row);
        check_unique(table, row, changed.iter().copied())?;
        self.check_targets(place, row, Some(Replaced { id, row: old }))?;
        self.check_referrers(place, old, Some(row), &[id])?;
        // A full store can still be worked with.
        if !table.heap().suits(id, row.len()) || !changed.is_empty() {
            self.check_room(place, row.len())?;
        }
        self.rewrite(place, id, row, &changed).ok_or_else(|| table_full(self.at(place).def()))?;
        self.pass(place, row);
        Ok(id)
    }

    pub(super) fn find_replaced(&self, place: u32, row: &[u8]) -> Result<RowId, WriteError> {
        self.admit(place, row)?;
        let table = self.at(place);
        let def = table.def();
        if def.is_append_only() {
            return Err(WriteError::AppendOnly { table: def.name.clone() });
        }
        if def.primary().is_none() {
            return Err(WriteError::NoPrimaryKey { table: def.name.clone() });
        }
        table.find_primary(row).ok_or_else(|| WriteError::NoSuchRow { table: def.name.clone() })
    }

    /// Deletes all rows that have these values in an index's first columns; how many they were.
    pub fn delete(&mut self, table: TableId, index: IndexId, key: &Key) -> Result<u64, WriteError> {
        let place = self.place(table);
        let table = self.at(place);
        if table.def().is_append_only() {
            return Err(WriteError::AppendOnly { table: table.def().name.clone() });
        }
        let limit = usize::try_from(self.rows_left().saturating_add(1)).unwrap_or(usize::MAX);
        let mut rows: Vec<RowId> = table.matches(index, key).take(limit).collect();
        rows.sort_unstable();
        for &row in &rows {
            let bytes = self.at(place).row(row).len();
            self.count(bytes)?;
        }
        for &row in &rows {
            self.check_referrers(place, self.at(place).row(row), None, &rows)?;
        }
        rows.iter().for_each(|&row| self.erase(place, row, index));
        Ok(rows.len() as u64)
    }

    /// Whether `row` is a row of the table at all.
    pub(super) fn admit(&self, place: u32, row: &[u8]) -> Result<(), WriteError> {
        let def = self.at(place).def();
        let bytes_max = self.limits.row_bytes_max;
        if row.len() > bytes_max as usize {
            let (table, bytes) = (def.name.clone(), row.len());
            return Err(WriteError::RowTooLarge { table, bytes, bytes_max });
        }
        let check = def.layout.check(row);
        check.map_err(|error| WriteError::InvalidRow { table: def.name.clone(), error })
    }

    /// Whether memory allows one more row.
    pub(super) fn check_room(&self, place: u32, length: usize) -> Result<(), WriteError> {
        let (bytes, bytes_max) = (self.bytes, self.limits.bytes_max);
        if bytes + self.at(place).growth_max(length) > bytes_max {
            return Err(WriteError::StoreFull { bytes, bytes_max });
        }
        Ok(())
    }
}

pub(super) fn table_full(def: &TableDef) -> WriteError {
    WriteError::TableFull { table: def.name.clone() }
}
