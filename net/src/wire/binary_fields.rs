//! Takes a client's message of `cosmictron.bin.v1` apart into its fields.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::binary::{CLIENT_MESSAGES, FieldReader, tag};
use super::field::{Field, Fields};
use super::refusal::MessageError;
use super::request_id::RequestId;

/// The values of a message's fields, borrowed from it.
#[derive(Debug, Default)]
pub(super) struct BinaryFields<'a> {
    number: u32,
    values: [Option<&'a [u8]>; Field::ALL.len()],
    /// The id is a text.
    is_text_id: bool,
    repeated: Option<Field>,
}

impl<'a> BinaryFields<'a> {
    /// Takes `bytes` apart. Fields that stand twice are noted, not refused: the id is to be found
    /// first.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<BinaryFields<'a>, MessageError> {
        let (number, mut reader) = FieldReader::begin(bytes)?;
        let mut fields = BinaryFields { number, ..BinaryFields::default() };
        while let Some((tag, value)) = reader.next()? {
            let Some(field) = recognise(tag) else { continue };
            if let Field::Id = field {
                fields.is_text_id = tag == tag::ID_TEXT;
            }
            let place = &mut fields.values[field as usize];
            if place.replace(value).is_some() {
                fields.repeated.get_or_insert(field);
            }
        }
        Ok(fields)
    }

    fn find(&self, field: Field) -> Option<&'a [u8]> {
        self.values[field as usize]
    }

    fn find_text(&self, field: Field) -> Option<&'a str> {
        str::from_utf8(self.find(field)?).ok()
    }
}

fn recognise(tag: u32) -> Option<Field> {
    Some(match tag {
        tag::ID | tag::ID_TEXT => Field::Id,
        tag::TOKEN => Field::Token,
        tag::REDUCER => Field::Reducer,
        tag::MODULE => Field::Module,
        tag::ARGS => Field::Args,
        tag::IDEMPOTENCY_KEY => Field::IdempotencyKey,
        tag::QUERY => Field::Query,
        tag::PARAMS => Field::Params,
        tag::SINCE => Field::Since,
        _ => return None,
    })
}

impl<'a> Fields<'a> for BinaryFields<'a> {
    fn kind(&self) -> Result<Cow<'a, str>, MessageError> {
        let known = CLIENT_MESSAGES.iter().find(|(number, _)| *number == self.number);
        let (_, name) = known.ok_or(MessageError::UnknownNumber(self.number))?;
        Ok(Cow::Borrowed(name))
    }

    fn repeated(&self) -> Option<Field> {
        self.repeated
    }

    fn has(&self, field: Field) -> bool {
        self.find(field).is_some()
    }

    fn has_value(&self, field: Field) -> bool {
        self.has(field)
    }

    fn id(&self) -> Option<RequestId> {
        match self.is_text_id {
            true => RequestId::of_text(self.find_text(Field::Id)?),
            false => RequestId::of_number(self.number(Field::Id)?),
        }
    }

    fn text(&self, field: Field) -> Option<Cow<'a, str>> {
        self.find_text(field).map(Cow::Borrowed)
    }

    fn number(&self, field: Field) -> Option<u64> {
        self.find(field)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn json(&self, field: Field) -> Option<&'a RawValue> {
        serde_json::from_str(self.find_text(field)?).ok()
    }
}
