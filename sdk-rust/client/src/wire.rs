//! The messages of `cosmictron.bin.v1`, as `docs/protocol.md` has them.
//!
//! Reading order: `message` is what both sides say, `batch` the rows in it.

mod batch;
mod message;

pub(crate) use batch::{Batch, Cell};
pub(crate) use message::{
    Answer, Change, ServerMessage, authenticate, call, query, subscribe, unsubscribe,
};

/// The subprotocol's name.
pub(crate) const SUBPROTOCOL: &str = "cosmictron.bin.v1";
