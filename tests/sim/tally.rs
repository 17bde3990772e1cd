//! Counts what campaigns have met, so that one that meets too little is noticed.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

/// Something that a campaign is there to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Met {
    /// A transfer was answered as done.
    Done,
    /// A call was refused, undone and answered.
    Undone,
    /// A call was sent to another shard than its module's.
    Routed,
    /// A call wanted the stores of several shards.
    Joint,
    /// An idempotency key was used again.
    Repeated,
    /// A crash found calls unanswered.
    CutOff,
    /// A call that was cut off had happened.
    Survived,
    Erased,
    Deployed,
    Crash,
    CleanEnd,
    /// A crash while recovery or the exchange after it ran.
    CrashAtBoot,
    /// The data were spread over another number of shards, or the server died on the way.
    Resharded,
    /// The disk failed so that the server did not open.
    NotOpened,
    LogFailed,
    OutOfSpace,
    Overloaded,
    /// A past was read as it had been.
    PastKept,
    PastForgotten,
    /// Nothing was left of what had been asked for.
    Rested,
    /// Rows of a desk were what its calls come to one by one.
    SightingHeld,
    /// What was seen of lists had an order.
    History,
    /// An order of two operations followed from what was seen of lists.
    Dependency,
    /// A call touched lists of several shards.
    ListsOfShards,
    /// A call on lists was refused or broke, after it had written.
    ListsUndone,
    /// A name was had by somebody else.
    NameTaken,
    /// A number was given out that is never to be given out again.
    NumberGiven,
    /// A parent was there already.
    ParentThere,
    /// A parent was not removed, since it had children.
    ParentNeeded,
    /// A child had no parent.
    ParentMissing,
}

impl Met {
    /// What the refusal of a desk's call is.
    pub fn of_refusal(reducer: &str) -> Met {
        match reducer {
            "touch" => Met::ListsUndone,
            "claim" | "rename" => Met::NameTaken,
            "raise" => Met::ParentThere,
            "fell" => Met::ParentNeeded,
            "bear" | "move" => Met::ParentMissing,
            other => unreachable!("{other} is never refused"),
        }
    }

    /// With how often a hundred seeds have to meet it.
    const AT_LEAST: [(Met, u64); 28] = [
        (Met::Done, 3_500),
        (Met::Undone, 1_000),
        (Met::Routed, 2_000),
        (Met::Joint, 1_000),
        (Met::Repeated, 500),
        (Met::CutOff, 500),
        (Met::Survived, 50),
        (Met::Erased, 100),
        (Met::Deployed, 200),
        (Met::Crash, 200),
        (Met::CleanEnd, 50),
        (Met::CrashAtBoot, 50),
        (Met::Resharded, 100),
        (Met::NotOpened, 10),
        (Met::LogFailed, 50),
        (Met::OutOfSpace, 50),
        (Met::PastKept, 500),
        (Met::Rested, 50),
        (Met::SightingHeld, 2_000),
        (Met::History, 8),
        (Met::Dependency, 2_500),
        (Met::ListsOfShards, 60),
        (Met::ListsUndone, 50),
        (Met::NameTaken, 100),
        (Met::NumberGiven, 400),
        (Met::ParentThere, 20),
        (Met::ParentNeeded, 20),
        (Met::ParentMissing, 20),
    ];
}

#[derive(Clone, Default)]
pub struct Tally {
    counts: BTreeMap<Met, u64>,
    seeds: u64,
}

impl Tally {
    pub fn of_one_seed() -> Self {
        Self { seeds: 1, ..Self::default() }
    }

    pub fn note(&mut self, met: Met) {
        self.note_many(met, 1);
    }

    pub fn note_many(&mut self, met: Met, count: usize) {
        *self.counts.entry(met).or_default() += count as u64;
    }

    /// A campaign that stops meeting something proves nothing about it. Fewer than a hundred seeds may miss something.
    pub fn assert_that_it_bites(&self) {
        if self.seeds < 100 {
            return;
        }
        for (met, per_hundred) in Met::AT_LEAST {
            let count = self.counts.get(&met).copied().unwrap_or_default();
            let wanted = per_hundred * self.seeds / 100;
            assert!(wanted <= count, "{met:?} was met {count} times, not {wanted}: {self:?}");
        }
    }
}

impl AddAssign<&Tally> for Tally {
    fn add_assign(&mut self, other: &Tally) {
        self.seeds += other.seeds;
        for (met, count) in &other.counts {
            *self.counts.entry(*met).or_default() += count;
        }
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} seeds {:?}", self.seeds, self.counts)
    }
}
