//! HTTP/1.1, WebSocket, what travels in them and TLS around them, as state machines over bytes.
//!
//! Bytes that a socket gave go in, requests and messages come out; answers are appended to a vector
//! that somebody else writes. Nothing here does I/O, reads a clock, knows a route or a table: a driver
//! owns the socket and the deadlines, the product owns the meaning. Both sides of the wire are
//! here, so that the server, its tests, its command line and the load generator speak through one
//! piece of code.
//!
//! **Invariants**
//! 1. The result of decoding depends on the bytes alone, never on how they were split between
//!    reads.
//! 2. Whatever could be read in two ways is refused, and nothing after it is read from that
//!    connection.
//! 3. Work is linear in the bytes that arrive, however small the pieces; memory is bounded by
//!    [`http::Limits`] and the body limit of the route, and by [`ws::Limits`].
//! 4. An answer's `Content-Length` is the length of the body that follows it, always; where it has
//!    none, the body ends with the connection.
//!
//! Reading order: [`http`] is the core: the request decoder, the response encoder, and their mirror
//! images for clients. [`ws`] is what a connection can change to, [`wire`] the messages that are
//! exchanged there. [`problem`] writes errors as `application/problem+json`. [`uri`] takes paths
//! and queries apart, [`media`] media types, [`multipart`] form bodies. [`negotiate`] chooses a
//! content coding, [`compress`] applies it, [`cors`] answers browsers, [`date`] renders the `Date`
//! header, [`forwarded`] tells clients by their addresses. [`tls`] stands beneath all of it, where a server has a certificate.

#![warn(missing_docs)]
#![warn(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

pub mod compress;
pub mod cors;
pub mod date;
pub mod forwarded;
pub mod http;
mod input;
mod json;
pub mod media;
pub mod multipart;
pub mod negotiate;
mod octet;
pub mod problem;
pub mod tls;
pub mod uri;
pub mod wire;
pub mod ws;

pub use compress::Compressor;
pub use cors::Cors;
pub use date::HttpDate;
pub use http::{
    Answer, Decoder, Head, HeaderName, Headers, HttpError, Limits, Method, Phase, Progress, Reply,
    Request, RequestEncoder, Response, ResponseDecoder, Status, Version,
};
pub use media::MediaType;
pub use multipart::{Multipart, MultipartError, MultipartLimits, Part};
pub use negotiate::ContentCoding;
pub use problem::{Member, Problem, ProblemCode};
pub use uri::{PathSegments, Query, UriError};
