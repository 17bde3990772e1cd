//! Texts that are deep, long or larger than they look.

use super::{
    check, check_as, check_refused, color, decode, decode_call, field, item, list, option, params,
    structure,
};
use crate::RowLayout;
use crate::json::{ECHO_CHARS_MAX, Limits, Scratch, decode_arguments, decode_value};
use crate::ty::Type;

#[test]
fn absent_values_cannot_outgrow_the_limit() {
    // Six bytes of text for each 8 KiB of row.
    let fields = (0..250).map(|at| field(&format!("f{at}"), option(Type::Identity)));
    let params = [field("wide", list(structure("Wide", fields.collect())))];
    let text = format!("[[{}{{}}]]", "{},".repeat(1000));
    let error = decode_call(&params, text.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "the values take more than the limit of 1048576 bytes");
}

#[test]
fn the_limit_is_exact() {
    let ty = Type::String;
    let mut scratch = Scratch::default();
    let mut decode = |bytes_max, text: &[u8], out: &mut Vec<u8>| {
        decode_value(&ty, text, Limits { row_bytes_max: bytes_max }, &mut scratch, out)
    };
    let mut out = b"before".to_vec();
    assert!(decode(2, b"\"abc\"", &mut out).is_err());
    assert_eq!(out, b"before");
    decode(3, b"\"abc\"", &mut out).unwrap();
    assert_eq!(out, b"beforeabc");
}

#[test]
fn the_limit_of_a_row_is_exact_in_whatever_order_its_columns_come() {
    let params =
        [field("id", Type::U64), field("name", Type::String), field("n", option(Type::I128))];
    let layout = RowLayout::new(params.iter().map(|param| param.ty.clone()));
    for text in [
        r#"{"name":"abc","n":1,"id":1}"#,
        r#"{"id":1,"n":1,"name":"abc"}"#,
        r#"{"id":1,"name":"abc"}"#,
        r#"[1,"abc"]"#,
    ] {
        let decode = |row_bytes_max| {
            let (limits, mut scratch) = (Limits { row_bytes_max }, Scratch::default());
            let mut row = Vec::new();
            decode_arguments(&params, &layout, text.as_bytes(), limits, &mut scratch, &mut row)
                .map(|()| row.len())
        };
        assert_eq!(decode(8 + 4 + 17 + 3).unwrap(), 32);
        assert!(decode(31).is_err());
    }
}

#[test]
fn the_text_never_decides_how_deep_the_walk_goes() {
    let depth = 100_000;
    for open in ["[", "{\"a\":", "{\"Gray\":", "[{\"price\":"] {
        let text = open.repeat(depth);
        for ty in
            [Type::U64, Type::String, list(Type::U8), item(), color(), option(option(Type::U8))]
        {
            assert!(decode(&ty, &text).is_err());
        }
        assert!(decode_call(&params(), text.as_bytes()).is_err());
    }
    let deepest = (0..15).fold(Type::U8, |ty, _| list(ty));
    check(deepest.clone(), &format!("{}7{}", "[".repeat(15), "]".repeat(15)));
    assert!(decode(&deepest, &"[".repeat(depth)).is_err());
}

#[test]
fn a_number_of_ten_million_digits_is_read_once() {
    let digits = "9".repeat(10_000_000);
    let shown = format!("number {}…", "9".repeat(ECHO_CHARS_MAX));
    for ty in [Type::U8, Type::U64, Type::I128, Type::F32, Type::F64] {
        check_refused(ty.clone(), &digits, &format!("value: expected {ty}, found {shown}"));
    }
    check_as(Type::F64, &format!("0.{digits}"), "1.0");
    assert!(decode(&Type::String, &digits).is_err());
    assert!(decode_call(&params(), digits.as_bytes()).is_err());
}
