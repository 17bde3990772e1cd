//! Holds the bytes that arrived and were not yet decoded, for both directions and both protocols.
//!
//! **Invariants**
//! 1. `start` ≤ `bytes.len()`, and the unread bytes are `bytes[start..]`.
//! 2. After [`Input::reclaim`], `start` is 0 and the vector holds the unread bytes alone.

/// The most room that is worth offering to one read.
pub(crate) const READ_BYTES_MAX: usize = 256 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Input {
    pub(crate) bytes: Vec<u8>,
    pub(crate) start: usize,
}

impl Input {
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Gives back what was decoded and lends the vector to be appended to. The unread rest is moved
    /// at most once a message, since it is less than a message when everything before it was taken.
    /// When nothing is unread, room beyond `bytes_kept` is freed.
    pub(crate) fn reclaim(&mut self, bytes_kept: usize) -> &mut Vec<u8> {
        let unread = self.bytes.len() - self.start;
        if unread == 0 && bytes_kept < self.bytes.capacity() {
            self.bytes = Vec::new();
        } else if 0 < self.start {
            self.bytes.copy_within(self.start.., 0);
            self.bytes.truncate(unread);
        }
        self.start = 0;
        &mut self.bytes
    }

    /// Forgets everything: nothing more is read from this connection.
    pub(crate) fn discard(&mut self) {
        self.start = self.bytes.len();
    }

    /// Hands the unread bytes over to another protocol.
    pub(crate) fn take_unread(&mut self) -> Vec<u8> {
        let unread = self.bytes.split_off(self.start);
        *self = Input::default();
        unread
    }
}
