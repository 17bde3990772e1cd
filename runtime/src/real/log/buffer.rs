//! Holds bytes at addresses that direct I/O takes: aligned to a block.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::slice;

use crate::machine::BLOCK_BYTES;

/// The smallest buffer: the usual commit group under load.
const BYTES_MIN: usize = 64 << 10;

/// Buffers above this are given back at once.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// Buffers kept for the next writes.
const KEPT_MAX: usize = 4;

/// Block-aligned memory of a fixed size.
pub(crate) struct AlignedBuffer {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the buffer owns its memory and nothing else points into it, so it may be used and freed on any thread.
unsafe impl Send for AlignedBuffer {}

impl AlignedBuffer {
    /// Zeros, at least `bytes` of them.
    pub(crate) fn new(bytes: usize) -> Self {
        let bytes = bytes.max(BLOCK_BYTES).next_multiple_of(BLOCK_BYTES);
        let layout = Layout::from_size_align(bytes, BLOCK_BYTES).expect("far below isize::MAX");
        // SAFETY: the layout's size is at least a block, so not zero.
        let start = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        Self { start, layout }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.layout.size()
    }

    /// Its address, for the kernel.
    pub(crate) fn as_ptr(&self) -> *const u8 {
        self.start.as_ptr()
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.start.as_ptr()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `start` points to `size` bytes that are ours and were written (zeroed) when they were allocated.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.layout.size()) }
    }

    /// Puts `bytes` at the front.
    pub(crate) fn fill(&mut self, bytes: &[u8]) {
        // SAFETY: as in `bytes`, and `&mut self` makes this the only reference.
        let all = unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.layout.size()) };
        all[..bytes.len()].copy_from_slice(bytes);
    }
}

impl Drop for AlignedBuffer {
    fn drop(&mut self) {
        // SAFETY: `start` came from `alloc_zeroed` with this very layout.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

/// Buffers that were used and will be again: fresh memory costs a page fault for each 4 KiB.
#[derive(Default)]
pub(crate) struct BufferShelf {
    kept: Vec<AlignedBuffer>,
}

impl BufferShelf {
    /// A buffer that holds `bytes`, which are copied into it.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> AlignedBuffer {
        let fits = |buffer: &AlignedBuffer| bytes.len() <= buffer.capacity();
        let mut buffer = match self.kept.iter().position(fits) {
            Some(place) => self.kept.swap_remove(place),
            None => AlignedBuffer::new(bytes.len().max(BYTES_MIN).next_power_of_two()),
        };
        buffer.fill(bytes);
        buffer
    }

    pub(crate) fn put_back(&mut self, buffer: AlignedBuffer) {
        if self.kept.len() < KEPT_MAX && buffer.capacity() <= KEPT_BYTES_MAX {
            self.kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_filled_and_used_again() {
        let mut shelf = BufferShelf::default();
        let block = vec![7; BLOCK_BYTES];
        let buffer = shelf.take(&block);
        assert_eq!(buffer.as_ptr().addr() % BLOCK_BYTES, 0);
        assert_eq!(&buffer.bytes()[..BLOCK_BYTES], block);
        assert_eq!(buffer.bytes()[BLOCK_BYTES], 0);
        let address = buffer.as_ptr().addr();
        shelf.put_back(buffer);
        assert_eq!(shelf.take(&block).as_ptr().addr(), address);
    }

    #[test]
    fn a_huge_buffer_is_not_kept() {
        let mut shelf = BufferShelf::default();
        let huge = vec![1; 2 * KEPT_BYTES_MAX];
        let buffer = shelf.take(&huge);
        shelf.put_back(buffer);
        assert!(shelf.kept.is_empty());
    }
}
