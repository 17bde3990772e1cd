//! `cargo xtask test`: formatting, lints, every test.

use clap::Args;

use crate::step::{self, Failed, program, succeeds};
use crate::{clients, module};

/// Modules that tests deploy: each a workspace of its own, as a user's is.
const MODULES: [&str; 5] = [
    "examples/my-agent",
    "examples/bank",
    "examples/rooms",
    "examples/chat",
    "sdk-rust/tests/module",
];

#[derive(Args)]
pub struct Options {
    /// Rounds of the crash test: the server is killed once a round
    #[arg(long, default_value_t = 30)]
    crash_rounds: u32,
    /// Seeds of the simulation: each is a server with its own faults and crashes
    #[arg(long, default_value_t = 400)]
    sim_seeds: u64,
    /// Leaves formatting and lints out
    #[arg(long)]
    only_tests: bool,
}

pub fn run(options: &Options) -> Result<(), Failed> {
    install_what_is_missing()?;
    if !options.only_tests {
        step::run(program("cargo").args(["fmt", "--all", "--check"]))?;
    }
    for module in MODULES {
        module::build(module)?;
    }
    // One profile for the server and its tests: what is tested is what is shipped. And together: tests ask their
    // dependencies for more features, so that apart the heavy ones would be built twice.
    step::run(program("cargo").args(["build", "--release", "--workspace", "--bins", "--tests"]))?;
    step::run(
        program("cargo")
            .args(["nextest", "run", "--release", "--workspace"])
            .env("COSMICTRON_CRASH_ROUNDS", options.crash_rounds.to_string())
            .env("COSMICTRON_SIM_SEEDS", options.sim_seeds.to_string()),
    )?;
    step::run(program("cargo").args(["test", "--release", "--workspace", "--doc"]))?;
    clients::test(!options.only_tests)?;
    if !options.only_tests {
        step::run(program("cargo").args([
            "clippy",
            "--release",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))?;
    }
    Ok(())
}

fn install_what_is_missing() -> Result<(), Failed> {
    module::install_target()?;
    if !succeeds(program("cargo").args(["nextest", "--version"])) {
        step::run(program("cargo").args(["install", "--locked", "cargo-nextest"]))?;
    }
    Ok(())
}
