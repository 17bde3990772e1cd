//! Cuts a plan of several tables at each of them: a shard carries the rows that its filters let pass, no more than the columns that
//! are needed further up; the merge joins what has come from all.
//!
//! ```text
//!   one store                 each shard                          merge
//!   Join  by lookup                                               Join  by hash
//!     Filter                    stream 0: Filter over Scan          Gather 0
//!       Scan  a
//!     (lookup b)                stream 1: Scan  b                   Gather 1
//! ```
//!
//! An aggregate and a DISTINCT over one table alone are done in part where the rows are.
//!
//! Invariants:
//! 1. A stream is what [`super::split`] says of a part of one table.
//! 2. A column of the merge's tuples is a slot where its part is carried, and stays what it was elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cosmictron_types::ColumnIndex;

use super::split::{Split, Stream, carried_output, cut_aggregate, is_filtered_scan};
use super::{JoinKey, JoinOperator, Member, Operator, Scan};
use crate::error::Position;
use crate::expr::{ColumnRef, Expr, column_index};
use crate::logical::{AggregateCall, JoinKind, Output, SortKey};

/// Columns by their parts.
type Columns = BTreeSet<(usize, ColumnIndex)>;

/// For each part of a tuple where its columns are, if it is carried.
type Places = Vec<Option<BTreeMap<ColumnIndex, usize>>>;

/// Cuts a plan that reads tables.
pub(super) fn split(operator: &Arc<Operator>, output: &[Expr]) -> Split {
    let mut needed = Columns::new();
    output.iter().for_each(|expr| need(expr, &mut needed));
    let mut cutter = Cutter { streams: Vec::new() };
    let (merge, places) = cutter.cut(operator, &needed);
    let output = output.iter().map(|expr| placed(expr, &places)).collect();
    Split { streams: cutter.streams, takes_in_turn: false, merge, output }
}

fn need(expr: &Expr, needed: &mut Columns) {
    expr.columns(&mut |column| {
        needed.insert((column.part, column.column));
    });
}

/// The same over tuples whose columns are in these places.
fn placed(expr: &Expr, places: &Places) -> Expr {
    let mut expr = expr.clone();
    expr.columns_mut(&mut |column| {
        if let Some(Some(slots)) = places.get(column.part) {
            column.column = column_index(slots[&column.column]);
        }
    });
    expr
}

fn placed_all(exprs: &[Expr], places: &Places) -> Vec<Expr> {
    exprs.iter().map(|expr| placed(expr, places)).collect()
}

fn placed_outputs(outputs: &[Output], places: &Places) -> Vec<Output> {
    let placed = |output: &Output| Output { expr: placed(&output.expr, places), ..output.clone() };
    outputs.iter().map(placed).collect()
}

fn placed_keys(keys: &[SortKey], places: &Places) -> Vec<SortKey> {
    keys.iter().map(|key| SortKey { expr: placed(&key.expr, places), ..key.clone() }).collect()
}

struct Cutter {
    streams: Vec<Stream>,
}

impl Cutter {
    /// What the merge does for an operator of whose tuples these columns are needed, and where it has them.
    fn cut(&mut self, operator: &Arc<Operator>, needed: &Columns) -> (Operator, Places) {
        match &**operator {
            Operator::Unit => (Operator::Unit, Vec::new()),
            Operator::Nothing => (Operator::Nothing, Vec::new()),
            Operator::CountRows { .. } => self.aggregate(operator),
            Operator::Aggregate { input, calls, .. }
                if is_filtered_scan(input) && calls.iter().all(AggregateCall::has_states) =>
            {
                self.aggregate(operator)
            }
            Operator::Distinct { input, values } if is_filtered_scan(input) => {
                self.distinct(operator, values)
            }
            _ if is_filtered_scan(operator) => self.scan(operator, needed),
            Operator::Scan(_) => unreachable!("a scan is one under no filter"),
            Operator::Filter { input, predicates } => {
                let (input, places) = self.cut_needing(input, needed, predicates.iter());
                let predicates = placed_all(predicates, &places);
                (Operator::Filter { input, predicates }, places)
            }
            Operator::Project { input, values } => {
                let (input, places) = self.cut_outputs(input, values);
                let values = placed_outputs(values, &places);
                (Operator::Project { input, values }, vec![None])
            }
            Operator::Distinct { input, values } => {
                let (input, places) = self.cut_outputs(input, values);
                let values = placed_outputs(values, &places);
                (Operator::Distinct { input, values }, vec![None])
            }
            Operator::Aggregate { input, keys, calls, phase } => {
                let of_calls =
                    calls.iter().flat_map(|call| call.argument.iter().chain(&call.filter));
                let exprs = keys.iter().map(|key| &key.expr).chain(of_calls);
                let (input, places) = self.cut_needing(input, &Columns::new(), exprs);
                let calls = calls.iter().map(|call| AggregateCall {
                    argument: call.argument.as_ref().map(|expr| placed(expr, &places)),
                    filter: call.filter.as_ref().map(|expr| placed(expr, &places)),
                    ..call.clone()
                });
                let (calls, phase) = (calls.collect(), *phase);
                let keys = placed_outputs(keys, &places);
                (Operator::Aggregate { input, keys, calls, phase }, vec![None])
            }
            Operator::Sort { input, keys, presorted } => {
                let (input, places) = self.cut_sorted(input, needed, keys);
                let (keys, presorted) = (placed_keys(keys, &places), *presorted);
                (Operator::Sort { input, keys, presorted }, places)
            }
            Operator::Top { input, keys, presorted, limit, offset } => {
                let (input, places) = self.cut_sorted(input, needed, keys);
                let (keys, presorted) = (placed_keys(keys, &places), *presorted);
                let (limit, offset) = (limit.clone(), offset.clone());
                (Operator::Top { input, keys, presorted, limit, offset }, places)
            }
            Operator::Limit { input, limit, offset } => {
                let (input, places) = self.cut_needing(input, needed, core::iter::empty());
                let (limit, offset) = (limit.clone(), offset.clone());
                (Operator::Limit { input, limit, offset }, places)
            }
            Operator::Union { inputs } => {
                // They make their tuples, so nothing of what they put out is carried.
                let inputs = inputs.iter().map(|input| Arc::new(self.cut(input, needed).0));
                (Operator::Union { inputs: inputs.collect() }, vec![None])
            }
            Operator::Arrange { input, parts } => {
                let below = needed.iter().map(|(part, column)| (parts[*part], *column)).collect();
                let (input, places) = self.cut(input, &below);
                let arranged =
                    parts.iter().map(|part| places.get(*part).cloned().flatten()).collect();
                (Operator::Arrange { input: Arc::new(input), parts: parts.clone() }, arranged)
            }
            Operator::Join(join) => self.join(join, needed),
            Operator::Head { .. } | Operator::Gather { .. } => {
                unreachable!("{operator:?} is of a plan that was cut")
            }
        }
    }

    fn cut_needing<'o>(
        &mut self,
        input: &Arc<Operator>,
        needed: &Columns,
        exprs: impl Iterator<Item = &'o Expr>,
    ) -> (Arc<Operator>, Places) {
        let mut needed = needed.clone();
        exprs.for_each(|expr| need(expr, &mut needed));
        let (input, places) = self.cut(input, &needed);
        (Arc::new(input), places)
    }

    fn cut_outputs(&mut self, input: &Arc<Operator>, values: &[Output]) -> (Arc<Operator>, Places) {
        self.cut_needing(input, &Columns::new(), values.iter().map(|value| &value.expr))
    }

    fn cut_sorted(
        &mut self,
        input: &Arc<Operator>,
        needed: &Columns,
        keys: &[SortKey],
    ) -> (Arc<Operator>, Places) {
        self.cut_needing(input, needed, keys.iter().map(|key| &key.expr))
    }

    fn add(&mut self, stream: Stream) -> usize {
        self.streams.push(stream);
        self.streams.len() - 1
    }

    /// The rows of one table: the order that its path gives is kept.
    fn scan(&mut self, operator: &Arc<Operator>, needed: &Columns) -> (Operator, Places) {
        let scan = scan_of(operator);
        let mut wanted: BTreeMap<ColumnIndex, ColumnRef> = BTreeMap::new();
        let mut order = Columns::new();
        scan.order.iter().for_each(|key| need(&key.expr, &mut order));
        for (_, column) in needed.iter().chain(&order) {
            wanted.insert(*column, stored_column(scan, *column));
        }
        let slots: BTreeMap<ColumnIndex, usize> =
            wanted.keys().enumerate().map(|(slot, column)| (*column, slot)).collect();
        let places = vec![Some(slots)];
        let keys = placed_keys(&scan.order, &places);
        let carried = wanted.into_values().map(Expr::Column).collect();
        let operator = operator.clone();
        let stream = self.add(Stream { operator, carried, answer_slots: None });
        (Operator::Gather { stream, keys }, places)
    }

    fn aggregate(&mut self, operator: &Operator) -> (Operator, Places) {
        let (stream, merge) = cut_aggregate(operator, self.streams.len());
        self.add(stream);
        (merge, vec![None])
    }

    fn distinct(&mut self, operator: &Arc<Operator>, values: &[Output]) -> (Operator, Places) {
        let of_slots: Vec<Output> =
            values.iter().enumerate().map(|(slot, value)| carried_output(slot, value)).collect();
        let carried = of_slots.iter().map(|output| output.expr.clone()).collect();
        let operator = operator.clone();
        let stream = self.add(Stream { operator, carried, answer_slots: None });
        let input = Arc::new(Operator::Gather { stream, keys: Vec::new() });
        (Operator::Distinct { input, values: of_slots }, vec![None])
    }

    fn join(&mut self, join: &JoinOperator, needed: &Columns) -> (Operator, Places) {
        let JoinOperator { kind, left_parts, right_parts, keys, member, residual, .. } = join;
        // What a mark join adds is no column of the right side.
        let is_input = |part: usize| *kind != JoinKind::Mark || part < *left_parts;
        let mut both: Columns =
            needed.iter().filter(|(part, _)| is_input(*part)).copied().collect();
        residual.iter().for_each(|expr| need(expr, &mut both));
        let mut left = Columns::new();
        let mut right = Columns::new();
        for (part, column) in both {
            match part.checked_sub(*left_parts) {
                None => left.insert((part, column)),
                Some(part) => right.insert((part, column)),
            };
        }
        for key in keys {
            need(&key.left, &mut left);
            need(&key.right, &mut right);
        }
        if let Some(member) = member {
            need(&member.left, &mut left);
            need(&member.right, &mut right);
        }
        let (left, mut left_places) = self.cut(&join.left, &left);
        let (right, mut right_places) = self.cut(&join.right, &right);
        // Where nothing comes, nothing is said of the parts.
        left_places.resize(*left_parts, None);
        right_places.resize(*right_parts, None);
        let keys = keys.iter().map(|key| JoinKey {
            left: placed(&key.left, &left_places),
            right: placed(&key.right, &right_places),
            nulls_equal: key.nulls_equal,
        });
        let keys = keys.collect();
        let member = member.as_ref().map(|member| Member {
            left: placed(&member.left, &left_places),
            right: placed(&member.right, &right_places),
        });
        let places: Places = left_places.iter().chain(&right_places).cloned().collect();
        let residual = placed_all(residual, &places);
        let of_result = match kind {
            JoinKind::Mark => left_places.into_iter().chain([None]).collect(),
            kind if kind.has_right() => places,
            _ => left_places,
        };
        let merged = JoinOperator {
            kind: *kind,
            left: Arc::new(left),
            right: Arc::new(right),
            left_parts: *left_parts,
            right_parts: *right_parts,
            keys,
            member,
            residual,
            probe: None,
        };
        (Operator::Join(Box::new(merged)), of_result)
    }
}

/// The scan under filters.
fn scan_of(operator: &Operator) -> &Scan {
    match operator {
        Operator::Filter { input, .. } => scan_of(input),
        Operator::Scan(scan) => scan,
        other => unreachable!("{other:?} stands under no filter"),
    }
}

/// A column of a table as it is stored.
fn stored_column(scan: &Scan, column: ColumnIndex) -> ColumnRef {
    let schema = &scan.table.schema.columns[column.index()];
    let name = format!("{}.{}", scan.table.name, schema.name).into();
    ColumnRef::stored(column, &schema.ty, name, Position::START)
}
