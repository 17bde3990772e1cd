//! Decides how a message's body is framed, from the header fields of requests and responses alike.
//!
//! **Invariants**
//! 1. Fields that allow two framings are refused: here is where request smuggling would begin.

use super::error::HttpError;
use super::header::HeaderName;
use crate::octet;

/// How a body's length is told (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// This many octets; 0 when nothing was said about a request's body.
    Length(u64),
    /// Chunks.
    Chunked,
    /// Everything until the connection ends: responses only.
    UntilClose,
}

/// What the fields of one head say about framing and the connection's future.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FramingFields {
    pub(super) has_host: bool,
    length: Option<u64>,
    coding: Coding,
    pub(super) closes: bool,
    pub(super) keeps: bool,
    pub(super) upgrades: bool,
    pub(super) wants_websocket: bool,
    pub(super) expects_continue: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Coding {
    #[default]
    None,
    Chunked,
    /// Others, then chunked: framed, but not decodable.
    UnknownThenChunked,
    /// The last one is not chunked.
    Endless,
}

impl FramingFields {
    pub(super) fn read(&mut self, name: HeaderName, value: &[u8]) -> Result<(), HttpError> {
        match name {
            HeaderName::ContentLength => self.length = Some(parse_length(value)?),
            HeaderName::TransferEncoding => self.read_coding(value)?,
            HeaderName::Connection => {
                for option in octet::list(value) {
                    self.closes |= option.eq_ignore_ascii_case(b"close");
                    self.keeps |= option.eq_ignore_ascii_case(b"keep-alive");
                    self.upgrades |= option.eq_ignore_ascii_case(b"upgrade");
                }
            }
            HeaderName::Upgrade => {
                let is_websocket = |protocol: &[u8]| protocol.eq_ignore_ascii_case(b"websocket");
                self.wants_websocket |= octet::list(value).any(is_websocket);
            }
            HeaderName::Expect => {
                if !value.eq_ignore_ascii_case(b"100-continue") {
                    return Err(HttpError::UnknownExpectation);
                }
                self.expects_continue = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn read_coding(&mut self, value: &[u8]) -> Result<(), HttpError> {
        if octet::list(value).next().is_none() {
            return Err(HttpError::BadTransferEncoding);
        }
        for coding in octet::list(value) {
            let is_chunked = coding.eq_ignore_ascii_case(b"chunked");
            self.coding = match (self.coding, is_chunked) {
                (Coding::None, true) => Coding::Chunked,
                (Coding::Endless, true) => Coding::UnknownThenChunked,
                (Coding::None | Coding::Endless, false) => Coding::Endless,
                // Chunked is the last coding and stands once.
                (Coding::Chunked | Coding::UnknownThenChunked, _) => {
                    return Err(HttpError::BadTransferEncoding);
                }
            };
        }
        Ok(())
    }

    /// The framing that was asked for, `None` when nothing was said. `is_old` for an HTTP/1.0
    /// message.
    pub(super) fn framing(&self, is_old: bool) -> Result<Option<Framing>, HttpError> {
        match (self.coding, self.length) {
            (Coding::None, length) => Ok(length.map(Framing::Length)),
            (_, Some(_)) => Err(HttpError::BothLengths),
            // A sender of HTTP/1.0 can't have meant it; whoever passed it on read the body
            // otherwise.
            _ if is_old => Err(HttpError::BadTransferEncoding),
            (Coding::Chunked, None) => Ok(Some(Framing::Chunked)),
            (Coding::UnknownThenChunked, None) => Err(HttpError::UnknownTransferCoding),
            (Coding::Endless, None) => Err(HttpError::BadTransferEncoding),
        }
    }
}

/// Digits and nothing else. A length beyond 64 bits counts as the largest one: it exceeds any
/// limit.
fn parse_length(value: &[u8]) -> Result<u64, HttpError> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(HttpError::BadContentLength);
    }
    let add = |length: u64, &digit: &u8| {
        length.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    };
    Ok(value.iter().fold(0, add))
}
