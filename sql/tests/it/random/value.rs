//! The types of columns with the few values that are drawn of each: so few that joins meet, keys collide and predicates split.

use super::choice::Choices;

/// Types whose values are computed and compared with one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Int,
    Bool,
    Text,
    Numeric,
    Float,
    Timestamp,
    Duration,
    Bytes,
    Identity,
    ConnectionId,
    Uuid,
    List,
    Enum,
    Struct,
}

impl Family {
    /// Whether values have an order.
    pub(crate) fn is_ordered(self) -> bool {
        !matches!(self, Family::List | Family::Enum | Family::Struct)
    }
}

/// A type that a column can have.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) family: Family,
    /// As a schema has it.
    pub(crate) json: &'static str,
    /// As a cast has it; a composite type has no name.
    pub(crate) name: Option<&'static str>,
    /// As JSON, the simplest first.
    pub(crate) values: &'static [&'static str],
    /// Bits of an integer.
    pub(crate) bits: u32,
}

const fn integer(
    name: &'static str,
    json: &'static str,
    bits: u32,
    values: &'static [&str],
) -> Kind {
    Kind { family: Family::Int, json, name: Some(name), values, bits }
}

const fn named(
    family: Family,
    name: &'static str,
    json: &'static str,
    values: &'static [&str],
) -> Kind {
    Kind { family, json, name: Some(name), values, bits: 0 }
}

const fn composite(family: Family, json: &'static str, values: &'static [&str]) -> Kind {
    Kind { family, json, name: None, values, bits: 0 }
}

const TEXTS: &[&str] = &[r#""a""#, r#""b""#, r#""ab""#, r#""""#, r#""B""#, r#""a%""#];
const FLOATS: &[&str] =
    &["0.0", "1.5", "-0.0", r#""NaN""#, "-2.0", "0.1", r#""Infinity""#, r#""-Infinity""#];

pub(crate) const KINDS: &[Kind] = &[
    integer("i32", r#""i32""#, 32, &["0", "1", "2", "3", "-1", "-2147483648"]),
    named(Family::Text, "string", r#""string""#, TEXTS),
    integer("u32", r#""u32""#, 32, &["0", "1", "2", "3", "4", "4294967295"]),
    named(Family::Bool, "bool", r#""bool""#, &["false", "true"]),
    integer("i64", r#""i64""#, 64, &["0", "1", "2", "3", "-1", "9223372036854775807"]),
    integer("u64", r#""u64""#, 64, &["0", "1", "2", "3", "4", "18446744073709551615"]),
    named(Family::Float, "f64", r#""f64""#, FLOATS),
    named(Family::Float, "f32", r#""f32""#, FLOATS),
    named(
        Family::Timestamp,
        "timestamp",
        r#""timestamp""#,
        &["0", "1", "2", "3", "90061000007", "-1"],
    ),
    named(Family::Duration, "duration", r#""duration""#, &["0", "1", "2", "-1", "3723000004"]),
    integer("u8", r#""u8""#, 8, &["0", "1", "2", "3", "4", "255"]),
    integer("i8", r#""i8""#, 8, &["0", "1", "2", "3", "-1", "-128"]),
    integer("u16", r#""u16""#, 16, &["0", "1", "2", "3", "65535"]),
    integer("i16", r#""i16""#, 16, &["0", "1", "2", "3", "-1", "-32768"]),
    integer(
        "i128",
        r#""i128""#,
        128,
        &["0", "1", "2", "-1", r#""-170141183460469231731687303715884105728""#],
    ),
    integer(
        "u128",
        r#""u128""#,
        128,
        &["0", "1", "2", "3", r#""340282366920938463463374607431768211455""#],
    ),
    named(
        Family::Bytes,
        "bytes",
        r#""bytes""#,
        &[r#""\\x""#, r#""\\x00""#, r#""\\x00ff""#, r#""\\x61""#],
    ),
    named(
        Family::Identity,
        "identity",
        r#""identity""#,
        &[
            r#""0000000000000000000000000000000000000000000000000000000000000000""#,
            r#""00000000000000000000000000000000000000000000000000000000000000aa""#,
            r#""ff00000000000000000000000000000000000000000000000000000000000000""#,
        ],
    ),
    named(
        Family::ConnectionId,
        "connection_id",
        r#""connection_id""#,
        &[
            r#""00000000000000000000000000000000""#,
            r#""000000000000000000000000000000bb""#,
            r#""ff000000000000000000000000000000""#,
        ],
    ),
    named(
        Family::Uuid,
        "uuid",
        r#""uuid""#,
        &[
            r#""00000000-0000-0000-0000-000000000000""#,
            r#""550e8400-e29b-41d4-a716-446655440000""#,
            r#""ffffffff-ffff-ffff-ffff-ffffffffffff""#,
        ],
    ),
    composite(Family::List, r#"{"list": "string"}"#, &["[]", r#"["a"]"#, r#"["a", "b"]"#]),
    composite(
        Family::Enum,
        r#"{"enum": {"name": "Size", "variants": [{"name": "Plain"},
            {"name": "Sized", "fields": [{"name": "0", "type": "u8"}]}]}}"#,
        &[r#""Plain""#, r#"{"Sized": 7}"#, r#"{"Sized": 0}"#],
    ),
    composite(
        Family::Struct,
        r#"{"struct": {"name": "Point", "fields": [{"name": "x", "type": "i32"},
            {"name": "y", "type": {"option": "f64"}}]}}"#,
        &[r#"{"x": 0, "y": null}"#, r#"{"x": 1, "y": 1.5}"#],
    ),
];

impl Kind {
    pub(crate) fn is_key(&self) -> bool {
        self.name.is_some()
    }

    /// A value as JSON.
    pub(crate) fn value(&self, choices: &mut Choices<'_>) -> &'static str {
        self.values[choices.below(self.values.len())]
    }

    /// A value as SQL has it, of a type that has a name.
    pub(crate) fn literal(&self, value: &str) -> String {
        let name = self.name.expect("a composite value is a parameter");
        let plain = value.trim_matches('"').replace(r"\\", r"\");
        match self.family {
            Family::Bool => plain,
            Family::Int if plain.starts_with('-') => format!("({plain})"),
            Family::Int => plain,
            Family::Text => format!("'{plain}'"),
            Family::Timestamp | Family::Duration => format!("({plain})::i64::{name}"),
            _ => format!("'{plain}'::{name}"),
        }
    }
}

/// The types of a family that have names.
pub(crate) fn kinds_of(family: Family) -> Vec<&'static Kind> {
    KINDS.iter().filter(|kind| kind.family == family && kind.is_key()).collect()
}
