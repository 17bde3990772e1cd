//! Looks for the faults that tests plant: a simulation that finds nothing proves something only if it would have found it.
//!
//! Each fault is looked for by the campaigns that look for those that nobody has planted, seed by seed.

use cosmictron_storage::planted::{Fault, plant, planted};

use crate::campaign::Campaign;
use crate::caught;
use crate::site::Site;
use crate::visits::Visitors;

/// A fault is found by one of so many seeds.
const SEEDS: u64 = 500;
/// Of what a finding says so much is told.
const TOLD_CHARS: usize = 110;

#[test]
fn every_planted_fault_is_found() {
    tell_of_planted_faults_no_panic();
    let site = Site::new();
    let only = std::env::var("COSMICTRON_SIM_FAULT").ok();
    let is_wanted = |fault: &Fault| only.as_ref().is_none_or(|only| *only == format!("{fault:?}"));
    let mut missed = Vec::new();
    println!("| fault | seed | how it shows |\n|---|---|---|");
    for fault in Fault::ALL.into_iter().filter(is_wanted) {
        let found = (1..=SEEDS).find_map(|seed| {
            let run = || match fault {
                Fault::VisitStays | Fault::OwedVisitsAreForgotten => {
                    Visitors::run(&site, seed);
                }
                _ => drop(Campaign::run(&site, seed)),
            };
            Some((seed, caught(|| plant(fault, run)).err()?))
        });
        match found {
            Some((seed, how)) => {
                let how: String = how.chars().take(TOLD_CHARS).collect();
                println!("| {fault:?} | {seed} | {how} |");
            }
            None => missed.push(fault),
        }
    }
    assert!(missed.is_empty(), "{missed:?}: not found by {SEEDS} seeds");
}

/// Those are expected, and come by the dozen.
fn tell_of_planted_faults_no_panic() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if planted().is_none() {
            tell(panic);
        }
    }));
}
