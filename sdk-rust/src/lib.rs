//! What the author of a Cosmictron module uses: tables, reducers and their context.
//!
//! A module is a Rust library compiled to WebAssembly. Its structs with `#[table]` are tables, its functions with
//! `#[reducer]` are what clients call; each call is one transaction. Its functions with `#[view]` yield rows, and are queried
//! like tables.
//!
//! ```
//! use cosmictron_sdk::prelude::*;
//!
//! #[table(name = "users", public)]
//! pub struct User {
//!     #[primary_key]
//!     #[auto_inc]
//!     pub id: u64,
//!     #[unique]
//!     pub username: String,
//!     #[index]
//!     pub joined_at: Timestamp,
//! }
//!
//! #[reducer]
//! pub fn create_user(ctx: &ReducerContext, username: String) -> Result<u64, InsertError> {
//!     let user = User::insert(User { id: 0, username, joined_at: ctx.timestamp })?;
//!     console::info!("{} is user {}", user.username, user.id);
//!     Ok(user.id)
//! }
//! ```
//!
//! # The functions of a table
//!
//! `#[table]` gives the struct `T` these functions. `V` is the type of a column, which is taken by reference: `&str`
//! for a `String`, `&[u8]` for a `Vec<u8>`.
//!
//! | function | what it does |
//! |---|---|
//! | `T::insert(row) -> Result<T, InsertError>` | inserts; returns the row as it is stored, with its generated numbers |
//! | `T::insert_many(rows) -> Result<Vec<T>, InsertError>` | the same for many, with few host calls; rows before a refused one stay |
//! | `T::iter() -> Rows<T>` | every row |
//! | `T::filter(\|row\| …)` | every row for which the closure holds |
//! | `T::count() -> u64` | how many rows there are |
//! | `T::filter_by_COLUMN(&v)` | for a unique column `Option<T>`, for an indexed one [`IndexRows<T>`](IndexRows) |
//! | `T::range_by_COLUMN(a..b) -> IndexRows<T>` | rows in the order of that index; `.rev()` for the opposite order |
//! | `T::update(row) -> Result<T, UpdateError>` | replaces the row with this primary key |
//! | `T::delete(&key) -> Result<bool, DeleteError>` | deletes the row with this primary key; whether there was one |
//! | `T::delete_by_COLUMN(&v) -> Result<u64, DeleteError>` | deletes the rows with this value; how many |
//!
//! An index over several columns, `#[index(btree(columns = [room, sent_at]))]`, is asked by its leading columns, as
//! many as are wanted: `filter_by_room(&room)`, `filter_by_room_and_sent_at(&room, &at)`, and likewise `delete_by_…`
//! and `range_by_…`, whose last value is a range: `range_by_room_and_sent_at(&room, from..to)`.
//!
//! # Using all cores
//!
//! A module lives on one core, until one of its tables says by which column its rows are spread, and its reducers by which
//! arguments they find them: `#[table(name = "accounts", shard_by = id)]` and `#[reducer(shard_by = from)]`. What a
//! reducer may do stays the same. See [`table`](macro@table#spreading-rows-over-cores) and
//! [`reducer`](macro@reducer#starting-where-the-rows-are).
//!
//! # Running a module natively
//!
//! On any target but WebAssembly the same functions work on tables in memory, one set per thread, so that
//! `cargo test` runs a module's own tests: see [`testing`].
//!
//! # Reading order
//!
//! `table` and `rows` are how tables are written and read, `key` what they are looked up by, `error` what may be
//! refused; `context`, `rng` and `schedule` are what a reducer is given; `reducer`, `view`, `describe` and `panic_hook` are
//! what the exported functions call; `relation` and `shard_key` are what the compiler checks; `host` speaks with the server, `native`
//! stands in for it.

#![deny(missing_docs)]

// The attributes write `::cosmictron_sdk::…`, in this crate's own tests too.
#[cfg(test)]
extern crate self as cosmictron_sdk;

mod buffer;
pub mod console;
mod context;
mod describe;
mod error;
#[cfg(target_arch = "wasm32")]
mod host;
mod key;
#[cfg(not(target_arch = "wasm32"))]
mod native;
mod panic_hook;
mod reducer;
mod relation;
mod rng;
mod rows;
mod schedule;
mod shard_key;
mod table;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod view;

#[cfg(not(target_arch = "wasm32"))]
use native as host;

pub use context::ReducerContext;
pub use cosmictron_sdk_macros::{Column, index, reducer, requires_capability, rls, table, view};
pub use cosmictron_types::{Column, ConnectionId, Duration, Identity, Timestamp, TxId, Uuid};
pub use error::{DeleteError, InsertError, Refusal, ScheduleError, UpdateError};
pub use key::{AsKey, AutoIncColumn, KeyColumn, KeyRange, PrimaryKeyColumn};
pub use reducer::ReducerReturn;
pub use rng::Rng;
pub use rows::{IndexRows, Rows};
pub use schedule::{Call, When};
pub use shard_key::{ShardKeyColumn, SpreadAutoIncColumn};
pub use table::Table;
pub use view::{ViewContext, ViewRow};

/// Everything that a module usually needs: `use cosmictron_sdk::prelude::*`.
pub mod prelude {
    pub use crate::console;
    pub use crate::{
        Column, ConnectionId, DeleteError, Duration, Identity, InsertError, ReducerContext,
        ScheduleError, Table, Timestamp, TxId, UpdateError, Uuid, ViewContext,
    };
    pub use crate::{index, reducer, requires_capability, rls, table, view};
}

/// What the attributes' code calls. No part of the API: it changes without notice.
#[doc(hidden)]
#[allow(missing_docs, reason = "nobody calls these but code that the attributes write")]
pub mod __private {
    pub use crate::describe::{TypeDepth, describe};
    pub use crate::key::KeyWriter;
    pub use crate::reducer::{Arguments, call, describe_result, kind, report};
    pub use crate::relation::{
        Changeable, ColumnName, HasPrimaryKey, NamedTable, TableName, UniqueColumn, auto_inc,
        personal, primary_key, target,
    };
    pub use crate::rows::{between, equal};
    pub use crate::shard_key::{shard_key, spread_auto_inc};
    pub use crate::table::{
        IndexDescription, TableDescription, count, delete, find, insert, insert_many, iter, update,
    };
    pub use crate::view::{describe_view, view_context, yield_rows};
    pub use cosmictron_types::read::Reader;
    pub use cosmictron_types::{DecodeError, Row, RowReader, RowWriter, slot_width};

    /// The number that the server wrote into a column of a fixed width at a place of a row.
    pub fn number_at<T: crate::Column>(row: &[u8], at: usize) -> T {
        let width = slot_width::<T>();
        T::decode_tail(&row[at..at + width]).unwrap_or_else(|error| panic!("{error}"))
    }
}
