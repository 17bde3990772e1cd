//! Operators over changes, each with what it keeps.

pub(super) mod aggregate;
pub(super) mod distinct;
pub(super) mod join;
pub(super) mod retractable;
pub(super) mod temporal;
pub(super) mod window;

use super::delta::{Delta, Weight};
use super::temporal::Bound;
use super::tuple::{KeptPart, Tuple};
use crate::error::{EvalError, SqlError};
use crate::expr::Expr;
use crate::expr::evaluate::Inputs;
use crate::expr::tuple::Part;
use crate::logical::{AggregateCall, JoinKind, SortKey};
use crate::params::Params;
use crate::value::Datum;
use aggregate::Groups;
use distinct::Members;
use join::JoinState;
use temporal::TemporalFilter;
use window::Window;

pub(super) use join::Conditions;
pub(super) use window::Spare;

/// One operator, and the numbers of those that it takes from.
#[derive(Debug)]
pub(crate) struct Operator {
    pub(super) kind: Kind,
    pub(super) inputs: Vec<usize>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// One tuple without parts.
    Unit,
    Leaf(usize),
    Filter(Vec<Expr>),
    /// Those that pass at the time.
    Temporal(Vec<Bound>),
    Project(Vec<Expr>),
    Join {
        kind: JoinKind,
        conditions: Conditions,
        left_parts: usize,
        right_parts: usize,
    },
    Aggregate {
        keys: Vec<Expr>,
        calls: Vec<AggregateCall>,
    },
    Distinct(Vec<Expr>),
    Union,
    Window {
        keys: Vec<SortKey>,
        limit: Option<Expr>,
        offset: Option<Expr>,
        /// The leaf that it stands upon, if nothing is between them; then that need not be kept whole.
        upon: Option<(usize, Spare)>,
    },
}

/// What an operator keeps from one change to the next. Boxed: most operators of most queries keep nothing.
#[derive(Debug)]
pub(super) enum State {
    /// A linear operator keeps nothing.
    None,
    Temporal(Box<TemporalFilter>),
    Join(Box<JoinState>),
    Groups(Box<Groups>),
    Members(Box<Members>),
    Window(Box<Window>),
}

impl Kind {
    pub(super) fn is_stateful(&self) -> bool {
        matches!(
            self,
            Kind::Temporal(_)
                | Kind::Join { .. }
                | Kind::Aggregate { .. }
                | Kind::Distinct(_)
                | Kind::Window { .. }
        )
    }

    pub(super) fn state(&self, params: &Params) -> Result<State, SqlError> {
        Ok(match self {
            Kind::Unit | Kind::Leaf(_) | Kind::Filter(_) | Kind::Project(_) | Kind::Union => {
                State::None
            }
            Kind::Temporal(_) => State::Temporal(Box::default()),
            Kind::Join { .. } => State::Join(Box::default()),
            Kind::Aggregate { .. } => State::Groups(Box::default()),
            Kind::Distinct(_) => State::Members(Box::default()),
            Kind::Window { keys, limit, offset, upon } => {
                let spare = upon.map(|(_, spare)| spare);
                let window = Window::new(keys, limit.as_ref(), offset.as_ref(), spare, params)?;
                State::Window(Box::new(window))
            }
        })
    }
}

impl State {
    /// Bytes that are kept, about.
    pub(super) fn bytes(&self) -> usize {
        match self {
            State::None => 0,
            State::Temporal(filter) => filter.bytes(),
            State::Join(state) => state.bytes(),
            State::Groups(groups) => groups.bytes(),
            State::Members(members) => members.bytes(),
            State::Window(window) => window.bytes(),
        }
    }
}

/// The tuples of a change for which all predicates are true.
pub(super) fn filter(
    predicates: &[Expr],
    params: &Params,
    mut delta: Delta,
) -> Result<Delta, SqlError> {
    let mut failed = None;
    delta.retain(|(tuple, _)| match passes(predicates, params, &tuple.parts()) {
        Ok(passes) => passes,
        Err(error) => {
            failed = Some(error);
            false
        }
    });
    failed.map_or(Ok(delta), |error| Err(error.into()))
}

pub(super) fn project(values: &[Expr], params: &Params, delta: &Delta) -> Result<Delta, SqlError> {
    let project = |(tuple, weight): &(Tuple, Weight)| {
        Ok((Tuple::of(compute(values, params, &tuple.parts())?), *weight))
    };
    delta.iter().map(project).collect()
}

/// Whether all predicates are true of a tuple.
pub(super) fn passes(
    predicates: &[Expr],
    params: &Params,
    tuple: &[Part<'_>],
) -> Result<bool, EvalError> {
    for predicate in predicates {
        if predicate.truth(Inputs { tuple, params })? != Some(true) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A part of these values of a tuple.
fn compute(values: &[Expr], params: &Params, tuple: &[Part<'_>]) -> Result<KeptPart, SqlError> {
    let values = values.iter().map(|value| value.evaluate(Inputs { tuple, params }));
    let values: Vec<Datum<'_>> = values.collect::<Result<_, EvalError>>()?;
    KeptPart::of_values(&values)
}
