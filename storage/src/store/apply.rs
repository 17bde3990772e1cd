//! Replays logged changes.

use cosmictron_types::TableId;
use cosmictron_types::layout::InvalidRow;

use crate::change::InvalidChange;

/// Why logged changes do not fit the store. Bytes of a log whose checksum held never lead here, unless the store is not
/// the one that they were logged for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    #[error(transparent)]
    Invalid(#[from] InvalidChange),
    #[error("there is no table {0}")]
    UnknownTable(TableId),
    #[error("row of table {table}: {error}")]
    InvalidRow {
        table: TableId,
        #[source]
        error: InvalidRow,
    },
}
