//! Binds calls: of functions, and of aggregates.

use sqlparser::ast::{
    CeilFloorKind, DateTimeField, DuplicateTreatment, Expr as Ast, Function as Call, FunctionArg,
    FunctionArgExpr, FunctionArgumentClause, FunctionArguments,
};

use super::expression::boxed;
use super::scope::{folded, name_parts};
use super::signature::Signature;
use super::{Binder, Bound};
use crate::error::{NameKind, Position, SqlError};
use crate::expr::call::Function;
use crate::expr::{Case, Expr};
use crate::logical::AggregateFunction;
use crate::syntax::place::place_of_argument;
use crate::value::ty::Rank;
use crate::value::{Datum, Integer, SqlType};

/// Functions whose value differs from call to call: a plan, and an answer that is kept up to date, could not hold it.
const VOLATILE: &[&str] = &[
    "clock_timestamp",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_user",
    "currval",
    "gen_random_uuid",
    "lastval",
    "localtime",
    "localtimestamp",
    "nextval",
    "pg_sleep",
    "random",
    "session_user",
    "setval",
    "timeofday",
    "user",
    "uuid_generate_v4",
];

/// A call as it was written, apart from its name.
pub(super) struct CallParts<'c> {
    pub(super) args: &'c [FunctionArg],
    pub(super) distinct: bool,
    pub(super) filter: Option<&'c Ast>,
}

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
        let parts = call_parts(call, at)?;
        if let Some(function) = AggregateFunction::by_name(&name) {
            return self.aggregate(function, &parts, at);
        }
        if parts.filter.is_some() {
            return Err(SqlError::misplaced(
                format!("FILTER of {name}, which is no aggregate"),
                at,
            ));
        }
        if parts.distinct {
            return Err(SqlError::misplaced(
                format!("DISTINCT in {name}, which is no aggregate"),
                at,
            ));
        }
        self.scalar(&name, parts.args, at)
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

    pub(super) fn known_function(
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
            ("length" | "char_length" | "character_length", 1) => {
                self.on_text(Function::Length, args, at)
            }
            ("octet_length", 1) => self.on_text(Function::OctetLength, args, at),
            ("concat", 1..) => self.concatenated(Function::Concat, args, at),
            ("concat_ws", 2..) => self.concatenated(Function::ConcatWith, args, at),
            ("abs", 1) => self.on_number(name, args, at),
            ("floor" | "ceil" | "ceiling" | "round" | "trunc" | "sign", 1) => {
                self.on_number(name, args, at)
            }
            ("round", 2) => self.rounded_to_digits(Function::RoundTo, args, at),
            ("trunc", 2) => self.rounded_to_digits(Function::TruncTo, args, at),
            ("mod", 2) => self.remainder(args, at),
            ("pi", 0) => {
                let value = Datum::Float(core::f64::consts::PI);
                let literal = Expr::Literal { value, ty: SqlType::F64 };
                Ok(Bound::new(literal, SqlType::F64, at))
            }
            ("now" | "transaction_timestamp" | "statement_timestamp" | "current_timestamp", 0) => {
                Ok(Bound::new(Expr::Now, SqlType::Timestamp, at))
            }
            ("date_part", 2) => self.extracted(args, true, at),
            ("date_trunc", 2) => self.date_trunc(args, at),
            _ if let Some(signature) = Signature::of(name, args.len()) => {
                self.signed(name, &signature, args, at)
            }
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

    /// Of a text or of a byte string, and counted.
    fn on_text(
        &mut self,
        function: Function,
        args: Vec<Bound>,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let mut bound = Vec::with_capacity(args.len());
        for arg in args {
            let arg = self.settle(arg, &SqlType::String)?;
            match &arg.ty {
                Some(SqlType::String | SqlType::Bytes) => {}
                _ => return Err(no_function(function.name(), &arg)),
            }
            bound.push(arg.expr);
        }
        let call = Expr::Call { function, args: bound };
        Ok(self.typed(call, SqlType::Int(Integer::I32), at))
    }

    /// Arguments of any type that has a text.
    fn concatenated(
        &mut self,
        function: Function,
        args: Vec<Bound>,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let mut texts = Vec::with_capacity(args.len());
        for arg in args {
            let arg = self.settle_default(arg)?;
            let text = match &arg.ty {
                // As PostgreSQL puts it out, not as it casts it.
                Some(SqlType::Bool) => bool_letter(arg.expr),
                _ => match self.cast_known(arg.clone(), &SqlType::String) {
                    Some(text) => text.expr,
                    None => return Err(no_function(function.name(), &arg)),
                },
            };
            texts.push(text);
        }
        Ok(self.typed(Expr::Call { function, args: texts }, SqlType::String, at))
    }

    /// A function whose arguments have one type each.
    fn signed(
        &mut self,
        name: &str,
        signature: &Signature,
        args: Vec<Bound>,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let mut bound = Vec::with_capacity(args.len());
        for (arg, ty) in args.into_iter().zip(signature.args) {
            let arg = self.settle(arg, ty)?;
            let arg = match (arg.ty.as_ref().and_then(SqlType::rank), ty) {
                (Some(_), SqlType::F64) => self.cast_known(arg, ty).expect("numbers can be cast"),
                (Some(rank), SqlType::Int(_)) if rank <= Rank::Big => arg,
                _ if arg.ty.as_ref() == Some(ty) => arg,
                _ => return Err(no_function(name, &arg)),
            };
            bound.push(arg.expr);
        }
        let call = Expr::Call { function: signature.function, args: bound };
        Ok(self.typed(call, signature.result.clone(), at))
    }
}

/// The functions that exist, whatever their arguments.
const FUNCTIONS: &[&str] = &[
    "abs",
    "atan2",
    "btrim",
    "ceil",
    "ceiling",
    "char_length",
    "character_length",
    "coalesce",
    "concat",
    "concat_ws",
    "date_bin",
    "date_part",
    "date_trunc",
    "exp",
    "floor",
    "greatest",
    "initcap",
    "least",
    "left",
    "length",
    "ln",
    "log",
    "lower",
    "lpad",
    "ltrim",
    "mod",
    "now",
    "nullif",
    "octet_length",
    "pi",
    "power",
    "repeat",
    "replace",
    "reverse",
    "right",
    "round",
    "rpad",
    "rtrim",
    "sign",
    "split_part",
    "sqrt",
    "starts_with",
    "strpos",
    "substr",
    "substring",
    "to_timestamp",
    "translate",
    "trunc",
    "upper",
];

fn bool_letter(expr: Expr) -> Expr {
    let letter =
        |letter: &'static str| Expr::Literal { value: Datum::text(letter), ty: SqlType::String };
    let branches = vec![(Expr::boolean(true), letter("t")), (Expr::boolean(false), letter("f"))];
    Expr::Case(Box::new(Case { operand: Some(expr), branches, otherwise: None }))
}

pub(super) fn no_function(name: &str, bound: &Bound) -> SqlError {
    SqlError::mistyped(format!("there is no {name}({})", bound.type_name()), bound.at)
}

/// A call that is nothing but a call, or one of an aggregate.
fn call_parts(call: &Call, at: Position) -> Result<CallParts<'_>, SqlError> {
    let unsupported = |what: &str| Err(SqlError::unsupported(what, at));
    if call.over.is_some() {
        return unsupported("a window function");
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
    let filter = call.filter.as_deref();
    match &call.args {
        FunctionArguments::List(list) if list.clauses.is_empty() => {
            let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
            Ok(CallParts { args: &list.args, distinct, filter })
        }
        FunctionArguments::List(list)
            if list
                .clauses
                .iter()
                .any(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_))) =>
        {
            unsupported("ORDER BY in a call")
        }
        FunctionArguments::List(_) => unsupported("a clause in a call"),
        FunctionArguments::Subquery(_) => {
            unsupported("a sub-query as an argument without parentheses")
        }
        FunctionArguments::None => Ok(CallParts { args: &[], distinct: false, filter }),
    }
}
