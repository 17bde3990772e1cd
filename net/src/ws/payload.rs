//! Unmasks a frame's payload piece by piece, as it arrives.
//!
//! **Invariants**
//! 1. The payload begins the unread input, and its first `unmasked` bytes are what was sent.
//! 2. `unmasked` ≤ `bytes`.

use std::ops::Range;

use super::frame::FrameHead;
use super::utf8::Utf8Check;
use crate::input::Input;

/// A frame whose head was read. Its payload begins the unread input.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) head: FrameHead,
    /// All of it; for a fragment what was not yet moved away.
    pub(super) bytes: usize,
    /// How many of them are unmasked.
    pub(super) unmasked: usize,
    /// How many were moved away before them.
    moved: usize,
    /// Text that is not compressed and not fragmented.
    pub(super) utf8: Utf8Check,
}

impl Payload {
    pub(super) fn new(head: FrameHead, bytes: usize) -> Payload {
        Payload { head, bytes, unmasked: 0, moved: 0, utf8: Utf8Check::default() }
    }

    /// Unmasks what has arrived since the last time; says where that is.
    pub(super) fn unmask(&mut self, input: &mut Input) -> Range<usize> {
        let available = input.unread().len().min(self.bytes);
        let piece = input.start + self.unmasked..input.start + available;
        if let Some(key) = self.head.mask {
            key.apply(&mut input.bytes[piece.clone()], self.moved + self.unmasked);
        }
        self.unmasked = available;
        piece
    }

    /// Says that the first `bytes`, all that were unmasked, are not in the input any more.
    pub(super) fn move_away(&mut self, bytes: usize) {
        assert_eq!(bytes, self.unmasked, "what was unmasked is moved at once");
        self.bytes -= bytes;
        self.moved += bytes;
        self.unmasked = 0;
    }
}
