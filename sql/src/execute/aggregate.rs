//! Groups tuples by their keys, and drops repeated ones.
//!
//! Groups and tuples are found by the bytes of their keys ([`encode_key`]) and come out in the order in which they first
//! came in, so that two runs over one store give one answer. What is known of them borrows from no row.

use std::rc::Rc;

use super::accumulator::Accumulator;
use super::key_set::{KeySet, Place};
use super::{ENOUGH, Flow, MORE, Run, Sink};
use crate::error::SqlError;
use crate::expr::Expr;
use crate::expr::tuple::{Cell, Part};
use crate::logical::{AggregateCall, Output};
use crate::physical::{Operator, Phase};
use crate::value::Datum;
use crate::value::column::present_bytes;
use crate::value::compare::encode_key;

/// By what tuples are grouped, and what is gathered of each group.
#[derive(Clone, Copy)]
pub(crate) struct Grouping<'e> {
    pub(crate) keys: &'e [Output],
    pub(crate) calls: &'e [AggregateCall],
}

pub(super) fn run<'e>(
    input: &'e Operator,
    by: Grouping<'e>,
    phase: Phase,
    run: &Run<'e>,
    sink: &mut Sink<'_, 'e>,
) -> Result<Flow, SqlError> {
    let mut groups = Groups::new(by, run)?;
    let _ = match phase {
        Phase::Final => input.run(run, &mut |tuple| groups.combine(by, run, tuple).map(|()| MORE)),
        _ => input.run(run, &mut |tuple| groups.take(by, run, tuple).map(|()| MORE)),
    }?;
    for group in groups.into_groups() {
        let values = match phase {
            Phase::Partial => group.into_states(by.calls),
            _ => group.into_values(by.calls, run)?,
        };
        if sink(&[Part::Values(values.into())])?.is_break() {
            return Ok(ENOUGH);
        }
    }
    Ok(MORE)
}

#[derive(Debug)]
pub(crate) struct Groups {
    /// The bytes of the keys of each group, under its number.
    numbers: KeySet,
    groups: Vec<Group>,
    /// The bytes of the keys of the tuple at hand.
    scratch: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Group {
    keys: Vec<Datum<'static>>,
    accumulators: Vec<Accumulator>,
}

impl Groups {
    pub(crate) fn new(by: Grouping<'_>, run: &Run<'_>) -> Result<Self, SqlError> {
        let mut groups =
            Self { numbers: KeySet::default(), groups: Vec::new(), scratch: Vec::new() };
        if by.keys.is_empty() {
            // The one group exists even when nothing comes; nobody looks for it.
            groups.open(by, run, Vec::new(), 0)?;
        }
        Ok(groups)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(crate) fn into_groups(self) -> std::vec::IntoIter<Group> {
        self.groups.into_iter()
    }

    #[inline]
    pub(crate) fn take<'e>(
        &mut self,
        by: Grouping<'e>,
        run: &Run<'e>,
        tuple: &[Part<'e>],
    ) -> Result<(), SqlError> {
        let number = self.number(by, run, tuple)?;
        let group = &mut self.groups[number];
        for (accumulator, call) in group.accumulators.iter_mut().zip(by.calls) {
            let held = accumulator.add(call, |expr| run.value(expr, tuple))?;
            if held > 0 {
                run.budget.hold(held)?;
            }
        }
        Ok(())
    }

    /// Takes the states of a part's group into the group of the same keys.
    fn combine<'e>(
        &mut self,
        by: Grouping<'e>,
        run: &Run<'e>,
        tuple: &[Part<'e>],
    ) -> Result<(), SqlError> {
        let [Part::Carried(row)] = tuple else { unreachable!("states come from parts") };
        let number = self.number(by, run, tuple)?;
        let mut slots = by.keys.len()..;
        let mut state = || row.value(slots.next().unwrap_or(usize::MAX));
        let mut held = 0;
        for (accumulator, call) in self.groups[number].accumulators.iter_mut().zip(by.calls) {
            held += accumulator.combine(call, &mut state)?;
        }
        if held > 0 {
            run.budget.hold(held)?;
        }
        Ok(())
    }

    /// The number of the tuple's group.
    #[inline]
    fn number<'e>(
        &mut self,
        by: Grouping<'e>,
        run: &Run<'e>,
        tuple: &[Part<'e>],
    ) -> Result<usize, SqlError> {
        if by.keys.is_empty() {
            return Ok(0);
        }
        self.scratch.clear();
        for key in by.keys {
            encode_part(run, &key.expr, tuple, &mut self.scratch)?;
        }
        match self.numbers.find(&self.scratch) {
            Place::Known(number) => Ok(number),
            Place::New(hash) => {
                let keys = by.keys.iter().map(|key| Ok(run.value(&key.expr, tuple)?.into_owned()));
                let keys = keys.collect::<Result<Vec<_>, SqlError>>()?;
                self.open(by, run, keys, hash)
            }
        }
    }

    /// A group whose key is in the scratch.
    fn open(
        &mut self,
        by: Grouping<'_>,
        run: &Run<'_>,
        mut keys: Vec<Datum<'static>>,
        hash: u64,
    ) -> Result<usize, SqlError> {
        keys.reserve(by.calls.len());
        let accumulators: Vec<Accumulator> = by.calls.iter().map(Accumulator::new).collect();
        let values: usize = keys.iter().map(|key| size_of::<Datum<'_>>() + key.heap_bytes()).sum();
        let states = by.calls.len() * (size_of::<Accumulator>() + size_of::<Datum<'_>>());
        run.budget.hold(KeySet::ENTRY_BYTES + self.scratch.len() + values + states)?;
        self.groups.push(Group { keys, accumulators });
        Ok(self.numbers.add(hash, &self.scratch))
    }
}

impl Group {
    /// The keys, and what a merge needs of the aggregates.
    pub(crate) fn into_states(self, calls: &[AggregateCall]) -> Vec<Datum<'static>> {
        let mut values = self.keys;
        for (accumulator, call) in self.accumulators.into_iter().zip(calls) {
            accumulator.put_state(call, &mut values);
        }
        values
    }

    /// The keys and the aggregates.
    fn into_values<'e>(
        self,
        calls: &'e [AggregateCall],
        run: &Run<'e>,
    ) -> Result<Vec<Datum<'static>>, SqlError> {
        let mut values = self.keys;
        for (accumulator, call) in self.accumulators.into_iter().zip(calls) {
            let separator = match &call.separator {
                Some(separator) => run.value(separator, &[])?,
                None => Datum::Null,
            };
            values.push(accumulator.finish(call, &separator)?);
        }
        Ok(values)
    }
}

/// Appends the bytes of one key. A stored column whose equal values have equal bytes is not decoded; null is the same whether
/// it is stored or a join found nothing.
fn encode_part<'e>(
    run: &Run<'e>,
    expr: &'e Expr,
    tuple: &[Part<'e>],
    out: &mut Vec<u8>,
) -> Result<(), SqlError> {
    if let Expr::Column(column) = expr
        && !column.ty.is_float()
        && let Cell::Encoded(tail) = tuple[column.part].cell(column)
    {
        match present_bytes(column.is_option, tail) {
            Some(present) => {
                out.push(STORED_KEY);
                out.extend_from_slice(&present.len().to_le_bytes());
                out.extend_from_slice(present);
            }
            None => encode_key(&Datum::Null, out),
        }
        return Ok(());
    }
    encode_key(&run.value(expr, tuple)?, out);
    Ok(())
}

/// What the key of a stored column begins with: no value of an expression does.
const STORED_KEY: u8 = 255;

/// Tuples that came before.
#[derive(Debug, Default)]
pub(crate) struct Distinct {
    seen: KeySet,
    /// The bytes of the tuple at hand.
    scratch: Vec<u8>,
}

impl Distinct {
    /// The values of the tuple, if it is the first that has them.
    pub(crate) fn take<'e>(
        &mut self,
        values: &'e [Output],
        run: &Run<'e>,
        tuple: &[Part<'e>],
    ) -> Result<Option<Rc<[Datum<'e>]>>, SqlError> {
        self.scratch.clear();
        for value in values {
            encode_part(run, &value.expr, tuple, &mut self.scratch)?;
        }
        let Place::New(hash) = self.seen.find(&self.scratch) else { return Ok(None) };
        run.budget.hold(KeySet::ENTRY_BYTES + self.scratch.len())?;
        self.seen.add(hash, &self.scratch);
        let datums = values.iter().map(|value| run.value(&value.expr, tuple));
        Ok(Some(datums.collect::<Result<_, _>>()?))
    }
}

pub(super) fn run_distinct<'e>(
    input: &'e Operator,
    values: &'e [Output],
    run: &Run<'e>,
    sink: &mut Sink<'_, 'e>,
) -> Result<Flow, SqlError> {
    let mut distinct = Distinct::default();
    input.run(run, &mut |tuple| match distinct.take(values, run, tuple)? {
        Some(values) => sink(&[Part::Values(values)]),
        None => Ok(MORE),
    })
}
