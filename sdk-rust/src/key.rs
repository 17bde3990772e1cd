//! Turns the values that a caller gives into the key form of the guest ABI.
//!
//! ```text
//! ┌───┬────────────────────────────────────────────┐
//! │ n │ row encoding of the first n index columns  │
//! └───┴────────────────────────────────────────────┘
//! ```
//!
//! Keys are taken by reference, in the form that a caller has at hand: a `String` column is looked up with a `&str`.

use core::ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use cosmictron_types::column::{SLOT_END_BYTES, length_bytes};
use cosmictron_types::{Column, ConnectionId, Duration, Identity, Timestamp, Uuid};

/// A column type that can be indexed: everything with an order, and `Option` of it.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` cannot be a key or have an index",
    label = "not a key",
    note = "a key is a bool, a number, a String, Vec<u8>, a Timestamp, a Duration, an Identity, a ConnectionId, a Uuid, or an Option of one of these"
)]
pub trait KeyColumn: Column {
    /// What a caller refers to when looking the column up: `str` for a `String`.
    type Key: ?Sized;

    /// Appends the column's tail form.
    #[doc(hidden)]
    fn encode_key(key: &Self::Key, out: &mut Vec<u8>);
}

/// A column type that can be a primary key: one that is never absent.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` cannot be a primary key",
    label = "not a primary key",
    note = "a primary key is a bool, a number, a String, Vec<u8>, a Timestamp, a Duration, an Identity, a ConnectionId or a Uuid, and never absent"
)]
pub trait PrimaryKeyColumn: KeyColumn {}

/// A column type that the server can number.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` cannot be numbered",
    label = "`#[auto_inc]` needs an integer"
)]
pub trait AutoIncColumn: PrimaryKeyColumn {}

macro_rules! plain_keys {
    ($($column:ty),*) => {$(
        impl KeyColumn for $column {
            type Key = $column;

            fn encode_key(key: &$column, out: &mut Vec<u8>) {
                key.encode_tail(out);
            }
        }
        impl PrimaryKeyColumn for $column {}
    )*};
}

plain_keys!(bool, i8, i16, i32, i64, i128, u8, u16, u32, u64, u128, f32, f64);
plain_keys!(Timestamp, Duration, Identity, ConnectionId, Uuid);

macro_rules! numbered {
    ($($column:ty),*) => {$( impl AutoIncColumn for $column {} )*};
}

numbered!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);

impl KeyColumn for String {
    type Key = str;

    fn encode_key(key: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(key.as_bytes());
    }
}
impl PrimaryKeyColumn for String {}

impl KeyColumn for Vec<u8> {
    type Key = [u8];

    fn encode_key(key: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&length_bytes(key.len()));
        out.extend_from_slice(key);
    }
}
impl PrimaryKeyColumn for Vec<u8> {}

impl<T: PrimaryKeyColumn> KeyColumn for Option<T> {
    type Key = Option<T>;

    fn encode_key(key: &Option<T>, out: &mut Vec<u8>) {
        key.encode_tail(out);
    }
}

/// Writes one key: a [`KeyWriter::slot`] for every column given, in index order, then a [`KeyWriter::tail`] for
/// every one in the same order. The counterpart of [`RowWriter`](cosmictron_types::RowWriter), for borrowed values.
#[doc(hidden)]
#[derive(Debug)]
pub struct KeyWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Where the next slot of the second pass lies.
    slot_at: usize,
    /// Where the variable part begins; known once the first pass is over.
    variable_at: Option<usize>,
}

impl<'a> KeyWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, columns: u8) -> Self {
        out.push(columns);
        let slot_at = out.len();
        Self { out, slot_at, variable_at: None }
    }

    pub fn slot<T: KeyColumn>(&mut self, key: &T::Key) {
        match T::WIDTH {
            Some(_) => T::encode_key(key, self.out),
            None => self.out.extend_from_slice(&[0; SLOT_END_BYTES]),
        }
    }

    pub fn tail<T: KeyColumn>(&mut self, key: &T::Key) {
        let variable_at = *self.variable_at.get_or_insert(self.out.len());
        let Some(width) = T::WIDTH else {
            T::encode_key(key, self.out);
            let end = length_bytes(self.out.len() - variable_at);
            self.out[self.slot_at..self.slot_at + SLOT_END_BYTES].copy_from_slice(&end);
            self.slot_at += SLOT_END_BYTES;
            return;
        };
        self.slot_at += width;
    }
}

/// A value that bounds a range of keys: a key, a reference to one, or a `String` or a `Vec<u8>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot bound a range over a column whose key is `{K}`",
    label = "not a `{K}`"
)]
pub trait AsKey<K: ?Sized> {
    /// The key.
    fn as_key(&self) -> &K;
}

impl<K> AsKey<K> for K {
    fn as_key(&self) -> &K {
        self
    }
}

impl<K: ?Sized> AsKey<K> for &K {
    fn as_key(&self) -> &K {
        self
    }
}

impl AsKey<str> for String {
    fn as_key(&self) -> &str {
        self
    }
}

impl AsKey<str> for &String {
    fn as_key(&self) -> &str {
        self
    }
}

impl AsKey<[u8]> for Vec<u8> {
    fn as_key(&self) -> &[u8] {
        self
    }
}

impl AsKey<[u8]> for &Vec<u8> {
    fn as_key(&self) -> &[u8] {
        self
    }
}

/// A range of keys: `a..b`, `a..=b`, `a..`, `..b`, `..=b`, `..`, or a pair of [`Bound`]s, of values or references.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a range over a column whose key is `{K}`",
    label = "not a range of this column's keys",
    note = "write `a..b`, `a..=b`, `a..`, `..b`, `..=b` or `..`"
)]
pub trait KeyRange<K: ?Sized> {
    /// Where the range begins and ends.
    fn bounds(&self) -> (Bound<&K>, Bound<&K>);
}

impl<K: ?Sized, B: AsKey<K>> KeyRange<K> for Range<B> {
    fn bounds(&self) -> (Bound<&K>, Bound<&K>) {
        (Bound::Included(self.start.as_key()), Bound::Excluded(self.end.as_key()))
    }
}

impl<K: ?Sized, B: AsKey<K>> KeyRange<K> for RangeInclusive<B> {
    fn bounds(&self) -> (Bound<&K>, Bound<&K>) {
        (Bound::Included(self.start().as_key()), Bound::Included(self.end().as_key()))
    }
}

impl<K: ?Sized, B: AsKey<K>> KeyRange<K> for RangeFrom<B> {
    fn bounds(&self) -> (Bound<&K>, Bound<&K>) {
        (Bound::Included(self.start.as_key()), Bound::Unbounded)
    }
}

impl<K: ?Sized, B: AsKey<K>> KeyRange<K> for RangeTo<B> {
    fn bounds(&self) -> (Bound<&K>, Bound<&K>) {
        (Bound::Unbounded, Bound::Excluded(self.end.as_key()))
    }
}

impl<K: ?Sized, B: AsKey<K>> KeyRange<K> for RangeToInclusive<B> {
    fn bounds(&self) -> (Bound<&K>, Bound<&K>) {
        (Bound::Unbounded, Bound::Included(self.end.as_key()))
    }
}

impl<K: ?Sized> KeyRange<K> for RangeFull {
    fn bounds(&self) -> (Bound<&K>, Bound<&K>) {
        (Bound::Unbounded, Bound::Unbounded)
    }
}

impl<K: ?Sized, B: AsKey<K>> KeyRange<K> for (Bound<B>, Bound<B>) {
    fn bounds(&self) -> (Bound<&K>, Bound<&K>) {
        (self.0.as_ref().map(AsKey::as_key), self.1.as_ref().map(AsKey::as_key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_column_count_and_a_row_of_its_columns() {
        let mut out = Vec::new();
        let mut key = KeyWriter::new(&mut out, 3);
        key.slot::<String>("ab");
        key.slot::<u16>(&7);
        key.slot::<Vec<u8>>(&[9]);
        key.tail::<String>("ab");
        key.tail::<u16>(&7);
        key.tail::<Vec<u8>>(&[9]);
        assert_eq!(out, [3, 2, 0, 0, 0, 7, 0, 7, 0, 0, 0, b'a', b'b', 1, 0, 0, 0, 9]);
    }

    #[test]
    fn strings_and_references_make_ranges_too() {
        fn bounds<K: ?Sized + ToOwned>(
            range: impl KeyRange<K>,
        ) -> (Bound<K::Owned>, Bound<K::Owned>) {
            let (lower, upper) = range.bounds();
            (lower.map(K::to_owned), upper.map(K::to_owned))
        }
        let text = String::from;
        assert_eq!(
            bounds::<str>("a".."b"),
            (Bound::Included(text("a")), Bound::Excluded(text("b")))
        );
        assert_eq!(bounds::<str>(&text("a")..), (Bound::Included(text("a")), Bound::Unbounded));
        assert_eq!(bounds::<str>(..=text("b")), (Bound::Unbounded, Bound::Included(text("b"))));
        assert_eq!(bounds::<u8>(&1..=&5), (Bound::Included(1), Bound::Included(5)));
        assert_eq!(bounds::<u8>(1..), (Bound::Included(1), Bound::Unbounded));
        assert_eq!(bounds::<u8>(..), (Bound::Unbounded, Bound::Unbounded));
        assert_eq!(
            bounds::<u8>((Bound::Excluded(1), Bound::<u8>::Unbounded)),
            (Bound::Excluded(1), Bound::Unbounded)
        );
    }
}
