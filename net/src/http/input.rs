//! Holds the bytes that arrived and were not yet decoded, for both directions.
//!
//! **Invariants**
//! 1. `start` ≤ `bytes.len()`, and the unread bytes are `bytes[start..]`.
//! 2. After [`Input::reclaim`], `start` is 0 and the vector holds the unread bytes alone.

/// Room that an idle connection keeps for its next message. What a large body needed beyond it is
/// freed.
const BYTES_KEPT: usize = 16 * 1024;

/// The least and the most room that is worth offering to one read.
const READ_BYTES_MIN: usize = 4 * 1024;
const READ_BYTES_MAX: usize = 256 * 1024;

#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) bytes: Vec<u8>,
    pub(super) start: usize,
}

impl Input {
    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Gives back what was decoded and lends the vector to be appended to. The unread rest is moved
    /// at most once a message, since it is less than a message when everything before it was taken.
    pub(super) fn reclaim(&mut self) -> &mut Vec<u8> {
        let unread = self.bytes.len() - self.start;
        if unread == 0 && BYTES_KEPT < self.bytes.capacity() {
            self.bytes = Vec::new();
        } else if 0 < self.start {
            self.bytes.copy_within(self.start.., 0);
            self.bytes.truncate(unread);
        }
        self.start = 0;
        &mut self.bytes
    }

    /// Forgets everything: nothing more is read from this connection.
    pub(super) fn discard(&mut self) {
        self.start = self.bytes.len();
    }

    /// Hands the unread bytes over to another protocol.
    pub(super) fn take_unread(&mut self) -> Vec<u8> {
        let unread = self.bytes.split_off(self.start);
        *self = Input::default();
        unread
    }
}

/// The room that the next read should be given when `missing` bytes are known to come.
pub(super) fn read_bytes(missing: usize) -> usize {
    missing.clamp(READ_BYTES_MIN, READ_BYTES_MAX)
}
