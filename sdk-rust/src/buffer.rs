//! Lends byte buffers that are used again, so that a host call costs no allocation.
//!
//! Invariants:
//! 1. The pool keeps at most [`POOLED_MAX`] buffers of at most [`POOLED_BYTES_MAX`] bytes each: 512 KiB.
//! 2. A lent buffer is empty; nested scans each have their own.

use core::cell::RefCell;
use core::ops::{Deref, DerefMut};

/// Buffers kept: as many scans may be nested without an allocation for each.
const POOLED_MAX: usize = 8;
/// Bytes of the largest buffer that is kept: the largest block that a scan asks for.
pub(crate) const POOLED_BYTES_MAX: usize = 64 * 1024;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer that goes back to the pool when it is dropped.
#[derive(Debug)]
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    pub(crate) fn take() -> Self {
        Self(POOL.with_borrow_mut(Vec::pop).unwrap_or_default())
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = core::mem::take(&mut self.0);
        bytes.clear();
        // A thread that ends (natively) may have given up its pool before its last scan.
        let _gone = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < POOLED_MAX && bytes.capacity() <= POOLED_BYTES_MAX {
                pool.push(bytes);
            }
        });
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;
    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_empty_and_a_huge_one_does_not() {
        let mut small = Buffer::take();
        small.extend_from_slice(&[1; 100]);
        let at = small.as_ptr();
        drop(small);
        let again = Buffer::take();
        assert!(again.is_empty());
        assert_eq!(again.as_ptr(), at);
        let mut huge = Buffer::take();
        huge.reserve(POOLED_BYTES_MAX + 1);
        drop(huge);
        assert_eq!(Buffer::take().capacity(), 0);
    }
}
