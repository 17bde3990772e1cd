//! Binds aggregates, each distinct one once.

use sqlparser::ast::{FunctionArg, FunctionArgExpr};

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
        args: &[FunctionArg],
        at: Position,
    ) -> Result<Bound, SqlError> {
        let name = function.name();
        if !self.clause.allows_aggregates() {
            let clause = self.clause.name();
            return Err(SqlError::misplaced(format!("{name} must not stand in {clause}"), at));
        }
        let argument = match args {
            [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]
                if function == AggregateFunction::Count =>
            {
                None
            }
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] => {
                let outer = core::mem::replace(&mut self.clause, Clause::Argument);
                let bound = self.expression(expr);
                self.clause = outer;
                Some(bound?)
            }
            _ => return Err(SqlError::mistyped(format!("{name} takes one argument"), at)),
        };
        let (argument, ty) = self.aggregate_type(function, argument, at)?;
        let call = AggregateCall { function, argument, ty: ty.clone() };
        let known = self.aggregates.iter().position(|known| *known == call);
        let index = known.unwrap_or_else(|| {
            self.aggregates.push(call);
            self.aggregates.len() - 1
        });
        Ok(Bound::new(Expr::Aggregate(index), ty, at))
    }

    fn aggregate_type(
        &mut self,
        function: AggregateFunction,
        argument: Option<Bound>,
        at: Position,
    ) -> Result<(Option<Expr>, SqlType), SqlError> {
        let Some(argument) = argument else { return Ok((None, SqlType::Int(Integer::I64))) };
        let argument = self.settle_default(argument)?;
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
