//! Bounds what one message may cost before anybody has looked at it.

use crate::input::READ_BYTES_MAX;

/// The largest head that [`Limits`] can allow: positions in a head are kept in 16 bits.
pub const HEAD_BYTES_CAP: usize = u16::MAX as usize;

/// The most header fields that [`Limits`] can allow: as many places stand on the stack while a head
/// is parsed (100 x 32 B = 3.2 KB).
pub const HEADERS_CAP: usize = 100;

/// The longest line that says a chunk's size: 16 digits, and extensions, which nobody uses.
pub(super) const CHUNK_LINE_BYTES_MAX: usize = 512;

/// The most bytes of chunk extensions in one body. They carry nothing that we keep, so a body made
/// of them is an attack on our time.
pub(super) const CHUNK_EXTENSION_BYTES_MAX: usize = 4096;

/// Room that an idle connection keeps for its next message. What a large body needed beyond it is
/// freed.
pub(super) const BYTES_KEPT: usize = 16 * 1024;

/// The least room that is worth offering to one read.
const READ_BYTES_MIN: usize = 4 * 1024;

/// The room that the next read should be given when `missing` bytes are known to come.
pub(super) fn read_bytes(missing: usize) -> usize {
    missing.clamp(READ_BYTES_MIN, READ_BYTES_MAX)
}

/// Bounds on the head of a message and on the trailers behind a chunked body. The bound on a body
/// is the route's, and is asked for when the head is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    head_bytes_max: usize,
    target_bytes_max: usize,
    headers_max: usize,
}

impl Limits {
    /// A head of at most `head_bytes_max` octets, its request target of at most `target_bytes_max`,
    /// at most `headers_max` fields. Values beyond [`HEAD_BYTES_CAP`] and [`HEADERS_CAP`] are
    /// lowered to those.
    pub const fn new(head_bytes_max: usize, target_bytes_max: usize, headers_max: usize) -> Limits {
        Limits {
            head_bytes_max: lesser(head_bytes_max, HEAD_BYTES_CAP),
            target_bytes_max: lesser(target_bytes_max, HEAD_BYTES_CAP),
            headers_max: lesser(headers_max, HEADERS_CAP),
        }
    }

    /// Octets of a head, from the first of the request line to the empty line's last.
    pub const fn head_bytes_max(&self) -> usize {
        self.head_bytes_max
    }

    /// Octets of a request target.
    pub const fn target_bytes_max(&self) -> usize {
        self.target_bytes_max
    }

    /// Header fields of a head, and trailer fields of a chunked body.
    pub const fn headers_max(&self) -> usize {
        self.headers_max
    }
}

impl Default for Limits {
    /// 16 KiB of head, 8 KiB of target, 100 fields.
    fn default() -> Limits {
        Limits::new(16 * 1024, 8 * 1024, HEADERS_CAP)
    }
}

const fn lesser(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}
