//! Tables, indexes, constraints, transactions and the write-ahead log as pure code over bytes.
//!
//! Bytes and calls in, bytes and answers out: no I/O, no clock, no chance, no thread. What is decided here depends on
//! nothing but what was done before, so that a seed replays it.
//!
//! Reading order. [`key`] turns index columns into bytes that compare as the values do. [`definition`] is a schema
//! resolved. `heap` holds rows as bytes and `tree` is an index over them; [`table`] puts both together. [`store`] is all
//! tables of a shard and the transaction that is open on them: [`store::write`] changes rows, [`store::apply`] tells the
//! changes and replays them in the form of [`change`], [`store::schema_change`] alters tables with the rows that are
//! there. `history` keeps what rows were before, and [`snapshot`] reads a store as of a transaction, at once or a piece at
//! a time ([`snapshot::walk`]). [`stores`] writes and reads tables that are spread over several stores. [`log`] makes
//! records of changes durable and reads them back.
//!
//! What is not here: which caller may see which row, SQL, modules, files.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation, clippy::cast_sign_loss))]

pub mod change;
pub mod definition;
mod heap;
mod history;
pub mod key;
pub mod log;
#[doc(hidden)]
pub mod planted;
pub mod snapshot;
pub mod store;
pub mod stores;
pub mod table;
mod timeline;
mod tree;

#[cfg(test)]
mod fixture;

pub use change::{Change, ChangeReader, ChangeWriter, InvalidChange, LoggedChange};
pub use definition::{ForeignKeyDef, IndexDef, SequenceDef, TableDef};
pub use heap::RowId;
pub use key::{InvalidKey, Key, KeyBuilder};
pub use snapshot::walk::{Course, Steps, Walk, WalkLost};
pub use snapshot::{Ended, Forgotten, Found, Snapshot, TableSnapshot};
pub use store::apply::ApplyError;
pub use store::schema_change::{Difference, SchemaChange, SchemaDifference};
pub use store::write::WriteError;
pub use store::{Seat, Store, StoreLimits, TransactionLimits, WatchedChanges};
pub use stores::Stores;
pub use stores::elsewhere::{Elsewhere, StoresError};
pub use stores::placement::Placement;
pub use stores::scan::PlacedScan;
pub use stores::sharded_index::{is_sharded_index, sharded_index_schemas};
pub use table::{Cursor, HistoryFigures, Range, Scan, Table, TableBytes, is_between};
