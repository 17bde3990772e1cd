//! Binds FROM: tables, sub-queries and WITH queries, and how they are joined.

use std::sync::Arc;

use cosmictron_storage::TableDef;
use cosmictron_types::ColumnIndex;
use sqlparser::ast::{Expr as Ast, Ident, ObjectName, TableAlias, TableFactor, TableWithJoins};

use super::scope::{Relation, Scope, Visible, folded, name_parts, shown};
use super::{Binder, Bound, Clause, conjuncts};
use crate::catalog::NameError;
use crate::error::{NameKind, Position, SqlError};
use crate::expr::{ColumnRef, Expr};
use crate::logical::{JoinKind, Node, Output, Query};
use crate::syntax::place::{place, place_of_name};
use crate::syntax::shape::{self, Factor, JoinOn, JoinSyntax};

/// A FROM, or a part of one: its tuples, and what they hold.
pub(super) struct From {
    pub(super) node: Node,
    pub(super) scope: Scope,
}

impl Binder<'_> {
    /// FROM: what is joined by commas.
    pub(super) fn from(&mut self, from: &[TableWithJoins]) -> Result<From, SqlError> {
        let mut whole: Option<From> = None;
        for tables in from {
            let next = self.joins(tables)?;
            whole = Some(match whole {
                None => next,
                Some(left) => cross(left, next, self.keywords.place_of_from())?,
            });
        }
        Ok(whole.unwrap_or(From { node: Node::Unit, scope: Scope::default() }))
    }

    fn joins(&mut self, tables: &TableWithJoins) -> Result<From, SqlError> {
        let mut left = self.factor(&tables.relation)?;
        for join in &tables.joins {
            let JoinSyntax { kind, on, at } = shape::join(join, self.keywords)?;
            let right = self.factor(&join.relation)?;
            left = self.join((left, right), kind, on, at)?;
        }
        Ok(left)
    }

    fn join(
        &mut self,
        (left, right): (From, From),
        kind: shape::JoinSide,
        on: JoinOn<'_>,
        at: Position,
    ) -> Result<From, SqlError> {
        // A right join is a left join of the other side: its parts come first.
        let (first, second, kind) = match kind {
            shape::JoinSide::Inner => (left, right, JoinKind::Inner),
            shape::JoinSide::Left => (left, right, JoinKind::Left),
            shape::JoinSide::Full => (left, right, JoinKind::Full),
            shape::JoinSide::Right => {
                return self.right_join(left, right, on, at);
            }
        };
        let parts = (0, first.node.parts());
        let scopes = placed(first.scope, second.scope, parts, kind, at)?;
        let nodes = (first.node, second.node);
        self.joined(nodes, scopes, kind, (on, false))
    }

    fn right_join(
        &mut self,
        left: From,
        right: From,
        on: JoinOn<'_>,
        at: Position,
    ) -> Result<From, SqlError> {
        let parts = (right.node.parts(), 0);
        let (right_scope, left_scope) =
            placed(right.scope, left.scope, (parts.1, parts.0), JoinKind::Left, at)?;
        let nodes = (right.node, left.node);
        self.joined(nodes, (left_scope, right_scope), JoinKind::Left, (on, true))
    }

    /// Joins two nodes whose columns are in their places. The scopes come in the order in which they were written.
    fn joined(
        &mut self,
        nodes: (Node, Node),
        (mut left, mut right): (Scope, Scope),
        kind: JoinKind,
        (on, is_right): (JoinOn<'_>, bool),
    ) -> Result<From, SqlError> {
        let using: Vec<&Ident> = match &on {
            JoinOn::Using(names) => names.clone(),
            _ => Vec::new(),
        };
        let natural: Vec<Ident> = match &on {
            JoinOn::Natural => common_names(&left, &right),
            _ => Vec::new(),
        };
        let mut conditions = Vec::new();
        let mut merged = Vec::new();
        for name in using.into_iter().chain(&natural) {
            let (column, condition) = self.merge(&mut left, &mut right, name, kind, is_right)?;
            merged.push(column);
            conditions.push(condition);
        }
        left.extend(right);
        left.put_visible(merged);
        let scope = left;
        let scope = match on {
            JoinOn::Condition(condition) => {
                let outside = core::mem::replace(&mut self.level.scope, scope);
                let bound = self.on(condition);
                let scope = core::mem::replace(&mut self.level.scope, outside);
                conditions.extend(bound?);
                scope
            }
            _ => scope,
        };
        Ok(From { node: nodes.0.joined(kind, nodes.1, conditions), scope })
    }

    fn on(&mut self, condition: &Ast) -> Result<Vec<Expr>, SqlError> {
        let predicate = self.clause_condition(condition, Clause::On)?;
        if predicate.any(&mut |expr| matches!(expr, Expr::SubQuery(_))) {
            return Err(SqlError::unsupported("a sub-query in ON", place(condition)));
        }
        if predicate.any(&mut |expr| matches!(expr, Expr::Outer(_))) {
            let what = "a column of the query around a sub-query in ON";
            return Err(SqlError::unsupported(what, place(condition)));
        }
        let mut on = conjuncts(predicate);
        on.retain(|predicate| *predicate != Expr::boolean(true));
        Ok(on)
    }

    /// The column that USING makes of one of each side, and the condition that both are equal.
    fn merge(
        &mut self,
        left: &mut Scope,
        right: &mut Scope,
        name: &Ident,
        kind: JoinKind,
        is_right: bool,
    ) -> Result<(Visible, Expr), SqlError> {
        let (at, name) = (place_of_name(name), folded(name));
        let left = left.take_visible(&name, at)?;
        let right = right.take_visible(&name, at)?;
        let operands =
            [&left, &right].map(|side| Bound::new(side.expr.clone(), side.ty.clone(), at));
        let (equal, _) = self.comparable(operands.to_vec(), false)?;
        let mut equal = equal.into_iter().map(|side| side.expr);
        let (Some(first), Some(second)) = (equal.next(), equal.next()) else {
            unreachable!("two operands")
        };
        let condition = Expr::equal(first, second);
        let (expr, ty) = match kind {
            JoinKind::Full => {
                let (sides, ty) = self.unified(operands.to_vec(), "a column of USING")?;
                (Expr::Coalesce(sides.into_iter().map(|side| side.expr).collect()), ty)
            }
            _ if is_right => (right.expr, right.ty),
            _ => (left.expr, left.ty),
        };
        Ok((Visible::merged(name, expr, ty), condition))
    }

    fn factor(&mut self, factor: &TableFactor) -> Result<From, SqlError> {
        match shape::factor(factor, self.keywords)? {
            Factor::Table { name, alias, at } => self.named(name, alias, at),
            Factor::Derived { query, alias, at } => {
                self.count_relations(1, at)?;
                let query = self.enclosed(false, at, |binder| binder.query(query))?.finish()?;
                derived(query, alias, at)
            }
            Factor::Joins(tables) => self.joins(tables),
        }
    }

    /// A WITH query, or else a table.
    fn named(
        &mut self,
        name: &ObjectName,
        alias: Option<&TableAlias>,
        at: Position,
    ) -> Result<From, SqlError> {
        let parts = name_parts(name)?;
        if let [name] = parts.as_slice()
            && let Some(with) = self.with_query(&folded(name))
        {
            let (query, columns, relations) =
                (with.query.clone(), with.columns.clone(), with.relations);
            self.count_relations(relations + 1, at)?;
            let mut from = derived(query, None, at)?;
            from.scope = Scope::of(renamed(
                from.scope,
                Some(folded(name)),
                columns.iter().map(String::as_str),
                at,
            )?);
            return match alias {
                Some(alias) => aliased(from, alias, at),
                None => Ok(from),
            };
        }
        self.count_relations(1, at)?;
        let (module, name) = match parts.as_slice() {
            [name] => (None, folded(name)),
            [module, name] => (Some(folded(module)), folded(name)),
            _ => return Err(SqlError::unsupported("a name of three parts", at)),
        };
        let def = self.table(module.as_deref(), &name, at)?;
        self.tables.insert(at);
        self.names_a_view |= def.id.is_view();
        let columns = columns_of(&def, at);
        let relation = Relation { name: Some(name), module, columns };
        let from = From { node: self.readable(def, at)?, scope: Scope::of(relation) };
        match alias {
            Some(alias) => aliased(from, alias, at),
            None => Ok(from),
        }
    }
}

/// The scopes of a join's inputs with their columns in their places, and nullable where the join may not find them.
fn placed(
    mut left: Scope,
    mut right: Scope,
    (left_at, right_at): (usize, usize),
    kind: JoinKind,
    at: Position,
) -> Result<(Scope, Scope), SqlError> {
    if let Some(name) = right.shared_name(&left) {
        let candidates = vec!["it stands in FROM more than once".to_owned()];
        let name = name.to_owned();
        return Err(SqlError::Ambiguous { kind: NameKind::Table, name, candidates, at });
    }
    left.shift(left_at);
    right.shift(right_at);
    if matches!(kind, JoinKind::Left | JoinKind::Full) {
        right.make_nullable();
    }
    if kind == JoinKind::Full {
        left.make_nullable();
    }
    Ok((left, right))
}

fn cross(left: From, right: From, at: Position) -> Result<From, SqlError> {
    let parts = left.node.parts();
    let (mut scope, other) = placed(left.scope, right.scope, (0, parts), JoinKind::Inner, at)?;
    scope.extend(other);
    Ok(From { node: left.node.joined(JoinKind::Inner, right.node, Vec::new()), scope })
}

/// The names that both sides have, in the order of the left one.
fn common_names(left: &Scope, right: &Scope) -> Vec<Ident> {
    let has = |name: &str| right.visible().iter().any(|column| column.name == name);
    let names = left.visible().iter().map(|column| &column.name).filter(|name| has(name));
    names.map(|name| Ident::with_quote('"', name.clone())).collect()
}

/// A query as a relation of one part.
pub(super) fn derived(
    query: Query,
    alias: Option<&TableAlias>,
    at: Position,
) -> Result<From, SqlError> {
    let Query { node, output } = query;
    let columns = output.iter().enumerate().map(|(index, output)| {
        let Output { name, expr, ty } = output;
        let nullable = expr.is_nullable();
        let column = Expr::made_column(0, index, ty.clone(), nullable, &shown(name));
        let Expr::Column(column) = column else { unreachable!("a column") };
        (name.clone(), column)
    });
    let relation = Relation { name: None, module: None, columns: columns.collect() };
    let node = Node::Project { input: Box::new(node), values: output };
    let from = From { node, scope: Scope::of(relation) };
    match alias {
        Some(alias) => aliased(from, alias, at),
        None => Ok(from),
    }
}

/// A relation under another name, its first columns as well.
fn aliased(from: From, alias: &TableAlias, at: Position) -> Result<From, SqlError> {
    let columns: Vec<String> = alias.columns.iter().map(|column| folded(&column.name)).collect();
    let columns = columns.iter().map(String::as_str);
    let relation = renamed(from.scope, Some(folded(&alias.name)), columns, at)?;
    Ok(From { node: from.node, scope: Scope::of(relation) })
}

fn renamed<'n>(
    scope: Scope,
    name: Option<String>,
    columns: impl ExactSizeIterator<Item = &'n str>,
    at: Position,
) -> Result<Relation, SqlError> {
    let mut relation = scope.into_only_relation();
    if columns.len() > relation.columns.len() {
        let (named, count) = (columns.len(), relation.columns.len());
        let detail = format!("{named} column aliases for {count} columns");
        return Err(SqlError::misplaced(detail, at));
    }
    for ((old, column), new) in relation.columns.iter_mut().zip(columns) {
        *old = new.to_owned();
        column.name = shown(new).into();
    }
    Ok(Relation { name, module: None, ..relation })
}

/// All columns of a table, in its order.
pub(super) fn columns_of(def: &Arc<TableDef>, at: Position) -> Vec<(String, ColumnRef)> {
    let columns = (0..).map(ColumnIndex::new).zip(&def.schema.columns);
    let column = columns.map(|(column, schema)| {
        let column = ColumnRef::stored(column, &schema.ty, shown(&schema.name).into(), at);
        (schema.name.clone(), column)
    });
    column.collect()
}

pub(super) fn refused(
    error: NameError,
    module: Option<&str>,
    name: &str,
    at: Position,
) -> SqlError {
    let name = module.map_or_else(|| name.to_owned(), |module| format!("\"{module}\".{name}"));
    match error {
        NameError::Unknown => SqlError::Unknown { kind: NameKind::Table, name, at },
        NameError::Ambiguous(candidates) => {
            SqlError::Ambiguous { kind: NameKind::Table, name, candidates, at }
        }
        NameError::NotPublic => SqlError::NotPublic { name, at },
    }
}
