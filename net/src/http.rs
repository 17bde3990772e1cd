//! Decodes and encodes HTTP/1.1 messages (RFC 9110, RFC 9112).
//!
//! ```text
//!   socket ──bytes──▶ Decoder::input ──▶ Decoder::next ──▶ Progress::Request ──▶ the product
//!                                                              │ head.reply()
//!   socket ◀──one write per batch── out: Vec<u8> ◀── Response ◀┘
//! ```
//!
//! A server's connection reads into [`Decoder::input`], takes requests from [`Decoder::next`] until
//! it says `NeedMore`, appends one [`Response`] for each to the same vector and then writes that
//! vector once. A client does the reverse with [`RequestEncoder`] and [`ResponseDecoder`].
//!
//! An [`HttpError`] ends a connection: it is answered once, nothing that follows is read. The
//! driver should then shut down its sending side and read for a moment longer, since closing a
//! socket with unread bytes resets it and can destroy the answer on its way.
//!
//! What is not here: deadlines ([`Decoder::phase`] says which applies), routes, and the meaning of
//! any header beyond framing.

mod body;
mod chunked;
mod decoder;
mod error;
mod framing;
mod head;
mod header;
mod limits;
mod line;
mod method;
mod request;
mod response;
mod response_decoder;
mod status;
mod target;

pub use chunked::{write_chunk, write_last_chunk};
pub use decoder::{Decoder, Phase, Progress, Request};
pub use error::HttpError;
pub use head::{Head, Version};
pub use header::{HeaderName, Headers};
pub use limits::{HEAD_BYTES_CAP, HEADERS_CAP, Limits};
pub use method::Method;
pub use request::RequestEncoder;
pub use response::{JSON, Reply, Response, write_json};
pub use response_decoder::{Answer, ResponseDecoder};
pub use status::Status;
