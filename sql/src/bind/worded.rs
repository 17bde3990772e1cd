//! Binds calls that have words between their arguments, `substring(x FROM 2)`, `trim(BOTH ' ' FROM x)` and the like, and those
//! that take the name of a unit of time.

use sqlparser::ast::Expr as Ast;

use super::call::no_function;
use super::{Binder, Bound};
use crate::error::{Position, SqlError};
use crate::expr::Expr;
use crate::expr::call::{Function, TimeForm};
use crate::syntax::place::place;
use crate::syntax::shape::trim_name;
use crate::value::{Datum, Integer, SqlType};

impl Binder<'_> {
    pub(super) fn worded_call(&mut self, ast: &Ast, at: Position) -> Result<Bound, SqlError> {
        match ast {
            Ast::Substring { expr, substring_from, substring_for, .. } => {
                let mut args = vec![self.expression(expr)?];
                let one = Expr::Literal { value: Datum::Int(1), ty: SqlType::Int(Integer::I32) };
                args.push(match substring_from {
                    Some(from) => self.expression(from)?,
                    None => Bound::new(one, SqlType::Int(Integer::I32), at),
                });
                if let Some(length) = substring_for {
                    args.push(self.expression(length)?);
                }
                self.known_function("substring", args, at)
            }
            Ast::Position { expr, r#in } => {
                let wanted = self.expression(expr)?;
                let text = self.expression(r#in)?;
                self.known_function("strpos", vec![text, wanted], at)
            }
            Ast::Trim { expr, trim_where, trim_what, trim_characters } => {
                let mut args = vec![self.expression(expr)?];
                if let Some(chars) = trim_what {
                    args.push(self.expression(chars)?);
                }
                for chars in trim_characters.iter().flatten() {
                    args.push(self.expression(chars)?);
                }
                self.known_function(trim_name(trim_where.as_ref()), args, at)
            }
            Ast::Extract { field, expr, .. } => {
                let unit = Datum::text(field.to_string().to_lowercase());
                let unit = Expr::Literal { value: unit, ty: SqlType::String };
                let unit = Bound::new(unit, SqlType::String, place(expr));
                let value = self.expression(expr)?;
                self.extracted(vec![unit, value], false, at)
            }
            _ => unreachable!("no other call has words between its arguments"),
        }
    }

    /// `EXTRACT(unit FROM x)` and `date_part('unit', x)`.
    pub(super) fn extracted(
        &mut self,
        args: Vec<Bound>,
        as_float: bool,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let (args, of) = self.unit_and_time("extract", args)?;
        let function = Function::Extract { of, as_float };
        let ty = if as_float { SqlType::F64 } else { SqlType::Numeric };
        Ok(self.typed(Expr::Call { function, args }, ty, at))
    }

    pub(super) fn date_trunc(&mut self, args: Vec<Bound>, at: Position) -> Result<Bound, SqlError> {
        let (args, of) = self.unit_and_time("date_trunc", args)?;
        let ty = match of {
            TimeForm::Timestamp => SqlType::Timestamp,
            TimeForm::Duration => SqlType::Duration,
        };
        Ok(self.typed(Expr::Call { function: Function::DateTrunc(of), args }, ty, at))
    }

    fn unit_and_time(
        &mut self,
        name: &str,
        args: Vec<Bound>,
    ) -> Result<(Vec<Expr>, TimeForm), SqlError> {
        let Ok([unit, value]) = <[Bound; 2]>::try_from(args) else { unreachable!("two arguments") };
        let unit = self.settle(unit, &SqlType::String)?;
        if unit.ty != Some(SqlType::String) {
            return Err(no_function(name, &unit));
        }
        let value = self.settle(value, &SqlType::Timestamp)?;
        let of = match &value.ty {
            Some(SqlType::Timestamp) => TimeForm::Timestamp,
            Some(SqlType::Duration) => TimeForm::Duration,
            _ => return Err(no_function(name, &value)),
        };
        Ok((vec![unit.expr, value.expr], of))
    }
}
