//! Resolves a table's schema once, so that no write has to look anything up by name.
//!
//! Invariants:
//! 1. `indexes` begins with the schema's indexes in their order; what follows was added for foreign keys whose column
//!    no index begins with, and is never unique.
//! 2. A primary key is index 0, and has one column.

use std::sync::Arc;

use cosmictron_types::schema::{ForeignKey, TableSchema};
use cosmictron_types::{
    ColumnIndex, DecodeError, IndexId, Partition, Reader, RowLayout, Slot, TableId, Type,
};

use crate::key::form::{Comparison, Part, Word, put_number};
use crate::key::{InvalidKey, Key};

/// A table as its store, plans and modules use it. Never changes: a schema change makes a new one.
#[derive(Debug)]
pub struct TableDef {
    pub id: TableId,
    pub name: Arc<str>,
    pub schema: Arc<TableSchema>,
    pub layout: RowLayout,
    pub indexes: Vec<IndexDef>,
    pub foreign_keys: Vec<ForeignKeyDef>,
    pub sequences: Vec<SequenceDef>,
}

/// An ordered index.
#[derive(Clone, Debug)]
pub struct IndexDef {
    pub name: Arc<str>,
    pub columns: Vec<ColumnIndex>,
    /// At most one row with the same values. Rows in which one of them is absent do not count.
    pub unique: bool,
    /// The primary key. Implies `unique`.
    pub primary: bool,
    /// Not in the schema: there so that a referenced row can be deleted without reading the whole table.
    pub internal: bool,
    /// One a column.
    parts: Vec<Part>,
    /// Layouts of rows of the first 0, 1, 2, … columns: what a key is read from.
    prefixes: Vec<RowLayout>,
    /// Where the whole key lies in a row, when it is a single number of 8 bytes: what most keys are.
    word: Option<Word>,
}

/// A column whose value, where it is present, exists in another table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignKeyDef {
    pub column: ColumnIndex,
    /// An index of this table that begins with the column.
    pub index: IndexId,
    pub target: TableId,
    /// A unique column that is never absent and has the same type.
    pub target_column: ColumnIndex,
}

/// A column whose zeros are replaced by the next number of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceDef {
    pub column: ColumnIndex,
    /// The column type's greatest value.
    pub max: u128,
    pub signed: bool,
    /// Where the number lies in a row.
    pub(crate) at: usize,
    pub(crate) width: usize,
}

impl TableDef {
    /// `resolve` finds the column that a foreign key of a type points at. Columns for which it does not come back as the
    /// error.
    pub(crate) fn new(
        id: TableId,
        schema: Arc<TableSchema>,
        resolve: impl Fn(&ForeignKey, &Type) -> Option<(TableId, ColumnIndex)>,
    ) -> Result<TableDef, Vec<ColumnIndex>> {
        let layout = schema.layout();
        let mut indexes: Vec<IndexDef> = schema
            .indexes
            .iter()
            .map(|index| {
                let columns = index.columns.iter().map(|name| {
                    schema.column(name).expect("a checked schema's index names its columns")
                });
                let mut def = IndexDef::new(&index.name, columns.collect(), &layout);
                def.unique = index.unique;
                def.primary = index.primary;
                def
            })
            .collect();
        let mut foreign_keys = Vec::new();
        let mut unresolved = Vec::new();
        for (at, column) in schema.columns.iter().enumerate() {
            let Some(key) = &column.foreign_key else { continue };
            let column = column_at(at);
            let ty = layout.types()[at].required();
            let Some((target, target_column)) = resolve(key, ty) else {
                unresolved.push(column);
                continue;
            };
            let index = index_beginning_with(column, &mut indexes, &schema, &layout);
            foreign_keys.push(ForeignKeyDef { column, index, target, target_column });
        }
        if !unresolved.is_empty() {
            return Err(unresolved);
        }
        let sequences = sequences(&schema, &layout);
        let name = schema.name.as_str().into();
        Ok(TableDef { id, name, schema, layout, indexes, foreign_keys, sequences })
    }

    #[allow(clippy::should_implement_trait, reason = "a table has indexes, it is not indexed")]
    pub fn index(&self, index: IndexId) -> &IndexDef {
        &self.indexes[usize::from(index.get())]
    }

    /// The primary key's index, where the table has one.
    pub fn primary(&self) -> Option<&IndexDef> {
        self.indexes.first().filter(|index| index.primary)
    }

    /// The primary key's column, where the table has one.
    pub fn primary_column(&self) -> Option<ColumnIndex> {
        self.primary().map(|index| index.columns[0])
    }

    /// Whether a row and the row of `target` that it refers to by a foreign key are always on one shard.
    pub(crate) fn is_beside(&self, key: &ForeignKeyDef, target: &TableDef) -> bool {
        self.schema.is_beside(&self.schema.columns[key.column.index()], &target.schema)
    }

    /// Whether rows are never changed and never deleted.
    pub fn is_append_only(&self) -> bool {
        self.schema.event
    }

    /// The unique index of a single column: what a foreign key can point at.
    pub(crate) fn unique_index_of(&self, column: ColumnIndex) -> Option<IndexId> {
        let is_it = |index: &IndexDef| index.unique && index.columns == [column];
        self.indexes.iter().position(is_it).map(index_at)
    }

    /// The key that a checked row has in an index.
    pub fn key_of(&self, index: IndexId, row: &[u8]) -> Key {
        self.index(index).key_of(&self.layout, row)
    }

    /// The places of the indexes in which a row has another key than it had. Its primary key is the same.
    pub(crate) fn changed_indexes(&self, old: &[u8], new: &[u8]) -> Vec<usize> {
        let is_changed = |&at: &usize| {
            !self.indexes[at].primary && !self.indexes[at].is_same_key(&self.layout, old, new)
        };
        (0..self.indexes.len()).filter(is_changed).collect()
    }

    pub(crate) fn column_name(&self, column: ColumnIndex) -> String {
        self.schema.columns[column.index()].name.clone()
    }

    /// One column of a checked row, in tail form.
    pub fn column<'r>(&self, row: &'r [u8], column: ColumnIndex) -> &'r [u8] {
        self.layout.column(row, column)
    }
}

impl IndexDef {
    fn new(name: &str, columns: Vec<ColumnIndex>, layout: &RowLayout) -> Self {
        let types: Vec<&Type> =
            columns.iter().map(|column| &layout.types()[column.index()]).collect();
        let parts = columns.iter().zip(&types).map(|(&column, ty)| Part::new(column, ty)).collect();
        let prefixes = (0..=types.len())
            .map(|count| RowLayout::new(types[..count].iter().map(|&ty| ty.clone())))
            .collect();
        let word = match (&columns[..], &types[..]) {
            ([column], [ty]) => Word::new(layout.slot(*column), ty),
            _ => None,
        };
        let (unique, primary, internal) = (false, false, false);
        Self { name: name.into(), columns, unique, primary, internal, parts, prefixes, word }
    }

    /// The order of a single column, where no table has an index of it.
    pub fn of_column(column: ColumnIndex, layout: &RowLayout) -> Self {
        Self::new("", vec![column], layout)
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The key that a row of this layout has here.
    pub(crate) fn key_of(&self, layout: &RowLayout, row: &[u8]) -> Key {
        if let Some(word) = &self.word {
            return Key::from(word.read(row));
        }
        let mut key = Key::new();
        for part in &self.parts {
            part.encode(layout.column(row, part.column), &mut key);
        }
        key
    }

    /// The partition of rows with the key that a row of this layout has here.
    pub fn partition_of(&self, layout: &RowLayout, row: &[u8]) -> Partition {
        match &self.word {
            Some(word) => Partition::of_key(&word.read(row)),
            None => Partition::of_key(self.key_of(layout, row).as_bytes()),
        }
    }

    /// How a row's key, cut to the probe's length, stands to the probe.
    pub(crate) fn compare(
        &self,
        layout: &RowLayout,
        row: &[u8],
        probe: &[u8],
    ) -> core::cmp::Ordering {
        let mut comparison = Comparison::with(probe);
        for part in &self.parts {
            if comparison.is_decided() {
                break;
            }
            part.encode(layout.column(row, part.column), &mut comparison);
        }
        comparison.ordering()
    }

    /// Whether two rows have the same key here.
    pub(crate) fn is_same_key(&self, layout: &RowLayout, one: &[u8], other: &[u8]) -> bool {
        let same_bytes = self
            .columns
            .iter()
            .all(|&column| layout.column(one, column) == layout.column(other, column));
        // -0.0 and 0.0 are one key of different bytes.
        same_bytes || self.key_of(layout, one) == self.key_of(layout, other)
    }

    /// The bytes of each column that a key gives.
    pub fn columns_of<'k>(&self, key: &'k Key) -> impl Iterator<Item = &'k [u8]> {
        let mut rest = key.as_bytes();
        self.parts.iter().map_while(move |part| {
            let (column, more) = rest.split_at_checked(part.length(rest)?)?;
            rest = more;
            Some(column)
        })
    }

    /// Whether one of a row's key columns is absent: such rows never conflict.
    pub(crate) fn is_absent_in(&self, layout: &RowLayout, row: &[u8]) -> bool {
        self.parts.iter().any(|part| part.is_absent(layout.column(row, part.column)))
    }

    /// Reads a key as the guest ABI gives it: one byte n, then the row of the index's first n columns.
    pub fn read_key(&self, bytes: &[u8]) -> Result<Key, InvalidKey> {
        let mut reader = Reader::new(bytes);
        let columns = usize::from(reader.byte().map_err(InvalidKey::Row)?);
        self.read_key_row(columns, reader.rest())
    }

    /// Reads a key from a row of the index's first `columns` columns. That of none fits every row.
    pub fn read_key_row(&self, columns: usize, row: &[u8]) -> Result<Key, InvalidKey> {
        let columns_max = self.parts.len();
        let layout =
            self.prefixes.get(columns).ok_or(InvalidKey::Columns { columns, columns_max })?;
        layout.check(row).map_err(|invalid| self.invalid_column(invalid.column, invalid.error))?;
        let mut key = Key::new();
        for (at, part) in self.parts[..columns].iter().enumerate() {
            part.encode(layout.column(row, column_at(at)), &mut key);
        }
        Ok(key)
    }

    fn invalid_column(&self, at: usize, error: DecodeError) -> InvalidKey {
        match self.columns.get(at) {
            Some(&column) => InvalidKey::Column { column, error },
            None => InvalidKey::Row(error),
        }
    }
}

impl SequenceDef {
    /// The bytes by which an index compares a number of this column.
    pub(crate) fn key_of(&self, number: u128) -> Key {
        let mut key = Key::new();
        put_number(&number.to_le_bytes()[..self.width], self.signed, &mut key);
        key
    }
}

/// The index by which the rows that refer through `column` are found; added when there is none.
fn index_beginning_with(
    column: ColumnIndex,
    indexes: &mut Vec<IndexDef>,
    schema: &TableSchema,
    layout: &RowLayout,
) -> IndexId {
    let at = indexes.iter().position(|index| index.columns[0] == column).unwrap_or_else(|| {
        let name = format!("{} (foreign key)", schema.columns[column.index()].name);
        let mut def = IndexDef::new(&name, vec![column], layout);
        def.internal = true;
        indexes.push(def);
        indexes.len() - 1
    });
    index_at(at)
}

fn sequences(schema: &TableSchema, layout: &RowLayout) -> Vec<SequenceDef> {
    let auto_inc = schema.columns.iter().enumerate().filter(|(_, column)| column.auto_inc);
    auto_inc
        .map(|(at, schema)| {
            let column = column_at(at);
            let Slot::Fixed { at, width } = layout.slot(column) else {
                panic!("a checked schema has no auto_inc of {}", schema.ty);
            };
            let signed =
                matches!(schema.ty, Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::I128);
            let bits = 8 * width - usize::from(signed);
            SequenceDef { column, max: u128::MAX >> (128 - bits), signed, at, width }
        })
        .collect()
}

pub(crate) fn column_at(at: usize) -> ColumnIndex {
    ColumnIndex::new(u16::try_from(at).expect("COLUMNS_MAX fits in 16 bits"))
}

pub(crate) fn index_at(at: usize) -> IndexId {
    // At most INDEXES_MAX of the schema's and one a column.
    IndexId::new(u16::try_from(at).expect("a table has fewer than 65536 indexes"))
}
