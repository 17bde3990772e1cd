//! Golden tests: the order of every type, and the bytes that bring it about.

use cosmictron_types::{ConnectionId, Duration, Identity, Timestamp, Uuid};
use proptest::prelude::*;

use super::*;
use crate::fixture::{Value, def};
use crate::tree::Probe;

fn index_of(types: &[&str]) -> std::sync::Arc<crate::definition::TableDef> {
    let columns: Vec<String> = types
        .iter()
        .enumerate()
        .map(|(at, ty)| format!(r#"{{"name":"c{at}","type":{ty}}}"#))
        .collect();
    let names: Vec<String> = (0..types.len()).map(|at| format!(r#""c{at}""#)).collect();
    let (columns, names) = (columns.join(","), names.join(","));
    def(&format!(
        r#"{{"name":"t","columns":[{columns}],"indexes":[{{"name":"i","columns":[{names}]}}]}}"#
    ))
}

fn key(types: &[&str], values: &[&dyn Value]) -> Key {
    let def = index_of(types);
    let mut key = KeyBuilder::new(&def.indexes[0]);
    values.iter().for_each(|value| key.column(&value.tail()).unwrap());
    key.finish()
}

#[track_caller]
fn check_bytes(ty: &str, value: impl Value, bytes: &[u8]) {
    assert_eq!(key(&[ty], &[&value]).as_bytes(), bytes);
}

#[test]
fn each_type_has_its_bytes() {
    check_bytes(r#""bool""#, true, &[1]);
    check_bytes(r#""u8""#, 7u8, &[7]);
    check_bytes(r#""u16""#, 0x0102u16, &[1, 2]);
    check_bytes(r#""u32""#, 0x0102_0304u32, &[1, 2, 3, 4]);
    check_bytes(r#""u64""#, 0x0102_0304_0506_0708u64, &[1, 2, 3, 4, 5, 6, 7, 8]);
    check_bytes(r#""u128""#, 1u128, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    check_bytes(r#""i8""#, -1i8, &[0x7f]);
    check_bytes(r#""i16""#, 1i16, &[0x80, 1]);
    check_bytes(r#""i32""#, i32::MIN, &[0, 0, 0, 0]);
    check_bytes(r#""i64""#, -2i64, &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]);
    check_bytes(r#""i128""#, i128::MAX, &[0xff; 16]);
    check_bytes(r#""f32""#, 1.0f32, &[0xbf, 0x80, 0, 0]);
    check_bytes(r#""f64""#, -1.0f64, &[0x40, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    check_bytes(
        r#""timestamp""#,
        Timestamp::from_micros(-1),
        &[0x7f, 255, 255, 255, 255, 255, 255, 255],
    );
    check_bytes(r#""duration""#, Duration::from_micros(1), &[0x80, 0, 0, 0, 0, 0, 0, 1]);
    check_bytes(r#""identity""#, Identity::from_bytes([9; 32]), &[9; 32]);
    check_bytes(r#""connection_id""#, ConnectionId::from_bytes([9; 16]), &[9; 16]);
    check_bytes(r#""uuid""#, Uuid::from_bytes([3; 16]), &[3; 16]);
    check_bytes(r#""string""#, String::from("a\0\u{1}b"), &[b'a', 1, 1, 1, 2, b'b', 0]);
    check_bytes(r#""bytes""#, vec![0u8, 1, 2, 255], &[1, 1, 1, 2, 2, 255, 0]);
    check_bytes(r#"{"option":"u16"}"#, Some(1u16), &[1, 0, 1]);
    check_bytes(r#"{"option":"u16"}"#, None::<u16>, &[0]);
    check_bytes(r#"{"option":"string"}"#, Some(String::new()), &[1, 0]);
    check_bytes(r#"{"option":"bytes"}"#, Some(vec![5u8]), &[1, 5, 0]);
}

/// Each value comes before the next one, by the key's bytes and by what an index compares.
#[track_caller]
fn check_order<V: Value>(types: &[&str], ascending: &[Vec<V>]) {
    let def = index_of(types);
    let index = &def.indexes[0];
    let rows: Vec<Vec<u8>> = ascending
        .iter()
        .map(|values| {
            let values: Vec<&dyn Value> = values.iter().map(|value| value as &dyn Value).collect();
            crate::fixture::row(&def.layout, &values)
        })
        .collect();
    for (at, row) in rows.iter().enumerate() {
        let key = index.key_of(&def.layout, row);
        for (other_at, other) in rows.iter().enumerate() {
            let other_key = index.key_of(&def.layout, other);
            assert_eq!(key.cmp(&other_key), at.cmp(&other_at), "{key:?} {other_key:?}");
            let compared = index.compare(&def.layout, row, other_key.as_bytes());
            assert_eq!(compared, at.cmp(&other_at), "{key:?} {other_key:?}");
            assert_eq!(index.is_same_key(&def.layout, row, other), at == other_at);
        }
    }
}

#[track_caller]
fn check_column<V: Value + Clone>(ty: &str, ascending: &[V]) {
    check_order(&[ty], &ascending.iter().map(|value| vec![value.clone()]).collect::<Vec<_>>());
}

#[test]
fn each_type_has_its_order() {
    check_column(r#""bool""#, &[false, true]);
    check_column(r#""u8""#, &[0u8, 1, 127, 128, 255]);
    check_column(r#""u16""#, &[0u16, 1, 255, 256, u16::MAX]);
    check_column(r#""u32""#, &[0u32, 1, 255, 256, u32::MAX]);
    check_column(r#""u64""#, &[0u64, 1, 255, 256, 1 << 63, u64::MAX]);
    check_column(r#""u128""#, &[0u128, 1, 255, 1 << 64, (1 << 64) + 1, u128::MAX]);
    check_column(r#""i8""#, &[i8::MIN, -1, 0, 1, i8::MAX]);
    check_column(r#""i16""#, &[i16::MIN, -256, -1, 0, 1, 256, i16::MAX]);
    check_column(r#""i32""#, &[i32::MIN, -256, -1, 0, 1, 256, i32::MAX]);
    check_column(r#""i64""#, &[i64::MIN, -256, -1, 0, 1, 256, i64::MAX]);
    check_column(r#""i128""#, &[i128::MIN, -(1 << 64), -1, 0, 1, 1 << 64, i128::MAX]);
    check_column(r#""timestamp""#, &[i64::MIN, -1, 0, 1, i64::MAX].map(Timestamp::from_micros));
    check_column(r#""duration""#, &[i64::MIN, -1, 0, 1, i64::MAX].map(Duration::from_micros));
    let text = [
        "",
        "\0",
        "\0\0",
        "\0\u{1}",
        "\u{1}",
        "\u{1}\0",
        "\u{2}",
        "a",
        "a\0",
        "a\0b",
        "a\u{1}",
        "aa",
        "abcdefg",
        "abcdefg\0",
        "abcdefgh",
        "abcdefghi",
        "b",
        "ä",
    ];
    check_column(r#""string""#, &text.map(String::from));
    check_column(r#""bytes""#, &text.map(|text| text.as_bytes().to_vec()));
    check_column(r#"{"option":"i64"}"#, &[None, Some(i64::MIN), Some(-1), Some(0), Some(i64::MAX)]);
    check_column(
        r#"{"option":"string"}"#,
        &[None, Some(String::new()), Some("\0".into()), Some("a".into())],
    );
    check_column(r#"{"option":"bytes"}"#, &[None, Some(vec![]), Some(vec![0u8]), Some(vec![7])]);
}

#[test]
fn floats_are_ordered_as_postgresql_does() {
    let f64s = [
        f64::NEG_INFINITY,
        f64::MIN,
        -1.5,
        -f64::MIN_POSITIVE,
        -5e-324,
        0.0,
        5e-324,
        1.5,
        f64::MAX,
        f64::INFINITY,
        f64::NAN,
    ];
    check_column(r#""f64""#, &f64s);
    let f32s = [
        f32::NEG_INFINITY,
        f32::MIN,
        -1.5,
        -1e-45,
        0.0,
        1e-45,
        1.5,
        f32::MAX,
        f32::INFINITY,
        f32::NAN,
    ];
    check_column(r#""f32""#, &f32s);
    let same_64 = |a: f64, b: f64| key(&[r#""f64""#], &[&a]) == key(&[r#""f64""#], &[&b]);
    assert!(same_64(0.0, -0.0) && same_64(f64::NAN, -f64::NAN));
    assert!(same_64(f64::NAN, f64::from_bits(f64::NAN.to_bits() | 1)));
    let same_32 = |a: f32, b: f32| key(&[r#""f32""#], &[&a]) == key(&[r#""f32""#], &[&b]);
    assert!(same_32(0.0, -0.0) && same_32(f32::NAN, -f32::NAN));
}

#[test]
fn columns_are_compared_one_after_the_other() {
    let strings = |rows: &[[&str; 2]]| -> Vec<Vec<String>> {
        rows.iter().map(|row| row.map(String::from).to_vec()).collect()
    };
    let pairs = strings(&[
        ["", ""],
        ["", "z"],
        ["\0", ""],
        ["a", "b"],
        ["a", "c"],
        ["a\0", ""],
        ["ab", "a"],
    ]);
    check_order(&[r#""string""#, r#""string""#], &pairs);
    let numbers: Vec<Vec<u32>> = vec![vec![0, 5], vec![1, 0], vec![1, 1], vec![2, 0]];
    check_order(&[r#""u32""#, r#""u32""#], &numbers);
    let options = vec![
        vec![None, Some(3)],
        vec![Some(0u8), None],
        vec![Some(0), Some(0)],
        vec![Some(1), None],
    ];
    check_order(&[r#"{"option":"u8"}"#, r#"{"option":"u8"}"#], &options);
}

#[test]
fn a_key_of_first_columns_begins_the_keys_of_its_rows() {
    let types = [r#""string""#, r#""u8""#];
    let prefix = key(&types, &[&String::from("a")]);
    let whole = key(&types, &[&String::from("a"), &7u8]);
    let other = key(&types, &[&String::from("ab"), &7u8]);
    assert!(whole.as_bytes().starts_with(prefix.as_bytes()));
    assert!(!other.as_bytes().starts_with(prefix.as_bytes()));
}

#[test]
fn long_keys_leave_their_inline_place() {
    let text = "x".repeat(1000);
    let long = key(&[r#""string""#, r#""u8""#], &[&text, &7u8]);
    assert_eq!(long.as_bytes().len(), 1002);
    for length in 40..60 {
        let text = "y".repeat(length);
        let built = key(&[r#""string""#, r#""u16""#], &[&text, &0x0102u16]);
        assert_eq!(built.as_bytes(), [text.as_bytes(), &[0, 1, 2]].concat());
    }
}

#[test]
fn a_guest_key_is_the_row_of_the_first_columns() {
    let def = index_of(&[r#""u16""#, r#""string""#, r#"{"option":"u8"}"#]);
    let index = &def.indexes[0];
    let built = |values: &[&dyn Value]| {
        let mut key = KeyBuilder::new(index);
        values.iter().for_each(|value| key.column(&value.tail()).unwrap());
        key.finish()
    };
    let text = String::from("ab");
    assert_eq!(index.read_key(&[1, 5, 0]), Ok(built(&[&5u16])));
    assert_eq!(index.read_key(&[2, 5, 0, 2, 0, 0, 0, b'a', b'b']), Ok(built(&[&5u16, &text])));
    let whole = [3, 5, 0, 2, 0, 0, 0, 1, 9, b'a', b'b'];
    assert_eq!(index.read_key(&whole), Ok(built(&[&5u16, &text, &Some(9u8)])));
    assert_eq!(index.read_key(&[0]), Ok(Key::new()));
    assert!(index.read_key(&[0, 0]).is_err());
    assert_eq!(index.read_key(&[4, 0, 0]), Err(InvalidKey::Columns { columns: 4, columns_max: 3 }));
    assert!(matches!(index.read_key(&[]), Err(InvalidKey::Row(_))));
    for end in 1..whole.len() {
        assert!(index.read_key(&whole[..end]).is_err(), "{end}");
    }
    assert!(matches!(
        index.read_key(&[2, 5, 0, 1, 0, 0, 0, 0xff]),
        Err(InvalidKey::Column { column, error: DecodeError::InvalidUtf8 }) if column.get() == 1
    ));
}

#[test]
fn a_value_of_another_type_is_refused() {
    let def = index_of(&[r#""u16""#]);
    let mut key = KeyBuilder::new(&def.indexes[0]);
    assert!(matches!(key.value(&1u32), Err(InvalidKey::Column { .. })));
    key.value(&1u16).unwrap();
    assert_eq!(key.value(&1u16), Err(InvalidKey::Columns { columns: 2, columns_max: 1 }));
    assert_eq!(key.finish().as_bytes(), [0, 1]);
}

#[test]
fn a_value_alone_has_the_key_of_an_index_over_it() {
    let of = |ty: &Type, value: &dyn Value| Key::of_value(ty, &value.tail());
    assert_eq!(of(&Type::U64, &7u64), Some(key(&[r#""u64""#], &[&7u64])));
    assert_eq!(of(&Type::F64, &-0.0f64), Some(key(&[r#""f64""#], &[&0.0f64])));
    let option = Type::Option(Box::new(Type::I32));
    let declared = r#"{"option": "i32"}"#;
    assert_eq!(of(&option, &Some(5i32)), Some(key(&[declared], &[&Some(5i32)])));
    assert_eq!(of(&option, &None::<i32>), Some(key(&[declared], &[&None::<i32>])));
    assert_eq!(of(&Type::U16, &7u64), None);
    assert_eq!(Key::of_value(&Type::List(Box::new(Type::U8)), &[0; 4]), None);
}

proptest! {
    /// Invariants 1 and 3 for the types of any length, which are the ones that could break them.
    #[test]
    fn no_key_begins_another_and_heads_decide_short_ones(
        a in prop::collection::vec(0..3u8, 0..10),
        b in prop::collection::vec(0..3u8, 0..10),
    ) {
        let (ka, kb) = (key(&[r#""bytes""#], &[&a]), key(&[r#""bytes""#], &[&b]));
        prop_assert_eq!(ka.cmp(&kb), a.cmp(&b));
        if a != b {
            prop_assert!(!ka.as_bytes().starts_with(kb.as_bytes()));
            if ka.as_bytes().len() <= 8 {
                let heads = [&ka, &kb].map(|key| Probe::new(key.as_bytes()).head());
                prop_assert_ne!(heads[0], heads[1]);
            }
        }
    }
}
