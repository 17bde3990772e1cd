//! What a connection has received, borrowed from where it stands.

use super::close_code::CloseCode;
use super::encoder::MessageKind;
use super::violation::Violation;

/// What [`Decoder::next`](super::Decoder::next) found, borrowed until it is next called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// Nothing is complete: read more.
    NeedMore,
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// The peer asks for a pong with these up to 125 bytes. May come between fragments.
    Ping(&'a [u8]),
    /// The peer is there; these are the bytes of the ping that it answers, if any.
    Pong(&'a [u8]),
    /// The peer's last frame.
    Close(Option<CloseFrame<'a>>),
    /// The close frame was handed out: whatever still arrives is not for us.
    Closed,
}

/// What a close frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseFrame<'a> {
    /// Why.
    pub code: CloseCode,
    /// The same for people; up to 123 bytes.
    pub reason: &'a str,
}

/// A message with `payload`.
pub(super) fn read_message(kind: MessageKind, payload: &[u8]) -> Result<Received<'_>, Violation> {
    match kind {
        MessageKind::Text => match str::from_utf8(payload) {
            Ok(text) => Ok(Received::Text(text)),
            Err(_) => Err(Violation::NotUtf8),
        },
        MessageKind::Binary => Ok(Received::Binary(payload)),
    }
}

/// What a close frame with `payload` says.
pub(super) fn read_close(payload: &[u8]) -> Result<Option<CloseFrame<'_>>, Violation> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(None) } else { Err(Violation::HalfCloseCode) };
    };
    let code = u16::from_be_bytes(*code);
    let code = CloseCode::new(code).ok_or(Violation::BadCloseCode(code))?;
    let reason = str::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
    Ok(Some(CloseFrame { code, reason }))
}
