//! Encodes a message once for many connections.

use bytes::Bytes;

use super::agreement::{Compression, WindowBits};
use super::deflate::Deflater;
use super::encoder::{Encoder, MessageKind};

/// A server's frame. Clones share its bytes, also across threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedFrame(Bytes);

impl SharedFrame {
    /// The frame as it is written to a socket.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same, for whoever writes by value.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// Bytes of the frame, head included.
    #[expect(clippy::len_without_is_empty, reason = "a frame has a head")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// A message from a server to many clients, encoded at most once for each [`Compression`] that
/// these have agreed on: there are eight, and hardly ever more than two in use.
#[derive(Debug)]
pub struct SharedMessage {
    kind: MessageKind,
    /// How many bytes at the end of the plain frame are the message.
    payload_bytes: usize,
    plain: SharedFrame,
    deflated: Vec<(WindowBits, SharedFrame)>,
}

impl SharedMessage {
    /// A message that says what `write` appends.
    pub fn new(kind: MessageKind, write: impl FnOnce(&mut Vec<u8>)) -> SharedMessage {
        let mut out = Vec::new();
        let mut payload_bytes = 0;
        let encoder = Encoder::new(Compression::Off);
        encoder.message_with(kind, &mut Deflater::new(), &mut out, |out| {
            let before = out.len();
            write(out);
            payload_bytes = out.len() - before;
        });
        SharedMessage { kind, payload_bytes, plain: SharedFrame(out.into()), deflated: Vec::new() }
    }

    /// The frame for a connection with `compression`; the same frame for every such connection.
    pub fn frame(&mut self, compression: Compression, deflater: &mut Deflater) -> SharedFrame {
        let Compression::Deflate(window) = compression else { return self.plain.clone() };
        let made = self.deflated.iter().find(|(made_for, _)| *made_for == window);
        if let Some((_, frame)) = made {
            return frame.clone();
        }
        let mut out = Vec::new();
        Encoder::new(compression).message(self.kind, self.payload(), deflater, &mut out);
        // Too small or too random to be compressed, it is the frame that is there already.
        let frame = match out == self.plain.as_bytes() {
            true => self.plain.clone(),
            false => SharedFrame(out.into()),
        };
        self.deflated.push((window, frame.clone()));
        frame
    }

    /// What the message says.
    pub fn payload(&self) -> &[u8] {
        let frame = self.plain.as_bytes();
        &frame[frame.len() - self.payload_bytes..]
    }
}
