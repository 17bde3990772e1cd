//! Leads from a row, or from a key of one of a table's indexes, to the shard that it is on.

use std::sync::Arc;

use cosmictron_types::{ColumnIndex, IndexId, ShardCount, ShardId, Slot};

use super::sharded_index::{Entry, ShardedIndex, table_name};
use crate::definition::{IndexDef, TableDef, index_at};
use crate::key::Key;
use crate::store::owner_of_key;
use crate::store::write::WriteError;

/// Where a table's rows are, and how they are found.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) def: Arc<TableDef>,
    pub(super) rows: Rows,
    /// How each of the table's indexes leads to a shard.
    indexes: Vec<Lead>,
    pub(super) sharded: Vec<ShardedIndex>,
    /// The sequence of the column that places rows.
    pub(super) placing_sequence: Option<usize>,
}

#[derive(Debug)]
pub(super) enum Rows {
    Home(ShardId),
    /// By the hash of a column; this is its order, as an index of it alone would have it.
    Spread(IndexDef),
}

/// What of an index's keys says which shard the rows are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lead {
    /// The column at this place in the key: it places the rows.
    Column(usize),
    /// The whole key, by way of the sharded index at this place.
    Entry(usize),
    Nothing,
}

/// Where the rows with a key are.
#[derive(Debug)]
pub(super) enum Trail<'p> {
    Shard(ShardId),
    /// Where the entry of this key in a sharded index says; that is on this shard.
    Entry(&'p ShardedIndex, Key, ShardId),
    Anywhere,
}

impl Site {
    pub(super) fn new(def: &Arc<TableDef>, tables: &[Arc<TableDef>], home: ShardId) -> Site {
        let column = def.schema.shard_column();
        let rows = match column {
            None => Rows::Home(home),
            Some(column) => Rows::Spread(IndexDef::of_column(column, &def.layout)),
        };
        let (mut indexes, mut sharded) = (Vec::new(), Vec::<ShardedIndex>::new());
        for (at, index) in def.indexes.iter().enumerate() {
            indexes.push(match index.columns.iter().position(|own| Some(*own) == column) {
                Some(place) => Lead::Column(place),
                None if column.is_none() || !index.unique => Lead::Nothing,
                None => {
                    let found =
                        sharded.iter().position(|s| def.index(s.index).columns == index.columns);
                    Lead::Entry(found.unwrap_or_else(|| {
                        sharded.push(sharded_index(def, index_at(at), tables));
                        sharded.len() - 1
                    }))
                }
            });
        }
        let placing_sequence = column.and_then(|column| sequence_of(def, column));
        Site { def: def.clone(), rows, indexes, sharded, placing_sequence }
    }

    /// The shard that a row belongs to. The row is checked no further than that takes.
    #[inline]
    pub(super) fn shard_of(&self, row: &[u8], shards: ShardCount) -> Result<ShardId, WriteError> {
        match &self.rows {
            Rows::Home(shard) => Ok(*shard),
            Rows::Spread(_) if shards == ShardCount::ONE => Ok(ShardId::FIRST),
            Rows::Spread(column) => {
                let def = &self.def;
                let is_short = row.len() < def.layout.fixed_bytes();
                if is_short || matches!(def.layout.slot(column.columns[0]), Slot::Variable { .. }) {
                    let check = def.layout.check(row);
                    let table = || def.name.clone();
                    check.map_err(|error| WriteError::InvalidRow { table: table(), error })?;
                }
                Ok(shards.owner_of(column.partition_of(&def.layout, row)))
            }
        }
    }

    /// Whether the column that places a row is to be filled with the next number of its sequence.
    pub(super) fn is_placed_by_sequence(&self, row: &[u8]) -> bool {
        self.placing_sequence.is_some_and(|at| {
            let sequence = &self.def.sequences[at];
            let number = row.get(sequence.at..sequence.at + sequence.width);
            number.is_some_and(|number| number.iter().all(|&byte| byte == 0))
        })
    }

    /// The column that places rows, where they are spread.
    pub(super) fn placing_column(&self) -> Option<ColumnIndex> {
        match &self.rows {
            Rows::Home(_) => None,
            Rows::Spread(column) => Some(column.columns[0]),
        }
    }

    /// The name of the column that places rows, when it has another value in two checked rows.
    pub(super) fn changed_column(&self, old: &[u8], new: &[u8]) -> Option<String> {
        match &self.rows {
            Rows::Spread(column) if !column.is_same_key(&self.def.layout, old, new) => {
                Some(self.def.column_name(column.columns[0]))
            }
            _ => None,
        }
    }

    /// What a checked row has in the sharded indexes; of those at these places alone, if any are given.
    pub(super) fn entries<'p>(
        &'p self,
        row: &[u8],
        among: Option<&[usize]>,
        shards: ShardCount,
    ) -> Vec<Entry<'p>> {
        let Rows::Spread(column) = &self.rows else { return Vec::new() };
        let partition = column.partition_of(&self.def.layout, row);
        let is_wanted = |sharded: &&ShardedIndex| {
            among.is_none_or(|among| among.contains(&usize::from(sharded.index.get())))
        };
        let wanted = self.sharded.iter().filter(is_wanted);
        wanted.filter_map(|index| index.entry(&self.def, row, partition, shards)).collect()
    }

    /// The shard of the rows that begin with a key, where the key alone says it.
    #[inline]
    pub(super) fn shard_of_key(
        &self,
        index: IndexId,
        key: &Key,
        shards: ShardCount,
    ) -> Option<ShardId> {
        if let Rows::Home(shard) = self.rows {
            return Some(shard);
        }
        if shards == ShardCount::ONE {
            return Some(ShardId::FIRST);
        }
        let Lead::Column(place) = self.indexes[usize::from(index.get())] else { return None };
        let column = self.def.index(index).columns_of(key).nth(place)?;
        Some(owner_of_key(shards, column))
    }

    /// Where the rows are that begin with a key.
    pub(super) fn trail(&self, index: IndexId, key: &Key, shards: ShardCount) -> Trail<'_> {
        if let Some(shard) = self.shard_of_key(index, key, shards) {
            return Trail::Shard(shard);
        }
        let def = self.def.index(index);
        match self.indexes[usize::from(index.get())] {
            Lead::Entry(at) => match self.sharded[at].key_of(def, key) {
                Some(key) => {
                    let shard = self.sharded[at].shard_of(&key, shards);
                    Trail::Entry(&self.sharded[at], key, shard)
                }
                None => Trail::Anywhere,
            },
            Lead::Column(_) | Lead::Nothing => Trail::Anywhere,
        }
    }

    /// The bytes of the column that places rows in a key of an index, where it gives that column, and all before it.
    pub(super) fn placing_prefix<'k>(
        &self,
        index: IndexId,
        key: &'k Key,
    ) -> Option<(&'k [u8], ShardKey<'k>)> {
        let Lead::Column(place) = self.indexes[usize::from(index.get())] else { return None };
        let mut length = 0;
        for (at, column) in self.def.index(index).columns_of(key).enumerate() {
            length += column.len();
            if at == place {
                return Some((&key.as_bytes()[..length], ShardKey(column)));
            }
        }
        None
    }
}

/// The key bytes of the column that places a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShardKey<'k>(pub(super) &'k [u8]);

fn sharded_index(def: &TableDef, index: IndexId, tables: &[Arc<TableDef>]) -> ShardedIndex {
    let schema = &def.schema.indexes[usize::from(index.get())];
    let name = table_name(&def.schema, schema);
    let table = tables.iter().find(|table| *table.name == *name);
    let table = table.unwrap_or_else(|| panic!("there is no table {name}"));
    let sequence = match def.index(index).columns[..] {
        [column] => sequence_of(def, column),
        _ => None,
    };
    ShardedIndex { index, def: table.clone(), sequence }
}

fn sequence_of(def: &TableDef, column: ColumnIndex) -> Option<usize> {
    def.sequences.iter().position(|sequence| sequence.column == column)
}
