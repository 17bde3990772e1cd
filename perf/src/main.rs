//! Measures the server, each figure beside its floor from the same run.
//!
//! ```text
//!   processor 0                          processor 1
//!   the server, the append floor  ◀───▶  the generator ([`load`])
//! ```
//!
//! `cargo xtask perf` builds what is needed and runs it. Ratios are what counts: on a noisy machine both sides of one
//! are disturbed alike, and it is the median of several rounds that is told.

mod by_hand;
mod certificate;
mod cpu;
mod floor;
mod load;
mod process;
mod reading;
mod report;
mod scenario;
mod sockets;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use report::Report;

#[derive(Parser)]
#[command(name = "cosmictron-perf", about = "Measures the server beside its floors")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Durable transfers between accounts, queries, a start after a kill
    Transfer {
        #[command(flatten)]
        options: scenario::transfer::Options,
        #[command(flatten)]
        output: Output,
    },
    /// Calls of a reducer inside the process: no network, and nothing waits for the disk
    Calls {
        #[command(flatten)]
        options: scenario::calls::Options,
        #[command(flatten)]
        output: Output,
    },
    /// One module over several cores, inside the process: local and crossing transfers, a query over all shards
    Shards {
        #[command(flatten)]
        options: scenario::shards::Options,
        #[command(flatten)]
        output: Output,
    },
    /// Live queries: what is pushed to many sockets, and what many subscriptions cost those who write
    Live {
        #[command(flatten)]
        options: scenario::live::Options,
        #[command(flatten)]
        output: Output,
    },
    /// What TLS costs: requests to a server with a certificate beside one without
    Tls {
        #[command(flatten)]
        options: scenario::tls::Options,
        #[command(flatten)]
        output: Output,
    },
    /// What a flood of attempts to sign in, and thousands of slow clients, cost those who call
    Crowds {
        #[command(flatten)]
        options: scenario::crowds::Options,
        #[command(flatten)]
        output: Output,
    },
    /// A fixed HTTP answer by each runtime that could carry the server
    Runtimes {
        #[command(flatten)]
        options: scenario::runtimes::Options,
        #[command(flatten)]
        output: Output,
    },
    /// Puts a load on any server
    Load(by_hand::Options),
    /// Serves calls that append 256 bytes and wait for the flush
    #[command(hide = true)]
    AppendFloor {
        directory: PathBuf,
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// Sends what one WebSocket says to all others
    #[command(hide = true)]
    BroadcastFloor {
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
}

#[derive(Args)]
struct Output {
    /// Writes every round's figures there, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    match Cli::parse().command {
        Command::Transfer { options, output } => {
            print(&scenario::transfer::run(&options)?, &output)
        }
        Command::Runtimes { options, output } => {
            print(&scenario::runtimes::run(&options)?, &output)
        }
        Command::Shards { options, output } => print(&scenario::shards::run(&options)?, &output),
        Command::Crowds { options, output } => print(&scenario::crowds::run(&options)?, &output),
        Command::Tls { options, output } => print(&scenario::tls::run(&options)?, &output),
        Command::Live { options, output } => print(&scenario::live::run(&options)?, &output),
        Command::Calls { options, output } => print(&scenario::calls::run(&options)?, &output),
        Command::Load(options) => by_hand::run(&options),
        Command::AppendFloor { directory, listen } => floor::append::serve(&directory, listen),
        Command::BroadcastFloor { listen } => floor::broadcast::serve(listen),
    }
}

fn print(report: &Report, output: &Output) -> Result<()> {
    println!("{}", report.table());
    if let Some(path) = &output.json {
        std::fs::write(path, serde_json::to_vec_pretty(report)?)?;
    }
    Ok(())
}
