//! Tells what a predicate looks at, and what predicates say of columns.

use crate::expr::{ColumnRef, Comparison, Expr};
use crate::logical::{JoinKind, Node, Output};

/// Which parts an expression looks at: from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    first: usize,
    end: usize,
}

impl Parts {
    pub(super) fn of(expr: &Expr) -> Self {
        let mut parts = Self { first: usize::MAX, end: 0 };
        expr.columns(&mut |column| {
            parts.first = parts.first.min(column.part);
            parts.end = parts.end.max(column.part + 1);
        });
        parts
    }

    pub(super) fn is_empty(self) -> bool {
        self.end == 0
    }

    pub(super) fn is_below(self, end: usize) -> bool {
        self.end <= end
    }

    pub(super) fn is_from(self, first: usize) -> bool {
        !self.is_empty() && first <= self.first
    }

    pub(super) fn is_within(self, first: usize, end: usize) -> bool {
        self.is_from(first) && self.is_below(end)
    }
}

/// Columns of a node's tuples that its filters hold to a constant.
pub(super) fn known_constants(node: &Node) -> Vec<(ColumnRef, Expr)> {
    let mut known = Vec::new();
    collect_constants(node, 0, &mut known);
    known
}

fn collect_constants(node: &Node, offset: usize, known: &mut Vec<(ColumnRef, Expr)>) {
    let mut add = |predicates: &[Expr]| {
        known.extend(predicates.iter().filter_map(constant_of).map(|(column, value)| {
            (ColumnRef { part: column.part + offset, ..column.clone() }, value.clone())
        }));
    };
    match node {
        Node::Guarded { input } => collect_constants(input, offset, known),
        Node::Filter { input, predicates } => {
            add(predicates);
            collect_constants(input, offset, known);
        }
        // One row of constants: of a policy that judges a row in hand.
        Node::Project { values, .. } => {
            let constants = values.iter().enumerate().filter(|(_, value)| value.expr.is_constant());
            known.extend(constants.filter_map(|(at, Output { name, expr, ty })| {
                match Expr::made_column(offset, at, ty.clone(), true, name) {
                    Expr::Column(column) => Some((column, expr.clone())),
                    _ => None,
                }
            }));
        }
        Node::Join(join) => {
            if join.kind == JoinKind::Full {
                return;
            }
            if join.kind == JoinKind::Inner {
                add(&join.on);
                collect_constants(&join.right, offset + join.left.parts(), known);
            }
            collect_constants(&join.left, offset, known);
        }
        _ => {}
    }
}

/// `column = constant`, either way round.
pub(super) fn constant_of(predicate: &Expr) -> Option<(&ColumnRef, &Expr)> {
    let Expr::Compare { op: Comparison::Equal, left, right } = predicate else { return None };
    match (&**left, &**right) {
        (Expr::Column(column), value) | (value, Expr::Column(column)) if value.is_constant() => {
            Some((column, value))
        }
        _ => None,
    }
}
