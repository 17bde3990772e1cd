//! Writes what the server sends in `cosmictron.bin.v1`.

use super::binary::{begin, kind, tag, write_field, write_number, write_text};
use super::request_id::RequestId;
use super::server_message::{AnswerRows, ServerMessage, TOKEN_EXPIRING};

/// Appends a message.
pub(super) fn write(message: &ServerMessage<'_>, out: &mut Vec<u8>) {
    match message {
        ServerMessage::Welcome { identity, connection_id, expires_at } => {
            begin(kind::WELCOME, out);
            write_field(tag::IDENTITY, identity.as_bytes(), out);
            write_field(tag::CONNECTION_ID, connection_id.as_bytes(), out);
            write_number(tag::EXPIRES_AT, *expires_at, out);
        }
        ServerMessage::Called { id, tx_id, duration, result } => {
            begin(kind::CALLED, out);
            write_id(id, out);
            write_number(tag::TX_ID, tx_id.get(), out);
            write_text(tag::STATUS, "committed", out);
            // Exact for as long as a call can take.
            let millis = duration.as_micros().max(0) as f64 / 1000.0;
            write_field(tag::DURATION_MS, &millis.to_le_bytes(), out);
            if let Some(result) = result {
                write_text(tag::RESULT, result, out);
            }
        }
        ServerMessage::Subscribed { id, tx_id, answer, key, resumed } => {
            begin(kind::SUBSCRIBED, out);
            write_id(id, out);
            write_number(tag::TX_ID, tx_id.get(), out);
            write_number(tag::RESUMED, u64::from(*resumed), out);
            if let Some(key) = key {
                write_text(tag::KEY, key, out);
            }
            write_answer(answer, out);
        }
        ServerMessage::Unsubscribed { id } => {
            begin(kind::UNSUBSCRIBED, out);
            write_id(id, out);
        }
        ServerMessage::Rows { id, tx_id, answer } => {
            begin(kind::ROWS, out);
            write_id(id, out);
            write_number(tag::TX_ID, tx_id.get(), out);
            write_answer(answer, out);
        }
        ServerMessage::TokenExpiring { detail } => write_error(None, TOKEN_EXPIRING, detail, out),
        ServerMessage::Error { id, code, detail } => write_error(*id, code.as_str(), detail, out),
    }
}

fn write_answer(answer: &AnswerRows<'_>, out: &mut Vec<u8>) {
    write_text(tag::COLUMNS, answer.columns, out);
    write_text(tag::TYPES, answer.types, out);
    write_field(tag::ROWS, answer.rows, out);
}

fn write_error(id: Option<&RequestId>, code: &str, detail: &str, out: &mut Vec<u8>) {
    begin(kind::ERROR, out);
    if let Some(id) = id {
        write_id(id, out);
    }
    write_text(tag::CODE, code, out);
    write_text(tag::DETAIL, detail, out);
}

/// Appends an id as the field that it was.
pub(super) fn write_id(id: &RequestId, out: &mut Vec<u8>) {
    match id {
        RequestId::Number(number) => write_number(tag::ID, *number, out),
        RequestId::Text(text) => write_text(tag::ID_TEXT, text, out),
    }
}
