//! Groups tuples by their keys, and drops repeated ones.
//!
//! Groups and tuples are found by the bytes of their keys ([`encode_key`]) and come out in the order in which they first
//! came in, so that two runs over one store give one answer.

use hashbrown::{HashMap, HashSet};

use super::accumulator::Accumulator;
use super::{ENOUGH, Flow, MORE, Run, Sink};
use crate::error::SqlError;
use crate::expr::Expr;
use crate::expr::tuple::{Cell, Part};
use crate::logical::{AggregateCall, Output};
use crate::physical::{Operator, Phase};
use crate::value::Datum;
use crate::value::compare::encode_key;

/// What an entry of a hash table takes beyond its key, roughly.
const ENTRY_BYTES: usize = 64;

pub(super) fn run<'e>(
    input: &'e Operator,
    keys: &'e [Output],
    calls: &'e [AggregateCall],
    phase: Phase,
    run: &Run<'e>,
    sink: &mut Sink<'_, 'e>,
) -> Result<Flow, SqlError> {
    let mut groups = Groups { keys, calls, numbers: HashMap::new(), groups: Vec::new() };
    let mut scratch = Vec::new();
    if keys.is_empty() {
        // The one group exists even when nothing comes.
        groups.open(run, &[], &[])?;
    }
    let _ = match phase {
        Phase::Final => input.run(run, &mut |tuple| {
            groups.combine(run, tuple, &mut scratch)?;
            Ok(MORE)
        })?,
        _ => input.run(run, &mut |tuple| groups.take(run, tuple, &mut scratch).map(|()| MORE))?,
    };
    for group in groups.groups {
        let mut values = group.keys;
        for (accumulator, call) in group.accumulators.into_iter().zip(calls) {
            match phase {
                Phase::Partial => accumulator.put_state(call, &mut values),
                _ => values.push(accumulator.finish(call)?),
            }
        }
        if sink(&[Part::Values(values.into())])?.is_break() {
            return Ok(ENOUGH);
        }
    }
    Ok(MORE)
}

struct Groups<'e> {
    keys: &'e [Output],
    calls: &'e [AggregateCall],
    /// A group's number by the bytes of its keys.
    numbers: HashMap<Box<[u8]>, usize>,
    groups: Vec<Group<'e>>,
}

struct Group<'e> {
    keys: Vec<Datum<'e>>,
    accumulators: Vec<Accumulator<'e>>,
}

impl<'e> Groups<'e> {
    fn take(
        &mut self,
        run: &Run<'e>,
        tuple: &[Part<'e>],
        scratch: &mut Vec<u8>,
    ) -> Result<(), SqlError> {
        let number = self.number(run, tuple, scratch)?;
        let group = &mut self.groups[number];
        for (accumulator, call) in group.accumulators.iter_mut().zip(self.calls) {
            let held = accumulator.add(call, |expr| run.value(expr, tuple))?;
            if held > 0 {
                run.budget.hold(held)?;
            }
        }
        Ok(())
    }

    /// Takes the states of a part's group into the group of the same keys.
    fn combine(
        &mut self,
        run: &Run<'e>,
        tuple: &[Part<'e>],
        scratch: &mut Vec<u8>,
    ) -> Result<(), SqlError> {
        let [Part::Carried(row)] = tuple else { unreachable!("states come from parts") };
        let number = self.number(run, tuple, scratch)?;
        let mut slots = self.keys.len()..;
        let mut state = || row.value(slots.next().unwrap_or(usize::MAX));
        let mut held = 0;
        for (accumulator, call) in self.groups[number].accumulators.iter_mut().zip(self.calls) {
            held += accumulator.combine(call, &mut state)?;
        }
        if held > 0 {
            run.budget.hold(held)?;
        }
        Ok(())
    }

    /// The number of the tuple's group.
    #[inline]
    fn number(
        &mut self,
        run: &Run<'e>,
        tuple: &[Part<'e>],
        scratch: &mut Vec<u8>,
    ) -> Result<usize, SqlError> {
        if self.keys.is_empty() {
            return Ok(0);
        }
        scratch.clear();
        for key in self.keys {
            encode_part(run, &key.expr, tuple, scratch)?;
        }
        match self.numbers.get(&**scratch) {
            Some(number) => Ok(*number),
            None => self.open(run, tuple, scratch),
        }
    }

    fn open(&mut self, run: &Run<'e>, tuple: &[Part<'e>], key: &[u8]) -> Result<usize, SqlError> {
        let keys = self.keys.iter().map(|key| run.value(&key.expr, tuple));
        let mut keys = keys.collect::<Result<Vec<_>, _>>()?;
        keys.reserve(self.calls.len());
        let accumulators: Vec<Accumulator<'e>> = self.calls.iter().map(Accumulator::new).collect();
        let values: usize = keys.iter().map(|key| size_of::<Datum<'_>>() + key.heap_bytes()).sum();
        let states = self.calls.len() * (size_of::<Accumulator<'_>>() + size_of::<Datum<'_>>());
        run.budget.hold(ENTRY_BYTES + 2 * key.len() + values + states)?;
        self.numbers.insert(key.into(), self.groups.len());
        self.groups.push(Group { keys, accumulators });
        Ok(self.groups.len() - 1)
    }
}

/// Appends the bytes of one key. A stored column whose equal values have equal bytes is not decoded.
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
        out.extend_from_slice(&tail.len().to_le_bytes());
        out.extend_from_slice(tail);
        return Ok(());
    }
    encode_key(&run.value(expr, tuple)?, out);
    Ok(())
}

pub(super) fn run_distinct<'e>(
    input: &'e Operator,
    values: &'e [Output],
    run: &Run<'e>,
    sink: &mut Sink<'_, 'e>,
) -> Result<Flow, SqlError> {
    let mut seen: HashSet<Box<[u8]>> = HashSet::new();
    let mut key = Vec::new();
    input.run(run, &mut |tuple| {
        key.clear();
        for value in values {
            encode_part(run, &value.expr, tuple, &mut key)?;
        }
        if seen.contains(&*key) {
            return Ok(MORE);
        }
        run.budget.hold(ENTRY_BYTES + key.len())?;
        seen.insert(key.as_slice().into());
        let datums = values.iter().map(|value| run.value(&value.expr, tuple));
        let datums = datums.collect::<Result<std::rc::Rc<[_]>, _>>()?;
        sink(&[Part::Values(datums)])
    })
}
