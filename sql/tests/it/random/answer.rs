//! Answers as a client reads them, in a form in which equal values are the same text.

use std::collections::BTreeMap;

use cosmictron_sql::{Plan, RowFormat};
use serde_json::Value;

use super::Batch;

/// Rows in a form in which those that are equal are the same.
pub(crate) type Row = Vec<String>;

/// How often each row is there.
pub(crate) type Counted = BTreeMap<Row, i64>;

/// The columns of an answer.
#[derive(Clone)]
pub(crate) struct Columns(Vec<String>);

impl Columns {
    pub(crate) fn of(plan: &Plan) -> Self {
        Self(plan.columns().iter().map(|column| column.ty.to_string()).collect())
    }

    /// The rows of an answer in their order.
    pub(crate) fn rows(&self, format: RowFormat, told: &[u8]) -> Vec<Row> {
        match format {
            RowFormat::Json => self.json_rows(serde_json::from_slice(told).unwrap()),
            RowFormat::Binary => {
                let (batch, rest) = Batch::split_first(told);
                assert!(rest.is_empty(), "nothing follows an answer");
                self.json_rows(batch.to_json(&self.0))
            }
        }
    }

    /// The rows that come and those that go.
    pub(crate) fn changes(&self, format: RowFormat, told: &[u8]) -> (Vec<Row>, Vec<Row>) {
        match format {
            RowFormat::Json => {
                let both = [b"[", told, b"]"].concat();
                let (inserts, deletes) = serde_json::from_slice(&both).unwrap();
                (self.json_rows(inserts), self.json_rows(deletes))
            }
            RowFormat::Binary => {
                let (inserts, rest) = Batch::split_first(told);
                let (deletes, rest) = Batch::split_first(rest);
                assert!(rest.is_empty(), "nothing follows a change");
                (self.json_rows(inserts.to_json(&self.0)), self.json_rows(deletes.to_json(&self.0)))
            }
        }
    }

    fn json_rows(&self, rows: Value) -> Vec<Row> {
        let Value::Array(rows) = rows else { panic!("rows are an array: {rows}") };
        rows.iter().map(|row| self.row(row)).collect()
    }

    fn row(&self, row: &Value) -> Row {
        let cells = row.as_array().unwrap_or_else(|| panic!("a row is an array: {row}"));
        assert_eq!(cells.len(), self.0.len());
        cells.iter().zip(&self.0).map(|(cell, ty)| canonical(cell, ty)).collect()
    }
}

/// Of equal values any may stand for all: `0` for `-0`, `1.0` for `1.00`.
fn canonical(cell: &Value, ty: &str) -> String {
    let text = cell.to_string();
    match ty {
        "f32" | "f64" if cell.is_number() => {
            let number: f64 = text.parse().unwrap();
            format!("{:?}", number + 0.0)
        }
        "numeric" if text.contains('.') && !text.contains(['e', 'E']) => {
            let text = text.trim_end_matches('0').trim_end_matches('.');
            if text == "-0" { "0".to_owned() } else { text.to_owned() }
        }
        _ => text,
    }
}

pub(crate) fn counted(rows: &[Row]) -> Counted {
    let mut counts = Counted::new();
    rows.iter().for_each(|row| *counts.entry(row.clone()).or_default() += 1);
    counts
}
