//! Binds the clauses of a SELECT and stacks them into a tree, in the order in which SQL says they happen:
//! FROM, WHERE, GROUP BY and aggregates, HAVING, DISTINCT, ORDER BY, LIMIT; the select list last, over what is left.
//! Sub-queries are joined where they are needed: those of WHERE and of what is aggregated below the aggregate, the others above.

use sqlparser::ast::{
    Expr as Ast, ObjectName, Select, SelectItem, SelectItemQualifiedWildcardKind,
    WildcardAdditionalOptions,
};

use super::correlation::has_outer;
use super::grouping::Grouping;
use super::keys::{Key, OrderKey};
use super::scope::{folded, name_parts};
use super::tail::{Limits, Tail};
use super::{Binder, Bound, Clause, conjuncts};
use crate::error::{Position, SqlError};
use crate::expr::Expr;
use crate::logical::{Node, Output, Query};
use crate::syntax::place::{place, place_of_object};
use crate::syntax::shape::{self, TailParts};
use crate::syntax::token::position;

/// An item of the select list.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) bound: Bound,
}

/// A bound SELECT, whose select list is still to be put on top.
pub(super) struct Selected {
    pub(super) node: Node,
    pub(super) items: Vec<Item>,
    pub(super) distinct: bool,
    pub(super) order: Vec<OrderKey>,
    pub(super) limits: Limits,
    /// Conditions over its tuples and the columns of the query around it, which are not in `node`.
    pub(super) correlation: Vec<Expr>,
    /// An aggregate without GROUP BY: one row, whatever there is; and its HAVING where there is a correlation.
    pub(super) lone_group: Option<Vec<Expr>>,
    pub(super) at: Position,
}

impl Selected {
    /// Whether it names columns of the query around it, where it is to be put on top or in its conditions.
    pub(super) fn is_correlated(&self) -> bool {
        let of_order = |key: &OrderKey| match &key.key {
            Key::Expr(bound) => has_outer(&bound.expr),
            Key::Item(_) => false,
        };
        let asks_above = self.lone_group.as_ref().is_some_and(|having| !having.is_empty());
        asks_above
            || !self.correlation.is_empty()
            || self.items.iter().any(|item| has_outer(&item.bound.expr))
            || self.order.iter().any(of_order)
    }

    /// A query that needs nothing of those around it.
    pub(super) fn finish(self) -> Result<Query, SqlError> {
        let Selected { node, items, distinct, order, limits, correlation, .. } = self;
        assert!(correlation.is_empty(), "only a sub-query in an expression is correlated");
        Tail { node, items, order }.finish(distinct, limits)
    }
}

impl Binder<'_> {
    /// A SELECT in a fresh level. Unless `is_typed`, an item without a type keeps none.
    pub(super) fn select(
        &mut self,
        select: &Select,
        tail: &TailParts<'_>,
        is_typed: bool,
    ) -> Result<Selected, SqlError> {
        debug_assert!(self.level.is_fresh());
        let at = position(select.select_token.0.span.start);
        let parts = shape::parts(select, self.keywords)?;
        let from = self.from(parts.from)?;
        self.level.scope = from.scope;
        let mut node = from.node;
        let mut correlation = Vec::new();
        if let Some(filter) = parts.filter {
            let predicates = conjuncts(self.clause_condition(filter, Clause::Where)?);
            node = self.filtered(node, predicates, &mut correlation)?;
        }
        let mut items = self.items(parts.items, is_typed || parts.distinct)?;
        let keys = self.group_keys(parts.group_by, &items)?;
        let having = parts.having.map(|having| self.clause_condition(having, Clause::Having));
        let mut having = having.transpose()?.map(conjuncts);
        let mut order = self.order_keys(tail.order_by, &items)?;
        let limits = self.limits_of(tail)?;

        let mut lone_group = None;
        if !keys.is_empty() || !self.level.aggregates.is_empty() || having.is_some() {
            let is_lone = keys.is_empty();
            let parts = Grouped { items: &mut items, having: &mut having, order: &mut order };
            node = self.group(node, keys, parts, &mut correlation)?;
            let is_correlated = !correlation.is_empty()
                || items.iter().any(|item| has_outer(&item.bound.expr))
                || having.iter().flatten().any(has_outer);
            if is_lone && is_correlated {
                lone_group = Some(having.take().unwrap_or_default());
            } else if is_lone {
                lone_group = Some(Vec::new());
            }
        }
        if let Some(having) = having {
            let mut outer = Vec::new();
            node = self.filtered(node, having, &mut outer)?;
            if !outer.is_empty() {
                let what = "a column of the query around a sub-query in HAVING";
                return Err(SqlError::unsupported(what, at));
            }
        }
        for item in &mut items {
            node = self.attached(node, &mut item.bound.expr)?;
        }
        for key in &mut order {
            if let Key::Expr(bound) = &mut key.key {
                node = self.attached(node, &mut bound.expr)?;
            }
        }
        let distinct = parts.distinct;
        Ok(Selected { node, items, distinct, order, limits, correlation, lone_group, at })
    }

    pub(super) fn clause_condition(&mut self, ast: &Ast, clause: Clause) -> Result<Expr, SqlError> {
        self.level.clause = clause;
        let bound = self.expression(ast)?;
        self.condition(bound, &format!("the condition of {}", clause.name()))
    }

    /// Puts an aggregate in between, and lets everything above it refer to its output. What a correlation says of the
    /// tuples below becomes a key.
    fn group(
        &mut self,
        mut node: Node,
        mut keys: Vec<Bound>,
        above: Grouped<'_>,
        correlation: &mut [Expr],
    ) -> Result<Node, SqlError> {
        let mut calls = core::mem::take(&mut self.level.aggregates);
        for key in &mut keys {
            node = self.attached(node, &mut key.expr)?;
            if has_outer(&key.expr) {
                let what = "a column of the query around a sub-query in GROUP BY";
                return Err(SqlError::unsupported(what, key.at));
            }
        }
        for call in &mut calls {
            for expr in call.argument.iter_mut().chain(&mut call.filter) {
                node = self.attached(node, expr)?;
            }
        }
        let mut keys: Vec<Output> = keys.into_iter().map(key_output).collect();
        self.correlate_keys(correlation, &mut keys)?;
        let grouping = Grouping { keys: &keys, calls: &calls };
        let Grouped { items, having, order } = above;
        let items = items.iter_mut().map(|item| &mut item.bound.expr);
        let order = order.iter_mut().filter_map(|key| match &mut key.key {
            Key::Expr(bound) => Some(&mut bound.expr),
            Key::Item(_) => None,
        });
        for expr in items.chain(having.iter_mut().flatten()).chain(order) {
            self.replace_attached(expr);
            grouping.lift(expr)?;
            self.lift_subqueries(expr, &grouping)?;
        }
        Ok(Node::Aggregate { input: Box::new(node), keys, calls })
    }

    fn items(&mut self, items: &[SelectItem], is_typed: bool) -> Result<Vec<Item>, SqlError> {
        self.level.clause = Clause::Select;
        let mut bound = Vec::with_capacity(items.len());
        for item in items {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let item = self.expression(expr)?;
                    bound.push(Item { name: name_of(expr, &item), bound: item });
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let item = self.expression(expr)?;
                    bound.push(Item { name: folded(alias), bound: item });
                }
                SelectItem::Wildcard(options) => self.all_columns(None, options, &mut bound)?,
                SelectItem::QualifiedWildcard(kind, options) => match kind {
                    SelectItemQualifiedWildcardKind::ObjectName(name) => {
                        self.all_columns(Some(name), options, &mut bound)?;
                    }
                    SelectItemQualifiedWildcardKind::Expr(expr) => {
                        return Err(SqlError::unsupported(".* of an expression", place(expr)));
                    }
                },
                SelectItem::ExprWithAliases { expr, .. } => {
                    return Err(SqlError::unsupported("a list of aliases", place(expr)));
                }
            }
            if bound.len() > self.limits.columns_max {
                let (what, count_max) = ("columns of the answer", self.limits.columns_max);
                return Err(SqlError::TooComplex { what, count_max, at: Position::START });
            }
        }
        if bound.is_empty() {
            return Err(SqlError::unsupported("SELECT of no columns", Position::START));
        }
        if is_typed {
            for item in &mut bound {
                item.bound = self.settle_default(item.bound.clone())?;
            }
        }
        Ok(bound)
    }

    /// `*` or `t.*`.
    fn all_columns(
        &self,
        qualifier: Option<&ObjectName>,
        options: &WildcardAdditionalOptions,
        items: &mut Vec<Item>,
    ) -> Result<(), SqlError> {
        let at = match qualifier {
            Some(name) => place_of_object(name),
            None => position(options.wildcard_token.0.span.start),
        };
        let plain = options.opt_ilike.is_none()
            && options.opt_exclude.is_none()
            && options.opt_except.is_none()
            && options.opt_replace.is_none()
            && options.opt_rename.is_none()
            && options.opt_alias.is_none();
        if !plain {
            return Err(SqlError::unsupported("an option of *", at));
        }
        if let Some(qualifier) = qualifier {
            let relation = self.level.scope.relation(&name_parts(qualifier)?, at)?;
            items.extend(relation.columns.iter().map(|(name, column)| {
                let (ty, name) = (column.ty.clone(), name.clone());
                Item { name, bound: Bound::new(Expr::Column(column.clone()), ty, at) }
            }));
            return Ok(());
        }
        if self.level.scope.is_empty() {
            return Err(SqlError::misplaced("* needs a table in FROM", at));
        }
        items.extend(self.level.scope.visible().iter().map(|visible| {
            let bound = Bound::new(visible.expr.clone(), visible.ty.clone(), at);
            Item { name: visible.name.clone(), bound }
        }));
        Ok(())
    }
}

/// What stands above an aggregate.
struct Grouped<'g> {
    items: &'g mut Vec<Item>,
    having: &'g mut Option<Vec<Expr>>,
    order: &'g mut Vec<OrderKey>,
}

fn key_output(key: Bound) -> Output {
    let ty = key.ty.unwrap_or(crate::value::SqlType::String);
    Output { name: key.expr.to_string(), expr: key.expr, ty }
}

/// How PostgreSQL calls a column of the answer that has no alias.
fn name_of(ast: &Ast, bound: &Bound) -> String {
    match ast {
        Ast::Nested(inner) => name_of(inner, bound),
        Ast::Identifier(name) => folded(name),
        Ast::CompoundIdentifier(names) => names.last().map_or_else(String::new, folded),
        Ast::Cast { expr, .. } => match name_of(expr, bound).as_str() {
            UNNAMED => bound.type_name(),
            inner => inner.to_owned(),
        },
        Ast::Function(call) => match call.name.0.last().and_then(|part| part.as_ident()) {
            Some(name) => folded(name),
            None => UNNAMED.to_owned(),
        },
        Ast::Ceil { .. } => "ceil".to_owned(),
        Ast::Floor { .. } => "floor".to_owned(),
        Ast::Position { .. } => "position".to_owned(),
        Ast::Substring { .. } => "substring".to_owned(),
        Ast::Extract { .. } => "extract".to_owned(),
        Ast::Trim { trim_where, .. } => shape::trim_name(trim_where.as_ref()).to_owned(),
        Ast::Case { .. } => "case".to_owned(),
        Ast::Exists { .. } => "exists".to_owned(),
        Ast::Subquery(query) => match &*query.body {
            sqlparser::ast::SetExpr::Select(select) => match select.projection.first() {
                Some(SelectItem::ExprWithAlias { alias, .. }) => folded(alias),
                Some(SelectItem::UnnamedExpr(expr)) => name_of(expr, bound),
                _ => UNNAMED.to_owned(),
            },
            _ => UNNAMED.to_owned(),
        },
        Ast::TypedString(_) | Ast::Interval(_) => bound.type_name(),
        _ => UNNAMED.to_owned(),
    }
}

const UNNAMED: &str = "?column?";
