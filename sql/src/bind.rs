//! Gives every name and operator of a parsed SELECT its meaning: columns, types, functions, parameters; and makes joins of
//! sub-queries, so that [`crate::logical`] has none.
//!
//! A literal in quotes, NULL and `$n` have no type of their own; they take one from what they stand beside, as in
//! PostgreSQL ([`Bound::ty`] is `None` until then). A parameter keeps the first type that it takes.
//!
//! Invariants:
//! 1. No function here recurses more than `PlanLimits::depth_max` levels of expressions, `relations_max` of set operations and
//!    `QUERY_DEPTH_MAX` of queries; chains of AND, of OR and of joins are walked in a loop.
//! 2. What leaves the binder has no untyped literal or parameter, no sub-query and no column of a query around it; and, above
//!    an aggregate, no column below it.
//!
//! Reading order: [`scope`], [`operand`]; [`expression`] with [`column`], [`operator`], [`literal`], [`call`] with [`signature`], [`number`] and [`worded`], and [`aggregate`];
//! [`query`], [`from`] with [`with`], [`select`] with [`keys`], [`tail`] and [`ties`], [`grouping`]; [`subquery`], [`correlation`], [`attach`];
//! [`set_operation`]; [`policy`].

mod aggregate;
mod attach;
mod call;
mod column;
mod correlation;
mod expression;
mod from;
mod grouping;
mod keys;
mod literal;
mod number;
mod operand;
mod operator;
pub(crate) mod policy;
mod query;
mod scope;
mod select;
mod set_operation;
mod signature;
mod subquery;
mod tail;
mod ties;
mod with;
mod worded;

use std::collections::BTreeSet;

use cosmictron_storage::TableDef;

use crate::catalog::Catalog;
use crate::error::{Position, SqlError};
use crate::expr::Expr;
use crate::limits::PlanLimits;
use crate::logical::{AggregateCall, Query};
use crate::params::Wanted;
use crate::syntax::Statement;
use crate::syntax::token::Keywords;
use crate::time_travel::Moment;
use crate::value::SqlType;
use scope::Scope;
use subquery::SubQuery;
use with::WithQuery;

/// A bound statement.
pub(crate) struct BoundStatement {
    pub(crate) query: Query,
    pub(crate) params: Wanted,
    pub(crate) as_of: Option<Moment>,
}

pub(crate) fn bind(
    statement: &Statement,
    catalog: &dyn Catalog,
    limits: &PlanLimits,
) -> Result<BoundStatement, SqlError> {
    let mut binder = Binder::new(catalog, &statement.keywords, limits, Reader::Caller);
    let query = binder.query(&statement.query)?.finish()?;
    let as_of = binder.as_of(&statement.as_of)?;
    let params = Wanted { identity: binder.asks_identity, types: binder.finish_params()? };
    Ok(BoundStatement { query, params, as_of })
}

/// What is known while a statement is bound.
struct Binder<'b> {
    catalog: &'b dyn Catalog,
    keywords: &'b Keywords,
    limits: &'b PlanLimits,
    reader: Reader<'b>,
    /// Whether a policy asks who the query is executed for.
    asks_identity: bool,
    /// The SELECT at hand.
    level: Level,
    /// Those around it, the outermost first.
    outer: Vec<OuterLevel>,
    /// The WITH queries that can be named.
    with: Vec<WithQuery>,
    /// One a parameter, up to the highest that was seen.
    params: Vec<ParamState>,
    /// Tables, sub-queries and SELECTs so far.
    relations: usize,
    /// Where tables are named.
    tables: BTreeSet<Position>,
    /// Whether one of them is a view.
    names_a_view: bool,
    /// Levels of expressions that are open.
    depth: usize,
}

/// Who reads the tables that a text names.
#[derive(Clone, Copy)]
enum Reader<'b> {
    /// Whoever the catalog is for. Policies admit rows.
    Caller,
    /// The policy of this table: it reads the tables of its module, all rows of them.
    Policy(&'b TableDef),
}

/// What is known of one SELECT.
#[derive(Default)]
struct Level {
    scope: Scope,
    /// Its aggregates, each once.
    aggregates: Vec<AggregateCall>,
    /// The sub-queries in its expressions.
    subqueries: Vec<SubQuery>,
    clause: Clause,
}

/// A SELECT around the one at hand.
struct OuterLevel {
    level: Level,
    /// Whether its columns can be named; not from its FROM.
    is_visible: bool,
}

/// What is known of a parameter.
#[derive(Clone, Debug, Default)]
struct ParamState {
    used: bool,
    ty: Option<SqlType>,
}

/// Which clause is being bound: it decides what an expression may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Clause {
    On,
    Where,
    GroupBy,
    #[default]
    Select,
    Having,
    OrderBy,
    /// LIMIT or OFFSET.
    Limit(&'static str),
    /// The argument of an aggregate, or its FILTER.
    Argument,
    Policy,
}

impl Clause {
    fn name(self) -> &'static str {
        match self {
            Clause::On => "ON",
            Clause::Where => "WHERE",
            Clause::GroupBy => "GROUP BY",
            Clause::Select => "SELECT",
            Clause::Having => "HAVING",
            Clause::OrderBy => "ORDER BY",
            Clause::Limit(name) => name,
            Clause::Argument => "an aggregate's argument",
            Clause::Policy => "a policy",
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

impl<'b> Binder<'b> {
    fn new(
        catalog: &'b dyn Catalog,
        keywords: &'b Keywords,
        limits: &'b PlanLimits,
        reader: Reader<'b>,
    ) -> Self {
        Self {
            catalog,
            keywords,
            limits,
            reader,
            asks_identity: false,
            level: Level::default(),
            outer: Vec::new(),
            with: Vec::new(),
            params: Vec::new(),
            relations: 0,
            tables: BTreeSet::new(),
            names_a_view: false,
            depth: 0,
        }
    }
}

impl Binder<'_> {
    /// Counts one more table, sub-query or SELECT.
    fn count_relations(&mut self, more: usize, at: Position) -> Result<(), SqlError> {
        self.relations += more;
        let count_max = self.limits.relations_max;
        if self.relations > count_max {
            return Err(SqlError::TooComplex { what: "tables and sub-queries", count_max, at });
        }
        Ok(())
    }
}

/// A condition as the list of those that all have to hold.
fn conjuncts(predicate: Expr) -> Vec<Expr> {
    match predicate {
        Expr::And(list) => list,
        other => vec![other],
    }
}
