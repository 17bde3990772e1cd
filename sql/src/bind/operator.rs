//! Binds operators: which types they take, and what comes out.

use sqlparser::ast::{BinaryOperator, Expr as Ast, Value};

use super::expression::boxed;
use super::literal::number;
use super::{Binder, Bound};
use crate::error::{Position, SqlError};
use crate::expr::arithmetic::{Arithmetic, Domain};
use crate::expr::call::Function;
use crate::expr::{Comparison, Expr};
use crate::syntax::place::place;
use crate::value::ty::Rank;
use crate::value::{Datum, Integer, SqlType};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connective {
    And,
    Or,
}

impl Binder<'_> {
    /// A chain of AND, or of OR, becomes one flat list, however its tree leans.
    pub(super) fn connective(&mut self, ast: &Ast, wanted: Connective) -> Result<Bound, SqlError> {
        let mut list = Vec::new();
        let mut open = vec![ast];
        while let Some(next) = open.pop() {
            match (next, wanted) {
                (Ast::BinaryOp { left, op: BinaryOperator::And, right }, Connective::And)
                | (Ast::BinaryOp { left, op: BinaryOperator::Or, right }, Connective::Or) => {
                    open.extend([&**right, &**left]);
                }
                (operand, _) => {
                    let bound = self.expression(operand)?;
                    let what = if wanted == Connective::And { "AND" } else { "OR" };
                    list.push(self.condition(bound, &format!("an operand of {what}"))?);
                }
            }
        }
        Ok(Bound::new(joined(list, wanted), SqlType::Bool, place(ast)))
    }

    pub(super) fn binary(
        &mut self,
        left: &Ast,
        op: &BinaryOperator,
        right: &Ast,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let (left, right) = (self.expression(left)?, self.expression(right)?);
        if let Some(op) = comparison(op) {
            let ordered = !matches!(op, Comparison::Equal | Comparison::NotEqual);
            let (operands, _) = self.comparable(vec![left, right], ordered)?;
            let [left, right] = boxed(operands);
            return Ok(self.typed(Expr::Compare { op, left, right }, SqlType::Bool, at));
        }
        if let Some(op) = arithmetic(op) {
            return self.arithmetic(op, left, right, at);
        }
        match op {
            BinaryOperator::StringConcat => self.concat(left, right, at),
            other => Err(SqlError::unsupported(format!("the operator {other}"), at)),
        }
    }

    pub(super) fn arithmetic(
        &mut self,
        op: Arithmetic,
        left: Bound,
        right: Bound,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let (left, right) = self.settle_pair(op, left, right, at)?;
        let (Some(left_ty), Some(right_ty)) = (&left.ty, &right.ty) else {
            unreachable!("both sides have a type now")
        };
        if let Some(function) = scaling(op, left_ty, right_ty) {
            let is_span = |bound: &Bound| bound.ty == Some(SqlType::Duration);
            let (span, number) = if is_span(&left) { (left, right) } else { (right, left) };
            let args = vec![span.expr, self.as_float(number).expr];
            return Ok(self.typed(Expr::Call { function, args }, SqlType::Duration, at));
        }
        let Some((domain, ty)) = domain(op, left_ty, right_ty) else {
            let detail = format!("there is no {left_ty} {} {right_ty}", op.sign());
            return Err(SqlError::mistyped(detail, at));
        };
        let mut operands = vec![left, right];
        if matches!(domain, Domain::Float64 | Domain::Float32) {
            operands = operands.into_iter().map(|operand| self.as_float(operand)).collect();
        }
        let [left, right] = boxed(operands);
        Ok(self.typed(Expr::Arithmetic { op, domain, left, right }, ty, at))
    }

    /// A number in the form of a float.
    fn as_float(&self, operand: Bound) -> Bound {
        match operand.ty {
            // An f32 has the form of an f64.
            Some(SqlType::F32 | SqlType::F64) => operand,
            _ => self.cast_known(operand, &SqlType::F64).expect("numbers can be cast"),
        }
    }

    /// A side without a type takes that of the other, save that a span is what is added to an instant.
    fn settle_pair(
        &mut self,
        op: Arithmetic,
        left: Bound,
        right: Bound,
        at: Position,
    ) -> Result<(Bound, Bound), SqlError> {
        let partner = |ty: &SqlType| match (op, ty) {
            (Arithmetic::Add, SqlType::Timestamp) => SqlType::Duration,
            (Arithmetic::Multiply | Arithmetic::Divide, SqlType::Duration) => SqlType::F64,
            _ => ty.clone(),
        };
        match (left.ty.as_ref().map(partner), right.ty.as_ref().map(partner)) {
            (Some(_), Some(_)) => Ok((left, right)),
            (Some(ty), None) => Ok((left, self.settle(right, &ty)?)),
            (None, Some(ty)) => Ok((self.settle(left, &ty)?, right)),
            (None, None) => {
                let detail = format!("the types of {} cannot be told: add a cast", op.sign());
                Err(SqlError::mistyped(detail, at))
            }
        }
    }

    pub(super) fn plus(&mut self, expr: &Ast) -> Result<Bound, SqlError> {
        let bound = self.expression(expr)?;
        let bound = self.settle(bound, &SqlType::F64)?;
        match &bound.ty {
            Some(ty) if ty.is_number() => Ok(bound),
            _ => Err(no_unary("+", &bound)),
        }
    }

    pub(super) fn minus(&mut self, expr: &Ast, at: Position) -> Result<Bound, SqlError> {
        if let Some(digits) = number_literal(expr) {
            // The sign belongs to the literal: -2147483648 is an integer.
            return number(&format!("-{digits}"), at);
        }
        let bound = self.expression(expr)?;
        let bound = self.settle(bound, &SqlType::F64)?;
        let (domain, ty) = match &bound.ty {
            Some(SqlType::Duration) => (Domain::Micros("duration"), SqlType::Duration),
            Some(ty) => match ty.rank() {
                Some(rank) => (rank_domain(rank), rank.result()),
                None => return Err(no_unary("-", &bound)),
            },
            None => unreachable!("the operand has a type now"),
        };
        Ok(self.typed(Expr::Negate { domain, expr: Box::new(bound.expr) }, ty, at))
    }

    /// `||`: byte strings, or texts with anything that has a text.
    fn concat(&mut self, left: Bound, right: Bound, at: Position) -> Result<Bound, SqlError> {
        let bytes = |bound: &Bound| bound.ty == Some(SqlType::Bytes);
        let ty = if bytes(&left) || bytes(&right) { SqlType::Bytes } else { SqlType::String };
        let texts = [&left, &right];
        if ty == SqlType::String
            && !texts.iter().any(|b| b.ty.is_none() || b.ty.as_ref() == Some(&ty))
        {
            let detail = format!("there is no {} || {}", left.type_name(), right.type_name());
            return Err(SqlError::mistyped(detail, at));
        }
        let mut operands = Vec::with_capacity(2);
        for operand in [left, right] {
            let operand = self.settle(operand, &ty)?;
            let known = operand.type_name();
            let place = operand.at;
            let cast = match ty {
                SqlType::Bytes => (operand.ty.as_ref() == Some(&ty)).then_some(operand),
                _ => self.cast_known(operand, &ty),
            };
            operands.push(cast.ok_or_else(|| {
                SqlError::mistyped(format!("{known} cannot be joined by ||"), place)
            })?);
        }
        let [left, right] = boxed(operands);
        Ok(self.typed(Expr::Concat { left, right }, ty, at))
    }
}

/// Joins conditions; what is known to decide does, and what cannot is left out.
fn joined(list: Vec<Expr>, wanted: Connective) -> Expr {
    let decisive = wanted == Connective::Or;
    let mut kept = Vec::with_capacity(list.len());
    for expr in list {
        match (expr, wanted) {
            (Expr::Literal { value: Datum::Bool(value), .. }, _) if value == decisive => {
                return Expr::boolean(decisive);
            }
            (Expr::Literal { value: Datum::Bool(_), .. }, _) => {}
            (Expr::And(inner), Connective::And) | (Expr::Or(inner), Connective::Or) => {
                kept.extend(inner);
            }
            (expr, _) => kept.push(expr),
        }
    }
    match (kept.len(), wanted) {
        (0, _) => Expr::boolean(!decisive),
        (1, _) => kept.remove(0),
        (_, Connective::And) => Expr::And(kept),
        (_, Connective::Or) => Expr::Or(kept),
    }
}

/// The digits of a number, also in parentheses.
fn number_literal(mut expr: &Ast) -> Option<&str> {
    while let Ast::Nested(inner) = expr {
        expr = inner;
    }
    match expr {
        Ast::Value(value) => match &value.value {
            Value::Number(digits, false) => Some(digits),
            _ => None,
        },
        _ => None,
    }
}

fn no_unary(sign: &str, bound: &Bound) -> SqlError {
    SqlError::mistyped(format!("there is no {sign} {}", bound.type_name()), bound.at)
}

fn comparison(op: &BinaryOperator) -> Option<Comparison> {
    Some(match op {
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::NotEq => Comparison::NotEqual,
        BinaryOperator::Lt => Comparison::Less,
        BinaryOperator::LtEq => Comparison::LessOrEqual,
        BinaryOperator::Gt => Comparison::Greater,
        BinaryOperator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn arithmetic(op: &BinaryOperator) -> Option<Arithmetic> {
    Some(match op {
        BinaryOperator::Plus => Arithmetic::Add,
        BinaryOperator::Minus => Arithmetic::Subtract,
        BinaryOperator::Multiply => Arithmetic::Multiply,
        BinaryOperator::Divide => Arithmetic::Divide,
        BinaryOperator::Modulo => Arithmetic::Remainder,
        _ => return None,
    })
}

pub(super) fn rank_domain(rank: Rank) -> Domain {
    match rank {
        Rank::Small => Domain::Integer(Integer::I16),
        Rank::Int => Domain::Integer(Integer::I32),
        Rank::Big => Domain::Integer(Integer::I64),
        Rank::Numeric => Domain::Exact,
        Rank::F32 => Domain::Float32,
        Rank::F64 => Domain::Float64,
    }
}

/// Where two types meet in an operator, and what it yields.
fn domain(op: Arithmetic, left: &SqlType, right: &SqlType) -> Option<(Domain, SqlType)> {
    use SqlType::{Duration, Timestamp};

    if let (Some(left), Some(right)) = (left.rank(), right.rank()) {
        let rank = match left.max(right) {
            // An f32 beside anything else counts as an f64.
            Rank::F32 if left != right => Rank::F64,
            rank => rank,
        };
        if op == Arithmetic::Remainder && rank >= Rank::F32 {
            return None;
        }
        return Some((rank_domain(rank), rank.result()));
    }
    let ty = match (op, left, right) {
        (Arithmetic::Add, Timestamp, Duration)
        | (Arithmetic::Add, Duration, Timestamp)
        | (Arithmetic::Subtract, Timestamp, Duration) => Timestamp,
        (Arithmetic::Subtract, Timestamp, Timestamp)
        | (Arithmetic::Add | Arithmetic::Subtract, Duration, Duration) => Duration,
        _ => return None,
    };
    Some((Domain::Micros(ty.static_name()), ty))
}

/// A span times a number, or divided by one.
fn scaling(op: Arithmetic, left: &SqlType, right: &SqlType) -> Option<Function> {
    match (op, left, right) {
        (Arithmetic::Multiply, SqlType::Duration, number)
        | (Arithmetic::Multiply, number, SqlType::Duration)
            if number.is_number() =>
        {
            Some(Function::ScaleDuration)
        }
        (Arithmetic::Divide, SqlType::Duration, number) if number.is_number() => {
            Some(Function::DivideDuration)
        }
        _ => None,
    }
}
