//! Values as JSON: parameters in, computed columns out. Stored columns never pass here; they go from the row's
//! encoding straight to the text.

use cosmictron_types::Type;
use cosmictron_types::json::{self, JsonError, Limits, Scratch};

use super::column::decode;
use super::datum::Datum;
use super::decimal;
use super::ty::SqlType;
use crate::error::SqlError;

/// Bytes of one parameter.
const PARAMETER_BYTES_MAX: u32 = 16 << 20;

/// Characters of a refused parameter that the error repeats.
const ECHO_CHARS_MAX: usize = 40;

/// Appends a value in the form that a column of its type has; a `numeric` as a number with all its digits.
pub(crate) fn write(ty: &SqlType, value: &Datum<'_>, out: &mut Vec<u8>) {
    match (value, ty) {
        (Datum::Null, _) => out.extend_from_slice(b"null"),
        (Datum::Bool(value), _) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        (Datum::Int(value), _) => {
            out.extend_from_slice(itoa::Buffer::new().format(*value).as_bytes());
        }
        (Datum::Decimal(value), _) => {
            let mut text = String::new();
            decimal::write(value, &mut text);
            out.extend_from_slice(text.as_bytes());
        }
        (Datum::Float(value), SqlType::F32) => {
            json::write_value(&Type::F32, &(*value as f32).to_le_bytes(), out);
        }
        (Datum::Float(value), _) => json::write_value(&Type::F64, &value.to_le_bytes(), out),
        (Datum::Text(text), _) => json::write_string(text, out),
        (Datum::Bytes(bytes), SqlType::Identity) => json::write_value(&Type::Identity, bytes, out),
        (Datum::Bytes(bytes), SqlType::ConnectionId) => {
            json::write_value(&Type::ConnectionId, bytes, out);
        }
        (Datum::Bytes(bytes), SqlType::Uuid) => json::write_value(&Type::Uuid, bytes, out),
        (Datum::Bytes(bytes), SqlType::Composite(ty)) => json::write_value(ty, bytes, out),
        (Datum::Bytes(bytes), _) => {
            let mut tail = cosmictron_types::column::length_bytes(bytes.len()).to_vec();
            tail.extend_from_slice(bytes);
            json::write_value(&Type::Bytes, &tail, out);
        }
    }
}

/// Reads parameter `number` (from 1) from its JSON text.
pub(crate) fn read(
    number: usize,
    ty: &SqlType,
    text: &str,
    scratch: &mut Scratch,
) -> Result<Datum<'static>, SqlError> {
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    if text == "null" {
        return Ok(Datum::Null);
    }
    let Some(column) = ty.to_column() else { return read_numeric(number, text) };
    let limits = Limits { row_bytes_max: PARAMETER_BYTES_MAX };
    let mut tail = Vec::new();
    json::decode_value(&column, text.as_bytes(), limits, scratch, &mut tail)
        .map_err(|error| refused(number, ty, &error))?;
    Ok(decode(ty, false, &tail).into_owned())
}

fn refused(number: usize, ty: &SqlType, error: &JsonError) -> SqlError {
    match error {
        JsonError::Mismatch { expected, found, .. } => {
            SqlError::Parameter { number, expected: expected.clone(), found: found.clone() }
        }
        other => SqlError::Parameter { number, expected: ty.to_string(), found: other.to_string() },
    }
}

/// A JSON number, or its digits in a string: JavaScript's numbers are not exact.
fn read_numeric(number: usize, text: &str) -> Result<Datum<'static>, SqlError> {
    let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let value = decimal::parse(digits).and_then(|value| decimal::datum(value).ok());
    value.ok_or_else(|| {
        let mut found: String = text.chars().take(ECHO_CHARS_MAX).collect();
        if found.len() < text.len() {
            found.push('…');
        }
        SqlError::Parameter { number, expected: "numeric".into(), found }
    })
}
