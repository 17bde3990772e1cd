//! What a transaction changed, for live queries, and in the form that the log keeps.
//!
//! Changes follow one another without a count; integers are little-endian base 128 (*varint*: seven bits a byte, the
//! lowest first, the top bit set on all but the last byte, no superfluous last byte of 0).
//!
//! | field | bytes | present |
//! |---|---|---|
//! | tag | 1: kind in the low 4 bits, 0x10 when the table is that of the change before | always |
//! | table | varint, the table's id | without 0x10 |
//!
//! | kind | meaning | then |
//! |---|---|---|
//! | 0 | a row was inserted | length varint, the row |
//! | 1 | the row with the same primary key became this one | length varint, the row |
//! | 2 | the row with this primary key was deleted | length varint, the column's tail form |
//! | 3 | this row of a table without a primary key was deleted | index varint (the index by which it was found), length varint, the row |
//! | 4 | a sequence moved to a number that no row of this transaction shows | column varint, number varint up to 128 bits |
//!
//! Changes are net: no row occurs twice. Their order has no meaning beyond that; a reader applies all of them as
//! one step, since two rows may have swapped the values of a unique index.

use cosmictron_types::{ColumnIndex, IndexId, TableId};

/// One row's difference between before and after a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'s> {
    Insert { table: TableId, new: &'s [u8] },
    Update { table: TableId, old: &'s [u8], new: &'s [u8] },
    Delete { table: TableId, old: &'s [u8] },
}

impl<'s> Change<'s> {
    pub fn table(&self) -> TableId {
        match *self {
            Change::Insert { table, .. }
            | Change::Update { table, .. }
            | Change::Delete { table, .. } => table,
        }
    }

    /// The row that the transaction found.
    pub fn old_row(&self) -> Option<&'s [u8]> {
        match *self {
            Change::Insert { .. } => None,
            Change::Update { old, .. } | Change::Delete { old, .. } => Some(old),
        }
    }

    /// The row that the transaction leaves.
    pub fn new_row(&self) -> Option<&'s [u8]> {
        match *self {
            Change::Insert { new, .. } | Change::Update { new, .. } => Some(new),
            Change::Delete { .. } => None,
        }
    }
}

/// One change as the log keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggedChange<'b> {
    Insert {
        table: TableId,
        row: &'b [u8],
    },
    /// The row with this primary key has become this one.
    Update {
        table: TableId,
        row: &'b [u8],
    },
    /// The row with this primary key (its column's tail form) is gone.
    DeleteKey {
        table: TableId,
        key: &'b [u8],
    },
    /// A row of a table without a primary key is gone; `index` finds it.
    DeleteRow {
        table: TableId,
        index: IndexId,
        row: &'b [u8],
    },
    /// The sequence stands at `last`, and no row of the transaction shows it.
    Sequence {
        table: TableId,
        column: ColumnIndex,
        last: u128,
    },
}

const INSERT: u8 = 0;
const UPDATE: u8 = 1;
const DELETE_KEY: u8 = 2;
const DELETE_ROW: u8 = 3;
const SEQUENCE: u8 = 4;
const KIND: u8 = 0x0f;
const SAME_TABLE: u8 = 0x10;

/// Appends changes to a buffer, in the form of the log.
#[derive(Debug)]
pub struct ChangeWriter<'o> {
    out: &'o mut Vec<u8>,
    table: Option<TableId>,
}

impl<'o> ChangeWriter<'o> {
    /// Begins a sequence of changes at the buffer's end.
    pub fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, table: None }
    }

    /// Appends one.
    pub fn write(&mut self, change: &LoggedChange<'_>) {
        match *change {
            LoggedChange::Insert { table, row } => {
                self.begin(INSERT, table);
                self.bytes(row);
            }
            LoggedChange::Update { table, row } => {
                self.begin(UPDATE, table);
                self.bytes(row);
            }
            LoggedChange::DeleteKey { table, key } => {
                self.begin(DELETE_KEY, table);
                self.bytes(key);
            }
            LoggedChange::DeleteRow { table, index, row } => {
                self.begin(DELETE_ROW, table);
                self.number(index.get().into());
                self.bytes(row);
            }
            LoggedChange::Sequence { table, column, last } => {
                self.begin(SEQUENCE, table);
                self.number(column.get().into());
                self.number(last);
            }
        }
    }

    fn begin(&mut self, kind: u8, table: TableId) {
        if self.table == Some(table) {
            return self.out.push(kind | SAME_TABLE);
        }
        self.table = Some(table);
        self.out.push(kind);
        self.number(table.get().into());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u128);
        self.out.extend_from_slice(bytes);
    }

    fn number(&mut self, mut number: u128) {
        while number > 0x7f {
            self.out.push(low_bits(number) | 0x80);
            number >>= 7;
        }
        self.out.push(low_bits(number));
    }
}

fn low_bits(number: u128) -> u8 {
    number.to_le_bytes()[0] & 0x7f
}

/// Reads what [`Store::encode_changes`](crate::Store::encode_changes) wrote. Ends at the first error.
#[derive(Clone, Debug)]
pub struct ChangeReader<'b> {
    bytes: &'b [u8],
    at: usize,
    table: Option<TableId>,
}

/// Why bytes are no changes. `at` is the offset among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChange {
    #[error("the changes end at {at}, in the middle of one")]
    UnexpectedEnd { at: usize },
    #[error("tag {tag:#04x} at {at} is none of a change")]
    Tag { at: usize, tag: u8 },
    #[error("the number at {at} is too large or not in its shortest form")]
    Number { at: usize },
}

impl<'b> ChangeReader<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0, table: None }
    }

    fn change(&mut self) -> Result<LoggedChange<'b>, InvalidChange> {
        let at = self.at;
        let tag = self.byte()?;
        let table = match (tag & !KIND, self.table) {
            (0, _) => TableId::new(self.number()?),
            (SAME_TABLE, Some(table)) => table,
            _ => return Err(InvalidChange::Tag { at, tag }),
        };
        self.table = Some(table);
        Ok(match tag & KIND {
            INSERT => LoggedChange::Insert { table, row: self.prefixed()? },
            UPDATE => LoggedChange::Update { table, row: self.prefixed()? },
            DELETE_KEY => LoggedChange::DeleteKey { table, key: self.prefixed()? },
            DELETE_ROW => {
                let index = IndexId::new(self.number()?);
                LoggedChange::DeleteRow { table, index, row: self.prefixed()? }
            }
            SEQUENCE => {
                let column = ColumnIndex::new(self.number()?);
                LoggedChange::Sequence { table, column, last: self.number()? }
            }
            _ => return Err(InvalidChange::Tag { at, tag }),
        })
    }

    fn byte(&mut self) -> Result<u8, InvalidChange> {
        let byte = self.bytes.get(self.at).ok_or(InvalidChange::UnexpectedEnd { at: self.at })?;
        self.at += 1;
        Ok(*byte)
    }

    fn prefixed(&mut self) -> Result<&'b [u8], InvalidChange> {
        let length: u32 = self.number()?;
        let end = self.at.checked_add(length as usize);
        let bytes = end.and_then(|end| self.bytes.get(self.at..end));
        let bytes = bytes.ok_or(InvalidChange::UnexpectedEnd { at: self.at })?;
        self.at += bytes.len();
        Ok(bytes)
    }

    fn number<T: TryFrom<u128>>(&mut self) -> Result<T, InvalidChange> {
        let at = self.at;
        let first = self.byte()?;
        if first < 0x80 {
            return T::try_from(first.into()).map_err(|_| InvalidChange::Number { at });
        }
        let mut number = u128::from(first & 0x7f);
        let (mut last, mut shift) = (first, 7);
        while last & 0x80 != 0 {
            last = self.byte()?;
            let bits = u128::from(last & 0x7f);
            let is_superfluous = last == 0;
            if is_superfluous || shift >= u128::BITS || bits << shift >> shift != bits {
                return Err(InvalidChange::Number { at });
            }
            number |= bits << shift;
            shift += 7;
        }
        T::try_from(number).map_err(|_| InvalidChange::Number { at })
    }
}

impl<'b> Iterator for ChangeReader<'b> {
    type Item = Result<LoggedChange<'b>, InvalidChange>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let change = self.change();
        if change.is_err() {
            self.at = self.bytes.len();
        }
        Some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGES: [LoggedChange<'static>; 6] = [
        LoggedChange::Insert { table: TableId::new(7), row: b"abc" },
        LoggedChange::Update { table: TableId::new(7), row: b"" },
        LoggedChange::DeleteKey { table: TableId::new(300), key: &[1] },
        LoggedChange::DeleteRow { table: TableId::new(300), index: IndexId::new(2), row: b"xy" },
        LoggedChange::Sequence {
            table: TableId::new(7),
            column: ColumnIndex::new(1),
            last: 1 << 70,
        },
        LoggedChange::Sequence {
            table: TableId::new(7),
            column: ColumnIndex::new(1),
            last: u128::MAX,
        },
    ];

    fn encoded() -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = ChangeWriter::new(&mut out);
        CHANGES.iter().for_each(|change| writer.write(change));
        out
    }

    #[test]
    fn the_bytes_are_those_of_the_table_above() {
        let mut expected = vec![0, 7, 3, b'a', b'b', b'c'];
        expected.extend([0x11, 0]);
        expected.extend([2, 0xac, 0x02, 1, 1]);
        expected.extend([0x13, 2, 2, b'x', b'y']);
        expected.extend([4, 7, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]);
        expected.extend([0x14, 1]);
        expected.extend([0xff; 18]);
        expected.push(0x03);
        assert_eq!(encoded(), expected);
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = encoded();
        let read: Result<Vec<_>, _> = ChangeReader::new(&bytes).collect();
        assert_eq!(read.as_deref(), Ok(CHANGES.as_slice()));
    }

    #[test]
    fn no_cut_passes_in_the_middle_of_a_change() {
        let bytes = encoded();
        let whole = [0, 6, 8, 13, 18, 32, bytes.len()];
        for end in 0..bytes.len() {
            let result: Result<Vec<_>, _> = ChangeReader::new(&bytes[..end]).collect();
            assert_eq!(result.is_ok(), whole.contains(&end), "{end}");
        }
    }

    #[track_caller]
    fn check(bytes: &[u8], error: InvalidChange) {
        let mut reader = ChangeReader::new(bytes);
        assert_eq!(reader.next(), Some(Err(error)));
        assert_eq!(reader.next(), None);
    }

    #[test]
    fn what_is_not_canonical_is_refused() {
        check(&[5, 1], InvalidChange::Tag { at: 0, tag: 5 });
        check(&[0x20, 1], InvalidChange::Tag { at: 0, tag: 0x20 });
        check(&[0x10, 0], InvalidChange::Tag { at: 0, tag: 0x10 });
        check(&[0, 0x81, 0x00, 0], InvalidChange::Number { at: 1 });
        check(&[0, 0xff, 0xff, 0xff, 0xff, 0x1f, 0], InvalidChange::Number { at: 1 });
        check(&[0, 1, 9, 0], InvalidChange::UnexpectedEnd { at: 3 });
    }
}
