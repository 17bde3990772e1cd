//! Chunked bodies against a decoder so simple that it can be read in one go.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use cosmictron_net::{Decoder, HttpError, Limits, Progress};

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
const BODY_BYTES_MAX: usize = 300;

/// What a naive decoder makes of `bytes`: the body and how long it was encoded, or nothing as long
/// as it is unfinished.
fn model(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, ()> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let Some(line) = model_line(bytes, &mut at)? else { return Ok(None) };
        let digits: String = line
            .iter()
            .take_while(|octet| octet.is_ascii_hexdigit())
            .map(|&o| char::from(o))
            .collect();
        if digits.is_empty() || 16 < digits.len() || !model_extensions(&line[digits.len()..]) {
            return Err(());
        }
        let size = u64::from_str_radix(&digits, 16).unwrap();
        if size > (BODY_BYTES_MAX - body.len()) as u64 {
            return Err(());
        }
        if size == 0 {
            break;
        }
        for _ in 0..size {
            let Some(&octet) = bytes.get(at) else { return Ok(None) };
            body.push(octet);
            at += 1;
        }
        for expected in *b"\r\n" {
            match bytes.get(at) {
                None => return Ok(None),
                Some(&octet) if octet == expected => at += 1,
                Some(_) => return Err(()),
            }
        }
    }
    loop {
        let Some(line) = model_line(bytes, &mut at)? else { return Ok(None) };
        if line.is_empty() {
            return Ok(Some((body, at)));
        }
        let text = line.split(|&octet| octet == b':').next().unwrap();
        let is_name = !text.is_empty() && text.iter().all(|&octet| is_token(octet));
        let is_field =
            line.iter().all(|&octet| octet == 9 || (32..127).contains(&octet) || 127 < octet);
        if !is_name || text.len() == line.len() || !is_field {
            return Err(());
        }
    }
}

fn model_line<'a>(bytes: &'a [u8], at: &mut usize) -> Result<Option<&'a [u8]>, ()> {
    let rest = &bytes[*at..];
    let Some(length) = rest.iter().position(|&octet| octet == b'\n') else { return Ok(None) };
    *at += length + 1;
    rest[..length].strip_suffix(b"\r").map(Some).ok_or(())
}

fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}

/// The grammar of extensions without quoted values, which the generator does not make.
fn model_extensions(extensions: &[u8]) -> bool {
    let text = String::from_utf8_lossy(extensions);
    if text.is_empty() {
        return true;
    }
    let Some(list) = text.trim_start_matches([' ', '\t']).strip_prefix(';') else { return false };
    list.split(';').enumerate().all(|(index, extension)| {
        let is_last = index + 1 == list.split(';').count();
        let (name, value) = match extension.split_once('=') {
            Some((name, value)) => (name.trim_matches([' ', '\t']), Some(value)),
            None => (extension, None),
        };
        let ends = |text: &str| match is_last {
            true => text.trim_start_matches([' ', '\t']).to_owned(),
            false => text.trim_matches([' ', '\t']).to_owned(),
        };
        let token = |text: &str| !text.is_empty() && text.bytes().all(is_token);
        match value {
            Some(value) => token(name) && token(&ends(value)),
            None => token(&ends(name)),
        }
    })
}

/// What the decoder makes of it, given in pieces of `step` octets.
fn decoded(bytes: &[u8], step: usize) -> Result<Option<(Vec<u8>, usize)>, HttpError> {
    let mut decoder = Decoder::new(Limits::default());
    decoder.input().extend_from_slice(HEAD);
    let mut given = 0;
    for piece in bytes.chunks(step) {
        decoder.input().extend_from_slice(piece);
        given += piece.len();
        if let Progress::Request(request) = decoder.next(|_| BODY_BYTES_MAX)? {
            let body = request.body.to_vec();
            let unread = decoder.take_unread().len();
            return Ok(Some((body, given - unread)));
        }
    }
    Ok(None)
}

fn encoded() -> impl Strategy<Value = Vec<u8>> {
    let chunk =
        (vec(any::<u8>(), 1..60), select(vec!["", ";a", " ; a=b ;c", ";", "; =", " "]), 0..3usize);
    let end = select(vec![
        &b"0\r\n\r\n"[..],
        b"00;x=y\r\n\r\n",
        b"0\r\nA: b\r\nC:\r\n\r\n",
        b"0\r\nA b\r\n\r\n",
        b"0\r\n\r\nGET / HTTP/1.1\r\n",
        b"",
    ]);
    (vec(chunk, 0..8), end).prop_map(|(chunks, end)| {
        let mut bytes = Vec::new();
        for (chunk, extension, zeros) in chunks {
            let extension = if chunk.len() % 5 == 0 { extension } else { "" };
            let size = format!("{}{:X}{extension}\r\n", "0".repeat(zeros), chunk.len());
            bytes.extend_from_slice(size.as_bytes());
            bytes.extend_from_slice(&chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        [&bytes, end].concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_decoder_agrees_with_the_model(
        bytes in encoded(),
        change in proptest::option::of((any::<Index>(), select(&b"\r\n0159af; xG"[..]))),
        step in 1..100usize,
    ) {
        let mut bytes = bytes;
        if let Some((at, octet)) = change && !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = octet;
        }
        let expected = model(&bytes);
        let found = decoded(&bytes, step);
        prop_assert_eq!(found.map_err(drop), expected, "{:?}", bytes.escape_ascii().to_string());
    }
}
