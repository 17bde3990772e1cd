//! Decodes responses from the bytes of one connection: the client's half.
//!
//! Built of the same parts as the request decoder and as strict. Interim responses (100, 103) are
//! skipped; 101 is handed out, and the bytes behind it are the new protocol's.
//!
//! **Invariants**
//! 1. Responses are handed out in the order of the requests; the caller says which method each one
//!    answers.
//! 2. A body that ends with its connection is handed out only when the connection has ended.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::body::{Body, BodyEnd};
use super::decoder::Phase;
use super::error::HttpError;
use super::framing::{Framing, FramingFields};
use super::head::Version;
use super::header::{HeaderTable, Headers};
use super::limits::{BYTES_KEPT, HEADERS_CAP, Limits, read_bytes};
use super::line::HeadSearch;
use super::method::Method;
use crate::input::Input;
use crate::octet;

/// A response as a client receives it, borrowed from the decoder's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The three digits.
    pub status: u16,
    /// The header fields.
    pub headers: Headers<'a>,
    /// The whole body, without its framing.
    pub body: &'a [u8],
    /// Whether another request may be sent on this connection.
    pub keep_alive: bool,
}

/// Decodes the responses of one connection.
#[derive(Debug)]
pub struct ResponseDecoder {
    limits: Limits,
    body_bytes_max: usize,
    input: Input,
    is_ended: bool,
    record: ResponseRecord,
    state: State,
}

#[derive(Debug)]
enum State {
    Head(HeadSearch),
    Body { head_bytes: usize, body: Body },
    Closed,
    Failed(HttpError),
}

struct Complete {
    head_bytes: usize,
    body: Range<usize>,
    start: usize,
}

impl ResponseDecoder {
    /// A decoder for a new connection that takes bodies of up to `body_bytes_max`.
    pub fn new(limits: Limits, body_bytes_max: usize) -> ResponseDecoder {
        ResponseDecoder {
            limits,
            body_bytes_max,
            input: Input::default(),
            is_ended: false,
            record: ResponseRecord::new(),
            state: State::Head(HeadSearch::default()),
        }
    }

    /// The buffer to append received bytes to, as [`Decoder::input`](super::Decoder::input).
    pub fn input(&mut self) -> &mut Vec<u8> {
        if matches!(self.state, State::Failed(_)) {
            self.input.discard();
        }
        self.input.reclaim(BYTES_KEPT)
    }

    /// How much room the next read should be given, in bytes.
    pub fn read_bytes(&self) -> usize {
        let missing = match &self.state {
            State::Body { body, .. } => body.bytes_missing(self.input.unread().len()),
            State::Head(_) | State::Closed | State::Failed(_) => 0,
        };
        read_bytes(missing)
    }

    /// Says that the connection has ended: no more bytes will come.
    pub fn end(&mut self) {
        self.is_ended = true;
    }

    /// Where the decoder stands: [`Phase::Idle`] when every response so far was taken.
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::Head(_) if self.input.unread().is_empty() => Phase::Idle,
            State::Head(_) => Phase::ReadingHead,
            State::Body { .. } => Phase::ReadingBody,
            State::Closed | State::Failed(_) => Phase::Closed,
        }
    }

    /// The bytes behind a 101, for the protocol that the connection changed to.
    #[must_use]
    pub fn take_unread(&mut self) -> Vec<u8> {
        self.input.take_unread()
    }

    /// The response to a request with `method`, if all of it has arrived.
    pub fn next(&mut self, method: Method) -> Result<Option<Answer<'_>>, HttpError> {
        match self.advance(method) {
            Ok(Some(complete)) => Ok(Some(self.view(&complete))),
            Ok(None) => Ok(None),
            Err(error) => {
                self.state = State::Failed(error);
                Err(error)
            }
        }
    }

    fn advance(&mut self, method: Method) -> Result<Option<Complete>, HttpError> {
        loop {
            let complete = match &self.state {
                State::Head(_) => self.read_head(method)?.then(|| self.read_body()),
                State::Body { .. } => Some(self.read_body()),
                State::Closed => None,
                State::Failed(error) => return Err(*error),
            };
            match complete.transpose()?.flatten() {
                Some(_) if self.record.is_interim() => {}
                Some(complete) => return Ok(Some(complete)),
                None if self.is_ended && self.is_within_message() => {
                    return Err(HttpError::Truncated);
                }
                None => return Ok(None),
            }
        }
    }

    fn is_within_message(&self) -> bool {
        matches!(self.phase(), Phase::ReadingHead | Phase::ReadingBody)
    }

    /// Says whether the head is complete; then the state is the body's.
    fn read_head(&mut self, method: Method) -> Result<bool, HttpError> {
        let State::Head(search) = &mut self.state else {
            unreachable!("only called while a head is read");
        };
        let message = self.input.unread();
        let found = search.advance(message, &self.limits).map_err(|error| match error {
            HttpError::BadRequestLine => HttpError::BadStatusLine,
            HttpError::TargetTooLong { .. } => {
                HttpError::HeadTooLarge { bytes_max: self.limits.head_bytes_max() }
            }
            error => error,
        })?;
        let Some(head_bytes) = found else { return Ok(false) };
        self.record.parse(&message[..head_bytes], method, &self.limits)?;
        let body = Body::new(self.record.framing, head_bytes, self.body_bytes_max)?;
        self.state = State::Body { head_bytes, body };
        Ok(true)
    }

    fn read_body(&mut self) -> Result<Option<Complete>, HttpError> {
        let State::Body { head_bytes, body } = &mut self.state else {
            unreachable!("only called while a body is read");
        };
        let head_bytes = *head_bytes;
        let end = body.advance(&mut self.input, self.is_ended, &self.limits)?;
        let Some(BodyEnd { body, next }) = end else { return Ok(None) };
        let start = self.input.start;
        self.input.start += next;
        self.state = match self.record.keep_alive {
            true => State::Head(HeadSearch::default()),
            false => State::Closed,
        };
        Ok(Some(Complete { head_bytes, body, start }))
    }

    fn view(&self, complete: &Complete) -> Answer<'_> {
        let message = &self.input.bytes[complete.start..];
        Answer {
            status: self.record.status,
            headers: self.record.headers.view(&message[..complete.head_bytes]),
            body: &message[complete.body.clone()],
            keep_alive: self.record.keep_alive,
        }
    }
}

/// A parsed head as positions. Reused from response to response.
#[derive(Debug)]
struct ResponseRecord {
    status: u16,
    headers: HeaderTable,
    keep_alive: bool,
    framing: Framing,
}

impl ResponseRecord {
    fn new() -> ResponseRecord {
        ResponseRecord {
            status: 0,
            headers: HeaderTable::default(),
            keep_alive: false,
            framing: Framing::Length(0),
        }
    }

    fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }

    /// Reads `head`, which ends with its empty line and answers a request with `method`.
    fn parse(&mut self, head: &[u8], method: Method, limits: &Limits) -> Result<(), HttpError> {
        let mut places = [const { MaybeUninit::uninit() }; HEADERS_CAP];
        let places = &mut places[..limits.headers_max()];
        let mut parsed = httparse::Response::new(&mut []);
        let status = httparse::ParserConfig::default()
            .parse_response_with_uninit_headers(&mut parsed, head, places)
            .map_err(|error| refuse(error, limits))?;
        if status != httparse::Status::Complete(head.len()) {
            return Err(HttpError::BadHeaderName);
        }
        let (Some(status), Some(version)) = (parsed.code, parsed.version) else {
            return Err(HttpError::BadStatusLine);
        };
        if !(100..=599).contains(&status) {
            return Err(HttpError::BadStatusLine);
        }
        let version = if version == 0 { Version::Http10 } else { Version::Http11 };
        self.status = status;
        self.headers.clear();
        let mut fields = FramingFields::default();
        for field in parsed.headers.iter() {
            let value = octet::trim(field.value);
            if let Some(known) = self.headers.push(head, field.name.as_bytes(), value)? {
                fields.read(known, value)?;
            }
        }
        self.settle(method, version, &fields)
    }

    /// Draws the conclusions of RFC 9112 sections 6.3 and 9.3.
    fn settle(
        &mut self,
        method: Method,
        version: Version,
        fields: &FramingFields,
    ) -> Result<(), HttpError> {
        let is_old = version == Version::Http10;
        let framing = fields.framing(is_old)?;
        let has_body = method != Method::Head && !matches!(self.status, 100..=199 | 204 | 304);
        self.framing = match framing {
            _ if !has_body => Framing::Length(0),
            Some(framing) => framing,
            None => Framing::UntilClose,
        };
        self.keep_alive =
            !fields.closes && (!is_old || fields.keeps) && self.framing != Framing::UntilClose;
        Ok(())
    }
}

/// Names what httparse refused.
fn refuse(error: httparse::Error, limits: &Limits) -> HttpError {
    match error {
        httparse::Error::HeaderName => HttpError::BadHeaderName,
        httparse::Error::HeaderValue => HttpError::BadHeaderValue,
        httparse::Error::TooManyHeaders => {
            HttpError::TooManyHeaders { headers_max: limits.headers_max() }
        }
        httparse::Error::NewLine => HttpError::BareCarriageReturn,
        httparse::Error::Version => HttpError::BadVersion,
        httparse::Error::Status | httparse::Error::Token => HttpError::BadStatusLine,
    }
}
