//! Turns a value of one type into one of another, as `::` and the promotion of numbers do.

use bigdecimal::BigDecimal;
use bigdecimal::num_traits::ToPrimitive;

use crate::error::EvalError;
use crate::value::{Datum, Integer, SqlType, decimal, text};

/// A conversion with both ends known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cast {
    /// From a type that has a text.
    ToText(SqlType),
    FromText(SqlType),
    /// From any number. Floats round to even, exact numbers away from zero.
    ToInteger(Integer),
    /// From any number; `digits` are those that a float is good for.
    ToNumeric {
        digits: usize,
    },
    ToF32,
    ToF64,
    BoolToInteger,
    IntegerToBool,
    /// From `i64` to a timestamp or a duration, or back: microseconds both ways.
    Micros(SqlType),
}

/// Digits of an `f64` that PostgreSQL takes for exact.
pub(crate) const F64_DIGITS: usize = 15;
/// Digits of an `f32` that PostgreSQL takes for exact.
pub(crate) const F32_DIGITS: usize = 6;

impl Cast {
    /// The cast between two types: `None` when there is none. Not for equal types.
    pub(crate) fn between(source: &SqlType, target: &SqlType) -> Option<Cast> {
        use SqlType::{Bool, Composite, Duration, F32, F64, Int, Numeric, String, Timestamp};

        let big = |ty: &SqlType| matches!(ty, Int(Integer::I64));
        Some(match (source, target) {
            (Composite(_), _) | (_, Composite(_)) => return None,
            (_, String) => Cast::ToText(source.clone()),
            (String, _) => Cast::FromText(target.clone()),
            (Bool, Int(_)) => Cast::BoolToInteger,
            (Int(_), Bool) => Cast::IntegerToBool,
            (Timestamp | Duration, _) if big(target) => Cast::Micros(target.clone()),
            (_, Timestamp | Duration) if big(source) => Cast::Micros(target.clone()),
            _ if !source.is_number() || !target.is_number() => return None,
            (_, Int(integer)) => Cast::ToInteger(*integer),
            (F32, Numeric) => Cast::ToNumeric { digits: F32_DIGITS },
            (_, Numeric) => Cast::ToNumeric { digits: F64_DIGITS },
            (_, F32) => Cast::ToF32,
            (_, F64) => Cast::ToF64,
            _ => return None,
        })
    }

    /// The type of the result; for casts between numbers it is in the variant.
    pub(crate) fn target(&self) -> SqlType {
        match self {
            Cast::ToText(_) => SqlType::String,
            Cast::FromText(ty) | Cast::Micros(ty) => ty.clone(),
            Cast::ToInteger(integer) => SqlType::Int(*integer),
            Cast::ToNumeric { .. } => SqlType::Numeric,
            Cast::ToF32 => SqlType::F32,
            Cast::ToF64 => SqlType::F64,
            Cast::BoolToInteger => SqlType::Int(Integer::I32),
            Cast::IntegerToBool => SqlType::Bool,
        }
    }

    /// Null stays null.
    pub(crate) fn apply<'e>(&self, value: Datum<'e>) -> Result<Datum<'e>, EvalError> {
        match (self, value) {
            (_, Datum::Null) => Ok(Datum::Null),
            (Cast::ToText(ty), value) => {
                let mut out = String::new();
                text::format(ty, &value, &mut out);
                Ok(Datum::text(out))
            }
            (Cast::FromText(ty), Datum::Text(text)) => text::parse(ty, &text),
            (Cast::ToInteger(integer), value) => to_integer(*integer, value),
            (Cast::ToNumeric { digits }, Datum::Float(value)) => float_to_numeric(value, *digits),
            (Cast::ToF64, value) => Ok(Datum::Float(to_f64(&value))),
            (Cast::ToF32, value) => to_f32(to_f64(&value)),
            (Cast::BoolToInteger, Datum::Bool(value)) => Ok(Datum::Int(value.into())),
            (Cast::IntegerToBool, Datum::Int(value)) => Ok(Datum::Bool(value != 0)),
            (Cast::IntegerToBool, Datum::Decimal(_)) => Ok(Datum::Bool(true)),
            (Cast::ToNumeric { .. } | Cast::Micros(_), value) => Ok(value),
            (cast, value) => unreachable!("{cast:?} of {value:?}"),
        }
    }
}

fn to_integer<'e>(integer: Integer, value: Datum<'e>) -> Result<Datum<'e>, EvalError> {
    let out_of_range = EvalError::OutOfRange { type_name: integer.name() };
    let whole = match value {
        Datum::Float(value) => float_to_integer(value).ok_or_else(|| out_of_range.clone())?,
        Datum::Decimal(_) => decimal::round(&value, 0)?,
        whole => whole,
    };
    let fits = match &whole {
        Datum::Int(value) => integer.holds(*value),
        Datum::Decimal(value) => integer == Integer::U128 && value.to_u128().is_some(),
        _ => false,
    };
    if fits { Ok(whole) } else { Err(out_of_range) }
}

fn float_to_integer(value: f64) -> Option<Datum<'static>> {
    const TWO_TO_127: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    let rounded = value.round_ties_even();
    if (-TWO_TO_127..TWO_TO_127).contains(&rounded) {
        return Some(Datum::Int(rounded as i128));
    }
    let unsigned = (TWO_TO_127..2.0 * TWO_TO_127).contains(&rounded);
    unsigned.then(|| Datum::Decimal(Box::new(BigDecimal::from(rounded as u128))))
}

fn float_to_numeric(value: f64, digits: usize) -> Result<Datum<'static>, EvalError> {
    let text = format!("{value:.*e}", digits - 1);
    match decimal::parse(&text) {
        Some(value) => decimal::datum(value.normalized()),
        None => Err(EvalError::OutOfRange { type_name: "numeric" }), // NaN and the infinities.
    }
}

fn to_f64(value: &Datum<'_>) -> f64 {
    match value {
        Datum::Float(value) => *value,
        Datum::Int(value) => *value as f64,
        Datum::Decimal(value) => decimal::to_f64(value),
        other => unreachable!("a number, not {other:?}"),
    }
}

fn to_f32(value: f64) -> Result<Datum<'static>, EvalError> {
    let narrow = f64::from(value as f32);
    if (narrow.is_infinite() && value.is_finite()) || (narrow == 0.0 && value != 0.0) {
        return Err(EvalError::OutOfRange { type_name: "f32" });
    }
    Ok(Datum::Float(narrow))
}
