//! Values as text and back: what casts to and from `string` do, and how literals in quotes are read.

use core::fmt::Write as _;
use std::borrow::Cow;

use bigdecimal::num_traits::ToPrimitive;
use cosmictron_types::Uuid;
use cosmictron_types::identity::parse_hex;

use super::datum::Datum;
use super::ty::{Integer, SqlType};
use super::{decimal, duration, timestamp};
use crate::error::EvalError;

/// Reads a text as a value of `ty`. White space around it is ignored where PostgreSQL ignores it.
pub(crate) fn parse(ty: &SqlType, text: &str) -> Result<Datum<'static>, EvalError> {
    let trimmed = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
    let value = match ty {
        SqlType::String => Some(Datum::text(text.to_owned())),
        SqlType::Bool => parse_bool(trimmed).map(Datum::Bool),
        SqlType::Int(integer) => return parse_integer(*integer, trimmed),
        SqlType::Numeric => match decimal::parse(trimmed) {
            Some(value) => return decimal::datum(value),
            None => None,
        },
        SqlType::F32 => return parse_f32(trimmed).map(Datum::Float),
        SqlType::F64 => return parse_f64(trimmed).map(Datum::Float),
        SqlType::Bytes => parse_bytes(text).map(|bytes| Datum::Bytes(Cow::Owned(bytes))),
        SqlType::Timestamp => timestamp::parse(trimmed).map(|micros| Datum::Int(micros.into())),
        SqlType::Duration => duration::parse(trimmed).map(|micros| Datum::Int(micros.into())),
        SqlType::Identity => hex_value::<32>(trimmed),
        SqlType::ConnectionId => hex_value::<16>(trimmed),
        SqlType::Uuid => Uuid::try_parse(trimmed).ok().map(|uuid| owned_bytes(uuid.as_bytes())),
        SqlType::Composite(_) => None,
    };
    value.ok_or_else(|| invalid(ty))
}

fn invalid(ty: &SqlType) -> EvalError {
    EvalError::InvalidText { type_name: ty.static_name() }
}

fn owned_bytes(bytes: &[u8]) -> Datum<'static> {
    Datum::Bytes(Cow::Owned(bytes.to_vec()))
}

fn hex_value<const N: usize>(text: &str) -> Option<Datum<'static>> {
    let mut bytes = [0; N];
    parse_hex(text, &mut bytes)?;
    Some(owned_bytes(&bytes))
}

/// Any unambiguous beginning of true, false, yes, no, on, off, or 1, 0.
fn parse_bool(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let begins = |word: &str, least: usize| lower.len() >= least && word.starts_with(&lower);
    if begins("true", 1) || begins("yes", 1) || lower == "on" || lower == "1" {
        return Some(true);
    }
    let no = begins("false", 1) || begins("no", 1) || begins("off", 2) || lower == "0";
    no.then_some(false)
}

fn parse_integer(integer: Integer, text: &str) -> Result<Datum<'static>, EvalError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(EvalError::InvalidText { type_name: integer.name() });
    }
    let out_of_range = EvalError::OutOfRange { type_name: integer.name() };
    match text.parse::<i128>() {
        Ok(value) if integer.holds(value) => Ok(Datum::Int(value)),
        Err(_) if integer == Integer::U128 => match text.parse::<u128>() {
            Ok(value) => decimal::datum(value.into()),
            Err(_) => Err(out_of_range),
        },
        _ => Err(out_of_range),
    }
}

fn parse_f64(text: &str) -> Result<f64, EvalError> {
    let value = parse_float(text, "f64")?;
    check_parsed(value, text, "f64")
}

fn parse_f32(text: &str) -> Result<f64, EvalError> {
    parse_float(text, "f32")?;
    let value: f32 = text.parse().unwrap_or(f32::NAN);
    check_parsed(value.into(), text, "f32")
}

fn parse_float(text: &str, type_name: &'static str) -> Result<f64, EvalError> {
    // The standard library reads "infinity", "inf" and "nan" in any case, as PostgreSQL does.
    text.parse().map_err(|_| EvalError::InvalidText { type_name })
}

/// A number that is too large must be written as infinity to become it, and one too small as zero.
fn check_parsed(value: f64, text: &str, type_name: &'static str) -> Result<f64, EvalError> {
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    let overflow = value.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit());
    let underflow = value == 0.0 && mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    if overflow || underflow {
        return Err(EvalError::OutOfRange { type_name });
    }
    Ok(value)
}

/// `\x` and hex digits, or PostgreSQL's escape form: text with `\\` and `\ooo`.
fn parse_bytes(text: &str) -> Option<Vec<u8>> {
    if let Some(hex) = text.strip_prefix("\\x") {
        let mut bytes = vec![0; hex.len() / 2];
        return parse_hex(hex, &mut bytes).map(|()| bytes);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
        } else if let Some(after) = after.strip_prefix(b"\\") {
            bytes.push(b'\\');
            rest = after;
        } else {
            let (octal, after) = after.split_at_checked(3)?;
            if !octal.iter().all(|digit| matches!(digit, b'0'..=b'7')) {
                return None;
            }
            let value = octal.iter().fold(0u16, |value, digit| value * 8 + u16::from(digit - b'0'));
            bytes.push(u8::try_from(value).ok()?);
            rest = after;
        }
    }
    Some(bytes)
}

/// Appends a value that is not null, as a cast to `string` writes it.
pub(crate) fn format(ty: &SqlType, value: &Datum<'_>, out: &mut String) {
    match (ty, value) {
        (SqlType::Timestamp, Datum::Int(micros)) => timestamp::format(to_micros(*micros), out),
        (SqlType::Duration, Datum::Int(micros)) => duration::format(to_micros(*micros), out),
        (SqlType::F32, Datum::Float(value)) => format_float(*value as f32, 6, out),
        (_, Datum::Float(value)) => format_float(*value, 15, out),
        (_, Datum::Bool(value)) => out.push_str(if *value { "true" } else { "false" }),
        (_, Datum::Int(value)) => {
            let _ = write!(out, "{value}");
        }
        (_, Datum::Decimal(value)) => decimal::write(value, out),
        (_, Datum::Text(text)) => out.push_str(text),
        (SqlType::Uuid, Datum::Bytes(bytes)) => match Uuid::from_slice(bytes) {
            Ok(uuid) => {
                let _ = write!(out, "{}", uuid.as_hyphenated());
            }
            Err(_) => unreachable!("a uuid has 16 bytes"),
        },
        (SqlType::Bytes, Datum::Bytes(bytes)) => {
            out.push_str("\\x");
            format_hex(bytes, out);
        }
        (_, Datum::Bytes(bytes)) => format_hex(bytes, out),
        (_, Datum::Null) => unreachable!("null has no text"),
    }
}

/// Timestamps and durations are 64-bit wherever they are made.
fn to_micros(value: i128) -> i64 {
    value.to_i64().unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

fn format_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}

/// The shortest digits that read back the same, with a point where they are few and with an exponent where they would
/// be many: beyond `digits_max` before the point or four zeros after it.
fn format_float(float: impl zmij::Float + Into<f64> + Copy, digits_max: i32, out: &mut String) {
    let value: f64 = float.into();
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    if value.is_sign_negative() {
        out.push('-');
    }
    let mut buffer = zmij::Buffer::new();
    let shortest = buffer.format_finite(float);
    let (digits, exponent) = digits_and_exponent(shortest.strip_prefix('-').unwrap_or(shortest));
    // Writing to a string cannot go wrong.
    let _ = if exponent < -4 || exponent >= digits_max {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{first}{point}{rest}e{sign}{:02}", exponent.abs())
    } else if exponent < 0 {
        write!(out, "0.{:0>1$}", digits, digits.len() + exponent.unsigned_abs() as usize - 1)
    } else {
        let whole = exponent.unsigned_abs() as usize + 1;
        match digits.split_at_checked(whole) {
            Some((whole, "")) => write!(out, "{whole}"),
            Some((whole, fraction)) => write!(out, "{whole}.{fraction}"),
            None => write!(out, "{digits:0<whole$}"),
        }
    };
}

/// The digits of a number that mean something, and the power of ten of the first one: `12.50e3` is 125 and 4.
fn digits_and_exponent(text: &str) -> (String, i32) {
    let (mantissa, power) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let zeros = all.bytes().take_while(|byte| *byte == b'0').count();
    let digits = all[zeros..].trim_end_matches('0');
    if digits.is_empty() {
        return ("0".to_owned(), 0);
    }
    let power: i32 = power.parse().expect("an exponent is a number");
    let first = whole.len() as i32 - 1 - zeros as i32;
    (digits.to_owned(), power + first)
}
