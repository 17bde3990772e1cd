//! Resolves the names of tables: the door through which a plan learns what exists and who may read it.
//!
//! The implementation knows the caller. A plan is therefore good for every caller who would get the same answers.

use std::sync::Arc;

use cosmictron_storage::TableDef;

/// The tables that a caller may name.
pub trait Catalog {
    /// The table of that name: of one module, or of whichever module has it when no other does.
    fn table(&self, module: Option<&str>, name: &str) -> Result<Arc<TableDef>, NameError>;

    /// About how many rows a table has, on all shards together, where that is known. Plans get no better for being told
    /// exactly, and are right whatever they are told.
    fn row_count(&self, _table: &TableDef) -> Option<u64> {
        None
    }
}

/// Why a name stands for no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    Unknown,
    /// Several modules have one of that name; as they can be written, such as `"my-agent".message`.
    Ambiguous(Vec<String>),
    /// It exists, and this caller may not read it.
    NotPublic,
}
