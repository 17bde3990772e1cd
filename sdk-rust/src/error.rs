//! Says why the server refused to change a table or to schedule a call.
//!
//! One enum per operation, each with only what that operation can meet. A refusal changes nothing by itself: the
//! reducer may go on, and whatever it did before stays. To undo everything, return an `Err` from the reducer.

use core::fmt;

use crate::buffer::Buffer;
use crate::host;

/// The server's own words for a refusal: they name the table and the column, not the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(String);

impl Refusal {
    /// As the server put it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a row was not inserted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InsertError {
    /// Another row has this primary key, or this value in a unique column.
    #[error("{0}")]
    UniqueViolation(Refusal),
    /// A foreign key points at no row.
    #[error("{0}")]
    ForeignKeyViolation(Refusal),
    /// An `auto_inc` column has no number left.
    #[error("{0}")]
    AutoIncExhausted(Refusal),
    /// The call has written as many rows or bytes as one transaction may.
    #[error("{0}")]
    LimitExceeded(Refusal),
}

/// Why a row was not updated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// No row has this primary key.
    #[error("{0}")]
    NotFound(Refusal),
    /// Another row has this value in a unique column.
    #[error("{0}")]
    UniqueViolation(Refusal),
    /// A foreign key points at no row.
    #[error("{0}")]
    ForeignKeyViolation(Refusal),
    /// A row of another table points at the value that would be replaced.
    #[error("{0}")]
    Referenced(Refusal),
    /// The column that places the row on a shard (`shard_by`) would change: delete the row and insert another.
    #[error("{0}")]
    ShardKeyChanged(Refusal),
    /// The call has written as many rows or bytes as one transaction may.
    #[error("{0}")]
    LimitExceeded(Refusal),
}

/// Why no row was deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeleteError {
    /// A row of another table points at one that would be deleted.
    #[error("{0}")]
    Referenced(Refusal),
    /// The call has written as many rows or bytes as one transaction may.
    #[error("{0}")]
    LimitExceeded(Refusal),
}

/// Why a call was not scheduled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The module has no such reducer, or the server alone calls it.
    #[error("{0}")]
    UnknownReducer(Refusal),
    /// The call has scheduled or written as much as one transaction may.
    #[error("{0}")]
    LimitExceeded(Refusal),
}

/// The error codes of the guest ABI.
pub(crate) mod code {
    pub(crate) const UNIQUE_VIOLATION: i64 = -1;
    pub(crate) const FOREIGN_KEY_VIOLATION: i64 = -2;
    pub(crate) const REFERENCED: i64 = -3;
    pub(crate) const NOT_FOUND: i64 = -4;
    pub(crate) const AUTO_INC_EXHAUSTED: i64 = -5;
    pub(crate) const LIMIT_EXCEEDED: i64 = -7;
    pub(crate) const UNKNOWN_REDUCER: i64 = -8;
    pub(crate) const SHARD_KEY_CHANGED: i64 = -9;
}

macro_rules! from_code {
    ($error:ident: $($code:ident => $variant:ident),*) => {
        impl $error {
            #[cold]
            pub(crate) fn from_code(code: i64) -> Self {
                let refusal = last_refusal();
                match code {
                    $(code::$code => Self::$variant(refusal),)*
                    _ => unknown_code(code, &refusal),
                }
            }
        }
    };
}

from_code!(InsertError: UNIQUE_VIOLATION => UniqueViolation, FOREIGN_KEY_VIOLATION => ForeignKeyViolation,
    AUTO_INC_EXHAUSTED => AutoIncExhausted, LIMIT_EXCEEDED => LimitExceeded);
from_code!(UpdateError: NOT_FOUND => NotFound, UNIQUE_VIOLATION => UniqueViolation,
    FOREIGN_KEY_VIOLATION => ForeignKeyViolation, REFERENCED => Referenced,
    SHARD_KEY_CHANGED => ShardKeyChanged, LIMIT_EXCEEDED => LimitExceeded);
from_code!(DeleteError: REFERENCED => Referenced, LIMIT_EXCEEDED => LimitExceeded);
from_code!(ScheduleError: UNKNOWN_REDUCER => UnknownReducer, LIMIT_EXCEEDED => LimitExceeded);

/// A server that is newer than this SDK may refuse for reasons of its own. The reducer cannot know what holds then,
/// so the whole call is undone.
fn unknown_code(code: i64, refusal: &Refusal) -> ! {
    panic!("the server refused with code {code}: {refusal}")
}

/// What the server said about the last error code of this call.
fn last_refusal() -> Refusal {
    let mut text = Buffer::take();
    text.reserve(256);
    let length = usize::try_from(host::error(&mut text)).unwrap_or(0);
    if length > text.capacity() {
        text.reserve(length);
        host::error(&mut text);
    }
    Refusal(String::from_utf8_lossy(&text).into_owned())
}
