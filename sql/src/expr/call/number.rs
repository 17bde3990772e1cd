//! Functions of numbers.

use super::Function;
use crate::error::EvalError;
use crate::expr::arithmetic::{self, Domain};
use crate::value::compare::compare;
use crate::value::{Datum, decimal};

/// A function of floats. Its results are those of the machine's library, to the last digit or the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Float {
    Power,
    Sqrt,
    Cbrt,
    Exp,
    Ln,
    /// To the base 10, or to the first of two arguments.
    Log10,
    Log,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Atan2,
    Degrees,
    Radians,
}

impl Float {
    /// The function of a name and a number of arguments.
    pub(crate) fn by_name(name: &str, args: usize) -> Option<Self> {
        Some(match (name, args) {
            ("power" | "pow", 2) => Float::Power,
            ("sqrt", 1) => Float::Sqrt,
            ("cbrt", 1) => Float::Cbrt,
            ("exp", 1) => Float::Exp,
            ("ln", 1) => Float::Ln,
            ("log" | "log10", 1) => Float::Log10,
            ("log", 2) => Float::Log,
            ("sin", 1) => Float::Sin,
            ("cos", 1) => Float::Cos,
            ("tan", 1) => Float::Tan,
            ("asin", 1) => Float::Asin,
            ("acos", 1) => Float::Acos,
            ("atan", 1) => Float::Atan,
            ("atan2", 2) => Float::Atan2,
            ("degrees", 1) => Float::Degrees,
            ("radians", 1) => Float::Radians,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Float::Power => "power",
            Float::Sqrt => "sqrt",
            Float::Cbrt => "cbrt",
            Float::Exp => "exp",
            Float::Ln => "ln",
            Float::Log10 | Float::Log => "log",
            Float::Sin => "sin",
            Float::Cos => "cos",
            Float::Tan => "tan",
            Float::Asin => "asin",
            Float::Acos => "acos",
            Float::Atan => "atan",
            Float::Atan2 => "atan2",
            Float::Degrees => "degrees",
            Float::Radians => "radians",
        }
    }

    /// `second` counts where it takes two.
    pub(super) fn apply<'e>(
        self,
        first: &Datum<'_>,
        second: &Datum<'_>,
    ) -> Result<Datum<'e>, EvalError> {
        let x = float(first);
        let value = match self {
            Float::Power => return power(x, float(second)).map(Datum::Float),
            Float::Sqrt if x < 0.0 => return undefined("the square root of a negative number"),
            Float::Ln | Float::Log10 if x <= 0.0 => return undefined(LOGARITHM),
            Float::Log if x <= 0.0 || float(second) <= 0.0 => return undefined(LOGARITHM),
            Float::Asin | Float::Acos if x.abs() > 1.0 => {
                return undefined("the arc of a number beyond 1");
            }
            Float::Sin | Float::Cos | Float::Tan if x.is_infinite() => {
                return undefined("the sine of infinity");
            }
            Float::Sqrt => x.sqrt(),
            Float::Cbrt => x.cbrt(),
            Float::Exp => x.exp(),
            Float::Ln => x.ln(),
            Float::Log10 => x.log10(),
            Float::Log if x == 1.0 => return Err(EvalError::DivisionByZero),
            Float::Log => float(second).ln() / x.ln(),
            Float::Sin => x.sin(),
            Float::Cos => x.cos(),
            Float::Tan => x.tan(),
            Float::Asin => x.asin(),
            Float::Acos => x.acos(),
            Float::Atan => x.atan(),
            Float::Atan2 => x.atan2(float(second)),
            Float::Degrees => x.to_degrees(),
            Float::Radians => x.to_radians(),
        };
        let vanished = self == Float::Exp && value == 0.0 && x.is_finite();
        if (value.is_infinite() && x.is_finite()) || vanished {
            return Err(EvalError::OutOfRange { type_name: "f64" });
        }
        Ok(Datum::Float(value))
    }
}

const LOGARITHM: &str = "the logarithm of zero or less";

fn undefined<T>(what: &'static str) -> Result<T, EvalError> {
    Err(EvalError::Undefined { what })
}

fn float(value: &Datum<'_>) -> f64 {
    match value {
        Datum::Float(value) => *value,
        other => unreachable!("{other:?} is no float"),
    }
}

fn power(base: f64, exponent: f64) -> Result<f64, EvalError> {
    if base == 0.0 && exponent < 0.0 {
        return undefined("a negative power of zero");
    }
    if base < 0.0 && base.is_finite() && exponent.is_finite() && exponent.fract() != 0.0 {
        return undefined("a broken power of a negative number");
    }
    let value = base.powf(exponent);
    let is_finite = base.is_finite() && exponent.is_finite();
    if is_finite && (value.is_infinite() || (value == 0.0 && base != 0.0)) {
        return Err(EvalError::OutOfRange { type_name: "f64" });
    }
    Ok(value)
}

pub(super) fn absolute(domain: Domain, number: Datum<'_>) -> Result<Datum<'_>, EvalError> {
    match number {
        Datum::Float(number) => Ok(Datum::Float(number.abs())),
        negative if compare(&negative, &Datum::Int(0)).is_lt() => {
            arithmetic::negate(domain, &negative)
        }
        positive => Ok(positive),
    }
}

/// To an integer, in the way of the function.
pub(super) fn rounded<'e>(function: Function, number: Datum<'_>) -> Result<Datum<'e>, EvalError> {
    match (function, number) {
        (Function::Floor, Datum::Float(number)) => Ok(Datum::Float(number.floor())),
        (Function::Ceil, Datum::Float(number)) => Ok(Datum::Float(number.ceil())),
        (Function::Trunc, Datum::Float(number)) => Ok(Datum::Float(number.trunc())),
        (_, Datum::Float(number)) => Ok(Datum::Float(number.round_ties_even())),
        (Function::Floor, number) => decimal::floor(&number),
        (Function::Ceil, number) => decimal::ceil(&number),
        (Function::Trunc, number) => decimal::trunc(&number, 0),
        (_, number) => decimal::round(&number, 0),
    }
}

pub(super) fn sign<'e>(number: &Datum<'_>) -> Datum<'e> {
    match number {
        Datum::Float(number) if *number > 0.0 => Datum::Float(1.0),
        Datum::Float(number) if *number < 0.0 => Datum::Float(-1.0),
        // Of NaN it is NaN.
        Datum::Float(number) => Datum::Float(if number.is_nan() { *number } else { 0.0 }),
        number => Datum::Int(compare(number, &Datum::Int(0)) as i128),
    }
}
