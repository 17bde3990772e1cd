//! Evaluates expressions over one tuple.

use core::cmp::Ordering;

use super::tuple::Part;
use super::{Case, Comparison, Expr, arithmetic, call, like};
use crate::error::EvalError;
use crate::value::Datum;
use crate::value::compare::compare;

type Value<'e> = Result<Datum<'e>, EvalError>;

impl Expr {
    /// The value over `tuple`. `params` are all that the plan has, of the types that it inferred.
    pub(crate) fn evaluate<'e>(
        &'e self,
        tuple: &[Part<'e>],
        params: &'e [Datum<'static>],
    ) -> Value<'e> {
        let value = |expr: &'e Expr| expr.evaluate(tuple, params);
        match self {
            Expr::Literal { value, .. } => Ok(borrowed(value)),
            Expr::Param(index) => Ok(borrowed(&params[*index])),
            Expr::Column(column) => Ok(tuple[column.part].column(column)),
            Expr::Not(expr) => Ok(not(value(expr)?)),
            Expr::And(list) => connective(list, false, value),
            Expr::Or(list) => connective(list, true, value),
            Expr::Compare { op, left, right } => {
                let (left, right) = (value(left)?, value(right)?);
                Ok(compare_by(*op, &left, &right))
            }
            Expr::IsNull { expr, negated } => Ok(Datum::Bool(value(expr)?.is_null() != *negated)),
            Expr::IsTruth { expr, truth, negated } => {
                let holds = match value(expr)? {
                    Datum::Bool(value) => *truth == Some(value),
                    _ => truth.is_none(),
                };
                Ok(Datum::Bool(holds != *negated))
            }
            Expr::IsDistinct { left, right, negated } => {
                let (left, right) = (value(left)?, value(right)?);
                Ok(Datum::Bool(is_same(&left, &right) == *negated))
            }
            Expr::InList { expr, list, negated } => in_list(value(expr)?, list, *negated, value),
            Expr::Between { expr, low, high, negated } => {
                let expr = value(expr)?;
                let above = compare_by(Comparison::GreaterOrEqual, &expr, &value(low)?);
                let between = match above {
                    Datum::Bool(false) => above,
                    above => and(above, compare_by(Comparison::LessOrEqual, &expr, &value(high)?)),
                };
                Ok(if *negated { not(between) } else { between })
            }
            Expr::Coalesce(list) => coalesce(list, value),
            Expr::NullIf { left, right } => {
                let (left, right) = (value(left)?, value(right)?);
                let equal = compare_by(Comparison::Equal, &left, &right).is_true();
                Ok(if equal { Datum::Null } else { left })
            }
            Expr::Extreme { greatest, list } => extreme(*greatest, list, value),
            Expr::Case(case) => case.evaluate(value),
            Expr::Like(expr) => {
                let escape = expr.escape.as_ref().map(value).transpose()?;
                let (text, pattern) = (value(&expr.expr)?, value(&expr.pattern)?);
                let matched = like::evaluate(&text, &pattern, escape.as_ref(), expr.ignore_case)?;
                Ok(if expr.negated { not(matched) } else { matched })
            }
            Expr::Arithmetic { op, domain, left, right } => {
                let (left, right) = (value(left)?, value(right)?);
                arithmetic::apply(*op, *domain, &left, &right)
            }
            Expr::Negate { domain, expr } => arithmetic::negate(*domain, &value(expr)?),
            Expr::Concat { left, right } => call::concat(value(left)?, value(right)?),
            Expr::Call { function, args } => function.call(args, value),
            Expr::Cast { expr, cast } => cast.apply(value(expr)?),
            Expr::Aggregate(index) => unreachable!("aggregate {index} was left in an expression"),
        }
    }
}

/// A value that borrows from one that is kept.
pub(crate) fn borrowed<'e>(value: &'e Datum<'static>) -> Datum<'e> {
    match value {
        Datum::Text(text) => Datum::text(&**text),
        Datum::Bytes(bytes) => Datum::Bytes((&**bytes).into()),
        other => other.clone(),
    }
}

pub(crate) fn not(value: Datum<'_>) -> Datum<'_> {
    match value {
        Datum::Bool(value) => Datum::Bool(!value),
        _ => Datum::Null,
    }
}

/// AND (`decisive` is false) or OR (it is true): one decisive value decides; else one unknown makes all unknown.
fn connective<'e>(
    list: &'e [Expr],
    decisive: bool,
    value: impl Fn(&'e Expr) -> Value<'e>,
) -> Value<'e> {
    let mut unknown = false;
    for expr in list {
        match value(expr)? {
            Datum::Bool(value) if value == decisive => return Ok(Datum::Bool(decisive)),
            Datum::Bool(_) => {}
            _ => unknown = true,
        }
    }
    Ok(if unknown { Datum::Null } else { Datum::Bool(!decisive) })
}

fn compare_by<'e>(op: Comparison, left: &Datum<'_>, right: &Datum<'_>) -> Datum<'e> {
    if left.is_null() || right.is_null() {
        return Datum::Null;
    }
    Datum::Bool(op.holds(compare(left, right)))
}

/// Equal, where null equals null.
pub(crate) fn is_same(left: &Datum<'_>, right: &Datum<'_>) -> bool {
    match (left.is_null(), right.is_null()) {
        (false, false) => compare(left, right).is_eq(),
        (left, right) => left == right,
    }
}

fn in_list<'e>(
    expr: Datum<'e>,
    list: &'e [Expr],
    negated: bool,
    value: impl Fn(&'e Expr) -> Value<'e>,
) -> Value<'e> {
    let mut unknown = expr.is_null();
    for candidate in list {
        let candidate = value(candidate)?;
        match compare_by(Comparison::Equal, &expr, &candidate) {
            Datum::Bool(true) => return Ok(Datum::Bool(!negated)),
            Datum::Bool(false) => {}
            _ => unknown = true,
        }
    }
    Ok(if unknown { Datum::Null } else { Datum::Bool(negated) })
}

fn and<'e>(left: Datum<'e>, right: Datum<'e>) -> Datum<'e> {
    match (&left, &right) {
        (_, Datum::Bool(false)) | (Datum::Bool(true), _) => right,
        _ => left,
    }
}

fn coalesce<'e>(list: &'e [Expr], value: impl Fn(&'e Expr) -> Value<'e>) -> Value<'e> {
    for expr in list {
        let value = value(expr)?;
        if !value.is_null() {
            return Ok(value);
        }
    }
    Ok(Datum::Null)
}

fn extreme<'e>(
    greatest: bool,
    list: &'e [Expr],
    value: impl Fn(&'e Expr) -> Value<'e>,
) -> Value<'e> {
    let wanted = if greatest { Ordering::Greater } else { Ordering::Less };
    let mut best = Datum::Null;
    for expr in list {
        let value = value(expr)?;
        if value.is_null() {
            continue;
        }
        if best.is_null() || compare(&value, &best) == wanted {
            best = value;
        }
    }
    Ok(best)
}

impl Case {
    fn evaluate<'e>(&'e self, value: impl Fn(&'e Expr) -> Value<'e>) -> Value<'e> {
        let operand = self.operand.as_ref().map(&value).transpose()?;
        for (when, then) in &self.branches {
            let when = value(when)?;
            let taken = match &operand {
                Some(operand) => compare_by(Comparison::Equal, operand, &when).is_true(),
                None => when.is_true(),
            };
            if taken {
                return value(then);
            }
        }
        self.otherwise.as_ref().map_or(Ok(Datum::Null), value)
    }
}
