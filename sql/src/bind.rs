//! Gives every name and operator of a parsed SELECT its meaning: columns, types, functions, parameters.
//!
//! A literal in quotes, NULL and `$n` have no type of their own; they take one from what they stand beside, as in
//! PostgreSQL ([`Bound::ty`] is `None` until then). A parameter keeps the first type that it takes.
//!
//! Invariants:
//! 1. No function here recurses more than `PlanLimits::depth_max` levels; chains of AND and OR are walked in a loop.
//! 2. What leaves the binder has no untyped literal or parameter and, above an aggregate, no column below it.
//!
//! Reading order: [`scope`], [`operand`]; [`expression`] with [`operator`], [`literal`], [`call`] and [`aggregate`];
//! [`select`] with [`keys`] and [`tail`], [`grouping`].

mod aggregate;
mod call;
mod expression;
mod grouping;
mod keys;
mod literal;
mod operand;
mod operator;
mod scope;
mod select;
mod tail;

use crate::catalog::Catalog;
use crate::error::{Position, SqlError};
use crate::expr::Expr;
use crate::limits::PlanLimits;
use crate::logical::{AggregateCall, Query};
use crate::syntax::Statement;
use crate::time_travel::Moment;
use crate::value::SqlType;
use scope::Scope;

/// A bound statement.
pub(crate) struct BoundStatement {
    pub(crate) query: Query,
    pub(crate) params: Vec<SqlType>,
    pub(crate) as_of: Option<Moment>,
}

pub(crate) fn bind(
    statement: &Statement,
    catalog: &dyn Catalog,
    limits: &PlanLimits,
) -> Result<BoundStatement, SqlError> {
    let mut binder = Binder {
        scope: Scope::default(),
        params: Vec::new(),
        aggregates: Vec::new(),
        limits,
        depth: 0,
        clause: Clause::Select,
    };
    let query = binder.select(statement, catalog)?;
    let as_of = statement.as_of.as_ref().map(|as_of| binder.moment(as_of)).transpose()?;
    let params = binder.finish_params()?;
    Ok(BoundStatement { query, params, as_of })
}

/// What is known while a statement is bound.
struct Binder<'b> {
    scope: Scope,
    /// One a parameter, up to the highest that was seen.
    params: Vec<ParamState>,
    /// The aggregates of the query, each once.
    aggregates: Vec<AggregateCall>,
    limits: &'b PlanLimits,
    /// Levels of expressions that are open.
    depth: usize,
    clause: Clause,
}

/// What is known of a parameter.
#[derive(Clone, Debug, Default)]
struct ParamState {
    used: bool,
    ty: Option<SqlType>,
}

/// Which clause is being bound: it decides what an expression may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clause {
    Where,
    GroupBy,
    Select,
    Having,
    OrderBy,
    /// LIMIT or OFFSET.
    Limit(&'static str),
    /// The argument of an aggregate.
    Argument,
}

impl Clause {
    fn name(self) -> &'static str {
        match self {
            Clause::Where => "WHERE",
            Clause::GroupBy => "GROUP BY",
            Clause::Select => "SELECT",
            Clause::Having => "HAVING",
            Clause::OrderBy => "ORDER BY",
            Clause::Limit(name) => name,
            Clause::Argument => "an aggregate's argument",
        }
    }

    fn allows_aggregates(self) -> bool {
        matches!(self, Clause::Select | Clause::Having | Clause::OrderBy)
    }
}

/// An expression with its type, where it has one yet.
#[derive(Clone, Debug)]
struct Bound {
    expr: Expr,
    /// `None`: a literal in quotes, NULL or a parameter that nothing gave a type.
    ty: Option<SqlType>,
    at: Position,
}

impl Bound {
    fn new(expr: Expr, ty: SqlType, at: Position) -> Self {
        Self { expr, ty: Some(ty), at }
    }

    /// As it is called in messages.
    fn type_name(&self) -> String {
        self.ty.as_ref().map_or_else(|| "unknown".to_owned(), SqlType::to_string)
    }
}
