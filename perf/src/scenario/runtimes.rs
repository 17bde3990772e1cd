//! The runtime floor: a fixed HTTP answer by each runtime that could carry the server, one core each.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use super::{CONNECTIONS, Effort, WARM_UP, named};
use crate::cpu::Seats;
use crate::load::{self, Fixed, Load, Pace, Until};
use crate::process::Peer;
use crate::report::{Figure, Report, Target};

/// The programs of the workspace `perf/runtime-floor`; the first is the one that is compared.
const RUNTIMES: [&str; 3] = ["monoio", "glommio", "tokio"];

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    effort: Effort,
    /// Where the programs were built
    #[arg(long, default_value = "perf/runtime-floor/target/release")]
    binaries: PathBuf,
}

pub fn run(options: &Options) -> Result<Report> {
    let seats = Seats::find()?;
    let start = |name| Peer::start(seats, &mut Command::new(options.binaries.join(name)));
    let peers = RUNTIMES.into_iter().map(start).collect::<Result<Vec<Peer>>>()?;
    let mut report = Report::default();
    for connections in CONNECTIONS {
        let mut rounds = vec![Vec::new(); RUNTIMES.len()];
        for _ in 0..options.effort.rounds {
            for (peer, rounds) in peers.iter().zip(&mut rounds) {
                rounds.push(rate(options, peer, connections)?);
            }
        }
        for (other, name) in RUNTIMES.iter().enumerate().skip(1) {
            report.figures.push(Figure {
                name: named(&format!("{} answers", RUNTIMES[0]), connections),
                unit: "/s",
                floor: (*name).to_owned(),
                rounds: rounds[0].iter().copied().zip(rounds[other].iter().copied()).collect(),
                target: Target::AtLeast(0.9),
            });
        }
    }
    Ok(report)
}

fn rate(options: &Options, peer: &Peer, connections: usize) -> Result<f64> {
    let load = Load {
        address: peer.address,
        connections,
        pace: Pace::Closed { depth: 1 },
        warm_up: WARM_UP,
        until: Until::Passed(options.effort.span()),
    };
    Ok(load::run(&load, &mut Fixed::get("/", "perf"))?.all_good()?.per_second())
}
