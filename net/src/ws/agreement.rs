//! What two ends have agreed on in their handshake.

/// Which end of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Receives masked frames, sends them unmasked.
    Server,
    /// Receives unmasked frames, sends them masked.
    Client,
}

/// The base-2 logarithm of the window that a sender of compressed messages keeps to: 9 to 15.
///
/// RFC 7692 also knows 8, which zlib's compressor does not: a peer that demands it of us is not sent
/// anything compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 512 bytes.
    pub const MIN: WindowBits = WindowBits(9);
    /// 32 KiB, which holds where nobody says otherwise.
    pub const MAX: WindowBits = WindowBits(15);

    /// The only way in, so that a value in hand is always one that the compressor takes.
    pub const fn new(bits: u8) -> Option<WindowBits> {
        if WindowBits::MIN.0 <= bits && bits <= WindowBits::MAX.0 {
            return Some(WindowBits(bits));
        }
        None
    }

    /// The number.
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// Whether messages of ours may be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// The peer takes messages as they are.
    Off,
    /// The peer takes compressed ones whose window is at most this.
    Deflate(WindowBits),
}

/// What the handshake has settled. Both directions are without context takeover where compression
/// is agreed on at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement<'p> {
    /// The subprotocol; none when the client named none that the server knows.
    pub protocol: Option<&'p str>,
    /// Whether the peer may send compressed messages.
    pub receives_deflate: bool,
    /// Whether and how this end may.
    pub sends: Compression,
}
