//! Which of the two forms messages have on a connection.

use crate::ws::{self, MessageKind};

/// A subprotocol: the same messages, written otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subprotocol {
    /// `cosmictron.json.v1`.
    JsonV1,
    /// `cosmictron.bin.v1`.
    BinV1,
}

impl Subprotocol {
    /// Its name in the handshake.
    pub const fn name(self) -> &'static str {
        match self {
            Subprotocol::JsonV1 => ws::JSON_V1,
            Subprotocol::BinV1 => ws::BIN_V1,
        }
    }

    /// The one of a name.
    pub fn named(name: &str) -> Option<Subprotocol> {
        [Subprotocol::JsonV1, Subprotocol::BinV1].into_iter().find(|known| known.name() == name)
    }

    /// The kind of all its messages.
    pub const fn message_kind(self) -> MessageKind {
        match self {
            Subprotocol::JsonV1 => MessageKind::Text,
            Subprotocol::BinV1 => MessageKind::Binary,
        }
    }
}
