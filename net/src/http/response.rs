//! Encodes answers at the end of a connection's output.
//!
//! ```text
//!   Response::begin      status line, Date, Connection
//!     .header(…)         any number of fields
//!     .body(…)           Content-Type, Content-Length, empty line, body
//! ```
//!
//! The head goes straight into the output; the body too, when it is written by a closure: its
//! length is filled in afterwards. An answer that is begun is finished by exactly one of the
//! methods that take `self`.
//!
//! **Invariants**
//! 1. `Content-Length` is the length of the body, also where HEAD leaves the body out.
//! 2. No value can end a line: control octets become spaces.
//! 3. Statuses that have no body get neither body nor length.

use super::head::Version;
use super::method::Method;
use super::status::Status;
use crate::date::HttpDate;
use crate::octet;

/// The media type of JSON answers.
pub const JSON: &str = "application/json";

/// Digits left for a length that is filled in later: 20 hold any u64.
const LENGTH_DIGITS: usize = 20;

/// Bodies up to this are moved to where they would stand without the digits that were not needed. A larger one costs
/// more to move than the white space, which means nothing, costs to send.
const MOVED_BYTES_MAX: usize = 16 << 10;

/// What an answer must heed of its request and its connection.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// Whether the connection goes on. A driver that wants to end it clears this before it answers.
    pub keep_alive: bool,
    /// Whether the body is left out, as HEAD asks.
    pub head_only: bool,
    version: Version,
    date: Option<HttpDate>,
    secure_for_secs: Option<u32>,
}

impl Reply {
    pub(super) fn new(method: Method, version: Version, keep_alive: bool) -> Reply {
        Reply {
            keep_alive,
            head_only: method == Method::Head,
            version,
            date: None,
            secure_for_secs: None,
        }
    }

    /// The reply to something that was no request: the connection ends.
    pub fn closing() -> Reply {
        Reply::new(Method::Get, Version::Http11, false)
    }

    /// With a `Date` field.
    #[must_use]
    pub fn dated(self, date: HttpDate) -> Reply {
        Reply { date: Some(date), ..self }
    }

    /// With the word that this host is spoken to within TLS alone, for so long (RFC 6797). Only within TLS.
    #[must_use]
    pub fn secure_for(self, secs: Option<u32>) -> Reply {
        Reply { secure_for_secs: secs, ..self }
    }
}

/// An answer that is being written.
#[must_use = "an answer must be finished by its body"]
#[derive(Debug)]
pub struct Response<'a> {
    out: &'a mut Vec<u8>,
    status: Status,
    head_only: bool,
}

impl<'a> Response<'a> {
    /// Begins an answer at the end of `out`.
    pub fn begin(out: &'a mut Vec<u8>, reply: &Reply, status: Status) -> Response<'a> {
        out.extend_from_slice(status.line().as_bytes());
        if let Some(date) = &reply.date {
            out.extend_from_slice(b"Date: ");
            out.extend_from_slice(date.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        if let Some(secs) = reply.secure_for_secs {
            out.extend_from_slice(b"Strict-Transport-Security: max-age=");
            out.extend_from_slice(itoa::Buffer::new().format(secs).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        match (reply.keep_alive, reply.version) {
            (true, Version::Http11) => {}
            (true, Version::Http10) => out.extend_from_slice(b"Connection: keep-alive\r\n"),
            (false, _) => out.extend_from_slice(b"Connection: close\r\n"),
        }
        Response { out, status, head_only: reply.head_only }
    }

    /// The interim answer to a client that expects 100-continue; an answer follows it.
    pub fn interim(out: &mut Vec<u8>) {
        out.extend_from_slice(Status::Continue.line().as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    /// Adds a field. `name` is a token of ours; control octets in `value`, which may stem from a
    /// client, become spaces.
    pub fn header(self, name: &str, value: &str) -> Response<'a> {
        octet::push_field(self.out, name, value);
        self
    }

    /// Adds a field with a number.
    pub fn header_number(self, name: &str, value: u64) -> Response<'a> {
        self.header(name, itoa::Buffer::new().format(value))
    }

    /// Adds a field when there is a value.
    pub fn header_if(self, name: &str, value: Option<&str>) -> Response<'a> {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    /// Finishes the answer with `body`.
    pub fn body(self, content_type: &str, body: &[u8]) {
        if !self.status.has_body() {
            return self.empty();
        }
        let head_only = self.head_only;
        let out = self.header("Content-Type", content_type).out;
        octet::push_length(out, body.len());
        if !head_only {
            out.extend_from_slice(body);
        }
    }

    /// Finishes the answer with the body that `write` appends. It may only append.
    pub fn body_with(self, content_type: &str, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.status.has_body() {
            return self.empty();
        }
        let head_only = self.head_only;
        let out = self.header("Content-Type", content_type).out;
        out.extend_from_slice(b"Content-Length: ");
        let digits_at = out.len();
        // White space before the value is no part of it, so the digits can be put in behind it
        // later.
        out.resize(digits_at + LENGTH_DIGITS, b' ');
        out.extend_from_slice(b"\r\n\r\n");
        let body_at = out.len();
        write(out);
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(out.len() - body_at).as_bytes();
        let (digits_end, body_bytes) = (digits_at + LENGTH_DIGITS, out.len() - body_at);
        out[digits_end - digits.len()..digits_end].copy_from_slice(digits);
        if head_only {
            out.truncate(body_at);
        }
        if body_bytes <= MOVED_BYTES_MAX {
            out.drain(digits_at..digits_end - digits.len());
        }
    }

    /// Ends the head of an answer whose body is written later and ends with the connection, which
    /// the [`Reply`] has to say.
    pub fn stream(self, content_type: &str) {
        self.header("Content-Type", content_type).out.extend_from_slice(b"\r\n");
    }

    /// Finishes the answer without a body.
    pub fn empty(self) {
        let ending: &[u8] =
            if self.status.has_body() { b"Content-Length: 0\r\n\r\n" } else { b"\r\n" };
        self.out.extend_from_slice(ending);
    }
}

/// Appends a whole JSON answer: what nearly every request gets.
pub fn write_json(out: &mut Vec<u8>, reply: &Reply, status: Status, body: &[u8]) {
    Response::begin(out, reply, status).body(JSON, body);
}
