//! Puts columns together into a row, and takes a row apart.
//!
//! ```text
//! ┌──────────── fixed part ────────────┬──────────── variable part ────────────┐
//! │ slot of column 0 │ slot of 1 │ ... │ bytes of the 1st variable column │ ... │
//! └────────────────────────────────────┴───────────────────────────────────────┘
//! ```
//!
//! A slot holds the value itself when its type has a width, else where its bytes end in the variable part (four
//! bytes, little-endian). So every column is found without reading the others, and a row is never larger than the
//! same values with length prefixes. A reducer's arguments and its result are rows too.
//!
//! Invariants:
//! 1. The ends ascend in column order, and the last one is the row's end: no byte belongs to nothing.

use crate::column::{Column, SLOT_END_BYTES, length_bytes};
use crate::read::DecodeError;

/// A struct that is stored as a row of a table, or the arguments of a reducer. Derived by the SDK.
pub trait Row: Sized {
    /// Appends the row's encoding.
    fn encode_row(&self, out: &mut Vec<u8>);

    /// Reads what [`Row::encode_row`] wrote; `bytes` are all of it.
    fn decode_row(bytes: &[u8]) -> Result<Self, DecodeError>;
}

/// Writes one row at the end of a buffer: a [`RowWriter::slot`] for every column in order, then a
/// [`RowWriter::tail`] for every column in the same order.
///
/// ```
/// use cosmictron_types::{RowReader, RowWriter, slot_width};
///
/// let (id, name) = (7u64, String::from("ada"));
/// let mut bytes = Vec::new();
/// let mut writer = RowWriter::new(&mut bytes);
/// writer.slot(&id);
/// writer.slot(&name);
/// writer.tail(&id);
/// writer.tail(&name);
///
/// let fixed = slot_width::<u64>() + slot_width::<String>();
/// let mut reader = RowReader::new(&bytes, fixed)?;
/// assert_eq!(reader.column::<u64>()?, 7);
/// assert_eq!(reader.column::<String>()?, "ada");
/// reader.finish()?;
/// # Ok::<(), cosmictron_types::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct RowWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Where the next slot of the second pass lies.
    slot_at: usize,
    /// Where the variable part begins; known once the first pass is over.
    variable_at: Option<usize>,
}

impl<'a> RowWriter<'a> {
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        let slot_at = out.len();
        Self { out, slot_at, variable_at: None }
    }

    /// First pass: writes the value, or leaves room for where it ends.
    pub fn slot<T: Column>(&mut self, value: &T) {
        match T::WIDTH {
            Some(_) => value.encode(self.out),
            None => self.out.extend_from_slice(&[0; SLOT_END_BYTES]),
        }
    }

    /// Second pass: writes a variable column's bytes and fills in where they end.
    pub fn tail<T: Column>(&mut self, value: &T) {
        let variable_at = *self.variable_at.get_or_insert(self.out.len());
        let Some(width) = T::WIDTH else {
            value.encode_tail(self.out);
            let end = length_bytes(self.out.len() - variable_at);
            self.out[self.slot_at..self.slot_at + SLOT_END_BYTES].copy_from_slice(&end);
            self.slot_at += SLOT_END_BYTES;
            return;
        };
        self.slot_at += width;
    }
}

/// Reads one row's columns in order.
#[derive(Debug)]
pub struct RowReader<'a> {
    fixed: &'a [u8],
    variable: &'a [u8],
    /// Where the next variable column begins.
    start: usize,
}

impl<'a> RowReader<'a> {
    /// `fixed_bytes` is the sum of the columns' [`slot_width`](crate::slot_width)s.
    pub fn new(bytes: &'a [u8], fixed_bytes: usize) -> Result<Self, DecodeError> {
        let Some((fixed, variable)) = bytes.split_at_checked(fixed_bytes) else {
            return Err(DecodeError::UnexpectedEnd { needed: fixed_bytes, available: bytes.len() });
        };
        Ok(Self { fixed, variable, start: 0 })
    }

    /// The next column.
    pub fn column<T: Column>(&mut self) -> Result<T, DecodeError> {
        let width = T::WIDTH.unwrap_or(SLOT_END_BYTES);
        let Some((slot, rest)) = self.fixed.split_at_checked(width) else {
            return Err(DecodeError::UnexpectedEnd { needed: width, available: self.fixed.len() });
        };
        self.fixed = rest;
        if T::WIDTH.is_some() {
            return T::decode_tail(slot);
        }
        let bytes = variable_column(slot, self.start, self.variable)?;
        self.start += bytes.len();
        T::decode_tail(bytes)
    }

    /// Every byte has to belong to a column.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.fixed.len() + self.variable.len() - self.start {
            0 => Ok(()),
            bytes => Err(DecodeError::TrailingBytes { bytes }),
        }
    }
}

/// The bytes of a variable column that begins at `start` and ends where its slot says.
pub(crate) fn variable_column<'a>(
    slot: &[u8],
    start: usize,
    variable: &'a [u8],
) -> Result<&'a [u8], DecodeError> {
    let end = slot.first_chunk().map_or(0, |end| u32::from_le_bytes(*end) as usize);
    variable.get(start..end).ok_or(DecodeError::InvalidEnd { start, end, limit: variable.len() })
}

/// Appends a row of a single column: how a reducer's result travels.
pub fn encode_single<T: Column>(value: &T, out: &mut Vec<u8>) {
    let mut writer = RowWriter::new(out);
    writer.slot(value);
    writer.tail(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slot_width;

    #[test]
    fn variable_columns_end_where_their_slots_say() {
        let mut bytes = vec![9; 3]; // Whatever the buffer held before is left alone.
        let mut writer = RowWriter::new(&mut bytes);
        let (a, b, c, d) = (String::from("xy"), 1u16, None::<String>, String::new());
        writer.slot(&a);
        writer.slot(&b);
        writer.slot(&c);
        writer.slot(&d);
        writer.tail(&a);
        writer.tail(&b);
        writer.tail(&c);
        writer.tail(&d);
        let row = &bytes[3..];
        assert_eq!(row, [2, 0, 0, 0, 1, 0, 3, 0, 0, 0, 3, 0, 0, 0, b'x', b'y', 0]);
        let mut reader = RowReader::new(row, 3 * slot_width::<String>() + 2).unwrap();
        assert_eq!(reader.column(), Ok(a));
        assert_eq!(reader.column(), Ok(b));
        assert_eq!(reader.column(), Ok(c));
        assert_eq!(reader.column(), Ok(d));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn an_end_outside_of_the_row_is_refused() {
        let mut reader = RowReader::new(&[9, 0, 0, 0, b'x'], 4).unwrap();
        assert_eq!(
            reader.column::<String>(),
            Err(DecodeError::InvalidEnd { start: 0, end: 9, limit: 1 })
        );
    }
}
