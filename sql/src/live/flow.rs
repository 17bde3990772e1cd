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

/// A query's operators with what they keep, exact as of one transaction.
///
/// The first change that it takes is that of all rows from nothing; what comes of it is the whole answer.
#[derive(Debug)]
pub struct Dataflow {
    plan: Arc<LivePlan>,
    params: Arc<Params>,
    states: Vec<State>,
    memory_bytes_max: u64,
    is_begun: bool,
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
        Ok(Self { plan, params, states, memory_bytes_max, is_begun: false })
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
    /// more use.
    ///
    /// # Errors
    ///
    /// What evaluating an expression can end in, or more memory than it may keep.
    pub fn apply(&mut self, changes: LeafChanges) -> Result<AnswerChanges, SqlError> {
        let plan = self.plan.clone();
        let mut leaves: Vec<Delta> = vec![Delta::new(); plan.leaves.len()];
        for (leaf, row, weight) in changes.rows {
            leaves[leaf].push((Tuple::of(row.0), weight));
        }
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        let mut deltas: Vec<Delta> = Vec::with_capacity(plan.operators.len());
        for (at, operator) in plan.operators.iter().enumerate() {
            let mut delta = self.step(at, operator, is_first, &mut leaves, &mut deltas)?;
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

    /// What one operator makes of the changes of those before it.
    fn step(
        &mut self,
        at: usize,
        operator: &Operator,
        is_first: bool,
        leaves: &mut [Delta],
        deltas: &mut [Delta],
    ) -> Result<Delta, SqlError> {
        let params = &*self.params;
        let input = |number: usize, deltas: &mut [Delta]| {
            std::mem::take(&mut deltas[operator.inputs[number]])
        };
        match (&operator.kind, &mut self.states[at]) {
            (Kind::Unit, _) if is_first => Ok(vec![(Tuple::none(), 1)]),
            (Kind::Unit, _) => Ok(Delta::new()),
            (Kind::Leaf(leaf), _) => Ok(std::mem::take(&mut leaves[*leaf])),
            (Kind::Filter(predicates), _) => filter(predicates, params, input(0, deltas)),
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
            (Kind::Window { .. }, State::Window(window)) => window.apply(params, &input(0, deltas)),
            (kind, state) => unreachable!("{kind:?} keeps no {state:?}"),
        }
    }
}
