//! Reads and writes the messages of the subprotocols `cosmictron.json.v1` and `cosmictron.bin.v1`.
//!
//! ```text
//!   ws::Received::Text ────▶ ClientMessage::parse ───┐
//!   ws::Received::Binary ──▶ ClientMessage::decode ──┴──▶ the product
//!                                  │ Refusal                 │
//!   ws::Encoder::message_with ◀── ServerMessage::write, UpdateWriter
//! ```
//!
//! A message is a JSON object whose `type` says which one it is, or the same fields behind numbers. What it says of values
//! (the arguments of a call, the parameters of a query) is JSON in both: arguments are lent as the text that arrived, to
//! be read once, by who knows their types. Rows come encoded.
//!
//! **Invariants**
//! 1. The id of an answer is the id of its request: the same number, or the same string.
//! 2. A message has one reading: a field that stands twice is refused.
//! 3. Fields that a message does not have are passed over, so that a later client may say more.
//!
//! Reading order: [`ClientMessage`] and [`ServerMessage`] are what is said, whichever way; `field` what values may be;
//! `json_fields` and `binary_fields` take messages apart; `binary` is the form of the second subprotocol.

mod binary;
mod binary_fields;
mod binary_message;
mod client_message;
mod field;
mod json_fields;
mod refusal;
mod request_id;
mod server_message;
mod subprotocol;
mod update;

pub use client_message::ClientMessage;
pub use refusal::{MessageError, Refusal};
pub use request_id::{ID_BYTES_MAX, ID_MAX, RequestId};
pub use server_message::{AnswerRows, ServerMessage};
pub use subprotocol::Subprotocol;
pub use update::UpdateWriter;
