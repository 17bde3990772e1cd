//! Resolves the names of tables: the door through which a plan learns what exists and who may read it.
//!
//! The implementation knows the caller. A plan is therefore good for every caller who would get the same answers: it holds no
//! identity, but asks for one at each execution where a policy does.

use std::sync::Arc;

use cosmictron_storage::TableDef;

/// The tables that a caller may name.
pub trait Catalog {
    /// The table of that name: of one module, or of whichever module has it when no other does. A view is a table whose id says
    /// so, of the same query always the same one: whoever executes the plan has its rows in a store of their own.
    fn table(&self, module: Option<&str>, name: &str) -> Result<Arc<TableDef>, NameError>;

    /// The table of that name in the module of another one, public or not: policies read it, not the caller.
    fn beside(&self, _table: &TableDef, _name: &str) -> Option<Arc<TableDef>> {
        None
    }

    /// What the caller sees of tables with policies.
    fn sight(&self) -> Sight {
        Sight::Admitted
    }

    /// About how many rows a table has, on all shards together, where that is known. Plans get no better for being told
    /// exactly, and are right whatever they are told.
    fn row_count(&self, _table: &TableDef) -> Option<u64> {
        None
    }
}

/// What a caller sees of the rows of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sight {
    /// What policies admit.
    Admitted,
    /// All rows, whatever policies say.
    All,
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
