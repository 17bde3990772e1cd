//! Declares a system table: a struct, its row encoding and its schema from one list of fields.

use std::ops::Bound;

use cosmictron_storage::{Key, KeyBuilder, RowId, Store, Table, WriteError};
use cosmictron_types::schema::{ColumnSchema, IndexSchema, TableSchema};
use cosmictron_types::{Column, IndexId, Row, TableId};

/// A struct that is a row of one of the server's own tables.
pub trait SystemTable: Row {
    const TABLE: TableId;

    fn schema() -> TableSchema;

    /// The rows' table. It exists for as long as the store does.
    fn table(store: &Store) -> &Table {
        store.table(Self::TABLE).expect("system tables exist on every shard (catalog I1)")
    }

    /// The row at `id`, decoded.
    fn read(table: &Table, id: RowId) -> Self {
        Self::decode_row(table.row(id)).expect("rows were checked against the schema when written")
    }

    /// Inserts the row in the open transaction; a key of 0 in an `auto_inc` column is assigned.
    fn insert(&self, store: &mut Store) -> Result<(), WriteError> {
        let mut row = Vec::new();
        self.encode_row(&mut row);
        store.insert(Self::TABLE, &mut row).map(|_| ())
    }

    /// Replaces the row with the same primary key in the open transaction.
    fn update(&self, store: &mut Store) -> Result<(), WriteError> {
        let mut row = Vec::new();
        self.encode_row(&mut row);
        store.update(Self::TABLE, &row).map(|_| ())
    }

    /// The row whose `column`, a unique one, has this value.
    fn find<T: Column>(store: &Store, column: &str, value: &T) -> Option<Self> {
        let table = Self::table(store);
        let index = index_of(table, column);
        let row = table.find(index, &key(table, index, value))?;
        Some(Self::read(table, row))
    }

    /// The rows whose `column`, an indexed one, has this value.
    fn find_all<T: Column>(store: &Store, column: &str, value: &T) -> Vec<Self> {
        let table = Self::table(store);
        let index = index_of(table, column);
        let key = key(table, index, value);
        let rows = table.range(index, Bound::Included(&key), Bound::Included(&key));
        rows.map(|row| Self::read(table, row)).collect()
    }

    /// The first `count` rows in the order of `column`, an indexed one.
    fn first(store: &Store, column: &str, count: usize) -> Vec<Self> {
        let table = Self::table(store);
        let rows = table.range(index_of(table, column), Bound::Unbounded, Bound::Unbounded);
        rows.take(count).map(|row| Self::read(table, row)).collect()
    }

    /// Every row, in the order of the primary key.
    fn all(store: &Store) -> Vec<Self> {
        Self::first(store, &Self::schema().indexes[0].name, usize::MAX)
    }

    /// Deletes the rows whose `column`, an indexed one, has this value; says how many.
    fn delete<T: Column>(store: &mut Store, column: &str, value: &T) -> Result<u64, WriteError> {
        let table = Self::table(store);
        let index = index_of(table, column);
        let key = key(table, index, value);
        store.delete(Self::TABLE, index, &key)
    }
}

/// System tables name each index as its column.
fn index_of(table: &Table, column: &str) -> IndexId {
    table.def().schema.index(column).expect("only indexed columns are looked up by")
}

fn key<T: Column>(table: &Table, index: IndexId, value: &T) -> Key {
    let mut key = KeyBuilder::new(table.def().index(index));
    key.value(value).expect("a value of the column's type makes a key");
    key.finish()
}

/// How a field of a system table is indexed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKey {
    None,
    Primary,
    /// A primary key that the sequence fills in.
    PrimaryAutoInc,
    Unique,
    Index,
}

/// One field of a system table.
pub(super) struct FieldOf {
    pub(super) name: &'static str,
    pub(super) key: FieldKey,
    pub(super) describe: fn(&mut String),
}

/// How a field's Rust type describes itself.
pub(super) fn describe<T: Column>(out: &mut String) {
    T::describe(out);
}

pub(super) fn schema(name: &str, fields: &[FieldOf]) -> TableSchema {
    let mut indexes: Vec<IndexSchema> = fields.iter().filter_map(index).collect();
    indexes.sort_by_key(|index| !index.primary);
    TableSchema {
        name: name.to_owned(),
        public: false,
        event: false,
        shard_by: None,
        columns: fields.iter().map(column).collect(),
        indexes,
        policies: Vec::new(),
        force_policies: false,
    }
}

fn column(field: &FieldOf) -> ColumnSchema {
    let mut described = String::new();
    (field.describe)(&mut described);
    ColumnSchema {
        name: field.name.to_owned(),
        ty: serde_json::from_str(&described).expect("a type describes itself as the host reads it"),
        auto_inc: field.key == FieldKey::PrimaryAutoInc,
        foreign_key: None,
        pii: None,
    }
}

fn index(field: &FieldOf) -> Option<IndexSchema> {
    let primary = matches!(field.key, FieldKey::Primary | FieldKey::PrimaryAutoInc);
    (field.key != FieldKey::None).then(|| IndexSchema {
        name: field.name.to_owned(),
        columns: vec![field.name.to_owned()],
        unique: primary || field.key == FieldKey::Unique,
        primary,
    })
}

macro_rules! system_table {
    (
        $(#[$doc:meta])*
        $name:ident = $id:literal $table:literal {
            $($(#[$field_doc:meta])* $([$key:ident])? $field:ident: $ty:ty,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $ty,)*
        }

        impl cosmictron_types::Row for $name {
            fn encode_row(&self, out: &mut Vec<u8>) {
                let mut writer = cosmictron_types::RowWriter::new(out);
                $(writer.slot(&self.$field);)*
                $(writer.tail(&self.$field);)*
            }

            fn decode_row(bytes: &[u8]) -> Result<Self, cosmictron_types::DecodeError> {
                const FIXED_BYTES: usize = 0 $(+ cosmictron_types::slot_width::<$ty>())*;
                let mut reader = cosmictron_types::RowReader::new(bytes, FIXED_BYTES)?;
                let row = Self { $($field: reader.column()?,)* };
                reader.finish()?;
                Ok(row)
            }
        }

        impl $crate::catalog::SystemTable for $name {
            const TABLE: cosmictron_types::TableId = cosmictron_types::TableId::new($id);

            fn schema() -> cosmictron_types::schema::TableSchema {
                use $crate::catalog::system_table::{FieldKey, FieldOf, describe, schema};
                schema($table, &[$(FieldOf {
                    name: stringify!($field),
                    key: system_table!(@key $($key)?),
                    describe: describe::<$ty>,
                }),*])
            }
        }
    };
    (@key) => { FieldKey::None };
    (@key primary) => { FieldKey::Primary };
    (@key primary_auto_inc) => { FieldKey::PrimaryAutoInc };
    (@key unique) => { FieldKey::Unique };
    (@key index) => { FieldKey::Index };
}

pub(super) use system_table;
