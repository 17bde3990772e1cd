//! DISTINCT: how often each value is there; one is given while it is there at all.

use hashbrown::HashMap;

use super::super::delta::{Delta, Weight};
use super::super::tuple::{KeptPart, Tuple};
use crate::error::{EvalError, SqlError};
use crate::expr::Expr;
use crate::expr::evaluate::Inputs;
use crate::params::Params;
use crate::value::Datum;
use crate::value::compare::encode_key;

/// The values that are there, by their keys.
#[derive(Debug, Default)]
pub(crate) struct Members {
    members: HashMap<Box<[u8]>, Member>,
    bytes: usize,
}

#[derive(Debug)]
struct Member {
    /// As it was given: of equal values one stands for all.
    shown: Tuple,
    weight: Weight,
}

const ENTRY_BYTES: usize = 2 * size_of::<(Box<[u8]>, Member)>();

impl Members {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn apply(
        &mut self,
        values: &[Expr],
        params: &Params,
        delta: &Delta,
    ) -> Result<Delta, SqlError> {
        let mut out = Delta::new();
        for (tuple, weight) in delta {
            let parts = tuple.parts();
            let values =
                values.iter().map(|value| value.evaluate(Inputs { tuple: &parts, params }));
            let values: Vec<Datum<'_>> = values.collect::<Result<_, EvalError>>()?;
            let mut key = Vec::new();
            values.iter().for_each(|value| encode_key(value, &mut key));
            self.count(&key, &values, *weight, &mut out)?;
        }
        Ok(out)
    }

    fn count(
        &mut self,
        key: &[u8],
        values: &[Datum<'_>],
        weight: Weight,
        out: &mut Delta,
    ) -> Result<(), SqlError> {
        if let Some(member) = self.members.get_mut(key) {
            let before = member.weight;
            member.weight += weight;
            let change = Weight::from(member.weight > 0) - Weight::from(before > 0);
            if change != 0 {
                out.push((member.shown.clone(), change));
            }
            if member.weight == 0 {
                self.bytes -= ENTRY_BYTES + key.len() + member.shown.bytes();
                self.members.remove(key);
            }
            return Ok(());
        }
        let shown = Tuple::of(KeptPart::of_values(values)?);
        self.bytes += ENTRY_BYTES + key.len() + shown.bytes();
        if weight > 0 {
            out.push((shown.clone(), 1));
        }
        self.members.insert(key.into(), Member { shown, weight });
        Ok(())
    }
}
