//! Says of each left tuple whether a value is among those of the right side, where unknown counts: NOT IN, and IN as a value.
//!
//! A value is not among others for certain when there are none; and when neither it nor one of them is null and it differs from all.
//! So of the right tuples no more is kept than their values, and for every key of the correlation whether there is one and
//! whether there is a null.

use super::join::mark;
use super::join_table::encode;
use super::key_set::{KeySet, Place};
use super::{ENOUGH, Flow, MORE, Run, Sink};
use crate::error::SqlError;
use crate::expr::tuple::Part;
use crate::logical::JoinKind;
use crate::physical::{JoinOperator, Member};
use crate::value::compare::encode_key;

/// What is known of the right tuples.
#[derive(Default)]
struct Values {
    /// The keys of the correlation.
    groups: KeySet,
    /// For each of them whether a value is null.
    has_null: Vec<bool>,
    /// Keys and values together.
    values: KeySet,
}

pub(super) fn run<'e>(
    join: &'e JoinOperator,
    member: &'e Member,
    run: &Run<'e>,
    sink: &mut Sink<'_, 'e>,
) -> Result<Flow, SqlError> {
    let values = Values::gather(join, member, run)?;
    let mut key = Vec::new();
    let mut tuple = Vec::new();
    join.left.run(run, &mut |left| {
        let keys = join.keys.iter().map(|key| (&key.left, key));
        let truth = match encode(keys, left, run, &mut key)? {
            true => values.has(member, left, &mut key, run)?,
            false => Some(false),
        };
        if join.kind == JoinKind::Anti {
            return if truth == Some(false) { sink(left) } else { Ok(MORE) };
        }
        tuple.clear();
        tuple.extend_from_slice(left);
        tuple.push(mark(truth));
        let flow = sink(&tuple)?;
        Ok(if flow.is_break() { ENOUGH } else { MORE })
    })
}

impl Values {
    fn gather<'e>(
        join: &'e JoinOperator,
        member: &'e Member,
        run: &Run<'e>,
    ) -> Result<Self, SqlError> {
        let mut values = Self::default();
        let mut key = Vec::new();
        let _ = join.right.run(run, &mut |right| {
            let keys = join.keys.iter().map(|key| (&key.right, key));
            if !encode(keys, right, run, &mut key)? {
                return Ok(MORE);
            }
            let value = run.value(&member.right, right)?;
            let group = values.group(&key, run)?;
            if value.is_null() {
                values.has_null[group] = true;
                return Ok(MORE);
            }
            encode_key(&value, &mut key);
            if let Place::New(hash) = values.values.find(&key) {
                run.budget.hold(KeySet::ENTRY_BYTES + key.len())?;
                values.values.add(hash, &key);
            }
            Ok(MORE)
        })?;
        Ok(values)
    }

    fn group(&mut self, key: &[u8], run: &Run<'_>) -> Result<usize, SqlError> {
        match self.groups.find(key) {
            Place::Known(group) => Ok(group),
            Place::New(hash) => {
                run.budget.hold(KeySet::ENTRY_BYTES + key.len() + size_of::<bool>())?;
                self.has_null.push(false);
                Ok(self.groups.add(hash, key))
            }
        }
    }

    /// Whether the value of a left tuple, whose keys are in `key`, is among those of its group.
    fn has<'e>(
        &self,
        member: &'e Member,
        left: &[Part<'e>],
        key: &mut Vec<u8>,
        run: &Run<'e>,
    ) -> Result<Option<bool>, SqlError> {
        let value = run.value(&member.left, left)?;
        let Place::Known(group) = self.groups.find(key) else { return Ok(Some(false)) };
        if value.is_null() {
            return Ok(None);
        }
        encode_key(&value, key);
        Ok(match self.values.find(key) {
            Place::Known(_) => Some(true),
            Place::New(_) if self.has_null[group] => None,
            Place::New(_) => Some(false),
        })
    }
}
