//! Writes rows as columnar batches: the rows of `cosmictron.bin.v1`, laid out for typed arrays. `docs/protocol.md` has the bytes.
//!
//! ```text
//!   cells of a row ──▶ row::write_row ──▶ a row as bytes that stand for themselves: compared, kept, counted
//!                                               │ all rows of an answer, or of one side of a change
//!                                               ▼
//!                           column::ColumnWriter, one a column ──▶ write_batch
//! ```
//!
//! A batch says of each column how its values are written, so it is read without its query. Integers take as many bytes as
//! the widest of them needs; the texts of all columns are one blob, which a client decodes at once and cuts by lengths in UTF-16.
//!
//! Invariants:
//! 1. Two rows have the same bytes exactly when they have the same JSON, so both formats tell the same changes.
//! 2. A batch is hardly longer than its rows: within [`ROWS_BYTES_MAX`] of rows its lengths fit in 32 bits.
//!
//! Reading order: [`row`], [`column`].

pub(crate) mod column;
pub(crate) mod row;

use column::ColumnWriter;

/// Bytes of encoded rows that are told at once. Four times as many could not be said in 32 bits, and one change may be the sum of
/// two such.
pub(crate) const ROWS_BYTES_MAX: u64 = 1 << 30;

/// Bytes of a batch before its columns' heads: its length, its rows, its texts' bytes, its columns.
const HEAD_BYTES: usize = 16;
/// Bytes of a column's head: its kind, the width of its values, whether it has nulls, and a zero.
const COLUMN_HEAD_BYTES: usize = 4;
/// What the length of a batch is a multiple of, and a batch has to stand at: the widest typed array.
pub(crate) const ALIGNMENT: usize = 8;

/// Appends a batch of rows, which have been written by [`row::write_row`] for the same columns. Where it begins counts as
/// aligned.
pub(crate) fn write_batch<'r>(rows: impl Iterator<Item = &'r [u8]>, out: &mut Vec<u8>) {
    let mut columns: Vec<ColumnWriter> = Vec::new();
    let mut row_count: u32 = 0;
    for mut row in rows {
        let mut at = 0;
        while let Some((cell, rest)) = row::split_first(row) {
            if at == columns.len() {
                assert_eq!(row_count, 0, "all rows of a batch have the same columns");
                columns.push(ColumnWriter::default());
            }
            columns[at].push(cell);
            (row, at) = (rest, at + 1);
        }
        row_count += 1;
    }
    let start = out.len();
    out.resize(start + HEAD_BYTES + COLUMN_HEAD_BYTES * columns.len(), 0);
    for (number, column) in columns.iter().enumerate() {
        let head = column.write(start, out);
        let at = start + HEAD_BYTES + COLUMN_HEAD_BYTES * number;
        out[at..at + COLUMN_HEAD_BYTES].copy_from_slice(&head);
    }
    let texts_at = out.len();
    columns.iter().for_each(|column| out.extend_from_slice(column.characters()));
    let text_bytes = length(out.len() - texts_at);
    align(start, ALIGNMENT, out);
    let head = [length(out.len() - start), row_count, text_bytes, length(columns.len())];
    for (place, number) in out[start..start + HEAD_BYTES].chunks_exact_mut(4).zip(head) {
        place.copy_from_slice(&number.to_le_bytes());
    }
}

/// Appends zeros up to a multiple of `width` from `start`.
fn align(start: usize, width: usize, out: &mut Vec<u8>) {
    out.resize(start + (out.len() - start).next_multiple_of(width), 0);
}

fn length(length: usize) -> u32 {
    u32::try_from(length).expect("rows are bounded (I2)")
}
