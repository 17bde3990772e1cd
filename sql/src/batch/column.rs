//! Gathers one column of a batch from the rows' cells, and writes it.

use super::align;
use super::row::{Kind, RowCell};

/// A column whose cells come one after the other.
#[derive(Debug, Default)]
pub(crate) struct ColumnWriter {
    /// Cells so far.
    count: usize,
    /// One bit a row, set where it is null; as long as the last null needs.
    nulls: Vec<u8>,
    /// Has a value for nulls too, so that the place of a value is that of its row.
    values: Values,
}

/// Values of one kind.
#[derive(Debug, Default)]
enum Values {
    /// No value has come.
    #[default]
    None,
    /// Of a width that the type gives.
    Fixed { kind: Kind, width: usize, bytes: Vec<u8> },
    /// Of a width that is chosen in the end. What is beyond `i128` is kept by its bits: then all are unsigned.
    Integers { kind: Kind, values: Vec<i128> },
    /// Texts and byte strings: how long each is, and all of them.
    Long { kind: Kind, lengths: Vec<u32>, bytes: Vec<u8> },
}

impl ColumnWriter {
    /// Takes the next row's cell.
    pub(crate) fn push(&mut self, cell: RowCell<'_>) {
        match cell.kind {
            Kind::Null => {
                self.nulls.resize(self.count / 8 + 1, 0);
                self.nulls[self.count / 8] |= 1 << (self.count % 8);
                self.values.push_zero();
            }
            _ => {
                if let Values::None = self.values {
                    self.values = Values::of(cell, self.count);
                }
                self.values.push(cell);
            }
        }
        self.count += 1;
    }

    /// Appends which rows are null, if there are any, and the values; gives the column's head. `start` is where the batch
    /// begins.
    pub(crate) fn write(&self, start: usize, out: &mut Vec<u8>) -> [u8; 4] {
        let has_nulls = !self.nulls.is_empty();
        if has_nulls && !matches!(self.values, Values::None) {
            let nulls_at = out.len();
            out.extend_from_slice(&self.nulls);
            out.resize(nulls_at + self.count.div_ceil(8), 0);
        }
        match &self.values {
            Values::None => [Kind::Null as u8, 0, 0, 0],
            Values::Fixed { kind, width, bytes } => {
                align(start, if let Kind::Float = kind { *width } else { 1 }, out);
                out.extend_from_slice(bytes);
                [*kind as u8, *width as u8, has_nulls.into(), 0]
            }
            Values::Integers { kind, values } => {
                let width = write_integers(*kind, values, start, out);
                [*kind as u8, width, has_nulls.into(), 0]
            }
            Values::Long { kind, lengths, bytes } => {
                let width = write_lengths(lengths, start, out);
                if let Kind::Bytes = kind {
                    out.extend_from_slice(bytes);
                }
                [*kind as u8, width, has_nulls.into(), 0]
            }
        }
    }

    /// What the column adds to the texts of the batch.
    pub(crate) fn characters(&self) -> &[u8] {
        match &self.values {
            Values::Long { kind: Kind::Text | Kind::Json | Kind::Decimal, bytes, .. } => bytes,
            _ => &[],
        }
    }
}

impl Values {
    /// Those of a column whose first value is `cell`, behind so many nulls.
    fn of(cell: RowCell<'_>, nulls: usize) -> Values {
        match cell.kind {
            Kind::Unsigned | Kind::Signed => {
                Values::Integers { kind: cell.kind, values: vec![0; nulls] }
            }
            Kind::Text | Kind::Json | Kind::Decimal | Kind::Bytes => {
                Values::Long { kind: cell.kind, lengths: vec![0; nulls], bytes: Vec::new() }
            }
            kind @ (Kind::Bool | Kind::Float | Kind::Fixed) => {
                let width = cell.bytes.len();
                Values::Fixed { kind, width, bytes: vec![0; nulls * width] }
            }
            Kind::Null => Values::None,
        }
    }

    fn push(&mut self, cell: RowCell<'_>) {
        match self {
            Values::Fixed { kind, width, bytes } => {
                assert_eq!((*kind, *width), (cell.kind, cell.bytes.len()), "a column has one type");
                bytes.extend_from_slice(cell.bytes);
            }
            Values::Integers { kind, values } => {
                // A computed value may be below the lowest of its column's type.
                if *kind != cell.kind {
                    *kind = Kind::Signed;
                }
                values.push(integer(cell));
            }
            Values::Long { kind, lengths, bytes } => {
                assert_eq!(*kind, cell.kind, "a column has one type");
                lengths.push(match kind {
                    Kind::Bytes => super::length(cell.bytes.len()),
                    _ => utf16_length(cell.bytes),
                });
                bytes.extend_from_slice(cell.bytes);
            }
            Values::None => unreachable!("values are made for the first one"),
        }
    }

    fn push_zero(&mut self) {
        match self {
            Values::None => {}
            Values::Fixed { width, bytes, .. } => bytes.resize(bytes.len() + *width, 0),
            Values::Integers { values, .. } => values.push(0),
            Values::Long { lengths, .. } => lengths.push(0),
        }
    }
}

/// The integer of a cell, of whatever width.
fn integer(cell: RowCell<'_>) -> i128 {
    match (cell.kind, cell.bytes) {
        (Kind::Signed, bytes) if bytes.len() == 8 => i64::from_le_bytes(number(bytes)).into(),
        (_, bytes) if bytes.len() == 8 => u64::from_le_bytes(number(bytes)).into(),
        (Kind::Signed, bytes) if bytes.len() == 4 => i32::from_le_bytes(number(bytes)).into(),
        (_, bytes) if bytes.len() == 4 => u32::from_le_bytes(number(bytes)).into(),
        (Kind::Signed, bytes) if bytes.len() == 2 => i16::from_le_bytes(number(bytes)).into(),
        (_, bytes) if bytes.len() == 2 => u16::from_le_bytes(number(bytes)).into(),
        (Kind::Signed, &[byte]) => byte.cast_signed().into(),
        (_, &[byte]) => byte.into(),
        (_, bytes) => i128::from_le_bytes(number(bytes)),
    }
}

fn number<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("an integer has a power of two of bytes, up to 16")
}

/// Units of UTF-16 that a text in UTF-8 takes: one for each character, two for those of four bytes.
fn utf16_length(text: &[u8]) -> u32 {
    if text.is_ascii() {
        return super::length(text.len());
    }
    let units = text.iter().map(|byte| u32::from(byte & 0xc0 != 0x80) + u32::from(*byte >= 0xf0));
    units.sum()
}

/// Appends integers in the least width that holds them all, and gives it.
fn write_integers(kind: Kind, values: &[i128], start: usize, out: &mut Vec<u8>) -> u8 {
    let is_signed = kind == Kind::Signed;
    // Without the sign, and with one more bit for it.
    let magnitude = |value: &i128| if is_signed { value ^ (value >> 127) } else { *value };
    let all = values.iter().fold(0, |all, value| all | magnitude(value));
    let bits = i128::BITS - all.leading_zeros() + u32::from(is_signed);
    match bits {
        0..=8 => write_numbers(values.iter().map(|value| (*value as u8).to_le_bytes()), start, out),
        9..=16 => {
            write_numbers(values.iter().map(|value| (*value as u16).to_le_bytes()), start, out)
        }
        17..=32 => {
            write_numbers(values.iter().map(|value| (*value as u32).to_le_bytes()), start, out)
        }
        33..=64 => {
            write_numbers(values.iter().map(|value| (*value as u64).to_le_bytes()), start, out)
        }
        _ => write_numbers(values.iter().map(|value| value.to_le_bytes()), start, out),
    }
}

/// Appends lengths likewise, in 4 bytes at most.
fn write_lengths(lengths: &[u32], start: usize, out: &mut Vec<u8>) -> u8 {
    match lengths.iter().max() {
        None | Some(0..=0xff) => {
            write_numbers(lengths.iter().map(|length| (*length as u8).to_le_bytes()), start, out)
        }
        Some(0x100..=0xffff) => {
            write_numbers(lengths.iter().map(|length| (*length as u16).to_le_bytes()), start, out)
        }
        Some(_) => write_numbers(lengths.iter().map(|length| length.to_le_bytes()), start, out),
    }
}

/// Appends numbers of one width, aligned for it, and gives the width.
fn write_numbers<const N: usize>(
    numbers: impl ExactSizeIterator<Item = [u8; N]>,
    start: usize,
    out: &mut Vec<u8>,
) -> u8 {
    align(start, N.min(super::ALIGNMENT), out);
    let at = out.len();
    out.resize(at + N * numbers.len(), 0);
    let (places, _) = out[at..].as_chunks_mut::<N>();
    places.iter_mut().zip(numbers).for_each(|(place, number)| *place = number);
    N as u8
}
