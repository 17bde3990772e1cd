//! The tuples of a join's right side, found by their keys.
//!
//! Tuples of one key are a chain through `next`, in the order in which they came. Those with a null among their keys are in
//! none, where null equals nothing; a full join still has them.

use super::key_set::{KeySet, Place};
use super::{MORE, Run};
use crate::error::SqlError;
use crate::expr::Expr;
use crate::expr::tuple::Part;
use crate::physical::{JoinKey, Operator};
use crate::value::compare::encode_key;

pub(super) struct JoinTable<'e> {
    rows: Vec<Box<[Part<'e>]>>,
    /// For each row the next one of its key.
    next: Vec<u32>,
    keys: KeySet,
    /// For each key its first row and its last.
    chains: Vec<(u32, u32)>,
}

/// The end of a chain. A table of so many rows would not fit into any limit.
const NONE: u32 = u32::MAX;

impl<'e> JoinTable<'e> {
    /// What a row takes beyond its parts.
    const ROW_BYTES: usize = size_of::<Box<[Part<'_>]>>() + size_of::<u32>();

    pub(super) fn build(
        input: &'e Operator,
        by: &'e [JoinKey],
        run: &Run<'e>,
    ) -> Result<Self, SqlError> {
        let mut table = Self {
            rows: Vec::new(),
            next: Vec::new(),
            keys: KeySet::default(),
            chains: Vec::new(),
        };
        let mut key = Vec::new();
        let _ = input.run(run, &mut |tuple| {
            let is_found = encode(by.iter().map(|key| (&key.right, key)), tuple, run, &mut key)?;
            table.add(tuple, is_found.then_some(&key), run)?;
            Ok(MORE)
        })?;
        Ok(table)
    }

    fn add(
        &mut self,
        tuple: &[Part<'e>],
        key: Option<&Vec<u8>>,
        run: &Run<'e>,
    ) -> Result<(), SqlError> {
        let parts: usize = tuple.iter().map(Part::held_bytes).sum();
        run.budget.hold(Self::ROW_BYTES + parts)?;
        let number = u32::try_from(self.rows.len()).expect("rows take memory, and have less");
        self.rows.push(tuple.into());
        self.next.push(NONE);
        let Some(key) = key else { return Ok(()) };
        match self.keys.find(key) {
            Place::Known(chain) => {
                let (_, last) = &mut self.chains[chain];
                self.next[*last as usize] = number;
                *last = number;
            }
            Place::New(hash) => {
                run.budget.hold(KeySet::ENTRY_BYTES + key.len() + size_of::<(u32, u32)>())?;
                self.keys.add(hash, key);
                self.chains.push((number, number));
            }
        }
        Ok(())
    }

    pub(super) fn rows(&self) -> &[Box<[Part<'e>]>] {
        &self.rows
    }

    /// The first row with the keys of a left tuple, whose bytes are left in `scratch`.
    pub(super) fn first(
        &self,
        by: &'e [JoinKey],
        left: &[Part<'e>],
        run: &Run<'e>,
        scratch: &mut Vec<u8>,
    ) -> Result<Option<usize>, SqlError> {
        if by.is_empty() {
            return Ok(self.chains.first().map(|(first, _)| *first as usize));
        }
        if !encode(by.iter().map(|key| (&key.left, key)), left, run, scratch)? {
            return Ok(None);
        }
        Ok(match self.keys.find(scratch) {
            Place::Known(chain) => Some(self.chains[chain].0 as usize),
            Place::New(_) => None,
        })
    }

    /// The next row of the same key.
    pub(super) fn after(&self, number: usize) -> Option<usize> {
        match self.next[number] {
            NONE => None,
            next => Some(next as usize),
        }
    }
}

/// The bytes of the keys of a tuple. False where one is null and equals nothing.
pub(super) fn encode<'k, 'e: 'k>(
    keys: impl Iterator<Item = (&'e Expr, &'k JoinKey)>,
    tuple: &[Part<'e>],
    run: &Run<'e>,
    out: &mut Vec<u8>,
) -> Result<bool, SqlError> {
    out.clear();
    for (expr, key) in keys {
        let value = run.value(expr, tuple)?;
        if value.is_null() && !key.nulls_equal {
            return Ok(false);
        }
        encode_key(&value, out);
    }
    Ok(true)
}
