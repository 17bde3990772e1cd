//! Exact numbers with PostgreSQL's scales: what `numeric` arithmetic yields and how many digits it keeps.
//!
//! Integers stay in 128 bits as long as they fit; `BigDecimal` takes over beyond, and where there is a fraction.
//!
//! Invariants:
//! 1. A scale is never negative, and a value has at most [`DIGITS_MAX`] digits before and after its point each.

use bigdecimal::num_bigint::{BigInt, Sign};
use bigdecimal::num_traits::{ToPrimitive, Zero};
use bigdecimal::{BigDecimal, RoundingMode};

use super::datum::Datum;
use crate::error::EvalError;

/// Digits before the point, and digits after it. PostgreSQL allows 131,072 and 16,383; a product of two such numbers
/// would keep a shard for long.
pub(crate) const DIGITS_MAX: i64 = 1_000;

/// Digits that a quotient has at least.
const QUOTIENT_DIGITS_MIN: i64 = 16;
/// PostgreSQL counts a quotient's digits in groups of this many.
const GROUP_DIGITS: i64 = 4;

const OUT_OF_RANGE: EvalError = EvalError::OutOfRange { type_name: "numeric" };

/// A number as a datum, in its smallest form.
pub(crate) fn datum(value: BigDecimal) -> Result<Datum<'static>, EvalError> {
    let value = if value.fractional_digit_count() < 0 { value.with_scale(0) } else { value };
    let scale = value.fractional_digit_count();
    if scale > DIGITS_MAX {
        return datum(value.with_scale_round(DIGITS_MAX, RoundingMode::HalfUp));
    }
    if scale == 0
        && let Some(small) = value.to_i128()
    {
        return Ok(Datum::Int(small));
    }
    let digits = i64::try_from(value.digits()).unwrap_or(i64::MAX);
    if digits - scale > DIGITS_MAX {
        return Err(OUT_OF_RANGE);
    }
    Ok(Datum::Decimal(Box::new(value)))
}

/// The number that a datum of an exact type holds.
pub(crate) fn of(datum: &Datum<'_>) -> BigDecimal {
    match datum {
        Datum::Int(value) => BigDecimal::from(*value),
        Datum::Decimal(value) => (**value).clone(),
        other => unreachable!("an exact number, not {other:?}"),
    }
}

/// Digits after the point.
pub(crate) fn scale(value: &BigDecimal) -> i64 {
    value.fractional_digit_count().max(0)
}

pub(crate) fn add(left: &Datum<'_>, right: &Datum<'_>) -> Result<Datum<'static>, EvalError> {
    if let (Datum::Int(left), Datum::Int(right)) = (left, right)
        && let Some(sum) = left.checked_add(*right)
    {
        return Ok(Datum::Int(sum));
    }
    let (left, right) = (of(left), of(right));
    let scale = scale(&left).max(scale(&right));
    scaled(left + right, scale)
}

pub(crate) fn subtract(left: &Datum<'_>, right: &Datum<'_>) -> Result<Datum<'static>, EvalError> {
    if let (Datum::Int(left), Datum::Int(right)) = (left, right)
        && let Some(difference) = left.checked_sub(*right)
    {
        return Ok(Datum::Int(difference));
    }
    let (left, right) = (of(left), of(right));
    let scale = scale(&left).max(scale(&right));
    scaled(left - right, scale)
}

pub(crate) fn multiply(left: &Datum<'_>, right: &Datum<'_>) -> Result<Datum<'static>, EvalError> {
    if let (Datum::Int(left), Datum::Int(right)) = (left, right)
        && let Some(product) = left.checked_mul(*right)
    {
        return Ok(Datum::Int(product));
    }
    let (left, right) = (of(left), of(right));
    let scale = scale(&left) + scale(&right);
    scaled(left * right, scale)
}

/// A result with all the digits after its point that PostgreSQL gives it; `BigDecimal` drops those of a zero.
fn scaled(value: BigDecimal, scale: i64) -> Result<Datum<'static>, EvalError> {
    datum(value.with_scale(scale))
}

pub(crate) fn divide(left: &Datum<'_>, right: &Datum<'_>) -> Result<Datum<'static>, EvalError> {
    let (left, right) = (of(left), of(right));
    if right.is_zero() {
        return Err(EvalError::DivisionByZero);
    }
    let scale = quotient_scale(&left, &right);
    let (numerator, numerator_scale) = left.into_bigint_and_exponent();
    let (denominator, denominator_scale) = right.into_bigint_and_exponent();
    // numerator/10^ns ÷ denominator/10^ds, as an integer of 10^-scale.
    let shift = scale - numerator_scale + denominator_scale;
    let (numerator, denominator) = if shift >= 0 {
        (numerator * power_of_ten(shift), denominator)
    } else {
        (numerator, denominator * power_of_ten(-shift))
    };
    datum(BigDecimal::new(divide_rounding(&numerator, &denominator), scale))
}

/// Half away from zero.
fn divide_rounding(numerator: &BigInt, denominator: &BigInt) -> BigInt {
    let (quotient, rest) = (numerator / denominator, numerator % denominator);
    let twice = rest.magnitude() * 2u32;
    if &twice < denominator.magnitude() {
        return quotient;
    }
    match (numerator.sign() == Sign::Minus) == (denominator.sign() == Sign::Minus) {
        true => quotient + 1,
        false => quotient - 1,
    }
}

fn power_of_ten(exponent: i64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(exponent).expect("scales are at most DIGITS_MAX"))
}

/// How many digits PostgreSQL gives a quotient: at least 16 that mean something, and no fewer than either operand.
fn quotient_scale(left: &BigDecimal, right: &BigDecimal) -> i64 {
    let (left_weight, left_group) = leading_group(left);
    let (right_weight, right_group) = leading_group(right);
    let mut weight = left_weight - right_weight;
    if left_group <= right_group {
        weight -= 1;
    }
    let wanted = QUOTIENT_DIGITS_MIN - weight * GROUP_DIGITS;
    wanted.max(scale(left)).max(scale(right)).clamp(0, DIGITS_MAX)
}

/// The place of the first group of four digits that is not zero, counted from the point, and its value.
fn leading_group(value: &BigDecimal) -> (i64, u32) {
    let (digits, exponent) = value.as_bigint_and_exponent();
    if digits.is_zero() {
        return (0, 0);
    }
    let digits = digits.magnitude().to_string();
    let power = digits.len() as i64 - 1 - exponent;
    let weight = power.div_euclid(GROUP_DIGITS);
    let width = power.rem_euclid(GROUP_DIGITS) as usize + 1;
    let group = digits.bytes().chain(core::iter::repeat(b'0')).take(width);
    (weight, group.fold(0, |group, digit| group * 10 + u32::from(digit - b'0')))
}

/// The rest of a division that is rounded towards zero; it has the sign of `left`.
pub(crate) fn remainder(left: &Datum<'_>, right: &Datum<'_>) -> Result<Datum<'static>, EvalError> {
    if let (Datum::Int(left), Datum::Int(right)) = (left, right) {
        return match right {
            0 => Err(EvalError::DivisionByZero),
            // The one pair whose quotient overflows; its rest is 0 all the same.
            -1 => Ok(Datum::Int(0)),
            _ => Ok(Datum::Int(left % right)),
        };
    }
    let (left, right) = (of(left), of(right));
    if right.is_zero() {
        return Err(EvalError::DivisionByZero);
    }
    let common = scale(&left).max(scale(&right));
    let (numerator, _) = left.with_scale(common).into_bigint_and_exponent();
    let (denominator, _) = right.with_scale(common).into_bigint_and_exponent();
    datum(BigDecimal::new(numerator % denominator, common))
}

pub(crate) fn negate(value: &Datum<'_>) -> Result<Datum<'static>, EvalError> {
    subtract(&Datum::Int(0), value)
}

/// Rounds half away from zero to `digits` digits after the point (before it when negative).
pub(crate) fn round(value: &Datum<'_>, digits: i64) -> Result<Datum<'static>, EvalError> {
    let digits = digits.clamp(-DIGITS_MAX, DIGITS_MAX);
    if let Datum::Int(value) = value
        && digits == 0
    {
        return Ok(Datum::Int(*value));
    }
    let rounded = of(value).with_scale_round(digits, RoundingMode::HalfUp);
    datum(rounded.with_scale(digits.max(0)))
}

/// Rounds towards zero to `digits` digits after the point (before it when negative).
pub(crate) fn trunc(value: &Datum<'_>, digits: i64) -> Result<Datum<'static>, EvalError> {
    let digits = digits.clamp(-DIGITS_MAX, DIGITS_MAX);
    if let Datum::Int(value) = value
        && digits == 0
    {
        return Ok(Datum::Int(*value));
    }
    let truncated = of(value).with_scale_round(digits, RoundingMode::Down);
    datum(truncated.with_scale(digits.max(0)))
}

pub(crate) fn floor(value: &Datum<'_>) -> Result<Datum<'static>, EvalError> {
    integral(value, RoundingMode::Floor)
}

pub(crate) fn ceil(value: &Datum<'_>) -> Result<Datum<'static>, EvalError> {
    integral(value, RoundingMode::Ceiling)
}

fn integral(value: &Datum<'_>, mode: RoundingMode) -> Result<Datum<'static>, EvalError> {
    match value {
        Datum::Int(value) => Ok(Datum::Int(*value)),
        other => datum(of(other).with_scale_round(0, mode)),
    }
}

/// The nearest float.
pub(crate) fn to_f64(value: &BigDecimal) -> f64 {
    // Through its text: the standard library rounds correctly at every length.
    value.to_scientific_notation().parse().unwrap_or(f64::NAN)
}

/// A number as digits with a point, never with an exponent.
pub(crate) fn write(value: &BigDecimal, out: &mut String) {
    out.push_str(&value.to_plain_string());
}

/// Reads a decimal number with an optional sign, fraction and exponent; nothing around it.
pub(crate) fn parse(text: &str) -> Option<BigDecimal> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    let too_long = whole.len() + fraction.len() > 2 * DIGITS_MAX as usize;
    if digits().next().is_none() || !digits().all(|byte| byte.is_ascii_digit()) || too_long {
        return None;
    }
    if exponent.abs() > DIGITS_MAX {
        return None;
    }
    let number = BigInt::parse_bytes(format!("{whole}{fraction}").as_bytes(), 10)?;
    let number = if text.starts_with('-') { -number } else { number };
    let value = BigDecimal::new(number, fraction.len() as i64 - exponent);
    Some(if value.fractional_digit_count() < 0 { value.with_scale(0) } else { value })
}
