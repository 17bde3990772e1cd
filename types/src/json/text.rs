//! Writes strings, bytes and hex digits as JSON strings.

/// Appends `text` as a JSON string, quotes included. Only what JSON demands is escaped.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    write_utf8(text.as_bytes(), out);
}

/// As [`write_string`], for bytes that were checked to be UTF-8 when they were stored.
pub(super) fn write_utf8(mut bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    loop {
        let plain = plain_prefix(bytes);
        let (run, rest) = bytes.split_at(plain);
        out.extend_from_slice(run);
        let Some((&byte, after)) = rest.split_first() else { break };
        write_escape(byte, out);
        bytes = after;
    }
    out.push(b'"');
}

/// Appends bytes as `"\\x…"`.
pub(super) fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(2 * bytes.len() + 5);
    out.extend_from_slice(br#""\\x"#);
    write_hex_digits(bytes, out);
    out.push(b'"');
}

/// Appends bytes as a string of hex digits.
pub(super) fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    write_hex_digits(bytes, out);
    out.push(b'"');
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn write_hex_digits(bytes: &[u8], out: &mut Vec<u8>) {
    let pairs =
        bytes.iter().flat_map(|&byte| [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    out.extend(pairs);
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        control => {
            out.extend_from_slice(b"\\u00");
            return write_hex_digits(&[control], out);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

const WORD: usize = size_of::<u64>();

/// How many bytes at the start need no escape. Eight at a time: most strings need none.
fn plain_prefix(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<WORD>();
    for (at, word) in words.iter().enumerate() {
        let marks = escape_marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return at * WORD + marks.trailing_zeros() as usize / 8;
        }
    }
    let plain = rest.iter().take_while(|&&byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
    words.len() * WORD + plain.count()
}

/// The highest bit of each byte that is below 0x20, a quote or a backslash. Bits above the lowest such byte may be
/// set wrongly, because a borrow travels upwards; the lowest is exact.
fn escape_marks(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES * 0x80;
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let quote = word ^ (ONES * 0x22);
    let backslash = word ^ (ONES * 0x5c);
    (below(word, 0x20) | below(quote, 1) | below(backslash, 1)) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        write_string(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_character_at_every_place_is_escaped_as_serde_json_does() {
        let characters = (0..=0x100).chain([0x2028, 0xffff, 0x1_0000, 0x10_ffff]);
        for character in characters.filter_map(char::from_u32) {
            for (before, after) in (0..17).flat_map(|before| [(before, 0), (before, 5)]) {
                let text = format!("{}{character}{}", "x".repeat(before), "é".repeat(after));
                assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
            }
        }
    }

    #[test]
    fn bytes_are_written_as_postgresql_writes_them() {
        let mut out = Vec::new();
        write_bytes(&[0, 0xff, 0x1a], &mut out);
        assert_eq!(out, br#""\\x00ff1a""#);
    }
}
