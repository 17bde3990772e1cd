//! Types as TypeScript writes them, for the values that the server gives and takes (`docs/http-api.md`).

use cosmictron_types::json::{Shape, can_be_null};
use cosmictron_types::ty::{Field, Type, Variant};

use super::{Integers, TypeScript};

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A column of its own.
    Column,
    /// Within JSON: in a list, a struct or an enum, or what a reducer returns.
    Within,
    /// An argument, or a value to compare with. Wider than what comes back.
    Given,
}

impl TypeScript<'_> {
    pub(super) fn type_text(&self, ty: &Type, place: Place) -> String {
        match ty {
            Type::Bool => "boolean".to_owned(),
            Type::I8 | Type::I16 | Type::I32 | Type::U8 | Type::U16 | Type::U32 => {
                "number".to_owned()
            }
            Type::I64 | Type::U64 | Type::I128 | Type::U128 | Type::Timestamp | Type::Duration
                if place == Place::Given =>
            {
                "number | bigint | string".to_owned()
            }
            Type::I64 | Type::U64 => self.wide_text().to_owned(),
            Type::I128 | Type::U128 => match self.options.integers {
                Integers::Number | Integers::Bigint => "bigint".to_owned(),
                Integers::String => "string".to_owned(),
            },
            Type::F32 | Type::F64 => match place {
                Place::Column => "number".to_owned(),
                Place::Within | Place::Given => {
                    "number | \"NaN\" | \"Infinity\" | \"-Infinity\"".to_owned()
                }
            },
            Type::String => "string".to_owned(),
            Type::Bytes => match place {
                Place::Column => "Uint8Array".to_owned(),
                Place::Within => "string".to_owned(),
                Place::Given => "Uint8Array | string".to_owned(),
            },
            Type::Timestamp => "Timestamp".to_owned(),
            Type::Duration => "Duration".to_owned(),
            Type::Identity => "Identity".to_owned(),
            Type::ConnectionId => "ConnectionId".to_owned(),
            Type::Uuid => "Uuid".to_owned(),
            Type::Option(inner) if can_be_null(inner) => {
                format!("readonly [{}] | null", self.type_text(inner, within(place)))
            }
            Type::Option(inner) => format!("{} | null", self.type_text(inner, place)),
            Type::List(inner) => {
                format!("readonly {}[]", grouped(&self.type_text(inner, Place::Within)))
            }
            Type::Struct(_) | Type::Enum(_) => self.outline.types.name_of(ty).to_owned(),
        }
    }

    /// An integer of 64 bits.
    pub(super) fn wide_text(&self) -> &'static str {
        match self.options.integers {
            Integers::Number => "number",
            Integers::Bigint => "bigint",
            Integers::String => "string",
        }
    }

    /// What a struct is, or what a variant carries.
    pub(super) fn fields_text(&self, fields: &[Field]) -> String {
        let inner = |field: &Field| self.type_text(&field.ty, Place::Within);
        match Shape::of(fields) {
            Shape::Bare(field) => inner(field),
            Shape::Array => {
                format!("readonly [{}]", fields.iter().map(inner).collect::<Vec<_>>().join(", "))
            }
            Shape::Object if fields.is_empty() => "Record<string, never>".to_owned(),
            Shape::Object => {
                let member = |field: &Field| format!("readonly {}: {}", field.name, inner(field));
                format!("{{ {} }}", fields.iter().map(member).collect::<Vec<_>>().join("; "))
            }
        }
    }

    /// A variant as JSON has it: its name, or an object of the one member with that name.
    pub(super) fn variant_text(&self, variant: &Variant) -> String {
        match variant.fields.is_empty() {
            true => super::quoted(&variant.name),
            false => {
                format!("{{ readonly {}: {} }}", variant.name, self.fields_text(&variant.fields))
            }
        }
    }
}

/// What is in an array is JSON.
fn within(place: Place) -> Place {
    match place {
        Place::Given => Place::Given,
        Place::Column | Place::Within => Place::Within,
    }
}

/// A type that may have `[]` behind it.
fn grouped(text: &str) -> String {
    match text.contains(' ') {
        true => format!("({text})"),
        false => text.to_owned(),
    }
}
