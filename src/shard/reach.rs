//! Tells which shards have the rows that a query reads.

use cosmictron_sql::{FixedKey, Params, Plan};
use cosmictron_storage::TableDef;
use cosmictron_types::{ColumnIndex, Partition, ShardCount, ShardId};

use crate::directory::Module;

/// Where the rows are that a plan reads, whatever its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsAt {
    /// It reads none.
    Nowhere,
    Home(ShardId),
    /// On the shards of the values of this column.
    Spread(ColumnIndex),
}

/// Which shards have the rows that a query reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It reads none.
    Nowhere,
    One(ShardId),
    All,
}

impl RowsAt {
    /// Where the rows of a module's table are.
    pub fn of(module: &Module, table: &TableDef) -> Self {
        match table.schema.shard_column() {
            None => RowsAt::Home(module.home),
            Some(column) => RowsAt::Spread(column),
        }
    }

    /// Which shards have the rows that a plan reads with these parameters.
    pub fn reach(self, plan: &Plan, params: &Params, shards: ShardCount) -> Reach {
        match self {
            RowsAt::Nowhere => Reach::Nowhere,
            RowsAt::Home(home) => Reach::One(home),
            RowsAt::Spread(_) if shards == ShardCount::ONE => Reach::One(ShardId::FIRST),
            RowsAt::Spread(column) => match plan.fixed_key(column, params) {
                FixedKey::One(key) => {
                    Reach::One(shards.owner_of(Partition::of_key(key.as_bytes())))
                }
                FixedKey::Never => Reach::One(ShardId::FIRST),
                FixedKey::Any => Reach::All,
            },
        }
    }
}
