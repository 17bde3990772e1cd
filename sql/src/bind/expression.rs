//! Binds expressions, form by form; what is not offered is refused by its name.

use sqlparser::ast::{self, BinaryOperator, CaseWhen, Expr as Ast, InTarget, UnaryOperator};

use super::operator::Connective;
use super::{Binder, Bound, policy};
use crate::error::{Position, SqlError};
use crate::expr::{Case, Expr, Like};
use crate::syntax::place::place;
use crate::value::SqlType;

impl Binder<'_> {
    /// Binds an expression in the clause at hand.
    pub(super) fn expression(&mut self, ast: &Ast) -> Result<Bound, SqlError> {
        if self.depth == self.limits.depth_max {
            let count_max = self.limits.depth_max;
            return Err(SqlError::TooComplex {
                what: "levels of expressions",
                count_max,
                at: place(ast),
            });
        }
        self.depth += 1;
        let bound = self.form(ast);
        self.depth -= 1;
        bound
    }

    fn form(&mut self, ast: &Ast) -> Result<Bound, SqlError> {
        let at = place(ast);
        if self.is_policy() && policy::is_sender(ast) {
            return Ok(self.identity(at));
        }
        match ast {
            Ast::Nested(inner) => self.expression(inner),
            Ast::Identifier(name) => self.bare_column(name, at),
            Ast::CompoundIdentifier(names) => self.qualified_column(names, at),
            Ast::Value(value) => self.value(&value.value, at),
            Ast::TypedString(string) => self.typed_string(string, at),
            Ast::Interval(interval) => self.interval(interval, at),
            Ast::BinaryOp { op: BinaryOperator::And, .. } => self.connective(ast, Connective::And),
            Ast::BinaryOp { op: BinaryOperator::Or, .. } => self.connective(ast, Connective::Or),
            Ast::BinaryOp { left, op, right } => self.binary(left, op, right, at),
            Ast::UnaryOp { op, expr } => self.unary(*op, expr, at),
            Ast::Cast { kind, expr, data_type, format } => {
                if !matches!(kind, ast::CastKind::Cast | ast::CastKind::DoubleColon)
                    || format.is_some()
                {
                    return Err(SqlError::unsupported("this kind of cast", at));
                }
                self.cast(expr, data_type)
            }
            Ast::Function(function) => self.function(function, at),
            Ast::Ceil { expr, field } => self.rounding("ceil", expr, field, at),
            Ast::Floor { expr, field } => self.rounding("floor", expr, field, at),
            Ast::Substring { .. }
            | Ast::Position { .. }
            | Ast::Trim { .. }
            | Ast::Extract { .. } => self.worded_call(ast, at),
            _ => self.predicate(ast, at),
        }
    }

    fn predicate(&mut self, ast: &Ast, at: Position) -> Result<Bound, SqlError> {
        match ast {
            Ast::IsNull(expr) => self.is_null(expr, false, at),
            Ast::IsNotNull(expr) => self.is_null(expr, true, at),
            Ast::IsTrue(expr) => self.is_truth(expr, Some(true), false, at),
            Ast::IsNotTrue(expr) => self.is_truth(expr, Some(true), true, at),
            Ast::IsFalse(expr) => self.is_truth(expr, Some(false), false, at),
            Ast::IsNotFalse(expr) => self.is_truth(expr, Some(false), true, at),
            Ast::IsUnknown(expr) => self.is_truth(expr, None, false, at),
            Ast::IsNotUnknown(expr) => self.is_truth(expr, None, true, at),
            Ast::IsDistinctFrom(left, right) => self.is_distinct(left, right, false, at),
            Ast::IsNotDistinctFrom(left, right) => self.is_distinct(left, right, true, at),
            Ast::In { expr, target: InTarget::List(list), negated, global: false } => {
                self.in_list(expr, list, *negated, at)
            }
            Ast::In { expr, target: InTarget::Subquery(query), negated, global: false } => {
                let bound = self.in_query(expr, query, at)?;
                Ok(negate_if(*negated, bound))
            }
            Ast::Exists { subquery, negated } => {
                let bound = self.exists(subquery, at)?;
                Ok(negate_if(*negated, bound))
            }
            Ast::Subquery(query) => self.scalar_query(query, at),
            Ast::Between { expr, negated, low, high } => {
                let operands =
                    vec![self.expression(expr)?, self.expression(low)?, self.expression(high)?];
                let (operands, _) = self.comparable(operands, true)?;
                let [expr, low, high] = boxed(operands);
                let between = Expr::Between { expr, low, high, negated: *negated };
                Ok(self.typed(between, SqlType::Bool, at))
            }
            Ast::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like([expr, pattern], escape_char.as_deref(), false, *negated, at)
            }
            Ast::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like([expr, pattern], escape_char.as_deref(), true, *negated, at)
            }
            Ast::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), at)
            }
            other => Err(SqlError::unsupported(refused_form(other), at)),
        }
    }

    fn unary(&mut self, op: UnaryOperator, expr: &Ast, at: Position) -> Result<Bound, SqlError> {
        match op {
            UnaryOperator::Plus => self.plus(expr),
            UnaryOperator::Minus => self.minus(expr, at),
            UnaryOperator::Not => {
                let bound = self.expression(expr)?;
                let expr = self.condition(bound, "the operand of NOT")?;
                Ok(self.typed(Expr::Not(Box::new(expr)), SqlType::Bool, at))
            }
            other => Err(SqlError::unsupported(format!("the operator {other}"), at)),
        }
    }

    fn is_null(&mut self, expr: &Ast, negated: bool, at: Position) -> Result<Bound, SqlError> {
        let bound = self.expression(expr)?;
        let expr = Box::new(self.settle_default(bound)?.expr);
        Ok(self.typed(Expr::IsNull { expr, negated }, SqlType::Bool, at))
    }

    fn is_truth(
        &mut self,
        expr: &Ast,
        truth: Option<bool>,
        negated: bool,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let bound = self.expression(expr)?;
        let expr = Box::new(self.condition(bound, "the operand of IS")?);
        Ok(self.typed(Expr::IsTruth { expr, truth, negated }, SqlType::Bool, at))
    }

    fn is_distinct(
        &mut self,
        left: &Ast,
        right: &Ast,
        negated: bool,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let operands = vec![self.expression(left)?, self.expression(right)?];
        let (operands, _) = self.comparable(operands, false)?;
        let [left, right] = boxed(operands);
        Ok(self.typed(Expr::IsDistinct { left, right, negated }, SqlType::Bool, at))
    }

    fn in_list(
        &mut self,
        expr: &Ast,
        list: &[Ast],
        negated: bool,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let mut operands = vec![self.expression(expr)?];
        for candidate in list {
            operands.push(self.expression(candidate)?);
        }
        let (operands, _) = self.comparable(operands, false)?;
        let mut operands = operands.into_iter().map(|operand| operand.expr);
        let expr = Box::new(operands.next().expect("the operand comes first"));
        let list = operands.collect();
        Ok(self.typed(Expr::InList { expr, list, negated }, SqlType::Bool, at))
    }

    fn like(
        &mut self,
        operands: [&Ast; 2],
        escape: Option<&Ast>,
        ignore_case: bool,
        negated: bool,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let mut text = |ast: &Ast| {
            let bound = self.expression(ast)?;
            self.coerce(bound, &SqlType::String, "an operand of LIKE").map(|bound| bound.expr)
        };
        let (expr, pattern) = (text(operands[0])?, text(operands[1])?);
        let escape = escape.map(text).transpose()?;
        let like = Like { expr, pattern, escape, ignore_case, negated };
        Ok(self.typed(Expr::Like(Box::new(like)), SqlType::Bool, at))
    }

    fn case(
        &mut self,
        operand: Option<&Ast>,
        conditions: &[CaseWhen],
        otherwise: Option<&Ast>,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let (operand, whens) = match operand {
            Some(operand) => {
                let mut operands = vec![self.expression(operand)?];
                for when in conditions {
                    operands.push(self.expression(&when.condition)?);
                }
                let (operands, _) = self.comparable(operands, false)?;
                let mut operands = operands.into_iter().map(|operand| operand.expr);
                (operands.next(), operands.collect())
            }
            None => {
                let mut whens = Vec::with_capacity(conditions.len());
                for when in conditions {
                    let bound = self.expression(&when.condition)?;
                    whens.push(self.condition(bound, "the condition of WHEN")?);
                }
                (None, whens)
            }
        };
        let mut values = Vec::with_capacity(conditions.len() + 1);
        for when in conditions {
            values.push(self.expression(&when.result)?);
        }
        if let Some(otherwise) = otherwise {
            values.push(self.expression(otherwise)?);
        }
        let (values, ty) = self.unified(values, "a value of CASE")?;
        let mut values = values.into_iter().map(|value| value.expr);
        let branches = whens.into_iter().zip(values.by_ref()).collect();
        let case = Case { operand, branches, otherwise: values.next() };
        Ok(self.typed(Expr::Case(Box::new(case)), ty, at))
    }
}

fn negate_if(negated: bool, bound: Bound) -> Bound {
    if !negated {
        return bound;
    }
    Bound { expr: Expr::Not(Box::new(bound.expr)), ..bound }
}

/// The expressions of operands, as many as there are.
pub(super) fn boxed<const N: usize>(operands: Vec<Bound>) -> [Box<Expr>; N] {
    let boxed: Vec<Box<Expr>> = operands.into_iter().map(|bound| Box::new(bound.expr)).collect();
    boxed.try_into().expect("as many operands as were given")
}

fn refused_form(ast: &Ast) -> &'static str {
    match ast {
        Ast::In { .. } => "IN of anything but a list or a sub-query",
        Ast::Like { .. } => "LIKE ANY",
        Ast::ILike { .. } => "ILIKE ANY",
        Ast::SimilarTo { .. } => "SIMILAR TO",
        Ast::RLike { .. } => "RLIKE",
        Ast::AnyOp { .. } => "ANY",
        Ast::AllOp { .. } => "ALL",
        Ast::AtTimeZone { .. } => "AT TIME ZONE",
        Ast::Overlay { .. } => "the function overlay",
        Ast::Collate { .. } => "COLLATE",
        Ast::Array(_) => "ARRAY",
        Ast::Tuple(_) => "a row value",
        Ast::CompoundFieldAccess { .. } => "a part of a value",
        Ast::JsonAccess { .. } => "a path into JSON",
        Ast::GroupingSets(_) => "GROUPING SETS",
        Ast::Cube(_) => "CUBE",
        Ast::Rollup(_) => "ROLLUP",
        Ast::IsNormalized { .. } => "IS NORMALIZED",
        Ast::IsJson { .. } => "IS JSON",
        Ast::Wildcard(_) | Ast::QualifiedWildcard(..) => "* in an expression",
        _ => "this expression",
    }
}
