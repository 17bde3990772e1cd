//! Encodes messages and control frames at the end of a connection's output.
//!
//! A message is one frame. Its payload is copied once, from where it is to the output; one that a
//! closure writes is written where it will stand and moved only when its head turns out to be
//! longer or shorter than the usual four bytes.
//!
//! **Invariants**
//! 1. What is appended is whole frames.
//! 2. A server's frames depend on nothing but the message and the [`Compression`], so they are the
//!    same for all connections that have agreed on the same.

use super::agreement::Compression;
use super::close_code::CloseCode;
use super::deflate::Deflater;
use super::frame::{CONTROL_BYTES_MAX, FrameHead, Opcode};
use super::mask::MaskKey;

/// Messages below this are sent as they are, as the bodies of HTTP answers are: compressing even a
/// small one takes 10 to 20 µs, most of which clears zlib's tables, and what it would save is a part
/// of one packet.
const DEFLATED_BYTES_MIN: usize = 1024;

/// Room left for the head of a message whose length is not known yet: enough for up to 64 KiB.
const HEAD_ROOM: usize = 4;

/// Which of the two kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

impl MessageKind {
    fn opcode(self) -> Opcode {
        match self {
            MessageKind::Text => Opcode::Text,
            MessageKind::Binary => Opcode::Binary,
        }
    }
}

/// Encodes what one end sends. A small value: copy it at will.
#[derive(Clone, Copy, Debug)]
pub struct Encoder {
    compression: Compression,
    deflated_bytes_min: usize,
    mask: Option<MaskKey>,
}

impl Encoder {
    /// An encoder for messages to a peer that has agreed on `compression`.
    pub const fn new(compression: Compression) -> Encoder {
        Encoder { compression, deflated_bytes_min: DEFLATED_BYTES_MIN, mask: None }
    }

    /// One that sends messages below `bytes` uncompressed; 1,024 where nobody says otherwise.
    #[must_use]
    pub const fn deflating_from(self, bytes: usize) -> Encoder {
        Encoder { deflated_bytes_min: bytes, ..self }
    }

    /// One that masks with `key`, as a client must: a new key for each frame.
    #[must_use]
    pub const fn masked(self, key: MaskKey) -> Encoder {
        Encoder { mask: Some(key), ..self }
    }

    /// Appends a text message.
    pub fn text(&self, text: &str, deflater: &mut Deflater, out: &mut Vec<u8>) {
        self.message(MessageKind::Text, text.as_bytes(), deflater, out);
    }

    /// Appends a binary message.
    pub fn binary(&self, bytes: &[u8], deflater: &mut Deflater, out: &mut Vec<u8>) {
        self.message(MessageKind::Binary, bytes, deflater, out);
    }

    /// Appends a message. What is given as text must be UTF-8, or the peer ends the connection.
    pub fn message(
        &self,
        kind: MessageKind,
        payload: &[u8],
        deflater: &mut Deflater,
        out: &mut Vec<u8>,
    ) {
        if let Compression::Deflate(window) = self.compression
            && self.deflated_bytes_min <= payload.len()
        {
            let frame = FrameInPlace::begin(out);
            deflater.deflate(window, payload, out);
            if frame.payload_bytes(out) < payload.len() {
                return frame.finish(kind.opcode(), true, self.mask, out);
            }
            out.truncate(frame.head_at);
        }
        self.frame(kind.opcode(), payload, out);
    }

    /// Appends a message whose payload `write` appends. It may only append.
    pub fn message_with(
        &self,
        kind: MessageKind,
        deflater: &mut Deflater,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let frame = FrameInPlace::begin(out);
        write(out);
        let is_deflated = match self.compression {
            Compression::Deflate(window) if self.deflated_bytes_min <= frame.payload_bytes(out) => {
                deflater.deflate_in_place(window, out, frame.payload_at())
            }
            Compression::Deflate(_) | Compression::Off => false,
        };
        frame.finish(kind.opcode(), is_deflated, self.mask, out);
    }

    /// Appends a ping with up to 125 bytes, which the pong brings back.
    pub fn ping(&self, payload: &[u8], out: &mut Vec<u8>) {
        self.control(Opcode::Ping, payload, out);
    }

    /// Appends the pong to a ping with `payload`.
    pub fn pong(&self, payload: &[u8], out: &mut Vec<u8>) {
        self.control(Opcode::Pong, payload, out);
    }

    /// Appends a close frame; of `reason` as much as fits, which is 123 bytes. Nothing may follow
    /// it: [`Closing`](super::Closing) sees to that.
    pub(super) fn close(&self, close: Option<(CloseCode, &str)>, out: &mut Vec<u8>) {
        let mut payload = [0; CONTROL_BYTES_MAX];
        let mut length = 0;
        if let Some((code, reason)) = close {
            let reason = &reason[..reason.floor_char_boundary(CONTROL_BYTES_MAX - 2)];
            length = 2 + reason.len();
            payload[..2].copy_from_slice(&code.get().to_be_bytes());
            payload[2..length].copy_from_slice(reason.as_bytes());
        }
        self.control(Opcode::Close, &payload[..length], out);
    }

    fn control(&self, opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
        assert!(payload.len() <= CONTROL_BYTES_MAX, "{} bytes in a control frame", payload.len());
        self.frame(opcode, payload, out);
    }

    fn frame(&self, opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
        let (head, head_bytes) = head(opcode, false, self.mask, payload.len()).render();
        out.reserve(head_bytes + payload.len());
        out.extend_from_slice(&head[..head_bytes]);
        let payload_at = out.len();
        out.extend_from_slice(payload);
        if let Some(key) = self.mask {
            key.apply(&mut out[payload_at..], 0);
        }
    }
}

fn head(opcode: Opcode, is_deflated: bool, mask: Option<MaskKey>, bytes: usize) -> FrameHead {
    FrameHead { is_final: true, is_deflated, opcode, mask, payload_bytes: bytes as u64 }
}

/// A frame whose payload is appended before its head is known.
struct FrameInPlace {
    head_at: usize,
}

impl FrameInPlace {
    fn begin(out: &mut Vec<u8>) -> FrameInPlace {
        let head_at = out.len();
        out.extend_from_slice(&[0; HEAD_ROOM]);
        FrameInPlace { head_at }
    }

    fn payload_at(&self) -> usize {
        self.head_at + HEAD_ROOM
    }

    fn payload_bytes(&self, out: &[u8]) -> usize {
        out.len() - self.payload_at()
    }

    fn finish(self, opcode: Opcode, is_deflated: bool, mask: Option<MaskKey>, out: &mut Vec<u8>) {
        let (payload_at, end) = (self.payload_at(), out.len());
        let (head, head_bytes) = head(opcode, is_deflated, mask, end - payload_at).render();
        let moved_to = self.head_at + head_bytes;
        if payload_at < moved_to {
            out.resize(end + (moved_to - payload_at), 0);
        }
        if payload_at != moved_to {
            out.copy_within(payload_at..end, moved_to);
        }
        out.truncate(moved_to + (end - payload_at));
        out[self.head_at..moved_to].copy_from_slice(&head[..head_bytes]);
        if let Some(key) = mask {
            key.apply(&mut out[moved_to..], 0);
        }
    }
}
