//! Says which rule of the ABI a guest broke, and where.

use crate::data::DataError;

/// A guest that broke the ABI. Its call fails and its instance is thrown away.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("misused {place}: {rule}")]
pub struct Misuse {
    /// The import or export at which it showed.
    pub place: &'static str,
    pub rule: BrokenRule,
}

/// The rule that a guest broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenRule {
    #[error("{length} bytes at {pointer:#x} are not within the memory of {memory_bytes} bytes")]
    OutOfMemory { pointer: u32, length: u32, memory_bytes: usize },
    #[error("it can be called only while a reducer or a view runs")]
    OutsideOfCall,
    #[error("it can be called only while a view runs")]
    OutsideOfView,
    #[error("a view reads, and changes nothing")]
    ReadOnly,
    #[error("it can be called only by a cosm_describe_ function")]
    OutsideOfDescription,
    #[error("the text is not UTF-8")]
    InvalidUtf8,
    #[error("{length} bytes are more than the limit of {length_max}")]
    TooLong { length: u32, length_max: usize },
    #[error("there are {count_max} already")]
    TooMany { count_max: usize },
    #[error("{table} is no table of this module")]
    UnknownTable { table: u32 },
    #[error("table {table} has no index {index}")]
    UnknownIndex { table: String, index: u32 },
    #[error("index {index} of table {table} is not unique")]
    NotUnique { table: String, index: u32 },
    #[error("a key of {columns} columns, where {expected}")]
    KeyColumns { columns: usize, expected: &'static str },
    #[error("a key is at least one byte long")]
    EmptyKey,
    #[error("a scan of a whole table has no bounds and no direction")]
    BoundWithoutIndex,
    #[error("{flags:#x} are no flags of a scan")]
    UnknownFlags { flags: u32 },
    #[error("a row of {length} bytes does not end within its block")]
    TornBlock { length: usize },
    #[error("{scan} is no open scan of this call")]
    UnknownScan { scan: u32 },
    #[error("{level} is no log level")]
    UnknownLevel { level: u32 },
    #[error("the row is malformed: {0}")]
    MalformedRow(String),
    #[error("the reducer has no result")]
    NoResult,
    #[error("the result was given already")]
    SecondResult,
    #[error("the reducer returned without a result")]
    ResultMissing,
    #[error("1 was returned without cosm.fail")]
    FailureMissing,
    #[error("0 was returned after cosm.fail")]
    FailureForgotten,
    #[error("{status} was returned, where 0 or 1 may be")]
    UnknownStatus { status: u32 },
    /// What the shard found: [`DataError::Misuse`].
    #[error("{0}")]
    Data(String),
}

/// Why a host function does not return to its guest.
#[derive(Debug)]
pub(crate) enum Halt {
    Broken(BrokenRule),
    Aborted,
}

/// As [`Halt`], on its way through wasmtime to whoever made the call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error(transparent)]
    Misuse(#[from] Misuse),
    #[error("the call has to be run again")]
    Aborted,
}

impl Halt {
    /// After a read there is no code to answer, so a rejected one (the shard's limit on reading, say) stops the guest.
    #[cold]
    pub(crate) fn of_read(error: DataError) -> Halt {
        match error {
            DataError::Rejected { message: text, .. } | DataError::Misuse(text) => {
                Halt::Broken(BrokenRule::Data(text))
            }
            DataError::Aborted => Halt::Aborted,
        }
    }

    #[cold]
    pub(crate) fn at(self, place: &'static str) -> Stop {
        match self {
            Halt::Broken(rule) => Stop::Misuse(Misuse { place, rule }),
            Halt::Aborted => Stop::Aborted,
        }
    }
}

impl From<BrokenRule> for Halt {
    fn from(rule: BrokenRule) -> Self {
        Halt::Broken(rule)
    }
}
