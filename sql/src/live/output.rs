//! What a transaction changes in an answer: rows that come and rows that go, as clients read them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::compile::LivePlan;
use super::delta::{Delta, Weight, consolidate};
use crate::batch::{self, ROWS_BYTES_MAX};
use crate::error::{Resource, SqlError};
use crate::execute::budget::check;
use crate::expr::Expr;
use crate::expr::evaluate::Inputs;
use crate::expr::tuple::Cell;
use crate::params::Params;
use crate::rowset::{EncodedRows, RowFormat, write_row};

/// A change of an answer that is in no format yet: it is encoded for those who are told, and for nobody else.
#[derive(Debug)]
pub struct AnswerChanges {
    pub(super) plan: Arc<LivePlan>,
    pub(super) params: Arc<Params>,
    pub(super) delta: Delta,
}

/// A change of an answer. Rows are encoded in one format; each is there once, with how much more often it is in the answer
/// than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChanges {
    format: RowFormat,
    rows: BTreeMap<Box<[u8]>, Weight>,
    /// Of all rows, as [`RowChanges::bytes`] gives it.
    bytes: usize,
}

/// What a row takes besides its bytes, about.
const ROW_BYTES: usize = 64;

impl AnswerChanges {
    pub(super) fn new(plan: Arc<LivePlan>, params: Arc<Params>, delta: Delta) -> Self {
        Self { plan, params, delta }
    }

    /// Adds what the same transaction has changed further.
    pub fn merge(&mut self, later: AnswerChanges) {
        self.delta.extend(later.delta);
        consolidate(&mut self.delta);
    }

    /// Whether nothing changes. What is left may still come to the same rows.
    pub fn is_empty(&self) -> bool {
        self.delta.is_empty()
    }

    /// The rows that come and go.
    ///
    /// # Errors
    ///
    /// What evaluating an expression can end in, or more bytes than can be told at once.
    pub fn rows(&self, format: RowFormat) -> Result<RowChanges, SqlError> {
        let LivePlan { output, columns, .. } = &*self.plan;
        let mut changes = RowChanges::none(format);
        for (tuple, weight) in &self.delta {
            let parts = tuple.parts();
            let inputs = Inputs { tuple: &parts, params: &self.params };
            let cells = output.iter().map(|expr| match expr {
                Expr::Column(column) => Ok(parts[column.part].cell(column)),
                expr => expr.evaluate(inputs).map(Cell::Value),
            });
            let cells: Vec<Cell<'_>> = cells.collect::<Result<_, _>>()?;
            let mut row = Vec::new();
            match format {
                RowFormat::Json => write_row(columns, &cells, &mut row),
                RowFormat::Binary => batch::row::write_row(columns, &cells, &mut row)?,
            }
            changes.add(row.into(), *weight);
        }
        check(Resource::ResultBytes, changes.told_bytes(), ROWS_BYTES_MAX)?;
        Ok(changes)
    }
}

impl RowChanges {
    /// No change.
    pub fn none(format: RowFormat) -> Self {
        Self { format, rows: BTreeMap::new(), bytes: 0 }
    }

    /// What leads from one answer to another. Both are of one format.
    ///
    /// ```
    /// use cosmictron_sql::{EncodedRows, RowChanges};
    ///
    /// let answer = |rows: &str| EncodedRows::Json(rows.into());
    /// let changes = RowChanges::between(&answer("[[1],[2],[2]]"), &answer("[[2],[3]]"));
    /// let mut told = Vec::new();
    /// changes.write(&mut told);
    /// assert_eq!(told, b"[[3]],[[1],[2]]");
    /// ```
    pub fn between(before: &EncodedRows, after: &EncodedRows) -> Self {
        let mut changes = Self::none(after.format());
        assert_eq!(before.format(), after.format());
        for (rows, weight) in [(before, -1), (after, 1)] {
            match rows {
                EncodedRows::Json(json) => {
                    let rows: Vec<&RawValue> =
                        serde_json::from_slice(json).expect("an answer is an array of rows");
                    rows.iter().for_each(|row| changes.add(row.get().as_bytes().into(), weight));
                }
                EncodedRows::Binary(rows) => {
                    rows.iter().for_each(|row| changes.add(row.into(), weight));
                }
            }
        }
        changes
    }

    pub fn format(&self) -> RowFormat {
        self.format
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

    /// Adds a later change of the same answer, in the same format, so that both are one.
    pub fn merge(&mut self, later: &RowChanges) {
        assert_eq!(self.format, later.format);
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

    /// The rows, which are an answer when they are all changes from nothing; and how many they are.
    pub(super) fn to_answer(&self) -> (EncodedRows, u64) {
        let count = self.rows.values().map(|weight| weight.max(&0).unsigned_abs()).sum();
        let rows = match self.format {
            RowFormat::Json => {
                let mut json = Vec::new();
                self.write_array(1, &mut json);
                EncodedRows::Json(json)
            }
            RowFormat::Binary => EncodedRows::Binary(self.side(1).collect()),
        };
        (rows, count)
    }

    /// Appends the rows that come and the rows that go as clients read them: as two JSON arrays with a comma between, or as
    /// two batches.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self.format {
            RowFormat::Json => {
                self.write_array(1, out);
                out.push(b',');
                self.write_array(-1, out);
            }
            RowFormat::Binary => {
                batch::write_batch(self.side(1), out);
                batch::write_batch(self.side(-1), out);
            }
        }
    }

    /// The rows that come, or go, each as often as it does.
    fn side(&self, sign: Weight) -> impl Iterator<Item = &[u8]> {
        let times = move |weight: &Weight| usize::try_from(weight * sign).unwrap_or(0);
        self.rows.iter().flat_map(move |(row, weight)| std::iter::repeat_n(&**row, times(weight)))
    }

    fn write_array(&self, sign: Weight, out: &mut Vec<u8>) {
        out.push(b'[');
        let start = out.len();
        for row in self.side(sign) {
            if out.len() > start {
                out.push(b',');
            }
            out.extend_from_slice(row);
        }
        out.push(b']');
    }

    /// Bytes of all rows that are to be told.
    fn told_bytes(&self) -> u64 {
        let bytes =
            |(row, weight): (&[u8], Weight)| weight.unsigned_abs().saturating_mul(row.len() as u64);
        self.iter().map(bytes).fold(0, u64::saturating_add)
    }

    /// Bytes that it takes, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
