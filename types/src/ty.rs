//! A column's type as a value: what the schema says and the host checks bytes against.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::column::{SLOT_END_BYTES, decode_absent};
use crate::read::{DecodeError, Reader, text};

/// What a column holds. In JSON as [`Column::describe`](crate::Column::describe) writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    Bool,
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
    String,
    Bytes,
    Timestamp,
    Duration,
    Identity,
    ConnectionId,
    Uuid,
    Option(Box<Type>),
    List(Box<Type>),
    Struct(StructType),
    Enum(EnumType),
}

/// A user's struct.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StructType {
    pub name: String,
    pub fields: Vec<Field>,
}

/// A user's enum; at least one variant and at most 256.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnumType {
    pub name: String,
    pub variants: Vec<Variant>,
}

/// One variant of an enum. Its fields are named `0`, `1`, … when they have no names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    pub name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

impl Variant {
    /// Whether the fields go by position, as in `Rgb(u8, u8, u8)`.
    pub fn is_tuple(&self) -> bool {
        self.fields.first().is_some_and(|field| field.name == "0")
    }
}

/// A named part of a struct, of a variant or of a reducer's arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: Type,
}

impl Type {
    /// Encoded bytes, when they are the same for every value. The counterpart of
    /// [`Column::WIDTH`](crate::Column::WIDTH).
    pub fn width(&self) -> Option<usize> {
        match self {
            Type::Bool | Type::I8 | Type::U8 => Some(1),
            Type::I16 | Type::U16 => Some(2),
            Type::I32 | Type::U32 | Type::F32 => Some(4),
            Type::I64 | Type::U64 | Type::F64 | Type::Timestamp | Type::Duration => Some(8),
            Type::I128 | Type::U128 | Type::Uuid | Type::ConnectionId => Some(16),
            Type::Identity => Some(32),
            Type::Option(inner) => inner.width().map(|width| width + 1),
            Type::String | Type::Bytes | Type::List(_) | Type::Struct(_) | Type::Enum(_) => None,
        }
    }

    /// Whether all bytes of the type's width are a value: there is nothing to check but their number.
    pub fn takes_any_bytes(&self) -> bool {
        !matches!(self, Type::Bool | Type::Option(_)) && self.width().is_some()
    }

    /// Bytes taken in a row's fixed part.
    pub fn slot_width(&self) -> usize {
        self.width().unwrap_or(SLOT_END_BYTES)
    }

    /// The type without a surrounding `Option`.
    pub fn required(&self) -> &Type {
        match self {
            Type::Option(inner) => inner,
            other => other,
        }
    }

    pub fn is_option(&self) -> bool {
        matches!(self, Type::Option(_))
    }

    /// Whether values of this type have an order that every shard and every language agrees on, so that an index
    /// can be made of them. (A column that may be absent can be indexed too; absent comes first.)
    pub fn is_key(&self) -> bool {
        !matches!(self, Type::Option(_) | Type::List(_) | Type::Struct(_) | Type::Enum(_))
    }

    /// Levels of types within types: 1 for a number.
    pub fn depth(&self) -> usize {
        let fields = |fields: &[Field]| fields.iter().map(|field| field.ty.depth()).max();
        1 + match self {
            Type::Option(inner) | Type::List(inner) => inner.depth(),
            Type::Struct(ty) => fields(&ty.fields).unwrap_or(0),
            Type::Enum(ty) => {
                ty.variants.iter().filter_map(|variant| fields(&variant.fields)).max().unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// Whether `bytes` are the encoding of a value of this type whose extent is known
    /// ([`Column::encode_tail`](crate::Column::encode_tail)).
    pub fn check_tail(&self, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut reader = Reader::new(bytes);
        match self {
            Type::String => return text(bytes).map(|_| ()),
            Type::Option(inner) if inner.width().is_none() => match reader.byte()? {
                1 => return inner.check_tail(reader.rest()),
                0 => {}
                tag => return Err(DecodeError::InvalidTag { tag, variants: 2 }),
            },
            _ => self.skip(&mut reader)?,
        }
        reader.finish()
    }

    /// Reads past one value that says where it ends, checking it.
    pub fn skip(&self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        match self {
            Type::Bool => match reader.byte()? {
                0 | 1 => Ok(()),
                other => Err(DecodeError::InvalidBool(other)),
            },
            Type::String => reader.prefixed().and_then(text).map(|_| ()),
            Type::Bytes => reader.prefixed().map(|_| ()),
            Type::Option(inner) => match reader.byte()? {
                1 => inner.skip(reader),
                0 => decode_absent(inner.width(), reader),
                tag => Err(DecodeError::InvalidTag { tag, variants: 2 }),
            },
            Type::List(inner) => skip_list(inner, reader),
            Type::Struct(ty) => skip_fields(&ty.fields, reader),
            Type::Enum(ty) => skip_fields(&ty.variant(reader.byte()?)?.fields, reader),
            number => reader.take(number.slot_width()).map(|_| ()),
        }
    }
}

impl EnumType {
    /// The variant that a tag names.
    pub fn variant(&self, tag: u8) -> Result<&Variant, DecodeError> {
        // Checked schemas have at most 256 variants.
        let variants = u16::try_from(self.variants.len()).unwrap_or(u16::MAX);
        self.variants.get(usize::from(tag)).ok_or(DecodeError::InvalidTag { tag, variants })
    }
}

fn skip_list(inner: &Type, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let count = reader.length()?;
    if inner.encodes_to_nothing() && count > 0 {
        // A struct without fields takes no bytes, so its count is bounded by nothing; one list of them could
        // keep a shard busy for long.
        return Err(DecodeError::TrailingBytes { bytes: 0 });
    }
    (0..count).try_for_each(|_| inner.skip(reader))
}

fn skip_fields(fields: &[Field], reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    fields.iter().try_for_each(|field| field.ty.skip(reader))
}

impl Type {
    /// Whether values of this type take no bytes at all; such a type cannot be a list's element.
    pub fn encodes_to_nothing(&self) -> bool {
        match self {
            Type::Struct(ty) => ty.fields.iter().all(|field| field.ty.encodes_to_nothing()),
            _ => false,
        }
    }
}

impl fmt::Display for Type {
    /// As a person writes it: `u64`, `option<string>`, `list<u8>`, or the name of the user's type.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Type::Bool => "bool",
            Type::I8 => "i8",
            Type::I16 => "i16",
            Type::I32 => "i32",
            Type::I64 => "i64",
            Type::I128 => "i128",
            Type::U8 => "u8",
            Type::U16 => "u16",
            Type::U32 => "u32",
            Type::U64 => "u64",
            Type::U128 => "u128",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::String => "string",
            Type::Bytes => "bytes",
            Type::Timestamp => "timestamp",
            Type::Duration => "duration",
            Type::Identity => "identity",
            Type::ConnectionId => "connection_id",
            Type::Uuid => "uuid",
            Type::Option(inner) => return write!(f, "option<{inner}>"),
            Type::List(inner) => return write!(f, "list<{inner}>"),
            Type::Struct(ty) => &ty.name,
            Type::Enum(ty) => &ty.name,
        };
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Column;

    #[track_caller]
    fn check<T: Column>(ty: &Type) {
        let mut described = String::new();
        T::describe(&mut described);
        assert_eq!(&serde_json::from_str::<Type>(&described).unwrap(), ty);
        assert_eq!(T::WIDTH, ty.width());
    }

    #[test]
    fn a_rust_type_describes_itself_as_the_host_reads_it() {
        check::<u64>(&Type::U64);
        check::<i128>(&Type::I128);
        check::<bool>(&Type::Bool);
        check::<String>(&Type::String);
        check::<Vec<u8>>(&Type::Bytes);
        check::<Vec<Vec<u8>>>(&Type::List(Box::new(Type::Bytes)));
        check::<Option<crate::Timestamp>>(&Type::Option(Box::new(Type::Timestamp)));
        check::<crate::ConnectionId>(&Type::ConnectionId);
        check::<Vec<Option<String>>>(&Type::List(Box::new(Type::Option(Box::new(Type::String)))));
    }

    #[test]
    fn a_list_of_nothing_cannot_keep_a_shard_busy() {
        let empty = Type::Struct(StructType { name: "Empty".into(), fields: Vec::new() });
        let list = Type::List(Box::new(empty));
        assert!(list.check_tail(&[0xff, 0xff, 0xff, 0xff]).is_err());
        assert_eq!(list.check_tail(&[0, 0, 0, 0]), Ok(()));
    }
}
