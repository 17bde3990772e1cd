//! Makes the order below LIMIT and OFFSET total, so that a query has one answer.
//!
//! Which of the rows comes first that are equal in ORDER BY is open in SQL. Here it follows from the rows: keys are added
//! until rows that are still equal are shown alike. So an answer is the same by whichever index it is found, over however
//! many stores, once or kept up to date.
//!
//! There are two ways to tell rows apart: by the columns that are shown, or by a key of the tuples, which every row of a
//! table has that has a unique index. The one with fewer columns is taken. Columns it is, and never what is computed of
//! them, since that may fail for a row which the LIMIT drops.

use cosmictron_storage::{IndexDef, TableDef};
use cosmictron_types::ColumnIndex;

use crate::error::Position;
use crate::expr::{ColumnRef, Expr};
use crate::logical::{Node, Output, SortKey};

/// Adds what an order lacks to be total. They go in the direction of the last key, as an index does.
pub(super) fn break_ties(keys: &mut Vec<SortKey>, node: &Node, output: &[Output]) {
    let Some(last) = keys.last() else { return };
    let descending = last.descending;
    // Of values that are equal there, any may stand for all: their forms say nothing.
    let has_equal_once = has_equal_once(node);
    let mut shown = shown_columns(keys, output);
    if has_equal_once {
        shown.retain(|column| !is_among(keys, column));
    }
    let columns = match row_key(node, 0, keys) {
        Some(key) if has_equal_once || key.len() <= shown.len() => key,
        _ => shown,
    };
    let named = |column: ColumnRef| known_name(&column, keys, output).unwrap_or(column);
    let ties: Vec<SortKey> = columns
        .into_iter()
        .map(|column| SortKey {
            // Absent comes first in an index.
            nulls_first: descending != column.nullable,
            expr: Expr::Column(named(column)),
            descending,
            breaks_ties: true,
            tells_forms: !has_equal_once,
        })
        .collect();
    keys.extend(ties);
}

/// Whether a node gives of equal tuples just one.
fn has_equal_once(node: &Node) -> bool {
    match node {
        Node::Filter { input, .. } | Node::Sort { input, .. } | Node::Limit { input, .. } => {
            has_equal_once(input)
        }
        Node::Aggregate { .. } | Node::Distinct { .. } => true,
        _ => false,
    }
}

/// The columns that an answer is made of, but for those that its order tells apart.
fn shown_columns(keys: &[SortKey], output: &[Output]) -> Vec<ColumnRef> {
    let mut columns: Vec<ColumnRef> = Vec::new();
    for Output { expr, ty, .. } in output {
        if !ty.has_equal_forms() && keys.iter().any(|key| key.expr == *expr) {
            continue;
        }
        expr.columns(&mut |column| {
            let is_told_apart = !column.ty.has_equal_forms() && is_among(keys, column);
            if !is_told_apart && !columns.contains(column) {
                columns.push(column.clone());
            }
        });
    }
    columns
}

fn is_among(keys: &[SortKey], column: &ColumnRef) -> bool {
    keys.iter().any(|key| matches!(&key.expr, Expr::Column(known) if known == column))
}

/// Columns beside those of `keys` that no two tuples of a node have alike, whose first part has the number `first`. `None`
/// where it is not known that there are any.
fn row_key(node: &Node, first: usize, keys: &[SortKey]) -> Option<Vec<ColumnRef>> {
    match node {
        Node::Unit => Some(Vec::new()),
        Node::Scan(scan) => table_key(scan.table(), first, keys),
        // A policy admits each row once, whatever its sub-queries put beside it.
        Node::Guarded { input } => row_key(below_policy(input), first, keys),
        Node::Filter { input, .. } | Node::Sort { input, .. } | Node::Limit { input, .. } => {
            row_key(input, first, keys)
        }
        Node::Join(join) => {
            // A mark follows from the left tuple.
            let mut key = row_key(&join.left, first, keys)?;
            if join.kind.has_right() {
                key.extend(row_key(&join.right, first + join.left.parts(), keys)?);
            }
            Some(key)
        }
        Node::Aggregate { keys: groups, .. } => {
            let made = groups.iter().enumerate().filter_map(|(at, group)| {
                let Output { name, expr, ty } = group;
                match Expr::made_column(first, at, ty.clone(), expr.is_nullable(), name) {
                    Expr::Column(column) => Some(column),
                    _ => None,
                }
            });
            Some(made.filter(|column| !is_among(keys, column)).collect())
        }
        Node::Project { .. } | Node::Distinct { .. } | Node::Union { .. } => None,
    }
}

/// What a policy was put above.
fn below_policy(node: &Node) -> &Node {
    match node {
        Node::Filter { input, .. } => below_policy(input),
        Node::Join(join) => below_policy(&join.left),
        other => other,
    }
}

/// Of the unique indexes of a table the one that needs the fewest more columns.
fn table_key(table: &TableDef, first: usize, keys: &[SortKey]) -> Option<Vec<ColumnRef>> {
    let types = table.layout.types();
    let is_key = |index: &&IndexDef| {
        index.unique && !index.columns.iter().any(|column| types[column.index()].is_option())
    };
    let missing = |index: &IndexDef| {
        let columns = index.columns.iter().map(|column| stored(table, *column, first));
        columns.filter(|column| !is_among(keys, column)).collect::<Vec<_>>()
    };
    table.indexes.iter().filter(is_key).map(missing).min_by_key(Vec::len)
}

fn stored(table: &TableDef, column: ColumnIndex, part: usize) -> ColumnRef {
    let schema = &table.schema.columns[column.index()];
    let name = match part {
        0 => schema.name.as_str().into(),
        _ => format!("{}.{}", table.name, schema.name).into(),
    };
    ColumnRef { part, ..ColumnRef::stored(column, &schema.ty, name, Position::START) }
}

/// The same column as it is called elsewhere in the query.
fn known_name(column: &ColumnRef, keys: &[SortKey], output: &[Output]) -> Option<ColumnRef> {
    let mut known = None;
    let exprs = keys.iter().map(|key| &key.expr).chain(output.iter().map(|item| &item.expr));
    exprs.for_each(|expr| {
        expr.columns(&mut |other| {
            if other == column {
                known = Some(other.clone());
            }
        });
    });
    known
}
