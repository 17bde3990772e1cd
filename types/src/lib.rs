//! The nouns that guest, log, wire and host share: ids, times, column types, the one row encoding, the schema.
//!
//! This crate is also compiled for WebAssembly, so it holds no I/O, reads no clock and pulls in little. What only a
//! host needs (the schema's data model, JSON) stands behind the feature `host`.
//!
//! Reading order: [`id`], [`time`], [`identity`] are the small nouns. [`column`](mod@column) is the trait by which a Rust type
//! becomes a column, [`row`] puts columns together into a row, [`read`] takes encoded bytes apart. With `host`:
//! [`ty`] is a column type as a value, [`layout`] finds and checks columns in encoded rows, [`schema`] describes a
//! module, [`capability`] is what it may ask of its callers, [`json`] turns encoded values into JSON and back.
//!
//! The encoding is specified byte by byte in `docs/file-format.md`.

pub mod column;
pub mod id;
pub mod identity;
pub mod read;
pub mod row;
pub mod time;

#[cfg(feature = "host")]
pub mod capability;
#[cfg(feature = "host")]
pub mod json;
#[cfg(feature = "host")]
pub mod layout;
#[cfg(feature = "host")]
pub mod schema;
#[cfg(feature = "host")]
pub mod ty;

#[cfg(feature = "host")]
pub use capability::{Capability, InvalidCapability};
pub use column::{Column, slot_width};
pub use id::{ColumnIndex, IndexId, Lsn, Partition, ShardCount, ShardId, TableId, TxId};
pub use identity::{ConnectionId, Identity};
#[cfg(feature = "host")]
pub use layout::{RowLayout, Slot};
pub use read::{DecodeError, Reader};
pub use row::{Row, RowReader, RowWriter};
pub use time::{Duration, Timestamp};
#[cfg(feature = "host")]
pub use ty::Type;
pub use uuid::Uuid;
