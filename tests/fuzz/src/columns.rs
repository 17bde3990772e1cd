//! Columns of arbitrary types out of arbitrary bytes.

use cosmictron_types::json::{self, JsonError};
use cosmictron_types::ty::{EnumType, Field, StructType, Variant};
use cosmictron_types::{RowLayout, Type};

/// Levels of types within types.
const DEPTH_MAX: usize = 6;
/// Bytes of the input that types are made of.
const PROGRAM_BYTES_MAX: usize = 32;
/// Large enough that only a fault reaches it.
const LIMITS: json::Limits = json::Limits { row_bytes_max: 16 << 20 };

const FLAT: [Type; 20] = [
    Type::Bool,
    Type::I8,
    Type::I16,
    Type::I32,
    Type::I64,
    Type::I128,
    Type::U8,
    Type::U16,
    Type::U32,
    Type::U64,
    Type::U128,
    Type::F32,
    Type::F64,
    Type::String,
    Type::Bytes,
    Type::Timestamp,
    Type::Duration,
    Type::Identity,
    Type::ConnectionId,
    Type::Uuid,
];

/// The columns of a table, or the parameters of a reducer.
pub struct Columns {
    pub fields: Vec<Field>,
    pub layout: RowLayout,
}

impl Columns {
    /// Splits an input into columns and what is left for the target: a length, as many bytes of types, the rest.
    pub fn split(input: &[u8]) -> Option<(Columns, &[u8])> {
        let (&length, rest) = input.split_first()?;
        let (program, rest) = rest.split_at_checked(usize::from(length) % PROGRAM_BYTES_MAX)?;
        let mut program = program.iter().copied();
        let fields = read_fields(&mut program, "abcdefgh", 8, DEPTH_MAX);
        let layout = RowLayout::new(fields.iter().map(|field| field.ty.clone()));
        Some((Columns { fields, layout }, rest))
    }

    pub fn decode(&self, text: &[u8]) -> Result<Vec<u8>, JsonError> {
        let mut row = Vec::new();
        let mut scratch = json::Scratch::default();
        let Columns { fields, layout } = self;
        json::decode_arguments(fields, layout, text, LIMITS, &mut scratch, &mut row)?;
        Ok(row)
    }

    pub fn write_array(&self, row: &[u8]) -> String {
        let mut text = Vec::new();
        json::write_row(&self.layout, row, &mut text);
        String::from_utf8(text).expect("JSON is UTF-8")
    }

    pub fn write_object(&self, row: &[u8]) -> String {
        let mut text = Vec::new();
        let names = self.fields.iter().map(|field| field.name.as_str());
        json::write_object(names, &self.layout, row, &mut text);
        String::from_utf8(text).expect("JSON is UTF-8")
    }
}

/// Up to `count_max` fields, named by the characters of `names`.
fn read_fields(
    program: &mut impl Iterator<Item = u8>,
    names: &str,
    count_max: usize,
    depth: usize,
) -> Vec<Field> {
    let count = usize::from(program.next().unwrap_or(1)) % (count_max + 1);
    let names = names.chars().take(count);
    names.map(|name| Field { name: name.into(), ty: read_type(program, depth) }).collect()
}

fn read_type(program: &mut impl Iterator<Item = u8>, depth: usize) -> Type {
    let code = usize::from(program.next().unwrap_or(0)) % (FLAT.len() + 6);
    if let Some(flat) = FLAT.get(code) {
        return flat.clone();
    }
    if depth == 0 {
        return Type::String;
    }
    match code - FLAT.len() {
        0 | 1 => Type::Option(Box::new(read_type(program, depth - 1))),
        2 => match read_type(program, depth - 1) {
            nothing if nothing.encodes_to_nothing() => Type::Bool,
            inner => Type::List(Box::new(inner)),
        },
        3 => {
            let fields = read_fields(program, "abcd", 4, depth - 1);
            Type::Struct(StructType { name: "S".into(), fields })
        }
        4 => {
            let fields = read_fields(program, "0123", 4, depth - 1);
            Type::Struct(StructType { name: "P".into(), fields })
        }
        _ => {
            let mut variant = |name: &str, names| Variant {
                name: name.into(),
                fields: read_fields(program, names, 3, depth - 1),
            };
            let variants = vec![variant("A", "012"), variant("B", "abc"), variant("C", "012")];
            Type::Enum(EnumType { name: "E".into(), variants })
        }
    }
}
