//! Gathers the value of one aggregate over the tuples of a group.

use core::cmp::Ordering;
use std::collections::BTreeMap;

use super::key_set::{KeySet, Place};
use crate::error::EvalError;
use crate::expr::Expr;
use crate::expr::call::check_length;
use crate::logical::{AggregateCall, AggregateFunction};
use crate::value::compare::{compare, encode_key};
use crate::value::float_sum::FloatSum;
use crate::value::{Datum, Integer, SqlType, decimal};

/// What is known of an aggregate so far. It borrows from no row, so it may outlive a slice of an execution.
#[derive(Debug)]
pub(crate) enum Accumulator {
    Count(u64),
    /// The exact sum, and of how many values; null before the first.
    Sum {
        sum: Datum<'static>,
        count: u64,
    },
    /// The same of floats.
    FloatSum {
        sum: Box<FloatSum>,
        count: u64,
    },
    /// The least or the greatest so far; null before the first.
    Extreme {
        value: Datum<'static>,
        wanted: Ordering,
    },
    /// Whether all were true, or one was; `None` before the first. One that is `decisive` decides.
    Truth {
        truth: Option<bool>,
        decisive: bool,
    },
    /// Texts in their order, and how often each has come.
    Texts(BTreeMap<String, u64>),
    /// Takes each value once.
    Distinct(Box<DistinctValues>),
}

/// An accumulator of distinct values, and those that have come.
#[derive(Debug)]
pub(crate) struct DistinctValues {
    seen: KeySet,
    inner: Accumulator,
}

impl Accumulator {
    pub(crate) fn new(call: &AggregateCall) -> Self {
        let inner = Self::of_all(call);
        if !call.distinct {
            return inner;
        }
        Accumulator::Distinct(Box::new(DistinctValues { seen: KeySet::default(), inner }))
    }

    fn of_all(call: &AggregateCall) -> Self {
        match call.function {
            AggregateFunction::Count => Accumulator::Count(0),
            // Sums are exact, and are fitted to their type at the end: one that leaves the range on its way and comes back is
            // right.
            AggregateFunction::Sum | AggregateFunction::Avg => match call.ty {
                SqlType::F32 | SqlType::F64 => {
                    Accumulator::FloatSum { sum: Box::default(), count: 0 }
                }
                _ => Accumulator::Sum { sum: Datum::Null, count: 0 },
            },
            AggregateFunction::Min => {
                Accumulator::Extreme { value: Datum::Null, wanted: Ordering::Less }
            }
            AggregateFunction::Max => {
                Accumulator::Extreme { value: Datum::Null, wanted: Ordering::Greater }
            }
            AggregateFunction::BoolAnd => Accumulator::Truth { truth: None, decisive: false },
            AggregateFunction::BoolOr => Accumulator::Truth { truth: None, decisive: true },
            AggregateFunction::StringAgg => Accumulator::Texts(BTreeMap::new()),
        }
    }

    /// Takes in one tuple; how many more bytes are held since.
    #[inline]
    pub(crate) fn add<'e>(
        &mut self,
        call: &'e AggregateCall,
        value: impl Fn(&'e Expr) -> Result<Datum<'e>, EvalError>,
    ) -> Result<usize, EvalError> {
        if let Some(filter) = &call.filter
            && !matches!(value(filter)?, Datum::Bool(true))
        {
            return Ok(0);
        }
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
            Accumulator::Truth { truth, .. } => {
                out.push(truth.map_or(Datum::Null, Datum::Bool));
            }
            Accumulator::Texts(_) | Accumulator::Distinct(_) => {
                unreachable!("{call} is not gathered in parts")
            }
            Accumulator::Sum { sum, count } => put_sum(sum, count, call, out),
            Accumulator::FloatSum { count: 0, .. } => put_sum(Datum::Null, 0, call, out),
            Accumulator::FloatSum { sum, count } => put_sum(sum.into_state(), count, call, out),
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
            Accumulator::FloatSum { sum, count } => {
                let is_first = *count == 0;
                *count += tuples;
                let grown = match value {
                    Datum::Float(number) => sum.add(number),
                    Datum::Bytes(state) => sum.merge(FloatSum::of_state(&state)),
                    other => unreachable!("{other:?} is no float"),
                };
                return Ok(if is_first { size_of::<FloatSum>() + grown } else { grown });
            }
            Accumulator::Sum { sum, count } => {
                *count += tuples;
                if let (Datum::Int(sum), Datum::Int(value)) = (&mut *sum, &value)
                    && let Some(next) = sum.checked_add(*value)
                {
                    *sum = next;
                    return Ok(0);
                }
                *sum = match &*sum {
                    Datum::Null => value.into_owned(),
                    sum => decimal::add(sum, &value)?,
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
            other => return other.gather_rarely(value),
        }
        Ok(0)
    }

    /// As [`Accumulator::gather`], for what is not asked so often.
    fn gather_rarely(&mut self, value: Datum<'_>) -> Result<usize, EvalError> {
        match (self, value) {
            (Accumulator::Truth { truth, decisive }, Datum::Bool(value)) => {
                if *truth != Some(*decisive) {
                    *truth = Some(value);
                }
                Ok(0)
            }
            (Accumulator::Texts(texts), Datum::Text(text)) => {
                if let Some(times) = texts.get_mut(&*text) {
                    *times += 1;
                    return Ok(0);
                }
                let held = 3 * size_of::<(String, u64)>() + text.len();
                texts.insert(text.into_owned(), 1);
                Ok(held)
            }
            (Accumulator::Distinct(distinct), value) => {
                let mut key = Vec::new();
                encode_key(&value, &mut key);
                let Place::New(hash) = distinct.seen.find(&key) else { return Ok(0) };
                distinct.seen.add(hash, &key);
                let held = distinct.inner.gather(value, 1)?;
                Ok(held + KeySet::ENTRY_BYTES + key.len())
            }
            (state, value) => unreachable!("{state:?} does not gather {value:?}"),
        }
    }

    /// `call` is the one that this was made for, `separator` the value of its.
    pub(crate) fn finish(
        self,
        call: &AggregateCall,
        separator: &Datum<'_>,
    ) -> Result<Datum<'static>, EvalError> {
        match self {
            Accumulator::Distinct(distinct) => distinct.inner.finish(call, separator),
            Accumulator::Truth { truth, .. } => Ok(truth.map_or(Datum::Null, Datum::Bool)),
            Accumulator::Texts(texts) => joined(&texts, separator),
            Accumulator::Count(count) => Ok(Datum::Int(count.into())),
            Accumulator::Extreme { value, .. } => Ok(value),
            Accumulator::Sum { sum: Datum::Null, .. } | Accumulator::FloatSum { count: 0, .. } => {
                Ok(Datum::Null)
            }
            Accumulator::FloatSum { sum, count } => float_total(&sum, count, call),
            Accumulator::Sum { sum, count } => match call.function {
                AggregateFunction::Avg => average(&sum, count, &call.ty),
                _ => fitted(sum, &call.ty),
            },
        }
    }
}

fn joined(
    texts: &BTreeMap<String, u64>,
    separator: &Datum<'_>,
) -> Result<Datum<'static>, EvalError> {
    if texts.is_empty() {
        return Ok(Datum::Null);
    }
    let separator = match separator {
        Datum::Text(separator) => separator,
        _ => "",
    };
    let mut joined = String::new();
    let mut is_first = true;
    for (text, times) in texts {
        for _ in 0..*times {
            check_length(joined.len() + separator.len() + text.len())?;
            if !is_first {
                joined.push_str(separator);
            }
            joined.push_str(text);
            is_first = false;
        }
    }
    Ok(Datum::text(joined))
}

/// The count in a state.
fn tally(state: &Datum<'_>) -> u64 {
    match state {
        Datum::Int(count) => u64::try_from(*count).expect("a count is the one of an accumulator"),
        other => unreachable!("{other:?} is no count"),
    }
}

/// A sum whose type is an integer or a duration has to fit into it.
pub(crate) fn fitted(sum: Datum<'static>, ty: &SqlType) -> Result<Datum<'static>, EvalError> {
    let fits = match (ty, &sum) {
        (SqlType::Int(_) | SqlType::Duration, Datum::Int(value)) => Integer::I64.holds(*value),
        (SqlType::Int(_) | SqlType::Duration, _) => false,
        _ => true,
    };
    if fits { Ok(sum) } else { Err(EvalError::OutOfRange { type_name: ty.static_name() }) }
}

/// The sum of so many floats, or their mean; one beyond what a float holds is an error.
pub(crate) fn float_total(
    sum: &FloatSum,
    count: u64,
    call: &AggregateCall,
) -> Result<Datum<'static>, EvalError> {
    let total = match call.ty {
        #[expect(clippy::cast_possible_truncation, reason = "a sum of f32 is one")]
        SqlType::F32 => f64::from(sum.value() as f32),
        _ => sum.value(),
    };
    if total.is_infinite() && !sum.has_endless() {
        return Err(EvalError::OutOfRange { type_name: call.ty.static_name() });
    }
    Ok(Datum::Float(match call.function {
        AggregateFunction::Avg => total / count as f64,
        _ => total,
    }))
}

fn put_sum(sum: Datum<'static>, count: u64, call: &AggregateCall, out: &mut Vec<Datum<'static>>) {
    out.push(sum);
    if call.function == AggregateFunction::Avg {
        out.push(Datum::Int(count.into()));
    }
}

/// The mean of exact values.
pub(crate) fn average(
    sum: &Datum<'_>,
    count: u64,
    ty: &SqlType,
) -> Result<Datum<'static>, EvalError> {
    let average = decimal::divide(sum, &Datum::Int(count.into()))?;
    match ty {
        SqlType::Duration => decimal::round(&average, 0),
        _ => Ok(average),
    }
}
