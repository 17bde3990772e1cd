//! Binds functions of numbers whose type follows from their argument.

use super::call::no_function;
use super::operator::rank_domain;
use super::{Binder, Bound};
use crate::error::{Position, SqlError};
use crate::expr::Expr;
use crate::expr::arithmetic::Arithmetic;
use crate::expr::call::Function;
use crate::value::ty::Rank;
use crate::value::{Integer, SqlType};

impl Binder<'_> {
    /// Functions of one number. PostgreSQL rounds integers as floats; `abs` keeps their type.
    pub(super) fn on_number(
        &mut self,
        name: &str,
        args: Vec<Bound>,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let Ok([arg]) = <[Bound; 1]>::try_from(args) else { unreachable!("one argument") };
        let arg = self.settle(arg, &SqlType::F64)?;
        let Some(rank) = arg.ty.as_ref().and_then(SqlType::rank) else {
            return Err(no_function(name, &arg));
        };
        if name == "abs" {
            let call =
                Expr::Call { function: Function::Abs(rank_domain(rank)), args: vec![arg.expr] };
            return Ok(self.typed(call, rank.result(), at));
        }
        let (arg, ty) = match rank {
            Rank::Numeric => (arg, SqlType::Numeric),
            _ => (self.cast_known(arg, &SqlType::F64).expect("numbers can be cast"), SqlType::F64),
        };
        let function = match name {
            "floor" => Function::Floor,
            "round" => Function::Round,
            "trunc" => Function::Trunc,
            "sign" => Function::Sign,
            _ => Function::Ceil,
        };
        Ok(self.typed(Expr::Call { function, args: vec![arg.expr] }, ty, at))
    }

    pub(super) fn rounded_to_digits(
        &mut self,
        function: Function,
        args: Vec<Bound>,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let Ok([number, digits]) = <[Bound; 2]>::try_from(args) else {
            unreachable!("two arguments")
        };
        let number = self.settle(number, &SqlType::Numeric)?;
        let digits = self.settle(digits, &SqlType::Int(Integer::I32))?;
        let is_exact = |bound: &Bound| {
            bound.ty.as_ref().and_then(SqlType::rank).is_some_and(|rank| rank <= Rank::Numeric)
        };
        let is_count = |bound: &Bound| {
            bound.ty.as_ref().and_then(SqlType::rank).is_some_and(|rank| rank <= Rank::Int)
        };
        if !is_exact(&number) {
            return Err(no_function(&format!("{} to digits", function.name()), &number));
        }
        if !is_count(&digits) {
            return Err(no_function(&format!("{} to digits", function.name()), &digits));
        }
        let call = Expr::Call { function, args: vec![number.expr, digits.expr] };
        Ok(self.typed(call, SqlType::Numeric, at))
    }

    pub(super) fn remainder(&mut self, args: Vec<Bound>, at: Position) -> Result<Bound, SqlError> {
        let Ok([left, right]) = <[Bound; 2]>::try_from(args) else { unreachable!("two arguments") };
        self.arithmetic(Arithmetic::Remainder, left, right, at)
    }
}
