//! Turns the logical tree of a query into operators that take changes.
//!
//! Predicates move down to where their columns come from, so that leaves let little pass and joins find rows by a key. What is
//! without a definite answer at every moment, or depends on more than the tables and comparisons with the time, is refused by
//! its name.
//!
//! Invariants:
//! 1. Operators stand in an order in which each comes after its inputs; the last one is the whole query.
//! 2. A policy's predicates stand before the caller's in the leaf of their table; where a policy needs more than a leaf, the
//!    caller's that may fail stand above all of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::flow::LeafChanges;
use super::initial::{self, First};
use super::leaf::Leaf;
use super::operator::{Conditions, Kind, Operator, Spare};
use super::temporal::{Bound, Conjuncts, has_now};
use crate::catalog::Catalog;
use crate::error::{Position, SqlError};
use crate::expr::Expr;
use crate::logical::{AggregateCall, Join, JoinKind, Node, Output, Query, SortKey};
use crate::params::Params;
use crate::plan::Plan;
use crate::rowset::OutputColumn;
use cosmictron_types::TableId;

/// A query whose answer can be kept up to date, for any parameters.
#[derive(Debug)]
pub struct LivePlan {
    pub(super) leaves: Vec<Leaf>,
    pub(super) operators: Vec<Operator>,
    /// What the answer shows of each tuple.
    pub(super) output: Vec<Expr>,
    pub(super) columns: Vec<OutputColumn>,
    /// How what there is of each leaf is read.
    pub(super) initial: Vec<Arc<Plan>>,
}

impl LivePlan {
    /// The live form of a planned query, or why it has none.
    ///
    /// # Errors
    ///
    /// [`SqlError::Unsupported`] names what cannot be kept up to date.
    pub fn of(plan: &Plan, catalog: &dyn Catalog) -> Result<LivePlan, SqlError> {
        Self::sparing(plan, catalog, SPARE_MIN)
    }

    /// As [`LivePlan::of`]; where a window of rows keeps only as many as it shows and some to spare, these are at least so many.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn sparing(
        plan: &Plan,
        catalog: &dyn Catalog,
        spare_min: u64,
    ) -> Result<LivePlan, SqlError> {
        if plan.is_explain() {
            return Err(refused("a subscription to EXPLAIN"));
        }
        if plan.names_a_moment() {
            return Err(refused("a subscription to the past (AS OF)"));
        }
        let Query { node, output } = plan.logical();
        let spare = Spare { min: spare_min };
        let mut compiler =
            Compiler { spare, leaves: Vec::new(), operators: Vec::new(), origins: Vec::new() };
        let root = compiler.node(node, Vec::new())?;
        let output: Vec<Expr> = output.iter().map(|output| output.expr.clone()).collect();
        for expr in &output {
            compiler.note(expr, root)?;
        }
        let Compiler { leaves, operators, .. } = compiler;
        let columns = plan.columns().to_vec();
        let read = |(number, leaf)| {
            let window = operators.iter().find_map(|operator| First::of(&operator.kind, number));
            Arc::new(initial::plan(leaf, window, plan.wanted(), catalog))
        };
        let initial = leaves.iter().enumerate().map(read).collect();
        Ok(LivePlan { leaves, operators, output, columns, initial })
    }

    /// The tables that it reads, one for each time that the query names them.
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// Adds what becomes of the leaves that are a view when a row of it comes or goes.
    ///
    /// # Errors
    ///
    /// Of evaluating the conditions of a leaf.
    pub fn read_view(
        &self,
        view: TableId,
        row: &[u8],
        weight: i64,
        params: &Params,
        changes: &mut LeafChanges,
    ) -> Result<(), SqlError> {
        for (number, leaf) in
            self.leaves.iter().enumerate().filter(|(_, leaf)| leaf.table() == view)
        {
            if let Some(row) = leaf.read(params, row)? {
                changes.push(number, row, weight);
            }
        }
        Ok(())
    }

    /// The columns of the answer.
    pub fn columns(&self) -> &[OutputColumn] {
        &self.columns
    }

    /// Whether its answer changes by time alone.
    pub fn moves_with_time(&self) -> bool {
        self.operators.iter().any(|operator| matches!(operator.kind, Kind::Temporal(_)))
    }

    /// Whether it keeps something of its inputs, and so has to see all rows before it can take the first change.
    pub fn is_stateful(&self) -> bool {
        self.operators.iter().any(|operator| operator.kind.is_stateful())
    }
}

/// Fewer rows are not kept to spare: what a window lacks is read from all shards.
const SPARE_MIN: u64 = 64;

pub(super) fn refused(what: &str) -> SqlError {
    SqlError::Unsupported { what: what.to_owned(), at: Position::START }
}

/// Where the parts of an operator's tuples come from: a leaf, or something computed.
type Origins = Vec<Option<usize>>;

struct Compiler {
    spare: Spare,
    leaves: Vec<Leaf>,
    operators: Vec<Operator>,
    /// Of each operator.
    origins: Vec<Origins>,
}

/// An operator by its number.
type At = usize;

impl Compiler {
    /// Compiles a node and filters what it gives by predicates over its tuples.
    fn node(&mut self, node: &Node, filters: Vec<Expr>) -> Result<At, SqlError> {
        match node {
            Node::Filter { input, predicates } => {
                let filters = predicates.iter().cloned().chain(filters).collect();
                return self.node(input, filters);
            }
            Node::Guarded { input } => return self.guarded(input, filters),
            Node::Scan(scan) => {
                let Conjuncts { steady, bounds, after, expiring } = Conjuncts::of(filters)?;
                let leaf = self.leaves.len();
                let table = scan.table().clone();
                let used = Vec::new();
                self.leaves.push(Leaf { table, predicates: steady, expiring, used });
                let at = self.add(Kind::Leaf(leaf), Vec::new(), vec![Some(leaf)]);
                let at = self.temporal(at, bounds)?;
                return self.steady(at, after);
            }
            Node::Join(join) => return self.join(join, filters),
            // An order is no matter of which rows there are.
            Node::Sort { input, .. } => return self.node(input, filters),
            _ => {}
        }
        let at = match node {
            Node::Unit => self.add(Kind::Unit, Vec::new(), Vec::new()),
            Node::Project { input, values } => {
                let input = self.node(input, Vec::new())?;
                self.computed(Kind::Project, values, input)?
            }
            Node::Distinct { input, values } => {
                let input = self.node(input, Vec::new())?;
                self.computed(Kind::Distinct, values, input)?
            }
            Node::Aggregate { input, keys, calls } => self.aggregate(input, keys, calls)?,
            Node::Union { inputs } => {
                let inputs: Vec<At> = inputs
                    .iter()
                    .map(|input| self.node(input, Vec::new()))
                    .collect::<Result<_, _>>()?;
                for &input in &inputs {
                    self.note_all(input);
                }
                self.add(Kind::Union, inputs, vec![None])
            }
            Node::Limit { input, limit, offset } => {
                self.window(input, limit.as_ref(), offset.as_ref())?
            }
            Node::Guarded { .. }
            | Node::Filter { .. }
            | Node::Scan(_)
            | Node::Join(_)
            | Node::Sort { .. } => {
                unreachable!("these were seen to")
            }
        };
        self.filtered(at, filters)
    }

    /// What a policy admits. Where that is decided row by row and for good, everything can be asked of a row at once, the
    /// policy first; else what may fail waits until it has admitted a tuple.
    fn guarded(&mut self, input: &Node, filters: Vec<Expr>) -> Result<At, SqlError> {
        if input.is_rows() && !moves(input) {
            return self.node(input, filters);
        }
        let (can_fail, cannot) = filters.into_iter().partition(Expr::can_fail);
        let at = self.node(input, cannot)?;
        self.filtered(at, can_fail)
    }

    fn filtered(&mut self, at: At, filters: Vec<Expr>) -> Result<At, SqlError> {
        let Conjuncts { steady, bounds, after, .. } = Conjuncts::of(filters)?;
        let at = self.steady(at, steady)?;
        let at = self.temporal(at, bounds)?;
        self.steady(at, after)
    }

    fn temporal(&mut self, at: At, bounds: Vec<Bound>) -> Result<At, SqlError> {
        if bounds.is_empty() {
            return Ok(at);
        }
        for expr in bounds.iter().flat_map(Bound::exprs) {
            self.note(expr, at)?;
        }
        let origins = self.origins[at].clone();
        Ok(self.add(Kind::Temporal(bounds), vec![at], origins))
    }

    /// Filters by what does not depend on the time.
    fn steady(&mut self, at: At, filters: Vec<Expr>) -> Result<At, SqlError> {
        if filters.is_empty() {
            return Ok(at);
        }
        for filter in &filters {
            self.note(filter, at)?;
        }
        let origins = self.origins[at].clone();
        Ok(self.add(Kind::Filter(filters), vec![at], origins))
    }

    fn computed(
        &mut self,
        kind: fn(Vec<Expr>) -> Kind,
        values: &[Output],
        input: At,
    ) -> Result<At, SqlError> {
        let exprs: Vec<Expr> = values.iter().map(|value| value.expr.clone()).collect();
        for expr in &exprs {
            self.note(expr, input)?;
        }
        Ok(self.add(kind(exprs), vec![input], vec![None]))
    }

    fn aggregate(
        &mut self,
        input: &Node,
        keys: &[Output],
        calls: &[AggregateCall],
    ) -> Result<At, SqlError> {
        let input = self.node(input, Vec::new())?;
        let keys: Vec<Expr> = keys.iter().map(|key| key.expr.clone()).collect();
        let used = calls.iter().flat_map(|call| call.argument.iter().chain(&call.filter));
        for expr in keys.iter().chain(used) {
            self.note(expr, input)?;
        }
        let kind = Kind::Aggregate { keys, calls: calls.to_vec() };
        Ok(self.add(kind, vec![input], vec![None]))
    }

    fn window(
        &mut self,
        input: &Node,
        limit: Option<&Expr>,
        offset: Option<&Expr>,
    ) -> Result<At, SqlError> {
        let Node::Sort { input, keys } = input else {
            return Err(refused("a subscription to LIMIT without ORDER BY"));
        };
        let input = self.node(input, Vec::new())?;
        for SortKey { expr, .. } in keys {
            self.note(expr, input)?;
        }
        let origins = self.origins[input].clone();
        let upon = match self.operators[input].kind {
            // Which rows it has must not change but by transactions, or they could not be read again. Those of a view are at
            // hand anyway.
            Kind::Leaf(leaf)
                if limit.is_some()
                    && !self.leaves[leaf].depends_on_now()
                    && !self.leaves[leaf].is_view() =>
            {
                Some((leaf, self.spare))
            }
            _ => None,
        };
        let (keys, limit, offset) = (keys.clone(), limit.cloned(), offset.cloned());
        let kind = Kind::Window { keys, limit, offset, upon };
        Ok(self.add(kind, vec![input], origins))
    }

    fn join(&mut self, join: &Join, filters: Vec<Expr>) -> Result<At, SqlError> {
        let kind = join.kind;
        let (left_parts, parts) = (join.left.parts(), join.left.parts() + join.right.parts());
        let sides = |expr: &Expr| sides(expr, left_parts);
        let (mut left, mut right, mut above) = (Vec::new(), Vec::new(), Vec::new());
        let mut on = Vec::new();
        for filter in filters {
            match (sides(&filter), kind) {
                (Sides { right: false, .. }, kind) if kind != JoinKind::Full => left.push(filter),
                (Sides { left: false, right: true }, JoinKind::Inner) => right.push(filter),
                (_, JoinKind::Inner) if !has_now(&filter) => on.push(filter),
                _ => above.push(filter),
            }
        }
        for condition in &join.on {
            let goes_right = !matches!(kind, JoinKind::Full | JoinKind::Mark);
            match (sides(condition), kind) {
                (Sides { right: false, .. }, JoinKind::Inner | JoinKind::Semi) => {
                    left.push(condition.clone());
                }
                (Sides { left: false, right: true }, _) if goes_right => {
                    right.push(condition.clone());
                }
                // Below, the time is compared with what one side has; above, with what both have.
                (_, JoinKind::Inner) if has_now(condition) => above.push(condition.clone()),
                (_, _) if has_now(condition) => {
                    let what =
                        "a subscription to now() in a condition on both sides of an outer join";
                    return Err(refused(what));
                }
                _ => on.push(condition.clone()),
            }
        }
        let right = right.into_iter().map(|expr: Expr| expr.map_parts(&|part| part - left_parts));
        let right = right.collect();
        let inputs = vec![self.node(&join.left, left)?, self.node(&join.right, right)?];
        let mut origins = self.origins[inputs[0]].clone();
        origins.extend(self.origins[inputs[1]].clone());
        assert_eq!(origins.len(), parts, "a join's conditions see the parts of both inputs");
        for condition in &on {
            self.note_at(condition, &origins)?;
        }
        let conditions = Conditions::new(on, left_parts, kind);
        match kind {
            JoinKind::Semi | JoinKind::Anti => origins.truncate(left_parts),
            JoinKind::Mark => {
                origins.truncate(left_parts);
                origins.push(None);
            }
            _ => {}
        }
        let right_parts = join.right.parts();
        let kind = Kind::Join { kind, conditions, left_parts, right_parts };
        let at = self.add(kind, inputs, origins);
        self.filtered(at, above)
    }

    fn add(&mut self, kind: Kind, inputs: Vec<At>, origins: Origins) -> At {
        self.operators.push(Operator { kind, inputs });
        self.origins.push(origins);
        self.operators.len() - 1
    }

    /// Notes which columns an expression over an operator's tuples uses.
    fn note(&mut self, expr: &Expr, at: At) -> Result<(), SqlError> {
        let origins = self.origins[at].clone();
        self.note_at(expr, &origins)
    }

    fn note_at(&mut self, expr: &Expr, origins: &[Option<usize>]) -> Result<(), SqlError> {
        check(expr)?;
        let Self { leaves, .. } = self;
        expr.columns(&mut |column| {
            if let Some(leaf) = origins[column.part] {
                leaves[leaf].note_use(column.column);
            }
        });
        Ok(())
    }

    /// All columns of an operator's tuples are used.
    fn note_all(&mut self, at: At) {
        let leaves: BTreeSet<usize> = self.origins[at].iter().flatten().copied().collect();
        for leaf in leaves {
            let leaf = &mut self.leaves[leaf];
            leaf.used = vec![true; leaf.table.layout.types().len()];
        }
    }
}

/// Whether filters above a table depend on the time.
fn moves(node: &Node) -> bool {
    match node {
        Node::Filter { input, predicates } => predicates.iter().any(has_now) || moves(input),
        _ => false,
    }
}

/// Refuses what does not depend on the tuple alone.
fn check(expr: &Expr) -> Result<(), SqlError> {
    match has_now(expr) {
        true => Err(refused("a subscription to now() elsewhere than in a condition on rows")),
        false => Ok(()),
    }
}

/// Which inputs of a join an expression reads.
struct Sides {
    left: bool,
    right: bool,
}

fn sides(expr: &Expr, left_parts: usize) -> Sides {
    let mut sides = Sides { left: false, right: false };
    expr.columns(&mut |column| match column.part < left_parts {
        true => sides.left = true,
        false => sides.right = true,
    });
    sides
}
