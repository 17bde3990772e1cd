//! Keeps the writes that were handed out, so that what they make durable is acknowledged in order.

use std::collections::VecDeque;

use cosmictron_types::Lsn;

use super::number::{SegmentNumber, WriteId};

/// Writes whose completion has not come, and those that landed before an earlier one did.
#[derive(Debug, Default)]
pub(super) struct Flight {
    writes: VecDeque<FlyingWrite>,
    last_id: u64,
}

/// One write, and what it proves once it and all before it have landed.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlyingWrite {
    id: WriteId,
    has_landed: bool,
    pub(super) segment: SegmentNumber,
    pub(super) offset: u64,
    /// Records up to this one are durable then.
    pub(super) last: Lsn,
    /// Records up to this one are then known to have been durable by whoever reads the log.
    pub(super) stable: Lsn,
}

impl Flight {
    pub(super) fn len(&self) -> usize {
        self.writes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Adds a write and names it.
    pub(super) fn launch(
        &mut self,
        segment: SegmentNumber,
        offset: u64,
        last: Lsn,
        stable: Lsn,
    ) -> WriteId {
        self.last_id += 1;
        let id = WriteId::new(self.last_id);
        self.writes.push_back(FlyingWrite { id, has_landed: false, segment, offset, last, stable });
        id
    }

    /// The write of this name. Panics when it is not in flight: a completion comes once.
    pub(super) fn find(&mut self, id: WriteId) -> &mut FlyingWrite {
        let write = self.writes.iter_mut().find(|write| write.id == id && !write.has_landed);
        write.unwrap_or_else(|| panic!("{id:?} is in flight"))
    }

    /// Notes that a write has landed. Gives the last of the writes that are thereby behind us, if any.
    pub(super) fn land(&mut self, id: WriteId) -> Option<FlyingWrite> {
        self.find(id).has_landed = true;
        let mut passed = None;
        while let Some(write) = self.writes.pop_front_if(|write| write.has_landed) {
            passed = Some(write);
        }
        passed
    }
}
