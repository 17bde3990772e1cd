//! Turns index columns into bytes whose plain order is the order of the values: *memcomparable* keys.
//!
//! Every comparison in an index is one of bytes, whatever the types are. Each column's bytes follow one another:
//!
//! | type | bytes |
//! |---|---|
//! | bool, unsigned integers | big-endian |
//! | signed integers, timestamp, duration | big-endian with the sign bit flipped |
//! | f32, f64 | sign bit flipped, all bits of a negative one; -0.0 is 0.0, every NaN is the same and the greatest |
//! | identity, connection_id, uuid | as they are |
//! | string, bytes | each byte, 00 as `01 01` and 01 as `01 02`; then a 00 |
//! | option | 00 when absent, else 01 and the value: absent comes first |
//!
//! The order of floats is PostgreSQL's, so an index and a sort agree.
//!
//! Invariants:
//! 1. The bytes of one column are never the beginning of another value's bytes. So a key of the first columns of an
//!    index is a prefix of exactly those rows' keys that have these values.
//! 2. Two rows have equal keys exactly when each column is equal (-0.0 and 0.0 are).
//! 3. If a full key has at most 8 bytes, no other key of its index begins with them padded by zeros: the *head*, the
//!    first 8 bytes as a number, decides.

pub(crate) mod form;

#[cfg(test)]
mod tests;

use core::cmp::Ordering;

use cosmictron_types::{Column, ColumnIndex, DecodeError, Type};

use crate::definition::IndexDef;
use form::{Part, Sink};

/// Bytes of a key that are kept without an allocation: an identity and a number beside it.
const INLINE_BYTES: usize = 46;

/// The key of an index entry, or of the first columns of one: a bound that every key beginning with it meets.
#[derive(Clone)]
pub struct Key(Bytes);

#[derive(Clone)]
enum Bytes {
    Inline { length: u8, bytes: [u8; INLINE_BYTES] },
    Heap(Vec<u8>),
}

impl Key {
    pub(crate) const fn new() -> Self {
        Self(Bytes::Inline { length: 0, bytes: [0; INLINE_BYTES] })
    }

    /// The bytes by which any index compares a value of a column of this type; `tail` is its tail form as a row holds it.
    /// `None` when no index can be over the type, or `tail` is no value of it.
    pub fn of_value(ty: &Type, tail: &[u8]) -> Option<Key> {
        if !ty.required().is_key() || ty.check_tail(tail).is_err() {
            return None;
        }
        let mut key = Key::new();
        Part::new(ColumnIndex::new(0), ty).encode(tail, &mut key);
        Some(key)
    }

    /// The key of the first columns, which have so many bytes.
    pub fn beginning(&self, bytes: usize) -> Key {
        let mut key = Key::new();
        key.put(&self.as_bytes()[..bytes]);
        key
    }

    /// The memcomparable bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Inline { length, bytes } => &bytes[..usize::from(*length)],
            Bytes::Heap(bytes) => bytes,
        }
    }
}

impl From<[u8; 8]> for Key {
    fn from(word: [u8; 8]) -> Self {
        let mut bytes = [0; INLINE_BYTES];
        bytes[..8].copy_from_slice(&word);
        Self(Bytes::Inline { length: 8, bytes })
    }
}

impl Sink for Key {
    fn put(&mut self, more: &[u8]) {
        match &mut self.0 {
            Bytes::Heap(bytes) => bytes.extend_from_slice(more),
            Bytes::Inline { length, bytes } => {
                let (start, end) = (usize::from(*length), usize::from(*length) + more.len());
                if let (Some(room), Ok(end)) = (bytes.get_mut(start..end), u8::try_from(end)) {
                    room.copy_from_slice(more);
                    *length = end;
                    return;
                }
                let mut longer = Vec::with_capacity(end.max(2 * INLINE_BYTES));
                longer.extend_from_slice(&bytes[..start]);
                longer.extend_from_slice(more);
                self.0 = Bytes::Heap(longer);
            }
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Key({:02x?})", self.as_bytes())
    }
}

/// Why bytes or values make no key of an index. The caller's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error("a key has at most {columns_max} columns, not {columns}")]
    Columns { columns: usize, columns_max: usize },
    #[error("column {column} of the key: {error}")]
    Column {
        column: ColumnIndex,
        #[source]
        error: DecodeError,
    },
    #[error("the key: {0}")]
    Row(#[source] DecodeError),
}

/// Builds a [`Key`] of an index, or of its first columns, one column after the other.
#[derive(Debug)]
pub struct KeyBuilder<'d> {
    index: &'d IndexDef,
    columns: usize,
    key: Key,
}

impl<'d> KeyBuilder<'d> {
    pub fn new(index: &'d IndexDef) -> Self {
        Self { index, columns: 0, key: Key::new() }
    }

    /// The index's next column, in tail form as a row holds it (with the tag of an `Option`); checked.
    pub fn column(&mut self, tail: &[u8]) -> Result<(), InvalidKey> {
        let Some(part) = self.index.parts().get(self.columns) else {
            let columns_max = self.columns;
            return Err(InvalidKey::Columns { columns: columns_max + 1, columns_max });
        };
        part.check(tail).map_err(|error| InvalidKey::Column { column: part.column, error })?;
        part.encode(tail, &mut self.key);
        self.columns += 1;
        Ok(())
    }

    /// The index's next column, as the Rust value that the column's type stands for.
    pub fn value<T: Column>(&mut self, value: &T) -> Result<(), InvalidKey> {
        let mut tail = Vec::new();
        value.encode_tail(&mut tail);
        self.column(&tail)
    }

    /// How many columns were given.
    pub fn columns(&self) -> usize {
        self.columns
    }

    pub fn finish(self) -> Key {
        self.key
    }
}
