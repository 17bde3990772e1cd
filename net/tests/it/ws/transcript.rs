//! Plays bytes into a decoder and writes down what came out, one line for each thing; makes the
//! frames to play.

use std::fmt::Write;

use cosmictron_net::ws::{Decoder, Inflater, Limits, Received, Role};

pub(crate) const FINAL: u8 = 0x80;
pub(crate) const RSV1: u8 = 0x40;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;

/// A key that leaves no octet as it is.
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame with a first octet of `first`, its length in the shortest form.
pub(crate) fn frame(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mask = if key.is_some() { 0x80 } else { 0 };
    match payload.len() {
        length @ 0..=125 => bytes.push(u8::try_from(length).unwrap() | mask),
        length @ 126..=65535 => {
            bytes.push(126 | mask);
            bytes.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(127 | mask);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let key = key.inspect(|key| bytes.extend_from_slice(key)).unwrap_or([0; 4]);
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key));
    bytes
}

/// A client's frame.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, Some(KEY), payload)
}

/// A server's decoder that takes compressed messages.
pub(crate) fn decoder(limits: Limits) -> Decoder {
    Decoder::new(Role::Server, true, limits)
}

/// What `decoder` makes of `pieces`, each of them one read:
///
/// ```text
/// text "ab"
/// ping "c"
/// close 1000 "bye"
/// 1002 frame of a client is not masked
/// … more              a message has begun
/// ```
pub(crate) fn play<'a>(mut decoder: Decoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut inflater = Inflater::new();
    let mut text = String::new();
    for piece in pieces {
        decoder.input().extend_from_slice(piece);
        loop {
            match decoder.next(&mut inflater) {
                Ok(Received::NeedMore | Received::Closed) => break,
                Ok(Received::Text(message)) => writeln!(text, "text {message:?}"),
                Ok(Received::Binary(bytes)) => {
                    writeln!(text, "binary \"{}\"", bytes.escape_ascii())
                }
                Ok(Received::Ping(bytes)) => writeln!(text, "ping \"{}\"", bytes.escape_ascii()),
                Ok(Received::Pong(bytes)) => writeln!(text, "pong \"{}\"", bytes.escape_ascii()),
                Ok(Received::Close(None)) => writeln!(text, "close"),
                Ok(Received::Close(Some(close))) => {
                    writeln!(text, "close {} {:?}", close.code, close.reason)
                }
                Err(violation) => {
                    writeln!(text, "{} {violation}", violation.close_code()).unwrap();
                    assert_eq!(decoder.next(&mut inflater), Err(violation), "it goes on");
                    return text;
                }
            }
            .unwrap();
        }
    }
    if decoder.is_within_message() {
        text.push_str("… more\n");
    }
    text
}
