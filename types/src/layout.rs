//! Finds and checks columns in encoded rows by the types alone, as the host must.
//!
//! Invariants:
//! 1. After [`RowLayout::check`] accepted a row, [`RowLayout::column`] cannot fail on it.

use crate::ColumnIndex;
use crate::column::SLOT_END_BYTES;
use crate::read::DecodeError;
use crate::row::variable_column;
use crate::ty::Type;

/// Where each column of a row lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowLayout {
    slots: Vec<Slot>,
    types: Vec<Type>,
    fixed_bytes: usize,
}

/// Where one column lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The value itself is in the fixed part.
    Fixed { at: usize, width: usize },
    /// Where the value ends is in the fixed part at `at`; it begins where the variable column whose slot is at
    /// `previous_at` ends.
    Variable { at: usize, previous_at: Option<usize> },
}

/// A row that is not one of its table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {error}")]
pub struct InvalidRow {
    pub column: usize,
    #[source]
    pub error: DecodeError,
}

impl RowLayout {
    pub fn new(types: impl IntoIterator<Item = Type>) -> Self {
        let types: Vec<Type> = types.into_iter().collect();
        let mut slots = Vec::with_capacity(types.len());
        let (mut at, mut previous_at) = (0, None);
        for ty in &types {
            slots.push(match ty.width() {
                Some(width) => Slot::Fixed { at, width },
                None => Slot::Variable { at, previous_at: previous_at.replace(at) },
            });
            at += ty.slot_width();
        }
        Self { slots, types, fixed_bytes: at }
    }

    /// Bytes before the variable part.
    pub fn fixed_bytes(&self) -> usize {
        self.fixed_bytes
    }

    pub fn types(&self) -> &[Type] {
        &self.types
    }

    pub fn slot(&self, column: ColumnIndex) -> Slot {
        self.slots[column.index()]
    }

    /// The bytes of one column of a checked row, in tail form.
    ///
    /// Panics when the row was not checked against this layout and is none of it: that is a bug of the caller's.
    pub fn column<'a>(&self, row: &'a [u8], column: ColumnIndex) -> &'a [u8] {
        match self.slots[column.index()] {
            Slot::Fixed { at, width } => &row[at..at + width],
            Slot::Variable { at, previous_at } => {
                let start = previous_at.map_or(0, |previous| end_at(row, previous));
                &row[self.fixed_bytes..][start..end_at(row, at)]
            }
        }
    }

    /// Whether `row` is a row of this layout, every byte of it.
    pub fn check(&self, row: &[u8]) -> Result<(), InvalidRow> {
        let Some((fixed, variable)) = row.split_at_checked(self.fixed_bytes) else {
            let error =
                DecodeError::UnexpectedEnd { needed: self.fixed_bytes, available: row.len() };
            return Err(InvalidRow { column: 0, error });
        };
        let mut start = 0;
        for (column, (slot, ty)) in self.slots.iter().zip(&self.types).enumerate() {
            let checked = match *slot {
                Slot::Fixed { .. } if ty.takes_any_bytes() => Ok(()),
                Slot::Fixed { at, width } => ty.check_tail(&fixed[at..at + width]),
                Slot::Variable { at, .. } => variable_column(&fixed[at..], start, variable)
                    .and_then(|bytes| {
                        start += bytes.len();
                        ty.check_tail(bytes)
                    }),
            };
            checked.map_err(|error| InvalidRow { column, error })?;
        }
        if start != variable.len() {
            let error = DecodeError::TrailingBytes { bytes: variable.len() - start };
            return Err(InvalidRow { column: self.slots.len().saturating_sub(1), error });
        }
        Ok(())
    }

    /// Puts a row together from the tail forms of its columns. The inverse of [`RowLayout::column`].
    pub fn assemble<'a>(&self, columns: impl Iterator<Item = &'a [u8]> + Clone, out: &mut Vec<u8>) {
        let mut end = 0;
        for (slot, bytes) in self.slots.iter().zip(columns.clone()) {
            match slot {
                Slot::Fixed { width, .. } => {
                    assert_eq!(bytes.len(), *width);
                    out.extend_from_slice(bytes);
                }
                Slot::Variable { .. } => {
                    end += bytes.len();
                    out.extend_from_slice(&crate::column::length_bytes(end));
                }
            }
        }
        for (slot, bytes) in self.slots.iter().zip(columns) {
            if let Slot::Variable { .. } = slot {
                out.extend_from_slice(bytes);
            }
        }
    }
}

fn end_at(row: &[u8], at: usize) -> usize {
    let slot: [u8; SLOT_END_BYTES] =
        row[at..at + SLOT_END_BYTES].try_into().expect("the slice has the array's length");
    u32::from_le_bytes(slot) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> RowLayout {
        RowLayout::new([Type::String, Type::U16, Type::Option(Box::new(Type::String)), Type::Bool])
    }

    const ROW: [u8; 15] = [2, 0, 0, 0, 7, 0, 4, 0, 0, 0, 1, b'x', b'y', 1, b'z'];

    #[test]
    fn columns_are_found_without_reading_the_others() {
        let layout = layout();
        layout.check(&ROW).unwrap();
        let column = |index| layout.column(&ROW, ColumnIndex::new(index));
        assert_eq!(column(0), b"xy");
        assert_eq!(column(1), [7, 0]);
        assert_eq!(column(2), [1, b'z']);
        assert_eq!(column(3), [1]);
        let mut again = Vec::new();
        layout.assemble((0..4).map(column), &mut again);
        assert_eq!(again, ROW);
    }

    #[test]
    fn no_cut_and_no_surplus_byte_passes() {
        for length in 0..ROW.len() {
            assert!(layout().check(&ROW[..length]).is_err(), "{length} bytes");
        }
        let mut longer = ROW.to_vec();
        longer.push(0);
        assert!(layout().check(&longer).is_err());
    }
}
