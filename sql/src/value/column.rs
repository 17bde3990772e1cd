//! Reads a value out of a row's encoding, and finds the place of a value in a column's order.

use std::borrow::Cow;

use cosmictron_types::Type;
use cosmictron_types::read::text;

use super::datum::Datum;
use super::decimal;
use super::ty::{Integer, SqlType};
use bigdecimal::BigDecimal;
use bigdecimal::num_traits::{Signed, ToPrimitive};

/// The value of a column of a stored row; `tail` is what [`RowLayout::column`](cosmictron_types::RowLayout::column)
/// gives out.
pub(crate) fn decode<'a>(ty: &SqlType, nullable: bool, tail: &'a [u8]) -> Datum<'a> {
    present_bytes(nullable, tail).map_or(Datum::Null, |present| decode_present(ty, present))
}

/// The tail form of a value without its option; `None` when it is absent.
pub(crate) fn present_bytes(nullable: bool, tail: &[u8]) -> Option<&[u8]> {
    if !nullable {
        return Some(tail);
    }
    match tail.split_first() {
        Some((1, present)) => Some(present),
        _ => None,
    }
}

/// An integer that fits in 64 bits; other values, of the widest types, are left to [`decode`].
pub(crate) fn decode_small_integer(integer: Integer, tail: &[u8]) -> Option<i64> {
    Some(match integer {
        Integer::I8 => i8::from_le_bytes(fixed(tail)).into(),
        Integer::I16 => i16::from_le_bytes(fixed(tail)).into(),
        Integer::I32 => i32::from_le_bytes(fixed(tail)).into(),
        Integer::I64 => i64::from_le_bytes(fixed(tail)),
        Integer::U8 => u8::from_le_bytes(fixed(tail)).into(),
        Integer::U16 => u16::from_le_bytes(fixed(tail)).into(),
        Integer::U32 => u32::from_le_bytes(fixed(tail)).into(),
        Integer::U64 => return i64::try_from(u64::from_le_bytes(fixed(tail))).ok(),
        Integer::I128 | Integer::U128 => return None,
    })
}

fn decode_present<'a>(ty: &SqlType, tail: &'a [u8]) -> Datum<'a> {
    match ty {
        SqlType::Bool => Datum::Bool(tail == [1]),
        SqlType::Int(integer) => decode_integer(*integer, tail),
        SqlType::Timestamp | SqlType::Duration => {
            Datum::Int(i64::from_le_bytes(fixed(tail)).into())
        }
        SqlType::F32 => Datum::Float(f32::from_le_bytes(fixed(tail)).into()),
        SqlType::F64 => Datum::Float(f64::from_le_bytes(fixed(tail))),
        SqlType::String => {
            Datum::Text(Cow::Borrowed(text(tail).expect("rows are checked when they are stored")))
        }
        // In its own form a byte string says how long it is, in a row too.
        SqlType::Bytes => Datum::Bytes(Cow::Borrowed(&tail[BYTES_PREFIX..])),
        SqlType::Identity | SqlType::ConnectionId | SqlType::Uuid | SqlType::Composite(_) => {
            Datum::Bytes(Cow::Borrowed(tail))
        }
        SqlType::Numeric => unreachable!("no column is of type numeric"),
    }
}

/// Bytes of the count that precedes a byte string.
const BYTES_PREFIX: usize = 4;

fn decode_integer(integer: Integer, tail: &[u8]) -> Datum<'static> {
    if let Some(small) = decode_small_integer(integer, tail) {
        return Datum::Int(small.into());
    }
    match integer {
        Integer::I128 => Datum::Int(i128::from_le_bytes(fixed(tail))),
        Integer::U128 => {
            let value = u128::from_le_bytes(fixed(tail));
            match i128::try_from(value) {
                Ok(value) => Datum::Int(value),
                Err(_) => Datum::Decimal(Box::new(BigDecimal::from(value))),
            }
        }
        // Beyond `i64`.
        _ => Datum::Int(u64::from_le_bytes(fixed(tail)).into()),
    }
}

fn fixed<const N: usize>(tail: &[u8]) -> [u8; N] {
    tail.try_into().expect("rows are checked when they are stored")
}

/// Where a value lies in the order of a column, which may be of a narrower type.
pub(crate) enum Place<'a> {
    /// The column can hold it: its encoding, in tail form, of the type without a surrounding option.
    At(Encoded<'a>),
    /// Between two values that the column can hold; the lower one is given.
    After(Encoded<'a>),
    /// Below all that the column can hold.
    Below,
    /// Above all that the column can hold.
    Above,
}

/// The tail form of one value.
pub(crate) enum Encoded<'a> {
    Fixed { bytes: [u8; FIXED_BYTES_MAX], width: usize },
    Variable(Cow<'a, [u8]>),
}

/// The widest number.
const FIXED_BYTES_MAX: usize = 16;

impl Encoded<'_> {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Encoded::Fixed { bytes, width } => &bytes[..*width],
            Encoded::Variable(bytes) => bytes,
        }
    }
}

/// The place of a value that is not null. The binder made sure that it can be compared with the column exactly.
pub(crate) fn place<'a>(ty: &Type, value: &'a Datum<'_>) -> Place<'a> {
    match value {
        Datum::Int(value) => place_integer(ty, *value),
        Datum::Decimal(value) => place_decimal(ty, value),
        Datum::Bool(value) => Place::At(encoded_bool(*value)),
        Datum::Text(text) => Place::At(Encoded::Variable(Cow::Borrowed(text.as_bytes()))),
        Datum::Bytes(bytes) if *ty == Type::Bytes => {
            let mut own = cosmictron_types::column::length_bytes(bytes.len()).to_vec();
            own.extend_from_slice(bytes);
            Place::At(Encoded::Variable(Cow::Owned(own)))
        }
        Datum::Bytes(bytes) => Place::At(Encoded::Variable(Cow::Borrowed(bytes))),
        Datum::Float(value) => place_float(ty, *value),
        Datum::Null => unreachable!("null has no place in an index"),
    }
}

/// Indexes order floats as [`compare_floats`](super::compare::compare_floats) does: one zero, one NaN, above all.
fn place_float(ty: &Type, value: f64) -> Place<'static> {
    if *ty == Type::F64 {
        return Place::At(encoded_float(&value.to_le_bytes()));
    }
    let narrow = value as f32;
    if f64::from(narrow) == value || value.is_nan() {
        return Place::At(encoded_float(&narrow.to_le_bytes()));
    }
    // Between two neighbours, of which `narrow` is the nearer one.
    let floor = if f64::from(narrow) < value { narrow } else { narrow.next_down() };
    Place::After(encoded_float(&floor.to_le_bytes()))
}

fn encoded_float(le_bytes: &[u8]) -> Encoded<'static> {
    let mut bytes = [0; FIXED_BYTES_MAX];
    bytes[..le_bytes.len()].copy_from_slice(le_bytes);
    Encoded::Fixed { bytes, width: le_bytes.len() }
}

fn encoded_bool(value: bool) -> Encoded<'static> {
    let mut bytes = [0; FIXED_BYTES_MAX];
    bytes[0] = u8::from(value);
    Encoded::Fixed { bytes, width: 1 }
}

fn place_integer(ty: &Type, value: i128) -> Place<'static> {
    let integer = match SqlType::of_column(ty).0 {
        SqlType::Int(integer) => integer,
        _ => Integer::I64, // Timestamps and durations.
    };
    if value < integer.lowest() {
        return Place::Below;
    }
    if value > integer.highest() {
        return Place::Above;
    }
    // Little-endian and two's complement: the low bytes are the narrower integer.
    let width = ty.width().expect("integers have a width");
    Place::At(Encoded::Fixed { bytes: value.to_le_bytes(), width })
}

/// Beyond `i128`, or with digits after the point.
fn place_decimal<'a>(ty: &Type, value: &BigDecimal) -> Place<'a> {
    if *ty == Type::U128
        && let Some(exact) = value.to_u128()
        && value.is_integer()
    {
        return Place::At(Encoded::Fixed { bytes: exact.to_le_bytes(), width: FIXED_BYTES_MAX });
    }
    let floor = decimal::floor(&Datum::Decimal(Box::new(value.clone())));
    match floor {
        Ok(Datum::Int(floor)) => match place_integer(ty, floor) {
            Place::At(encoded) if value.is_integer() => Place::At(encoded),
            Place::At(encoded) => Place::After(encoded),
            outside => outside,
        },
        _ if value.is_negative() => Place::Below,
        _ if *ty == Type::U128 => match value.to_u128() {
            Some(floor) => {
                Place::After(Encoded::Fixed { bytes: floor.to_le_bytes(), width: FIXED_BYTES_MAX })
            }
            None => Place::Above,
        },
        _ => Place::Above,
    }
}
