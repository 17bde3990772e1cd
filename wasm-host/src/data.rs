//! What the host asks of a shard while a guest runs: the tables of the guest's module, and its schedules.
//!
//! A `Data` is *moved* into an instance for one call and comes back with the outcome, so the shard's store needs
//! neither a lock nor a lifetime here. Tables, indexes and reducers are named by their places in the module's
//! schema; the host has checked that the places exist. Rows and keys are bytes from a guest: whoever implements
//! `Data` checks them against the table and answers [`DataError::Misuse`] when they are malformed.
//!
//! Invariants:
//! 1. Every scan that [`Data::scan`] opened is closed exactly once, also when the call fails.
//! 2. After an error that is not [`DataError::Rejected`] the guest does not run on.

use std::ops::Bound;

use cosmictron_types::Timestamp;

/// One transaction on one module's tables, as the guest sees it: its own writes included. A view is kept from writing before
/// it gets here.
pub trait Data: 'static {
    /// Adds a row; where an `auto_inc` column is 0, its number is written into `row`.
    fn insert(&mut self, table: u32, row: &mut [u8]) -> Result<(), DataError>;

    /// Replaces the row that has the same primary key.
    fn update(&mut self, table: u32, row: &[u8]) -> Result<(), DataError>;

    /// Removes all rows whose index columns begin with `key`; says how many.
    fn delete(&mut self, table: u32, index: u32, key: GuestKey<'_>) -> Result<u64, DataError>;

    /// The row with this key. The index is unique and the key names all its columns.
    fn find(
        &mut self,
        table: u32,
        index: u32,
        key: GuestKey<'_>,
    ) -> Result<Option<&[u8]>, DataError>;

    /// Begins to read rows in order. They are seen as they are when the scan reaches them.
    fn scan(&mut self, table: u32, range: GuestRange<'_>) -> Result<ScanHandle, DataError>;

    /// Gives rows to `sink` until it answers false, which leaves that row for the next time, or until the scan has no
    /// more. Says whether there may be more.
    fn next(
        &mut self,
        scan: ScanHandle,
        sink: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool, DataError>;

    /// Ends a scan.
    fn close(&mut self, scan: ScanHandle);

    /// Rows in a table.
    fn count(&mut self, table: u32) -> Result<u64, DataError>;

    /// Takes a row that the view yields which runs: its columns are the view's.
    fn take_row(&mut self, row: &mut [u8]) -> Result<(), DataError>;

    /// Has a reducer of this module called as the module, at or after `at`, once this transaction has committed. The
    /// arguments are checked already.
    fn schedule(&mut self, at: Timestamp, reducer: u32, args: &[u8]) -> Result<(), DataError>;
}

/// Why a shard did not do what the guest asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// The data forbid it. The guest learns the code and may go on.
    #[error("{message}")]
    Rejected { code: RejectCode, message: String },
    /// The guest broke the ABI: a malformed row or key. The call fails and the instance is thrown away.
    #[error("{0}")]
    Misuse(String),
    /// The call has to run again under other conditions. Why is for the shard to remember, in the `Data` itself.
    #[error("the call has to be run again")]
    Aborted,
}

/// What a guest is told when the data forbid what it asked for. The numbers are part of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectCode {
    /// Another row has this key.
    UniqueViolation = -1,
    /// A foreign key has no target.
    MissingTarget = -2,
    /// Another row points at this one.
    RowIsReferenced = -3,
    /// No row has this primary key.
    RowNotFound = -4,
    /// An `auto_inc` sequence has no number left.
    SequenceExhausted = -5,
    /// An event table's rows stay as they are.
    AppendOnly = -6,
    /// The transaction has written as much as it may.
    TransactionLimit = -7,
    /// The module has no such reducer that may be scheduled.
    UnknownReducer = -8,
    /// The column that places a row on a shard would change.
    ShardKeyChanged = -9,
}

impl RejectCode {
    /// As the guest sees it.
    pub const fn as_i32(self) -> i32 {
        self as i32
    }
}

/// The values of an index's first columns, as a guest gave them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestKey<'a> {
    /// How many columns; at most as many as the index has.
    pub columns: usize,
    /// Their values as a row of just these columns. Not checked.
    pub row: &'a [u8],
}

/// Which rows a scan yields, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestRange<'a> {
    /// `None`: all rows of the table, in no particular order; both bounds are open.
    pub index: Option<u32>,
    /// A bound may name fewer columns than the index has. Included, it takes in every key that begins with it;
    /// excluded, it leaves every such key out.
    pub lower: Bound<GuestKey<'a>>,
    pub upper: Bound<GuestKey<'a>>,
    pub descending: bool,
}

/// A scan that a [`Data`] has open, numbered as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanHandle(pub u32);
