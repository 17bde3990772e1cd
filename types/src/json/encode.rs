//! Writes encoded values as JSON text.
//!
//! The bytes were checked when they came in ([`RowLayout::check`], [`Type::check_tail`]); bytes that are not of their
//! type are a bug of the caller's, and a panic here.

use uuid::Uuid;

use super::shape::{Shape, can_be_null};
use super::text::{write_bytes, write_hex, write_string, write_utf8};
use crate::layout::RowLayout;
use crate::read::{DecodeError, Reader};
use crate::ty::{Field, Type, Variant};
use crate::{ColumnIndex, Identity};

/// Appends one value to `out`. `tail` is its tail form, as [`RowLayout::column`] gives it out.
///
/// Panics when `tail` is not a value of type `ty`.
///
/// ```
/// use cosmictron_types::{Type, json};
///
/// let mut out = Vec::new();
/// json::write_value(&Type::Option(Box::new(Type::U16)), &[1, 7, 0], &mut out);
/// assert_eq!(out, b"7");
/// ```
pub fn write_value(ty: &Type, tail: &[u8], out: &mut Vec<u8>) {
    write_tail(ty, tail, out).unwrap_or_else(|error| panic!("a checked {ty}: {error}"));
}

/// Appends a checked row as an array of its columns.
pub fn write_row(layout: &RowLayout, row: &[u8], out: &mut Vec<u8>) {
    out.push(b'[');
    for (column, ty) in columns(layout) {
        if column.index() > 0 {
            out.push(b',');
        }
        write_value(ty, layout.column(row, column), out);
    }
    out.push(b']');
}

/// Appends a checked row as an object. `names` are those of the columns, in order.
pub fn write_object<'a>(
    names: impl IntoIterator<Item = &'a str>,
    layout: &RowLayout,
    row: &[u8],
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    for ((column, ty), name) in columns(layout).zip(names) {
        if column.index() > 0 {
            out.push(b',');
        }
        write_string(name, out);
        out.push(b':');
        write_value(ty, layout.column(row, column), out);
    }
    out.push(b'}');
}

fn columns(layout: &RowLayout) -> impl Iterator<Item = (ColumnIndex, &Type)> {
    (0..).map(ColumnIndex::new).zip(layout.types())
}

/// Writes a value that takes up all of `bytes`.
fn write_tail(ty: &Type, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let mut reader = Reader::new(bytes);
    match ty {
        Type::String => {
            write_utf8(bytes, out);
            return Ok(());
        }
        Type::Option(inner) if inner.width().is_none() && reader.byte()? == 1 => {
            return write_present(inner, out, |out| write_tail(inner, reader.rest(), out));
        }
        Type::Option(inner) if inner.width().is_none() => out.extend_from_slice(b"null"),
        _ => write_own(ty, &mut reader, out)?,
    }
    reader.finish()
}

/// Writes a value that says where it ends.
fn write_own(ty: &Type, reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    match ty {
        Type::Bool => out.extend_from_slice(if reader.byte()? == 1 { b"true" } else { b"false" }),
        Type::I8 => write_integer(i8::from_le_bytes(reader.array()?), out),
        Type::I16 => write_integer(i16::from_le_bytes(reader.array()?), out),
        Type::I32 => write_integer(i32::from_le_bytes(reader.array()?), out),
        Type::I64 | Type::Timestamp | Type::Duration => {
            write_integer(i64::from_le_bytes(reader.array()?), out);
        }
        Type::I128 => write_integer(i128::from_le_bytes(reader.array()?), out),
        Type::U8 => write_integer(reader.byte()?, out),
        Type::U16 => write_integer(u16::from_le_bytes(reader.array()?), out),
        Type::U32 => write_integer(u32::from_le_bytes(reader.array()?), out),
        Type::U64 => write_integer(u64::from_le_bytes(reader.array()?), out),
        Type::U128 => write_integer(u128::from_le_bytes(reader.array()?), out),
        Type::F32 => write_float(f32::from_le_bytes(reader.array()?), out),
        Type::F64 => write_float(f64::from_le_bytes(reader.array()?), out),
        Type::String => write_utf8(reader.prefixed()?, out),
        Type::Bytes => write_bytes(reader.prefixed()?, out),
        Type::Identity => write_hex(reader.take(Identity::BYTES)?, out),
        Type::ConnectionId => write_hex(&reader.array::<16>()?, out),
        Type::Uuid => write_uuid(Uuid::from_bytes(reader.array()?), out),
        Type::Option(inner) => return write_option(inner, reader, out),
        Type::List(inner) => return write_list(inner, reader, out),
        Type::Struct(ty) => return write_fields(&ty.fields, reader, out),
        Type::Enum(ty) => return write_variant(ty.variant(reader.byte()?)?, reader, out),
    }
    Ok(())
}

fn write_integer(integer: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
}

fn write_float(float: impl zmij::Float + Into<f64> + Copy, out: &mut Vec<u8>) {
    let wide: f64 = float.into();
    let written: &[u8] = if wide.is_nan() {
        b"\"NaN\""
    } else if wide == f64::INFINITY {
        b"\"Infinity\""
    } else if wide == f64::NEG_INFINITY {
        b"\"-Infinity\""
    } else {
        return out.extend_from_slice(zmij::Buffer::new().format_finite(float).as_bytes());
    };
    out.extend_from_slice(written);
}

fn write_uuid(uuid: Uuid, out: &mut Vec<u8>) {
    let mut hyphenated = [0; uuid::fmt::Hyphenated::LENGTH];
    out.push(b'"');
    out.extend_from_slice(uuid.as_hyphenated().encode_lower(&mut hyphenated).as_bytes());
    out.push(b'"');
}

fn write_option(
    inner: &Type,
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    if reader.byte()? == 1 {
        return write_present(inner, out, |out| write_own(inner, reader, out));
    }
    reader.take(inner.width().unwrap_or(0))?;
    out.extend_from_slice(b"null");
    Ok(())
}

/// Writes an option's value by `write`, told apart from an absent option.
fn write_present(
    inner: &Type,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    if !can_be_null(inner) {
        return write(out);
    }
    out.push(b'[');
    write(out)?;
    out.push(b']');
    Ok(())
}

fn write_list(inner: &Type, reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    out.push(b'[');
    for index in 0..reader.length()? {
        if index > 0 {
            out.push(b',');
        }
        write_own(inner, reader, out)?;
    }
    out.push(b']');
    Ok(())
}

fn write_variant(
    variant: &Variant,
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    if variant.fields.is_empty() {
        write_string(&variant.name, out);
        return Ok(());
    }
    out.push(b'{');
    write_string(&variant.name, out);
    out.push(b':');
    write_fields(&variant.fields, reader, out)?;
    out.push(b'}');
    Ok(())
}

fn write_fields(
    fields: &[Field],
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let (open, close) = match Shape::of(fields) {
        Shape::Bare(field) => return write_own(&field.ty, reader, out),
        Shape::Array => (b'[', b']'),
        Shape::Object => (b'{', b'}'),
    };
    out.push(open);
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        if open == b'{' {
            write_string(&field.name, out);
            out.push(b':');
        }
        write_own(&field.ty, reader, out)?;
    }
    out.push(close);
    Ok(())
}
