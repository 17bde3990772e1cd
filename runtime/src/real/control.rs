//! Carries the few states that all cores share: shutting down, stopped, and how many cores still serve.
//!
//! States only advance. Each core has one task at its own bell that passes a change on to what waits on that core.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use cosmictron_types::{ShardCount, ShardId};

use super::mesh::Doorbell;

/// Begins the shutdown from outside of the shards: from a signal, a test, another thread.
#[derive(Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

struct Shared {
    is_shutting_down: AtomicBool,
    is_stopped: AtomicBool,
    serving: AtomicU16,
    bells: Box<[Doorbell]>,
}

impl Control {
    pub(crate) fn new(shards: ShardCount) -> Self {
        Self {
            shared: Arc::new(Shared {
                is_shutting_down: AtomicBool::new(false),
                is_stopped: AtomicBool::new(false),
                serving: AtomicU16::new(shards.get()),
                bells: shards.shards().map(|_| Doorbell::default()).collect(),
            }),
        }
    }

    /// Lets every `Shard::shutdown` resolve. The cores go on until what they serve has ended.
    pub fn shut_down(&self) {
        self.shared.is_shutting_down.store(true, Ordering::Release);
        self.ring_all();
    }

    /// Ends every core now, whatever it still does.
    pub fn stop(&self) {
        self.shared.is_stopped.store(true, Ordering::Release);
        self.shut_down();
    }

    /// Whether the shutdown has begun.
    pub fn is_shutting_down(&self) -> bool {
        self.shared.is_shutting_down.load(Ordering::Acquire)
    }

    /// Whether every core shall end: by `stop`, or since none serves any more.
    pub(crate) fn is_over(&self) -> bool {
        self.shared.is_stopped.load(Ordering::Acquire)
            || self.shared.serving.load(Ordering::Acquire) == 0
    }

    /// One core has nothing to serve any more. Its machine goes on, since others may send to it.
    pub(crate) fn has_served(&self) {
        if self.shared.serving.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.ring_all();
        }
    }

    pub(crate) fn bell(&self, shard: ShardId) -> &Doorbell {
        &self.shared.bells[shard.index()]
    }

    fn ring_all(&self) {
        self.shared.bells.iter().for_each(Doorbell::ring);
    }
}
