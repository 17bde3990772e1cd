//! What `shard_by` asks of types. Nothing here runs on a server.

use cosmictron_types::{ConnectionId, Duration, Identity, Timestamp, Uuid};

use crate::key::{AutoIncColumn, PrimaryKeyColumn};

/// A type that can place rows on a shard: of a column with `#[table(shard_by = …)]`, or of an argument with
/// `#[reducer(shard_by = …)]`. Every row has such a value, and it has a hash.
#[diagnostic::on_unimplemented(
    message = "a value of type `{Self}` cannot place rows on a shard",
    label = "`{Self}` cannot be a shard key",
    note = "what `shard_by` names is a bool, a number, a String, Vec<u8>, a Timestamp, a Duration, an Identity, a ConnectionId or a Uuid, and never absent"
)]
pub trait ShardKeyColumn: PrimaryKeyColumn {}

/// A column type that the server can number in a table that is spread over shards. Each of up to 1024 shards gives out
/// numbers of its own, so there have to be many.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` cannot be numbered in a table that is spread over shards",
    label = "`#[auto_inc]` in a table with `shard_by` needs an integer of 32 bits or more",
    note = "each shard gives out numbers of its own: of few numbers some shards would have none"
)]
pub trait SpreadAutoIncColumn: AutoIncColumn {}

macro_rules! implement {
    ($($implemented:ident for $($column:ty),*;)*) => {$($( impl $implemented for $column {} )*)*};
}

implement! {
    ShardKeyColumn for bool, i8, i16, i32, i64, i128, u8, u16, u32, u64, u128, f32, f64;
    ShardKeyColumn for String, Vec<u8>, Timestamp, Duration, Identity, ConnectionId, Uuid;
    SpreadAutoIncColumn for i32, i64, i128, u32, u64, u128;
}

/// What `shard_by` names must place rows.
pub fn shard_key<T: ShardKeyColumn>() {}

/// An `auto_inc` column of a table with `shard_by` must have numbers for all shards.
pub fn spread_auto_inc<T: SpreadAutoIncColumn>() {}
