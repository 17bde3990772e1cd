//! Tests `cosmictron-net` through its public face, as a driver uses it.
//!
//! [`transcript`] turns the bytes of a connection into a text of what was decoded; the other
//! modules compare such texts: [`framing`] against a table of verdicts, [`split`] against
//! themselves under every split, [`chunked`] against a naive model, [`roundtrip`] against what was
//! encoded. [`ws`] does the same for WebSocket, [`wire`] for the messages that it
//! carries, [`wire_binary`] for their second form.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod chunked;
mod framing;
mod limits;
mod multipart;
mod responses;
mod roundtrip;
mod split;
mod tls;
mod transcript;
mod wire;
mod wire_binary;
mod ws;
