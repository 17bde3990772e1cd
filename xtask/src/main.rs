//! The project's own commands, so that nobody has to remember how they are put together.
//!
//! `cargo xtask test` is what continuous integration runs: formatting, lints, every test, on a clean checkout of a fresh
//! machine. What it needs and does not find, it installs.

mod clients;
mod fuzz;
mod module;
mod perf;
mod sim;
mod step;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs every check and every test.
    Test(test::Options),
    /// Runs the fuzz targets.
    Fuzz(fuzz::Options),
    /// Runs the simulation over a range of seeds.
    Sim(sim::Options),
    /// Measures the server, each figure beside its floor.
    Perf(perf::Options),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Test(options) => test::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Sim(options) => sim::run(&options),
        Command::Perf(options) => perf::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("\n{failed}");
            ExitCode::FAILURE
        }
    }
}
