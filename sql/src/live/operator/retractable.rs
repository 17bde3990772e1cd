//! Aggregates from which tuples can be taken away again.
//!
//! Counts and exact sums go down as they went up. The least and the greatest value, and texts, need to know what comes after
//! what goes, so all values are kept in their order. With DISTINCT a value counts from its first to its last occurrence.

use core::cmp::Ordering;
use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use hashbrown::HashMap;

use super::super::delta::Weight;
use crate::error::EvalError;
use crate::execute::accumulator::{average, fitted, float_total};
use crate::expr::call::check_length;
use crate::logical::{AggregateCall, AggregateFunction};
use crate::value::compare::{compare, encode_key};
use crate::value::float_sum::FloatSum;
use crate::value::{Datum, SqlType, decimal};

/// The state of one aggregate of one group.
#[derive(Debug)]
pub(crate) enum Retractable {
    Count(Weight),
    Sum {
        sum: Datum<'static>,
        count: Weight,
        /// How many values have a fraction of so many digits, 0 not counted: the sum shows as many as the longest.
        scales: BTreeMap<i64, Weight>,
    },
    FloatSum {
        sum: FloatSum,
        count: Weight,
    },
    /// Values in their order.
    Ordered(BTreeMap<Ordered, Weight>),
    Truth {
        trues: Weight,
        falses: Weight,
    },
    /// Values by their keys, and what is made of each once.
    Distinct {
        seen: HashMap<Box<[u8]>, Weight>,
        inner: Box<Retractable>,
    },
}

/// A value that is not null, by its place in the order of values.
#[derive(Debug)]
pub(crate) struct Ordered(Datum<'static>);

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

/// What an entry of a map takes, about.
const ENTRY_BYTES: usize = 64;

impl Retractable {
    pub(crate) fn new(call: &AggregateCall) -> Self {
        let inner = match (call.function, &call.ty) {
            (AggregateFunction::Count, _) => Retractable::Count(0),
            (AggregateFunction::Sum | AggregateFunction::Avg, SqlType::F32 | SqlType::F64) => {
                Retractable::FloatSum { sum: FloatSum::default(), count: 0 }
            }
            (AggregateFunction::Sum | AggregateFunction::Avg, _) => {
                Retractable::Sum { sum: Datum::Int(0), count: 0, scales: BTreeMap::new() }
            }
            (AggregateFunction::Min | AggregateFunction::Max | AggregateFunction::StringAgg, _) => {
                Retractable::Ordered(BTreeMap::new())
            }
            (AggregateFunction::BoolAnd | AggregateFunction::BoolOr, _) => {
                Retractable::Truth { trues: 0, falses: 0 }
            }
        };
        match call.distinct {
            true => Retractable::Distinct { seen: HashMap::new(), inner: Box::new(inner) },
            false => inner,
        }
    }

    /// What it takes before the first value.
    pub(crate) fn fixed_bytes(&self) -> usize {
        let beyond = match self {
            Retractable::Distinct { inner, .. } => inner.fixed_bytes(),
            _ => 0,
        };
        size_of::<Self>() + beyond
    }

    /// Takes a value in so many times, or away. By how many bytes it has grown, or shrunk.
    pub(crate) fn add(&mut self, value: Datum<'_>, times: Weight) -> Result<isize, EvalError> {
        if value.is_null() {
            return Ok(0);
        }
        match self {
            Retractable::Count(count) => *count += times,
            Retractable::Sum { sum, count, scales } => {
                *count += times;
                let all = decimal::multiply(&value, &Datum::Int(times.into()))?;
                *sum = decimal::add(sum, &all)?;
                if let Datum::Decimal(number) = &value {
                    change(scales, decimal::scale(number), times);
                }
            }
            Retractable::FloatSum { sum, count } => {
                *count += times;
                if let Datum::Float(number) = value {
                    return Ok(sum.add_times(number, times).cast_signed());
                }
            }
            Retractable::Ordered(values) => {
                let (before, bytes) = (values.len(), ENTRY_BYTES + value.heap_bytes());
                change(values, Ordered(value.into_owned()), times);
                return Ok(match values.len().cmp(&before) {
                    Ordering::Less => -bytes.cast_signed(),
                    Ordering::Equal => 0,
                    Ordering::Greater => bytes.cast_signed(),
                });
            }
            Retractable::Truth { trues, falses } => match value {
                Datum::Bool(true) => *trues += times,
                _ => *falses += times,
            },
            Retractable::Distinct { seen, inner } => {
                let mut key = Vec::new();
                encode_key(&value, &mut key);
                let bytes = (ENTRY_BYTES + key.len()).cast_signed();
                let count = seen.entry((*key).into()).or_insert(0);
                let before = *count;
                *count += times;
                let after = *count;
                if after == 0 {
                    seen.remove(&*key);
                }
                return Ok(match (before, after) {
                    (0, 0) => 0,
                    (0, _) => bytes + inner.add(value, 1)?,
                    (_, 0) => inner.add(value, -1)? - bytes,
                    _ => 0,
                });
            }
        }
        Ok(0)
    }

    /// The aggregate of all that is there.
    pub(crate) fn value(
        &self,
        call: &AggregateCall,
        separator: Option<&Datum<'_>>,
    ) -> Result<Datum<'static>, EvalError> {
        match self {
            Retractable::Count(count) => Ok(Datum::Int((*count).into())),
            Retractable::Sum { count: 0, .. } | Retractable::FloatSum { count: 0, .. } => {
                Ok(Datum::Null)
            }
            Retractable::Sum { sum, count, scales } => {
                let longest = scales.last_key_value().map_or(0, |(scale, _)| *scale);
                finish_sum(rescaled(sum, longest)?, *count, call)
            }
            Retractable::FloatSum { sum, count } => float_total(sum, count.unsigned_abs(), call),
            Retractable::Ordered(values) => match call.function {
                AggregateFunction::StringAgg => join_texts(values, separator),
                AggregateFunction::Min => Ok(owned(values.first_key_value())),
                _ => Ok(owned(values.last_key_value())),
            },
            Retractable::Truth { trues: 0, falses: 0 } => Ok(Datum::Null),
            Retractable::Truth { trues, falses } => Ok(Datum::Bool(match call.function {
                AggregateFunction::BoolAnd => *falses == 0,
                _ => *trues > 0,
            })),
            Retractable::Distinct { inner, .. } => inner.value(call, separator),
        }
    }
}

fn change<K: Ord>(map: &mut BTreeMap<K, Weight>, key: K, times: Weight) {
    match map.entry(key) {
        std::collections::btree_map::Entry::Vacant(place) => {
            if times != 0 {
                place.insert(times);
            }
        }
        std::collections::btree_map::Entry::Occupied(mut place) => {
            *place.get_mut() += times;
            if *place.get() == 0 {
                place.remove();
            }
        }
    }
}

fn owned(entry: Option<(&Ordered, &Weight)>) -> Datum<'static> {
    entry.map_or(Datum::Null, |(value, _)| value.0.clone())
}

/// A sum with as many digits after the point as the longest of its values had.
fn rescaled(sum: &Datum<'static>, scale: i64) -> Result<Datum<'static>, EvalError> {
    match sum {
        Datum::Int(_) if scale == 0 => Ok(sum.clone()),
        sum => decimal::datum(BigDecimal::with_scale(&decimal::of(sum), scale)),
    }
}

fn finish_sum(
    sum: Datum<'static>,
    count: Weight,
    call: &AggregateCall,
) -> Result<Datum<'static>, EvalError> {
    match call.function {
        AggregateFunction::Avg => average(&sum, count.unsigned_abs(), &call.ty),
        _ => fitted(sum, &call.ty),
    }
}

/// The texts in their order with the separator between them.
fn join_texts(
    values: &BTreeMap<Ordered, Weight>,
    separator: Option<&Datum<'_>>,
) -> Result<Datum<'static>, EvalError> {
    if values.is_empty() {
        return Ok(Datum::Null);
    }
    let separator = match separator {
        Some(Datum::Text(text)) => text,
        _ => "",
    };
    let texts = values.iter().flat_map(|(value, count)| {
        let text: &str = if let Datum::Text(text) = &value.0 { text } else { "" };
        std::iter::repeat_n(text, usize::try_from(*count).unwrap_or(0))
    });
    let mut joined = String::new();
    for (at, text) in texts.enumerate() {
        if at > 0 {
            joined.push_str(separator);
        }
        joined.push_str(text);
        check_length(joined.len())?;
    }
    Ok(Datum::text(joined))
}
