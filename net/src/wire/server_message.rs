//! Writes what the server sends.
//!
//! Everything is appended to a vector of the caller's, so that a message can be written where its
//! frame stands ([`Encoder::message_with`](crate::ws::Encoder::message_with)).

use cosmictron_types::{ConnectionId, Duration, Identity, TxId};

use super::binary_message;
use super::request_id::RequestId;
use super::subprotocol::Subprotocol;
use crate::json::{write_number, write_text};
use crate::problem::ProblemCode;

/// A query's answer, its parts encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerRows<'a> {
    /// The names of the columns, in JSON: `["id","name"]`.
    pub columns: &'a str,
    /// Their types: `["u64","string"]`.
    pub types: &'a str,
    /// The rows as the subprotocol has them: `[[1,"ada"],[2,"bob"]]`, or a batch.
    pub rows: &'a [u8],
}

/// The code of the `error` that is a warning.
pub(super) const TOKEN_EXPIRING: &str = "token_expiring";

/// A server's message, but for `update`, which [`UpdateWriter`](super::UpdateWriter) writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerMessage<'a> {
    /// The client is known.
    Welcome {
        /// As whom.
        identity: Identity,
        /// This connection's.
        connection_id: ConnectionId,
        /// When the token ends, in seconds since the Unix epoch.
        expires_at: u64,
    },
    /// A call was committed.
    Called {
        /// That of the call.
        id: &'a RequestId,
        /// Its transaction.
        tx_id: TxId,
        /// From its arrival at its shard until it was durable.
        duration: Duration,
        /// What the reducer returned, as JSON.
        result: Option<&'a str>,
    },
    /// A subscription has begun.
    Subscribed {
        /// That of the subscription.
        id: &'a RequestId,
        /// What the rows are as of.
        tx_id: TxId,
        /// All of them; none when `resumed`.
        answer: AnswerRows<'a>,
        /// The places of the columns whose values no two rows share, in JSON, where some are known: `[0]`.
        key: Option<&'a str>,
        /// Whether the client's rows, as of its `since`, stay and the changes since then follow.
        resumed: bool,
    },
    /// A subscription has ended.
    Unsubscribed {
        /// That of the subscription.
        id: &'a RequestId,
    },
    /// A query's answer.
    Rows {
        /// That of the query.
        id: &'a RequestId,
        /// The snapshot that was read.
        tx_id: TxId,
        /// The rows.
        answer: AnswerRows<'a>,
    },
    /// The token ends soon, and the connection with it unless it is renewed: an `error` whose code is
    /// `token_expiring`.
    TokenExpiring {
        /// For people.
        detail: &'a str,
    },
    /// Something is wrong.
    Error {
        /// With which request; none when it is the connection, or the message's id was no id.
        id: Option<&'a RequestId>,
        /// The stable word.
        code: ProblemCode,
        /// For people.
        detail: &'a str,
    },
}

impl ServerMessage<'_> {
    /// Appends the message as a subprotocol has it.
    pub fn write(&self, subprotocol: Subprotocol, out: &mut Vec<u8>) {
        match subprotocol {
            Subprotocol::JsonV1 => self.write_json(out),
            Subprotocol::BinV1 => binary_message::write(self, out),
        }
    }

    fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            ServerMessage::Welcome { identity, connection_id, expires_at } => {
                begin("welcome", out);
                write_member("identity", out);
                write_text(out, &identity.to_string());
                write_member("connection_id", out);
                write_text(out, &connection_id.to_string());
                write_member("expires_at", out);
                write_number(out, *expires_at);
            }
            ServerMessage::Called { id, tx_id, duration, result } => {
                begin_answer("called", id, out);
                write_tx(*tx_id, out);
                out.extend_from_slice(b",\"status\":\"committed\"");
                write_member("duration_ms", out);
                write_millis(*duration, out);
                if let Some(result) = result {
                    write_json("result", result, out);
                }
            }
            ServerMessage::Subscribed { id, tx_id, answer, key, resumed } => {
                begin_answer("subscribed", id, out);
                write_tx(*tx_id, out);
                answer.write(out);
                if let Some(key) = key {
                    write_json("key", key, out);
                }
                write_json("resumed", if *resumed { "true" } else { "false" }, out);
            }
            ServerMessage::Unsubscribed { id } => begin_answer("unsubscribed", id, out),
            ServerMessage::Rows { id, tx_id, answer } => {
                begin_answer("rows", id, out);
                write_tx(*tx_id, out);
                answer.write(out);
            }
            ServerMessage::TokenExpiring { detail } => {
                begin("error", out);
                write_member("code", out);
                write_text(out, TOKEN_EXPIRING);
                write_member("detail", out);
                write_text(out, detail);
            }
            ServerMessage::Error { id, code, detail } => {
                match id {
                    Some(id) => begin_answer("error", id, out),
                    None => begin("error", out),
                }
                write_member("code", out);
                write_text(out, code.as_str());
                write_member("detail", out);
                write_text(out, detail);
            }
        }
        out.push(b'}');
    }
}

impl AnswerRows<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        write_json("columns", self.columns, out);
        write_json("types", self.types, out);
        write_member("rows", out);
        out.extend_from_slice(self.rows);
    }
}

pub(super) fn begin(kind: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.push(b'"');
}

fn begin_answer(kind: &str, id: &RequestId, out: &mut Vec<u8>) {
    begin(kind, out);
    write_member("id", out);
    id.write(out);
}

/// Appends the name of a further member.
fn write_member(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Appends a further member whose value is JSON already.
fn write_json(name: &str, json: &str, out: &mut Vec<u8>) {
    write_member(name, out);
    out.extend_from_slice(json.as_bytes());
}

pub(super) fn write_tx(tx_id: TxId, out: &mut Vec<u8>) {
    write_member("tx_id", out);
    write_number(out, tx_id.get());
}

/// Appends milliseconds with three decimals.
fn write_millis(duration: Duration, out: &mut Vec<u8>) {
    let micros = duration.as_micros().max(0).unsigned_abs();
    write_number(out, micros / 1000);
    out.push(b'.');
    let fraction = 1000 + micros % 1000;
    out.extend_from_slice(&itoa::Buffer::new().format(fraction).as_bytes()[1..]);
}
