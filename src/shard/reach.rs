//! Tells which shards have the rows that a query reads.

use cosmictron_sql::{FixedKey, Params, Plan};
use cosmictron_storage::TableDef;
use cosmictron_types::{ColumnIndex, Partition, ShardCount, ShardId, TableId};

use crate::directory::Module;

/// Where the rows are that a plan reads, whatever its parameters: those of each of its tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowsAt {
    tables: Vec<(TableId, TableRows)>,
}

/// Where the rows of one table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TableRows {
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
    /// A module's table is read, too.
    pub fn add(&mut self, module: &Module, table: &TableDef) {
        if self.tables.iter().any(|(known, _)| *known == table.id) {
            return;
        }
        let rows = match table.schema.shard_column() {
            None => TableRows::Home(module.home),
            Some(column) => TableRows::Spread(column),
        };
        self.tables.push((table.id, rows));
    }

    /// Which shards have the rows that a plan reads with these parameters.
    pub fn reach(&self, plan: &Plan, params: &Params, shards: ShardCount) -> Reach {
        let reaches = self.tables.iter().map(|(table, rows)| match rows {
            TableRows::Home(home) => Reach::One(*home),
            TableRows::Spread(_) if shards == ShardCount::ONE => Reach::One(ShardId::FIRST),
            TableRows::Spread(column) => match plan.fixed_key(*table, *column, params) {
                FixedKey::One(key) => {
                    Reach::One(shards.owner_of(Partition::of_key(key.as_bytes())))
                }
                FixedKey::Never => Reach::Nowhere,
                FixedKey::Any => Reach::All,
            },
        });
        match reaches.fold(Reach::Nowhere, Reach::and) {
            // It names tables, so it is for a shard to say that they are still there.
            Reach::Nowhere if !self.tables.is_empty() => Reach::One(ShardId::FIRST),
            reach => reach,
        }
    }
}

impl Reach {
    /// The shards.
    pub fn shards(self, all: ShardCount) -> impl Iterator<Item = ShardId> {
        all.shards().filter(move |shard| self.has(*shard))
    }

    /// Whether a shard is among them.
    pub fn has(self, shard: ShardId) -> bool {
        match self {
            Reach::Nowhere => false,
            Reach::One(one) => one == shard,
            Reach::All => true,
        }
    }

    /// What both need.
    fn and(self, other: Reach) -> Reach {
        match (self, other) {
            (Reach::Nowhere, other) | (other, Reach::Nowhere) => other,
            (Reach::One(one), Reach::One(other)) if one == other => Reach::One(one),
            _ => Reach::All,
        }
    }
}
