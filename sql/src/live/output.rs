//! What a transaction changes in an answer: rows that come and rows that go, as clients read them.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::delta::{Delta, Weight};
use crate::error::SqlError;
use crate::expr::Expr;
use crate::expr::evaluate::Inputs;
use crate::expr::tuple::Cell;
use crate::params::Params;
use crate::rowset::{OutputColumn, write_row};

/// A change of an answer. Rows are JSON arrays; each is there once, with how much more often it is in the answer than before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowChanges {
    rows: BTreeMap<Box<[u8]>, Weight>,
    /// Of all rows, as [`RowChanges::bytes`] gives it.
    bytes: usize,
}

/// What a row takes besides its text, about.
const ROW_BYTES: usize = 64;

impl RowChanges {
    pub(super) fn of(
        delta: &Delta,
        output: &[Expr],
        columns: &[OutputColumn],
        params: &Params,
    ) -> Result<Self, SqlError> {
        let mut changes = Self::default();
        for (tuple, weight) in delta {
            let parts = tuple.parts();
            let inputs = Inputs { tuple: &parts, params };
            let cells = output.iter().map(|expr| match expr {
                Expr::Column(column) => Ok(parts[column.part].cell(column)),
                expr => expr.evaluate(inputs).map(Cell::Value),
            });
            let cells: Vec<Cell<'_>> = cells.collect::<Result<_, _>>()?;
            let mut row = Vec::new();
            write_row(columns, &cells, &mut row);
            changes.add(row.into(), *weight);
        }
        Ok(changes)
    }

    /// What leads from one answer to another, each a JSON array of rows as [`RowSet::write_json`](crate::RowSet::write_json)
    /// gives it.
    ///
    /// ```
    /// use cosmictron_sql::RowChanges;
    ///
    /// let changes = RowChanges::between(b"[[1],[2],[2]]", b"[[2],[3]]").unwrap();
    /// let mut json = Vec::new();
    /// changes.write_json(&mut json);
    /// assert_eq!(json, b"[[3]],[[1],[2]]");
    /// ```
    ///
    /// # Errors
    ///
    /// What is no JSON array.
    pub fn between(before: &[u8], after: &[u8]) -> Result<Self, serde_json::Error> {
        let mut changes = Self::default();
        for (rows, weight) in [(before, -1), (after, 1)] {
            let rows: Vec<&RawValue> = serde_json::from_slice(rows)?;
            rows.iter().for_each(|row| changes.add(row.get().as_bytes().into(), weight));
        }
        Ok(changes)
    }

    /// Adds to how often a row is there.
    pub fn add(&mut self, row: Box<[u8]>, weight: i64) {
        match self.rows.entry(row) {
            std::collections::btree_map::Entry::Vacant(place) => {
                if weight != 0 {
                    self.bytes += place.key().len() + ROW_BYTES;
                    place.insert(weight);
                }
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                *place.get_mut() += weight;
                if *place.get() == 0 {
                    self.bytes -= place.key().len() + ROW_BYTES;
                    place.remove();
                }
            }
        }
    }

    /// Adds a later change of the same answer, so that both are one.
    pub fn merge(&mut self, later: &RowChanges) {
        for (row, weight) in &later.rows {
            self.add(row.clone(), *weight);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows and their weights.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], i64)> {
        self.rows.iter().map(|(row, weight)| (&**row, *weight))
    }

    /// Appends the rows that come as a JSON array; how many they are. Those of all changes from nothing are the answer.
    pub fn write_rows(&self, out: &mut Vec<u8>) -> u64 {
        self.write_side(1, out);
        self.rows.values().map(|weight| weight.max(&0).unsigned_abs()).sum()
    }

    /// Appends the rows that come as a JSON array, a comma, and the rows that go as another.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        self.write_side(1, out);
        out.push(b',');
        self.write_side(-1, out);
    }

    fn write_side(&self, sign: Weight, out: &mut Vec<u8>) {
        out.push(b'[');
        let start = out.len();
        for (row, weight) in &self.rows {
            for _ in 0..(weight * sign).max(0) {
                if out.len() > start {
                    out.push(b',');
                }
                out.extend_from_slice(row);
            }
        }
        out.push(b']');
    }

    /// Bytes that it takes, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
