//! Types as Rust writes them.

use cosmictron_types::json::can_be_null;
use cosmictron_types::ty::Type;

use crate::user_type::UserTypes;

pub(super) fn text(types: &UserTypes<'_>, ty: &Type) -> String {
    let plain = match ty {
        Type::Bool => "bool",
        Type::I8 => "i8",
        Type::I16 => "i16",
        Type::I32 => "i32",
        Type::I64 => "i64",
        Type::I128 => "i128",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::U128 => "u128",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::String => "String",
        Type::Bytes => "Bytes",
        Type::Timestamp => "Timestamp",
        Type::Duration => "Duration",
        Type::Identity => "Identity",
        Type::ConnectionId => "ConnectionId",
        Type::Uuid => "Uuid",
        Type::Option(inner) if can_be_null(inner) => {
            return format!("Option<({},)>", text(types, inner));
        }
        Type::Option(inner) => return format!("Option<{}>", text(types, inner)),
        Type::List(inner) => return format!("Vec<{}>", text(types, inner)),
        Type::Struct(_) | Type::Enum(_) => types.name_of(ty),
    };
    plain.to_owned()
}

/// Whether a value is a float, or lists or options of some: those need their own way to be read and written.
pub(super) fn has_floats(ty: &Type) -> bool {
    match ty {
        Type::F32 | Type::F64 => true,
        Type::Option(inner) | Type::List(inner) => has_floats(inner),
        _ => false,
    }
}
