//! Binds the keys of GROUP BY and ORDER BY, which may name items of the select list.

use sqlparser::ast::{Expr as Ast, OrderByExpr, OrderBySort, Value};

use super::scope::{folded, unknown_column};
use super::select::Item;
use super::{Binder, Bound, Clause};
use crate::error::{NameKind, Position, SqlError};
use crate::expr::Expr;
use crate::syntax::place::place;

/// What a key of GROUP BY or ORDER BY stands for.
pub(super) enum Key {
    /// An item of the select list, by its position or its name.
    Item(usize),
    Expr(Bound),
}

/// An ORDER BY key before it is known what it sorts.
pub(super) struct OrderKey {
    pub(super) key: Key,
    pub(super) descending: bool,
    pub(super) nulls_first: bool,
    pub(super) at: Position,
}

impl Binder<'_> {
    /// GROUP BY: a name is a column first, and an alias of the select list where there is no such column.
    pub(super) fn group_keys(
        &mut self,
        keys: &[Ast],
        items: &[Item],
    ) -> Result<Vec<Bound>, SqlError> {
        self.level.clause = Clause::GroupBy;
        let mut taken = vec![false; items.len()];
        let mut bound: Vec<Bound> = Vec::with_capacity(keys.len());
        for ast in keys {
            let key = self.group_key(ast, items)?;
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

    fn group_key(&mut self, ast: &Ast, items: &[Item]) -> Result<Key, SqlError> {
        let Ast::Identifier(name) = ast else {
            return match ordinal(ast, items.len(), "GROUP BY")? {
                Some(index) => Ok(Key::Item(index)),
                None => self.expression(ast).map(Key::Expr),
            };
        };
        if self.level.scope.find(name)?.is_some() {
            return self.expression(ast).map(Key::Expr);
        }
        let item = named_item(&folded(name), items, place(ast))?;
        item.map(Key::Item).ok_or_else(|| unknown_column(&folded(name), place(ast)))
    }

    /// ORDER BY: a name is an item of the select list first, and a column where there is none.
    pub(super) fn order_keys(
        &mut self,
        keys: &[OrderByExpr],
        items: &[Item],
    ) -> Result<Vec<OrderKey>, SqlError> {
        self.level.clause = Clause::OrderBy;
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
