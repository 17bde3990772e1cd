//! Writes tuples as bytes that stand for themselves, and reads them in place: rows on their way from one thread to another.
//!
//! ```text
//!  row    end of slot 0 │ … │ end of the last │ slot 0 │ … │ last slot      ends: u32, counted from the first slot
//!  slot   tag │ bytes
//! ```
//!
//! | tag | bytes |
//! |---|---|
//! | 0 null, 1 false, 2 true | – |
//! | 3 | an integer of 64 bits |
//! | 4 | an integer of 128 bits |
//! | 5 | a decimal: its scale in 64 bits, its digits as an integer |
//! | 6 | a float of 64 bits |
//! | 7 text, 8 bytes | themselves |
//! | 9 | a stored column, in tail form: its reader knows the type |
//!
//! Numbers are little-endian, integers in two's complement.
//!
//! Invariants:
//! 1. Writer and reader are of one process, so bytes that cannot be read are a fault of ours.

use std::borrow::Cow;

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;

use super::tuple::Cell;
use crate::value::Datum;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const SMALL: u8 = 3;
const WIDE: u8 = 4;
const DECIMAL: u8 = 5;
const FLOAT: u8 = 6;
const TEXT: u8 = 7;
const BYTES: u8 = 8;
const STORED: u8 = 9;

/// Bytes of one slot's end.
const END_BYTES: usize = 4;

/// A row among the bytes of a part; borrows from them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CarriedRow<'e> {
    slot_count: usize,
    /// Ends and slots.
    bytes: &'e [u8],
}

impl<'e> CarriedRow<'e> {
    /// The row of so many slots that `bytes` begins with, and what follows it.
    pub(crate) fn split_first(slot_count: usize, bytes: &'e [u8]) -> (Self, &'e [u8]) {
        let whole = Self { slot_count, bytes };
        let (bytes, rest) = bytes.split_at(whole.end(slot_count));
        (Self { slot_count, bytes }, rest)
    }

    /// Where the first so many slots end.
    fn end(&self, slots: usize) -> usize {
        let first = self.slot_count * END_BYTES;
        let Some(last) = slots.checked_sub(1) else { return first };
        let end = self.bytes[last * END_BYTES..].first_chunk().expect("a row begins with its ends");
        first + u32::from_le_bytes(*end) as usize
    }

    pub(crate) fn cell(&self, slot: usize) -> Cell<'e> {
        let slot = &self.bytes[self.end(slot)..self.end(slot + 1)];
        let (tag, bytes) = slot.split_first().expect("a slot has a tag");
        match *tag {
            STORED => Cell::Encoded(bytes),
            tag => Cell::Value(read(tag, bytes)),
        }
    }

    /// The value of a slot that no column was stored in.
    pub(crate) fn value(&self, slot: usize) -> Datum<'e> {
        match self.cell(slot) {
            Cell::Value(value) => value,
            Cell::Encoded(_) => unreachable!("slot {slot} holds a column of a table"),
        }
    }
}

fn read(tag: u8, bytes: &[u8]) -> Datum<'_> {
    match tag {
        NULL => Datum::Null,
        FALSE | TRUE => Datum::Bool(tag == TRUE),
        SMALL => Datum::Int(i64::from_le_bytes(fixed(bytes)).into()),
        WIDE => Datum::Int(i128::from_le_bytes(fixed(bytes))),
        DECIMAL => {
            let (scale, digits) = bytes.split_at(8);
            let digits = BigInt::from_signed_bytes_le(digits);
            Datum::Decimal(Box::new(BigDecimal::new(digits, i64::from_le_bytes(fixed(scale)))))
        }
        FLOAT => Datum::Float(f64::from_le_bytes(fixed(bytes))),
        TEXT => Datum::text(core::str::from_utf8(bytes).expect("it was written from a text")),
        BYTES => Datum::Bytes(Cow::Borrowed(bytes)),
        other => unreachable!("no slot has the tag {other}"),
    }
}

fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("a number of this tag has as many bytes")
}

/// Appends one row, slot by slot.
pub(crate) struct RowWriter<'o> {
    out: &'o mut Vec<u8>,
    /// Where the next slot's end is to be written.
    next_end: usize,
    /// Where the slots begin.
    slots: usize,
}

/// A row that has grown beyond what its ends can tell: 4 GiB.
#[derive(Debug)]
pub(crate) struct RowTooLong;

impl<'o> RowWriter<'o> {
    /// As many cells as `slot_count` have to follow.
    pub(crate) fn begin(slot_count: usize, out: &'o mut Vec<u8>) -> Self {
        let next_end = out.len();
        let slots = next_end + slot_count * END_BYTES;
        out.resize(slots, 0);
        Self { out, next_end, slots }
    }

    /// Returns how many bytes the slot takes.
    pub(crate) fn push(&mut self, cell: &Cell<'_>) -> Result<usize, RowTooLong> {
        let before = self.out.len();
        match cell {
            Cell::Encoded(tail) => self.put(STORED, tail),
            Cell::Value(value) => self.put_value(value),
        }
        let end = u32::try_from(self.out.len() - self.slots).map_err(|_| RowTooLong)?;
        self.out[self.next_end..self.next_end + END_BYTES].copy_from_slice(&end.to_le_bytes());
        self.next_end += END_BYTES;
        Ok(self.out.len() - before + END_BYTES)
    }

    fn put_value(&mut self, value: &Datum<'_>) {
        match value {
            Datum::Null => self.put(NULL, &[]),
            Datum::Bool(value) => self.put(if *value { TRUE } else { FALSE }, &[]),
            Datum::Int(value) => match i64::try_from(*value) {
                Ok(small) => self.put(SMALL, &small.to_le_bytes()),
                Err(_) => self.put(WIDE, &value.to_le_bytes()),
            },
            Datum::Decimal(value) => {
                let (digits, scale) = value.as_bigint_and_scale();
                self.put(DECIMAL, &scale.to_le_bytes());
                self.out.extend_from_slice(&digits.to_signed_bytes_le());
            }
            Datum::Float(value) => self.put(FLOAT, &value.to_le_bytes()),
            Datum::Text(text) => self.put(TEXT, text.as_bytes()),
            Datum::Bytes(bytes) => self.put(BYTES, bytes),
        }
    }

    fn put(&mut self, tag: u8, bytes: &[u8]) {
        self.out.push(tag);
        self.out.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::decimal;

    fn number(text: &str) -> Datum<'static> {
        decimal::datum(decimal::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn every_form_of_value_comes_back_as_it_was() {
        let values = [
            Datum::Null,
            Datum::Bool(true),
            Datum::Bool(false),
            Datum::Int(0),
            Datum::Int(i64::MIN.into()),
            Datum::Int(i128::MIN),
            Datum::Int(i128::MAX),
            number("-1.500"),
            number("0.00"),
            number("340282366920938463463374607431768211455"),
            Datum::Float(-0.0),
            Datum::Float(f64::INFINITY),
            Datum::text(""),
            Datum::text("é"),
            Datum::Bytes(Cow::Borrowed(&[0, 255])),
        ];
        let mut bytes = Vec::new();
        for _ in 0..2 {
            let mut row = RowWriter::begin(values.len() + 1, &mut bytes);
            for value in &values {
                row.push(&Cell::Value(value.clone())).unwrap();
            }
            row.push(&Cell::Encoded(b"tail")).unwrap();
        }
        let (first, rest) = CarriedRow::split_first(values.len() + 1, &bytes);
        let (second, rest) = CarriedRow::split_first(values.len() + 1, rest);
        assert!(rest.is_empty());
        for row in [first, second] {
            for (slot, value) in values.iter().enumerate() {
                // By its text too: the scale of a decimal and the sign of a zero are no matter of equality.
                assert_eq!(format!("{:?}", row.value(slot)), format!("{value:?}"));
            }
            assert!(matches!(row.cell(values.len()), Cell::Encoded(b"tail")));
        }
    }

    #[test]
    fn a_row_without_slots_takes_no_bytes() {
        let mut bytes = Vec::new();
        RowWriter::begin(0, &mut bytes);
        assert!(bytes.is_empty());
        let (_, rest) = CarriedRow::split_first(0, &bytes);
        assert!(rest.is_empty());
    }
}
