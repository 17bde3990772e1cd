//! Walks one value of the text as its type says.

use core::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::decode::Decoder;
use super::error::{Flaw, Refusal, Step, shown_text};
use super::group::{Group, Name};
use super::members::Members;
use super::scalar::{expected_variant, find_variant};
use super::shape::can_be_null;
use crate::column::length_bytes;
use crate::ty::{EnumType, Type};

/// One value to be read, and where it goes.
pub(super) struct Value<'d, 'o, 's> {
    pub(super) decoder: &'d mut Decoder<'o>,
    pub(super) ty: &'s Type,
    pub(super) form: Form,
}

/// The two forms of the encoding: see [`crate::column`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Own,
    Tail,
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        match self.ty {
            Type::Option(_) => json.deserialize_option(self),
            Type::Struct(ty) => {
                let members = Members::of_struct(ty);
                Group { decoder: self.decoder, members }.deserialize(json)
            }
            Type::String
            | Type::Bytes
            | Type::Identity
            | Type::ConnectionId
            | Type::Uuid
            | Type::List(_)
            | Type::Enum(_) => json.deserialize_any(self),
            // As it was sent: serde's own numbers end at 64 bits, and its floats may be one bit off.
            _ => {
                let raw = <&RawValue>::deserialize(json)?;
                let read = self.decoder.read_number(self.ty, raw.get());
                read.map_err(|flaw| self.decoder.refuse(flaw))
            }
        }
    }
}

impl Value<'_, '_, '_> {
    fn mismatch<E: Error>(self, found: impl fmt::Display) -> E {
        self.decoder.refuse(Flaw::mismatch(self.ty, found))
    }
}

/// The methods of a visitor that refuse what has no parts, by its own `mismatch`.
macro_rules! refuse_scalars {
    () => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("what the type says")
        }

        fn visit_bool<E: Error>(self, found: bool) -> Result<(), E> {
            Err(self.mismatch(found))
        }

        fn visit_i64<E: Error>(self, found: i64) -> Result<(), E> {
            Err(self.mismatch(format_args!("number {found}")))
        }

        fn visit_u64<E: Error>(self, found: u64) -> Result<(), E> {
            Err(self.mismatch(format_args!("number {found}")))
        }

        fn visit_f64<E: Error>(self, found: f64) -> Result<(), E> {
            Err(self.mismatch(format_args!("number {}", zmij::Buffer::new().format(found))))
        }

        fn visit_unit<E: Error>(self) -> Result<(), E> {
            Err(self.mismatch("null"))
        }
    };
}
pub(super) use refuse_scalars;

impl<'de> Visitor<'de> for Value<'_, '_, '_> {
    type Value = ();

    refuse_scalars!();

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let Value { decoder, ty, form } = self;
        decoder.read_text(ty, form, text).map_err(|flaw| decoder.refuse(flaw))
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.decoder.append_absent(self.ty).map_err(|flaw| self.decoder.refuse(flaw))
    }

    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        let Value { decoder, ty, form } = self;
        decoder.append(&[1]).map_err(|flaw| decoder.refuse(flaw))?;
        let present = Value { decoder, ty: ty.required(), form };
        if can_be_null(present.ty) {
            return json.deserialize_any(Only(present));
        }
        present.deserialize(json)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<(), A::Error> {
        match self.ty {
            Type::List(inner) => read_list(self.decoder, inner, elements),
            _ => Err(self.mismatch("an array")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<(), A::Error> {
        match self.ty {
            Type::Enum(ty) => read_variant(self.decoder, ty, entries),
            _ => Err(self.mismatch("an object")),
        }
    }
}

fn read_list<'de, A: SeqAccess<'de>>(
    decoder: &mut Decoder<'_>,
    ty: &Type,
    mut elements: A,
) -> Result<(), A::Error> {
    let count_at = decoder.out.len();
    decoder.append_zeros(4).map_err(|flaw| decoder.refuse(flaw))?;
    let mut count = 0;
    loop {
        let element = Value { decoder: &mut *decoder, ty, form: Form::Own };
        match elements.next_element_seed(element) {
            Ok(Some(())) => count += 1,
            Ok(None) => break,
            Err(error) => return Err(decoder.passed(Step::Index(count), error)),
        }
    }
    decoder.out[count_at..count_at + 4].copy_from_slice(&length_bytes(count));
    Ok(())
}

fn read_variant<'de, A: MapAccess<'de>>(
    decoder: &mut Decoder<'_>,
    ty: &EnumType,
    mut entries: A,
) -> Result<(), A::Error> {
    let find = |name: &str, _: &Decoder<'_>| find_variant(ty, name).map_err(Refusal::from);
    let name = Name { decoder: &mut *decoder, find };
    let Some((tag, variant)) = entries.next_key_seed(name)? else {
        return Err(decoder.refuse(Flaw::mismatch(expected_variant(ty), "an empty object")));
    };
    if variant.fields.is_empty() {
        let expected = format_args!("string \"{}\"", variant.name);
        return Err(decoder.refuse(Flaw::mismatch(expected, "an object")));
    }
    decoder.append(&[tag]).map_err(|flaw| decoder.refuse(flaw))?;
    let fields = Group { decoder: &mut *decoder, members: Members::of_variant(variant) };
    let read = entries.next_value_seed(fields);
    read.map_err(|error| decoder.passed(Step::Name(variant.name.clone()), error))?;
    if entries.next_key::<IgnoredAny>()?.is_some() {
        let found = "an object of several members";
        return Err(decoder.refuse(Flaw::mismatch(expected_variant(ty), found)));
    }
    Ok(())
}

/// The only element of an array: an option's value that could itself be `null`.
struct Only<'d, 'o, 's>(Value<'d, 'o, 's>);

impl Only<'_, '_, '_> {
    fn mismatch<E: Error>(self, found: impl fmt::Display) -> E {
        let expected = format_args!("null or an array of one {}", self.0.ty);
        self.0.decoder.refuse(Flaw::mismatch(expected, found))
    }
}

impl<'de> Visitor<'de> for Only<'_, '_, '_> {
    type Value = ();

    refuse_scalars!();

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        Err(self.mismatch(format_args!("string {}", shown_text(text))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let Value { decoder, ty, form } = self.0;
        let read = elements.next_element_seed(Value { decoder: &mut *decoder, ty, form });
        match read.map_err(|error| decoder.passed(Step::Index(0), error))? {
            None => Err(Only(Value { decoder, ty, form }).mismatch("an empty array")),
            Some(()) if elements.next_element::<IgnoredAny>()?.is_none() => Ok(()),
            Some(()) => Err(decoder.refuse(Flaw::Surplus { count_max: 1 })),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.mismatch("an object"))
    }
}
