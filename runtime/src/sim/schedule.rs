//! Holds what is to happen, and says what happens next: by time, and by chance among what is due at the same time.

use std::collections::BTreeMap;

use cosmictron_types::{ShardId, Timestamp};

use super::disk::{JobKey, WriteKey};
use super::world::RequestId;
use crate::machine::Machine;
use crate::random::Random;

/// What is to happen.
pub(crate) struct Schedule<M: Machine> {
    planned: BTreeMap<Place, Planned<M>>,
    sequence: u64,
}

/// Flushes come after everything else of their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    at: Timestamp,
    is_flush: bool,
    lot: u64,
    sequence: u64,
}

/// One thing that is to happen on a shard.
pub(crate) struct Planned<M: Machine> {
    pub(crate) shard: ShardId,
    pub(crate) what: What<M>,
}

pub(crate) enum What<M: Machine> {
    Start,
    Request {
        id: RequestId,
        request: M::Request,
    },
    Message {
        from: ShardId,
        message: M::Message,
    },
    WriteDone(WriteKey),
    SegmentDone(JobKey),
    Flush,
    /// Void when the machine has since wished for another time.
    Tick {
        wish: u64,
    },
}

impl<M: Machine> Schedule<M> {
    pub(crate) fn new() -> Self {
        Self { planned: BTreeMap::new(), sequence: 0 }
    }

    pub(crate) fn plan(
        &mut self,
        at: Timestamp,
        shard: ShardId,
        what: What<M>,
        random: &mut Random,
    ) {
        self.sequence += 1;
        let is_flush = matches!(what, What::Flush);
        let place = Place { at, is_flush, lot: random.next(), sequence: self.sequence };
        self.planned.insert(place, Planned { shard, what });
    }

    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.planned.first_key_value().map(|(place, _)| place.at)
    }

    pub(crate) fn pop(&mut self) -> Option<(Timestamp, Planned<M>)> {
        self.planned.pop_first().map(|(place, planned)| (place.at, planned))
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.planned.clear();
    }
}
