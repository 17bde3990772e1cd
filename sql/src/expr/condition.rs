//! Evaluates conditions with three-valued logic: true, false, and `None` for unknown.
//!
//! Most rows that a scan reads only answer a comparison of a column with a constant. Such operands are looked at where
//! they lie ([`Peek`]): no value is made, and a stored text is compared as its bytes.

use core::cmp::Ordering;

use super::evaluate::Inputs;
use super::tuple::{Cell, Part};
use super::{ColumnRef, Comparison, Expr, Like, like};
use crate::error::EvalError;
use crate::value::column::{decode_small_integer, present_bytes};
use crate::value::compare::compare;
use crate::value::{Datum, SqlType};

type Truth = Result<Option<bool>, EvalError>;

impl Expr {
    /// The truth of an expression of type bool.
    pub(crate) fn truth<'e>(&'e self, inputs: Inputs<'_, 'e>) -> Truth {
        match self {
            Expr::Compare { op, left, right } => {
                Ok(ordering(left, right, inputs)?.map(|ordering| op.holds(ordering)))
            }
            Expr::And(list) => connective(list, false, inputs),
            Expr::Or(list) => connective(list, true, inputs),
            Expr::Not(expr) => Ok(expr.truth(inputs)?.map(|truth| !truth)),
            Expr::IsNull { expr, negated } => {
                Ok(Some(expr.evaluate(inputs)?.is_null() != *negated))
            }
            Expr::IsTruth { expr, truth, negated } => {
                Ok(Some((expr.truth(inputs)? == *truth) != *negated))
            }
            Expr::IsDistinct { left, right, negated } => {
                let (left, right) = (left.evaluate(inputs)?, right.evaluate(inputs)?);
                let same = match (left.is_null(), right.is_null()) {
                    (false, false) => compare(&left, &right).is_eq(),
                    (left, right) => left == right,
                };
                Ok(Some(same == *negated))
            }
            Expr::InList { expr, list, negated } => in_list(expr, list, *negated, inputs),
            Expr::Between { expr, low, high, negated } => {
                let between = between(expr, low, high, inputs)?;
                Ok(between.map(|between| between != *negated))
            }
            Expr::Like(like) => matches(like, inputs),
            value => Ok(match value.evaluate(inputs)? {
                Datum::Bool(truth) => Some(truth),
                _ => None,
            }),
        }
    }
}

/// AND (`decisive` is false) or OR (it is true): one decisive value decides; else one unknown makes all unknown.
fn connective<'e>(list: &'e [Expr], decisive: bool, inputs: Inputs<'_, 'e>) -> Truth {
    let mut unknown = false;
    for expr in list {
        match expr.truth(inputs)? {
            Some(truth) if truth == decisive => return Ok(Some(decisive)),
            Some(_) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown { None } else { Some(!decisive) })
}

fn in_list<'e>(expr: &'e Expr, list: &'e [Expr], negated: bool, inputs: Inputs<'_, 'e>) -> Truth {
    let value = expr.evaluate(inputs)?;
    let mut unknown = value.is_null();
    for candidate in list {
        let candidate = candidate.evaluate(inputs)?;
        if value.is_null() || candidate.is_null() {
            unknown = true;
        } else if compare(&value, &candidate).is_eq() {
            return Ok(Some(!negated));
        }
    }
    Ok(if unknown { None } else { Some(negated) })
}

/// What is below the low end is not compared with the high one.
fn between<'e>(expr: &'e Expr, low: &'e Expr, high: &'e Expr, inputs: Inputs<'_, 'e>) -> Truth {
    let value = expr.evaluate(inputs)?;
    let holds = |op: Comparison, end: &'e Expr| -> Truth {
        let end = end.evaluate(inputs)?;
        let known = !value.is_null() && !end.is_null();
        Ok(known.then(|| op.holds(compare(&value, &end))))
    };
    let above = holds(Comparison::GreaterOrEqual, low)?;
    if above == Some(false) {
        return Ok(above);
    }
    let below = holds(Comparison::LessOrEqual, high)?;
    Ok(if below == Some(false) { below } else { above.and(below) })
}

fn matches<'e>(like: &'e Like, inputs: Inputs<'_, 'e>) -> Truth {
    let escape = like.escape.as_ref().map(|escape| escape.evaluate(inputs)).transpose()?;
    let (text, pattern) = (like.expr.evaluate(inputs)?, like.pattern.evaluate(inputs)?);
    let matched = like::evaluate(&text, &pattern, escape.as_ref(), like.ignore_case)?;
    Ok(matched.map(|matched| matched != like.negated))
}

/// How two operands stand to each other; `None` when either is null.
fn ordering<'e>(
    left: &'e Expr,
    right: &'e Expr,
    inputs: Inputs<'_, 'e>,
) -> Result<Option<Ordering>, EvalError> {
    match (Peek::at(left, inputs), Peek::at(right, inputs)) {
        (Peek::Integer(left), Peek::Integer(right)) => return Ok(Some(left.cmp(&right))),
        (Peek::Bytes(left), Peek::Bytes(right)) => return Ok(Some(left.cmp(right))),
        // The other operand might still fail, and then it has to.
        (Peek::Null, Peek::Null | Peek::Integer(_) | Peek::Bytes(_))
        | (Peek::Integer(_) | Peek::Bytes(_), Peek::Null) => return Ok(None),
        _ => {}
    }
    let (left, right) = (left.evaluate(inputs)?, right.evaluate(inputs)?);
    let known = !left.is_null() && !right.is_null();
    Ok(known.then(|| compare(&left, &right)))
}

/// An operand that is compared where it lies.
enum Peek<'p> {
    Null,
    Integer(i64),
    /// A text's bytes, or those of anything else that is compared byte by byte.
    Bytes(&'p [u8]),
    /// It has to be evaluated.
    Other,
}

impl<'p> Peek<'p> {
    fn at<'e: 'p>(expr: &'e Expr, inputs: Inputs<'_, 'e>) -> Self {
        match expr {
            Expr::Literal { value, .. } => Peek::of(value),
            Expr::Param(index) => Peek::of(&inputs.params.values()[*index]),
            Expr::Column(column) => Peek::column(column, &inputs.tuple[column.part]),
            _ => Peek::Other,
        }
    }

    fn of(value: &'p Datum<'_>) -> Self {
        match value {
            Datum::Null => Peek::Null,
            Datum::Int(value) => i64::try_from(*value).map_or(Peek::Other, Peek::Integer),
            Datum::Text(text) => Peek::Bytes(text.as_bytes()),
            Datum::Bytes(bytes) => Peek::Bytes(bytes),
            _ => Peek::Other,
        }
    }

    fn column(column: &ColumnRef, part: &Part<'p>) -> Self {
        let Part::Row { .. } = part else { return Peek::Other };
        let Cell::Encoded(tail) = part.cell(column) else { return Peek::Other };
        let Some(tail) = present_bytes(column.is_option, tail) else { return Peek::Null };
        match &column.ty {
            SqlType::Int(integer) => {
                decode_small_integer(*integer, tail).map_or(Peek::Other, Peek::Integer)
            }
            SqlType::Timestamp | SqlType::Duration => tail
                .first_chunk()
                .map_or(Peek::Other, |tail| Peek::Integer(i64::from_le_bytes(*tail))),
            SqlType::String | SqlType::Identity | SqlType::ConnectionId | SqlType::Uuid => {
                Peek::Bytes(tail)
            }
            _ => Peek::Other,
        }
    }
}
