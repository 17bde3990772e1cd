//! Random types, rows and values.

use cosmictron_types::Type;
use cosmictron_types::ty::{EnumType, Field, StructType, Variant};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::strategy::{BoxedStrategy, Union};

use crate::datum::{Datum, RandomRow, hex};

/// Levels of types within types.
const DEPTH_MAX: u32 = 4;

/// A type, and a value of it.
pub(crate) fn value() -> impl Strategy<Value = (Type, Datum)> {
    ty().prop_flat_map(|ty| {
        let value = value_of(&ty);
        (Just(ty), value)
    })
}

pub(crate) fn row() -> impl Strategy<Value = RandomRow> {
    vec(ty(), 0..8).prop_flat_map(|types| {
        let values: Vec<_> = types.iter().map(value_of).collect();
        let names = (0..).map(|at| format!("column_{at}"));
        let fields: Vec<Field> = names.zip(types).map(|(name, ty)| Field { name, ty }).collect();
        values.prop_map(move |values| RandomRow { fields: fields.clone(), values })
    })
}

pub(crate) fn ty() -> impl Strategy<Value = Type> {
    let flat = proptest::sample::select(vec![
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
    ]);
    flat.prop_recursive(DEPTH_MAX, 24, 4, |inner| {
        let list = inner.clone().prop_filter_map("a list of nothing", |ty| {
            (!ty.encodes_to_nothing()).then(|| Type::List(Box::new(ty)))
        });
        let structure = fields(inner.clone())
            .prop_map(|fields| Type::Struct(StructType { name: "Struct".into(), fields }));
        let variants = vec(fields(inner.clone()), 1..4).prop_map(|variants| {
            let names = (0..).map(|at| format!("Variant{at}"));
            let variants = names.zip(variants).map(|(name, fields)| Variant { name, fields });
            Type::Enum(EnumType { name: "Enum".into(), variants: variants.collect() })
        });
        let option = inner.prop_map(|ty| Type::Option(Box::new(ty)));
        Union::new([option.boxed(), list.boxed(), structure.boxed(), variants.boxed()])
    })
}

/// Fields with names or without.
fn fields(ty: impl Strategy<Value = Type>) -> impl Strategy<Value = Vec<Field>> {
    (vec(ty, 0..4), any::<bool>()).prop_map(|(types, named)| {
        let prefix = if named { "field_" } else { "" };
        let names = (0..).map(|at| format!("{prefix}{at}"));
        names.zip(types).map(|(name, ty)| Field { name, ty }).collect()
    })
}

pub(crate) fn value_of(ty: &Type) -> BoxedStrategy<Datum> {
    match ty {
        Type::Bool => any::<bool>().prop_map(|it| fixed([u8::from(it)], it)).boxed(),
        Type::I8 => any::<i8>().prop_map(|it| fixed(it.to_le_bytes(), it)).boxed(),
        Type::I16 => any::<i16>().prop_map(|it| fixed(it.to_le_bytes(), it)).boxed(),
        Type::I32 => any::<i32>().prop_map(|it| fixed(it.to_le_bytes(), it)).boxed(),
        Type::I64 | Type::Timestamp | Type::Duration => {
            any::<i64>().prop_map(|it| fixed(it.to_le_bytes(), it)).boxed()
        }
        Type::I128 => any::<i128>().prop_map(|it| fixed(it.to_le_bytes(), it)).boxed(),
        Type::U8 => any::<u8>().prop_map(|it| fixed(it.to_le_bytes(), it)).boxed(),
        Type::U16 => any::<u16>().prop_map(|it| fixed(it.to_le_bytes(), it)).boxed(),
        Type::U32 => any::<u32>().prop_map(|it| fixed(it.to_le_bytes(), it)).boxed(),
        Type::U64 => any::<u64>().prop_map(|it| fixed(it.to_le_bytes(), it)).boxed(),
        Type::U128 => any::<u128>().prop_map(|it| fixed(it.to_le_bytes(), it)).boxed(),
        Type::F32 => any::<u32>().prop_map(float_32).boxed(),
        Type::F64 => any::<u64>().prop_map(float_64).boxed(),
        Type::String => any::<String>().prop_map(Datum::Text).boxed(),
        Type::Bytes => vec(any::<u8>(), 0..20).prop_map(Datum::Bytes).boxed(),
        Type::Identity => any::<[u8; 32]>().prop_map(|it| fixed(it, quoted(&hex(&it)))).boxed(),
        Type::ConnectionId => any::<[u8; 16]>().prop_map(|it| fixed(it, quoted(&hex(&it)))).boxed(),
        Type::Uuid => any::<[u8; 16]>().prop_map(uuid).boxed(),
        Type::Option(inner) => {
            let absent = Datum::Absent { padding: inner.width().unwrap_or(0) };
            let present = value_of(inner).prop_map(|value| Datum::Present(Box::new(value)));
            Union::new([Just(absent).boxed(), present.boxed()]).boxed()
        }
        Type::List(inner) => vec(value_of(inner), 0..4).prop_map(Datum::List).boxed(),
        Type::Struct(ty) => values_of(&ty.fields).prop_map(Datum::Struct).boxed(),
        Type::Enum(ty) => {
            let variants = (0..=u8::MAX).zip(&ty.variants).map(|(tag, variant)| {
                values_of(&variant.fields).prop_map(move |fields| Datum::Enum { tag, fields })
            });
            Union::new(variants).boxed()
        }
    }
}

fn values_of(fields: &[Field]) -> impl Strategy<Value = Vec<Datum>> + use<> {
    fields.iter().map(|field| value_of(&field.ty)).collect::<Vec<_>>()
}

fn fixed<const N: usize>(bytes: [u8; N], json: impl ToString) -> Datum {
    Datum::Fixed { bytes: bytes.to_vec(), json: json.to_string() }
}

/// JSON does not tell one NaN from another.
fn float_32(bits: u32) -> Datum {
    let float = f32::from_bits(bits);
    let bits = if float.is_nan() { 0x7fc0_0000 } else { bits };
    fixed(bits.to_le_bytes(), float_json(float.into(), serde_json::to_string(&float).unwrap()))
}

fn float_64(bits: u64) -> Datum {
    let float = f64::from_bits(bits);
    let bits = if float.is_nan() { 0x7ff8 << 48 } else { bits };
    fixed(bits.to_le_bytes(), float_json(float, serde_json::to_string(&float).unwrap()))
}

fn float_json(float: f64, finite: String) -> String {
    match float {
        f64::INFINITY => quoted("Infinity"),
        f64::NEG_INFINITY => quoted("-Infinity"),
        float if float.is_nan() => quoted("NaN"),
        _ => finite,
    }
}

fn uuid(bytes: [u8; 16]) -> Datum {
    let hex = hex(&bytes);
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    fixed(bytes, quoted(&parts.join("-")))
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}
