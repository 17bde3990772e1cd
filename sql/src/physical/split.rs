//! Cuts a plan in two: the part that runs on each shard, over the rows that are there, and the merge of what the parts give.
//!
//! ```text
//!   one store          each shard             merge
//!   Top                                       Top
//!     Filter  HAVING                            Filter  HAVING
//!       Aggregate        Aggregate partial        Aggregate final
//!         Filter           Filter                   Gather
//!           Scan             Scan
//!
//!   Top                  Head                 Limit
//!     Filter               Filter               Gather  by the order of the parts
//!       Scan                 Scan
//! ```
//!
//! A plan of several tables is cut at each of them: see [`super::cut`].
//!
//! Invariants:
//! 1. What a merge evaluates of a tuple is what one store would: an expression that can fail is left to the merge where
//!    LIMIT or OFFSET may drop the tuple.
//! 2. Parts come in the order of `Gather`'s keys.
//! 3. With DISTINCT the slots of a carried row are its columns; with groups they are the keys, then the states of the calls.

use core::convert::Infallible;
use std::sync::Arc;

use cosmictron_storage::{Store, TableDef};

use super::{Operator, Phase, cut};
use crate::expr::{ColumnRef, Expr, column_index};
use crate::logical::{AggregateCall, AggregateFunction, Output, SortKey};
use crate::value::{Integer, SqlType};

/// A plan that was cut in two.
#[derive(Debug)]
pub(crate) struct Split {
    /// What runs where the rows are; at least one.
    pub(crate) streams: Vec<Stream>,
    /// Whether the merge takes parts one after the other and may stop before the last.
    pub(crate) takes_in_turn: bool,
    pub(crate) merge: Operator,
    /// The columns of the answer over the merge's tuples.
    pub(crate) output: Vec<Expr>,
}

/// Rows that each part gives.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) operator: Arc<Operator>,
    /// What is carried of each of its tuples, a slot each.
    pub(crate) carried: Vec<Expr>,
    /// How many slots, the first ones, make a row of the answer: each row that is carried makes one. `None` when rows may
    /// be dropped or put together; then they are the merge's to hold.
    pub(crate) answer_slots: Option<usize>,
}

impl Stream {
    /// Whether a store lacks the table because another one has it. A table that is nowhere is for the merge to find out.
    pub(crate) fn is_elsewhere(&self, store: &Store) -> bool {
        store.table(self.table().id).is_none()
    }

    /// Whose rows it is made of.
    pub(crate) fn table(&self) -> &Arc<TableDef> {
        let mut at = &self.operator;
        loop {
            match &**at {
                Operator::Scan(scan) => return &scan.table,
                Operator::CountRows { table, .. } => return table,
                other => at = other.input().expect("a stream is made of the rows of one table"),
            }
        }
    }
}

impl Split {
    /// `None` when the plan reads no table.
    pub(crate) fn of(operator: &Arc<Operator>, output: &[Expr]) -> Option<Split> {
        if !reads_table(operator) {
            return None;
        }
        if !is_of_one_table(operator) {
            return Some(cut::split(operator, output));
        }
        Some(match groups(operator) {
            Some((stream, merge)) => {
                let output = output.to_vec();
                Split { streams: vec![stream], takes_in_turn: false, merge, output }
            }
            None => Tail::of(operator).split(output),
        })
    }
}

fn reads_table(operator: &Operator) -> bool {
    match operator {
        Operator::Scan(_) | Operator::CountRows { .. } => true,
        other => other.inputs().into_iter().any(|input| reads_table(input)),
    }
}

/// Whether a plan is one aggregate or none, one DISTINCT or none, and what stands above them, over the rows of one table.
fn is_of_one_table(operator: &Operator) -> bool {
    match operator {
        Operator::Aggregate { input, calls, .. } => {
            calls.iter().all(AggregateCall::has_states) && is_filtered_scan(input)
        }
        Operator::CountRows { .. } => true,
        Operator::Distinct { input, .. } => is_filtered_scan(input) || is_aggregate(input),
        Operator::Filter { input, .. } => is_filtered_scan(operator) || is_aggregate(input),
        Operator::Sort { input, .. }
        | Operator::Top { input, .. }
        | Operator::Limit { input, .. } => is_of_one_table(input),
        other => is_filtered_scan(other),
    }
}

/// Filters above one aggregate.
fn is_aggregate(operator: &Operator) -> bool {
    match operator {
        Operator::Filter { input, .. } => is_aggregate(input),
        Operator::Aggregate { .. } | Operator::CountRows { .. } => is_of_one_table(operator),
        _ => false,
    }
}

/// Filters above one scan.
pub(super) fn is_filtered_scan(operator: &Operator) -> bool {
    match operator {
        Operator::Filter { input, .. } => is_filtered_scan(input),
        Operator::Scan(_) => true,
        _ => false,
    }
}

/// The part and the merge of a plan that groups: the aggregate is cut, what is above it merges.
fn groups(operator: &Operator) -> Option<(Stream, Operator)> {
    match operator {
        Operator::CountRows { .. } | Operator::Aggregate { .. } => Some(cut_aggregate(operator, 0)),
        other => {
            let (part, merge) = groups(other.input()?)?;
            Some((part, above(other, Arc::new(merge))?))
        }
    }
}

/// An aggregate in two: what makes the states of a part's groups, for a stream of this number, and what combines them.
pub(super) fn cut_aggregate(operator: &Operator, stream: usize) -> (Stream, Operator) {
    let gather = Arc::new(Operator::Gather { stream, keys: Vec::new() });
    let (part, merge) = match operator {
        Operator::CountRows { table, calls } => {
            let ty = SqlType::Int(Integer::I64);
            let call = AggregateCall {
                function: AggregateFunction::Count,
                argument: None,
                separator: None,
                distinct: false,
                filter: None,
                ty,
            };
            let (keys, calls_of_merge) = (Vec::new(), vec![call; *calls]);
            let part = Operator::CountRows { table: table.clone(), calls: *calls };
            (part, aggregate(gather, keys, calls_of_merge, Phase::Final))
        }
        Operator::Aggregate { input, keys, calls, .. } => {
            let part = aggregate(input.clone(), keys.clone(), calls.clone(), Phase::Partial);
            let carried = keys.iter().enumerate().map(|(slot, key)| carried_output(slot, key));
            (part, aggregate(gather, carried.collect(), calls.clone(), Phase::Final))
        }
        other => unreachable!("{other:?} is no aggregate"),
    };
    let carried = slots(state_slots(&part));
    (Stream { operator: Arc::new(part), carried, answer_slots: None }, merge)
}

fn aggregate(
    input: Arc<Operator>,
    keys: Vec<Output>,
    calls: Vec<AggregateCall>,
    phase: Phase,
) -> Operator {
    Operator::Aggregate { input, keys, calls, phase }
}

/// An operator above an aggregate, over another input of the same tuples.
fn above(operator: &Operator, input: Arc<Operator>) -> Option<Operator> {
    Some(match operator {
        Operator::Filter { predicates, .. } => {
            Operator::Filter { input, predicates: predicates.clone() }
        }
        Operator::Distinct { values, .. } => Operator::Distinct { input, values: values.clone() },
        Operator::Sort { keys, presorted, .. } => {
            Operator::Sort { input, keys: keys.clone(), presorted: *presorted }
        }
        Operator::Top { keys, presorted, limit, offset, .. } => Operator::Top {
            input,
            keys: keys.clone(),
            presorted: *presorted,
            limit: limit.clone(),
            offset: offset.clone(),
        },
        Operator::Limit { limit, offset, .. } => {
            Operator::Limit { input, limit: limit.clone(), offset: offset.clone() }
        }
        _ => return None,
    })
}

fn state_slots(part: &Operator) -> usize {
    match part {
        Operator::CountRows { calls, .. } => *calls,
        Operator::Aggregate { keys, calls, .. } => {
            let states = calls.iter().map(|call| call.function.state_slots());
            keys.len() + states.sum::<usize>()
        }
        _ => 0,
    }
}

impl AggregateCall {
    /// Whether groups of parts can be put together from their states. Of what needs every value, the rows are carried.
    pub(crate) fn has_states(&self) -> bool {
        !self.distinct && self.function != AggregateFunction::StringAgg
    }
}

impl AggregateFunction {
    /// Slots of the state of a group: a mean is a sum and a count.
    pub(crate) fn state_slots(self) -> usize {
        match self {
            AggregateFunction::Avg => 2,
            _ => 1,
        }
    }
}

fn slots(count: usize) -> Vec<Expr> {
    (0..count).map(|slot| slot_column(slot, SqlType::Bool, true, "")).collect()
}

/// The operators at the top of a plan without groups.
struct Tail<'o> {
    /// LIMIT and OFFSET.
    slice: Option<(Option<&'o Expr>, Option<&'o Expr>)>,
    keys: &'o [SortKey],
    /// In the order of how many of them the tuples come already.
    presorted: usize,
    distinct: Option<&'o [Output]>,
    /// What is below those that are above, DISTINCT among it.
    input: &'o Arc<Operator>,
}

impl<'o> Tail<'o> {
    fn of(operator: &'o Arc<Operator>) -> Self {
        let mut tail =
            Tail { slice: None, keys: &[], presorted: 0, distinct: None, input: operator };
        if let Operator::Limit { input, limit, offset } = &**tail.input {
            tail.slice = Some((limit.as_ref(), offset.as_ref()));
            tail.input = input;
        }
        match &**tail.input {
            Operator::Top { input, keys, presorted, limit, offset } => {
                tail.slice = Some((Some(limit), offset.as_ref()));
                (tail.keys, tail.presorted, tail.input) = (keys, *presorted, input);
            }
            Operator::Sort { input, keys, presorted } => {
                (tail.keys, tail.presorted, tail.input) = (keys, *presorted, input);
            }
            _ => {}
        }
        if let Operator::Distinct { values, .. } = &**tail.input {
            tail.distinct = Some(values);
        }
        tail
    }

    fn split(self, output: &[Expr]) -> Split {
        let mut carrier = Carrier::default();
        let mut output = output.to_vec();
        let answer_slots;
        let gathered;
        match self.distinct {
            Some(values) => {
                // Everything above refers to the values by their numbers, which are those of the slots.
                let slots = values.iter().enumerate();
                carrier.carried =
                    slots.map(|(slot, value)| carried_output(slot, value).expr).collect();
                answer_slots = None;
                gathered = self.keys.to_vec();
            }
            None => {
                let eager = self.slice.is_none();
                output.iter_mut().for_each(|expr| carrier.lift(expr, eager));
                answer_slots = eager.then_some(carrier.carried.len());
                gathered = self.order().iter().map(|key| carrier.key(key)).collect();
            }
        }
        let stream = Stream { operator: self.part(), carried: carrier.carried, answer_slots };
        Split {
            streams: vec![stream],
            takes_in_turn: self.slice.is_some() && gathered.is_empty(),
            merge: self.merge(gathered),
            output,
        }
    }

    /// The order of every part: the one that is sorted by, or the one that a sort was left out for.
    fn order(&self) -> &'o [SortKey] {
        if !self.keys.is_empty() {
            return self.keys;
        }
        let mut at = self.input;
        while let Some(input) = at.input() {
            at = input;
        }
        match &**at {
            Operator::Scan(scan) => &scan.order,
            _ => &[],
        }
    }

    fn part(&self) -> Arc<Operator> {
        let (input, keys, presorted) = (self.input.clone(), self.keys.to_vec(), self.presorted);
        match self.slice {
            Some((limit, offset)) => {
                let (limit, offset) = (limit.cloned(), offset.cloned());
                Arc::new(Operator::Head { input, keys, presorted, limit, offset })
            }
            None if keys.is_empty() => input,
            None => Arc::new(Operator::Sort { input, keys, presorted }),
        }
    }

    fn merge(&self, keys: Vec<SortKey>) -> Operator {
        let mut operator = Operator::Gather { stream: 0, keys };
        if let Some(values) = self.distinct {
            let values = values.iter().enumerate().map(|(slot, value)| carried_output(slot, value));
            operator = Operator::Distinct { input: Arc::new(operator), values: values.collect() };
        }
        if let Some((limit, offset)) = self.slice {
            let (limit, offset) = (limit.cloned(), offset.cloned());
            operator = Operator::Limit { input: Arc::new(operator), limit, offset };
        }
        operator
    }
}

/// Collects what has to be carried.
#[derive(Default)]
struct Carrier {
    carried: Vec<Expr>,
}

impl Carrier {
    /// Replaces what is carried by its slot: all that depends on the tuple, or, unless `eager`, as much of it as can't
    /// fail.
    fn lift(&mut self, expr: &mut Expr, eager: bool) {
        if expr.is_constant() {
            return;
        }
        if eager || !expr.can_fail() {
            *expr = self.carry(expr);
            return;
        }
        let Ok(()) = expr.children_mut(&mut |child| {
            self.lift(child, eager);
            Ok::<(), Infallible>(())
        });
    }

    fn key(&mut self, key: &SortKey) -> SortKey {
        SortKey { expr: self.carry(&key.expr), ..key.clone() }
    }

    /// What is the same is carried once.
    fn carry(&mut self, expr: &Expr) -> Expr {
        let known = self.carried.iter().position(|known| known == expr);
        let slot = known.unwrap_or_else(|| {
            self.carried.push(expr.clone());
            self.carried.len() - 1
        });
        match expr {
            Expr::Column(column) => {
                Expr::Column(ColumnRef { part: 0, column: column_index(slot), ..column.clone() })
            }
            // A computed value is carried in a form that says what it is.
            other => slot_column(slot, SqlType::Bool, true, &other.to_string()),
        }
    }
}

/// What DISTINCT and groups put out, once it is carried.
pub(super) fn carried_output(slot: usize, output: &Output) -> Output {
    let Output { name, expr, ty } = output;
    let column = slot_column(slot, ty.clone(), expr.is_nullable(), name);
    Output { name: name.clone(), expr: column, ty: ty.clone() }
}

fn slot_column(slot: usize, ty: SqlType, nullable: bool, name: &str) -> Expr {
    Expr::made_column(0, slot, ty, nullable, name)
}
