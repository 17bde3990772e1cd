//! Tables as lists of rows: every question is answered by looking at all of them.

use core::ops::Bound;
use std::sync::Arc;

use cosmictron_types::{ColumnIndex, Type};

use super::VALUES;
use crate::definition::{TableDef, column_at, index_at};
use crate::fixture::Value;
use crate::store::Store;

#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) tables: Vec<ModelTable>,
}

#[derive(Clone, Debug)]
pub(super) struct ModelTable {
    pub(super) def: Arc<TableDef>,
    pub(super) rows: Vec<ModelRow>,
    /// The greatest number of the column that counts, which is the first.
    last: i128,
}

#[derive(Clone, Debug)]
pub(super) struct ModelRow {
    pub(super) cells: Vec<Cell>,
    pub(super) bytes: Vec<u8>,
}

/// A value, ordered as the database orders it. Written by hand, to differ from the code that is tested.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    Absent,
    Number(i128),
    /// Its place among the floats that are used; -0.0 and 0.0 have the same.
    Float(usize),
    Text(Vec<u8>),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Unique(String),
    Target,
    Referenced,
    NoSuchRow,
    NoPrimaryKey,
    AppendOnly,
}

impl Model {
    pub(super) fn new(store: &Store) -> Self {
        let tables = store.tables().map(|table| {
            let def = table.def().clone();
            ModelTable { def, rows: Vec::new(), last: 0 }
        });
        Self { tables: tables.collect() }
    }

    pub(super) fn insert(&mut self, table: usize, row: &mut ModelRow) -> Result<(), Refusal> {
        let at = &self.tables[table];
        let is_counted = !at.def.sequences.is_empty() && row.cells[0] == Cell::Number(0);
        let (zero, mut filled) = (row.clone(), row.clone());
        if is_counted {
            filled.cells[0] = Cell::Number(at.last + 1);
            let width = at.def.layout.types()[0].width().unwrap();
            filled.bytes[..width].copy_from_slice(&(at.last + 1).to_le_bytes()[..width]);
        }
        *row = zero;
        at.check_unique(&filled, None)?;
        self.check_targets(table, &filled, None)?;
        self.tables[table].pass(&filled);
        self.tables[table].rows.push(filled.clone());
        *row = filled;
        Ok(())
    }

    pub(super) fn update(&mut self, table: usize, row: ModelRow) -> Result<(), Refusal> {
        let at = &self.tables[table];
        if at.def.is_append_only() {
            return Err(Refusal::AppendOnly);
        }
        if at.def.primary().is_none() {
            return Err(Refusal::NoPrimaryKey);
        }
        let place = at.rows.iter().position(|old| old.cells[0] == row.cells[0]);
        let place = place.ok_or(Refusal::NoSuchRow)?;
        at.check_unique(&row, Some(place))?;
        self.check_targets(table, &row, Some(place))?;
        self.tables[table].pass(&row);
        self.tables[table].rows[place] = row;
        Ok(())
    }

    pub(super) fn delete(
        &mut self,
        table: usize,
        index: usize,
        columns: usize,
        row: &ModelRow,
    ) -> Result<(), Refusal> {
        let at = &self.tables[table];
        if at.def.is_append_only() {
            return Err(Refusal::AppendOnly);
        }
        let key = at.cells(index, columns, row);
        let mut after = self.clone();
        after.tables[table].rows.retain(|row| at.cells(index, columns, row) != key);
        let is_broken =
            |other: &ModelTable| other.rows.iter().any(|row| after.lacks_target(&other.def, row));
        if after.tables.iter().any(is_broken) {
            return Err(Refusal::Referenced);
        }
        *self = after;
        Ok(())
    }

    /// Foreign keys of a row that takes the place of another.
    fn check_targets(
        &self,
        table: usize,
        row: &ModelRow,
        replaced: Option<usize>,
    ) -> Result<(), Refusal> {
        let mut after = self.clone();
        match replaced {
            Some(place) => after.tables[table].rows[place] = row.clone(),
            None => after.tables[table].rows.push(row.clone()),
        }
        let is_broken = after.lacks_target(&self.tables[table].def, row);
        if is_broken { Err(Refusal::Target) } else { Ok(()) }
    }

    fn lacks_target(&self, def: &TableDef, row: &ModelRow) -> bool {
        def.foreign_keys.iter().any(|key| {
            let cell = &row.cells[key.column.index()];
            let target = self.tables.iter().find(|table| table.def.id == key.target).unwrap();
            *cell != Cell::Absent && target.rows.iter().all(|row| row.cells[0] != *cell)
        })
    }

    /// Rows, the order in every index and sequences are the store's.
    pub(super) fn check(&self, store: &Store) {
        for table in &self.tables {
            let found = store.table(table.def.id).unwrap();
            assert_eq!(found.len(), table.rows.len());
            let mut rows: Vec<&[u8]> = found.scan().map(|row| found.row(row)).collect();
            let mut expected: Vec<&[u8]> = table.rows.iter().map(|row| &row.bytes[..]).collect();
            rows.sort_unstable();
            expected.sort_unstable();
            assert_eq!(rows, expected);
            for index in 0..table.def.indexes.len() {
                let range = found.range(index_at(index), Bound::Unbounded, Bound::Unbounded);
                let keys: Vec<Vec<Cell>> = range
                    .map(|row| table.rows.iter().find(|r| r.bytes == found.row(row)).unwrap())
                    .map(|row| table.key(index, row))
                    .collect();
                let mut expected: Vec<Vec<Cell>> =
                    table.rows.iter().map(|row| table.key(index, row)).collect();
                expected.sort();
                assert_eq!(keys, expected, "index {index} of {}", table.def.name);
            }
            let last: Vec<u128> = found.sequences().map(|(_, last)| last).collect();
            let expected = u128::try_from(table.last).unwrap();
            assert_eq!(last, vec![expected; table.def.sequences.len()]);
        }
    }
}

impl ModelTable {
    pub(super) fn cells(&self, index: usize, columns: usize, row: &ModelRow) -> Vec<Cell> {
        let columns = &self.def.indexes[index].columns[..columns];
        columns.iter().map(|column| row.cells[column.index()].clone()).collect()
    }

    fn key(&self, index: usize, row: &ModelRow) -> Vec<Cell> {
        self.cells(index, self.def.indexes[index].columns.len(), row)
    }

    fn pass(&mut self, row: &ModelRow) {
        if let (false, Cell::Number(number)) = (self.def.sequences.is_empty(), &row.cells[0]) {
            self.last = self.last.max(*number);
        }
    }

    fn check_unique(&self, row: &ModelRow, replaced: Option<usize>) -> Result<(), Refusal> {
        for (at, index) in self.def.indexes.iter().enumerate().filter(|(_, index)| index.unique) {
            let key = self.key(at, row);
            let others = self.rows.iter().enumerate().filter(|(place, _)| Some(*place) != replaced);
            let is_taken = others.into_iter().any(|(_, other)| self.key(at, other) == key);
            if is_taken && !key.contains(&Cell::Absent) {
                return Err(Refusal::Unique(index.name.to_string()));
            }
        }
        Ok(())
    }

    /// Rows between two bounds, of which each is cut to the other's columns.
    pub(super) fn count_between(
        &self,
        index: usize,
        lower: Bound<&Vec<Cell>>,
        upper: Bound<&Vec<Cell>>,
    ) -> usize {
        let is_between = |row: &&ModelRow| {
            let key = self.key(index, row);
            let above = match lower {
                Bound::Included(bound) => key[..bound.len()] >= bound[..],
                Bound::Excluded(bound) => key[..bound.len()] > bound[..],
                Bound::Unbounded => true,
            };
            let below = match upper {
                Bound::Included(bound) => key[..bound.len()] <= bound[..],
                Bound::Excluded(bound) => key[..bound.len()] < bound[..],
                Bound::Unbounded => true,
            };
            above && below
        };
        self.rows.iter().filter(is_between).count()
    }

    /// The row that a few bytes stand for.
    pub(super) fn row(&self, values: &[u8; VALUES]) -> ModelRow {
        let types = self.def.layout.types();
        let values = types.iter().zip(values).map(|(ty, value)| cell(ty, *value));
        let (cells, tails): (Vec<Cell>, Vec<Vec<u8>>) = values.unzip();
        let mut bytes = Vec::new();
        self.def.layout.assemble(tails.iter().map(Vec::as_slice), &mut bytes);
        let row = ModelRow { cells, bytes };
        assert!((0..types.len()).map(column_at).all(|column: ColumnIndex| {
            self.def.column(&row.bytes, column) == tails[column.index()]
        }));
        row
    }
}

/// In ascending order, but for the two zeros, which are equal.
const FLOATS: [f64; 6] = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 2.0, f64::NAN];
const TEXTS: [&str; 8] =
    ["", "\0", "\0\u{1}", "\u{1}", "a", "a\0", "abcdefgh", "abcdefgh-and-more-that-makes-it-long"];

/// One of few values of a type, and its tail form.
fn cell(ty: &Type, value: u8) -> (Cell, Vec<u8>) {
    let at = usize::from(value);
    match ty {
        Type::Bool => (Cell::Number(i128::from(value % 2)), (value % 2 == 1).tail()),
        Type::U8 => (Cell::Number(i128::from(value % 5)), (value % 5).tail()),
        Type::U64 => (Cell::Number(i128::from(value % 5)), u64::from(value % 5).tail()),
        Type::I32 => (Cell::Number(i128::from(value % 6) - 2), (i32::from(value % 6) - 2).tail()),
        Type::I128 => (Cell::Number(i128::from(value % 6) - 2), (i128::from(value % 6) - 2).tail()),
        Type::F64 => (float(at), FLOATS[at % FLOATS.len()].tail()),
        Type::F32 => (float(at), (FLOATS[at % FLOATS.len()] as f32).tail()),
        Type::String => {
            let text = TEXTS[at % TEXTS.len()];
            (Cell::Text(text.into()), text.to_owned().tail())
        }
        Type::Bytes => {
            let text = TEXTS[at % TEXTS.len()];
            (Cell::Text(text.into()), text.as_bytes().to_vec().tail())
        }
        Type::Option(inner) if value.is_multiple_of(4) => {
            (Cell::Absent, vec![0; inner.width().map_or(1, |width| width + 1)])
        }
        Type::Option(inner) => {
            let (cell, tail) = cell(inner, value / 4);
            (cell, [&[1], &tail[..]].concat())
        }
        other => panic!("no column has the type {other}"),
    }
}

fn float(at: usize) -> Cell {
    let at = at % FLOATS.len();
    Cell::Float(if at == 3 { 2 } else { at })
}
