//! What a module offers, checked: its schema, the exports behind it, and the layouts of what crosses.
//!
//! Invariants:
//! 1. `reducers` and `views` lie as in the schema; each has an export of the ABI's type.

use std::sync::Arc;

use cosmictron_types::RowLayout;
use cosmictron_types::schema::{IndexSchema, ModuleSchema, ReducerKind, TableSchema};
use wasmtime::ModuleExport;

use crate::misuse::BrokenRule;

/// All that calls need to know of a module.
pub(crate) struct Interface {
    pub(crate) schema: Arc<ModuleSchema>,
    pub(crate) reducers: Vec<Reducer>,
    /// The exports of views.
    pub(crate) views: Vec<ModuleExport>,
    pub(crate) memory: ModuleExport,
    pub(crate) buffer: ModuleExport,
}

/// One reducer's export and layouts.
pub(crate) struct Reducer {
    pub(crate) export: ModuleExport,
    pub(crate) params: RowLayout,
    pub(crate) result: Option<RowLayout>,
}

impl Interface {
    pub(crate) fn table(&self, table: u32) -> Result<&TableSchema, BrokenRule> {
        self.schema.tables.get(table as usize).ok_or(BrokenRule::UnknownTable { table })
    }

    /// An index of a table; the table is checked too.
    pub(crate) fn index(&self, table: u32, index: u32) -> Result<&IndexSchema, BrokenRule> {
        let schema = self.table(table)?;
        schema
            .indexes
            .get(index as usize)
            .ok_or_else(|| BrokenRule::UnknownIndex { table: schema.name.clone(), index })
    }

    /// The number of a table, as guests know it.
    pub(crate) fn table_number(&self, name: &[u8]) -> Option<usize> {
        let tables = &self.schema.tables;
        tables.binary_search_by(|table| table.name.as_bytes().cmp(name)).ok()
    }

    /// The number of a reducer that may be scheduled.
    pub(crate) fn schedulable(&self, name: &[u8]) -> Option<usize> {
        let reducers = &self.schema.reducers;
        let place = reducers.binary_search_by(|reducer| reducer.name.as_bytes().cmp(name)).ok()?;
        (reducers[place].kind == ReducerKind::Call).then_some(place)
    }
}
