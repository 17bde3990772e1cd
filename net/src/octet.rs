//! Names the classes of octets that the grammars of HTTP are made of.
//!
//! One table of bit flags serves them all, so that a check is one load and one test.

/// `tchar` of RFC 9110: what methods, field names and parameters are made of.
const TOKEN: u8 = 1;
/// What a field value may hold: visible ASCII, space, tab and octets from 0x80 on.
const FIELD: u8 = 2;
/// What a request target may hold, see [`is_target`].
const TARGET: u8 = 4;
/// What a registered name is made of, percent-escapes left out: nobody sends them.
const HOST: u8 = 8;

const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut octet: u8 = 0;
    loop {
        table[octet as usize] = class(octet);
        if octet == u8::MAX {
            return table;
        }
        octet += 1;
    }
}

const fn class(octet: u8) -> u8 {
    let mut class = 0;
    if octet.is_ascii_alphanumeric() {
        class |= TOKEN | HOST;
    }
    if matches!(octet, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+') {
        class |= TOKEN;
    }
    if matches!(octet, b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~') {
        class |= TOKEN;
    }
    if matches!(octet, b'\t' | b' '..=b'~' | 0x80..=0xff) {
        class |= FIELD;
    }
    if octet.is_ascii_graphic() && !matches!(octet, b'"' | b'<' | b'>' | b'\\' | b'#') {
        class |= TARGET;
    }
    if matches!(octet, b'-' | b'.' | b'_' | b'~') {
        class |= HOST;
    }
    if matches!(octet, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=')
    {
        class |= HOST;
    }
    class
}

const fn has(octet: u8, class: u8) -> bool {
    CLASSES[octet as usize] & class != 0
}

/// Whether `octet` may stand in a token.
pub(crate) const fn is_token(octet: u8) -> bool {
    has(octet, TOKEN)
}

/// Whether `bytes` is a token: at least one octet, all of them token octets.
pub(crate) fn is_token_all(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&octet| has(octet, TOKEN))
}

/// Whether `octet` may stand in a field value.
pub(crate) const fn is_field(octet: u8) -> bool {
    has(octet, FIELD)
}

/// Whether `bytes` may be sent as a request target. Browsers leave `| [ ] { } ^ \`` unescaped in
/// queries, which harms nobody, so they pass; quotes, angle brackets, backslashes and fragments do
/// not.
pub(crate) fn is_target_all(bytes: &[u8]) -> bool {
    bytes.iter().all(|&octet| has(octet, TARGET))
}

/// Whether `bytes` is a registered name or an IPv4 address; empty is allowed.
pub(crate) fn is_host_all(bytes: &[u8]) -> bool {
    bytes.iter().all(|&octet| has(octet, HOST))
}

/// `bytes` without the spaces and tabs at both ends (the grammar's OWS).
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The elements of a comma-separated list, trimmed; empty ones are skipped, as RFC 9110 section
/// 5.6.1.2 asks.
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&octet| octet == b',').map(trim).filter(|element| !element.is_empty())
}

/// `bytes` without the spaces and tabs before it.
pub(crate) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// The length of the quoted string that `bytes` begins with, both quotes included; `None` when it
/// is malformed or not closed.
pub(crate) fn quoted_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match *bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' if is_field(*bytes.get(at + 1)?) => at += 2,
            octet if octet != b'\\' && is_field(octet) => at += 1,
            _ => return None,
        }
    }
}

/// Appends a header field. `name` is a token of ours; control octets in `value`, which may stem
/// from a peer, become spaces, so that no value can end its line.
pub(crate) fn push_field(out: &mut Vec<u8>, name: &str, value: &str) {
    debug_assert!(is_token_all(name.as_bytes()), "{name}");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    let value_at = out.len();
    out.extend_from_slice(value.as_bytes());
    for octet in &mut out[value_at..] {
        if !is_field(*octet) {
            *octet = b' ';
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the length of a body and the empty line that ends a head.
pub(crate) fn push_length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(b"Content-Length: ");
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
}
