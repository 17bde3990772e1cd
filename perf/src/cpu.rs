//! Gives the server one processor and the generator another.

use anyhow::{Result, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Two processors of this process.
#[derive(Clone, Copy, Debug)]
pub struct Seats {
    pub server: usize,
    pub generator: usize,
}

impl Seats {
    /// The first two that this process may use.
    pub fn find() -> Result<Seats> {
        let allowed = sched_getaffinity(None)?;
        let mut cpus = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu));
        let (server, generator) = (cpus.next(), cpus.next());
        ensure!(generator.is_some(), "two processors are needed: the server's and the generator's");
        Ok(Seats { server: server.unwrap_or(0), generator: generator.unwrap_or(0) })
    }
}

/// Keeps this thread, and the processes that it starts from now on, on one processor.
pub fn sit_on(cpu: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    Ok(sched_setaffinity(None, &set)?)
}
