//! The functions that a query may call, once their arguments' types are known.

mod number;
mod text;
mod time;

use super::Expr;
use super::arithmetic::Domain;
use crate::error::EvalError;
use crate::value::{Datum, decimal};
pub(crate) use number::Float;
pub(crate) use text::fold_case;

/// Bytes of the longest text that an expression makes.
pub(crate) const TEXT_BYTES_MAX: usize = 16 << 20;

/// A function with its arguments' types resolved. Null for a null argument, all of them but `Concat` and `ConcatWith`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Lower,
    Upper,
    /// The first letter of every word in upper case, all others in lower case.
    InitCap,
    /// Characters of a text, bytes of a byte string.
    Length,
    OctetLength,
    /// Takes the characters of its second argument, or spaces, off both ends.
    Trim(Side),
    /// From a character on, counted from 1; so many, or all that follow.
    Substring,
    /// Where a text first stands in another, counted from 1; 0 when nowhere.
    Position,
    Replace,
    Translate,
    /// All texts that are not null.
    Concat,
    /// As `Concat`, with the first argument between them.
    ConcatWith,
    Left,
    Right,
    Pad(Side),
    StartsWith,
    SplitPart,
    Reverse,
    Repeat,
    Abs(Domain),
    Floor,
    Ceil,
    /// To an integer: floats to even, exact numbers away from zero.
    Round,
    /// An exact number to so many digits.
    RoundTo,
    Trunc,
    TruncTo,
    Sign,
    /// Of floats alone.
    Float(Float),
    /// A part of an instant or of a span, as a `numeric` or as an `f64`.
    Extract {
        of: TimeForm,
        as_float: bool,
    },
    /// An instant or a span without what is finer than a unit.
    DateTrunc(TimeForm),
    /// The begin of the stride, counted from an origin, that an instant lies in.
    DateBin,
    /// The instant so many seconds after the epoch.
    ToTimestamp,
    /// A span so many times.
    ScaleDuration,
    /// A span in so many parts.
    DivideDuration,
}

/// Which end of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Both,
    Left,
    Right,
}

/// What microseconds stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeForm {
    Timestamp,
    Duration,
}

impl Function {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Function::Lower => "lower",
            Function::Upper => "upper",
            Function::InitCap => "initcap",
            Function::Length => "length",
            Function::OctetLength => "octet_length",
            Function::Trim(Side::Both) => "btrim",
            Function::Trim(Side::Left) => "ltrim",
            Function::Trim(Side::Right) => "rtrim",
            Function::Substring => "substring",
            Function::Position => "strpos",
            Function::Replace => "replace",
            Function::Translate => "translate",
            Function::Concat => "concat",
            Function::ConcatWith => "concat_ws",
            Function::Left => "left",
            Function::Right => "right",
            Function::Pad(Side::Right) => "rpad",
            Function::Pad(_) => "lpad",
            Function::StartsWith => "starts_with",
            Function::SplitPart => "split_part",
            Function::Reverse => "reverse",
            Function::Repeat => "repeat",
            Function::Abs(_) => "abs",
            Function::Floor => "floor",
            Function::Ceil => "ceil",
            Function::Round | Function::RoundTo => "round",
            Function::Trunc | Function::TruncTo => "trunc",
            Function::Sign => "sign",
            Function::Float(float) => float.name(),
            Function::Extract { as_float: false, .. } => "extract",
            Function::Extract { as_float: true, .. } => "date_part",
            Function::DateTrunc(_) => "date_trunc",
            Function::DateBin => "date_bin",
            Function::ToTimestamp => "to_timestamp",
            Function::ScaleDuration => "times",
            Function::DivideDuration => "divided_by",
        }
    }

    pub(crate) fn call<'e>(
        self,
        args: &'e [Expr],
        value: impl Fn(&'e Expr) -> Result<Datum<'e>, EvalError>,
    ) -> Result<Datum<'e>, EvalError> {
        if let Function::Concat | Function::ConcatWith = self {
            return text::concat_all(self == Function::ConcatWith, args, value);
        }
        let mut values: [Datum<'e>; ARGUMENTS_MAX] = [const { Datum::Null }; ARGUMENTS_MAX];
        let mut is_null = false;
        for (place, arg) in values.iter_mut().zip(args) {
            *place = value(arg)?;
            is_null |= place.is_null();
        }
        if is_null {
            return Ok(Datum::Null);
        }
        let [first, second, third] = values;
        match self {
            Function::Abs(domain) => number::absolute(domain, first),
            Function::Floor | Function::Ceil | Function::Round | Function::Trunc => {
                number::rounded(self, first)
            }
            // Digits beyond what a number can have change nothing.
            Function::RoundTo => decimal::round(&first, digits(&second)),
            Function::TruncTo => decimal::trunc(&first, digits(&second)),
            Function::Sign => Ok(number::sign(&first)),
            Function::Float(float) => float.apply(&first, &second),
            Function::Extract { of, as_float } => time::extract(&first, &second, of, as_float),
            Function::DateTrunc(of) => time::truncate(&first, &second, of),
            Function::DateBin => time::bin(&first, &second, &third),
            Function::ToTimestamp => time::from_epoch(&first),
            Function::ScaleDuration => time::scale(&first, &second),
            Function::DivideDuration => time::divide(&first, &second),
            _ => text::call(self, first, second, third, args.len()),
        }
    }
}

/// Arguments of the longest call, but for those of `concat`.
const ARGUMENTS_MAX: usize = 3;

fn digits(value: &Datum<'_>) -> i64 {
    match value {
        Datum::Int(digits) => (*digits).clamp(-10_000, 10_000) as i64,
        _ => 0,
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

pub(crate) fn check_length(bytes: usize) -> Result<(), EvalError> {
    if bytes > TEXT_BYTES_MAX {
        return Err(EvalError::TextTooLong { bytes_max: TEXT_BYTES_MAX });
    }
    Ok(())
}
