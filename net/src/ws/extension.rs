//! Negotiates `permessage-deflate` (RFC 7692 section 7.1).
//!
//! A server takes the first offer that it can keep, and answers with `no_context_takeover` for both
//! directions, which it may whether or not that was offered. A client offers the same, and takes
//! nothing else: memory for windows belongs to threads, not to connections.
//!
//! An offer that is well-formed and that this server can't keep is passed over. A field that is no
//! list of extensions ends the handshake (RFC 6455 section 9.1).

use std::borrow::Cow;

use super::agreement::{Compression, WindowBits};
use crate::octet;

const NAME: &str = "permessage-deflate";
const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// What a client offers. It can keep to any window that zlib knows, so it lets the server choose.
pub(super) const OFFER: &str = "permessage-deflate; server_no_context_takeover; \
                                client_no_context_takeover; client_max_window_bits";

/// A field that is no list of extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// One extension with its parameters, as offered or agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extension<'a> {
    name: &'a [u8],
    parameters: Vec<Parameter<'a>>,
}

/// A parameter's name and, where it has one, its value without quotes.
type Parameter<'a> = (&'a [u8], Option<Cow<'a, [u8]>>);

/// The parameters of `permessage-deflate`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// A client that only says that it knows the parameter gives no value.
    client_max_window_bits: Option<Option<u8>>,
}

/// An offer that a server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    /// How the server compresses. The client may compress as it likes.
    pub(super) window: WindowBits,
    /// A limit that was asked for must be confirmed, also the one that holds anyway.
    is_asked_for: bool,
}

/// The first of the offers among `extensions` that a server can keep.
pub(super) fn accept(extensions: &[Extension<'_>]) -> Option<Accepted> {
    let offers = extensions.iter().filter(|extension| extension.is_deflate());
    offers.filter_map(Parameters::parse).find_map(|offer| match offer.server_max_window_bits {
        Some(bits) => WindowBits::new(bits).map(|window| Accepted { window, is_asked_for: true }),
        None => Some(Accepted { window: WindowBits::MAX, is_asked_for: false }),
    })
}

impl Accepted {
    /// What the server answers.
    pub(super) fn to_field(self) -> String {
        let mut text =
            format!("{NAME}; {SERVER_NO_CONTEXT_TAKEOVER}; {CLIENT_NO_CONTEXT_TAKEOVER}");
        if self.is_asked_for {
            text += &format!("; {SERVER_MAX_WINDOW_BITS}={}", self.window.bits());
        }
        text
    }
}

/// How a client that offered [`OFFER`] compresses when the server answers with `extensions`. `None`
/// when there is no compression, an error when the server answers what was not offered.
pub(super) fn confirm(extensions: &[Extension<'_>]) -> Result<Option<Compression>, Malformed> {
    let extension = match extensions {
        [] => return Ok(None),
        [extension] if extension.is_deflate() => extension,
        _ => return Err(Malformed),
    };
    let answer = Parameters::parse(extension).ok_or(Malformed)?;
    if !answer.server_no_context_takeover {
        return Err(Malformed);
    }
    match answer.client_max_window_bits {
        // In an answer it has a value.
        Some(None) => Err(Malformed),
        // A window that the compressor does not have: nothing is compressed on this side.
        Some(Some(bits)) => {
            Ok(Some(WindowBits::new(bits).map_or(Compression::Off, Compression::Deflate)))
        }
        None => Ok(Some(Compression::Deflate(WindowBits::MAX))),
    }
}

impl<'a> Extension<'a> {
    fn is_deflate(&self) -> bool {
        self.name.eq_ignore_ascii_case(NAME.as_bytes())
    }

    /// Reads the list that the fields `values` are together.
    pub(super) fn parse_list(
        values: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<Extension<'a>>, Malformed> {
        let mut extensions = Vec::new();
        for value in values {
            let mut rest = octet::trim(value);
            while !rest.is_empty() {
                // Empty elements of a list are skipped, RFC 9110 section 5.6.1.2.
                if let [b',', behind @ ..] = rest {
                    rest = octet::trim_start(behind);
                    continue;
                }
                let (extension, behind) = Extension::parse(rest)?;
                extensions.push(extension);
                rest = behind;
            }
        }
        Ok(extensions)
    }

    /// Reads `token *( ";" parameter )`; also gives what stands behind it, which is empty or begins
    /// with a comma.
    fn parse(text: &'a [u8]) -> Result<(Extension<'a>, &'a [u8]), Malformed> {
        let (name, mut rest) = split_token(text)?;
        let mut parameters = Vec::new();
        loop {
            match rest {
                [] | [b',', ..] => return Ok((Extension { name, parameters }, rest)),
                [b';', behind @ ..] => {
                    let (name, behind) = split_token(octet::trim_start(behind))?;
                    rest = behind;
                    let mut value = None;
                    if let [b'=', behind @ ..] = rest {
                        let (text, behind) = split_value(octet::trim_start(behind))?;
                        (value, rest) = (Some(text), behind);
                    }
                    parameters.push((name, value));
                }
                _ => return Err(Malformed),
            }
        }
    }
}

/// The token that `text` begins with, and what stands behind it and white space.
fn split_token(text: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let length = text.iter().position(|&octet| !octet::is_token(octet)).unwrap_or(text.len());
    let (token, rest) = text.split_at(length);
    if token.is_empty() { Err(Malformed) } else { Ok((token, octet::trim_start(rest))) }
}

/// The token or quoted string that `text` begins with, without its quotes, and what stands behind it
/// and white space. What is quoted must be a token, too (RFC 6455 section 9.1).
fn split_value(text: &[u8]) -> Result<(Cow<'_, [u8]>, &[u8]), Malformed> {
    if text.first() != Some(&b'"') {
        return split_token(text).map(|(token, rest)| (Cow::Borrowed(token), rest));
    }
    let length = octet::quoted_length(text).ok_or(Malformed)?;
    let (quoted, rest) = text.split_at(length);
    let inner = &quoted[1..length - 1];
    let value = match memchr::memchr(b'\\', inner) {
        None => Cow::Borrowed(inner),
        Some(_) => Cow::Owned(unescape(inner)),
    };
    if octet::is_token_all(&value) { Ok((value, octet::trim_start(rest))) } else { Err(Malformed) }
}

fn unescape(quoted: &[u8]) -> Vec<u8> {
    let mut octets = quoted.iter().copied();
    let mut text = Vec::with_capacity(quoted.len());
    while let Some(octet) = octets.next() {
        text.extend(if octet == b'\\' { octets.next() } else { Some(octet) });
    }
    text
}

impl Parameters {
    /// `None` for parameters that are unknown, repeated, or have a wrong value.
    fn parse(extension: &Extension<'_>) -> Option<Parameters> {
        let mut parameters = Parameters::default();
        for (name, value) in &extension.parameters {
            parameters.read(str::from_utf8(name).ok()?, value.as_deref())?;
        }
        Some(parameters)
    }

    fn read(&mut self, name: &str, value: Option<&[u8]>) -> Option<()> {
        let is_new = match (name.to_ascii_lowercase().as_str(), value) {
            (SERVER_NO_CONTEXT_TAKEOVER, None) => {
                !std::mem::replace(&mut self.server_no_context_takeover, true)
            }
            (CLIENT_NO_CONTEXT_TAKEOVER, None) => {
                !std::mem::replace(&mut self.client_no_context_takeover, true)
            }
            (SERVER_MAX_WINDOW_BITS, Some(value)) => {
                self.server_max_window_bits.replace(parse_bits(value)?).is_none()
            }
            (CLIENT_MAX_WINDOW_BITS, value) => {
                let bits = match value {
                    Some(value) => Some(parse_bits(value)?),
                    None => None,
                };
                self.client_max_window_bits.replace(bits).is_none()
            }
            _ => return None,
        };
        is_new.then_some(())
    }
}

/// A number from 8 to 15 without leading zeros.
fn parse_bits(value: &[u8]) -> Option<u8> {
    match value {
        [digit @ b'8'..=b'9'] => Some(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + digit - b'0'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Result<Vec<Extension<'_>>, Malformed> {
        Extension::parse_list([value.as_bytes()].into_iter())
    }

    #[track_caller]
    fn check(value: &str, window: Option<u8>) {
        let extensions = parse(value).unwrap();
        assert_eq!(accept(&extensions).map(|offer| offer.window.bits()), window, "{value}");
    }

    #[test]
    fn the_first_offer_that_can_be_kept_is_taken() {
        check("", None);
        check("x-webkit-deflate-frame", None);
        check("permessage-deflate", Some(15));
        check("Permessage-Deflate; client_max_window_bits", Some(15));
        check("permessage-deflate;server_max_window_bits=10", Some(10));
        check("permessage-deflate; server_max_window_bits=\"1\\2\"", Some(12));
        check("permessage-deflate; server_max_window_bits=8", None);
        check("permessage-deflate; server_max_window_bits=8, permessage-deflate", Some(15));
        check("foo; a=b , , permessage-deflate", Some(15));
        check(
            "permessage-deflate; client_max_window_bits=9; server_no_context_takeover; \
             client_no_context_takeover; server_max_window_bits=9",
            Some(9),
        );
    }

    #[test]
    fn an_offer_with_bad_parameters_is_passed_over() {
        for parameters in [
            "unknown",
            "server_no_context_takeover=1",
            "client_no_context_takeover; client_no_context_takeover",
            "server_max_window_bits",
            "server_max_window_bits=7",
            "server_max_window_bits=16",
            "server_max_window_bits=010",
            "client_max_window_bits=",
            "client_max_window_bits=10; client_max_window_bits",
            "server_max_window_bits=10; server_max_window_bits=10",
        ] {
            let value = format!(
                "permessage-deflate; {parameters}, permessage-deflate; \
                                 server_max_window_bits=11"
            );
            match parse(&value) {
                Ok(extensions) => {
                    assert_eq!(accept(&extensions).unwrap().window.bits(), 11, "{value}")
                }
                Err(Malformed) => assert_eq!(parameters, "client_max_window_bits="),
            }
        }
    }

    #[test]
    fn what_is_no_list_of_extensions_is_refused() {
        for value in [
            ";",
            "a;",
            "a b",
            "a;;b",
            "a=b",
            "a; =b",
            "a; b=",
            "a; b=\"",
            "a; b=\"c d\"",
            "a; b=\"\"",
            "(a)",
            "a; b=\"c,d\"",
            "a; b=c d",
        ] {
            assert_eq!(parse(value), Err(Malformed), "{value}");
        }
    }

    #[test]
    fn a_client_takes_what_it_offered() {
        #[track_caller]
        fn check(value: &str, expected: Result<Option<Compression>, Malformed>) {
            assert_eq!(confirm(&parse(value).unwrap()), expected, "{value}");
        }
        let deflate = |bits| Ok(Some(Compression::Deflate(WindowBits::new(bits).unwrap())));
        check("", Ok(None));
        for window in [WindowBits::MIN, WindowBits::MAX] {
            for is_asked_for in [false, true] {
                check(&Accepted { window, is_asked_for }.to_field(), deflate(15));
            }
        }
        check("permessage-deflate; server_no_context_takeover", deflate(15));
        let limited = "permessage-deflate; server_no_context_takeover; client_max_window_bits";
        check(&format!("{limited}=10"), deflate(10));
        check(&format!("{limited}=8"), Ok(Some(Compression::Off)));
        check(limited, Err(Malformed));
        check("permessage-deflate", Err(Malformed));
        check("other", Err(Malformed));
        check("permessage-deflate; server_no_context_takeover; x", Err(Malformed));
        check(&format!("{OFFER}=10, {OFFER}=10"), Err(Malformed));
    }
}
