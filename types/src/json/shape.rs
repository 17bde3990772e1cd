//! Which JSON form a group of fields takes.

use crate::ty::{Field, Type};

/// The JSON form of a struct, or of what a variant carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape<'s> {
    /// One field without a name: its bare value.
    Bare(&'s Field),
    /// Several fields without names.
    Array,
    /// Named fields, or none at all.
    Object,
}

impl<'s> Shape<'s> {
    /// The form of these fields.
    pub fn of(fields: &'s [Field]) -> Self {
        // Names never begin with a digit, so the first one tells.
        match fields {
            [only] if only.name == "0" => Shape::Bare(only),
            [first, ..] if first.name == "0" => Shape::Array,
            _ => Shape::Object,
        }
    }
}

/// Whether a value of this type may be written as `null`. Inside an option such a type is put into an array, so that
/// "absent" and "present, but itself absent" stay two things.
pub fn can_be_null(ty: &Type) -> bool {
    match ty {
        Type::Option(_) => true,
        Type::Struct(ty) => match Shape::of(&ty.fields) {
            Shape::Bare(field) => can_be_null(&field.ty),
            _ => false,
        },
        _ => false,
    }
}
