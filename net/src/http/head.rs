//! Reads the head of a request and decides how the message is framed.
//!
//! httparse finds the parts; what it lets pass and RFC 9112 does not is refused here. The order of
//! the checks does not depend on how the bytes arrived, since a head is only parsed when all of it
//! is there.
//!
//! **Invariants**
//! 1. A head that parses has exactly one possible framing.
//! 2. All spans lie within the head that was parsed; the head is kept until the request was handed
//!    out.

use std::mem::MaybeUninit;

use super::error::HttpError;
use super::framing::{Framing, FramingFields};
use super::header::{HeaderName, HeaderTable, Headers, Span};
use super::limits::{HEADERS_CAP, Limits};
use super::method::Method;
use super::response::Reply;
use super::target::{Target, is_host};
use crate::octet;

/// The version of HTTP that a message was sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Connections end after one answer unless both sides ask otherwise.
    Http10,
    /// Connections stay.
    Http11,
}

/// A request without its body.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// What is asked for.
    pub method: Method,
    /// The version that the client speaks.
    pub version: Version,
    /// The path, not decoded: starts with `/`, or is `*` when OPTIONS asks about the server as a
    /// whole.
    pub path: &'a str,
    /// What stands behind the `?`, not decoded; empty when there is none.
    pub query: &'a str,
    /// Host and port that the client means; empty when it did not say.
    pub host: &'a str,
    /// The header fields.
    pub headers: Headers<'a>,
    /// Whether another request may follow on this connection.
    pub keep_alive: bool,
    /// The body's length, where the client says it beforehand; `None` for a chunked body.
    pub body_bytes: Option<u64>,
}

impl Head<'_> {
    /// What the answer to this request must heed.
    pub fn reply(&self) -> Reply {
        Reply::new(self.method, self.version, self.keep_alive)
    }
}

/// A parsed head as positions, so that it outlives the moving of its bytes. Reused from request to
/// request.
#[derive(Clone, Debug)]
pub(super) struct RequestRecord {
    method: Method,
    version: Version,
    path: Path,
    query: Span,
    host: Span,
    headers: HeaderTable,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
    pub(super) wants_websocket: bool,
    pub(super) framing: Framing,
}

#[derive(Clone, Copy, Debug)]
enum Path {
    Server,
    Root,
    At(Span),
}

impl RequestRecord {
    pub(super) fn new() -> RequestRecord {
        RequestRecord {
            method: Method::Get,
            version: Version::Http11,
            path: Path::Root,
            query: Span::default(),
            host: Span::default(),
            headers: HeaderTable::default(),
            keep_alive: false,
            expects_continue: false,
            wants_websocket: false,
            framing: Framing::Length(0),
        }
    }

    /// Reads `head`, which ends with its empty line.
    pub(super) fn parse(&mut self, head: &[u8], limits: &Limits) -> Result<(), HttpError> {
        let mut places = [const { MaybeUninit::uninit() }; HEADERS_CAP];
        let places = &mut places[..limits.headers_max()];
        let mut parsed = httparse::Request::new(&mut []);
        let status = parsed
            .parse_with_uninit_headers(head, places)
            .map_err(|error| refuse(error, head, limits))?;
        // The search for the end of the head ended at the same empty line, or the two disagree
        // about the framing.
        if status != httparse::Status::Complete(head.len()) {
            return Err(HttpError::BadHeaderName);
        }
        let (Some(method), Some(target), Some(version)) =
            (parsed.method, parsed.path, parsed.version)
        else {
            return Err(HttpError::BadRequestLine);
        };
        if limits.target_bytes_max() < target.len() {
            return Err(HttpError::TargetTooLong { bytes_max: limits.target_bytes_max() });
        }
        self.method = Method::parse(method.as_bytes()).ok_or(HttpError::UnknownMethod)?;
        self.version = if version == 0 { Version::Http10 } else { Version::Http11 };
        self.headers.clear();
        let framing = self.read_fields(head, parsed.headers)?;
        self.place_target(head, Target::parse(self.method, target.as_bytes())?);
        self.settle(framing)
    }

    fn read_fields(
        &mut self,
        head: &[u8],
        fields: &[httparse::Header<'_>],
    ) -> Result<FramingFields, HttpError> {
        let mut framing = FramingFields::default();
        self.host = Span::default();
        for field in fields {
            let value = octet::trim(field.value);
            if let Some(known) = self.headers.push(head, field.name.as_bytes(), value)? {
                if known == HeaderName::Host {
                    framing.has_host = true;
                    self.host = Span::within(head, value);
                    if !is_host(value) {
                        return Err(HttpError::BadHost);
                    }
                }
                framing.read(known, value)?;
            }
        }
        Ok(framing)
    }

    fn place_target(&mut self, head: &[u8], target: Target<'_>) {
        let authority = match target {
            Target::Server { authority } => {
                (self.path, self.query) = (Path::Server, Span::default());
                authority
            }
            Target::Resource { authority, path, query } => {
                self.path = match path {
                    [] => Path::Root,
                    _ => Path::At(Span::within(head, path)),
                };
                self.query = Span::within(head, query);
                authority
            }
        };
        if let Some(authority) = authority {
            self.host = Span::within(head, authority);
        }
    }

    /// Draws the conclusions of RFC 9112 sections 3.2, 6.3 and 9.3 from all fields together.
    fn settle(&mut self, fields: FramingFields) -> Result<(), HttpError> {
        let is_old = self.version == Version::Http10;
        if !fields.has_host && !is_old {
            return Err(HttpError::MissingHost);
        }
        self.framing = fields.framing(is_old)?.unwrap_or(Framing::Length(0));
        self.keep_alive = !fields.closes && (!is_old || fields.keeps);
        // An HTTP/1.0 client can't know the expectation, so it must not get the interim answer.
        self.expects_continue =
            fields.expects_continue && !is_old && self.framing != Framing::Length(0);
        self.wants_websocket = fields.wants_websocket
            && fields.upgrades
            && !is_old
            && !fields.closes
            && self.method == Method::Get
            && self.framing == Framing::Length(0);
        Ok(())
    }

    pub(super) fn view<'a>(&'a self, head: &'a [u8]) -> Head<'a> {
        Head {
            method: self.method,
            version: self.version,
            path: match self.path {
                Path::Server => "*",
                Path::Root => "/",
                Path::At(span) => span.text_of(head),
            },
            query: self.query.text_of(head),
            host: self.host.text_of(head),
            headers: self.headers.view(head),
            keep_alive: self.keep_alive,
            body_bytes: match self.framing {
                Framing::Length(length) => Some(length),
                Framing::Chunked | Framing::UntilClose => None,
            },
        }
    }
}

/// Names what httparse refused.
fn refuse(error: httparse::Error, head: &[u8], limits: &Limits) -> HttpError {
    match error {
        httparse::Error::HeaderName => HttpError::BadHeaderName,
        httparse::Error::HeaderValue => HttpError::BadHeaderValue,
        httparse::Error::TooManyHeaders => {
            HttpError::TooManyHeaders { headers_max: limits.headers_max() }
        }
        _ => refuse_request_line(head),
    }
}

/// Says what is wrong with a request line that httparse refused as a whole.
fn refuse_request_line(head: &[u8]) -> HttpError {
    let head = head.strip_prefix(b"\r\n").unwrap_or(head);
    let line = head.split(|&octet| octet == b'\n').next().unwrap_or(head);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.contains(&b'\r') {
        return HttpError::BareCarriageReturn;
    }
    let mut parts = line.split(|&octet| octet == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return HttpError::BadRequestLine;
    };
    if !octet::is_token_all(method) {
        return HttpError::BadMethod;
    }
    if target.is_empty() {
        return HttpError::BadRequestLine;
    }
    if !octet::is_target_all(target) {
        return HttpError::BadTarget;
    }
    match version {
        // The request line is good, so it was a line end behind it.
        b"HTTP/1.0" | b"HTTP/1.1" => HttpError::BareCarriageReturn,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            HttpError::BadVersion
        }
        _ => HttpError::BadRequestLine,
    }
}
