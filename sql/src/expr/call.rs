//! The functions that a query may call, once their arguments' types are known.

use super::Expr;
use super::arithmetic::{self, Domain};
use crate::error::EvalError;
use crate::value::compare::compare;
use crate::value::{Datum, decimal};

/// Bytes of the longest text that an expression makes.
pub(crate) const TEXT_BYTES_MAX: usize = 16 << 20;

/// A function with its arguments' types resolved. Null for a null argument, all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Lower,
    Upper,
    /// Characters of a text, bytes of a byte string.
    Length,
    OctetLength,
    Abs(Domain),
    Floor,
    Ceil,
    /// To an integer: floats to even, exact numbers away from zero.
    Round,
    /// An exact number to so many digits.
    RoundTo,
}

impl Function {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Function::Lower => "lower",
            Function::Upper => "upper",
            Function::Length => "length",
            Function::OctetLength => "octet_length",
            Function::Abs(_) => "abs",
            Function::Floor => "floor",
            Function::Ceil => "ceil",
            Function::Round | Function::RoundTo => "round",
        }
    }

    pub(crate) fn call<'e>(
        self,
        args: &'e [Expr],
        value: impl Fn(&'e Expr) -> Result<Datum<'e>, EvalError>,
    ) -> Result<Datum<'e>, EvalError> {
        let first = value(&args[0])?;
        if first.is_null() {
            return Ok(Datum::Null);
        }
        match (self, first) {
            (Function::Lower, Datum::Text(text)) => map_chars(&text, fold_case),
            (Function::Upper, Datum::Text(text)) => map_chars(&text, upper),
            (Function::Length, Datum::Text(text)) => Ok(count(text.chars().count())),
            (Function::OctetLength, Datum::Text(text)) => Ok(count(text.len())),
            (Function::Length | Function::OctetLength, Datum::Bytes(bytes)) => {
                Ok(count(bytes.len()))
            }
            (Function::Abs(domain), number) => absolute(domain, number),
            (Function::Floor, Datum::Float(number)) => Ok(Datum::Float(number.floor())),
            (Function::Ceil, Datum::Float(number)) => Ok(Datum::Float(number.ceil())),
            (Function::Round, Datum::Float(number)) => Ok(Datum::Float(number.round_ties_even())),
            (Function::Floor, number) => decimal::floor(&number),
            (Function::Ceil, number) => decimal::ceil(&number),
            (Function::Round, number) => decimal::round(&number, 0),
            (Function::RoundTo, number) => match value(&args[1])? {
                // Digits beyond what a number can have change nothing.
                Datum::Int(digits) => decimal::round(&number, digits.clamp(-10_000, 10_000) as i64),
                _ => Ok(Datum::Null),
            },
            (function, other) => unreachable!("{} of {other:?}", function.name()),
        }
    }
}

fn count(count: usize) -> Datum<'static> {
    Datum::Int(count as i128)
}

fn absolute(domain: Domain, number: Datum<'_>) -> Result<Datum<'_>, EvalError> {
    match number {
        Datum::Float(number) => Ok(Datum::Float(number.abs())),
        negative if compare(&negative, &Datum::Int(0)).is_lt() => {
            arithmetic::negate(domain, &negative)
        }
        positive => Ok(positive),
    }
}

/// `||` of two texts or of two byte strings.
pub(crate) fn concat<'e>(left: Datum<'_>, right: Datum<'_>) -> Result<Datum<'e>, EvalError> {
    let joined = match (left, right) {
        (Datum::Text(left), Datum::Text(right)) => {
            check_length(left.len() + right.len())?;
            Datum::text(left.into_owned() + &right)
        }
        (Datum::Bytes(left), Datum::Bytes(right)) => {
            check_length(left.len() + right.len())?;
            let mut joined = left.into_owned();
            joined.extend_from_slice(&right);
            Datum::Bytes(joined.into())
        }
        _ => Datum::Null,
    };
    Ok(joined)
}

fn check_length(bytes: usize) -> Result<(), EvalError> {
    if bytes > TEXT_BYTES_MAX {
        return Err(EvalError::TextTooLong { bytes_max: TEXT_BYTES_MAX });
    }
    Ok(())
}

fn map_chars<'e>(text: &str, map: impl Fn(char) -> char) -> Result<Datum<'e>, EvalError> {
    // A character's other case may take a byte more or two.
    let mapped: String = text.chars().map(map).collect();
    check_length(mapped.len())?;
    Ok(Datum::text(mapped))
}

/// The lower case of a character, where it is one character.
pub(crate) fn fold_case(char: char) -> char {
    single(char, char.to_lowercase())
}

fn upper(char: char) -> char {
    single(char, char.to_uppercase())
}

fn single(char: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => char,
    }
}
