//! Inserts, updates and deletes.

use std::sync::Arc;

use cosmictron_types::layout::InvalidRow;

/// Why a write is refused. The caller's doing, but for the limits; nothing has changed.
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
