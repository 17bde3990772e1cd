//! What a query means, as a tree of operators over tuples: the binder's output, and the input of all who evaluate it, the
//! planner of one-off queries and whatever keeps answers up to date.
//!
//! A tuple is a list of *parts*, a part a list of columns. A stored row is one part, and so is what an aggregate, DISTINCT, a
//! projection or a union puts out; a join puts the parts of its right input behind those of its left one. An expression
//! names a column by the number of its part in the tuple at hand, counted from 0, and by its place in that part: expressions
//! of different nodes number the same row differently, and [`Expr::map_parts`] moves one to another place.
//!
//! An outer join gives *absent* parts where it found nothing: every column of them is null.
//!
//! A node stands for a function from multisets of tuples to one multiset: [`Node`] says which. Order matters to two of them
//! only: `Sort` makes one, and `Limit` takes from it.
//!
//! **Sub-queries** are joins by the time they are here (see `bind/subquery`):
//!
//! | written | becomes |
//! |---|---|
//! | `WHERE EXISTS (q)`, `WHERE x IN (q)` | semi-join with `q`, on its correlation and on `x = y` |
//! | `WHERE NOT EXISTS (q)` | anti-join, on its correlation |
//! | `WHERE x NOT IN (q)` | anti-join on its correlation and on `(x = y) IS NOT FALSE` |
//! | the same anywhere else | mark join, whose last part is the truth as a column |
//! | `(SELECT value …)` | single join with `q`; its value is a column of the part that it adds |
//! | `(SELECT aggregate … WHERE inner = outer)` | left join with the aggregate by `inner`, on `inner = outer`; a `count` is `coalesce(count, 0)` |
//!
//! **Policies.** A table's read policy is a predicate over its rows, and nothing that the caller wrote may see a row
//! before the policy admits it: neither a filter that divides by zero nor a sort whose order gives it away. The tree
//! guarantees it by its shape, at every table of every sub-query, for the binder has one way to a table (`bind/policy`):
//!
//! ```text
//!   … everything the caller wrote
//!     filter  the caller's WHERE
//!       guarded                               ◀ what the caller wrote stays above
//!         filter  the table's policy          ◀ and what its sub-queries became: semi-joins and mark joins
//!           scan  table
//! ```
//!
//! Invariants:
//! 1. A filter's input has filtered before it does, but for what the planner moves: a predicate may go below a join, a
//!    projection or another of the caller's filters. The order of the predicates of one filter is the planner's choice.
//! 2. Below [`Node::Guarded`] goes only what shows nothing of a row that the policy hides: a predicate that cannot fail, which
//!    leaves out some of the rows and does no more; and where the policy is no more than filters above a scan, any predicate,
//!    as a filter of its own above them, never merged with them ([`Node::is_rows`]). PostgreSQL calls such predicates leakproof.
//! 3. Into the key range of a scan the planner moves constants alone, which are evaluated before any row is read; so a policy's
//!    filter may stay above a narrowed scan. Where a join looks rows up, the key is a value of the other input.
//! 4. Every column that an expression names is one of its node's input: of `left ++ right` in a join's `on`.

mod aggregate;
mod join;

use std::sync::Arc;

use cosmictron_storage::TableDef;

use crate::expr::Expr;
use crate::value::SqlType;
pub(crate) use aggregate::{AggregateCall, AggregateFunction};
pub(crate) use join::{Join, JoinKind};

/// A bound query: where its tuples come from, and what the answer shows of each.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) node: Node,
    pub(crate) output: Vec<Output>,
}

/// A column of an answer, or of a part that an operator makes.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) expr: Expr,
    pub(crate) ty: SqlType,
}

/// A function from multisets of tuples to one.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// One tuple without parts: SELECT without FROM.
    Unit,
    /// The rows of a table, each a tuple of one part.
    Scan(TableScan),
    /// The rows of a table that its policy admits, each the first part of a tuple: what is above comes from the caller, what is
    /// below from the table's module.
    Guarded { input: Box<Node> },
    /// The tuples for which every predicate is true, as often as they come; false and null let none pass.
    Filter { input: Box<Node>, predicates: Vec<Expr> },
    /// For every tuple one of a single part: these values, computed of it.
    Project { input: Box<Node>, values: Vec<Output> },
    /// See [`JoinKind`].
    Join(Box<Join>),
    /// One tuple of a single part for each group: its keys, then its aggregates. Tuples are of one group where their keys are
    /// not distinct from one another (two nulls are not). Without keys there is one group, even of no tuples.
    Aggregate { input: Box<Node>, keys: Vec<Output>, calls: Vec<AggregateCall> },
    /// As [`Node::Project`], but of tuples that are not distinct from one another (two nulls are not) only one.
    Distinct { input: Box<Node>, values: Vec<Output> },
    /// The tuples of all inputs, as often as they come: UNION ALL. Each input makes tuples of one part with the same number of
    /// columns and the same types; there are at least two. UNION is a `Distinct` of it.
    Union { inputs: Vec<Node> },
    /// The same tuples, in the order of the keys; which of equal ones comes first is open.
    Sort { input: Box<Node>, keys: Vec<SortKey> },
    /// The first `limit` tuples of those after the first `offset`, in the order in which they come; null is no limit, and no
    /// offset. Both are constant.
    Limit { input: Box<Node>, limit: Option<Expr>, offset: Option<Expr> },
}

/// Reads a table, all rows of it. Only [`Node::all_rows`] makes one.
#[derive(Clone, Debug)]
pub(crate) struct TableScan {
    table: Arc<TableDef>,
}

impl TableScan {
    pub(crate) fn table(&self) -> &Arc<TableDef> {
        &self.table
    }
}

impl Node {
    /// All rows of a table: for whoever no policy keeps from any, and for what a policy is put above.
    pub(crate) fn all_rows(table: Arc<TableDef>) -> Node {
        Node::Scan(TableScan { table })
    }

    /// Tuples of which the caller is to see no more than these.
    pub(crate) fn guarded(self) -> Node {
        Node::Guarded { input: Box::new(self) }
    }

    /// Whether it is a table's rows below filters alone.
    pub(crate) fn is_rows(&self) -> bool {
        match self {
            Node::Scan(_) => true,
            Node::Filter { input, .. } => input.is_rows(),
            _ => false,
        }
    }

    /// Its tuples for which all predicates are true.
    pub(crate) fn filtered(self, predicates: Vec<Expr>) -> Node {
        if predicates.is_empty() {
            return self;
        }
        Node::Filter { input: Box::new(self), predicates }
    }

    pub(crate) fn joined(self, kind: JoinKind, right: Node, on: Vec<Expr>) -> Node {
        Node::Join(Box::new(Join { kind, left: self, right, on }))
    }

    /// How many parts its tuples have.
    pub(crate) fn parts(&self) -> usize {
        match self {
            Node::Unit => 0,
            Node::Scan(_)
            | Node::Project { .. }
            | Node::Aggregate { .. }
            | Node::Distinct { .. }
            | Node::Union { .. } => 1,
            Node::Guarded { input }
            | Node::Filter { input, .. }
            | Node::Sort { input, .. }
            | Node::Limit { input, .. } => input.parts(),
            Node::Join(join) => join.parts(),
        }
    }

    /// Calls `visit` with every node directly below this one.
    pub(crate) fn inputs<'n>(&'n self, visit: &mut dyn FnMut(&'n Node)) {
        match self {
            Node::Unit | Node::Scan(_) => {}
            Node::Guarded { input }
            | Node::Filter { input, .. }
            | Node::Project { input, .. }
            | Node::Aggregate { input, .. }
            | Node::Distinct { input, .. }
            | Node::Sort { input, .. }
            | Node::Limit { input, .. } => visit(input),
            Node::Union { inputs } => inputs.iter().for_each(visit),
            Node::Join(join) => {
                visit(&join.left);
                visit(&join.right);
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SortKey {
    pub(crate) expr: Expr,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
    /// Nobody asked for it: it decides which of the tuples comes first that are equal in what was asked for. Such keys come
    /// last.
    pub(crate) breaks_ties: bool,
    /// It tells values apart that are equal and shown as different ones, as `0` and `-0`.
    pub(crate) tells_forms: bool,
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
