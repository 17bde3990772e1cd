//! Takes a client's message in JSON apart into its fields, whose values stay JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::field::{Field, Fields};
use super::refusal::MessageError;
use super::request_id::RequestId;

/// The values of a message's fields, borrowed from its text.
#[derive(Debug, Default)]
pub(super) struct JsonFields<'a> {
    values: [Option<&'a RawValue>; Field::ALL.len()],
    repeated: Option<Field>,
}

impl<'a> JsonFields<'a> {
    /// Takes `text` apart. Fields that stand twice are noted, not refused: the id is to be found
    /// first.
    pub(super) fn parse(text: &'a str) -> Result<JsonFields<'a>, MessageError> {
        serde_json::from_str(text).map_err(|error| match error.is_data() {
            true => MessageError::NotAnObject,
            false => MessageError::Malformed { line: error.line(), column: error.column() },
        })
    }

    fn find(&self, field: Field) -> Option<&'a RawValue> {
        self.values[field as usize]
    }
}

impl<'a> Fields<'a> for JsonFields<'a> {
    fn kind(&self) -> Result<Cow<'a, str>, MessageError> {
        self.string(Field::Type, ..)
    }

    fn repeated(&self) -> Option<Field> {
        self.repeated
    }

    fn has(&self, field: Field) -> bool {
        self.find(field).is_some()
    }

    fn has_value(&self, field: Field) -> bool {
        self.find(field).is_some_and(|value| value.get() != "null")
    }

    fn id(&self) -> Option<RequestId> {
        RequestId::parse(self.find(Field::Id)?.get())
    }

    fn text(&self, field: Field) -> Option<Cow<'a, str>> {
        parse_string(self.find(field)?.get())
    }

    fn number(&self, field: Field) -> Option<u64> {
        parse_number(self.find(field)?.get())
    }

    fn json(&self, field: Field) -> Option<&'a RawValue> {
        self.find(field)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for JsonFields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<JsonFields<'a>, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = JsonFields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonFields<'de>, A::Error> {
        let mut fields = JsonFields::default();
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
