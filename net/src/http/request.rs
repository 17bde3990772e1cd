//! Encodes requests: the client's half, for the load generator, the tests and the command line.
//!
//! ```text
//!   RequestEncoder::begin    request line, Host
//!     .header(…)             any number of fields
//!     .body(…)               Content-Type, Content-Length, empty line, body
//! ```
//!
//! **Invariants**
//! 1. `Content-Length` is the length of the body.
//! 2. Neither target nor value can end a line: what a target can't hold is percent-encoded, control
//!    octets in values become spaces.

use super::method::Method;
use crate::{octet, uri};

/// A request that is being written.
#[must_use = "a request must be finished by its body"]
#[derive(Debug)]
pub struct RequestEncoder<'a> {
    out: &'a mut Vec<u8>,
    method: Method,
}

impl<'a> RequestEncoder<'a> {
    /// Begins a request at the end of `out`. `target` is a path and query, their parts encoded
    /// already.
    pub fn begin(
        out: &'a mut Vec<u8>,
        method: Method,
        target: &str,
        host: &str,
    ) -> RequestEncoder<'a> {
        out.extend_from_slice(method.as_str().as_bytes());
        out.push(b' ');
        for &octet in target.as_bytes() {
            match octet::is_target_all(&[octet]) {
                true => out.push(octet),
                false => uri::push_escape(out, octet),
            }
        }
        out.extend_from_slice(b" HTTP/1.1\r\n");
        RequestEncoder { out, method }.header("Host", host)
    }

    /// Adds a field.
    pub fn header(self, name: &str, value: &str) -> RequestEncoder<'a> {
        octet::push_field(self.out, name, value);
        self
    }

    /// Adds a field when there is a value.
    pub fn header_if(self, name: &str, value: Option<&str>) -> RequestEncoder<'a> {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    /// Finishes the request with `body`.
    pub fn body(self, content_type: &str, body: &[u8]) {
        let out = self.header("Content-Type", content_type).out;
        octet::push_length(out, body.len());
        out.extend_from_slice(body);
    }

    /// Finishes the head of a request whose body follows in chunks:
    /// [`write_chunk`](super::write_chunk), then [`write_last_chunk`](super::write_last_chunk).
    pub fn chunked(self, content_type: &str) {
        let out =
            self.header("Content-Type", content_type).header("Transfer-Encoding", "chunked").out;
        out.extend_from_slice(b"\r\n");
    }

    /// Finishes the request without a body.
    pub fn empty(self) {
        match self.method {
            Method::Post | Method::Put | Method::Patch => octet::push_length(self.out, 0),
            Method::Get | Method::Head | Method::Delete | Method::Options => {
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }
}
