//! Evaluates expressions over one tuple. Conditions, which have a value of true, false or unknown, are in
//! [`super::condition`].

use core::cmp::Ordering;
use std::borrow::Cow;

use super::tuple::Part;
use super::{Case, Expr, arithmetic, call};
use crate::error::EvalError;
use crate::params::Params;
use crate::value::Datum;
use crate::value::compare::compare;

/// What an expression may read.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'t, 'e> {
    pub(crate) tuple: &'t [Part<'e>],
    /// All that the plan has, of the types that it inferred.
    pub(crate) params: &'e Params,
}

type Value<'e> = Result<Datum<'e>, EvalError>;

impl Expr {
    pub(crate) fn evaluate<'e>(&'e self, inputs: Inputs<'_, 'e>) -> Value<'e> {
        let value = |expr: &'e Expr| expr.evaluate(inputs);
        match self {
            Expr::Literal { value, .. } => Ok(borrowed(value)),
            Expr::Param(index) => Ok(borrowed(&inputs.params.values()[*index])),
            Expr::Now => Ok(Datum::Int(inputs.params.now().as_micros().into())),
            Expr::Identity => match inputs.params.identity() {
                Some(identity) => Ok(Datum::Bytes(Cow::Borrowed(identity.as_bytes()))),
                // Nobody is admitted as nobody.
                None => Err(EvalError::NoIdentity),
            },
            Expr::Column(column) => Ok(inputs.tuple[column.part].column(column)),
            Expr::Coalesce(list) => coalesce(list, inputs),
            Expr::NullIf { left, right } => {
                let (left, right) = (value(left)?, value(right)?);
                let equal = !left.is_null() && !right.is_null() && compare(&left, &right).is_eq();
                Ok(if equal { Datum::Null } else { left })
            }
            Expr::Extreme { greatest, list } => extreme(*greatest, list, inputs),
            Expr::Case(case) => case.evaluate(inputs),
            Expr::Arithmetic { op, domain, left, right } => {
                let (left, right) = (value(left)?, value(right)?);
                arithmetic::apply(*op, *domain, &left, &right)
            }
            Expr::Negate { domain, expr } => arithmetic::negate(*domain, &value(expr)?),
            Expr::Concat { left, right } => call::concat(value(left)?, value(right)?),
            Expr::Call { function, args } => function.call(args, value),
            Expr::Cast { expr, cast } => cast.apply(value(expr)?),
            Expr::Aggregate(_) | Expr::SubQuery(_) | Expr::Outer(_) => {
                unreachable!("{self} was left in an expression")
            }
            condition => Ok(match condition.truth(inputs)? {
                Some(truth) => Datum::Bool(truth),
                None => Datum::Null,
            }),
        }
    }
}

/// A value that borrows from one that is kept.
fn borrowed<'e>(value: &'e Datum<'static>) -> Datum<'e> {
    match value {
        Datum::Text(text) => Datum::text(&**text),
        Datum::Bytes(bytes) => Datum::Bytes((&**bytes).into()),
        other => other.clone(),
    }
}

fn coalesce<'e>(list: &'e [Expr], inputs: Inputs<'_, 'e>) -> Value<'e> {
    for expr in list {
        let value = expr.evaluate(inputs)?;
        if !value.is_null() {
            return Ok(value);
        }
    }
    Ok(Datum::Null)
}

fn extreme<'e>(greatest: bool, list: &'e [Expr], inputs: Inputs<'_, 'e>) -> Value<'e> {
    let wanted = if greatest { Ordering::Greater } else { Ordering::Less };
    let mut best = Datum::Null;
    for expr in list {
        let value = expr.evaluate(inputs)?;
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
    fn evaluate<'e>(&'e self, inputs: Inputs<'_, 'e>) -> Value<'e> {
        let operand = self.operand.as_ref().map(|operand| operand.evaluate(inputs)).transpose()?;
        for (when, then) in &self.branches {
            let taken = match &operand {
                Some(operand) => {
                    let when = when.evaluate(inputs)?;
                    !operand.is_null() && !when.is_null() && compare(operand, &when).is_eq()
                }
                None => when.truth(inputs)? == Some(true),
            };
            if taken {
                return then.evaluate(inputs);
            }
        }
        self.otherwise.as_ref().map_or(Ok(Datum::Null), |otherwise| otherwise.evaluate(inputs))
    }
}
