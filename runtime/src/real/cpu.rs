//! Finds the processors that this process may use, and puts threads on them.
//!
//! The affinity mask says which, the cgroup's quota (version 1 or 2) how many of them at once. Shards are pinned only
//! when nothing but the mask limits us: under a quota every container of a host sees the same processors, and all of
//! them pinning to the first few would fight over those.

use std::io;
use std::num::NonZero;
use std::thread;

use cosmictron_types::{Duration, ShardCount, ShardId};
use rustix::process::Pid;
use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};

/// The processors of this process, as they were when it started.
#[derive(Clone)]
pub(crate) struct Cpus {
    /// `None` on machines with more processors than the system call's set can name.
    mask: Option<CpuSet>,
    allowed: Vec<usize>,
    usable: usize,
}

/// How long a processor has worked for the calling thread.
pub(crate) fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::from_micros(time.tv_sec * 1_000_000 + time.tv_nsec / 1_000)
}

/// As many shards as this process may use processors at once.
pub fn default_shards() -> ShardCount {
    Cpus::of_this_process().default_shards()
}

impl Cpus {
    pub(crate) fn of_this_process() -> Self {
        let mask = sched_getaffinity(None).ok();
        let is_allowed = |cpu: &usize| mask.as_ref().is_some_and(|mask| mask.is_set(*cpu));
        let allowed: Vec<usize> = (0..CpuSet::MAX_CPU).filter(is_allowed).collect();
        // The standard library takes the smaller of the mask and the quotas of all cgroups above us.
        let usable = thread::available_parallelism().map_or(1, NonZero::get);
        Self { mask, allowed, usable }
    }

    /// As many shards as processors can run at once.
    pub(crate) fn default_shards(&self) -> ShardCount {
        let count = u16::try_from(self.usable).unwrap_or(ShardCount::MAX).min(ShardCount::MAX);
        ShardCount::new(count).unwrap_or(ShardCount::ONE)
    }

    /// The processor of a shard; `None` where a quota forbids to choose, or the choice could not be named.
    pub(crate) fn home_of(&self, shard: ShardId) -> Option<usize> {
        let is_under_quota = self.usable < self.allowed.len();
        if self.allowed.is_empty() || is_under_quota {
            return None;
        }
        Some(self.allowed[shard.index() % self.allowed.len()])
    }

    /// Undoes, for this thread, a pinning that it has inherited.
    pub(crate) fn unpin_this_thread(&self) -> io::Result<()> {
        match &self.mask {
            Some(mask) => Ok(sched_setaffinity(None, mask)?),
            None => Ok(()),
        }
    }
}

/// Keeps this thread on one processor.
pub(crate) fn pin_this_thread(cpu: usize) -> io::Result<()> {
    let mut only = CpuSet::new();
    only.set(cpu);
    Ok(sched_setaffinity(None, &only)?)
}

/// Makes this thread yield to others when processors are short. `steps` are those of nice(2).
pub(crate) fn lower_priority_of_this_thread(steps: i32) -> io::Result<()> {
    // On Linux the call takes thread ids, too.
    let thread: Pid = gettid();
    Ok(rustix::process::setpriority_process(Some(thread), steps)?)
}

/// Makes this thread run only while nobody else wants its processor, and be interrupted at once by whoever does. It stays
/// so: a thread without privileges may not take it back.
pub(crate) fn run_this_thread_when_idle() -> io::Result<()> {
    let priority = libc::sched_param { sched_priority: 0 };
    // SAFETY: 0 names the calling thread, and the call reads one `sched_param`, which lives until it returns.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const priority) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpus(allowed: &[usize], usable: usize) -> Cpus {
        Cpus { mask: None, allowed: allowed.to_vec(), usable }
    }

    #[test]
    fn shards_take_the_allowed_processors_in_turn() {
        let cpus = cpus(&[2, 5], 2);
        let three = ShardCount::new(3).unwrap();
        let homes: Vec<_> = three.shards().map(|shard| cpus.home_of(shard)).collect();
        assert_eq!(homes, [Some(2), Some(5), Some(2)]);
        assert_eq!(cpus.default_shards().get(), 2);
    }

    #[test]
    fn a_quota_lowers_the_count_and_forbids_pinning() {
        let cpus = cpus(&[0, 1, 2, 3], 2);
        assert_eq!(cpus.default_shards().get(), 2);
        assert_eq!(cpus.home_of(ShardId::FIRST), None);
    }

    #[test]
    fn this_process_may_use_what_it_runs_on() {
        let cpus = Cpus::of_this_process();
        assert!(cpus.allowed.contains(&rustix::thread::sched_getcpu()));
        assert!(1 <= cpus.usable);
    }
}
