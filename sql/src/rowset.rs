//! The answer of an execution, and how it is encoded.
//!
//! A bare column is held as the bytes of its row and goes out from there; only computed columns hold values.

use std::borrow::Cow;

use cosmictron_types::{Type, json};

use crate::batch;
use crate::error::{Resource, SqlError};
use crate::execute::budget::{Budget, check};
use crate::expr::Expr;
use crate::expr::tuple::Cell;
use crate::logical::Output;
use crate::value::column::decode;
use crate::value::json::write;
use crate::value::{Datum, SqlType};

/// A column of an answer.
#[derive(Clone, Debug)]
pub struct OutputColumn {
    pub name: String,
    /// Its `Display` is the name that clients see: `u64`, `string`, `numeric`.
    pub ty: SqlType,
    pub nullable: bool,
    /// How a stored value of it is encoded.
    pub(crate) stored: Type,
}

impl OutputColumn {
    pub(crate) fn new(output: &Output) -> Self {
        let Output { name, expr, ty } = output;
        // Only a column of a table is ever given out in its encoding, and it has the type that it is stored as.
        let stored = match expr {
            Expr::Column(column) => column.stored_type(),
            _ => Type::Bool,
        };
        Self { name: name.clone(), ty: ty.clone(), nullable: expr.is_nullable(), stored }
    }

    pub(crate) fn text(name: &str) -> Self {
        Self { name: name.into(), ty: SqlType::String, nullable: false, stored: Type::String }
    }
}

/// How the rows of an answer, and changes of them, are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowFormat {
    /// An array of arrays, as text.
    Json,
    /// Columnar batches: see `docs/protocol.md`.
    Binary,
}

/// Rows of an answer that borrow from nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncodedRows {
    /// A JSON array of arrays.
    Json(Vec<u8>),
    Binary(BinaryRows),
}

/// Rows that can still be told from one another: a batch is made of them in the end.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BinaryRows {
    /// Each row behind its length in 4 bytes.
    bytes: Vec<u8>,
}

/// Rows of an answer. Borrows from the store, the plan and the parameters.
#[derive(Debug)]
pub struct RowSet<'e> {
    columns: &'e [OutputColumn],
    /// Row after row; one a column.
    cells: Vec<Cell<'e>>,
    /// Bytes of all values, for the limit.
    bytes: u64,
}

impl<'e> RowSet<'e> {
    /// There is at least one column.
    pub(crate) fn new(columns: &'e [OutputColumn]) -> Self {
        assert!(!columns.is_empty());
        Self { columns, cells: Vec::new(), bytes: 0 }
    }

    /// Makes room for a row; its cells are to be pushed.
    pub(crate) fn open_row(&mut self, budget: &Budget) -> Result<(), SqlError> {
        check(Resource::Rows, self.len() as u64 + 1, budget.limits().rows_max)?;
        self.bytes += (self.columns.len() * size_of::<Cell<'_>>()) as u64;
        if self.cells.is_empty() {
            self.cells.reserve_exact(self.columns.len());
        }
        Ok(())
    }

    pub(crate) fn push(&mut self, cell: Cell<'e>, budget: &Budget) -> Result<(), SqlError> {
        let bytes = match &cell {
            Cell::Encoded(tail) => tail.len(),
            Cell::Value(value) => value.heap_bytes(),
        };
        self.bytes += bytes as u64;
        self.cells.push(cell);
        check(Resource::ResultBytes, self.bytes, budget.limits().bytes_max)
    }

    pub fn columns(&self) -> &'e [OutputColumn] {
        self.columns
    }

    /// The rows, each as its cells.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &[Cell<'e>]> {
        self.cells.chunks_exact(self.columns.len())
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.cells.len() / self.columns.len()
    }

    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The rows, each as its values.
    pub fn rows(&self) -> impl Iterator<Item = Vec<Datum<'_>>> {
        self.cells().map(|row| {
            row.iter().zip(self.columns).map(|(cell, column)| column.value(cell)).collect()
        })
    }

    /// The rows in a format.
    ///
    /// # Errors
    ///
    /// More bytes than can be told at once, whatever the limits of the execution were.
    pub fn encode(&self, format: RowFormat) -> Result<EncodedRows, SqlError> {
        match format {
            RowFormat::Json => {
                let mut json = Vec::new();
                self.write_json(&mut json);
                Ok(EncodedRows::Json(json))
            }
            RowFormat::Binary => {
                let mut rows = BinaryRows::default();
                self.cells().try_for_each(|cells| rows.push(self.columns, cells))?;
                Ok(EncodedRows::Binary(rows))
            }
        }
    }

    /// Appends the rows as a JSON array of arrays.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (number, row) in self.cells().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            write_row(self.columns, row, out);
        }
        out.push(b']');
    }
}

/// Appends one row as a JSON array.
pub(crate) fn write_row(columns: &[OutputColumn], cells: &[Cell<'_>], out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, (cell, column)) in cells.iter().zip(columns).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match cell {
            Cell::Encoded(tail) => json::write_value(&column.stored, tail, out),
            Cell::Value(value) => write(&column.ty, value, out),
        }
    }
    out.push(b']');
}

impl EncodedRows {
    pub fn none(format: RowFormat) -> Self {
        match format {
            RowFormat::Json => EncodedRows::Json(b"[]".to_vec()),
            RowFormat::Binary => EncodedRows::Binary(BinaryRows::default()),
        }
    }

    pub fn format(&self) -> RowFormat {
        match self {
            EncodedRows::Json(_) => RowFormat::Json,
            EncodedRows::Binary(_) => RowFormat::Binary,
        }
    }

    /// Bytes that they take, about what they are told in.
    pub fn bytes(&self) -> usize {
        match self {
            EncodedRows::Json(json) => json.len(),
            EncodedRows::Binary(rows) => rows.bytes.len(),
        }
    }

    /// As clients read them: a JSON array of arrays, or a batch.
    pub fn told(&self) -> Cow<'_, [u8]> {
        match self {
            EncodedRows::Json(json) => Cow::Borrowed(json),
            EncodedRows::Binary(rows) => {
                let mut out = Vec::new();
                batch::write_batch(rows.iter(), &mut out);
                Cow::Owned(out)
            }
        }
    }
}

impl BinaryRows {
    fn push(&mut self, columns: &[OutputColumn], cells: &[Cell<'_>]) -> Result<(), SqlError> {
        let length_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; LENGTH_BYTES]);
        batch::row::write_row(columns, cells, &mut self.bytes)?;
        let length = u32::try_from(self.bytes.len() - length_at - LENGTH_BYTES);
        let length = length.expect("all rows together are bounded").to_le_bytes();
        self.bytes[length_at..length_at + LENGTH_BYTES].copy_from_slice(&length);
        Ok(())
    }

    fn push_row(&mut self, row: &[u8]) {
        let length = u32::try_from(row.len()).expect("all rows together are bounded");
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(row);
    }

    /// The rows, each as [`batch::row`] writes it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let (length, rows) = rest.split_first_chunk()?;
            let (row, later) = rows.split_at(u32::from_le_bytes(*length) as usize);
            rest = later;
            Some(row)
        })
    }
}

impl<'r> FromIterator<&'r [u8]> for BinaryRows {
    fn from_iter<T: IntoIterator<Item = &'r [u8]>>(written: T) -> Self {
        let mut rows = Self::default();
        written.into_iter().for_each(|row| rows.push_row(row));
        rows
    }
}

const LENGTH_BYTES: usize = 4;

impl OutputColumn {
    fn value<'c>(&self, cell: &'c Cell<'_>) -> Datum<'c> {
        match cell {
            Cell::Encoded(tail) => decode(&self.ty, self.stored.is_option(), tail),
            Cell::Value(value) => value.clone(),
        }
    }
}
