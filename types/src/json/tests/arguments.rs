//! A reducer's arguments by name and by position, and how a refusal names the place.

use super::{decode_call, params};
use crate::RowLayout;
use crate::json::write_object;
use crate::ty::Field;

/// The arguments, written again as an object.
fn call_again(params: &[Field], text: &str) -> String {
    let row =
        decode_call(params, text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    let layout = RowLayout::new(params.iter().map(|param| param.ty.clone()));
    let mut out = Vec::new();
    write_object(params.iter().map(|param| param.name.as_str()), &layout, &row, &mut out);
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn check_call_refused(text: &str, error: &str) {
    assert_eq!(decode_call(&params(), text.as_bytes()).unwrap_err().to_string(), error, "{text}");
}

#[test]
fn arguments_come_by_name_in_any_order_or_by_position() {
    let expected =
        r#"{"id":1,"name":"ada","items":[{"price":2,"note":"x"}],"note":"n","flag":true}"#;
    for text in [
        expected,
        r#"{"flag":true,"note":"n","items":[{"note":"x","price":2}],"name":"ada","id":1}"#,
        r#"{"note":"n","id":1,"name":"ada","flag":true,"items":[{"price":2,"note":"x"}]}"#,
        "[1,\"ada\",[{\"price\":2,\"note\":\"x\"}],\n\"n\",true]",
    ] {
        assert_eq!(call_again(&params(), text), expected, "{text}");
    }
}

#[test]
fn an_argument_of_an_option_type_may_be_left_out() {
    let absent = r#"{"id":1,"name":"","items":[],"note":null,"flag":null}"#;
    assert_eq!(call_again(&params(), r#"{"items":[],"id":1,"name":""}"#), absent);
    assert_eq!(call_again(&params(), r#"[1,"",[]]"#), absent);
    let flag = r#"{"id":1,"name":"","items":[],"note":null,"flag":false}"#;
    assert_eq!(call_again(&params(), r#"{"flag":false,"id":1,"name":"","items":[]}"#), flag);
    let optional = &params()[3..];
    for text in ["", " \r\n\t", "{}", "[]"] {
        assert_eq!(call_again(optional, text), r#"{"note":null,"flag":null}"#, "{text}");
        assert_eq!(call_again(&[], text), "{}", "{text}");
    }
}

#[test]
fn a_wrong_argument_is_named_with_its_place() {
    check_call_refused("", "argument id: missing, expected u64");
    check_call_refused(r#"{"id":1}"#, "argument name: missing, expected string");
    check_call_refused("[1]", "argument name: missing, expected string");
    check_call_refused(r#"{"ids":1}"#, "argument ids: unknown name");
    check_call_refused(r#"{"i d":1}"#, "argument \"i d\": unknown name");
    check_call_refused(r#"{"id":1,"id":1}"#, "argument id: given twice");
    check_call_refused(r#"{"id":"abc"}"#, "argument id: expected u64, found string \"abc\"");
    check_call_refused("[1,2]", "argument name: expected string, found number 2");
    check_call_refused(
        r#"{"items":[{"price":1},{"price":1},{"price":1},{"price":"abc"}]}"#,
        "argument items[3].price: expected u64, found string \"abc\"",
    );
    check_call_refused(r#"{"items":[{}]}"#, "argument items[0].price: missing, expected u64");
    check_call_refused(r#"{"items":[{"prize":1}]}"#, "argument items[0].prize: unknown name");
    check_call_refused(
        r#"{"items":[{"price":1,"price":2}]}"#,
        "argument items[0].price: given twice",
    );
    check_call_refused(
        r#"[1,"",[],null,null,null]"#,
        "the arguments: expected at most 5, found more",
    );
    for (text, found) in [("7", "number 7"), ("null", "null"), ("\"{}\"", "string \"{}\"")] {
        let expected = "the arguments: expected an object or an array of arguments, found";
        check_call_refused(text, &format!("{expected} {found}"));
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for (text, error) in [
        (&b"{"[..], "not JSON: EOF while parsing an object at line 1 column 1"),
        (b"{\"id\":1,}", "not JSON: trailing comma at line 1 column 9"),
        (b"[1,\"\",[]] x", "not JSON: trailing characters at line 1 column 11"),
        (b"{id:1}", "not JSON: key must be a string at line 1 column 2"),
        (b"[1,'']", "not JSON: expected value at line 1 column 4"),
        (b"[01]", "not JSON: invalid number at line 1 column 3"),
        (
            b"[1,\"\n\"]",
            "not JSON: control character (\\u0000-\\u001F) found while parsing a string at line 2 column 0",
        ),
        (b"[1,\"\xff\"]", "not JSON: byte 4 is not UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON: expected value at line 1 column 1"),
        (b"\0", "not JSON: expected value at line 1 column 1"),
    ] {
        let refused = decode_call(&params(), text).unwrap_err().to_string();
        assert_eq!(refused, error, "{}", text.escape_ascii());
    }
}
