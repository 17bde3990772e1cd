//! GROUP BY: the groups that are there, and of each what its aggregates need to go up and down.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::super::delta::{Delta, Weight};
use super::super::tuple::{KeptPart, Tuple};
use super::retractable::Retractable;
use crate::error::{EvalError, SqlError};
use crate::expr::Expr;
use crate::expr::evaluate::Inputs;
use crate::expr::tuple::Part;
use crate::logical::AggregateCall;
use crate::params::Params;
use crate::value::Datum;
use crate::value::compare::encode_key;

/// All groups, by the keys of their keys.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    groups: HashMap<Box<[u8]>, Group>,
    bytes: usize,
    /// Without keys there is one group, also of no tuples; it was given out.
    is_begun: bool,
}

#[derive(Debug)]
struct Group {
    keys: Vec<Datum<'static>>,
    /// How many tuples it has.
    weight: Weight,
    aggregates: Vec<Retractable>,
    /// What was given out last.
    shown: Option<Tuple>,
}

const ENTRY_BYTES: usize = 2 * size_of::<(Box<[u8]>, Group)>();

/// What the operator is, and what it is run with.
#[derive(Clone, Copy)]
pub(crate) struct Grouping<'r> {
    pub(crate) keys: &'r [Expr],
    pub(crate) calls: &'r [AggregateCall],
    pub(crate) params: &'r Params,
}

impl Groups {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn apply(&mut self, by: Grouping<'_>, delta: &Delta) -> Result<Delta, SqlError> {
        let mut touched: BTreeSet<Box<[u8]>> = BTreeSet::new();
        if by.keys.is_empty() && !std::mem::replace(&mut self.is_begun, true) {
            self.group(by, &[], Vec::new);
            touched.insert(Box::default());
        }
        for (tuple, weight) in delta {
            let parts = tuple.parts();
            let inputs = Inputs { tuple: &parts, params: by.params };
            let keys = by.keys.iter().map(|key| key.evaluate(inputs));
            let keys: Vec<Datum<'_>> = keys.collect::<Result<_, EvalError>>()?;
            let mut key = Vec::new();
            keys.iter().for_each(|value| encode_key(value, &mut key));
            let owned = || keys.into_iter().map(Datum::into_owned).collect();
            let group = self.group(by, &key, owned);
            group.weight += weight;
            let grown = group.add(by, &parts, *weight)?;
            self.bytes = self.bytes.saturating_add_signed(grown);
            touched.insert(key.into());
        }
        let mut out = Delta::new();
        for key in touched {
            self.show(by, &key, &mut out)?;
        }
        Ok(out)
    }

    /// The group with this key.
    fn group(
        &mut self,
        by: Grouping<'_>,
        key: &[u8],
        keys: impl FnOnce() -> Vec<Datum<'static>>,
    ) -> &mut Group {
        let Self { groups, bytes, .. } = self;
        groups.entry(key.into()).or_insert_with(|| {
            let aggregates: Vec<Retractable> = by.calls.iter().map(Retractable::new).collect();
            let group = Group { keys: keys(), weight: 0, aggregates, shown: None };
            *bytes += group.bytes() + key.len();
            group
        })
    }

    /// Gives out what has become of a group.
    fn show(&mut self, by: Grouping<'_>, key: &[u8], out: &mut Delta) -> Result<(), SqlError> {
        let group = self.groups.get_mut(key).expect("it was touched");
        let is_there = group.weight > 0 || by.keys.is_empty();
        let now = if is_there { Some(group.tuple(by)?) } else { None };
        if now != group.shown {
            out.extend(group.shown.take().map(|tuple| (tuple, -1)));
            out.extend(now.clone().map(|tuple| (tuple, 1)));
            group.shown = now;
        }
        if !is_there {
            let group = self.groups.remove(key).expect("it was there");
            self.bytes = self.bytes.saturating_sub(group.bytes() + key.len());
        }
        Ok(())
    }
}

impl Group {
    /// Without what its aggregates have grown by.
    fn bytes(&self) -> usize {
        let keys = self.keys.iter().map(|key| size_of::<Datum<'_>>() + key.heap_bytes());
        let aggregates = self.aggregates.iter().map(Retractable::fixed_bytes);
        ENTRY_BYTES + keys.sum::<usize>() + aggregates.sum::<usize>()
    }

    fn add(
        &mut self,
        by: Grouping<'_>,
        tuple: &[Part<'_>],
        weight: Weight,
    ) -> Result<isize, SqlError> {
        let inputs = Inputs { tuple, params: by.params };
        let mut grown = 0;
        for (aggregate, call) in self.aggregates.iter_mut().zip(by.calls) {
            if let Some(filter) = &call.filter
                && filter.truth(inputs)? != Some(true)
            {
                continue;
            }
            let value = match &call.argument {
                Some(argument) => argument.evaluate(inputs)?,
                None => Datum::Bool(true),
            };
            grown += aggregate.add(value, weight)?;
        }
        Ok(grown)
    }

    fn tuple(&self, by: Grouping<'_>) -> Result<Tuple, SqlError> {
        let mut values = self.keys.clone();
        for (aggregate, call) in self.aggregates.iter().zip(by.calls) {
            let inputs = Inputs { tuple: &[], params: by.params };
            let separator =
                call.separator.as_ref().map(|expr| expr.evaluate(inputs)).transpose()?;
            values.push(aggregate.value(call, separator.as_ref())?);
        }
        KeptPart::of_values(&values).map(Tuple::of)
    }
}
