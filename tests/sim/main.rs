//! The whole server in a deterministic simulation: the product's shards over virtual time, a mesh that delays, and disks
//! that are slow, full, torn by crashes and fail.
//!
//! A seed is a run, event for event. One that fails says so with the last lines of its trace and the command that runs it
//! alone. `COSMICTRON_SIM_SEEDS` says which are tried, `n` or `a..b`, and `COSMICTRON_SIM_SEED` a single one (`cargo xtask
//! sim`); `COSMICTRON_SIM_LINES` how many lines are told; `COSMICTRON_SIM_FAULT` which of the planted faults is looked for.
//!
//! Reading order: `campaign` is what happens; `bank` is what is asked of banks and `ledger` what must hold then, `desk` both for
//! the other workloads; `history` checks what clients saw of lists; `live` is subscribers, and `random` makes queries for them, `visits` connections that
//! modules are told of; `server` and `site` are what runs, `dice` is the campaign's
//! own chance, `tally` what it has met; `scenario` names what it has found, `planted` looks for what was put there.

mod bank;
mod campaign;
mod desk;
mod dice;
mod history;
mod ledger;
mod live;
mod planted;
mod random;
mod scenario;
mod server;
mod site;
mod tally;
mod visits;

use std::any::Any;
use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use std::panic::{AssertUnwindSafe, catch_unwind};

use campaign::Campaign;
use desk::Workload;
use live::Watchers;
use site::Site;
use tally::Tally;
use visits::Visitors;

/// Seeds tried unless told otherwise.
const SEEDS: RangeInclusive<u64> = 1..=100;
/// Seeds between two lines that say how far a campaign is.
const STRIDE: u64 = 100;
/// Failing seeds after which no more are tried.
const FAILURES_MAX: usize = 10;

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
    let (mut total, mut failed) = (Tally::default(), Vec::new());
    for seed in seeds.clone() {
        match caught(|| Campaign::run(&site, seed).tally().clone()) {
            Ok(tally) => total += &tally,
            Err(how) => failed.push(format!("seed {seed}: {how}")),
        }
        if failed.len() == FAILURES_MAX {
            break;
        }
        if (seed + 1).is_multiple_of(STRIDE) {
            println!("seeds {} to {seed} are done", seeds.start);
        }
    }
    println!("{total:?}");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    total.assert_that_it_bites();
}

/// What comes of a run, or how it failed.
fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| message(panic.as_ref()))
}

/// What a panic says, in one line.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a campaign can have beside its bank: another one, or a desk of some kind.
fn all_kinds() -> BTreeSet<Option<Workload>> {
    Workload::ALL.into_iter().map(Some).chain([None]).collect()
}

/// Whoever subscribed holds the answer of the query as of what it was told last (DESIGN invariant 4).
#[test]
fn what_subscribers_are_told_adds_up() {
    let (site, seeds) = (Site::new(), wanted_seeds());
    let (mut told, mut moved) = (0, 0);
    for seed in seeds.clone() {
        let (updates, moves) = Watchers::run(&site, seed);
        told += updates;
        moved += moves;
    }
    println!("{told} updates of subscriptions, {moved} of them by time alone");
    assert!(told > 20 * (seeds.end - seeds.start), "subscribers are told more than {told} updates");
    assert!(moved > seeds.end - seeds.start, "time changes more than {moved} answers");
}

/// Modules are told of every connection once, and once of its end.
#[test]
fn modules_are_told_once_of_connections_and_of_their_ends() {
    let (site, seeds) = (Site::new(), wanted_seeds());
    let mut met = visits::Met::default();
    for seed in seeds.clone() {
        met += Visitors::run(&site, seed);
    }
    println!("{met:?}");
    met.assert_that_it_bites(seeds.end - seeds.start);
}

#[test]
fn one_seed_is_one_run() {
    let site = Site::new();
    let fingerprint = |seed| Campaign::run(&site, seed).fingerprint();
    let (mut fingerprints, mut missing) = (BTreeSet::new(), all_kinds());
    for seed in 1..=100 {
        let campaign = Campaign::run(&site, seed);
        if missing.remove(&campaign.workload()) {
            let first = campaign.fingerprint();
            assert_eq!(first, fingerprint(seed), "two runs of seed {seed} differ");
            assert!(fingerprints.insert(first), "seed {seed} is like another one");
        }
    }
    assert!(missing.is_empty(), "no seed has {missing:?}");
}
