//! Tables, indexes, constraints and transactions as pure code over bytes: no I/O, no clock, no threads.
//!
//! Reading order: [`key`] makes index columns comparable as bytes, [`definition`] is a schema resolved; [`table`] is
//! rows and their indexes, [`store`] all tables of a shard and the transaction that is open on them, [`change`] what a
//! transaction changed, as readers and the log see it.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation, clippy::cast_sign_loss))]

pub mod change;
pub mod definition;
mod heap;
pub mod key;
pub mod log;
pub mod store;
pub mod table;
mod tree;

#[cfg(test)]
mod fixture;

pub use change::{Change, ChangeReader, InvalidChange, LoggedChange};
pub use definition::{ForeignKeyDef, IndexDef, SequenceDef, TableDef};
pub use heap::RowId;
pub use key::{InvalidKey, Key, KeyBuilder};
pub use store::apply::ApplyError;
pub use store::schema_change::{Difference, SchemaChange, SchemaDifference};
pub use store::write::WriteError;
pub use store::{Store, StoreLimits, TransactionLimits};
pub use table::{Cursor, Range, Scan, Table, TableBytes};
