//! One live query with its parameters, and all that it keeps.

use std::sync::Arc;

use super::compile::LivePlan;
use super::delta::{Delta, consolidate};
use super::leaf::LeafRow;
use super::operator::aggregate::Grouping;
use super::operator::join::JoinRun;
use super::operator::{Kind, Operator, State, filter, project};
use super::output::AnswerChanges;
use super::tuple::Tuple;
use crate::error::{Resource, SqlError};
use crate::params::Params;
use cosmictron_types::Timestamp;

/// A query's operators with what they keep, exact as of one transaction and one time.
///
/// The first change that it takes is that of all rows from nothing; what comes of it is the whole answer.
#[derive(Debug)]
pub struct Dataflow {
    plan: Arc<LivePlan>,
    params: Arc<Params>,
    states: Vec<State>,
    memory_bytes_max: u64,
    is_begun: bool,
    /// What `now()` is.
    now: Timestamp,
}

/// What the operators are run for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// The first change, from nothing to all rows.
    First,
    Change,
    /// Rows that were read for windows that lack some.
    Fill,
}

/// What became of the rows of one leaf.
#[derive(Clone, Debug, Default)]
pub struct LeafChanges {
    /// By the number of the leaf: rows, and by how much more often they are there.
    rows: Vec<(usize, LeafRow, i64)>,
}

impl LeafChanges {
    /// Adds one change. `leaf` is a place among [`LivePlan::leaves`].
    pub fn push(&mut self, leaf: usize, row: LeafRow, weight: i64) {
        self.rows.push((leaf, row, weight));
    }

    pub(super) fn from_rows(rows: Vec<(usize, LeafRow, i64)>) -> Self {
        Self { rows }
    }

    pub(super) fn into_rows(self) -> Vec<(usize, LeafRow, i64)> {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Puts those of another behind these.
    pub fn append(&mut self, other: LeafChanges) {
        self.rows.extend(other.rows);
    }

    /// Bytes that they take, about.
    pub fn bytes(&self) -> usize {
        self.rows.iter().map(|(_, row, _)| row.bytes()).sum()
    }
}

impl Dataflow {
    /// Of no rows yet. It keeps no more than so many bytes.
    ///
    /// # Errors
    ///
    /// A LIMIT or OFFSET that is none.
    pub fn new(
        plan: Arc<LivePlan>,
        params: Arc<Params>,
        memory_bytes_max: u64,
    ) -> Result<Self, SqlError> {
        let states = plan.operators.iter().map(|operator| operator.kind.state(&params));
        let states = states.collect::<Result<_, _>>()?;
        let now = params.now();
        Ok(Self { plan, params, states, memory_bytes_max, is_begun: false, now })
    }

    pub fn plan(&self) -> &Arc<LivePlan> {
        &self.plan
    }

    pub fn params(&self) -> &Arc<Params> {
        &self.params
    }

    /// Bytes that it keeps, about.
    pub fn bytes(&self) -> usize {
        self.states.iter().map(State::bytes).sum()
    }

    /// Takes what one transaction has changed, and gives what that changes in the answer. After an error the dataflow is of no
    /// more use. That is not all as long as it [lacks](Dataflow::lacking) rows.
    ///
    /// # Errors
    ///
    /// What evaluating an expression can end in, or more memory than it may keep.
    pub fn apply(&mut self, changes: LeafChanges) -> Result<AnswerChanges, SqlError> {
        self.apply_at(changes, self.now)
    }

    /// As [`Dataflow::apply`], and goes on to a time; where it is there or further already, it stays.
    ///
    /// # Errors
    ///
    /// As of [`Dataflow::apply`].
    pub fn apply_at(
        &mut self,
        changes: LeafChanges,
        now: Timestamp,
    ) -> Result<AnswerChanges, SqlError> {
        self.now = self.now.max(now);
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        self.pass(if is_first { Pass::First } else { Pass::Change }, changes)
    }

    /// The leaves of which it has to be [given](Dataflow::fill) what there is as of the transaction that it took last, before
    /// it takes the next one. Where only the first rows in an order matter it does not keep them all, and so many may have
    /// gone that it does not know which come next.
    pub fn lacking(&self) -> Vec<usize> {
        let operators = self.plan.operators.iter().zip(&self.states);
        let dry = operators.filter_map(|(operator, state)| match (&operator.kind, state) {
            (Kind::Window { upon: Some((leaf, _)), .. }, State::Window(window)) => {
                window.is_dry().then_some(*leaf)
            }
            _ => None,
        });
        dry.collect()
    }

    /// Takes the rows of the leaves that it lacked; what that changes in the answer belongs to the last transaction.
    ///
    /// # Errors
    ///
    /// As of [`Dataflow::apply`].
    pub fn fill(&mut self, rows: LeafChanges) -> Result<AnswerChanges, SqlError> {
        self.pass(Pass::Fill, rows)
    }

    fn pass(&mut self, pass: Pass, changes: LeafChanges) -> Result<AnswerChanges, SqlError> {
        let plan = self.plan.clone();
        let mut leaves: Vec<Delta> = vec![Delta::new(); plan.leaves.len()];
        for (leaf, row, weight) in changes.rows {
            leaves[leaf].push((Tuple::of(row.0), weight));
        }
        let mut deltas: Vec<Delta> = Vec::with_capacity(plan.operators.len());
        for (at, operator) in plan.operators.iter().enumerate() {
            let mut delta = self.step(at, operator, pass, &mut leaves, &mut deltas)?;
            consolidate(&mut delta);
            deltas.push(delta);
        }
        let bytes = self.bytes() as u64;
        if bytes > self.memory_bytes_max {
            return Err(SqlError::Exhausted { what: Resource::Memory, max: self.memory_bytes_max });
        }
        let delta = deltas.pop().expect("there is always an operator");
        Ok(AnswerChanges::new(plan, self.params.clone(), delta))
    }

    /// What `now()` is.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// When the answer changes by time alone, at the earliest.
    pub fn next_instant(&self) -> Option<Timestamp> {
        let next = self.states.iter().filter_map(|state| match state {
            State::Temporal(filter) => filter.next(),
            _ => None,
        });
        next.min().map(Timestamp::from_micros)
    }

    /// What one operator makes of the changes of those before it.
    fn step(
        &mut self,
        at: usize,
        operator: &Operator,
        pass: Pass,
        leaves: &mut [Delta],
        deltas: &mut [Delta],
    ) -> Result<Delta, SqlError> {
        let (params, now) = (&*self.params, self.now.as_micros());
        let input = |number: usize, deltas: &mut [Delta]| {
            std::mem::take(&mut deltas[operator.inputs[number]])
        };
        match (&operator.kind, &mut self.states[at]) {
            (Kind::Unit, _) if pass == Pass::First => Ok(vec![(Tuple::none(), 1)]),
            (Kind::Unit, _) => Ok(Delta::new()),
            (Kind::Leaf(leaf), _) => Ok(std::mem::take(&mut leaves[*leaf])),
            (Kind::Filter(predicates), _) => filter(predicates, params, input(0, deltas)),
            (Kind::Temporal(bounds), State::Temporal(filter)) => {
                filter.apply(bounds, params, now, input(0, deltas))
            }
            (Kind::Project(values), _) => project(values, params, &input(0, deltas)),
            (Kind::Join { kind, conditions, left_parts, right_parts }, State::Join(state)) => {
                let (kind, left_parts, right_parts) = (*kind, *left_parts, *right_parts);
                let run = JoinRun { kind, conditions, left_parts, right_parts, params };
                let (left, right) = (input(0, deltas), input(1, deltas));
                state.apply(run, &left, &right)
            }
            (Kind::Aggregate { keys, calls }, State::Groups(groups)) => {
                groups.apply(Grouping { keys, calls, params }, &input(0, deltas))
            }
            (Kind::Distinct(values), State::Members(members)) => {
                members.apply(values, params, &input(0, deltas))
            }
            (Kind::Union, _) => {
                let inputs = (0..operator.inputs.len()).map(|number| input(number, deltas));
                Ok(inputs.flatten().collect())
            }
            (Kind::Window { .. }, State::Window(window)) => {
                let is_filled = match pass {
                    Pass::First => window.is_filled(),
                    Pass::Change => false,
                    Pass::Fill => window.is_dry(),
                };
                match is_filled {
                    true => window.fill(params, &input(0, deltas)),
                    false => window.apply(params, &input(0, deltas)),
                }
            }
            (kind, state) => unreachable!("{kind:?} keeps no {state:?}"),
        }
    }
}
