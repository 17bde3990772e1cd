//! The whole server in a deterministic simulation: the product's shards over virtual time, a mesh that delays, and disks
//! that are slow, full, torn by crashes and fail.
//!
//! A seed is a run, event for event. One that fails says so with the last lines of its trace and the command that runs it
//! alone. `COSMICTRON_SIM_SEEDS` says which are tried, `n` or `a..b`, and `COSMICTRON_SIM_SEED` a single one (`cargo xtask
//! sim`); `COSMICTRON_SIM_FAULT` which of the planted faults is looked for.
//!
//! Reading order: `campaign` is what happens, `ledger` what must hold, `bank` what is asked, `server` and `site` are what
//! runs, `dice` is the campaign's own chance, `tally` what it has met;
//! `scenario` names what it has found.

mod bank;
mod campaign;
mod dice;
mod ledger;
mod scenario;
mod server;
mod site;
mod tally;

use std::any::Any;
use std::ops::{Range, RangeInclusive};
use std::panic::{AssertUnwindSafe, catch_unwind};

use cosmictron_storage::planted::{self, Fault};

use campaign::Campaign;
use site::Site;
use tally::Tally;

/// Seeds tried unless told otherwise.
const SEEDS: RangeInclusive<u64> = 1..=100;
/// Seeds between two lines that say how far a campaign is.
const STRIDE: u64 = 100;
/// A planted fault is found by one of so many seeds.
const FAULT_SEEDS: u64 = 500;

/// `n` for the seeds from 1 to this, or `a..b` for those from `a` on that are below `b`.
fn seeds(text: &str) -> Option<Range<u64>> {
    match text.split_once("..") {
        Some((first, end)) => Some(first.parse().ok()?..end.parse().ok()?),
        None => Some(1..text.parse::<u64>().ok()?.checked_add(1)?),
    }
}

/// What the variables of the environment say.
fn wanted_seeds() -> Range<u64> {
    let read = |variable: &str| std::env::var(variable).ok();
    let one = read("COSMICTRON_SIM_SEED")
        .map(|seed| format!("{seed}..{}", 1 + seed.parse::<u64>().unwrap()));
    match one.or(read("COSMICTRON_SIM_SEEDS")) {
        Some(text) => seeds(&text).unwrap_or_else(|| panic!("{text}: not a range of seeds")),
        None => *SEEDS.start()..SEEDS.end() + 1,
    }
}

#[test]
fn no_seed_breaks_what_was_promised() {
    let (site, seeds) = (Site::new(), wanted_seeds());
    assert!(!seeds.is_empty(), "{seeds:?} are no seeds");
    let mut total = Tally::default();
    for seed in seeds.clone() {
        total += Campaign::run(&site, seed).tally();
        if (seed + 1).is_multiple_of(STRIDE) {
            println!("seeds {} to {seed} are done", seeds.start);
        }
    }
    println!("{total:?}");
    total.assert_that_it_bites();
}

/// A simulation that finds nothing proves something only if it would have found it.
#[test]
#[ignore = "takes minutes"]
fn every_planted_fault_is_found() {
    tell_of_planted_faults_no_panic();
    let site = Site::new();
    let only = std::env::var("COSMICTRON_SIM_FAULT").ok();
    let is_wanted = |fault: &Fault| only.as_ref().is_none_or(|only| *only == format!("{fault:?}"));
    let mut missed = Vec::new();
    for fault in Fault::ALL.into_iter().filter(is_wanted) {
        let found = (1..=FAULT_SEEDS).find_map(|seed| {
            let run = || planted::plant(fault, || drop(Campaign::run(&site, seed)));
            let found = catch_unwind(AssertUnwindSafe(run)).err()?;
            Some((seed, message(found.as_ref())))
        });
        match found {
            Some((seed, how)) => println!("{fault:?}: seed {seed}: {how}"),
            None => missed.push(fault),
        }
    }
    assert!(missed.is_empty(), "{missed:?}: not found by {FAULT_SEEDS} seeds");
}

/// The first line of what a panic says.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
    text.lines().next().unwrap_or_default().to_owned()
}

/// Those are expected, and come by the dozen.
fn tell_of_planted_faults_no_panic() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if planted::planted().is_none() {
            tell(panic);
        }
    }));
}

#[test]
fn one_seed_is_one_run() {
    let site = Site::new();
    let fingerprint = |seed| Campaign::run(&site, seed).fingerprint();
    for seed in [1, 2, 3] {
        assert_eq!(fingerprint(seed), fingerprint(seed), "two runs of seed {seed} differ");
    }
    assert_ne!(fingerprint(1), fingerprint(4));
}
