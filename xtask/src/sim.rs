//! `cargo xtask sim`: runs the simulation over a range of seeds.

use std::ops::Range;

use clap::Args;

use crate::step::{self, Failed, program};

#[derive(Args)]
pub struct Options {
    /// Which seeds: `A..B` for those from A on that are below B, or a single one
    #[arg(long, value_parser = parse_seeds, default_value = "1..1001")]
    seeds: Range<u64>,
}

pub fn run(options: &Options) -> Result<(), Failed> {
    let Range { start, end } = options.seeds;
    step::run(
        program("cargo")
            .args(["nextest", "run", "--release", "--workspace", "--no-capture"])
            // Together, as `cargo xtask test` does: the heavy dependencies are built once.
            .args(["-E", "binary(sim) & test(no_seed)"])
            .env("COSMICTRON_SIM_SEEDS", format!("{start}..{end}")),
    )
}

fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.parse().map_err(|error| format!("{text}: {error}"));
    let (start, end) = match text.split_once("..") {
        Some((start, end)) => (number(start)?, number(end)?),
        None => {
            let seed: u64 = number(text)?;
            (seed, seed.checked_add(1).ok_or("there is no seed behind it")?)
        }
    };
    if start < end { Ok(start..end) } else { Err("there are no seeds in it".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_an_end_that_is_not_in_it() {
        assert_eq!(parse_seeds("3..7"), Ok(3..7));
        assert_eq!(parse_seeds("17"), Ok(17..18));
        for wrong in ["7..7", "8..7", "..", "a..9", ""] {
            assert!(parse_seeds(wrong).is_err(), "{wrong}");
        }
    }
}
