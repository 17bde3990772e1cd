//! Bounds what a peer may make this end keep.

/// Bounds on what is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Payload bytes of a message, decompressed where it was compressed.
    pub message_bytes_max: usize,
    /// Payload bytes of one frame, as they are sent.
    pub frame_bytes_max: usize,
    /// Frames of one message. They cost work and no memory, so this only ends what would never end.
    pub fragments_max: u32,
}

impl Limits {
    /// Messages of up to `message_bytes_max` in frames of any size, at most 4,096 of them each.
    pub const fn with_message_bytes_max(message_bytes_max: usize) -> Limits {
        Limits {
            message_bytes_max,
            frame_bytes_max: compressed_bytes_max(message_bytes_max),
            fragments_max: 4096,
        }
    }

    /// How many bytes the frames of one message may have together. A compressed one may be a
    /// little larger than what it says.
    pub(super) const fn wire_bytes_max(&self, is_deflated: bool) -> usize {
        match is_deflated {
            true => compressed_bytes_max(self.message_bytes_max),
            false => self.message_bytes_max,
        }
    }
}

impl Default for Limits {
    /// Messages of 1 MiB.
    fn default() -> Limits {
        Limits::with_message_bytes_max(1 << 20)
    }
}

/// The most that DEFLATE makes of `bytes` which it can't compress: zlib's bound for its smallest
/// buffers, so that no compressor is refused for being bad at it.
const fn compressed_bytes_max(bytes: usize) -> usize {
    bytes.saturating_add(bytes / 8).saturating_add(bytes / 64).saturating_add(64)
}
