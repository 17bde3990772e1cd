//! Stacks what comes last: DISTINCT, ORDER BY, LIMIT.

use super::keys::{Key, OrderKey};
use super::select::Item;
use super::ties;
use crate::error::{Position, SqlError};
use crate::expr::Expr;
use crate::logical::{Node, Output, Query, SortKey};
use crate::value::SqlType;

/// LIMIT and OFFSET.
pub(super) struct Limits {
    pub(super) limit: Option<Expr>,
    pub(super) offset: Option<Expr>,
}

/// What comes last, while it is put together.
pub(super) struct Tail {
    pub(super) node: Node,
    pub(super) items: Vec<Item>,
    pub(super) order: Vec<OrderKey>,
}

impl Tail {
    pub(super) fn finish(self, distinct: bool, limits: Limits) -> Result<Query, SqlError> {
        let Tail { mut node, items, order } = self;
        let mut output: Vec<Output> = items
            .into_iter()
            .map(|Item { name, bound }| Output {
                name,
                expr: bound.expr,
                ty: bound.ty.unwrap_or(SqlType::String),
            })
            .collect();
        let mut keys = sort_keys(order, &output, distinct)?;
        if distinct {
            let columns: Vec<Expr> =
                (0..output.len()).map(|at| distinct_column(&output, at, Position::START)).collect();
            let values = output.clone();
            node = Node::Distinct { input: Box::new(node), values };
            output.iter_mut().zip(columns).for_each(|(item, column)| item.expr = column);
        }
        let Limits { limit, offset } = limits;
        let is_cut = limit.is_some() || offset.is_some();
        if is_cut {
            ties::break_ties(&mut keys, &node, &output);
        }
        if !keys.is_empty() {
            node = Node::Sort { input: Box::new(node), keys };
        }
        if is_cut {
            node = Node::Limit { input: Box::new(node), limit, offset };
        }
        Ok(Query { node, output })
    }
}

/// What is sorted by: with DISTINCT, its columns; else whatever the keys name.
fn sort_keys(
    order: Vec<OrderKey>,
    output: &[Output],
    distinct: bool,
) -> Result<Vec<SortKey>, SqlError> {
    let mut keys = Vec::with_capacity(order.len());
    for OrderKey { key, descending, nulls_first, at } in order {
        let expr = match key {
            Key::Item(index) if distinct => distinct_column(output, index, at),
            Key::Item(index) => output[index].expr.clone(),
            Key::Expr(bound) if distinct => {
                let index = output.iter().position(|item| item.expr == bound.expr);
                let Some(index) = index else {
                    let detail = "with DISTINCT, ORDER BY takes items of the select list";
                    return Err(SqlError::misplaced(detail, at));
                };
                distinct_column(output, index, at)
            }
            Key::Expr(bound) => bound.expr,
        };
        // A constant puts nothing in order.
        if !expr.is_constant() {
            keys.push(SortKey {
                expr,
                descending,
                nulls_first,
                breaks_ties: false,
                tells_forms: false,
            });
        }
    }
    Ok(keys)
}

fn distinct_column(output: &[Output], index: usize, at: Position) -> Expr {
    let Output { name, expr, ty } = &output[index];
    let nullable = expr.is_nullable();
    let mut column = Expr::made_column(0, index, ty.clone(), nullable, name);
    column.columns_mut(&mut |column| column.at = at);
    column
}
