//! Reads what there is when a live query begins: a plan for each leaf, run in parts where the rows are, as any query.

use std::sync::Arc;

use super::compile::LivePlan;
use super::flow::LeafChanges;
use super::leaf::{Leaf, LeafRow};
use super::operator::Kind;
use super::tuple::KeptPart;
use crate::catalog::Catalog;
use crate::error::{Position, SqlError};
use crate::expr::tuple::Cell;
use crate::expr::{ColumnRef, Expr};
use crate::limits::ExecutionLimits;
use crate::logical::{Node, Output, Query, SortKey};
use crate::params::{Params, Wanted};
use crate::partial::PartialRows;
use crate::plan::Plan;
use crate::value::{Datum, SqlType};

/// The rows of a leaf that are read where the others are not kept.
pub(super) struct First {
    keys: Vec<SortKey>,
    limit: Expr,
}

impl First {
    /// Of the leaf with this number, if an operator is a window upon it.
    pub(super) fn of(kind: &Kind, leaf: usize) -> Option<Self> {
        match kind {
            Kind::Window { keys, limit: Some(limit), offset, upon: Some((upon, spare)) }
                if *upon == leaf =>
            {
                let limit = spare.kept_expr(limit, offset.as_ref());
                Some(Self { keys: keys.clone(), limit })
            }
            _ => None,
        }
    }
}

/// The plan that reads what the query uses of the rows of a leaf.
pub(super) fn plan(
    leaf: &Leaf,
    first: Option<First>,
    params: &Wanted,
    catalog: &dyn Catalog,
) -> Plan {
    let used = leaf.used.iter().enumerate().filter(|(_, used)| **used);
    let mut output: Vec<Output> = used.map(|(at, _)| column(leaf, at)).collect();
    if output.is_empty() {
        // A row is one even where nothing of it is used.
        let ty = SqlType::Bool;
        output.push(Output { name: String::new(), expr: Expr::boolean(true), ty });
    }
    // One filter for each, so that their order stays.
    let filtered = |node: Node, predicate: &Expr| node.filtered(vec![predicate.clone()]);
    // What its policy says is among the predicates, or in another operator.
    let table = Node::all_rows(leaf.table.clone());
    let predicates = leaf.predicates.iter().chain(&leaf.expiring);
    let mut node = predicates.fold(table, filtered);
    if let Some(First { keys, limit }) = first {
        node = Node::Sort { input: Box::new(node), keys };
        node = Node::Limit { input: Box::new(node), limit: Some(limit), offset: None };
    }
    Plan::of(Query { node, output }, params.clone(), catalog)
}

fn column(leaf: &Leaf, at: usize) -> Output {
    let column = &leaf.table.schema.columns[at];
    let name = column.name.as_str().into();
    let expr = ColumnRef::stored(super::leaf::index(at), &column.ty, name, Position::START);
    Output { name: column.name.clone(), ty: expr.ty.clone(), expr: Expr::Column(expr) }
}

impl LivePlan {
    /// For each leaf, in order, the plan whose parts [`LivePlan::read_parts`] takes.
    pub fn initial(&self) -> &[Arc<Plan>] {
        &self.initial
    }

    /// Adds the rows of all parts of a leaf's initial plan to `changes`.
    ///
    /// # Errors
    ///
    /// More rows, or bytes of them, than the limits allow.
    pub fn read_parts(
        &self,
        leaf: usize,
        parts: &[PartialRows],
        params: &Params,
        limits: &ExecutionLimits,
        changes: &mut LeafChanges,
    ) -> Result<(), SqlError> {
        let plan = &self.initial[leaf];
        let used = &self.leaves[leaf].used;
        let rows = plan.merge(parts, params, limits)?;
        for cells in rows.cells() {
            let mut cells = cells.iter();
            let slots = used.iter().map(|used| match used {
                true => cells.next().expect("the plan gives every used column").clone(),
                false => Cell::Value(Datum::Null),
            });
            changes.push(leaf, LeafRow(KeptPart::of(slots)?), 1);
        }
        Ok(())
    }
}
