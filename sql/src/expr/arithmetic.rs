//! `+ - * / %` with PostgreSQL's result types, its overflow errors and its division.
//!
//! | domain | operands | result |
//! |---|---|---|
//! | `Integer` | 16, 32 or 64 bits | the same width, or "out of range" |
//! | `Exact` | any exact numbers | numeric |
//! | `Float32`, `Float64` | floats | the same, or "out of range" where a finite operation has no finite result |
//! | `Micros` | instants and spans | 64 bits of microseconds |

use crate::error::EvalError;
use crate::value::{Datum, Integer, decimal};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// What the operands were promoted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    /// The width that the result has to fit.
    Integer(Integer),
    Exact,
    Float32,
    Float64,
    /// The name of the result: timestamp or duration.
    Micros(&'static str),
}

impl Arithmetic {
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Remainder => "%",
        }
    }
}

/// Null when either side is.
pub(crate) fn apply<'e>(
    op: Arithmetic,
    domain: Domain,
    left: &Datum<'_>,
    right: &Datum<'_>,
) -> Result<Datum<'e>, EvalError> {
    match (left, right) {
        (Datum::Null, _) | (_, Datum::Null) => Ok(Datum::Null),
        (Datum::Float(left), Datum::Float(right)) => {
            float(op, domain, *left, *right).map(Datum::Float)
        }
        (Datum::Int(left), Datum::Int(right)) if domain != Domain::Exact => {
            let (width, type_name) = match domain {
                Domain::Integer(width) => (width, width.name()),
                Domain::Micros(name) => (Integer::I64, name),
                _ => unreachable!("{domain:?} has no integers"),
            };
            let value = integer(op, *left, *right)?;
            match value {
                Some(value) if width.holds(value) => Ok(Datum::Int(value)),
                _ => Err(EvalError::OutOfRange { type_name }),
            }
        }
        _ => exact(op, left, right),
    }
}

/// The exact result, where `i128` holds it.
fn integer(op: Arithmetic, left: i128, right: i128) -> Result<Option<i128>, EvalError> {
    Ok(match op {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Subtract => left.checked_sub(right),
        Arithmetic::Multiply => left.checked_mul(right),
        Arithmetic::Divide | Arithmetic::Remainder if right == 0 => {
            return Err(EvalError::DivisionByZero);
        }
        Arithmetic::Divide => left.checked_div(right),
        Arithmetic::Remainder => Some(left.checked_rem(right).unwrap_or(0)),
    })
}

fn exact<'e>(op: Arithmetic, left: &Datum<'_>, right: &Datum<'_>) -> Result<Datum<'e>, EvalError> {
    match op {
        Arithmetic::Add => decimal::add(left, right),
        Arithmetic::Subtract => decimal::subtract(left, right),
        Arithmetic::Multiply => decimal::multiply(left, right),
        Arithmetic::Divide => decimal::divide(left, right),
        Arithmetic::Remainder => decimal::remainder(left, right),
    }
}

fn float(op: Arithmetic, domain: Domain, left: f64, right: f64) -> Result<f64, EvalError> {
    let value = match op {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        // NaN / 0 is NaN in PostgreSQL too.
        Arithmetic::Divide if right == 0.0 && !left.is_nan() => {
            return Err(EvalError::DivisionByZero);
        }
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => unreachable!("% is not defined for floats"),
    };
    let (value, type_name) = match domain {
        // Two roundings are as good as one: f64 has more than twice the digits of f32.
        Domain::Float32 => (f64::from(value as f32), "f32"),
        _ => (value, "f64"),
    };
    let overflow = value.is_infinite() && left.is_finite() && right.is_finite();
    let vanished = match op {
        Arithmetic::Multiply => value == 0.0 && left != 0.0 && right != 0.0,
        Arithmetic::Divide => value == 0.0 && left != 0.0 && right.is_finite(),
        _ => false,
    };
    if overflow || vanished {
        return Err(EvalError::OutOfRange { type_name });
    }
    Ok(value)
}

/// Unary minus.
pub(crate) fn negate<'e>(domain: Domain, value: &Datum<'_>) -> Result<Datum<'e>, EvalError> {
    match value {
        Datum::Null => Ok(Datum::Null),
        Datum::Float(value) => Ok(Datum::Float(-value)),
        Datum::Int(_) if domain != Domain::Exact => {
            apply(Arithmetic::Subtract, domain, &Datum::Int(0), value)
        }
        _ => decimal::negate(value),
    }
}
