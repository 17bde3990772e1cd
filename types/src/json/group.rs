//! Walks a group of fields in the text; [`super::members`] knows where each one goes.

use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::decode::Decoder;
use super::error::{Flaw, Refusal, shown_text};
use super::members::{Members, Progress};
use super::shape::Shape;
use super::value::{Form, Value, refuse_scalars};

/// A group of fields, and where it goes.
pub(super) struct Group<'d, 'o, 's> {
    pub(super) decoder: &'d mut Decoder<'o>,
    pub(super) members: Members<'s>,
}

impl<'de> DeserializeSeed<'de> for Group<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        match self.members.shape {
            Shape::Bare(field) => {
                Value { decoder: self.decoder, ty: &field.ty, form: Form::Own }.deserialize(json)
            }
            Shape::Array | Shape::Object => json.deserialize_any(self),
        }
    }
}

impl Group<'_, '_, '_> {
    fn mismatch<E: Error>(self, found: impl fmt::Display) -> E {
        self.decoder.refuse(Flaw::mismatch(self.members.expected, found))
    }

    fn open<E: Error>(&mut self) -> Result<Progress, E> {
        self.members.open(self.decoder).map_err(|flaw| self.decoder.refuse(flaw))
    }

    fn close<E: Error>(self, progress: Progress) -> Result<(), E> {
        let closed = self.members.close(self.decoder, progress);
        closed.map_err(|refusal| self.decoder.refuse(refusal))
    }

    /// Reads one field by `read`, which is told where to and says whether there was one.
    fn read_field<E: Error>(
        &mut self,
        progress: &mut Progress,
        index: usize,
        read: impl FnOnce(Value<'_, '_, '_>) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let Group { decoder, members } = self;
        let start = members.begin(decoder, progress, index);
        let value = Value { decoder, ty: &members.fields[index].ty, form: members.form() };
        let is_read = read(value).map_err(|error| decoder.passed(members.step(index), error))?;
        if is_read {
            members.keep(decoder, progress, index, start);
        } else {
            decoder.slot_at = None;
        }
        Ok(is_read)
    }
}

impl<'de> Visitor<'de> for Group<'_, '_, '_> {
    type Value = ();

    refuse_scalars!();

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        Err(self.mismatch(format_args!("string {}", shown_text(text))))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        if !self.members.takes_objects() {
            return Err(self.mismatch("an object"));
        }
        let mut progress = self.open()?;
        loop {
            let find =
                |name: &str, decoder: &Decoder<'_>| self.members.find(name, decoder, &progress);
            let name = Name { decoder: &mut *self.decoder, find };
            let Some(index) = entries.next_key_seed(name)? else { break };
            self.read_field(&mut progress, index, |value| {
                entries.next_value_seed(value).map(|()| true)
            })?;
        }
        self.close(progress)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        if !self.members.takes_arrays() {
            return Err(self.mismatch("an array"));
        }
        let mut progress = self.open()?;
        let count_max = self.members.fields.len();
        for index in 0..count_max {
            let read = |value: Value<'_, '_, '_>| {
                elements.next_element_seed(value).map(|read| read.is_some())
            };
            if !self.read_field(&mut progress, index, read)? {
                return self.close(progress);
            }
        }
        if elements.next_element::<IgnoredAny>()?.is_some() {
            return Err(self.decoder.refuse(Flaw::Surplus { count_max }));
        }
        self.close(progress)
    }
}

/// A member's name; `find` says what it stands for.
pub(super) struct Name<'d, 'o, F> {
    pub(super) decoder: &'d mut Decoder<'o>,
    pub(super) find: F,
}

impl<'de, T, F> DeserializeSeed<'de> for Name<'_, '_, F>
where
    F: FnOnce(&str, &Decoder<'_>) -> Result<T, Refusal>,
{
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<T, D::Error> {
        json.deserialize_str(self)
    }
}

impl<T, F> Visitor<'_> for Name<'_, '_, F>
where
    F: FnOnce(&str, &Decoder<'_>) -> Result<T, Refusal>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
        let Name { decoder, find } = self;
        find(name, decoder).map_err(|refusal| decoder.refuse(refusal))
    }
}
