//! Fields and variants: their names in Rust, and what serde has to know of them.

use cosmictron_types::ty::{Field, Type};

use super::type_text::{has_floats, text};
use crate::code::Code;
use crate::name::Names;
use crate::user_type::{UserType, UserTypes};

/// Words that are names with `r#` before them.
const KEYWORDS: [&str; 47] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while",
];
/// Words that are no names at all, or that a pattern takes for something else than a name.
const NO_NAMES: [&str; 10] =
    ["self", "Self", "super", "crate", "_", "yield", "None", "Some", "Ok", "Err"];

/// The names of one structure or enum.
pub(super) struct Members(Names);

impl Members {
    /// Of functions, or of variants.
    pub(super) fn new() -> Members {
        Members(Names::beside(&NO_NAMES))
    }

    /// Of fields. What serde derives has them in patterns, where the name of a tuple means the tuple.
    pub(super) fn fields(types: &UserTypes<'_>) -> Members {
        let is_tuple = |known: &&UserType<'_>| match known.ty {
            Type::Struct(ty) => is_tuple(&ty.fields),
            _ => false,
        };
        let tuples = types.iter().filter(is_tuple).map(|known| known.name.as_str());
        Members(Names::beside(&NO_NAMES.into_iter().chain(tuples).collect::<Vec<_>>()))
    }

    /// What a member is called in Rust; where that is not its name, a line says what its name is.
    pub(super) fn take(&mut self, name: &str, code: &mut Code) -> String {
        let member = self.take_silently(name);
        if member.trim_start_matches("r#") != name {
            code.line(&format!("#[serde(rename = \"{name}\")]"));
        }
        member
    }

    pub(super) fn take_silently(&mut self, name: &str) -> String {
        // `_2` is a name, `_` is none.
        let member = self.0.take(name);
        match KEYWORDS.contains(&member.as_str()) {
            true => format!("r#{member}"),
            false => member,
        }
    }
}

/// Whether fields go by their positions.
pub(super) fn is_tuple(fields: &[Field]) -> bool {
    fields.first().is_some_and(|field| field.name == "0")
}

pub(super) fn write_named(
    types: &UserTypes<'_>,
    fields: &[Field],
    visibility: &str,
    code: &mut Code,
) {
    let mut members = Members::fields(types);
    for field in fields {
        write_field(types, &mut members, &field.name, &field.ty, visibility, code);
    }
}

pub(super) fn write_field(
    types: &UserTypes<'_>,
    members: &mut Members,
    name: &str,
    ty: &Type,
    visibility: &str,
    code: &mut Code,
) {
    let name = members.take(name, code);
    write_attributes(ty, true, code);
    code.line(&format!("{visibility}{name}: {},", text(types, ty)));
}

pub(super) fn write_positional(
    types: &UserTypes<'_>,
    fields: &[Field],
    visibility: &str,
    code: &mut Code,
) {
    for field in fields {
        write_attributes(&field.ty, false, code);
        code.line(&format!("{visibility}{},", text(types, &field.ty)));
    }
}

/// What a field's type asks of serde beside the type itself.
fn write_attributes(ty: &Type, may_be_absent: bool, code: &mut Code) {
    if has_floats(ty) {
        // An option that is read in a way of its own is not absent by itself.
        let absent = if ty.is_option() && may_be_absent { "default, " } else { "" };
        code.line(&format!("#[serde({absent}with = \"cosmictron_client::float\")]"));
    }
}
