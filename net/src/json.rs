//! Appends JSON's smallest parts: strings and numbers.

/// Appends `number`.
pub(crate) fn write_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends `text` as a JSON string. Besides what JSON demands, `<`, DEL and the two line separators
/// of Unicode are escaped, so that the answer stays harmless in a terminal, in JavaScript and in a
/// page.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for character in text.chars() {
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '<' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                write_escape(out, character);
            }
            _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

fn write_escape(out: &mut Vec<u8>, character: char) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let code = u32::from(character);
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        out.push(DIGITS[(code >> shift & 0xf) as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_escaped() {
        let mut out = Vec::new();
        write_text(&mut out, "a\"\\\n\r\t\0\x1b\x7f\u{85}\u{2028}</script>\u{e4}\u{1f600}");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"a\\\"\\\\\\n\\r\\t\\u0000\\u001b\\u007f\\u0085\\u2028\\u003c/script>\
             \u{e4}\u{1f600}\""
        );
    }

    proptest! {
        #[test]
        fn no_text_escapes_its_string(text in any::<String>()) {
            let mut out = Vec::new();
            write_text(&mut out, &text);
            let out = String::from_utf8(out).unwrap();
            let read: String = serde_json::from_str(&out).unwrap();
            prop_assert_eq!(read, text);
            prop_assert!(out.bytes().all(|octet| 0x20 <= octet && octet != b'<'));
        }
    }
}
