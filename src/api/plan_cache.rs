//! Remembers on each core how queries are done: planning costs more than answering a request.

use std::sync::Arc;

use ahash::RandomState;
use cosmictron_sql::{LivePlan, Plan};
use hashbrown::HashMap;

use crate::shard::{NamedView, RowsAt};

/// Plans remembered on one core.
const PLANS_MAX: usize = 1024;
/// Bytes of a text that is worth remembering.
const TEXT_BYTES_MAX: usize = 4096;

/// A plan, and where the rows are that it reads. It is made anew when a module changes, and so are its views.
#[derive(Clone)]
pub struct CachedPlan {
    pub plan: Arc<Plan>,
    pub rows: Arc<RowsAt>,
    /// The views that it names.
    pub views: Arc<[NamedView]>,
    /// How its answer is kept up to date, once somebody has subscribed to it.
    pub live: Option<Arc<LivePlan>>,
}

/// One core's plans by text. Bounded; when it is full, or what names mean has changed, it starts afresh.
pub struct PlanCache {
    // Keyed by text that clients choose, so the hash is seeded by chance. The order is never looked at.
    plans: [HashMap<Box<str>, CachedPlan, RandomState>; 2],
    generation: u64,
}

impl PlanCache {
    /// `seed` is chance, so that nobody outside can make keys collide.
    pub fn new(seed: [u64; 4]) -> Self {
        let hasher = RandomState::with_seeds(seed[3], seed[2], seed[1], seed[0]);
        let plans = [HashMap::with_hasher(hasher.clone()), HashMap::with_hasher(hasher)];
        Self { plans, generation: 0 }
    }

    /// The plan of a text, for callers who see the same tables.
    pub fn find(&mut self, text: &str, is_admin: bool, generation: u64) -> Option<&CachedPlan> {
        if self.generation != generation {
            self.plans.iter_mut().for_each(HashMap::clear);
            self.generation = generation;
        }
        self.plans[usize::from(is_admin)].get(text)
    }

    pub fn insert(&mut self, text: &str, is_admin: bool, plan: CachedPlan) {
        if text.len() > TEXT_BYTES_MAX {
            return;
        }
        let plans = &mut self.plans[usize::from(is_admin)];
        if plans.len() >= PLANS_MAX {
            plans.clear();
        }
        plans.insert(text.into(), plan);
    }
}
