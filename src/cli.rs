//! The commands of the binary.

mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Application server, database, cache and message bus in one binary.
#[derive(Debug, Parser)]
#[command(name = "cosmictron", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves a data directory.
    Serve(serve::ServeFlags),
}

/// Runs the command that the process's arguments name.
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(flags) => serve::run(&flags),
    }
}
