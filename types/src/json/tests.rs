//! What is read and written, what is refused and how the refusal reads.

mod arguments;
mod limit;
mod value;

use super::{JsonError, Limits, Scratch, decode_arguments, decode_value, write_value};
use crate::RowLayout;
use crate::ty::{EnumType, Field, StructType, Type, Variant};

const LIMITS: Limits = Limits { row_bytes_max: 1 << 20 };

fn field(name: &str, ty: Type) -> Field {
    Field { name: name.into(), ty }
}

fn structure(name: &str, fields: Vec<Field>) -> Type {
    Type::Struct(StructType { name: name.into(), fields })
}

fn option(ty: Type) -> Type {
    Type::Option(Box::new(ty))
}

fn list(ty: Type) -> Type {
    Type::List(Box::new(ty))
}

fn item() -> Type {
    structure("Item", vec![field("price", Type::U64), field("note", option(Type::String))])
}

fn color() -> Type {
    let variant = |name: &str, fields| Variant { name: name.into(), fields };
    let byte = |name| field(name, Type::U8);
    Type::Enum(EnumType {
        name: "Color".into(),
        variants: vec![
            variant("Black", vec![]),
            variant("Gray", vec![byte("0")]),
            variant("Rgb", vec![byte("0"), byte("1"), byte("2")]),
            variant("Named", vec![field("name", Type::String), field("since", option(Type::U8))]),
        ],
    })
}

fn decode(ty: &Type, text: &str) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::new();
    decode_value(ty, text.as_bytes(), LIMITS, &mut Scratch::default(), &mut out).map(|()| out)
}

fn encode(ty: &Type, tail: &[u8]) -> String {
    let mut out = Vec::new();
    write_value(ty, tail, &mut out);
    String::from_utf8(out).unwrap()
}

/// `text` reads as a value that is written as `canonical`.
#[track_caller]
fn check_as(ty: Type, text: &str, canonical: &str) {
    let bytes = decode(&ty, text).unwrap_or_else(|error| panic!("{text}: {error}"));
    ty.check_tail(&bytes).unwrap();
    assert_eq!(encode(&ty, &bytes), canonical);
}

/// `text` is how the value that it says is written.
#[track_caller]
fn check(ty: Type, text: &str) {
    check_as(ty, text, text);
}

#[track_caller]
fn check_refused(ty: Type, text: &str, error: &str) {
    assert_eq!(decode(&ty, text).unwrap_err().to_string(), error, "{text}");
}

fn params() -> Vec<Field> {
    vec![
        field("id", Type::U64),
        field("name", Type::String),
        field("items", list(item())),
        field("note", option(Type::String)),
        field("flag", option(Type::Bool)),
    ]
}

fn decode_call(params: &[Field], text: &[u8]) -> Result<Vec<u8>, JsonError> {
    let layout = RowLayout::new(params.iter().map(|param| param.ty.clone()));
    let mut out = vec![9; 3];
    let decoded =
        decode_arguments(params, &layout, text, LIMITS, &mut Scratch::default(), &mut out);
    assert_eq!(out[..3], [9; 3], "what was there before is left alone");
    let row = out.split_off(3);
    match decoded {
        Ok(()) => layout.check(&row).map(|()| row).map_err(|error| panic!("{error}")),
        Err(error) => {
            assert!(row.is_empty(), "a refused text leaves nothing behind");
            Err(error)
        }
    }
}
