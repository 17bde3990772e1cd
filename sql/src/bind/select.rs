//! Binds the clauses of a SELECT and stacks them into a tree, in the order in which SQL says they happen:
//! FROM, WHERE, GROUP BY and aggregates, HAVING, DISTINCT, ORDER BY, LIMIT; the select list last, over what is left.

use sqlparser::ast::{
    Expr as Ast, ObjectName, OrderByExpr, OrderBySort, SelectItem, SelectItemQualifiedWildcardKind,
    Value, WildcardAdditionalOptions,
};

use super::grouping::Grouping;
use super::scope::{folded, name_parts, unknown_column};
use super::{Binder, Bound, Clause};
use crate::catalog::Catalog;
use crate::error::{NameKind, Position, SqlError};
use crate::expr::{ColumnRef, Expr};
use crate::logical::{Node, Output, Query, SortKey};
use crate::syntax::Statement;
use crate::syntax::place::{place, place_of_object};
use crate::syntax::shape::{self, SelectParts};
use crate::syntax::token::position;
use crate::value::{Integer, SqlType};

/// An item of the select list.
struct Item {
    name: String,
    bound: Bound,
}

/// What a key of GROUP BY or ORDER BY stands for.
enum Key {
    /// An item of the select list, by its position or its name.
    Item(usize),
    Expr(Bound),
}

/// An ORDER BY key before it is known what it sorts.
struct OrderKey {
    key: Key,
    descending: bool,
    nulls_first: bool,
    at: Position,
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

    /// GROUP BY: a name is a column first, and an alias of the select list where there is no such column.
    fn group_keys(&mut self, keys: &[Ast], items: &[Item]) -> Result<Vec<Bound>, SqlError> {
        self.clause = Clause::GroupBy;
        let mut taken = vec![false; items.len()];
        let mut bound: Vec<Bound> = Vec::with_capacity(keys.len());
        for ast in keys {
            let key = match ast {
                Ast::Identifier(name) => match self.scope.find(name)? {
                    Some(_) => Key::Expr(self.expression(ast)?),
                    None => match named_item(&folded(name), items, place(ast))? {
                        Some(index) => Key::Item(index),
                        None => return Err(unknown_column(&folded(name), place(ast))),
                    },
                },
                _ => match ordinal(ast, items.len(), "GROUP BY")? {
                    Some(index) => Key::Item(index),
                    None => Key::Expr(self.expression(ast)?),
                },
            };
            let key = match key {
                Key::Item(index) if core::mem::replace(&mut taken[index], true) => continue,
                Key::Item(index) => items[index].bound.clone(),
                Key::Expr(bound) => self.settle_default(bound)?,
            };
            if key.expr.any(&mut |expr| matches!(expr, Expr::Aggregate(_))) {
                return Err(SqlError::misplaced(
                    "an aggregate must not stand in GROUP BY",
                    place(ast),
                ));
            }
            if !bound.iter().any(|known| known.expr == key.expr) {
                bound.push(key);
            }
        }
        Ok(bound)
    }

    /// ORDER BY: a name is an item of the select list first, and a column where there is none.
    fn order_keys(
        &mut self,
        keys: &[OrderByExpr],
        items: &[Item],
    ) -> Result<Vec<OrderKey>, SqlError> {
        self.clause = Clause::OrderBy;
        let mut taken = vec![false; items.len()];
        let mut order = Vec::with_capacity(keys.len());
        for OrderByExpr { expr, options, .. } in keys {
            let at = place(expr);
            let descending = match &options.sort {
                None | Some(OrderBySort::Asc) => false,
                Some(OrderBySort::Desc) => true,
                Some(OrderBySort::Using(_)) => {
                    return Err(SqlError::unsupported("ORDER BY … USING", at));
                }
            };
            let nulls_first = options.nulls_first.unwrap_or(descending);
            let item = match expr {
                Ast::Identifier(name) => named_item(&folded(name), items, at)?,
                _ => ordinal(expr, items.len(), "ORDER BY")?,
            };
            let (key, ty) = match item {
                Some(index) if core::mem::replace(&mut taken[index], true) => continue,
                Some(index) => (Key::Item(index), items[index].bound.ty.clone()),
                None => {
                    let bound = self.expression(expr)?;
                    let bound = self.settle_default(bound)?;
                    let ty = bound.ty.clone();
                    (Key::Expr(bound), ty)
                }
            };
            if let Some(ty) = ty.filter(|ty| !ty.is_ordered()) {
                return Err(SqlError::mistyped(format!("values of type {ty} have no order"), at));
            }
            order.push(OrderKey { key, descending, nulls_first, at });
        }
        Ok(order)
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

struct Limits {
    limit: Option<Expr>,
    offset: Option<Expr>,
}

/// What comes after WHERE, while it is put together.
struct Tail {
    node: Node,
    items: Vec<Item>,
    having: Option<Expr>,
    order: Vec<OrderKey>,
}

impl Tail {
    /// Puts an aggregate in between, and lets everything above it refer to its output.
    fn group(
        &mut self,
        keys: Vec<Bound>,
        calls: Vec<crate::logical::AggregateCall>,
    ) -> Result<(), SqlError> {
        let keys: Vec<Output> = keys
            .into_iter()
            .map(|key| {
                let ty = key.ty.unwrap_or(SqlType::String);
                Output { name: key.expr.to_string(), expr: key.expr, ty }
            })
            .collect();
        let grouping = Grouping { keys: &keys, calls: &calls };
        for item in &mut self.items {
            grouping.lift(&mut item.bound.expr)?;
        }
        for key in &mut self.order {
            if let Key::Expr(bound) = &mut key.key {
                grouping.lift(&mut bound.expr)?;
            }
        }
        if let Some(having) = &mut self.having {
            grouping.lift(having)?;
        }
        let input = Box::new(core::mem::replace(&mut self.node, Node::Unit));
        self.node = Node::Aggregate { input, keys, calls };
        Ok(())
    }

    fn finish(self, distinct: bool, limits: Limits) -> Result<Query, SqlError> {
        let Tail { mut node, items, having, order } = self;
        if let Some(having) = having {
            node = Node::Filter { input: Box::new(node), predicates: conjuncts(having) };
        }
        let mut output: Vec<Output> = items
            .into_iter()
            .map(|Item { name, bound }| Output {
                name,
                expr: bound.expr,
                ty: bound.ty.unwrap_or(SqlType::String),
            })
            .collect();
        let mut keys = Vec::with_capacity(order.len());
        for OrderKey { key, descending, nulls_first, at } in order {
            let expr = match key {
                Key::Item(index) if distinct => distinct_column(&output, index, at),
                Key::Item(index) => output[index].expr.clone(),
                Key::Expr(bound) if distinct => {
                    let index = output.iter().position(|item| item.expr == bound.expr);
                    let Some(index) = index else {
                        let detail = "with DISTINCT, ORDER BY takes items of the select list";
                        return Err(SqlError::misplaced(detail, at));
                    };
                    distinct_column(&output, index, at)
                }
                Key::Expr(bound) => bound.expr,
            };
            // A constant puts nothing in order.
            if !expr.is_constant() {
                keys.push(SortKey { expr, descending, nulls_first });
            }
        }
        if distinct {
            let columns: Vec<Expr> = (0..output.len())
                .map(|index| distinct_column(&output, index, Position::START))
                .collect();
            let values = output.clone();
            node = Node::Distinct { input: Box::new(node), values };
            output.iter_mut().zip(columns).for_each(|(item, column)| item.expr = column);
        }
        if !keys.is_empty() {
            node = Node::Sort { input: Box::new(node), keys };
        }
        let Limits { limit, offset } = limits;
        if limit.is_some() || offset.is_some() {
            node = Node::Limit { input: Box::new(node), limit, offset };
        }
        Ok(Query { node, output })
    }
}

fn distinct_column(output: &[Output], index: usize, at: Position) -> Expr {
    let Output { name, expr, ty } = &output[index];
    Expr::Column(ColumnRef {
        part: 0,
        column: super::grouping::column_index(index),
        ty: ty.clone(),
        nullable: expr.is_nullable(),
        name: name.as_str().into(),
        at,
    })
}

/// A condition as the list of those that all have to hold.
fn conjuncts(predicate: Expr) -> Vec<Expr> {
    match predicate {
        Expr::And(list) => list,
        other => vec![other],
    }
}

/// The item of the select list that a bare name means.
fn named_item(name: &str, items: &[Item], at: Position) -> Result<Option<usize>, SqlError> {
    let mut named = items.iter().enumerate().filter(|(_, item)| item.name == name);
    let Some((first, item)) = named.next() else { return Ok(None) };
    if named.any(|(_, other)| other.bound.expr != item.bound.expr) {
        let name = name.to_owned();
        let candidates = vec!["several items of the select list".to_owned()];
        return Err(SqlError::Ambiguous { kind: NameKind::Column, name, candidates, at });
    }
    Ok(Some(first))
}

/// The item that a whole number means by its position, from 1.
fn ordinal(ast: &Ast, items: usize, clause: &str) -> Result<Option<usize>, SqlError> {
    let Ast::Value(value) = ast else { return Ok(None) };
    let at = place(ast);
    match &value.value {
        Value::Number(digits, _) => {
            let position = digits.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            match position.filter(|position| *position < items) {
                Some(position) => Ok(Some(position)),
                None => {
                    let shown: String = digits.chars().take(20).collect();
                    let detail = format!("{clause} position {shown} is not in the select list");
                    Err(SqlError::misplaced(detail, at))
                }
            }
        }
        Value::Placeholder(_) => Ok(None),
        _ => Err(SqlError::misplaced(format!("{clause} takes no constant"), at)),
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
