//! Creates, alters and drops tables, with the rows that are there.

use std::sync::Arc;

use cosmictron_types::schema::TableSchema;
use cosmictron_types::{TableId, Type};

/// Tables to create, to alter and to drop, in one step.
#[derive(Clone, Debug, Default)]
pub struct SchemaChange {
    pub create: Vec<(TableId, Arc<TableSchema>)>,
    /// The tables' new schemas, under the ids that they have.
    pub alter: Vec<(TableId, Arc<TableSchema>)>,
    pub drop: Vec<TableId>,
}

/// One reason why a schema change is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("table {table}: {difference}")]
pub struct SchemaDifference {
    pub table: String,
    pub difference: Difference,
}

/// What rows cannot follow, or what a name does not lead to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    #[error("it exists already")]
    Exists,
    #[error("it does not exist")]
    Unknown,
    #[error("column {column} is gone")]
    ColumnGone { column: String },
    #[error("column {column} was {from} and would be {to}")]
    ColumnType { column: String, from: Type, to: Type },
    #[error("new column {column} is not an option, and there are rows without it")]
    ColumnNotOptional { column: String },
    #[error("column {column} stands where {expected} was; new columns come last")]
    ColumnMoved { column: String, expected: String },
    #[error("its primary key would change")]
    PrimaryKey,
    #[error("it would change between append-only and not")]
    Event,
    #[error("shard_by would change")]
    ShardBy,
    #[error("rows have the same {index}")]
    NotUnique { index: String },
    #[error(
        "column {column} refers to column {target_column} of table {target}, which is no unique column"
    )]
    ForeignKeyTarget { column: String, target: String, target_column: String },
    #[error("a row's column {column} refers to no row of table {target}")]
    ForeignKeyWithoutTarget { column: String, target: String },
    #[error("column {column} of table {referrer} refers to it")]
    Referenced { referrer: String, column: String },
    #[error("rows would take more than the {bytes_max} bytes of memory that the store may take")]
    StoreFull { bytes_max: u64 },
}
