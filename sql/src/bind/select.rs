//! Binds the clauses of a SELECT and stacks them into a tree, in the order in which SQL says they happen:
//! FROM, WHERE, GROUP BY and aggregates, HAVING, DISTINCT, ORDER BY, LIMIT; the select list last, over what is left.

use sqlparser::ast::{
    Expr as Ast, ObjectName, SelectItem, SelectItemQualifiedWildcardKind, WildcardAdditionalOptions,
};

use super::scope::{folded, name_parts};
use super::tail::{Limits, Tail};
use super::{Binder, Bound, Clause};
use crate::catalog::Catalog;
use crate::error::{Position, SqlError};
use crate::expr::{ColumnRef, Expr};
use crate::logical::{Node, Query};
use crate::syntax::Statement;
use crate::syntax::place::{place, place_of_object};
use crate::syntax::shape::{self, SelectParts};
use crate::syntax::token::position;
use crate::value::{Integer, SqlType};

/// An item of the select list.
pub(super) struct Item {
    pub(super) name: String,
    pub(super) bound: Bound,
}

impl Binder<'_> {
    pub(super) fn select(
        &mut self,
        statement: &Statement,
        catalog: &dyn Catalog,
    ) -> Result<Query, SqlError> {
        let parts = shape::parts(statement)?;
        let mut node = match &parts.from {
            Some(table) => Node::Scan(self.scope.add(table, catalog)?),
            None => Node::Unit,
        };
        if let Some(filter) = parts.filter {
            let predicate = self.clause_condition(filter, Clause::Where)?;
            node = Node::Filter { input: Box::new(node), predicates: conjuncts(predicate) };
        }
        let items = self.items(parts.items)?;
        let keys = self.group_keys(parts.group_by, &items)?;
        let having = parts.having.map(|having| self.clause_condition(having, Clause::Having));
        let having = having.transpose()?;
        let order = self.order_keys(parts.order_by, &items)?;
        let limits = self.limits_of(&parts)?;

        let mut tail = Tail { node, items, having, order };
        if !keys.is_empty() || !self.aggregates.is_empty() || tail.having.is_some() {
            tail.group(keys, core::mem::take(&mut self.aggregates))?;
        }
        tail.finish(parts.distinct, limits)
    }

    fn clause_condition(&mut self, ast: &Ast, clause: Clause) -> Result<Expr, SqlError> {
        self.clause = clause;
        let bound = self.expression(ast)?;
        self.condition(bound, &format!("the condition of {}", clause.name()))
    }

    fn items(&mut self, items: &[SelectItem]) -> Result<Vec<Item>, SqlError> {
        self.clause = Clause::Select;
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
        for item in &mut bound {
            item.bound = self.settle_default(item.bound.clone())?;
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
        let mut push = |(name, column): (String, ColumnRef)| {
            let ty = column.ty.clone();
            items.push(Item { name, bound: Bound::new(Expr::Column(column), ty, at) });
        };
        if let Some(qualifier) = qualifier {
            let (part, relation) = self.scope.relation(&name_parts(qualifier)?, at)?;
            relation.columns(part, at).for_each(push);
            return Ok(());
        }
        let mut relations = self.scope.relations().peekable();
        if relations.peek().is_none() {
            return Err(SqlError::misplaced("* needs a table in FROM", at));
        }
        for (part, relation) in relations {
            relation.columns(part, at).for_each(&mut push);
        }
        Ok(())
    }

    fn limits_of(&mut self, parts: &SelectParts<'_>) -> Result<Limits, SqlError> {
        let mut count = |ast: Option<&Ast>, clause| {
            let Some(ast) = ast else { return Ok(None) };
            self.clause = Clause::Limit(clause);
            let bound = self.expression(ast)?;
            let big = SqlType::Int(Integer::I64);
            self.coerce(bound, &big, clause).map(|bound| Some(bound.expr))
        };
        Ok(Limits { limit: count(parts.limit, "LIMIT")?, offset: count(parts.offset, "OFFSET")? })
    }
}

/// A condition as the list of those that all have to hold.
pub(super) fn conjuncts(predicate: Expr) -> Vec<Expr> {
    match predicate {
        Expr::And(list) => list,
        other => vec![other],
    }
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
        Ast::Case { .. } => "case".to_owned(),
        Ast::TypedString(_) | Ast::Interval(_) => bound.type_name(),
        _ => UNNAMED.to_owned(),
    }
}

const UNNAMED: &str = "?column?";
