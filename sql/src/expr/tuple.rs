//! What an expression reads: the row at hand, in as many parts as there are relations.
//!
//! A part is a stored row in its encoding, or values that an operator made. Neither is copied to pass an operator.

use std::rc::Rc;

use cosmictron_types::RowLayout;

use super::ColumnRef;
use super::carried::CarriedRow;
use crate::value::Datum;
use crate::value::column::decode;

/// One relation's part of a tuple. `'e` is the life of the execution: store, plan and parameters are borrowed for it.
#[derive(Clone, Debug)]
pub(crate) enum Part<'e> {
    Row {
        layout: &'e RowLayout,
        bytes: &'e [u8],
    },
    Values(Rc<[Datum<'e>]>),
    /// A row of a part: a column is one of its slots.
    Carried(CarriedRow<'e>),
    /// What an outer join did not find: every column is null.
    Absent,
}

/// A column's value on its way to the answer.
#[derive(Clone, Debug)]
pub(crate) enum Cell<'e> {
    /// The tail form of a stored column.
    Encoded(&'e [u8]),
    Value(Datum<'e>),
}

impl<'e> Part<'e> {
    pub(crate) fn column(&self, column: &ColumnRef) -> Datum<'e> {
        match self {
            Part::Row { layout, bytes } => {
                let tail = layout.column(bytes, column.column);
                decode(&column.ty, column.is_option, tail)
            }
            Part::Absent => Datum::Null,
            Part::Values(values) => values[column.column.index()].clone(),
            Part::Carried(row) => match row.cell(column.column.index()) {
                Cell::Encoded(tail) => decode(&column.ty, column.is_option, tail),
                Cell::Value(value) => value,
            },
        }
    }

    /// As [`Part::column`], without decoding a stored one.
    pub(crate) fn cell(&self, column: &ColumnRef) -> Cell<'e> {
        match self {
            Part::Row { layout, bytes } => Cell::Encoded(layout.column(bytes, column.column)),
            Part::Absent => Cell::Value(Datum::Null),
            Part::Values(values) => Cell::Value(values[column.column.index()].clone()),
            Part::Carried(row) => row.cell(column.column.index()),
        }
    }

    /// Bytes that are held by keeping this part: a borrowed row costs nothing.
    pub(crate) fn held_bytes(&self) -> usize {
        match self {
            Part::Row { .. } | Part::Carried(_) | Part::Absent => size_of::<Self>(),
            Part::Values(values) => {
                let values = values.iter().map(|value| size_of::<Datum<'_>>() + value.heap_bytes());
                size_of::<Self>() + values.sum::<usize>()
            }
        }
    }
}
