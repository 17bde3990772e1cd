//! Gathers the value of one aggregate over the tuples of a group.

use core::cmp::Ordering;

use crate::error::EvalError;
use crate::expr::Expr;
use crate::expr::arithmetic::{self, Arithmetic, Domain};
use crate::logical::{AggregateCall, AggregateFunction};
use crate::value::compare::compare;
use crate::value::{Datum, Integer, SqlType, decimal};

/// What is known of an aggregate so far. It borrows from no row, so it may outlive a slice of an execution.
#[derive(Debug)]
pub(crate) enum Accumulator {
    Count(u64),
    /// The sum, and of how many values; null before the first.
    Sum {
        sum: Datum<'static>,
        count: u64,
        domain: Domain,
    },
    /// The least or the greatest so far; null before the first.
    Extreme {
        value: Datum<'static>,
        wanted: Ordering,
    },
}

impl Accumulator {
    pub(crate) fn new(call: &AggregateCall) -> Self {
        match call.function {
            AggregateFunction::Count => Accumulator::Count(0),
            AggregateFunction::Sum | AggregateFunction::Avg => {
                // Sums of integers are exact, and are fitted to their type at the end: one that leaves the range on its
                // way and comes back is right.
                let domain = match call.ty {
                    SqlType::F32 => Domain::Float32,
                    SqlType::F64 => Domain::Float64,
                    _ => Domain::Exact,
                };
                Accumulator::Sum { sum: Datum::Null, count: 0, domain }
            }
            AggregateFunction::Min => {
                Accumulator::Extreme { value: Datum::Null, wanted: Ordering::Less }
            }
            AggregateFunction::Max => {
                Accumulator::Extreme { value: Datum::Null, wanted: Ordering::Greater }
            }
        }
    }

    /// Takes in one tuple; how many more bytes are held since.
    #[inline]
    pub(crate) fn add<'e>(
        &mut self,
        call: &'e AggregateCall,
        value: impl Fn(&'e Expr) -> Result<Datum<'e>, EvalError>,
    ) -> Result<usize, EvalError> {
        let value = match &call.argument {
            Some(argument) => value(argument)?,
            None => Datum::Bool(true),
        };
        self.gather(value, 1)
    }

    /// Takes in the state of another accumulator of the same call, as [`Accumulator::put_state`] gave it; how many more
    /// bytes are held since.
    pub(crate) fn combine<'e>(
        &mut self,
        call: &AggregateCall,
        state: &mut impl FnMut() -> Datum<'e>,
    ) -> Result<usize, EvalError> {
        let value = state();
        match call.function {
            AggregateFunction::Count => self.gather(Datum::Bool(true), tally(&value)),
            AggregateFunction::Avg => {
                let count = tally(&state());
                self.gather(value, count)
            }
            _ => self.gather(value, 1),
        }
    }

    /// What another accumulator needs to go on from here. Sums are not yet fitted to their type.
    pub(crate) fn put_state(self, call: &AggregateCall, out: &mut Vec<Datum<'static>>) {
        match self {
            Accumulator::Count(count) => out.push(Datum::Int(count.into())),
            Accumulator::Extreme { value, .. } => out.push(value),
            Accumulator::Sum { sum, count, .. } => {
                out.push(sum);
                if call.function == AggregateFunction::Avg {
                    out.push(Datum::Int(count.into()));
                }
            }
        }
    }

    /// Takes in a value that stands for so many tuples.
    // Called for each row of a scan: a call of its own costs sums a tenth and more.
    #[inline(always)]
    fn gather(&mut self, value: Datum<'_>, tuples: u64) -> Result<usize, EvalError> {
        if value.is_null() {
            return Ok(0);
        }
        match self {
            Accumulator::Count(count) => *count += tuples,
            Accumulator::Sum { sum, count, domain } => {
                *count += tuples;
                if let (Datum::Int(sum), Datum::Int(value)) = (&mut *sum, &value)
                    && let Some(next) = sum.checked_add(*value)
                {
                    *sum = next;
                    return Ok(0);
                }
                *sum = match &*sum {
                    Datum::Null => value.into_owned(),
                    sum => arithmetic::apply(Arithmetic::Add, *domain, sum, &value)?,
                };
            }
            Accumulator::Extreme { value: best, wanted } => {
                if let (Datum::Int(best), Datum::Int(value)) = (&mut *best, &value) {
                    if value.cmp(best) == *wanted {
                        *best = *value;
                    }
                    return Ok(0);
                }
                if best.is_null() || compare(&value, best) == *wanted {
                    let held = value.heap_bytes().saturating_sub(best.heap_bytes());
                    *best = value.into_owned();
                    return Ok(held);
                }
            }
        }
        Ok(0)
    }

    /// `call` is the one that this was made for.
    pub(crate) fn finish(self, call: &AggregateCall) -> Result<Datum<'static>, EvalError> {
        match self {
            Accumulator::Count(count) => Ok(Datum::Int(count.into())),
            Accumulator::Extreme { value, .. } => Ok(value),
            Accumulator::Sum { sum: Datum::Null, .. } => Ok(Datum::Null),
            Accumulator::Sum { sum, count, .. } => match call.function {
                AggregateFunction::Avg => average(&sum, count, &call.ty),
                _ => fitted(sum, &call.ty),
            },
        }
    }
}

/// The count in a state.
fn tally(state: &Datum<'_>) -> u64 {
    match state {
        Datum::Int(count) => u64::try_from(*count).expect("a count is the one of an accumulator"),
        other => unreachable!("{other:?} is no count"),
    }
}

/// A sum whose type is an integer or a duration has to fit into it.
fn fitted(sum: Datum<'static>, ty: &SqlType) -> Result<Datum<'static>, EvalError> {
    let fits = match (ty, &sum) {
        (SqlType::Int(_) | SqlType::Duration, Datum::Int(value)) => Integer::I64.holds(*value),
        (SqlType::Int(_) | SqlType::Duration, _) => false,
        _ => true,
    };
    if fits { Ok(sum) } else { Err(EvalError::OutOfRange { type_name: ty.static_name() }) }
}

fn average(sum: &Datum<'_>, count: u64, ty: &SqlType) -> Result<Datum<'static>, EvalError> {
    if let Datum::Float(sum) = sum {
        return Ok(Datum::Float(sum / count as f64));
    }
    let average = decimal::divide(sum, &Datum::Int(count.into()))?;
    match ty {
        SqlType::Duration => decimal::round(&average, 0),
        _ => Ok(average),
    }
}
