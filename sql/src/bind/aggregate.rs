//! Binds aggregates, each distinct one once.

use sqlparser::ast::{FunctionArg, FunctionArgExpr};

use super::call::CallParts;
use super::correlation::has_outer;
use super::{Binder, Bound, Clause};
use crate::error::{Position, SqlError};
use crate::expr::Expr;
use crate::logical::{AggregateCall, AggregateFunction};
use crate::value::ty::Rank;
use crate::value::{Integer, SqlType};

impl Binder<'_> {
    pub(super) fn aggregate(
        &mut self,
        function: AggregateFunction,
        call: &CallParts<'_>,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let name = function.name();
        if !self.level.clause.allows_aggregates() {
            let clause = self.level.clause.name();
            return Err(SqlError::misplaced(format!("{name} must not stand in {clause}"), at));
        }
        let outer = core::mem::replace(&mut self.level.clause, Clause::Argument);
        let parts = self.aggregate_parts(function, call, at);
        self.level.clause = outer;
        let AggregateParts { argument, separator, filter } = parts?;
        let (argument, ty) = self.aggregate_type(function, argument, at)?;
        // The least and the greatest of values are those of the distinct ones.
        let changes = !matches!(function, AggregateFunction::Min | AggregateFunction::Max);
        let distinct = call.distinct && changes;
        let call =
            AggregateCall { function, argument, separator, distinct, filter, ty: ty.clone() };
        let known = self.level.aggregates.iter().position(|known| *known == call);
        let index = known.unwrap_or_else(|| {
            self.level.aggregates.push(call);
            self.level.aggregates.len() - 1
        });
        Ok(Bound::new(Expr::Aggregate(index), ty, at))
    }

    fn aggregate_parts(
        &mut self,
        function: AggregateFunction,
        call: &CallParts<'_>,
        at: Position,
    ) -> Result<AggregateParts, SqlError> {
        let name = function.name();
        let (argument, separator) = match call.args {
            [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]
                if function == AggregateFunction::Count && !call.distinct =>
            {
                (None, None)
            }
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))]
                if function != AggregateFunction::StringAgg =>
            {
                (Some(self.expression(expr)?), None)
            }
            [
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)),
                FunctionArg::Unnamed(FunctionArgExpr::Expr(separator)),
            ] if function == AggregateFunction::StringAgg => {
                let argument = self.expression(expr)?;
                let separator = self.expression(separator)?;
                let separator = self.coerce(separator, &SqlType::String, "the separator")?;
                if !separator.expr.is_constant() {
                    let what = "a separator that differs from row to row";
                    return Err(SqlError::unsupported(what, separator.at));
                }
                (Some(argument), Some(separator.expr))
            }
            _ => {
                let count = if function == AggregateFunction::StringAgg { "two" } else { "one" };
                let plural = if count == "two" { "s" } else { "" };
                let detail = format!("{name} takes {count} argument{plural}");
                return Err(SqlError::mistyped(detail, at));
            }
        };
        let filter = match call.filter {
            Some(filter) => {
                let bound = self.expression(filter)?;
                Some(self.condition(bound, "the condition of FILTER")?)
            }
            None => None,
        };
        let inner = argument.iter().map(|argument| &argument.expr).chain(&filter);
        if inner.into_iter().any(has_outer) {
            let what = "a column of the query around a sub-query in an aggregate";
            return Err(SqlError::unsupported(what, at));
        }
        Ok(AggregateParts { argument, separator, filter })
    }

    fn aggregate_type(
        &mut self,
        function: AggregateFunction,
        argument: Option<Bound>,
        at: Position,
    ) -> Result<(Option<Expr>, SqlType), SqlError> {
        let Some(argument) = argument else { return Ok((None, SqlType::Int(Integer::I64))) };
        let argument = match function {
            AggregateFunction::BoolAnd | AggregateFunction::BoolOr => {
                self.settle(argument, &SqlType::Bool)?
            }
            _ => self.settle_default(argument)?,
        };
        let ty = argument.ty.clone().unwrap_or(SqlType::String);
        let result = match function {
            AggregateFunction::Count => Some(SqlType::Int(Integer::I64)),
            AggregateFunction::Sum => match (&ty, ty.rank()) {
                (SqlType::Duration, _) => Some(SqlType::Duration),
                (_, Some(Rank::Small | Rank::Int)) => Some(SqlType::Int(Integer::I64)),
                (_, Some(Rank::Big | Rank::Numeric)) => Some(SqlType::Numeric),
                (_, Some(Rank::F32)) => Some(SqlType::F32),
                (_, Some(Rank::F64)) => Some(SqlType::F64),
                (_, None) => None,
            },
            AggregateFunction::Avg => match (&ty, ty.rank()) {
                (SqlType::Duration, _) => Some(SqlType::Duration),
                (_, Some(Rank::F32 | Rank::F64)) => Some(SqlType::F64),
                (_, Some(_)) => Some(SqlType::Numeric),
                (_, None) => None,
            },
            AggregateFunction::Min | AggregateFunction::Max => {
                (ty.is_ordered() && ty != SqlType::Bool).then_some(ty)
            }
            AggregateFunction::BoolAnd | AggregateFunction::BoolOr => {
                (ty == SqlType::Bool).then_some(SqlType::Bool)
            }
            AggregateFunction::StringAgg => (ty == SqlType::String).then_some(SqlType::String),
        };
        match result {
            Some(result) => Ok((Some(argument.expr), result)),
            None => {
                let name = function.name();
                Err(SqlError::mistyped(format!("there is no {name}({})", argument.type_name()), at))
            }
        }
    }
}

/// What stands between the parentheses of an aggregate, and behind them.
struct AggregateParts {
    argument: Option<Bound>,
    separator: Option<Expr>,
    filter: Option<Expr>,
}
