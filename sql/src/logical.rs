//! What a query means, as a tree of operators over tuples: the binder's output, and the planner's input.
//!
//! A tuple has a part for each relation of FROM; an aggregate and DISTINCT make tuples of a single part, their output.
//! So a join adds a part to its tuples, and every operator above works as it is.
//!
//! **Policies.** A table's read policy is a predicate over its rows, and nothing that the caller wrote may see a row
//! before the policy admits it: neither a filter that divides by zero nor a sort whose order gives it away. The tree
//! guarantees it by its shape:
//!
//! ```text
//!   … everything the caller wrote
//!     filter  the caller's WHERE
//!       filter  the table's policy          ◀ directly above the scan, never merged with another filter
//!         scan  table
//! ```
//!
//! Invariants:
//! 1. A filter's input has filtered before it does; the order of the predicates of one filter is the planner's choice.
//! 2. Only the planner moves a predicate, and only into the key range of the scan below, as constants that are
//!    evaluated before any row is read. So a policy's filter may stay above a narrowed scan.

use std::sync::Arc;

use cosmictron_storage::TableDef;

use crate::expr::Expr;
use crate::value::SqlType;

/// A bound query: where its tuples come from, and what the answer shows of each.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) node: Node,
    pub(crate) output: Vec<Output>,
}

/// A column of the answer.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) expr: Expr,
    pub(crate) ty: SqlType,
}

#[derive(Debug)]
pub(crate) enum Node {
    /// One tuple without parts: SELECT without FROM.
    Unit,
    Scan(Arc<TableDef>),
    /// Lets a tuple pass where every predicate is true.
    Filter {
        input: Box<Node>,
        predicates: Vec<Expr>,
    },
    /// One tuple for each group: its keys, then its aggregates. Without keys, one group, even of no tuples.
    Aggregate {
        input: Box<Node>,
        keys: Vec<Output>,
        calls: Vec<AggregateCall>,
    },
    /// Tuples of these values, each once.
    Distinct {
        input: Box<Node>,
        values: Vec<Output>,
    },
    Sort {
        input: Box<Node>,
        keys: Vec<SortKey>,
    },
    Limit {
        input: Box<Node>,
        limit: Option<Expr>,
        offset: Option<Expr>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SortKey {
    pub(crate) expr: Expr,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

/// One aggregate over the tuples of a group. Nulls do not count.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AggregateCall {
    pub(crate) function: AggregateFunction,
    /// `None` for `count(*)`.
    pub(crate) argument: Option<Expr>,
    pub(crate) ty: SqlType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AggregateFunction {
    Count,
    Sum,
    Avg,
    Min,
    Max,
}

impl AggregateFunction {
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "count" => AggregateFunction::Count,
            "sum" => AggregateFunction::Sum,
            "avg" => AggregateFunction::Avg,
            "min" => AggregateFunction::Min,
            "max" => AggregateFunction::Max,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            AggregateFunction::Count => "count",
            AggregateFunction::Sum => "sum",
            AggregateFunction::Avg => "avg",
            AggregateFunction::Min => "min",
            AggregateFunction::Max => "max",
        }
    }
}

impl core::fmt::Display for AggregateCall {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.argument {
            Some(argument) => write!(f, "{}({argument})", self.function.name()),
            None => write!(f, "{}(*)", self.function.name()),
        }
    }
}

impl core::fmt::Display for SortKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let direction = if self.descending { " desc" } else { "" };
        // Only what differs from PostgreSQL's default is shown.
        let nulls = match (self.descending, self.nulls_first) {
            (false, true) => " nulls first",
            (true, false) => " nulls last",
            _ => "",
        };
        write!(f, "{}{direction}{nulls}", self.expr)
    }
}
