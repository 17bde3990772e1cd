//! Tells what this process uses, for diagnostics, and lets it open as many files as it may.

use std::fs;
use std::io;

use cosmictron_types::Duration;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What this process uses. Read from /proc: not on a shard's thread when many files are open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessFacts {
    /// Memory in use that is in RAM.
    pub resident_bytes: u64,
    /// Descriptors in use.
    pub open_files: usize,
    /// Descriptors that may be in use; `None` without a limit.
    pub open_files_max: Option<u64>,
    /// Processor time used, by all threads, in our code and in the kernel.
    pub cpu_time: Duration,
    /// Threads that run.
    pub threads: usize,
}

impl ProcessFacts {
    /// As of now.
    pub fn read() -> io::Result<Self> {
        let statm = fs::read_to_string("/proc/self/statm")?;
        let resident_pages: u64 = field(&statm, 1)?;
        let stat = fs::read_to_string("/proc/self/stat")?;
        // The second field is a name in parentheses, which may hold spaces.
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u64 = field::<u64>(after_name, 11)? + field::<u64>(after_name, 12)?;
        let ticks_per_second = rustix::param::clock_ticks_per_second();
        let micros = ticks.saturating_mul(1_000_000) / ticks_per_second.max(1);
        Ok(Self {
            resident_bytes: resident_pages * rustix::param::page_size() as u64,
            open_files: fs::read_dir("/proc/self/fd")?.count(),
            open_files_max: getrlimit(Resource::Nofile).current,
            cpu_time: Duration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX)),
            threads: field(after_name, 17)?,
        })
    }
}

fn field<T: std::str::FromStr>(text: &str, index: usize) -> io::Result<T> {
    let field = text.split_whitespace().nth(index).and_then(|field| field.parse().ok());
    field.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not the format of /proc"))
}

/// Memory that this process may use: the machine's, or what its cgroup leaves it when that is less.
pub fn memory_bytes() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.as_deref().and_then(total_of_meminfo).unwrap_or(u64::MAX);
    let cgroups = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limits =
        cgroups.iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    limits.fold(machine, u64::min)
}

fn total_of_meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Raises the soft limit of open files to the hard one and returns it; `None` means no limit.
pub fn raise_descriptor_limit() -> io::Result<Option<u64>> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    }
    Ok(limit.maximum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_memory_is_found() {
        assert_eq!(total_of_meminfo("MemTotal:  16 kB\nMemFree: 1 kB\n"), Some(16384));
        assert!(1 << 20 < memory_bytes());
    }

    #[test]
    fn an_open_file_counts() {
        let before = ProcessFacts::read().unwrap();
        let files: Vec<_> = (0..64).map(|_| fs::File::open("/proc/self/stat").unwrap()).collect();
        let after = ProcessFacts::read().unwrap();
        assert!(before.open_files + files.len() / 2 < after.open_files);
        assert!(1 << 20 < after.resident_bytes);
        assert!(1 <= after.threads);
    }
}
