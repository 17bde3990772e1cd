//! Keeps the values of a unique index unique although its rows are spread by another column.
//!
//! A *sharded index* is a hidden table. It has the index's columns and one more, the row's partition; its own rows, the
//! *entries*, are spread by the first of the index's columns. So there is one shard that knows whether a value is taken,
//! and by a row of which partition. Its entries are written in the transaction that writes the rows, and are logged,
//! recovered and counted as rows are. A row in which one of the columns is absent has no entry.
//!
//! The partition is kept and not the shard, so that an entry is right whatever the number of shards.

use std::sync::Arc;

use cosmictron_types::schema::{ColumnSchema, IndexSchema, TableSchema};
use cosmictron_types::{ColumnIndex, IndexId, Partition, ShardCount, ShardId, Type};

use crate::definition::{IndexDef, TableDef};
use crate::heap::RowId;
use crate::key::Key;
use crate::key::form::Sink;
use crate::store::{Store, owner_of_key};

/// The column with the row's partition. No user's column has such a name.
const PARTITION: &str = "(partition)";
/// The index of a sharded index's table: unique, over all columns but the last.
const ENTRIES: IndexId = IndexId::new(0);

/// The schemas of the hidden tables that a table needs in every store that it is in. None where it is not spread.
pub fn sharded_index_schemas(schema: &TableSchema) -> Vec<TableSchema> {
    let mut tables: Vec<TableSchema> = Vec::new();
    for index in schema.sharded_indexes() {
        let name = table_name(schema, index);
        // Two indexes over the same columns are unique by the same entries.
        if tables.iter().all(|table| table.name != name) {
            tables.push(table_schema(name, schema, index));
        }
    }
    tables
}

/// Whether a table of this name is a hidden one.
pub fn is_sharded_index(table: &str) -> bool {
    table.contains('(')
}

/// A name that no user's table has.
pub(super) fn table_name(schema: &TableSchema, index: &IndexSchema) -> String {
    format!("{}({})", schema.name, index.columns.join(","))
}

fn table_schema(name: String, schema: &TableSchema, index: &IndexSchema) -> TableSchema {
    let plain = |name: &str, ty: &Type| ColumnSchema {
        name: name.to_owned(),
        ty: ty.clone(),
        auto_inc: false,
        foreign_key: None,
        pii: None,
    };
    let indexed = index.columns.iter().map(|name| {
        let column = schema.column(name).expect("a checked schema's index names its columns");
        plain(name, schema.columns[column.index()].ty.required())
    });
    TableSchema {
        name,
        public: false,
        event: false,
        shard_by: index.columns.first().cloned(),
        columns: indexed.chain([plain(PARTITION, &Type::U16)]).collect(),
        indexes: vec![IndexSchema {
            name: index.name.clone(),
            columns: index.columns.clone(),
            unique: true,
            // A primary key is one column.
            primary: index.columns.len() == 1,
        }],
        policies: Vec::new(),
        force_policies: false,
    }
}

/// One sharded index, resolved.
#[derive(Debug)]
pub(super) struct ShardedIndex {
    /// The first index of the table that it keeps unique.
    pub(super) index: IndexId,
    /// The hidden table.
    pub(super) def: Arc<TableDef>,
    /// The table's sequence that counts in the indexed column.
    pub(super) sequence: Option<usize>,
}

/// What a row has in a sharded index.
#[derive(Debug)]
pub(super) struct Entry<'p> {
    pub(super) of: &'p ShardedIndex,
    pub(super) shard: ShardId,
    pub(super) key: Key,
    pub(super) row: Vec<u8>,
}

impl ShardedIndex {
    /// The entry of a checked row of `def`, unless one of the columns is absent.
    pub(super) fn entry<'p>(
        &'p self,
        def: &TableDef,
        row: &[u8],
        partition: Partition,
        shards: ShardCount,
    ) -> Option<Entry<'p>> {
        let index = def.index(self.index);
        if index.is_absent_in(&def.layout, row) {
            return None;
        }
        let tails = index.columns.iter().map(|&column| {
            let tail = def.column(row, column);
            let tag = usize::from(def.layout.types()[column.index()].is_option());
            &tail[tag..]
        });
        let partition = partition.get().to_le_bytes();
        let mut entry = Vec::with_capacity(row.len());
        self.def.layout.assemble(tails.chain([&partition[..]]), &mut entry);
        let key = self.def.key_of(ENTRIES, &entry);
        Some(Entry { of: self, shard: self.shard_of(&key, shards), key, row: entry })
    }

    /// The key of the entry that a key of the index leads to. `None` when that lacks columns, or one is absent.
    pub(super) fn key_of(&self, index: &IndexDef, key: &Key) -> Option<Key> {
        let (mut columns, mut entry) = (0, Key::new());
        for (part, bytes) in index.parts().iter().zip(index.columns_of(key)) {
            entry.put(part.present(bytes)?);
            columns += 1;
        }
        (columns == index.columns.len()).then_some(entry)
    }

    /// The shard of the entry with this key.
    pub(super) fn shard_of(&self, key: &Key, shards: ShardCount) -> ShardId {
        let first = self.def.index(ENTRIES).columns_of(key).next();
        owner_of_key(shards, first.expect("an entry has all its columns"))
    }

    /// The entry with this key in the store of its shard.
    pub(super) fn find(&self, store: &Store, key: &Key) -> Option<RowId> {
        store.table(self.def.id).expect("every store has the sharded indexes").find(ENTRIES, key)
    }

    /// The shard of the row that an entry is of.
    pub(super) fn row_shard(&self, store: &Store, entry: RowId, shards: ShardCount) -> ShardId {
        let table = store.table(self.def.id).expect("every store has the sharded indexes");
        let last = self.def.layout.types().len() - 1;
        let column = ColumnIndex::new(u16::try_from(last).expect("COLUMNS_MAX fits in 16 bits"));
        let tail = self.def.column(table.row(entry), column);
        let partition = tail.try_into().ok().map(u16::from_le_bytes).and_then(Partition::new);
        shards.owner_of(partition.expect("an entry names a partition"))
    }
}

impl Entry<'_> {
    /// Takes the entry out of the store of its shard.
    pub(super) fn take_out(&self, store: &mut Store) {
        let entry = self.of.find(store, &self.key).expect("a row is in all sharded indexes");
        store.erase_row(self.of.def.id, entry, ENTRIES);
    }
}
