//! The fields that clients' messages have, and what their values may be, in whichever form they came.

use std::borrow::Cow;
use std::ops::RangeBounds;

use serde_json::value::RawValue;

use super::refusal::MessageError;
use super::request_id::RequestId;

macro_rules! fields {
    ($($name:ident $text:literal $expected:literal,)*) => {
        /// A field that some message of a client has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Field {
            $($name,)*
        }

        impl Field {
            pub(super) const ALL: &[Field] = &[$(Field::$name),*];

            /// The name in JSON.
            pub(super) const fn as_str(self) -> &'static str {
                match self { $(Field::$name => $text,)* }
            }

            /// What its values are, for people.
            pub(super) const fn expected(self) -> &'static str {
                match self { $(Field::$name => $expected,)* }
            }

            pub(super) fn recognise(name: &str) -> Option<Field> {
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

/// The fields of one message, taken apart. What a field's value is not, is `None`.
pub(super) trait Fields<'a> {
    /// Which message it is, by its name in JSON.
    fn kind(&self) -> Result<Cow<'a, str>, MessageError>;

    /// The first field that stands twice.
    fn repeated(&self) -> Option<Field>;

    /// Whether the field is there.
    fn has(&self, field: Field) -> bool;

    /// Whether it is there with a value; `null` is as if absent where that may be.
    fn has_value(&self, field: Field) -> bool;

    fn id(&self) -> Option<RequestId>;
    fn text(&self, field: Field) -> Option<Cow<'a, str>>;
    fn number(&self, field: Field) -> Option<u64>;
    fn json(&self, field: Field) -> Option<&'a RawValue>;

    /// What a field has to say, which has to be there.
    fn need<T>(&self, field: Field, value: Option<T>) -> Result<T, MessageError> {
        match value {
            Some(value) => Ok(value),
            None if self.has(field) => Err(MessageError::wrong(field)),
            None => Err(MessageError::Missing(field.as_str())),
        }
    }

    /// The id, which has to be there.
    fn need_id(&self) -> Result<RequestId, MessageError> {
        self.need(Field::Id, self.id())
    }

    /// A string that must be there, of as many bytes as `lengths` has.
    fn string(
        &self,
        field: Field,
        lengths: impl RangeBounds<usize>,
    ) -> Result<Cow<'a, str>, MessageError> {
        let text = self.text(field).filter(|text| lengths.contains(&text.len()));
        self.need(field, text)
    }

    /// A string that may be there.
    fn string_if(
        &self,
        field: Field,
        lengths: impl RangeBounds<usize>,
    ) -> Result<Option<Cow<'a, str>>, MessageError> {
        self.has_value(field).then(|| self.string(field, lengths)).transpose()
    }

    /// A number that may be there.
    fn number_if(&self, field: Field) -> Result<Option<u64>, MessageError> {
        let need = || self.need(field, self.number(field));
        self.has_value(field).then(need).transpose()
    }

    /// JSON that must be there and begin with one of `first`.
    fn nested(&self, field: Field, first: &[char]) -> Result<&'a RawValue, MessageError> {
        let value = self.json(field).filter(|value| value.get().starts_with(first));
        self.need(field, value)
    }

    /// The same, where it may be left out.
    fn nested_if(
        &self,
        field: Field,
        first: &[char],
    ) -> Result<Option<&'a RawValue>, MessageError> {
        self.has_value(field).then(|| self.nested(field, first)).transpose()
    }
}
