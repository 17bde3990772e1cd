//! Follows the closing handshake (RFC 6455 section 7): who has sent a close frame, what may still
//! be sent, and when the TCP connection is over.
//!
//! ```text
//!            start()                      receive()
//!   Open ─────────────────▶ AwaitingPeer ───────────▶ Done
//!     └──────── receive(): theirs is answered ────────▲
//!     └──────── fail(): they broke the protocol ──────┘
//! ```
//!
//! In `AwaitingPeer` messages may still arrive: the peer has sent them before it knew. A driver
//! gives that state a deadline. In `Done` it writes what is left to be written and, as a server,
//! shuts down its sending side, reads and drops what comes for a moment (closing a socket with
//! unread bytes resets it and can destroy the close frame on its way), and closes. A client waits
//! for the server to do so first.
//!
//! **Invariants**
//! 1. At most one close frame is sent, and nothing after it.

use super::close_code::CloseCode;
use super::encoder::Encoder;
use super::received::CloseFrame;
use super::violation::Violation;

/// Where the closing handshake of one connection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Closing {
    /// Neither side has closed.
    #[default]
    Open,
    /// Our close frame is out, theirs is not here: nothing may be sent any more.
    AwaitingPeer,
    /// Nothing more is to be sent or read.
    Done,
}

impl Closing {
    /// Begins to close, unless that was done before: appends our close frame to `out`.
    pub fn start(&mut self, code: CloseCode, reason: &str, encoder: &Encoder, out: &mut Vec<u8>) {
        if *self == Closing::Open {
            encoder.close(Some((code, reason)), out);
            *self = Closing::AwaitingPeer;
        }
    }

    /// Takes note of the peer's close frame; answers it with its own code unless ours is out.
    pub fn receive(&mut self, close: Option<CloseFrame<'_>>, encoder: &Encoder, out: &mut Vec<u8>) {
        if *self == Closing::Open {
            encoder.close(close.map(|close| (close.code, "")), out);
        }
        *self = Closing::Done;
    }

    /// Takes note of what the peer did wrong, and tells it unless our close frame is out.
    pub fn fail(&mut self, violation: Violation, encoder: &Encoder, out: &mut Vec<u8>) {
        if *self == Closing::Open {
            encoder.close(Some((violation.close_code(), &violation.to_string())), out);
        }
        *self = Closing::Done;
    }

    /// Whether messages, pings and pongs may still be sent.
    pub fn may_send(self) -> bool {
        self == Closing::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::Compression;

    const ENCODER: Encoder = Encoder::new(Compression::Off);

    #[test]
    fn a_close_is_answered_with_its_code() {
        let (mut closing, mut out) = (Closing::default(), Vec::new());
        let close = CloseFrame { code: CloseCode::GOING_AWAY, reason: "bye" };
        closing.receive(Some(close), &ENCODER, &mut out);
        assert_eq!((closing, &out[..]), (Closing::Done, &[0x88, 2, 3, 0xe9][..]));
    }

    #[test]
    fn a_close_without_a_code_is_answered_without_one() {
        let (mut closing, mut out) = (Closing::default(), Vec::new());
        closing.receive(None, &ENCODER, &mut out);
        assert_eq!((closing, &out[..]), (Closing::Done, &[0x88, 0][..]));
    }

    #[test]
    fn one_close_frame_is_sent_whatever_happens() {
        let (mut closing, mut out) = (Closing::default(), Vec::new());
        closing.start(CloseCode::NORMAL, "", &ENCODER, &mut out);
        assert_eq!(closing, Closing::AwaitingPeer);
        assert!(!closing.may_send());
        closing.start(CloseCode::INTERNAL, "again", &ENCODER, &mut out);
        closing.fail(Violation::NotUtf8, &ENCODER, &mut out);
        closing.receive(None, &ENCODER, &mut out);
        assert_eq!((closing, &out[..]), (Closing::Done, &[0x88, 2, 3, 0xe8][..]));
    }

    #[test]
    fn a_violation_is_told_with_its_code() {
        let (mut closing, mut out) = (Closing::default(), Vec::new());
        closing.fail(Violation::NotUtf8, &ENCODER, &mut out);
        assert_eq!(&out[..4], &[0x88, 2 + 17, 3, 0xef]);
        assert_eq!(&out[4..], b"text is not UTF-8");
    }

    #[test]
    fn a_reason_is_cut_where_a_character_ends() {
        let (mut closing, mut out) = (Closing::default(), Vec::new());
        closing.start(CloseCode::NORMAL, &"ä".repeat(100), &ENCODER, &mut out);
        assert_eq!(out.len(), 2 + 2 + 122);
        assert!(str::from_utf8(&out[4..]).is_ok());
    }
}
