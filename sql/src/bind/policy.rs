//! Binds what the policies of tables say, and puts it between a table and whoever reads it.
//!
//! A policy is a condition over a row of its table, which names who asks as `$identity`, and tables of the same module in
//! sub-queries. These are read as their module's own: all rows, public or not. So no policy depends on another one, and there
//! is no recursion, as with the security-definer functions that one writes for it in PostgreSQL.
//!
//! Read policies stand above each scan that a caller's query has of the table ([`Binder::readable`]). For whoever holds a row in
//! its hand, a policy is a condition over its bytes, or, where it has sub-queries, a query whose parameters are the columns of
//! the row ([`of_row`]): the very same conditions, so there is one meaning of a policy.

use std::sync::Arc;

use cosmictron_storage::TableDef;
use sqlparser::ast::{Expr as Ast, FunctionArguments, Ident};

use super::from::{self, From, derived, refused};
use super::scope::{Relation, Scope, folded, name_parts};
use super::subquery::subqueries_of;
use super::{Binder, Bound, Clause, Reader, conjuncts};
use crate::catalog::{Catalog, NameError, Sight};
use crate::error::{Position, SqlError};
use crate::expr::{ColumnRef, Expr};
use crate::limits::PlanLimits;
use crate::logical::{Node, Output, Query};
use crate::params::Wanted;
use crate::syntax::{self, Condition};
use crate::value::SqlType;

/// What is admitted, and what an execution of it has to be given.
pub(crate) struct BoundPolicy {
    pub(crate) node: Node,
    pub(crate) params: Wanted,
    /// Tables and sub-queries in it.
    relations: usize,
}

/// What a policy says of a row in hand.
pub(crate) enum OfRow {
    /// All of these have to be true of its bytes.
    Row(Vec<Expr>),
    /// It is admitted if this query has a row. The parameters are the row's columns.
    Query(Box<BoundPolicy>),
}

impl Binder<'_> {
    /// The table that a name stands for, to whoever reads.
    pub(super) fn table(
        &self,
        module: Option<&str>,
        name: &str,
        at: Position,
    ) -> Result<Arc<TableDef>, SqlError> {
        let found = match (self.reader, module) {
            (Reader::Caller, module) => self.catalog.table(module, name),
            (Reader::Policy(of), None) => self.catalog.beside(of, name).ok_or(NameError::Unknown),
            (Reader::Policy(_), Some(_)) => {
                let what = "a module's name in a policy, which reads tables of its own alone,";
                return Err(SqlError::unsupported(what, at));
            }
        };
        found.map_err(|error| refused(error, module, name, at))
    }

    /// The rows of a table that whoever reads may see. A row is the first part of each tuple.
    pub(super) fn readable(&mut self, def: Arc<TableDef>, at: Position) -> Result<Node, SqlError> {
        let is_caller = matches!(self.reader, Reader::Caller);
        let policies: Vec<&str> = def.schema.read_policies().collect();
        if !is_caller || policies.is_empty() || self.catalog.sight() == Sight::All {
            return Ok(Node::all_rows(def));
        }
        let admitted = admitted(&policies, &def, self.catalog, self.limits);
        let BoundPolicy { node, params, relations } = admitted.map_err(|error| {
            SqlError::Policy { table: def.name.to_string(), detail: error.to_string() }
        })?;
        self.count_relations(relations, at)?;
        self.asks_identity |= params.identity;
        Ok(node.guarded())
    }

    pub(super) fn is_policy(&self) -> bool {
        matches!(self.reader, Reader::Policy(_))
    }

    /// The one parameter that a policy has.
    pub(super) fn policy_param(&mut self, written: &str, at: Position) -> Result<Bound, SqlError> {
        if written.eq_ignore_ascii_case("$identity") {
            return Ok(self.identity(at));
        }
        let what = format!("the parameter {written} in a policy, which has $identity alone,");
        Err(SqlError::unsupported(what, at))
    }

    pub(super) fn identity(&mut self, at: Position) -> Bound {
        self.asks_identity = true;
        Bound::new(Expr::Identity, SqlType::Identity, at)
    }
}

impl<'b> Binder<'b> {
    /// The tuples of `from` that any of the conditions admits.
    fn admitted(
        mut self,
        from: From,
        conditions: &'b [Condition],
    ) -> Result<BoundPolicy, SqlError> {
        let predicates = self.conditions(from.scope, conditions)?;
        let mut correlation = Vec::new();
        let node = self.filtered(from.node, predicates, &mut correlation)?;
        assert!(correlation.is_empty(), "there is no query around a policy");
        let params = Wanted { types: Vec::new(), identity: self.asks_identity };
        Ok(BoundPolicy { node, params, relations: self.relations })
    }

    /// What has to hold for any of the conditions to do.
    fn conditions(
        &mut self,
        scope: Scope,
        conditions: &'b [Condition],
    ) -> Result<Vec<Expr>, SqlError> {
        self.level.scope = scope;
        let mut alternatives = Vec::with_capacity(conditions.len());
        for Condition { expr, keywords } in conditions {
            self.keywords = keywords;
            alternatives.push(self.clause_condition(expr, Clause::Policy)?);
        }
        Ok(match alternatives.len() {
            1 => conjuncts(alternatives.remove(0)),
            _ => vec![Expr::Or(alternatives)],
        })
    }
}

/// The rows of a table that any of these policies of it admits.
pub(crate) fn admitted(
    policies: &[&str],
    def: &Arc<TableDef>,
    catalog: &dyn Catalog,
    limits: &PlanLimits,
) -> Result<BoundPolicy, SqlError> {
    let conditions: Vec<Condition> = policies
        .iter()
        .map(|text| syntax::parse_condition(text, limits))
        .collect::<Result<_, _>>()?;
    let from = From { node: Node::all_rows(def.clone()), scope: scope_of(def) };
    binder(&conditions, def, catalog, limits).admitted(from, &conditions)
}

/// What one policy of a table says of a row in hand.
pub(crate) fn of_row(
    policy: &str,
    def: &Arc<TableDef>,
    catalog: &dyn Catalog,
    limits: &PlanLimits,
) -> Result<OfRow, SqlError> {
    let conditions = [syntax::parse_condition(policy, limits)?];
    let mut plain = binder(&conditions, def, catalog, limits);
    let predicates = plain.conditions(scope_of(def), &conditions)?;
    if predicates.iter().all(|predicate| subqueries_of(predicate).is_empty()) {
        return Ok(OfRow::Row(predicates));
    }
    let column = |(at, (name, column)): (usize, (String, ColumnRef))| Output {
        name,
        expr: Expr::Param(at),
        ty: column.ty,
    };
    let columns = from::columns_of(def, Position::START).into_iter().enumerate();
    let output: Vec<Output> = columns.map(column).collect();
    let types: Vec<SqlType> = output.iter().map(|output| output.ty.clone()).collect();
    let mut from = derived(Query { node: Node::Unit, output }, None, Position::START)?;
    let relation = from.scope.into_only_relation();
    from.scope = Scope::of(Relation { name: Some(def.name.to_string()), ..relation });
    let mut bound = binder(&conditions, def, catalog, limits).admitted(from, &conditions)?;
    bound.params.types = types;
    Ok(OfRow::Query(Box::new(bound)))
}

fn binder<'b>(
    conditions: &'b [Condition],
    def: &'b TableDef,
    catalog: &'b dyn Catalog,
    limits: &'b PlanLimits,
) -> Binder<'b> {
    let first = conditions.first().expect("a policy has a condition");
    Binder::new(catalog, &first.keywords, limits, Reader::Policy(def))
}

/// All columns of a table, over tuples of one row.
pub(crate) fn columns_of(def: &Arc<TableDef>) -> Vec<ColumnRef> {
    from::columns_of(def, Position::START).into_iter().map(|(_, column)| column).collect()
}

/// The columns of a policy's row.
fn scope_of(def: &Arc<TableDef>) -> Scope {
    let columns = from::columns_of(def, Position::START);
    Scope::of(Relation { name: Some(def.name.to_string()), module: None, columns })
}

/// Whether an expression is `ctx.sender` or `ctx.sender()`, as a reducer would write `$identity`.
pub(super) fn is_sender(ast: &Ast) -> bool {
    let is_it = |names: &[&Ident]| {
        let [context, sender] = names else { return false };
        folded(context) == "ctx" && folded(sender) == "sender"
    };
    match ast {
        Ast::CompoundIdentifier(names) => is_it(&names.iter().collect::<Vec<_>>()),
        Ast::Function(call) => {
            let has_no_arguments = match &call.args {
                FunctionArguments::None => true,
                FunctionArguments::List(list) => list.args.is_empty(),
                FunctionArguments::Subquery(_) => false,
            };
            has_no_arguments && name_parts(&call.name).is_ok_and(|names| is_it(&names))
        }
        _ => false,
    }
}
