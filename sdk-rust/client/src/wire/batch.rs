//! Reads a batch: rows in columns.
//!
//! All of a batch is checked when it is read; after that every cell is there. The bytes stay where they have come, and texts are
//! cut out of them by the places that were found once.
//!
//! **Invariants**
//! 1. Each column has a value for every row, and texts that end at characters.
//! 2. A batch of no columns has no rows.

use bytes::Bytes;

use crate::error::Error;

/// Bytes before the columns.
const HEAD: usize = 16;

/// Rows in columns.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    bytes: Bytes,
    rows: usize,
    columns: Vec<Column>,
}

#[derive(Clone, Debug)]
struct Column {
    kind: Kind,
    /// Where the bits are that say which rows are null.
    nulls: Option<usize>,
}

#[derive(Clone, Debug)]
enum Kind {
    Null,
    Bool {
        at: usize,
    },
    Unsigned {
        at: usize,
        width: usize,
    },
    Signed {
        at: usize,
        width: usize,
    },
    Float {
        at: usize,
        width: usize,
    },
    Fixed {
        at: usize,
        width: usize,
    },
    /// Where the value of each row begins, and where the last one ends.
    Spans {
        what: Spans,
        begins: Vec<u32>,
    },
}

#[derive(Clone, Copy, Debug)]
enum Spans {
    Text,
    Json,
    Number,
    Bytes,
}

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'b> {
    Null,
    Bool(bool),
    Uint(u128),
    Int(i128),
    Single(f32),
    Float(f64),
    Text(&'b str),
    /// A list, a struct or an enum.
    Json(&'b str),
    /// A `numeric` with all its digits.
    Number(&'b str),
    Bytes(&'b [u8]),
    /// An identity, a connection's id or a uuid: by the column's type.
    Fixed(&'b [u8]),
}

/// Takes a batch apart from its beginning on.
struct Cursor<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Cursor<'_> {
    /// Passes over so many bytes; where they are.
    fn pass(&mut self, length: usize) -> Result<usize, Error> {
        let at = self.at;
        let end = at.checked_add(length).filter(|end| *end <= self.bytes.len());
        self.at = end.ok_or_else(|| wrong("is cut short"))?;
        Ok(at)
    }

    /// Passes over numbers of a width, aligned for it.
    fn numbers(&mut self, width: usize, widths: &[usize], rows: usize) -> Result<usize, Error> {
        if !widths.contains(&width) {
            return Err(wrong("has a column of an unknown width"));
        }
        self.at = self.at.next_multiple_of(width.min(8));
        self.pass(width * rows)
    }
}

impl Batch {
    /// The batch that some bytes begin with, and what follows it.
    pub(crate) fn read(bytes: &Bytes) -> Result<(Batch, Bytes), Error> {
        let head = bytes.get(..HEAD).ok_or_else(|| wrong("is cut short"))?;
        let [length, rows, text_bytes, columns] =
            [0, 4, 8, 12].map(|at| number_at(head, at, 4) as usize);
        if length < HEAD || bytes.len() < length || length % 8 != 0 {
            return Err(wrong("has a wrong length"));
        }
        if columns == 0 && rows > 0 {
            return Err(wrong("has rows of no columns"));
        }
        let batch = bytes.slice(..length);
        let mut cursor = Cursor { bytes: &batch, at: HEAD };
        let heads = cursor.pass(columns.checked_mul(4).ok_or_else(|| wrong("is cut short"))?)?;
        let mut read = Vec::new();
        for head in batch[heads..heads + 4 * columns].chunks_exact(4) {
            read.push(Column::read(&mut cursor, head[0], head[1].into(), head[2] == 1, rows)?);
        }
        let texts = cursor.pass(text_bytes)?;
        let text = str::from_utf8(&batch[texts..texts + text_bytes])
            .map_err(|_| wrong("has texts that are not UTF-8"))?;
        place_texts(&mut read, text, texts)?;
        let behind = bytes.slice(length..);
        Ok((Batch { bytes: batch, rows, columns: read }, behind))
    }

    /// How many rows.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// How many columns.
    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }

    /// A value. Panics where there is none.
    pub(crate) fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        let Column { kind, nulls } = &self.columns[column];
        if nulls.is_some_and(|bits| self.bytes[bits + row / 8] >> (row % 8) & 1 == 1) {
            return Cell::Null;
        }
        let value = |at: usize, width: usize| &self.bytes[at + row * width..][..width];
        match kind {
            Kind::Null => Cell::Null,
            Kind::Bool { at } => Cell::Bool(self.bytes[at + row] == 1),
            Kind::Unsigned { at, width } => Cell::Uint(number(value(*at, *width))),
            Kind::Signed { at, width } => {
                let shift = 128 - 8 * *width as u32;
                Cell::Int((number(value(*at, *width)) << shift).cast_signed() >> shift)
            }
            Kind::Float { at, width: 4 } => {
                let bits = number(value(*at, 4)) as u32;
                Cell::Single(f32::from_bits(bits))
            }
            Kind::Float { at, width } => {
                Cell::Float(f64::from_bits(number(value(*at, *width)) as u64))
            }
            Kind::Fixed { at, width } => Cell::Fixed(value(*at, *width)),
            Kind::Spans { what, begins } => {
                let span = &self.bytes[begins[row] as usize..begins[row + 1] as usize];
                let text =
                    || str::from_utf8(span).expect("texts were checked, and end at characters");
                match what {
                    Spans::Text => Cell::Text(text()),
                    Spans::Json => Cell::Json(text()),
                    Spans::Number => Cell::Number(text()),
                    Spans::Bytes => Cell::Bytes(span),
                }
            }
        }
    }
}

impl Column {
    fn read(
        cursor: &mut Cursor<'_>,
        kind: u8,
        width: usize,
        has_nulls: bool,
        rows: usize,
    ) -> Result<Column, Error> {
        let nulls = match has_nulls && kind != 0 {
            true => Some(cursor.pass(rows.div_ceil(8))?),
            false => None,
        };
        const INTEGERS: [usize; 5] = [1, 2, 4, 8, 16];
        let kind = match kind {
            0 => Kind::Null,
            1 if width == 1 => Kind::Bool { at: cursor.pass(rows)? },
            2 => Kind::Unsigned { at: cursor.numbers(width, &INTEGERS, rows)?, width },
            3 => Kind::Signed { at: cursor.numbers(width, &INTEGERS, rows)?, width },
            4 => Kind::Float { at: cursor.numbers(width, &[4, 8], rows)?, width },
            5 => Kind::Spans { what: Spans::Text, begins: lengths(cursor, width, rows)? },
            6 => Kind::Spans { what: Spans::Json, begins: lengths(cursor, width, rows)? },
            7 => Kind::Spans { what: Spans::Number, begins: lengths(cursor, width, rows)? },
            8 => {
                let lengths = lengths(cursor, width, rows)?;
                let begins = byte_spans(cursor, &lengths)?;
                Kind::Spans { what: Spans::Bytes, begins }
            }
            9 if matches!(width, 16 | 32) => {
                let bytes = rows.checked_mul(width).ok_or_else(|| wrong("is cut short"))?;
                Kind::Fixed { at: cursor.pass(bytes)?, width }
            }
            _ => return Err(wrong("has a column of an unknown kind")),
        };
        Ok(Column { kind, nulls })
    }
}

/// The lengths of a column's values, which are there before the values are.
fn lengths(cursor: &mut Cursor<'_>, width: usize, rows: usize) -> Result<Vec<u32>, Error> {
    let at = cursor.numbers(width, &[1, 2, 4], rows)?;
    let lengths = cursor.bytes[at..at + width * rows].chunks_exact(width);
    Ok(lengths.map(|length| number(length) as u32).collect())
}

/// Where byte strings begin that stand one behind the other.
fn byte_spans(cursor: &mut Cursor<'_>, lengths: &[u32]) -> Result<Vec<u32>, Error> {
    let mut begins = vec![place(cursor.at)?];
    for length in lengths {
        cursor.pass(*length as usize)?;
        begins.push(place(cursor.at)?);
    }
    Ok(begins)
}

/// Turns lengths of texts, in units of UTF-16, into places.
fn place_texts(columns: &mut [Column], text: &str, at: usize) -> Result<(), Error> {
    let mut characters = text.char_indices();
    for column in columns {
        let Kind::Spans { what: Spans::Text | Spans::Json | Spans::Number, begins } =
            &mut column.kind
        else {
            continue;
        };
        let mut places = Vec::with_capacity(begins.len() + 1);
        for length in begins.iter() {
            places.push(place(at + characters.offset())?);
            let mut units = *length as usize;
            while units > 0 {
                let (_, character) = characters.next().ok_or_else(|| wrong("lacks texts"))?;
                let taken = units.checked_sub(character.len_utf16());
                units = taken.ok_or_else(|| wrong("cuts a character in two"))?;
            }
        }
        places.push(place(at + characters.offset())?);
        *begins = places;
    }
    Ok(())
}

fn place(at: usize) -> Result<u32, Error> {
    u32::try_from(at).map_err(|_| wrong("is longer than 4 GiB"))
}

fn number_at(bytes: &[u8], at: usize, width: usize) -> u128 {
    number(&bytes[at..at + width])
}

/// A little-endian number of up to 16 bytes.
fn number(bytes: &[u8]) -> u128 {
    let mut wide = [0; 16];
    wide[..bytes.len()].copy_from_slice(bytes);
    u128::from_le_bytes(wide)
}

fn wrong(reason: &'static str) -> Error {
    Error::Protocol(format!("a batch {reason}"))
}
