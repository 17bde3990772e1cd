//! All tables of one shard, and the transaction that is open on them.

pub mod apply;
pub mod schema_change;
pub mod write;

use std::sync::Arc;

use cosmictron_types::schema::TableSchema;
use cosmictron_types::{IndexId, TableId, TxId};

use crate::change::Change;
use crate::key::Key;
use crate::table::{RowId, Table};
use apply::ApplyError;
use schema_change::{SchemaChange, SchemaDifference};
use write::WriteError;

/// All tables of one shard as one value.
#[derive(Debug)]
pub struct Store {
    tables: Vec<Table>,
}

/// Bounds on what a store takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// Memory of all tables. Writes that could go beyond are refused with [`WriteError::StoreFull`].
    pub bytes_max: u64,
    /// Bytes of one row.
    pub row_bytes_max: u32,
}

/// Bounds on what one transaction writes, counting each write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionLimits {
    pub rows_max: u64,
    pub bytes_max: u64,
}

impl Default for StoreLimits {
    /// 4 GiB, rows of 1 MiB.
    fn default() -> Self {
        Self { bytes_max: 4 << 30, row_bytes_max: 1 << 20 }
    }
}

impl Default for TransactionLimits {
    /// 100,000 rows, 64 MiB.
    fn default() -> Self {
        Self { rows_max: 100_000, bytes_max: 64 << 20 }
    }
}

impl Store {
    pub fn new(_limits: StoreLimits) -> Self {
        Self { tables: Vec::new() }
    }

    /// `resolve` gives the ids of the tables that foreign keys name. On failure nothing has changed.
    pub fn create_table(
        &mut self,
        _id: TableId,
        _schema: Arc<TableSchema>,
        _resolve: &dyn Fn(&str) -> Option<TableId>,
    ) -> Result<(), Vec<SchemaDifference>> {
        todo!()
    }

    /// As [`Store::change_schema`] of one table.
    pub fn alter_table(
        &mut self,
        _id: TableId,
        _schema: Arc<TableSchema>,
        _resolve: &dyn Fn(&str) -> Option<TableId>,
    ) -> Result<(), Vec<SchemaDifference>> {
        todo!()
    }

    /// Refused while another table refers to it.
    pub fn drop_table(&mut self, _id: TableId) -> Result<(), Vec<SchemaDifference>> {
        todo!()
    }

    /// Creates, alters and drops tables in one step: all of it, or nothing and the list of what rows cannot follow.
    pub fn change_schema(
        &mut self,
        _change: SchemaChange,
        _resolve: &dyn Fn(&str) -> Option<TableId>,
    ) -> Result<(), Vec<SchemaDifference>> {
        todo!()
    }

    pub fn table(&self, _id: TableId) -> Option<&Table> {
        todo!()
    }

    /// All tables, in the order of their ids.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter()
    }

    /// Memory of all tables.
    pub fn bytes(&self) -> u64 {
        todo!()
    }

    /// Opens a transaction. Panics when one is open.
    pub fn begin(&mut self, _limits: TransactionLimits) {
        todo!()
    }

    /// Checks and inserts a row. `auto_inc` columns that are 0 are filled in place, and are 0 again after an error.
    ///
    /// Panics, as every write does, when no transaction is open or there is no such table.
    pub fn insert(&mut self, _table: TableId, _row: &mut [u8]) -> Result<RowId, WriteError> {
        todo!()
    }

    /// Replaces the row that has this primary key. After an error nothing has changed.
    pub fn update(&mut self, _table: TableId, _row: &[u8]) -> Result<RowId, WriteError> {
        todo!()
    }

    /// Deletes all rows that begin with `key` in an index; how many. After an error none is deleted.
    pub fn delete(
        &mut self,
        _table: TableId,
        _index: IndexId,
        _key: &Key,
    ) -> Result<u64, WriteError> {
        todo!()
    }

    /// What the open transaction changed, net: one change a row, in the order in which rows were first touched.
    pub fn changes(&self) -> impl Iterator<Item = Change<'_>> {
        core::iter::empty()
    }

    /// Whether the open transaction has to be logged.
    pub fn is_changed(&self) -> bool {
        todo!()
    }

    /// Appends the open transaction's changes in the log's form.
    pub fn encode_changes(&self, _out: &mut Vec<u8>) {
        todo!()
    }

    /// Makes the open transaction's changes those of `tx`. Panics when none is open.
    pub fn commit(&mut self, _tx: TxId) {
        todo!()
    }

    /// Undoes the open transaction: rows, indexes and sequences are as before. Panics when none is open.
    pub fn rollback(&mut self) {
        todo!()
    }

    /// Commits logged changes as `tx`. On failure nothing has changed.
    pub fn apply(&mut self, _tx: TxId, _changes: &[u8]) -> Result<(), ApplyError> {
        todo!()
    }
}
