//! The types of expressions, and the ranks by which numbers are promoted.

use core::fmt;
use std::sync::Arc;

use cosmictron_types::Type;

/// The type of an expression. Every one may be null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SqlType {
    Bool,
    Int(Integer),
    /// Exact, of up to 1,000 digits before the point and 1,000 after it.
    Numeric,
    F32,
    F64,
    String,
    Bytes,
    /// Microseconds since the Unix epoch, UTC.
    Timestamp,
    /// Microseconds.
    Duration,
    Identity,
    ConnectionId,
    Uuid,
    /// A list, a struct, an enum, or an option in an option: compared for equality only.
    Composite(Arc<Type>),
}

/// The integers that a column can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Integer {
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
}

/// PostgreSQL's number types, in the order in which they give way to one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// `smallint`
    Small,
    /// `integer`
    Int,
    /// `bigint`
    Big,
    Numeric,
    F32,
    F64,
}

impl SqlType {
    /// The type of a column's values, and whether they may be null.
    pub(crate) fn of_column(ty: &Type) -> (SqlType, bool) {
        let required = ty.required();
        let sql = match required {
            Type::Bool => SqlType::Bool,
            Type::I8 => SqlType::Int(Integer::I8),
            Type::I16 => SqlType::Int(Integer::I16),
            Type::I32 => SqlType::Int(Integer::I32),
            Type::I64 => SqlType::Int(Integer::I64),
            Type::I128 => SqlType::Int(Integer::I128),
            Type::U8 => SqlType::Int(Integer::U8),
            Type::U16 => SqlType::Int(Integer::U16),
            Type::U32 => SqlType::Int(Integer::U32),
            Type::U64 => SqlType::Int(Integer::U64),
            Type::U128 => SqlType::Int(Integer::U128),
            Type::F32 => SqlType::F32,
            Type::F64 => SqlType::F64,
            Type::String => SqlType::String,
            Type::Bytes => SqlType::Bytes,
            Type::Timestamp => SqlType::Timestamp,
            Type::Duration => SqlType::Duration,
            Type::Identity => SqlType::Identity,
            Type::ConnectionId => SqlType::ConnectionId,
            Type::Uuid => SqlType::Uuid,
            Type::Option(_) | Type::List(_) | Type::Struct(_) | Type::Enum(_) => {
                SqlType::Composite(Arc::new(required.clone()))
            }
        };
        (sql, ty.is_option())
    }

    /// The column type of this name's values; `numeric` has none.
    pub(crate) fn to_column(&self) -> Option<Type> {
        Some(match self {
            SqlType::Bool => Type::Bool,
            SqlType::Int(integer) => integer.to_column(),
            SqlType::Numeric => return None,
            SqlType::F32 => Type::F32,
            SqlType::F64 => Type::F64,
            SqlType::String => Type::String,
            SqlType::Bytes => Type::Bytes,
            SqlType::Timestamp => Type::Timestamp,
            SqlType::Duration => Type::Duration,
            SqlType::Identity => Type::Identity,
            SqlType::ConnectionId => Type::ConnectionId,
            SqlType::Uuid => Type::Uuid,
            SqlType::Composite(ty) => (**ty).clone(),
        })
    }

    pub(crate) fn rank(&self) -> Option<Rank> {
        match self {
            SqlType::Int(integer) => Some(integer.rank()),
            SqlType::Numeric => Some(Rank::Numeric),
            SqlType::F32 => Some(Rank::F32),
            SqlType::F64 => Some(Rank::F64),
            _ => None,
        }
    }

    pub(crate) fn is_number(&self) -> bool {
        self.rank().is_some()
    }

    pub(crate) fn is_float(&self) -> bool {
        matches!(self, SqlType::F32 | SqlType::F64)
    }

    /// Whether equal values can be shown as different ones: `0` and `-0`, `1.0` and `1.00`.
    pub(crate) fn has_equal_forms(&self) -> bool {
        self.is_float() || *self == SqlType::Numeric
    }

    /// Whether `<` means something for two of its values.
    pub(crate) fn is_ordered(&self) -> bool {
        !matches!(self, SqlType::Composite(_))
    }

    /// The name in messages: that of the type, or the kind of a composite one.
    pub(crate) fn static_name(&self) -> &'static str {
        match self {
            SqlType::Bool => "bool",
            SqlType::Int(integer) => integer.name(),
            SqlType::Numeric => "numeric",
            SqlType::F32 => "f32",
            SqlType::F64 => "f64",
            SqlType::String => "string",
            SqlType::Bytes => "bytes",
            SqlType::Timestamp => "timestamp",
            SqlType::Duration => "duration",
            SqlType::Identity => "identity",
            SqlType::ConnectionId => "connection_id",
            SqlType::Uuid => "uuid",
            SqlType::Composite(_) => "composite",
        }
    }
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SqlType::Composite(ty) => ty.fmt(f),
            other => f.write_str(other.static_name()),
        }
    }
}

impl Integer {
    pub(crate) const fn rank(self) -> Rank {
        match self {
            Integer::I8 | Integer::U8 | Integer::I16 => Rank::Small,
            Integer::U16 | Integer::I32 => Rank::Int,
            Integer::U32 | Integer::I64 => Rank::Big,
            Integer::U64 | Integer::I128 | Integer::U128 => Rank::Numeric,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Integer::I8 => "i8",
            Integer::I16 => "i16",
            Integer::I32 => "i32",
            Integer::I64 => "i64",
            Integer::I128 => "i128",
            Integer::U8 => "u8",
            Integer::U16 => "u16",
            Integer::U32 => "u32",
            Integer::U64 => "u64",
            Integer::U128 => "u128",
        }
    }

    /// The lowest value.
    pub(crate) const fn lowest(self) -> i128 {
        match self {
            Integer::I8 => i8::MIN as i128,
            Integer::I16 => i16::MIN as i128,
            Integer::I32 => i32::MIN as i128,
            Integer::I64 => i64::MIN as i128,
            Integer::I128 => i128::MIN,
            Integer::U8 | Integer::U16 | Integer::U32 | Integer::U64 | Integer::U128 => 0,
        }
    }

    /// The highest value that fits in `i128`; what a `u128` holds beyond is a `Decimal`.
    pub(crate) const fn highest(self) -> i128 {
        match self {
            Integer::I8 => i8::MAX as i128,
            Integer::I16 => i16::MAX as i128,
            Integer::I32 => i32::MAX as i128,
            Integer::I64 => i64::MAX as i128,
            Integer::I128 | Integer::U128 => i128::MAX,
            Integer::U8 => u8::MAX as i128,
            Integer::U16 => u16::MAX as i128,
            Integer::U32 => u32::MAX as i128,
            Integer::U64 => u64::MAX as i128,
        }
    }

    pub(crate) const fn is_signed(self) -> bool {
        self.lowest() < 0
    }

    /// Bytes that a value takes.
    pub(crate) const fn width(self) -> usize {
        match self {
            Integer::I8 | Integer::U8 => 1,
            Integer::I16 | Integer::U16 => 2,
            Integer::I32 | Integer::U32 => 4,
            Integer::I64 | Integer::U64 => 8,
            Integer::I128 | Integer::U128 => 16,
        }
    }

    pub(crate) const fn holds(self, value: i128) -> bool {
        self.lowest() <= value && value <= self.highest()
    }

    const fn to_column(self) -> Type {
        match self {
            Integer::I8 => Type::I8,
            Integer::I16 => Type::I16,
            Integer::I32 => Type::I32,
            Integer::I64 => Type::I64,
            Integer::I128 => Type::I128,
            Integer::U8 => Type::U8,
            Integer::U16 => Type::U16,
            Integer::U32 => Type::U32,
            Integer::U64 => Type::U64,
            Integer::U128 => Type::U128,
        }
    }
}

impl Rank {
    /// The type that arithmetic of this rank yields.
    pub(crate) const fn result(self) -> SqlType {
        match self {
            Rank::Small => SqlType::Int(Integer::I16),
            Rank::Int => SqlType::Int(Integer::I32),
            Rank::Big => SqlType::Int(Integer::I64),
            Rank::Numeric => SqlType::Numeric,
            Rank::F32 => SqlType::F32,
            Rank::F64 => SqlType::F64,
        }
    }
}
