//! Moves the predicates of filters down to where their columns come from, so that fewer tuples are joined.

use std::sync::Arc;

use super::order::Order;
use super::{Operator, Planned, Planner, filtered, is_never_true};
use crate::expr::{ColumnRef, Expr};
use crate::logical::{Node, Output, SortKey};

impl Planner<'_> {
    /// `levels` are the predicates of filters, the outermost filter's first, `input` what is below them.
    pub(super) fn filter(
        &self,
        input: Node,
        mut levels: Vec<Vec<Expr>>,
        wanted: &[SortKey],
    ) -> Planned {
        if levels.iter().flatten().any(is_never_true) {
            return Planned { operator: Operator::Nothing, order: Order::All };
        }
        match input {
            Node::Filter { input, predicates } => {
                levels.push(predicates);
                self.filter(*input, levels, wanted)
            }
            Node::Guarded { input } if input.is_rows() => self.filter(*input, levels, wanted),
            Node::Guarded { input } => self.guarded(*input, levels, wanted),
            Node::Scan(scan) => {
                levels.reverse();
                self.scan(scan.table().clone(), levels, wanted)
            }
            Node::Join(join) => {
                levels.reverse();
                self.join(*join, levels.into_iter().flatten().collect(), wanted)
            }
            Node::Project { input, values } => {
                for predicate in levels.iter_mut().flatten() {
                    substitute(predicate, &values);
                }
                let operator = self.filter(*input, levels, &[]).operator;
                Planned::unordered(projected(operator, values))
            }
            Node::Distinct { input, values } => {
                for predicate in levels.iter_mut().flatten() {
                    substitute(predicate, &values);
                }
                let input = Arc::new(self.filter(*input, levels, &[]).operator);
                Planned::unordered(Operator::Distinct { input, values })
            }
            Node::Union { inputs } => {
                let inputs = inputs
                    .into_iter()
                    .map(|input| Arc::new(self.filter(input, levels.clone(), &[]).operator));
                Planned::unordered(Operator::Union { inputs: inputs.collect() })
            }
            Node::Aggregate { input, keys, calls } if !keys.is_empty() => {
                let (below, above) = of_keys(levels, &keys);
                let input = if below.is_empty() { *input } else { input.filtered(below) };
                let mut operator = self.aggregate(input, keys, calls);
                for predicates in above {
                    operator = filtered(operator, predicates);
                }
                Planned::unordered(operator)
            }
            other => {
                let Planned { mut operator, order } = self.plan_ordered(other, wanted);
                levels.reverse();
                for predicates in levels {
                    operator = filtered(operator, predicates);
                }
                Planned { operator, order }
            }
        }
    }
}

impl Planner<'_> {
    /// `levels` as for [`Planner::filter`]. What cannot fail goes below the policy, which may have joins; the rest waits until
    /// they have admitted a tuple.
    fn guarded(&self, input: Node, levels: Vec<Vec<Expr>>, wanted: &[SortKey]) -> Planned {
        let (mut below, mut above) = (Vec::new(), Vec::new());
        for predicates in levels {
            let (can_fail, cannot): (Vec<Expr>, Vec<Expr>) =
                predicates.into_iter().partition(Expr::can_fail);
            below.push(cannot);
            above.push(can_fail);
        }
        below.retain(|predicates| !predicates.is_empty());
        let Planned { mut operator, order } = match below.is_empty() {
            true => self.plan_ordered(input, wanted),
            false => self.filter(input, below, wanted),
        };
        for predicates in above.into_iter().rev() {
            operator = filtered(operator, predicates);
        }
        Planned { operator, order }
    }
}

fn projected(input: Operator, values: Vec<Output>) -> Operator {
    match input {
        Operator::Nothing => Operator::Nothing,
        input => Operator::Project { input: Arc::new(input), values },
    }
}

/// The predicates that look at keys of an aggregate alone and cannot fail, over the tuples below it; and the others, the
/// innermost filter's first.
fn of_keys(levels: Vec<Vec<Expr>>, keys: &[Output]) -> (Vec<Expr>, Vec<Vec<Expr>>) {
    let mut below = Vec::new();
    let mut above = Vec::new();
    for predicates in levels.into_iter().rev() {
        let mut kept = Vec::new();
        for predicate in predicates {
            let is_plain = |place: usize| keys.get(place).is_some_and(|key| !key.expr.can_fail());
            let mut is_of_keys = !predicate.is_constant() && !predicate.can_fail();
            predicate.columns(&mut |column| is_of_keys &= is_plain(column.column.index()));
            if is_of_keys {
                let mut predicate = predicate;
                substitute(&mut predicate, keys);
                below.push(predicate);
            } else {
                kept.push(predicate);
            }
        }
        above.push(kept);
    }
    (below, above)
}

/// Columns of a part that holds `values` become what they were computed from.
fn substitute(predicate: &mut Expr, values: &[Output]) {
    predicate.replace(&mut |expr| match expr {
        Expr::Column(ColumnRef { column, .. }) => Some(values[column.index()].expr.clone()),
        _ => None,
    });
}
