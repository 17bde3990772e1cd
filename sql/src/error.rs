//! Says why a text, its parameters or its execution were refused, by class and by place in the text.
//!
//! Everything here is a refusal: the store is unharmed, and the same [`Plan`](crate::Plan) may be executed again.
//!
//! Invariants:
//! 1. A message repeats names and literals of the text, or a parameter cut to a few characters; never a stored value.

use core::fmt;

use cosmictron_types::TxId;

use crate::time_travel::AsOf;

/// A place in the text: line and column, both counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

impl Position {
    /// Where every text begins.
    pub const START: Position = Position { line: 1, column: 1 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a query was refused. [`SqlError::class`] groups them for callers that answer by kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// The text is not SQL.
    #[error("{detail} ({at})")]
    Syntax { detail: String, at: Position },
    #[error("a query of {bytes} bytes exceeds the limit of {bytes_max}")]
    TextTooLong { bytes: usize, bytes_max: usize },
    /// More tokens, operators, levels or columns than a plan may have.
    #[error("more than {count_max} {what} ({at})")]
    TooComplex { what: &'static str, count_max: usize, at: Position },
    /// SQL that is understood and not offered.
    #[error("{what} is not supported ({at})")]
    Unsupported { what: String, at: Position },
    #[error("there is no {kind} {name} ({at})")]
    Unknown { kind: NameKind, name: String, at: Position },
    #[error("{kind} {name} is ambiguous: {} ({at})", candidates.join(", "))]
    Ambiguous { kind: NameKind, name: String, candidates: Vec<String>, at: Position },
    #[error("table {name} is not public ({at})")]
    NotPublic { name: String, at: Position },
    /// Types that do not go together, or a literal that is not of its type.
    #[error("{detail} ({at})")]
    Type { detail: String, at: Position },
    /// A construct in a place where PostgreSQL has none.
    #[error("{detail} ({at})")]
    Misplaced { detail: String, at: Position },
    #[error("parameter {number}: expected {expected}, found {found}")]
    Parameter { number: usize, expected: String, found: String },
    #[error("the query has {expected} parameters, {found} were given")]
    ParameterCount { expected: usize, found: usize },
    #[error("the parameters are not a JSON array: {detail}")]
    ParameterList { detail: String },
    #[error("the type of parameter {number} cannot be told; write ${number}::type")]
    ParameterType { number: usize },
    #[error(transparent)]
    Evaluation(#[from] EvalError),
    #[error("{what} exceeds the limit of {max}")]
    Exhausted { what: Resource, max: u64 },
    /// The past that `AS OF` names is not kept any more; `oldest` is the first transaction as of which the query's tables
    /// can be read.
    #[error("the history of {asked} is not kept; it begins with tx {oldest}")]
    HistoryExpired { asked: AsOf, oldest: TxId },
    #[error("{asked} has not happened yet")]
    NotYet { asked: AsOf },
    /// A table of the plan was dropped or changed since: plan the text again.
    #[error("table {table} changed since the query was planned")]
    StalePlan { table: String },
    /// What the policies of a table say cannot be told, so none of its rows are shown. Nobody's doing who asks: policies are
    /// checked when they are deployed.
    #[error("the policy of table {table} cannot be applied: {detail}")]
    Policy { table: String, detail: String },
}

/// What kind of thing a name was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    Table,
    Column,
    Function,
    Type,
}

impl fmt::Display for NameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameKind::Table => "table",
            NameKind::Column => "column",
            NameKind::Function => "function",
            NameKind::Type => "type",
        })
    }
}

/// What an execution may use only so much of: see [`ExecutionLimits`](crate::ExecutionLimits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Rows,
    ResultBytes,
    RowsScanned,
    Memory,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resource::Rows => "the number of rows of the answer",
            Resource::ResultBytes => "the size in bytes of the answer",
            Resource::RowsScanned => "the number of rows read",
            Resource::Memory => "the memory in bytes for joining, sorting and grouping",
        })
    }
}

/// Why an expression has no value. The query's doing, or its data's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    #[error("division by zero")]
    DivisionByZero,
    #[error("{type_name} out of range")]
    OutOfRange { type_name: &'static str },
    /// A text cast to a type whose form it has not.
    #[error("invalid text for {type_name}")]
    InvalidText { type_name: &'static str },
    #[error("{clause} must not be negative")]
    Negative { clause: &'static str },
    /// The value of a sub-query that is one row at most.
    #[error("a sub-query used as an expression has more than one row")]
    SubQueryRows,
    /// A function where it has no value, such as the logarithm of zero.
    #[error("{what} is not defined")]
    Undefined { what: &'static str },
    #[error("there is no such unit of time, or none of this type")]
    UnknownUnit,
    #[error("AS OF null names no moment")]
    NullMoment,
    #[error("a policy asks for whom a query is executed, and nobody was named")]
    NoIdentity,
    #[error("a LIKE pattern must not end with its escape character")]
    PatternEnd,
    #[error("a LIKE pattern goes back too often")]
    PatternCost,
    #[error("an escape is one character or none")]
    InvalidEscape,
    #[error("a text of more than {bytes_max} bytes")]
    TextTooLong { bytes_max: usize },
}

/// Groups errors by what a caller would do about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The text is not SQL, too long or too complex.
    Syntax,
    UnknownName,
    Ambiguous,
    /// The caller may not read it.
    Forbidden,
    Unsupported,
    Type,
    Parameter,
    /// The query ran into its data: division by zero, a value out of range.
    Execution,
    /// A limit of the execution.
    Limit,
    /// `AS OF` names a time that cannot be read.
    History,
    /// Plan again.
    Stale,
}

impl SqlError {
    pub fn class(&self) -> ErrorClass {
        match self {
            SqlError::Syntax { .. }
            | SqlError::TextTooLong { .. }
            | SqlError::TooComplex { .. }
            | SqlError::Misplaced { .. } => ErrorClass::Syntax,
            SqlError::Unsupported { .. } => ErrorClass::Unsupported,
            SqlError::Unknown { .. } => ErrorClass::UnknownName,
            SqlError::Ambiguous { .. } => ErrorClass::Ambiguous,
            SqlError::NotPublic { .. } | SqlError::Policy { .. } => ErrorClass::Forbidden,
            SqlError::Type { .. } => ErrorClass::Type,
            SqlError::Parameter { .. }
            | SqlError::ParameterCount { .. }
            | SqlError::ParameterList { .. }
            | SqlError::ParameterType { .. } => ErrorClass::Parameter,
            SqlError::Evaluation(_) => ErrorClass::Execution,
            SqlError::Exhausted { .. } => ErrorClass::Limit,
            SqlError::HistoryExpired { .. } | SqlError::NotYet { .. } => ErrorClass::History,
            SqlError::StalePlan { .. } => ErrorClass::Stale,
        }
    }

    /// Where in the text, when one place is to blame.
    pub fn position(&self) -> Option<Position> {
        match self {
            SqlError::Syntax { at, .. }
            | SqlError::TooComplex { at, .. }
            | SqlError::Unsupported { at, .. }
            | SqlError::Unknown { at, .. }
            | SqlError::Ambiguous { at, .. }
            | SqlError::NotPublic { at, .. }
            | SqlError::Type { at, .. }
            | SqlError::Misplaced { at, .. } => Some(*at),
            _ => None,
        }
    }

    pub(crate) fn unsupported(what: impl Into<String>, at: Position) -> Self {
        SqlError::Unsupported { what: what.into(), at }
    }

    pub(crate) fn mistyped(detail: impl Into<String>, at: Position) -> Self {
        SqlError::Type { detail: detail.into(), at }
    }

    pub(crate) fn misplaced(detail: impl Into<String>, at: Position) -> Self {
        SqlError::Misplaced { detail: detail.into(), at }
    }
}
