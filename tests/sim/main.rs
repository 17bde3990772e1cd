//! The whole server in a deterministic simulation: the product's shards over virtual time, a mesh that delays, and disks
//! that are slow, full, torn by crashes and fail.
//!
//! A seed is a run, event for event. One that fails says so with the last lines of its trace;
//! `COSMICTRON_SIM_SEED=n` runs it alone. `COSMICTRON_SIM_SEEDS` says how many are tried (`cargo xtask test --sim-seeds`).
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

use campaign::Campaign;
use site::Site;
use tally::Tally;

/// Seeds tried unless told otherwise.
const SEEDS: u64 = 100;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable} is {text}: {error}")))
}

#[test]
fn no_seed_breaks_what_was_promised() {
    let site = Site::new();
    if let Some(seed) = number("COSMICTRON_SIM_SEED") {
        println!("seed {seed}: {:?}", Campaign::run(&site, seed).tally());
        return;
    }
    let mut total = Tally::default();
    for seed in 1..=number("COSMICTRON_SIM_SEEDS").unwrap_or(SEEDS) {
        total += Campaign::run(&site, seed).tally();
    }
    println!("{total:?}");
    total.assert_that_it_bites();
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
