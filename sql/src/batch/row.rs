//! Writes one row as bytes that stand for themselves, and takes them apart again.
//!
//! ```text
//!  cell   tag │ value                  tag: the kind, and 16 times the power of two that the width is
//!         tag │ length: u32 │ value    of a kind whose values differ in length
//! ```

use cosmictron_types::json;

use super::ROWS_BYTES_MAX;
use crate::error::{Resource, SqlError};
use crate::execute::budget::check;
use crate::expr::tuple::Cell;
use crate::rowset::OutputColumn;
use crate::value::column::present_bytes;
use crate::value::json::write as write_json;
use crate::value::{Datum, Integer, SqlType};
use bigdecimal::num_traits::ToPrimitive;

/// How the values of a column are written; the number stands in the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// There is nothing but nulls.
    Null = 0,
    Bool = 1,
    Unsigned = 2,
    Signed = 3,
    Float = 4,
    Text = 5,
    /// A text that is JSON: lists, structs, enums.
    Json = 6,
    /// A text that is a decimal number.
    Decimal = 7,
    Bytes = 8,
    /// Bytes, of every value as many.
    Fixed = 9,
}

/// One cell of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowCell<'r> {
    pub kind: Kind,
    /// Little-endian, where it is a number.
    pub bytes: &'r [u8],
}

const LENGTH_BYTES: usize = 4;

/// All NaNs are one: JSON has but one.
const NAN_F32: f32 = f32::from_bits(0x7fc0_0000);
const NAN_F64: f64 = f64::from_bits(0x7ff8_0000_0000_0000);

/// Appends one row.
///
/// # Errors
///
/// More than [`ROWS_BYTES_MAX`] in `out`.
pub(crate) fn write_row(
    columns: &[OutputColumn],
    cells: &[Cell<'_>],
    out: &mut Vec<u8>,
) -> Result<(), SqlError> {
    for (cell, column) in cells.iter().zip(columns) {
        match cell {
            Cell::Value(Datum::Null) => out.push(Kind::Null as u8),
            Cell::Encoded(tail) => match present_bytes(column.stored.is_option(), tail) {
                Some(present) => write_stored(column, tail, present, out),
                None => out.push(Kind::Null as u8),
            },
            Cell::Value(value) => write_value(&column.ty, value, out),
        }
    }
    check(Resource::ResultBytes, out.len() as u64, ROWS_BYTES_MAX)
}

/// Appends a stored column that is not null; `present` is its `tail` without the option.
fn write_stored(column: &OutputColumn, tail: &[u8], present: &[u8], out: &mut Vec<u8>) {
    match &column.ty {
        SqlType::String => write_long(Kind::Text, present, out),
        // In its own form a byte string says how long it is.
        SqlType::Bytes => write_long(Kind::Bytes, &present[LENGTH_BYTES..], out),
        SqlType::Composite(_) => {
            write_long_with(Kind::Json, out, |out| json::write_value(&column.stored, tail, out));
        }
        SqlType::F32 => write_f32(f32::from_le_bytes(number(present)), out),
        SqlType::F64 => write_f64(f64::from_le_bytes(number(present)), out),
        SqlType::Bool => write_fixed(Kind::Bool, present, out),
        SqlType::Int(integer) => write_fixed(kind_of(*integer), present, out),
        SqlType::Timestamp | SqlType::Duration => write_fixed(Kind::Signed, present, out),
        SqlType::Identity | SqlType::ConnectionId | SqlType::Uuid => {
            write_fixed(Kind::Fixed, present, out);
        }
        SqlType::Numeric => unreachable!("no column is of type numeric"),
    }
}

/// Appends a computed value that is not null.
fn write_value(ty: &SqlType, value: &Datum<'_>, out: &mut Vec<u8>) {
    match (ty, value) {
        (SqlType::Numeric, value) => {
            write_long_with(Kind::Decimal, out, |out| write_json(ty, value, out));
        }
        (SqlType::Composite(_), value) => {
            write_long_with(Kind::Json, out, |out| write_json(ty, value, out));
        }
        (SqlType::Int(integer), Datum::Int(value)) if integer.holds(*value) => {
            let width = integer.width();
            write_fixed(kind_of(*integer), &value.to_le_bytes()[..width], out);
        }
        (SqlType::Timestamp | SqlType::Duration, Datum::Int(value))
            if Integer::I64.holds(*value) =>
        {
            write_fixed(Kind::Signed, &value.to_le_bytes()[..Integer::I64.width()], out);
        }
        (_, Datum::Int(value)) => write_fixed(Kind::Signed, &value.to_le_bytes(), out),
        (_, Datum::Bool(value)) => write_fixed(Kind::Bool, &[u8::from(*value)], out),
        (SqlType::F32, Datum::Float(value)) => write_f32(*value as f32, out),
        (_, Datum::Float(value)) => write_f64(*value, out),
        (_, Datum::Text(text)) => write_long(Kind::Text, text.as_bytes(), out),
        (SqlType::Bytes, Datum::Bytes(bytes)) => write_long(Kind::Bytes, bytes, out),
        (_, Datum::Bytes(bytes)) => write_fixed(Kind::Fixed, bytes, out),
        (_, Datum::Decimal(value)) => {
            // What a u128 holds beyond i128.
            let value = value.to_u128().expect("an integer's values are integers");
            write_fixed(Kind::Unsigned, &value.to_le_bytes(), out);
        }
        (_, Datum::Null) => out.push(Kind::Null as u8),
    }
}

fn kind_of(integer: Integer) -> Kind {
    if integer.is_signed() { Kind::Signed } else { Kind::Unsigned }
}

fn write_f32(value: f32, out: &mut Vec<u8>) {
    let value = if value.is_nan() { NAN_F32 } else { value };
    write_fixed(Kind::Float, &value.to_le_bytes(), out);
}

fn write_f64(value: f64, out: &mut Vec<u8>) {
    let value = if value.is_nan() { NAN_F64 } else { value };
    write_fixed(Kind::Float, &value.to_le_bytes(), out);
}

/// Appends a value whose width is a power of two and says how long it is.
fn write_fixed(kind: Kind, bytes: &[u8], out: &mut Vec<u8>) {
    assert!(bytes.len().is_power_of_two() && bytes.len() <= 32, "{kind:?} of {}", bytes.len());
    out.push(kind as u8 | (bytes.len().trailing_zeros() as u8) << 4);
    out.extend_from_slice(bytes);
}

fn write_long(kind: Kind, bytes: &[u8], out: &mut Vec<u8>) {
    write_long_with(kind, out, |out| out.extend_from_slice(bytes));
}

fn write_long_with(kind: Kind, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind as u8);
    let length_at = out.len();
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    write(out);
    // Where it does not fit, the row is refused for its size.
    let length = u32::try_from(out.len() - length_at - LENGTH_BYTES).unwrap_or(u32::MAX);
    out[length_at..length_at + LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
}

fn number<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("rows are checked when they are stored")
}

/// The first cell of a row, and what follows it. What is no row is a fault of ours.
pub(crate) fn split_first(row: &[u8]) -> Option<(RowCell<'_>, &[u8])> {
    let (&tag, rest) = row.split_first()?;
    let kind = Kind::of_number(tag & 15);
    let (length, rest) = match kind {
        Kind::Null => (0, rest),
        Kind::Text | Kind::Json | Kind::Decimal | Kind::Bytes => {
            let (length, rest) = rest.split_first_chunk().expect("a long value has a length");
            (u32::from_le_bytes(*length) as usize, rest)
        }
        Kind::Bool | Kind::Unsigned | Kind::Signed | Kind::Float | Kind::Fixed => {
            (1 << (tag >> 4), rest)
        }
    };
    let (bytes, rest) = rest.split_at(length);
    Some((RowCell { kind, bytes }, rest))
}

impl Kind {
    fn of_number(number: u8) -> Kind {
        const KINDS: [Kind; 10] = [
            Kind::Null,
            Kind::Bool,
            Kind::Unsigned,
            Kind::Signed,
            Kind::Float,
            Kind::Text,
            Kind::Json,
            Kind::Decimal,
            Kind::Bytes,
            Kind::Fixed,
        ];
        KINDS[usize::from(number)]
    }
}
