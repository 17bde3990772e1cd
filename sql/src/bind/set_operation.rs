//! Binds UNION, INTERSECT and EXCEPT.
//!
//! INTERSECT and EXCEPT are the distinct rows of the left side for which there is, or is not, a row on the right side from which
//! they are not distinct.

use sqlparser::ast::{SetExpr, SetOperator, SetQuantifier};

use super::keys::Key;
use super::select::{Item, Selected};
use super::{Binder, Bound};
use crate::error::{Position, SqlError};
use crate::expr::Expr;
use crate::logical::{JoinKind, Node, Output, Query};
use crate::syntax::shape::{self, TailParts};
use crate::value::SqlType;

/// SELECTs put together, before their columns have common types.
enum Tree {
    Leaf(Leaf),
    Operation { operation: Operation, left: Box<Tree>, right: Box<Tree> },
}

struct Leaf {
    node: Node,
    /// Its columns, without a type where it is open.
    columns: Vec<Item>,
    at: Position,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    UnionAll,
    Union,
    Intersect,
    Except,
}

impl Binder<'_> {
    pub(super) fn set_operation(
        &mut self,
        body: &SetExpr,
        tail: &TailParts<'_>,
    ) -> Result<Selected, SqlError> {
        let mut tree = self.tree(body)?;
        let mut leaves = Vec::new();
        tree.leaves(&mut leaves);
        let at = leaves[0].at;
        let items = self.unify(&mut leaves)?;
        let node = tree.into_node(&items);
        let order = self.order_keys(tail.order_by, &items)?;
        if let Some(key) = order.iter().find(|key| matches!(key.key, Key::Expr(_))) {
            let detail = "ORDER BY of a set operation takes columns of its result";
            return Err(SqlError::misplaced(detail, key.at));
        }
        let limits = self.limits_of(tail)?;
        let (correlation, lone_group) = (Vec::new(), None);
        Ok(Selected { node, items, distinct: false, order, limits, correlation, lone_group, at })
    }

    fn tree(&mut self, body: &SetExpr) -> Result<Tree, SqlError> {
        let none = TailParts::default();
        let selected = match body {
            SetExpr::Select(select) => self.beside(|binder| binder.select(select, &none, false))?,
            SetExpr::Query(query) => self.beside(|binder| binder.query(query))?,
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let at = self.keywords.place_of(shape::set_words(*op));
                self.count_relations(1, at)?;
                let operation = operation(*op, *set_quantifier, at)?;
                let left = Box::new(self.tree(left)?);
                let right = Box::new(self.tree(right)?);
                return Ok(Tree::Operation { operation, left, right });
            }
            other => return Err(shape::refused_body(other, self.keywords)),
        };
        let at = selected.at;
        if selected.is_correlated() {
            return Err(SqlError::unsupported("a set operation in a correlated sub-query", at));
        }
        let types: Vec<Option<SqlType>> =
            selected.items.iter().map(|item| item.bound.ty.clone()).collect();
        let Query { node, output } = selected.finish()?;
        let columns = output.into_iter().zip(types).map(|(output, ty)| Item {
            name: output.name,
            bound: Bound { expr: output.expr, ty, at },
        });
        Ok(Tree::Leaf(Leaf { node, columns: columns.collect(), at }))
    }

    /// Gives the columns of all SELECTs the types that they have in common; the columns of the whole.
    fn unify(&mut self, leaves: &mut [&mut Leaf]) -> Result<Vec<Item>, SqlError> {
        let (at, count) = (leaves[0].at, leaves[0].columns.len());
        if let Some(other) = leaves.iter().find(|leaf| leaf.columns.len() != count) {
            let detail = "each SELECT of a set operation must have the same number of columns";
            return Err(SqlError::misplaced(detail, other.at));
        }
        let mut items = Vec::with_capacity(count);
        for place in 0..count {
            let bounds = leaves.iter().map(|leaf| leaf.columns[place].bound.clone()).collect();
            let (bounds, ty) = self.unified(bounds, "a column of a set operation")?;
            let nullable = bounds.iter().any(|bound| bound.expr.is_nullable());
            for (leaf, bound) in leaves.iter_mut().zip(bounds) {
                leaf.columns[place].bound = bound;
            }
            let name = leaves[0].columns[place].name.clone();
            let expr = Expr::made_column(0, place, ty.clone(), nullable, &name);
            items.push(Item { name, bound: Bound::new(expr, ty, at) });
        }
        Ok(items)
    }
}

impl Tree {
    fn leaves<'t>(&'t mut self, leaves: &mut Vec<&'t mut Leaf>) {
        match self {
            Tree::Leaf(leaf) => leaves.push(leaf),
            Tree::Operation { left, right, .. } => {
                left.leaves(leaves);
                right.leaves(leaves);
            }
        }
    }

    fn into_node(self, items: &[Item]) -> Node {
        let (operation, left, right) = match self {
            Tree::Leaf(leaf) => return leaf.into_node(),
            Tree::Operation { operation, left, right } => {
                (operation, left.into_node(items), right.into_node(items))
            }
        };
        let is_kept = match operation {
            Operation::UnionAll => return union(left, right),
            Operation::Union => return distinct(union(left, right), items),
            Operation::Intersect => JoinKind::Semi,
            Operation::Except => JoinKind::Anti,
        };
        let same = items.iter().map(|item| {
            let left = item.bound.expr.clone();
            let right = left.clone().map_parts(&|_| 1);
            Expr::IsDistinct { left: Box::new(left), right: Box::new(right), negated: true }
        });
        distinct(left, items).joined(is_kept, right, same.collect())
    }
}

impl Leaf {
    fn into_node(self) -> Node {
        let values = self.columns.into_iter().map(|Item { name, bound }| Output {
            name,
            expr: bound.expr,
            ty: bound.ty.unwrap_or(SqlType::String),
        });
        Node::Project { input: Box::new(self.node), values: values.collect() }
    }
}

fn union(left: Node, right: Node) -> Node {
    match left {
        Node::Union { mut inputs } => {
            inputs.push(right);
            Node::Union { inputs }
        }
        left => Node::Union { inputs: vec![left, right] },
    }
}

fn distinct(node: Node, items: &[Item]) -> Node {
    let values = items.iter().map(|item| Output {
        name: item.name.clone(),
        expr: item.bound.expr.clone(),
        ty: item.bound.ty.clone().unwrap_or(SqlType::String),
    });
    Node::Distinct { input: Box::new(node), values: values.collect() }
}

fn operation(
    operator: SetOperator,
    quantifier: SetQuantifier,
    at: Position,
) -> Result<Operation, SqlError> {
    let is_all = match quantifier {
        SetQuantifier::All => true,
        SetQuantifier::None | SetQuantifier::Distinct => false,
        _ => return Err(SqlError::unsupported("BY NAME", at)),
    };
    match (operator, is_all) {
        (SetOperator::Union, true) => Ok(Operation::UnionAll),
        (SetOperator::Union, false) => Ok(Operation::Union),
        (SetOperator::Intersect, false) => Ok(Operation::Intersect),
        (SetOperator::Except, false) => Ok(Operation::Except),
        (SetOperator::Intersect, true) => Err(SqlError::unsupported("INTERSECT ALL", at)),
        (SetOperator::Except, true) => Err(SqlError::unsupported("EXCEPT ALL", at)),
        (SetOperator::Minus, _) => Err(SqlError::unsupported("MINUS", at)),
    }
}
