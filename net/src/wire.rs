//! Reads and writes the messages of the subprotocol `cosmictron.json.v1`.
//!
//! ```text
//!   ws::Received::Text ──▶ ClientMessage::parse ──▶ the product
//!                                │ Refusal               │
//!   ws::Encoder::message_with ◀── ServerMessage::write, UpdateWriter
//! ```
//!
//! A message is a JSON object whose `type` says which one it is. What it says of values (the
//! arguments of a call, the parameters of a query, rows) stays JSON here: arguments are lent as the
//! text that arrived, to be read once, by who knows their types; rows come encoded.
//!
//! **Invariants**
//! 1. The id of an answer is the id of its request: the same number, or the same string.
//! 2. A message has one reading: a field that stands twice is refused.
//! 3. Fields that a message does not have are passed over, so that a later client may say more.

mod client_message;
mod field;
mod refusal;
mod request_id;
mod server_message;

pub use client_message::ClientMessage;
pub use refusal::{MessageError, Refusal};
pub use request_id::{ID_BYTES_MAX, ID_MAX, RequestId};
pub use server_message::{AnswerRows, ServerMessage, UpdateWriter};
