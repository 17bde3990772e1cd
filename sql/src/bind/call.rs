//! Binds calls: of functions, and of aggregates.

use sqlparser::ast::{
    CeilFloorKind, DateTimeField, DuplicateTreatment, Expr as Ast, Function as Call, FunctionArg,
    FunctionArgExpr, FunctionArguments,
};

use super::expression::boxed;
use super::operator::rank_domain;
use super::scope::{folded, name_parts};
use super::{Binder, Bound};
use crate::error::{NameKind, Position, SqlError};
use crate::expr::Expr;
use crate::expr::call::Function;
use crate::logical::AggregateFunction;
use crate::syntax::place::place_of_argument;
use crate::value::ty::Rank;
use crate::value::{Integer, SqlType};

/// Functions whose value differs from call to call: a plan, and an answer that is kept up to date, could not hold it.
const VOLATILE: &[&str] = &[
    "clock_timestamp",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "currval",
    "gen_random_uuid",
    "lastval",
    "localtime",
    "localtimestamp",
    "nextval",
    "now",
    "pg_sleep",
    "random",
    "session_user",
    "setval",
    "statement_timestamp",
    "timeofday",
    "transaction_timestamp",
    "user",
    "uuid_generate_v4",
];

impl Binder<'_> {
    pub(super) fn function(&mut self, call: &Call, at: Position) -> Result<Bound, SqlError> {
        let parts = name_parts(&call.name)?;
        let [name] = parts.as_slice() else {
            return Err(SqlError::unsupported("a function of a schema", at));
        };
        let name = folded(name);
        if VOLATILE.contains(&name.as_str()) {
            return Err(SqlError::unsupported(format!("the volatile function {name}"), at));
        }
        let args = arguments(call, &name, at)?;
        match AggregateFunction::by_name(&name) {
            Some(function) => self.aggregate(function, args, at),
            None => self.scalar(&name, args, at),
        }
    }

    /// `floor(x)` and `ceil(x)`, which the parser keeps apart from other calls.
    pub(super) fn rounding(
        &mut self,
        name: &str,
        expr: &Ast,
        field: &CeilFloorKind,
        at: Position,
    ) -> Result<Bound, SqlError> {
        match field {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => {
                let bound = self.expression(expr)?;
                self.known_function(name, vec![bound], at)
            }
            _ => Err(SqlError::unsupported(format!("{name} to a unit"), at)),
        }
    }

    fn scalar(
        &mut self,
        name: &str,
        args: &[FunctionArg],
        at: Position,
    ) -> Result<Bound, SqlError> {
        let mut bound = Vec::with_capacity(args.len());
        for arg in args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => {
                    bound.push(self.expression(expr)?);
                }
                other => {
                    let what = format!("this argument of {name}");
                    return Err(SqlError::unsupported(what, place_of_argument(other)));
                }
            }
        }
        self.known_function(name, bound, at)
    }

    fn known_function(
        &mut self,
        name: &str,
        args: Vec<Bound>,
        at: Position,
    ) -> Result<Bound, SqlError> {
        match (name, args.len()) {
            ("coalesce", 1..) => {
                let (args, ty) = self.unified(args, "an argument of coalesce")?;
                let list = args.into_iter().map(|arg| arg.expr).collect();
                Ok(self.typed(Expr::Coalesce(list), ty, at))
            }
            ("greatest" | "least", 1..) => self.extreme(name == "greatest", args, at),
            ("nullif", 2) => {
                let (args, _) = self.comparable(args, false)?;
                let ty = args[0].ty.clone().unwrap_or(SqlType::String);
                let [left, right] = boxed(args);
                Ok(self.typed(Expr::NullIf { left, right }, ty, at))
            }
            ("lower", 1) => self.on_text(Function::Lower, args, SqlType::String, at),
            ("upper", 1) => self.on_text(Function::Upper, args, SqlType::String, at),
            ("length" | "char_length" | "character_length", 1) => {
                self.on_text(Function::Length, args, SqlType::Int(Integer::I32), at)
            }
            ("octet_length", 1) => {
                self.on_text(Function::OctetLength, args, SqlType::Int(Integer::I32), at)
            }
            ("abs", 1) => self.on_number(name, args, at),
            ("floor" | "ceil" | "ceiling" | "round", 1) => self.on_number(name, args, at),
            ("round", 2) => self.round_to(args, at),
            _ if FUNCTIONS.contains(&name) => Err(SqlError::mistyped(
                format!("function {name} does not take {} arguments", args.len()),
                at,
            )),
            _ => {
                let name = name.chars().take(63).collect();
                Err(SqlError::Unknown { kind: NameKind::Function, name, at })
            }
        }
    }

    fn extreme(
        &mut self,
        greatest: bool,
        args: Vec<Bound>,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let (args, ty) = self.unified(args, "an argument of greatest or least")?;
        if !ty.is_ordered() {
            return Err(SqlError::mistyped(format!("values of type {ty} have no order"), at));
        }
        let list = args.into_iter().map(|arg| arg.expr).collect();
        Ok(self.typed(Expr::Extreme { greatest, list }, ty, at))
    }

    fn on_text(
        &mut self,
        function: Function,
        args: Vec<Bound>,
        result: SqlType,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let mut bound = Vec::with_capacity(args.len());
        for arg in args {
            let arg = self.settle(arg, &SqlType::String)?;
            let bytes = matches!(function, Function::Length | Function::OctetLength);
            match &arg.ty {
                Some(SqlType::String) => {}
                Some(SqlType::Bytes) if bytes => {}
                _ => return Err(no_function(function.name(), &arg)),
            }
            bound.push(arg.expr);
        }
        Ok(self.typed(Expr::Call { function, args: bound }, result, at))
    }

    /// Functions of one number. PostgreSQL rounds integers as floats; `abs` keeps their type.
    fn on_number(&mut self, name: &str, args: Vec<Bound>, at: Position) -> Result<Bound, SqlError> {
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
        let exact = rank == Rank::Numeric;
        let (arg, ty) = match rank {
            Rank::Numeric => (arg, SqlType::Numeric),
            _ => (self.cast_known(arg, &SqlType::F64).expect("numbers can be cast"), SqlType::F64),
        };
        let function = match name {
            "floor" => Function::Floor,
            "round" => Function::Round,
            _ => Function::Ceil,
        };
        debug_assert_eq!(exact, ty == SqlType::Numeric);
        Ok(self.typed(Expr::Call { function, args: vec![arg.expr] }, ty, at))
    }

    fn round_to(&mut self, args: Vec<Bound>, at: Position) -> Result<Bound, SqlError> {
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
            return Err(no_function("round to digits", &number));
        }
        if !is_count(&digits) {
            return Err(no_function("round to digits", &digits));
        }
        let call = Expr::Call { function: Function::RoundTo, args: vec![number.expr, digits.expr] };
        Ok(self.typed(call, SqlType::Numeric, at))
    }
}

/// The functions that exist, whatever their arguments.
const FUNCTIONS: &[&str] = &[
    "abs",
    "ceil",
    "ceiling",
    "char_length",
    "character_length",
    "coalesce",
    "floor",
    "greatest",
    "least",
    "length",
    "lower",
    "nullif",
    "octet_length",
    "round",
    "upper",
];

fn no_function(name: &str, bound: &Bound) -> SqlError {
    SqlError::mistyped(format!("there is no {name}({})", bound.type_name()), bound.at)
}

/// The arguments of a call that is nothing but a call.
fn arguments<'c>(call: &'c Call, name: &str, at: Position) -> Result<&'c [FunctionArg], SqlError> {
    let unsupported = |what: &str| Err(SqlError::unsupported(what, at));
    if call.over.is_some() {
        return unsupported("a window function");
    }
    if call.filter.is_some() {
        return unsupported("FILTER");
    }
    if !call.within_group.is_empty() {
        return unsupported("WITHIN GROUP");
    }
    if call.null_treatment.is_some()
        || call.uses_odbc_syntax
        || call.parameters != FunctionArguments::None
    {
        return unsupported("this form of call");
    }
    match &call.args {
        FunctionArguments::List(list) if list.clauses.is_empty() => {
            match list.duplicate_treatment {
                Some(DuplicateTreatment::Distinct) => unsupported(&format!("{name}(DISTINCT …)")),
                _ => Ok(&list.args),
            }
        }
        FunctionArguments::List(_) => unsupported("a clause in a call"),
        FunctionArguments::Subquery(_) => unsupported("a sub-query"),
        FunctionArguments::None => Ok(&[]),
    }
}
