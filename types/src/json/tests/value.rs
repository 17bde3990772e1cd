//! The JSON of every type: what is read, how it is written, what is refused.

use super::{check, check_as, check_refused, color, encode, field, item, list, option, structure};
use crate::json::{ECHO_CHARS_MAX, write_object, write_row};
use crate::ty::Type;
use crate::{ColumnIndex, RowLayout};

#[test]
fn integers_are_exact_to_the_ends_of_their_ranges() {
    for (ty, least, most) in [
        (Type::I8, i8::MIN.to_string(), i8::MAX.to_string()),
        (Type::I16, i16::MIN.to_string(), i16::MAX.to_string()),
        (Type::I32, i32::MIN.to_string(), i32::MAX.to_string()),
        (Type::I64, i64::MIN.to_string(), i64::MAX.to_string()),
        (Type::I128, i128::MIN.to_string(), i128::MAX.to_string()),
        (Type::U8, u8::MIN.to_string(), u8::MAX.to_string()),
        (Type::U16, u16::MIN.to_string(), u16::MAX.to_string()),
        (Type::U32, u32::MIN.to_string(), u32::MAX.to_string()),
        (Type::U64, u64::MIN.to_string(), u64::MAX.to_string()),
        (Type::U128, u128::MIN.to_string(), u128::MAX.to_string()),
        (Type::Timestamp, i64::MIN.to_string(), i64::MAX.to_string()),
        (Type::Duration, i64::MIN.to_string(), i64::MAX.to_string()),
    ] {
        check(ty.clone(), &least);
        check(ty.clone(), &most);
        for beyond in
            [one_further(&most), format!("-{}", one_further(least.trim_start_matches('-')))]
        {
            let error = format!("value: expected {ty}, found number {beyond}");
            check_refused(ty.clone(), &beyond, &error);
        }
    }
}

/// The decimal number after `number`.
fn one_further(number: &str) -> String {
    let kept = number.trim_end_matches('9');
    let nines = number.len() - kept.len();
    let (rest, last) = kept.split_at(kept.len() - 1);
    format!("{rest}{}{}", last.parse::<u8>().unwrap() + 1, "0".repeat(nines))
}

#[test]
fn integers_of_64_and_128_bits_are_read_from_decimal_strings_too() {
    check_as(Type::U64, r#""18446744073709551615""#, "18446744073709551615");
    check_as(Type::I64, r#""-1""#, "-1");
    check_as(Type::I128, r#""\u0031""#, "1");
    check_as(Type::Timestamp, r#""1735689600000000""#, "1735689600000000");
    for text in ["+1", "01", "-", "", " 1", "1 ", "1.0", "1e3", "0x1", "18446744073709551616"] {
        let error = format!("value: expected u64, found string {text:?}");
        check_refused(Type::U64, &format!("{text:?}"), &error);
    }
    check_refused(Type::U32, r#""1""#, r#"value: expected u32, found string "1""#);
}

#[test]
fn a_fraction_is_no_integer_but_an_integer_is_a_float() {
    check_refused(Type::U64, "1.0", "value: expected u64, found number 1.0");
    check_refused(Type::I32, "1e3", "value: expected i32, found number 1e3");
    check_as(Type::F64, "1", "1.0");
    check_as(Type::F32, "16777217", "16777216.0");
}

#[test]
fn floats_read_back_as_they_were() {
    for text in
        ["0.0", "-0.0", "0.1", "5e-324", "1.7976931348623157e+308", "\"NaN\"", "\"-Infinity\""]
    {
        check(Type::F64, text);
    }
    check(Type::F32, "3.4028235e+38");
    check(Type::F32, "1e-45");
    check(Type::F32, "\"Infinity\"");
    // serde_json's own number would be off by one bit here.
    check(Type::F64, "5.287545777207e+96");
    check_refused(Type::F32, "3.5e38", "value: expected f32, found number 3.5e38");
    check_refused(Type::F64, "-1e309", "value: expected f64, found number -1e309");
    check_refused(Type::F64, "\"nan\"", "value: expected f64, found string \"nan\"");
}

#[test]
fn texts_of_every_kind() {
    check(Type::String, r#""""#);
    check(Type::String, r#""a\u0000\"\\\n\u001f é😀""#);
    check_as(Type::String, r#""\u0041\/\ud83d\ude00""#, r#""A/😀""#);
    check(Type::Bytes, r#""\\x""#);
    check_as(Type::Bytes, r#""\\x00Ff""#, r#""\\x00ff""#);
    check(Type::Identity, &format!("\"{}\"", "0a".repeat(32)));
    check(Type::ConnectionId, &format!("\"{}\"", "f0".repeat(16)));
    check(Type::Uuid, r#""67e55044-10b1-426f-9247-bb680e5fe0c8""#);
    check_as(
        Type::Uuid,
        r#""67E5504410B1426F9247BB680E5FE0C8""#,
        r#""67e55044-10b1-426f-9247-bb680e5fe0c8""#,
    );
    let bytes = r#"value: expected bytes ("\\x" and pairs of hex digits), found string "#;
    for text in [r#""00""#, r#""\\x0""#, r#""\\x0g""#] {
        check_refused(Type::Bytes, text, &format!("{bytes}{text}"));
    }
    check_refused(
        Type::Identity,
        "\"abc\"",
        "value: expected identity (64 hex digits), found string \"abc\"",
    );
    check_refused(
        Type::Uuid,
        r#""{67e55044-10b1-426f-9247-bb680e5fe0c8}""#,
        "value: expected uuid (32 hex digits, hyphenated), \
         found string \"{67e55044-10b1-426f-9247-bb680e5fe0c8}\"",
    );
    check_refused(
        Type::String,
        r#""\ud800""#,
        "not JSON: unexpected end of hex escape at line 1 column 8",
    );
}

#[test]
fn absent_and_present_but_absent_stay_two_things() {
    check(option(Type::U64), "null");
    check(option(Type::U64), "7");
    let twice = option(option(Type::String));
    check(twice.clone(), "null");
    check(twice.clone(), "[null]");
    check(twice.clone(), r#"["a"]"#);
    check(option(twice.clone()), "[[null]]");
    check(list(option(option(Type::U8))), "[null,[null],[1]]");
    check(option(structure("Wrapped", vec![field("0", option(Type::U8))])), "[null]");
    let expected = "value: expected null or an array of one option<string>, found";
    check_refused(twice.clone(), "\"a\"", &format!("{expected} string \"a\""));
    check_refused(twice.clone(), "[]", &format!("{expected} an empty array"));
    check_refused(twice.clone(), "[null,null]", "value: expected at most 1, found more");
    check_refused(twice, "[1]", "value[0]: expected string, found number 1");
}

#[test]
fn structs_lists_and_enums() {
    check(item(), r#"{"price":1,"note":"n"}"#);
    check_as(item(), r#" { "note" : "n" , "price" : 1 } "#, r#"{"price":1,"note":"n"}"#);
    check_as(item(), r#"{"price":1}"#, r#"{"price":1,"note":null}"#);
    check(structure("Unit", vec![]), "{}");
    check(structure("Meters", vec![field("0", Type::F32)]), "1.5");
    check(structure("Point", vec![field("0", Type::U8), field("1", Type::U8)]), "[1,2]");
    check(list(item()), r#"[{"price":1,"note":null},{"price":2,"note":""}]"#);
    check(list(list(Type::Bool)), "[[],[true,false]]");
    check(color(), r#""Black""#);
    check(color(), r#"{"Gray":7}"#);
    check(color(), r#"{"Rgb":[1,2,3]}"#);
    check(color(), r#"{"Named":{"name":"red","since":null}}"#);
    check_as(
        color(),
        r#"{"\u004eamed":{"since":9,"name":"red"}}"#,
        r#"{"Named":{"name":"red","since":9}}"#,
    );
}

#[test]
fn an_enum_says_which_variants_there_are() {
    let expected = "value: expected Color (Black, Gray, Rgb, Named), found";
    check_refused(color(), "\"Blue\"", &format!("{expected} string \"Blue\""));
    check_refused(color(), "{\"Blue\":1}", &format!("{expected} string \"Blue\""));
    check_refused(color(), "{}", &format!("{expected} an empty object"));
    check_refused(color(), "3", "value: expected Color, found number 3");
    check_refused(color(), r#"{"Black":1}"#, "value: expected string \"Black\", found an object");
    check_refused(
        color(),
        "\"Gray\"",
        "value: expected an object of one member Gray, found string \"Gray\"",
    );
    check_refused(
        color(),
        r#"{"Gray":1,"Black":2}"#,
        &format!("{expected} an object of several members"),
    );
    check_refused(color(), r#"{"Rgb":[1,2]}"#, "value.Rgb[2]: missing, expected u8");
    check_refused(color(), r#"{"Rgb":[1,2,300]}"#, "value.Rgb[2]: expected u8, found number 300");
    check_refused(color(), r#"{"Rgb":[1,2,3,4]}"#, "value.Rgb: expected at most 3, found more");
    check_refused(color(), r#"{"Rgb":{"0":1}}"#, "value.Rgb: expected Rgb, found an object");
}

#[test]
fn every_kind_of_value_is_named_when_found_in_the_wrong_place() {
    for (text, found) in [
        ("null", "null"),
        ("true", "true"),
        ("-1", "number -1"),
        ("18446744073709551615", "number 18446744073709551615"),
        ("1.5", "number 1.5"),
        ("[1,2]", "an array"),
        ("{\"a\":1}", "an object"),
    ] {
        for ty in [Type::String, Type::Bytes, Type::Uuid] {
            check_refused(ty.clone(), text, &format!("value: expected {ty}, found {found}"));
        }
        if text != "{\"a\":1}" {
            check_refused(item(), text, &format!("value: expected Item, found {found}"));
        }
        if text != "true" {
            check_refused(Type::Bool, text, &format!("value: expected bool, found {found}"));
        }
    }
    check_refused(Type::I8, "null", "value: expected i8, found null");
    check_refused(Type::I8, "[[[{}]]]", "value: expected i8, found an array");
    check_refused(Type::Bool, "\"true\"", "value: expected bool, found string \"true\"");
    check_refused(list(Type::U8), "\"abc\"", "value: expected list<u8>, found string \"abc\"");
}

#[test]
fn what_is_repeated_of_a_text_is_cut_and_printable() {
    let long = "é".repeat(ECHO_CHARS_MAX + 1);
    check_refused(
        Type::U8,
        &format!("\"{long}\""),
        &format!("value: expected u8, found string \"{}…\"", "é".repeat(ECHO_CHARS_MAX)),
    );
    check_refused(
        Type::U8,
        &"1".repeat(100),
        &format!("value: expected u8, found number {}…", "1".repeat(ECHO_CHARS_MAX)),
    );
    check_refused(
        Type::Uuid,
        r#""a\u0000\u202e\"""#,
        "value: expected uuid (32 hex digits, hyphenated), found string \"a\\0\\u{202e}\\\"\"",
    );
    check_refused(
        item(),
        &format!("{{\"{long}\":1}}"),
        &format!("value.\"{}…\": unknown name", "é".repeat(ECHO_CHARS_MAX)),
    );
    // Half a surrogate pair is no character; it is shown as it came.
    check_refused(Type::U8, r#""\ud800""#, r#"value: expected u8, found string "\"\\ud800\"""#);
}

#[test]
fn rows_are_written_as_arrays_and_as_objects() {
    let layout = RowLayout::new([Type::String, Type::Option(Box::new(Type::U8))]);
    let row = [1, 0, 0, 0, 1, 7, b'"'];
    layout.check(&row).unwrap();
    assert_eq!(layout.column(&row, ColumnIndex::new(0)), b"\"");
    let mut out = Vec::new();
    write_row(&layout, &row, &mut out);
    write_object(["a", "b"], &layout, &row, &mut out);
    write_row(&RowLayout::new([]), &[], &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), r#"["\"",7]{"a":"\"","b":7}[]"#);
}

#[test]
#[should_panic(expected = "a checked u16: the value ends after 1 bytes where 2 more are needed")]
fn unchecked_bytes_are_the_callers_bug() {
    encode(&Type::U16, &[1]);
}
