//! Writes how an answer is kept up to date: an operator a line, each above those that it takes changes from, with what it keeps.

use core::fmt::Write as _;

use super::compile::LivePlan;
use super::leaf::Leaf;
use super::operator::Kind;
use crate::catalog::Catalog;
use crate::error::SqlError;
use crate::explain::{Exprs, write_joined, write_limits, write_order};
use crate::logical::{AggregateCall, AggregateFunction};
use crate::plan::Plan;

/// The live form of a plan as text without a line feed at its end, or why it has none.
pub(crate) fn explain(plan: &Plan, catalog: &dyn Catalog) -> String {
    match LivePlan::of(plan, catalog) {
        Ok(live) => {
            let mut text = format!("live\n  project {}", Exprs(&live.output));
            live.write_operator(live.operators.len() - 1, 2, &mut text);
            text
        }
        Err(SqlError::Unsupported { what, .. }) => format!("live: {what} is not supported"),
        Err(other) => format!("live: {other}"),
    }
}

impl LivePlan {
    fn write_operator(&self, at: usize, depth: usize, text: &mut String) {
        let operator = &self.operators[at];
        // Writing to a string cannot go wrong.
        let _ = write!(text, "\n{:1$}", "", depth * 2);
        match &operator.kind {
            Kind::Leaf(leaf) => self.leaves[*leaf].write(text),
            kind => write_kind(kind, text),
        }
        for input in &operator.inputs {
            self.write_operator(*input, depth + 1, text);
        }
    }
}

fn write_kind(kind: &Kind, text: &mut String) {
    let _ = match kind {
        Kind::Unit => write!(text, "one row"),
        Kind::Leaf(_) => unreachable!("its plan knows a leaf"),
        Kind::Filter(predicates) => {
            text.push_str("filter ");
            return write_joined(predicates, text);
        }
        Kind::Temporal(bounds) => {
            for (at, bound) in bounds.iter().enumerate() {
                let _ = write!(text, "{}{bound}", if at == 0 { "while " } else { " AND " });
            }
            text.push_str(": keeps the rows for which it is true or will be");
            return;
        }
        Kind::Project(values) => write!(text, "project {}", Exprs(values)),
        Kind::Join { kind, conditions, .. } => {
            text.push_str(kind.name());
            return conditions.write(text);
        }
        Kind::Aggregate { keys, calls } => {
            text.push_str("aggregate ");
            return write_aggregate(&Exprs(keys), calls, text);
        }
        Kind::Distinct(values) => {
            write!(text, "distinct {}: keeps how often each is there", Exprs(values))
        }
        Kind::Union => write!(text, "union all"),
        Kind::Window { keys, limit, offset, upon } => {
            text.push_str("window");
            write_limits(limit.as_ref(), offset.as_ref(), text);
            write_order(keys, text);
            text.push_str(match upon {
                Some(_) => ": keeps the first in order, and some to spare",
                None => ": keeps all in order",
            });
            Ok(())
        }
    };
}

fn write_aggregate(keys: &Exprs<'_>, calls: &[AggregateCall], text: &mut String) {
    let list = calls.iter().map(AggregateCall::to_string).collect::<Vec<_>>().join(", ");
    let _ = match (keys.0, list.as_str()) {
        ([], list) => write!(text, "{list}"),
        (_, "") => write!(text, "by {keys}"),
        (_, list) => write!(text, "{list} by {keys}"),
    };
    text.push_str(": keeps each group");
    for call in calls.iter().filter(|call| call.keeps_values()) {
        let _ = write!(text, ", all values of {call}");
    }
}

impl AggregateCall {
    /// Whether what goes can only be taken back where all that there is is known.
    fn keeps_values(&self) -> bool {
        let is_ordered = matches!(
            self.function,
            AggregateFunction::Min | AggregateFunction::Max | AggregateFunction::StringAgg
        );
        is_ordered || self.distinct
    }
}

impl Leaf {
    fn write(&self, text: &mut String) {
        let kind = if self.is_view() { "view " } else { "" };
        let _ = write!(text, "leaf {kind}{}", self.table.name);
        let columns = self.used.iter().zip(&self.table.schema.columns);
        let used = columns.filter(|(used, _)| **used).map(|(_, column)| column.name.as_str());
        for (at, name) in used.enumerate() {
            let _ = write!(text, "{}{name}", if at == 0 { ": " } else { ", " });
        }
        if !self.predicates.is_empty() {
            text.push_str(" where ");
            write_joined(&self.predicates, text);
        }
        if let Some((column, value)) = self.equality()
            && !self.is_view()
        {
            let _ = write!(text, ", found by {} = {value}", column.name);
        }
    }
}
