//! Rows become values of a user's type by serde.
//!
//! A type with fields takes columns by their names, a tuple or a list by their places, and any other type the only column that
//! there is: `query::<u64>("SELECT count(*) FROM …")`.

use std::fmt;
use std::sync::Arc;

use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};

use crate::error::Error;
use crate::wire::{Batch, Cell};

/// What the columns of an answer are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) names: Vec<String>,
    pub(crate) types: Vec<String>,
}

/// Rows, not decoded yet.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) columns: Arc<Columns>,
    pub(crate) batch: Batch,
}

impl Rows {
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<Vec<T>, Error> {
        if !self.batch.is_empty() && self.batch.width() != self.columns.names.len() {
            return Err(Error::Protocol("a change has other columns than its query".to_owned()));
        }
        let row = |row| T::deserialize(Row { rows: self, row });
        let rows = (0..self.batch.len()).map(row).collect::<Result<Vec<T>, Wrong>>();
        rows.map_err(|wrong| Error::Decode(wrong.0))
    }
}

/// Why a row is no value of a type.
#[derive(Debug)]
struct Wrong(String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Wrong(message.to_string())
    }
}

#[derive(Clone, Copy)]
struct Row<'r> {
    rows: &'r Rows,
    row: usize,
}

impl<'r> Row<'r> {
    fn column(self, column: usize) -> Column<'r> {
        let Columns { names, types } = &*self.rows.columns;
        let cell = self.rows.batch.cell(self.row, column);
        Column { cell, name: &names[column], ty: &types[column] }
    }

    fn count(self) -> usize {
        self.rows.columns.names.len()
    }

    fn only(self) -> Result<Column<'r>, Wrong> {
        match self.count() {
            1 => Ok(self.column(0)),
            count => Err(de::Error::custom(format_args!("a row of {count} columns is one value"))),
        }
    }
}

/// Takes the only column's value.
macro_rules! only_column {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Wrong> {
            self.only()?.$method(visitor)
        })*
    };
}

impl<'r> Deserializer<'r> for Row<'r> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_map(Walk { row: self, at: 0 })
    }

    fn deserialize_struct<V: Visitor<'r>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_map(visitor)
    }

    fn deserialize_seq<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_seq(Walk { row: self, at: 0 })
    }

    fn deserialize_tuple<V: Visitor<'r>>(
        self,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.count() == count {
            true => self.deserialize_seq(visitor),
            false => Err(de::Error::invalid_length(self.count(), &visitor)),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'r>>(
        self,
        _: &'static str,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_tuple(count, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'r>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'r>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_unit()
    }

    fn deserialize_enum<V: Visitor<'r>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    only_column! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_option
    }

    fn deserialize_identifier<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_unit()
    }
}

/// Goes from column to column.
struct Walk<'r> {
    row: Row<'r>,
    at: usize,
}

impl<'r> MapAccess<'r> for Walk<'r> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'r>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Wrong> {
        let Some(name) = self.row.rows.columns.names.get(self.at) else { return Ok(None) };
        let name: StrDeserializer<'_, Wrong> = name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'r>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        let column = self.row.column(self.at);
        self.at += 1;
        column.read(seed)
    }
}

impl<'r> SeqAccess<'r> for Walk<'r> {
    type Error = Wrong;

    fn next_element_seed<S: DeserializeSeed<'r>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Wrong> {
        if self.at == self.row.count() {
            return Ok(None);
        }
        self.next_value_seed(seed).map(Some)
    }
}

/// A value with what is known of its column.
#[derive(Clone, Copy)]
struct Column<'r> {
    cell: Cell<'r>,
    name: &'r str,
    ty: &'r str,
}

impl<'r> Column<'r> {
    /// Reads it; what is wrong then says where.
    fn read<S: DeserializeSeed<'r>>(self, seed: S) -> Result<S::Value, Wrong> {
        let Column { name, ty, .. } = self;
        let placed = |wrong| Wrong(format!("column {name} ({ty}): {wrong}"));
        seed.deserialize(self).map_err(placed)
    }

    fn plain<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.cell {
            Cell::Null => visitor.visit_unit(),
            Cell::Bool(value) => visitor.visit_bool(value),
            Cell::Uint(value) => match u64::try_from(value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_u128(value),
            },
            Cell::Int(value) => match i64::try_from(value) {
                Ok(value) => visitor.visit_i64(value),
                Err(_) => visitor.visit_i128(value),
            },
            Cell::Single(value) => visitor.visit_f32(value),
            Cell::Float(value) => visitor.visit_f64(value),
            Cell::Text(text) | Cell::Number(text) => visitor.visit_borrowed_str(text),
            Cell::Json(text) => json(text, |json| json.deserialize_any(visitor)),
            Cell::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Cell::Fixed(bytes) => visitor.visit_string(self.digits(bytes)),
        }
    }

    /// An identity and its like, as texts.
    fn digits(self, bytes: &[u8]) -> String {
        let uuid = <[u8; 16]>::try_from(bytes).ok().filter(|_| self.ty == "uuid");
        match uuid {
            Some(bytes) => crate::value::Uuid::from_bytes(bytes).to_string(),
            None => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

/// Reads JSON to its end.
fn json<'r, T>(
    text: &'r str,
    read: impl FnOnce(
        &mut serde_json::Deserializer<serde_json::de::StrRead<'r>>,
    ) -> Result<T, serde_json::Error>,
) -> Result<T, Wrong> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = read(&mut json).map_err(de::Error::custom)?;
    json.end().map_err(de::Error::custom)?;
    Ok(value)
}

/// What is JSON is read as such; all else says itself what it is.
macro_rules! as_json_or_plain {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Wrong> {
            match self.cell {
                Cell::Json(text) => json(text, |json| json.$method(visitor)),
                _ => self.plain(visitor),
            }
        })*
    };
}

impl<'r> Deserializer<'r> for Column<'r> {
    type Error = Wrong;

    fn deserialize_option<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.cell {
            Cell::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'r>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.cell {
            Cell::Json(text) => json(text, |json| json.deserialize_seq(visitor)),
            Cell::Bytes(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied())),
            _ => self.plain(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'r>>(self, _: usize, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'r>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'r>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.cell {
            Cell::Json(text) => json(text, |json| json.deserialize_struct(name, fields, visitor)),
            _ => self.plain(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'r>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.cell {
            Cell::Json(text) => json(text, |json| json.deserialize_enum(name, variants, visitor)),
            Cell::Text(text) => visitor.visit_enum(StrDeserializer::<Wrong>::new(text)),
            _ => self.plain(visitor),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'r>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.plain(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_unit()
    }

    as_json_or_plain! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_map deserialize_identifier
    }
}
