//! Types of operands: giving one to what has none, promoting numbers, and finding the type that several have in common.

use super::{Binder, Bound};
use crate::error::{EvalError, Position, SqlError};
use crate::expr::Expr;
use crate::expr::cast::Cast;
use crate::expr::evaluate::Inputs;
use crate::params::NO_PARAMS;
use crate::syntax::token::{AsOfSyntax, MomentSyntax, OperandSyntax};
use crate::time_travel::Moment;
use crate::value::{Datum, Integer, SqlType, text};

impl Binder<'_> {
    /// An expression whose value is known becomes its literal. One whose evaluation fails is left to fail when, and if,
    /// it is reached.
    pub(super) fn folded(expr: Expr, ty: &SqlType) -> Expr {
        let leaf = matches!(
            expr,
            Expr::Literal { .. }
                | Expr::Param(_)
                | Expr::Column(_)
                | Expr::Now
                | Expr::Identity
                | Expr::Aggregate(_)
                | Expr::SubQuery(_)
                | Expr::Outer(_)
        );
        let mut known = !leaf;
        expr.children(&mut |child| known &= child.literal().is_some());
        if !known {
            return expr;
        }
        match expr.evaluate(Inputs { tuple: &[], params: &NO_PARAMS }) {
            Ok(value) => Expr::Literal { value: value.into_owned(), ty: ty.clone() },
            Err(_) => expr,
        }
    }

    pub(super) fn typed(&self, expr: Expr, ty: SqlType, at: Position) -> Bound {
        Bound::new(Self::folded(expr, &ty), ty, at)
    }

    /// Gives an operand without a type this one.
    pub(super) fn settle(&mut self, bound: Bound, ty: &SqlType) -> Result<Bound, SqlError> {
        let at = bound.at;
        if bound.ty.is_some() {
            return Ok(bound);
        }
        let expr = match bound.expr {
            Expr::Param(index) => {
                let known = &mut self.params[index].ty;
                let ty = known.get_or_insert_with(|| ty.clone()).clone();
                return Ok(Bound::new(Expr::Param(index), ty, at));
            }
            Expr::Literal { value: Datum::Text(literal), .. } => {
                let value = text::parse(ty, &literal)
                    .map_err(|error| invalid_literal(&literal, &error, at))?;
                Expr::Literal { value, ty: ty.clone() }
            }
            Expr::Literal { value, .. } => Expr::Literal { value, ty: ty.clone() },
            other => other,
        };
        Ok(Bound::new(expr, ty.clone(), at))
    }

    /// As [`Binder::settle`], with PostgreSQL's type for what nothing else decides.
    pub(super) fn settle_default(&mut self, bound: Bound) -> Result<Bound, SqlError> {
        self.settle(bound, &SqlType::String)
    }

    /// Converts without being asked to: what has no type, and one number into another.
    pub(super) fn coerce(
        &mut self,
        bound: Bound,
        target: &SqlType,
        what: &str,
    ) -> Result<Bound, SqlError> {
        let bound = self.settle(bound, target)?;
        match &bound.ty {
            Some(ty) if ty == target => Ok(bound),
            Some(ty) if ty.is_number() && target.is_number() => {
                Ok(self.cast_known(bound, target).expect("numbers can be cast to each other"))
            }
            _ => Err(SqlError::mistyped(
                format!("{what} is {}, expected {target}", bound.type_name()),
                bound.at,
            )),
        }
    }

    /// Casts an operand that has a type; `None` when there is no such cast.
    pub(super) fn cast_known(&self, bound: Bound, target: &SqlType) -> Option<Bound> {
        let source = bound.ty.as_ref()?;
        if source == target {
            return Some(bound);
        }
        let cast = Cast::between(source, target)?;
        let expr = Expr::Cast { expr: Box::new(bound.expr), cast };
        Some(self.typed(expr, target.clone(), bound.at))
    }

    /// A condition.
    pub(super) fn condition(&mut self, bound: Bound, what: &str) -> Result<Expr, SqlError> {
        self.coerce(bound, &SqlType::Bool, what).map(|bound| bound.expr)
    }

    /// Makes operands comparable with one another, numbers without loss where all are exact; and says what they are.
    pub(super) fn comparable(
        &mut self,
        operands: Vec<Bound>,
        ordered: bool,
    ) -> Result<(Vec<Bound>, SqlType), SqlError> {
        let known = operands.iter().find_map(|operand| operand.ty.clone());
        let first = known.unwrap_or(SqlType::String);
        let mut settled = Vec::with_capacity(operands.len());
        for operand in operands {
            settled.push(self.settle(operand, &first)?);
        }
        let types = || settled.iter().filter_map(|operand| operand.ty.as_ref());
        let differs = |other: &Bound| {
            other.ty.as_ref() != Some(&first) && !(first.is_number() && is_number(other))
        };
        if let Some(other) = settled.iter().find(|other| differs(other)) {
            let detail = format!("{first} cannot be compared with {}", other.type_name());
            return Err(SqlError::mistyped(detail + hint(&first, &other.ty), other.at));
        }
        if ordered && !first.is_ordered() {
            let at = settled.first().map_or(Position::START, |operand| operand.at);
            return Err(SqlError::mistyped(format!("values of type {first} have no order"), at));
        }
        if types().any(SqlType::is_float) && !types().all(SqlType::is_float) {
            let float = |operand: Bound| match operand.ty {
                Some(SqlType::F32) => operand, // Its form is that of an f64.
                _ => self.cast_known(operand, &SqlType::F64).expect("numbers can be cast"),
            };
            settled = settled.into_iter().map(float).collect();
        }
        Ok((settled, first))
    }

    /// Converts operands to the type that PostgreSQL gives a CASE or COALESCE of them.
    pub(super) fn unified(
        &mut self,
        operands: Vec<Bound>,
        what: &str,
    ) -> Result<(Vec<Bound>, SqlType), SqlError> {
        let known = || operands.iter().filter_map(|operand| operand.ty.as_ref());
        let Some(first) = known().next().cloned() else {
            return self.converted(operands, &SqlType::String, what);
        };
        let common = if known().all(|ty| *ty == first) {
            first
        } else {
            match known().map(SqlType::rank).collect::<Option<Vec<_>>>() {
                Some(ranks) => ranks.into_iter().max().map_or(first, |rank| rank.result()),
                None => first,
            }
        };
        self.converted(operands, &common, what)
    }

    fn converted(
        &mut self,
        operands: Vec<Bound>,
        ty: &SqlType,
        what: &str,
    ) -> Result<(Vec<Bound>, SqlType), SqlError> {
        let mut converted = Vec::with_capacity(operands.len());
        for operand in operands {
            converted.push(self.coerce(operand, ty, what)?);
        }
        Ok((converted, ty.clone()))
    }

    /// The state of `$n`, made when it is new. `written` is `$` and the number.
    pub(super) fn param(&mut self, written: &str, at: Position) -> Result<usize, SqlError> {
        let number = written.strip_prefix('$').and_then(|number| number.parse::<usize>().ok());
        let Some(index) = number.and_then(|number| number.checked_sub(1)) else {
            return Err(SqlError::unsupported(format!("the parameter {written}"), at));
        };
        if index >= self.limits.params_max {
            let count_max = self.limits.params_max;
            return Err(SqlError::TooComplex { what: "parameters", count_max, at });
        }
        if index >= self.params.len() {
            self.params.resize_with(index + 1, Default::default);
        }
        self.params[index].used = true;
        Ok(index)
    }

    /// The types of all parameters, once everything is bound.
    pub(super) fn finish_params(self) -> Result<Vec<SqlType>, SqlError> {
        let typed = self.params.into_iter().enumerate().map(|(index, param)| {
            match (param.ty, param.used) {
                (Some(ty), _) => Ok(ty),
                (None, true) => Ok(SqlType::String),
                (None, false) => Err(SqlError::ParameterType { number: index + 1 }),
            }
        });
        typed.collect()
    }

    /// The one moment that a query reads: of all its tables, or of none.
    pub(super) fn as_of(&mut self, clauses: &[AsOfSyntax]) -> Result<Option<Moment>, SqlError> {
        let Some((first, others)) = clauses.split_first() else { return Ok(None) };
        if self.names_a_view {
            return Err(SqlError::unsupported("AS OF of a query with a view", first.at));
        }
        let moment = self.moment(first)?;
        for other in others {
            if self.moment(other)? != moment {
                return Err(SqlError::unsupported("a second AS OF of another moment", other.at));
            }
        }
        if clauses.len() < self.tables.len() {
            let what = "AS OF of some tables of a query and not of all";
            return Err(SqlError::unsupported(what, first.at));
        }
        if clauses.len() > self.tables.len() {
            return Err(SqlError::misplaced("AS OF stands after a table in FROM", first.at));
        }
        Ok(Some(moment))
    }

    fn moment(&mut self, as_of: &AsOfSyntax) -> Result<Moment, SqlError> {
        let at = as_of.at;
        let (operand, ty) = match &as_of.moment {
            MomentSyntax::Tx(operand) => (operand, SqlType::Int(Integer::U64)),
            MomentSyntax::Timestamp(operand) => (operand, SqlType::Timestamp),
        };
        let bound = match operand {
            OperandSyntax::Literal(text) => {
                let value = Datum::text(text.clone());
                Bound { expr: Expr::Literal { value, ty: SqlType::String }, ty: None, at }
            }
            OperandSyntax::Placeholder(name) => {
                let index = self.param(name, at)?;
                let ty = self.params[index].ty.clone();
                Bound { expr: Expr::Param(index), ty, at }
            }
        };
        let expr = self.coerce(bound, &ty, "the moment of AS OF")?.expr;
        Ok(match as_of.moment {
            MomentSyntax::Tx(_) => Moment::Tx(expr),
            MomentSyntax::Timestamp(_) => Moment::Timestamp(expr),
        })
    }
}

fn is_number(bound: &Bound) -> bool {
    bound.ty.as_ref().is_some_and(SqlType::is_number)
}

fn hint(left: &SqlType, right: &Option<SqlType>) -> &'static str {
    let is_micros = |ty: &SqlType| matches!(ty, SqlType::Timestamp | SqlType::Duration);
    let is_number = |ty: &SqlType| ty.is_number();
    match right {
        Some(right)
            if (is_micros(left) && is_number(right)) || (is_number(left) && is_micros(right)) =>
        {
            "; ::i64 gives its microseconds"
        }
        _ => "",
    }
}

/// Characters of a literal that an error repeats.
const ECHO_CHARS_MAX: usize = 40;

fn invalid_literal(literal: &str, error: &EvalError, at: Position) -> SqlError {
    let mut shown: String = literal.chars().take(ECHO_CHARS_MAX).collect();
    if shown.len() < literal.len() {
        shown.push('…');
    }
    SqlError::mistyped(format!("{error}: '{shown}'"), at)
}
