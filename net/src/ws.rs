//! Speaks WebSocket (RFC 6455) with per-message compression (RFC 7692).
//!
//! ```text
//!   http::Progress::Upgrade ──▶ Handshake::check ──▶ Handshake::write (101) ──┐ Agreement
//!                                                                             ▼
//!   socket ──bytes──▶ Decoder::input ──▶ Decoder::next ──▶ Received ──▶ the product
//!                                            │ Violation       │ Ping, Close
//!   socket ◀──one write per batch── out ◀── Closing ◀──────────┘
//!                                    ▲
//!                                    └── Encoder ◀── the product
//! ```
//!
//! A driver reads into [`Decoder::input`], takes what [`Decoder::next`] hands out until it says
//! `NeedMore`, answers a ping with [`Encoder::pong`], tells [`Closing`] of close frames and of
//! violations, and writes what was appended to one vector. Both ends are here: a [`Role`] says
//! which one this is. [`Opening`] is the client's handshake.
//!
//! **Memory.** A connection between messages holds no more than a [`Decoder`] and the input that
//! the driver's next read needs. What compression needs, about 300 KB, belongs to a thread: both
//! handshakes agree on `no_context_takeover` for both directions, so no message leans on the one
//! before, and one [`Inflater`] and one [`Deflater`] serve every connection of a core.
//!
//! What is not here: deadlines (for the next pong, for a message to be complete, for the peer's
//! close frame), the bound on what waits to be written, and what messages mean ([`crate::wire`]).

mod agreement;
mod close_code;
mod closing;
mod decoder;
mod deflate;
mod encoder;
mod extension;
mod frame;
mod handshake;
mod inflate;
mod key;
mod limits;
mod mask;
mod opening;
mod payload;
mod received;
mod utf8;
mod violation;

pub use agreement::{Agreement, Compression, Role, WindowBits};
pub use close_code::CloseCode;
pub use closing::Closing;
pub use decoder::Decoder;
pub use deflate::Deflater;
pub use encoder::{Encoder, MessageKind};
pub use handshake::{Handshake, HandshakeError};
pub use inflate::{InflateError, Inflater};
pub use limits::Limits;
pub use mask::MaskKey;
pub use opening::{Opening, OpeningError};
pub use received::{CloseFrame, Received};
pub use violation::Violation;

/// The subprotocol whose messages are JSON texts ([`crate::wire`]).
pub const JSON_V1: &str = "cosmictron.json.v1";

/// The subprotocol whose messages are bytes, and rows columns ([`crate::wire`]).
pub const BIN_V1: &str = "cosmictron.bin.v1";
