//! Brings the results of disk work back to the shard that asked for it, from whichever thread did it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use atomic_waker::AtomicWaker;

use super::buffer::AlignedBuffer;
use crate::machine::{DiskError, SegmentNumber, WriteId};

/// What disk work came to.
pub(crate) enum Done {
    /// With the buffer, where it came from the shard's shelf.
    Written {
        write: WriteId,
        result: Result<(), DiskError>,
        buffer: Option<AlignedBuffer>,
    },
    SegmentReady {
        segment: SegmentNumber,
        result: Result<(), DiskError>,
    },
}

/// Results on their way to one shard. Bounded by what that shard may have in flight.
#[derive(Default)]
pub(crate) struct Inbox {
    done: Mutex<Vec<Done>>,
    waker: AtomicWaker,
}

impl Inbox {
    /// Leaves a result and wakes the shard.
    pub(crate) fn put(&self, done: Done) {
        self.locked().push(done);
        self.waker.wake();
    }

    /// Moves all results to the end of `into`.
    pub(crate) fn take_all(&self, into: &mut Vec<Done>) {
        into.append(&mut self.locked());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.locked().is_empty()
    }

    /// Lets `waker` be woken by the next result. Look for results again after this.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Wakes the shard without a result.
    pub(crate) fn nudge(&self) {
        self.waker.wake();
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Done>> {
        // Nothing under the lock panics, so a poisoned one is still whole.
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
