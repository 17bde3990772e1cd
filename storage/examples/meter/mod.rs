//! What the measuring examples measure with: the thread's own time, the process's memory.

#![allow(dead_code, reason = "no example needs all of it")]

/// Prints what each of `count` things took, that `run` does.
pub fn time(name: &str, count: u64, run: &mut dyn FnMut()) {
    let started = processor_ns();
    run();
    let each = (processor_ns() - started) / count as f64;
    println!("{name:<34} {each:>7.1} ns");
}

/// Nanoseconds that this thread has run.
pub fn processor_ns() -> f64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    schedstat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0.0)
}

pub fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0) * 4096
}

/// A bijection of the numbers below `count`, if 2^31 - 1 does not divide it.
pub fn shuffle(id: u64, count: u64) -> u64 {
    u64::try_from(u128::from(id) * 2_147_483_647 % u128::from(count)).expect("it is below count")
}
