//! The values that rows and arguments are made of and Rust has no type for.
//!
//! Each reads and writes what the server has for it: an [`Identity`] is a text of hex digits, a [`Timestamp`] a number of
//! microseconds, [`Bytes`] a text of hex digits after `\x` within JSON, and bytes as they are in a column.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// Why a text is none of these values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {form}")]
pub struct InvalidValue {
    what: &'static str,
    form: &'static str,
}

macro_rules! fixed {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $what:literal, $form:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Of its bytes.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidValue;

            fn from_str(text: &str) -> Result<Self, InvalidValue> {
                let bytes = read_fixed(text).ok_or(InvalidValue { what: $what, form: $form })?;
                Ok(Self(bytes))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(TextVisitor { form: $form, parse: str::parse })
            }
        }
    };
}

fixed! {
    /// An account, for ever: 32 bytes, written as 64 hex digits.
    Identity, 32, "an identity", "64 hex digits"
}

fixed! {
    /// One client's connection: 16 bytes, written as 32 hex digits.
    ConnectionId, 16, "a connection's id", "32 hex digits"
}

fixed! {
    /// A UUID, written with hyphens.
    Uuid, 16, "a uuid", "32 hex digits, with hyphens or without"
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut at = 0;
        for (group, length) in [4, 2, 2, 2, 6].into_iter().enumerate() {
            if group > 0 {
                f.write_str("-")?;
            }
            write_hex(&self.0[at..at + length], f)?;
            at += length;
        }
        Ok(())
    }
}

/// Microseconds since the Unix epoch.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A span of time in microseconds, which may be negative.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(transparent)]
pub struct Duration(pub i64);

/// A byte string.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Hex<'b>(&'b [u8]);
        impl fmt::Display for Hex<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\\x")?;
                write_hex(self.0, f)
            }
        }
        serializer.collect_str(&Hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes, or hex digits after \\x")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.to_vec()))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
        let digits = text.strip_prefix("\\x").and_then(read_hex);
        digits.map(Bytes).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Bytes, A::Error> {
        let mut read = Vec::new();
        while let Some(byte) = bytes.next_element()? {
            read.push(byte);
        }
        Ok(Bytes(read))
    }
}

/// Reads a text by a function.
struct TextVisitor<T> {
    form: &'static str,
    parse: fn(&str) -> Result<T, InvalidValue>,
}

impl<T> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.form)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn read_fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.replace('-', "");
    read_hex(&digits)?.try_into().ok()
}

fn read_hex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    (0..digits.len()).step_by(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_what_they_write() {
        let identity: Identity = "ab".repeat(32).parse().unwrap();
        assert_eq!(identity.to_string(), "ab".repeat(32));
        let uuid: Uuid = "550e8400-e29b-41d4-a716-446655440000".parse().unwrap();
        let json = serde_json::to_string(&(uuid, Timestamp(-1), Bytes(vec![0, 255]))).unwrap();
        assert_eq!(json, r#"["550e8400-e29b-41d4-a716-446655440000",-1,"\\x00ff"]"#);
        let read: (Uuid, Timestamp, Bytes) = serde_json::from_str(&json).unwrap();
        assert_eq!(read, (uuid, Timestamp(-1), Bytes(vec![0, 255])));
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for text in ["", "ab", "zz", "é", &"a".repeat(63)] {
            assert!(text.parse::<Identity>().is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Bytes>("\"\\\\x0\"").is_err());
        assert!(serde_json::from_str::<Uuid>("7").is_err());
    }
}
