//! Takes a client's message apart into its fields, whose values stay JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::refusal::MessageError;

macro_rules! fields {
    ($($name:ident $text:literal $expected:literal,)*) => {
        /// A field that some message of a client has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Field {
            $($name,)*
        }

        impl Field {
            const ALL: &[Field] = &[$(Field::$name),*];

            /// The name in JSON.
            pub(super) const fn as_str(self) -> &'static str {
                match self { $(Field::$name => $text,)* }
            }

            /// What its values are, for people.
            pub(super) const fn expected(self) -> &'static str {
                match self { $(Field::$name => $expected,)* }
            }

            fn recognise(name: &str) -> Option<Field> {
                match name { $($text => Some(Field::$name),)* _ => None }
            }
        }
    };
}

fields! {
    Type "type" "a string",
    Id "id" "an integer from 0 to 9007199254740992, or a string of 1 to 64 bytes",
    Token "token" "a string of up to 8192 bytes",
    Reducer "reducer" "a string of 1 to 256 bytes",
    Module "module" "a string of 1 to 256 bytes",
    Args "args" "an object or an array",
    IdempotencyKey "idempotency_key" "a string of 1 to 255 bytes",
    Query "query" "a string",
    Params "params" "an array",
    Since "since" "an integer from 0 to 18446744073709551615",
}

/// The values of a message's fields, borrowed from its text.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    values: [Option<&'a RawValue>; Field::ALL.len()],
    repeated: Option<Field>,
}

impl<'a> Fields<'a> {
    /// Takes `text` apart. Fields that stand twice are noted, not refused: the id is to be found
    /// first.
    pub(super) fn parse(text: &'a str) -> Result<Fields<'a>, MessageError> {
        serde_json::from_str(text).map_err(|error| match error.is_data() {
            true => MessageError::NotAnObject,
            false => MessageError::Malformed { line: error.line(), column: error.column() },
        })
    }

    /// The first field that stands twice.
    pub(super) fn repeated(&self) -> Option<Field> {
        self.repeated
    }

    /// The JSON value of `field`.
    pub(super) fn find(&self, field: Field) -> Option<&'a RawValue> {
        self.values[field as usize]
    }

    /// The same; `null` is as if absent.
    fn find_some(&self, field: Field) -> Option<&'a RawValue> {
        self.find(field).filter(|value| value.get() != "null")
    }

    fn need(&self, field: Field) -> Result<&'a RawValue, MessageError> {
        self.find(field).ok_or(MessageError::Missing(field.as_str()))
    }

    /// A string that must be there, of as many bytes as `lengths` has.
    pub(super) fn string(
        &self,
        field: Field,
        lengths: impl std::ops::RangeBounds<usize>,
    ) -> Result<Cow<'a, str>, MessageError> {
        parse_string(self.need(field)?.get())
            .filter(|text| lengths.contains(&text.len()))
            .ok_or_else(|| MessageError::wrong(field))
    }

    /// A string that may be there.
    pub(super) fn string_if(
        &self,
        field: Field,
        lengths: impl std::ops::RangeBounds<usize>,
    ) -> Result<Option<Cow<'a, str>>, MessageError> {
        self.find_some(field).map(|_| self.string(field, lengths)).transpose()
    }

    /// A number that may be there.
    pub(super) fn number_if(&self, field: Field) -> Result<Option<u64>, MessageError> {
        let Some(value) = self.find_some(field) else { return Ok(None) };
        parse_number(value.get()).map(Some).ok_or_else(|| MessageError::wrong(field))
    }

    /// A value that must be there and begin with one of `first`.
    pub(super) fn nested(
        &self,
        field: Field,
        first: &[char],
    ) -> Result<&'a RawValue, MessageError> {
        let value = self.need(field)?;
        if value.get().starts_with(first) { Ok(value) } else { Err(MessageError::wrong(field)) }
    }

    /// The same, where it may be left out.
    pub(super) fn nested_if(
        &self,
        field: Field,
        first: &[char],
    ) -> Result<Option<&'a RawValue>, MessageError> {
        self.find_some(field).map(|_| self.nested(field, first)).transpose()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields<'a>, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields::default();
        while let Some(Key(field)) = map.next_key()? {
            let Some(field) = field else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let place = &mut fields.values[field as usize];
            if place.is_some() {
                fields.repeated.get_or_insert(field);
            }
            *place = Some(map.next_value()?);
        }
        Ok(fields)
    }
}

/// The name of a field, when it is one of ours.
struct Key(Option<Field>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        Ok(Key(Field::recognise(name)))
    }
}

/// The string that the JSON value `json` is. Without escapes it is lent.
pub(super) fn parse_string(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(json).ok().map(Cow::Owned)
}

/// The number that the JSON value `json` is, without sign, fraction or exponent.
pub(super) fn parse_number(json: &str) -> Option<u64> {
    // A sign is the one thing that Rust reads and this does not.
    if json.starts_with('+') { None } else { json.parse().ok() }
}
