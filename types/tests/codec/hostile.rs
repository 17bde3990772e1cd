//! No bytes and no text make anything panic, and what is accepted is a row.

use cosmictron_types::{Reader, json};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, proptest};
use proptest::sample::select;

use crate::datum::{RandomRow, Spelling};
use crate::random;
use crate::rows::{LIMITS, decode_arguments};

/// Pieces of JSON, whole and broken.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u",
    "\\ud800",
    "\"a\"",
    "\"\\\\x00\"",
    "\"column_0\"",
    "\"column_1\"",
    "\"field_0\"",
    "\"Variant0\"",
    "\"0\"",
    "null",
    "true",
    "false",
    "nul",
    "0",
    "-",
    "-0",
    "1",
    "1.5",
    "1e5",
    "1e999",
    "18446744073709551616",
    "\"NaN\"",
    "\"1\"",
    " ",
    "\0",
    "\u{feff}",
    "é",
    "{}",
    "[]",
    "\"column_0\":",
    "\"field_0\":",
    "{\"Variant0\":",
];

fn soup() -> impl Strategy<Value = String> {
    vec(select(PIECES), 0..30).prop_map(|pieces| pieces.concat())
}

fn check_text(row: &RandomRow, text: &[u8]) {
    if let Ok(bytes) = decode_arguments(row, text) {
        row.layout().check(&bytes).unwrap();
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_checked_without_panic(
        row in random::row(),
        bytes in vec(any::<u8>(), 0..200),
    ) {
        let layout = row.layout();
        if layout.check(&bytes).is_ok() {
            json::write_row(&layout, &bytes, &mut Vec::new());
        }
        for ty in layout.types() {
            if ty.check_tail(&bytes).is_ok() {
                json::write_value(ty, &bytes, &mut Vec::new());
            }
            let _ = ty.skip(&mut Reader::new(&bytes));
        }
    }

    #[test]
    fn arbitrary_text_is_read_without_panic(
        row in random::row(),
        bytes in vec(any::<u8>(), 0..200),
        soup in soup(),
    ) {
        check_text(&row, &bytes);
        check_text(&row, soup.as_bytes());
        for field in &row.fields {
            let mut out = Vec::new();
            let (ty, mut scratch) = (&field.ty, json::Scratch::default());
            if json::decode_value(ty, soup.as_bytes(), LIMITS, &mut scratch, &mut out).is_ok() {
                ty.check_tail(&out).unwrap();
            }
        }
    }

    #[test]
    fn arguments_with_a_changed_byte_are_refused_or_make_another_row(
        row in random::row(),
        seed in any::<u64>(),
        byte in any::<u8>(),
    ) {
        let mut text = row.json_object(&mut Spelling::loose(seed)).into_bytes();
        for at in 0..text.len().min(500) {
            let before = std::mem::replace(&mut text[at], byte);
            check_text(&row, &text);
            text[at] = before;
            check_text(&row, &text[..at]);
        }
    }

    #[test]
    fn errors_repeat_little_of_what_was_sent(row in random::row(), sent in "[a-z]{100,200}") {
        for text in [
            format!("\"{sent}\""),
            format!("[\"{sent}\",\"{sent}\",\"{sent}\"]"),
            format!("{{\"{sent}\":1}}"),
            format!("{{\"column_0\":\"{sent}\"}}"),
            format!("{{\"column_0\":[{{\"{sent}\":1}}]}}"),
        ] {
            if let Err(error) = decode_arguments(&row, text.as_bytes()) {
                assert!(!error.to_string().contains(&sent[..=json::ECHO_CHARS_MAX]), "{error}");
            }
        }
    }
}
