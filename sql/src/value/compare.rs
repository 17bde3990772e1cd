//! Orders values, and gives equal values equal bytes.
//!
//! PostgreSQL's order: `false < true`; numbers by size with NaN equal to itself and above all others; texts and bytes
//! byte by byte (collation "C"). Null is left to the caller: operators, sorting and grouping each treat it their way.
//!
//! Invariants:
//! 1. Two values that are not null and of one comparison compare as equal exactly when [`encode_key`] gives the same
//!    bytes for both, and [`Ordering::Equal`] is an equivalence.

use core::cmp::Ordering;

use bigdecimal::BigDecimal;
use bigdecimal::num_traits::Zero;

use super::datum::Datum;

/// Orders two values that are not null. The binder made sure that their types can be compared.
pub(crate) fn compare(left: &Datum<'_>, right: &Datum<'_>) -> Ordering {
    match (left, right) {
        (Datum::Int(left), Datum::Int(right)) => left.cmp(right),
        (Datum::Text(left), Datum::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
        (Datum::Bytes(left), Datum::Bytes(right)) => left.cmp(right),
        (Datum::Bool(left), Datum::Bool(right)) => left.cmp(right),
        (Datum::Float(left), Datum::Float(right)) => compare_floats(*left, *right),
        (Datum::Decimal(left), Datum::Decimal(right)) => left.cmp(right),
        (Datum::Int(left), Datum::Decimal(right)) => BigDecimal::from(*left).cmp(right),
        (Datum::Decimal(left), Datum::Int(right)) => (**left).cmp(&BigDecimal::from(*right)),
        (left, right) => unreachable!("{left:?} and {right:?} are never compared"),
    }
}

/// As [`compare`], and of equal values that an answer shows as different ones the same comes first always.
pub(crate) fn compare_shown(left: &Datum<'_>, right: &Datum<'_>) -> Ordering {
    compare(left, right).then_with(|| match (left, right) {
        (Datum::Float(left), Datum::Float(right)) => left.to_bits().cmp(&right.to_bits()),
        (Datum::Decimal(left), Datum::Decimal(right)) => {
            let scale = |number: &BigDecimal| number.as_bigint_and_scale().1;
            scale(left).cmp(&scale(right))
        }
        (Datum::Int(_), Datum::Decimal(_)) => Ordering::Less,
        (Datum::Decimal(_), Datum::Int(_)) => Ordering::Greater,
        _ => Ordering::Equal,
    })
}

/// By size; NaN is above infinity, and the two zeros are one.
pub(crate) fn compare_floats(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

/// Appends bytes that are the same exactly for values that are the same, null among them. They say where they end.
pub(crate) fn encode_key(datum: &Datum<'_>, out: &mut Vec<u8>) {
    match datum {
        Datum::Null => out.push(0),
        Datum::Bool(value) => out.extend_from_slice(&[1, u8::from(*value)]),
        Datum::Int(value) => encode_integer(*value, out),
        Datum::Decimal(value) => encode_decimal(value, out),
        Datum::Float(value) => {
            out.push(3);
            let one_zero_and_one_nan = if value.is_nan() { f64::NAN } else { *value + 0.0 };
            out.extend_from_slice(&one_zero_and_one_nan.to_le_bytes());
        }
        Datum::Text(text) => encode_bytes(text.as_bytes(), out),
        Datum::Bytes(bytes) => encode_bytes(bytes, out),
    }
}

fn encode_integer(value: i128, out: &mut Vec<u8>) {
    match i64::try_from(value) {
        Ok(small) => {
            out.push(2);
            out.extend_from_slice(&small.to_le_bytes());
        }
        Err(_) => {
            out.push(4);
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// Zeros after the last digit do not count: `1.0` is `1`.
fn encode_decimal(value: &BigDecimal, out: &mut Vec<u8>) {
    use bigdecimal::num_traits::ToPrimitive;

    let shortest = value.normalized();
    if shortest.is_zero() {
        return encode_integer(0, out);
    }
    if shortest.is_integer()
        && let Some(small) = shortest.to_i128()
    {
        return encode_integer(small, out);
    }
    let (digits, exponent) = shortest.into_bigint_and_exponent();
    out.push(5);
    out.extend_from_slice(&exponent.to_le_bytes());
    encode_bytes(&digits.to_signed_bytes_le(), out);
}

fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(6);
    out.extend_from_slice(&bytes.len().to_le_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::decimal;

    fn number(text: &str) -> Datum<'static> {
        decimal::datum(decimal::parse(text).unwrap()).unwrap()
    }

    #[track_caller]
    fn check(left: Datum<'_>, right: Datum<'_>, expected: Ordering) {
        assert_eq!(compare(&left, &right), expected, "{left:?} {right:?}");
        assert_eq!(compare(&right, &left), expected.reverse());
        let (mut a, mut b) = (Vec::new(), Vec::new());
        encode_key(&left, &mut a);
        encode_key(&right, &mut b);
        assert_eq!(a == b, expected == Ordering::Equal, "{left:?} {right:?}");
    }

    #[test]
    fn numbers_compare_by_size_whatever_their_form() {
        check(number("1"), number("1.00"), Ordering::Equal);
        check(number("0"), number("-0.000"), Ordering::Equal);
        check(number("1.5"), number("1.25"), Ordering::Greater);
        check(number("1e40"), number("340282366920938463463374607431768211455"), Ordering::Greater);
        check(number("100"), number("1e2"), Ordering::Equal);
        check(Datum::Int(i128::MIN), Datum::Int(i128::MAX), Ordering::Less);
    }

    #[test]
    fn nan_is_above_infinity_and_equal_to_itself() {
        check(Datum::Float(f64::NAN), Datum::Float(-f64::NAN), Ordering::Equal);
        check(Datum::Float(f64::NAN), Datum::Float(f64::INFINITY), Ordering::Greater);
        check(Datum::Float(0.0), Datum::Float(-0.0), Ordering::Equal);
    }

    #[test]
    fn what_is_shown_differently_is_told_apart() {
        for (left, right) in [
            (Datum::Float(0.0), Datum::Float(-0.0)),
            (number("1.0"), number("1.00")),
            (Datum::Int(1), number("1.0")),
        ] {
            assert!(compare(&left, &right).is_eq() && compare_shown(&left, &right).is_lt());
            assert!(compare_shown(&right, &left).is_gt() && compare_shown(&left, &left).is_eq());
        }
        assert!(compare_shown(&number("1.00"), &number("2")).is_lt());
    }

    #[test]
    fn texts_compare_by_bytes() {
        check(Datum::text("Z"), Datum::text("a"), Ordering::Less);
        check(Datum::text("z"), Datum::text("é"), Ordering::Less);
        check(Datum::text(""), Datum::text("a"), Ordering::Less);
    }
}
