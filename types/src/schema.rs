//! What a module declares: its tables, reducers and views, as its WebAssembly describes them and clients read them.
//!
//! A module hands over JSON. [`ModuleSchema::parse`] is the only door: what it lets through is checked, so the rest
//! of the server may rely on the invariants below.
//!
//! Invariants:
//! 1. Names are unique within their list, and are identifiers of 1 to [`NAME_BYTES_MAX`] bytes.
//! 2. Every column that a key, an index or a foreign key names exists; types nest at most [`TYPE_DEPTH_MAX`] deep.
//! 3. A primary key is index 0 of its table's `indexes`, and it is unique.

mod check;
mod parse;

pub use check::SchemaError;

use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::layout::RowLayout;
use crate::ty::{Field, Type};
use crate::{ColumnIndex, IndexId};

/// Bytes of the longest name of a table, a column, an index, a reducer or a user's type.
pub const NAME_BYTES_MAX: usize = 63;
/// Levels of types within types.
pub const TYPE_DEPTH_MAX: usize = 16;
/// Tables of one module.
pub const TABLES_MAX: usize = 256;
/// Columns of one table, and arguments of one reducer.
pub const COLUMNS_MAX: usize = 256;
/// Indexes of one table, its primary key included.
pub const INDEXES_MAX: usize = 32;
/// Columns of one index.
pub const INDEX_COLUMNS_MAX: usize = 8;
/// Capabilities that one reducer asks for.
pub const REQUIRED_CAPABILITIES_MAX: usize = 16;
/// Reducers and views of one module.
pub const FUNCTIONS_MAX: usize = 1024;
/// Policies of one table, of each kind.
pub const POLICIES_MAX: usize = 16;
/// Policies of all tables of a module: each is bound anew on every core whenever the module changes.
pub const MODULE_POLICIES_MAX: usize = 256;
/// Bytes of one policy.
pub const POLICY_BYTES_MAX: usize = 4096;
/// Bytes of a module's schema as JSON.
pub const SCHEMA_BYTES_MAX: usize = 1 << 20;

/// Everything that one version of a module declares. Lists are sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ModuleSchema {
    pub tables: Vec<TableSchema>,
    pub reducers: Vec<ReducerSchema>,
    pub views: Vec<ViewSchema>,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSchema {
    pub name: String,
    /// Whether every caller may read it.
    #[serde(default)]
    pub public: bool,
    /// Append-only: rows are never changed and never deleted.
    #[serde(default)]
    pub event: bool,
    /// The column whose hash places a row on a shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_by: Option<String>,
    pub columns: Vec<ColumnSchema>,
    /// The primary key first, where there is one.
    #[serde(default)]
    pub indexes: Vec<IndexSchema>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
    /// Whether the module's own reducers, too, read no rows but those that the read policies admit.
    #[serde(default, skip_serializing_if = "is_false")]
    pub force_policies: bool,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnSchema {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: Type,
    /// A 0 is replaced by the sequence's next number.
    #[serde(default, skip_serializing_if = "is_false")]
    pub auto_inc: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_key: Option<ForeignKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pii: Option<Pii>,
}

/// A column's value has to exist in another table's unique column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignKey {
    pub table: String,
    pub column: String,
}

/// A column that holds personal data: an option, in no index, of a table with a primary key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pii {
    /// The column whose value says whose key encrypts it; each row has a key of its own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_context: Option<String>,
}

/// An ordered index over one or several columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexSchema {
    pub name: String,
    pub columns: Vec<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub unique: bool,
    /// Implies `unique`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub primary: bool,
}

/// A row-level security policy: an SQL predicate over the row, with `$identity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Policy {
    Read(String),
    Write(String),
}

/// One reducer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReducerSchema {
    pub name: String,
    #[serde(default)]
    pub kind: ReducerKind,
    #[serde(default)]
    pub params: Vec<Field>,
    /// What it returns, when it returns a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Type>,
    /// The arguments whose hashes name the shards it runs on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shard_by: Vec<String>,
    /// What its callers have to be allowed to do, all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Capability>,
}

/// Who calls a reducer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReducerKind {
    /// Clients, and schedules.
    #[default]
    Call,
    /// The server, once, when the module is first deployed.
    Init,
    /// The server, for every connection that opens.
    ClientConnected,
    /// The server, for every connection that ends.
    ClientDisconnected,
}

/// A function that yields rows, queried like a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewSchema {
    pub name: String,
    pub columns: Vec<Field>,
    /// Whether it is told who asks.
    #[serde(default, skip_serializing_if = "is_false")]
    pub caller: bool,
    /// Whether it reads all rows, whatever the caller may read.
    #[serde(default, skip_serializing_if = "is_false")]
    pub definer: bool,
}

impl ModuleSchema {
    pub fn table(&self, name: &str) -> Option<&TableSchema> {
        self.tables.iter().find(|table| table.name == name)
    }

    pub fn reducer(&self, name: &str) -> Option<&ReducerSchema> {
        self.reducers.iter().find(|reducer| reducer.name == name)
    }

    pub fn view(&self, name: &str) -> Option<&ViewSchema> {
        self.views.iter().find(|view| view.name == name)
    }

    /// The reducer that the server calls on an occasion, where the module has one.
    pub fn lifecycle(&self, kind: ReducerKind) -> Option<&ReducerSchema> {
        self.reducers.iter().find(|reducer| reducer.kind == kind)
    }

    /// As the module could have described it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a schema holds nothing that JSON cannot")
    }
}

impl TableSchema {
    pub fn column(&self, name: &str) -> Option<ColumnIndex> {
        let index = self.columns.iter().position(|column| column.name == name)?;
        Some(ColumnIndex::new(u16::try_from(index).expect("COLUMNS_MAX fits in 16 bits")))
    }

    /// The primary key's column, where the table has a primary key.
    pub fn primary_key(&self) -> Option<ColumnIndex> {
        let first = self.indexes.first().filter(|index| index.primary)?;
        self.column(first.columns.first()?)
    }

    /// The conditions of which any admits a row to be read; none where all rows are.
    pub fn read_policies(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().filter_map(|policy| match policy {
            Policy::Read(text) => Some(text.as_str()),
            Policy::Write(_) => None,
        })
    }

    /// The conditions of which any admits a row to be written; none where all rows are.
    pub fn write_policies(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().filter_map(|policy| match policy {
            Policy::Write(text) => Some(text.as_str()),
            Policy::Read(_) => None,
        })
    }

    pub fn index(&self, name: &str) -> Option<IndexId> {
        let index = self.indexes.iter().position(|index| index.name == name)?;
        Some(IndexId::new(u16::try_from(index).expect("INDEXES_MAX fits in 16 bits")))
    }

    /// The column whose hash places a row on a shard, where the rows are spread.
    pub fn shard_column(&self) -> Option<ColumnIndex> {
        self.column(self.shard_by.as_deref()?)
    }

    /// The unique indexes in which rows of different shards could have the same values: those of a table that is spread
    /// over shards which lack the column that places its rows.
    pub fn sharded_indexes(&self) -> impl Iterator<Item = &IndexSchema> {
        let is_sharded = |index: &&IndexSchema| {
            let lacks = |column| !index.columns.contains(column);
            index.unique && self.shard_by.as_ref().is_some_and(lacks)
        };
        self.indexes.iter().filter(is_sharded)
    }

    /// Whether a row and the row of `target` that it refers to by a column are always on one shard.
    pub fn is_beside(&self, column: &ColumnSchema, target: &TableSchema) -> bool {
        let key = column.foreign_key.as_ref();
        match (&self.shard_by, &target.shard_by) {
            (None, None) => true,
            (Some(own), Some(other)) => {
                *own == column.name && key.is_some_and(|key| key.column == *other)
            }
            _ => false,
        }
    }

    pub fn layout(&self) -> RowLayout {
        RowLayout::new(self.columns.iter().map(|column| column.ty.clone()))
    }
}

impl ReducerSchema {
    /// The layout of the row that carries its arguments.
    pub fn params_layout(&self) -> RowLayout {
        RowLayout::new(self.params.iter().map(|param| param.ty.clone()))
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}
