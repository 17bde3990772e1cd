//! What Rust types can be a column, a reducer's argument or its result, and how each is encoded.
//!
//! A value has two forms. On its own, inside a list or a struct, it says where it ends. As the *tail* of something
//! whose extent is known (a variable column of a row), it leaves that out: a string in a row has no length prefix.
//!
//! Invariants:
//! 1. A type with a `WIDTH` encodes to exactly that many bytes, in both forms.
//! 2. Equal values have equal bytes, so rows can be compared and hashed without decoding them.

use uuid::Uuid;

use crate::read::{DecodeError, Reader, text};
use crate::{ConnectionId, Duration, Identity, Timestamp};

/// A type that can be stored in a column. Implemented for the types of the table in `docs/file-format.md`; derive it
/// for your own structs and enums with `#[derive(Column)]` of the SDK.
#[diagnostic::on_unimplemented(
    message = "a value of type `{Self}` cannot be stored in a column or sent to a reducer",
    label = "not a column type",
    note = "column types are bool, integers of 8 to 128 bits, f32, f64, String, Vec<u8>, Timestamp, Duration, Identity, Uuid, Option<T>, Vec<T>, and your own structs and enums with `#[derive(Column)]`"
)]
pub trait Column: Sized {
    /// Encoded bytes, when they are the same for every value.
    const WIDTH: Option<usize>;

    /// Appends the type's name as the schema spells it: JSON, such as `"u64"` or `{"option":"string"}`.
    fn describe(out: &mut String);

    /// Appends the form that says where it ends.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads what [`Column::encode`] wrote.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Appends the form whose extent is known from elsewhere.
    fn encode_tail(&self, out: &mut Vec<u8>) {
        self.encode(out);
    }

    /// Reads what [`Column::encode_tail`] wrote; `bytes` are all of it.
    fn decode_tail(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let value = Self::decode(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }

    /// As [`Column::describe`], of a `Vec` of this type. `Vec<u8>` has a name of its own.
    #[doc(hidden)]
    fn describe_list(out: &mut String) {
        out.push_str("{\"list\":");
        Self::describe(out);
        out.push('}');
    }

    /// Appends the elements one after the other. Bytes go in one copy.
    #[doc(hidden)]
    fn encode_elements(elements: &[Self], out: &mut Vec<u8>) {
        elements.iter().for_each(|element| element.encode(out));
    }

    /// Reads `count` elements.
    #[doc(hidden)]
    fn decode_elements(count: usize, reader: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        // The count may be a lie: room for more elements than bytes are left is never made.
        let mut elements = Vec::with_capacity(count.min(reader.rest().len()));
        for _ in 0..count {
            elements.push(Self::decode(reader)?);
        }
        Ok(elements)
    }
}

/// Bytes that a column takes in a row's fixed part: the value itself, or where its bytes end.
pub const fn slot_width<T: Column>() -> usize {
    match T::WIDTH {
        Some(width) => width,
        None => SLOT_END_BYTES,
    }
}

/// Bytes of the slot of a variable column: where its bytes end, counted from the end of the fixed part.
pub const SLOT_END_BYTES: usize = 4;

/// A length or count as it is written. Panics beyond 4 GiB, which no row can reach.
pub fn length_bytes(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a row is smaller than 4 GiB").to_le_bytes()
}

macro_rules! number_columns {
    ($($number:ty),*) => {$(
        impl Column for $number {
            const WIDTH: Option<usize> = Some(size_of::<$number>());

            fn describe(out: &mut String) {
                out.push_str(concat!("\"", stringify!($number), "\""));
            }

            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self::from_le_bytes(reader.array()?))
            }
        }
    )*};
}

number_columns!(i8, i16, i32, i64, i128, u16, u32, u64, u128, f32, f64);

impl Column for u8 {
    const WIDTH: Option<usize> = Some(1);

    fn describe(out: &mut String) {
        out.push_str("\"u8\"");
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.byte()
    }

    fn describe_list(out: &mut String) {
        out.push_str("\"bytes\"");
    }

    fn encode_elements(elements: &[Self], out: &mut Vec<u8>) {
        out.extend_from_slice(elements);
    }

    fn decode_elements(count: usize, reader: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        Ok(reader.take(count)?.to_vec())
    }
}

impl Column for bool {
    const WIDTH: Option<usize> = Some(1);

    fn describe(out: &mut String) {
        out.push_str("\"bool\"");
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(DecodeError::InvalidBool(other)),
        }
    }
}

macro_rules! array_columns {
    ($($name:literal $array:ty: $bytes:literal, $from:expr, $to:expr);* $(;)?) => {$(
        impl Column for $array {
            const WIDTH: Option<usize> = Some($bytes);

            fn describe(out: &mut String) {
                out.push_str(concat!("\"", $name, "\""));
            }

            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&$to(self));
            }

            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok($from(reader.array::<$bytes>()?))
            }
        }
    )*};
}

array_columns! {
    "timestamp" Timestamp: 8,
        |bytes| Timestamp::from_micros(i64::from_le_bytes(bytes)), |t: &Timestamp| t.as_micros().to_le_bytes();
    "duration" Duration: 8,
        |bytes| Duration::from_micros(i64::from_le_bytes(bytes)), |d: &Duration| d.as_micros().to_le_bytes();
    "identity" Identity: 32, Identity::from_bytes, |i: &Identity| *i.as_bytes();
    "connection_id" ConnectionId: 16, ConnectionId::from_bytes, |c: &ConnectionId| *c.as_bytes();
    "uuid" Uuid: 16, Uuid::from_bytes, |u: &Uuid| *u.as_bytes();
}

impl Column for String {
    const WIDTH: Option<usize> = None;

    fn describe(out: &mut String) {
        out.push_str("\"string\"");
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&length_bytes(self.len()));
        out.extend_from_slice(self.as_bytes());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        text(reader.prefixed()?).map(str::to_owned)
    }

    fn encode_tail(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn decode_tail(bytes: &[u8]) -> Result<Self, DecodeError> {
        text(bytes).map(str::to_owned)
    }
}

impl<T: Column> Column for Option<T> {
    const WIDTH: Option<usize> = match T::WIDTH {
        Some(width) => Some(1 + width),
        None => None,
    };

    fn describe(out: &mut String) {
        out.push_str("{\"option\":");
        T::describe(out);
        out.push('}');
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => {
                out.push(1);
                value.encode(out);
            }
            None => encode_absent::<T>(out),
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.byte()? {
            1 => T::decode(reader).map(Some),
            0 => decode_absent(T::WIDTH, reader).map(|()| None),
            tag => Err(DecodeError::InvalidTag { tag, variants: 2 }),
        }
    }

    fn encode_tail(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => {
                out.push(1);
                value.encode_tail(out);
            }
            None => encode_absent::<T>(out),
        }
    }

    fn decode_tail(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        match reader.byte()? {
            1 => T::decode_tail(reader.rest()).map(Some),
            0 => {
                decode_absent(T::WIDTH, &mut reader)?;
                reader.finish().map(|()| None)
            }
            tag => Err(DecodeError::InvalidTag { tag, variants: 2 }),
        }
    }
}

fn encode_absent<T: Column>(out: &mut Vec<u8>) {
    out.resize(out.len() + 1 + T::WIDTH.unwrap_or(0), 0);
}

/// Reads the zeros that stand for an absent value of a fixed width.
pub(crate) fn decode_absent(
    width: Option<usize>,
    reader: &mut Reader<'_>,
) -> Result<(), DecodeError> {
    let padding = reader.take(width.unwrap_or(0))?;
    if padding.iter().any(|&byte| byte != 0) {
        return Err(DecodeError::NonZeroPadding);
    }
    Ok(())
}

impl<T: Column> Column for Vec<T> {
    const WIDTH: Option<usize> = None;

    fn describe(out: &mut String) {
        T::describe_list(out);
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&length_bytes(self.len()));
        T::encode_elements(self, out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.length()?;
        T::decode_elements(count, reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: Column + PartialEq + core::fmt::Debug>(value: T, own: &[u8], tail: &[u8]) {
        let mut out = Vec::new();
        value.encode(&mut out);
        assert_eq!(out, own);
        assert_eq!(T::decode_tail(tail), Ok(value));
        let mut reader = Reader::new(own);
        let again = T::decode(&mut reader).unwrap();
        assert!(reader.is_empty());
        out.clear();
        again.encode_tail(&mut out);
        assert_eq!(out, tail);
        assert!(T::WIDTH.is_none_or(|width| width == own.len() && width == tail.len()));
    }

    #[test]
    fn each_type_has_its_two_forms() {
        check(true, &[1], &[1]);
        check(-2i16, &[0xfe, 0xff], &[0xfe, 0xff]);
        check(String::from("ab"), &[2, 0, 0, 0, b'a', b'b'], b"ab");
        check(Some(7u16), &[1, 7, 0], &[1, 7, 0]);
        check(None::<u16>, &[0, 0, 0], &[0, 0, 0]);
        check(Some(String::from("a")), &[1, 1, 0, 0, 0, b'a'], &[1, b'a']);
        check(None::<String>, &[0], &[0]);
        check(vec![1u8, 2], &[2, 0, 0, 0, 1, 2], &[2, 0, 0, 0, 1, 2]);
        check(vec![Some(1u8), None], &[2, 0, 0, 0, 1, 1, 0, 0], &[2, 0, 0, 0, 1, 1, 0, 0]);
        check(Timestamp::from_micros(1), &[1, 0, 0, 0, 0, 0, 0, 0], &[1, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_lying_count_makes_no_room() {
        let mut reader = Reader::new(&[0xff, 0xff, 0xff, 0xff, 1]);
        assert!(Vec::<u64>::decode(&mut reader).is_err());
    }

    #[test]
    fn what_is_not_canonical_is_refused() {
        assert_eq!(Option::<u8>::decode_tail(&[0, 1]), Err(DecodeError::NonZeroPadding));
        assert_eq!(bool::decode_tail(&[2]), Err(DecodeError::InvalidBool(2)));
        assert_eq!(String::decode_tail(&[0xff]), Err(DecodeError::InvalidUtf8));
        assert_eq!(u8::decode_tail(&[1, 2]), Err(DecodeError::TrailingBytes { bytes: 1 }));
    }
}
