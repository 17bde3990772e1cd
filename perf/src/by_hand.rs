//! `cosmictron-perf load`: one load by hand.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use crate::load::{self, Fixed, Load, Pace, Until};

#[derive(Debug, Args)]
pub struct Options {
    /// The server's address; loopback only
    address: SocketAddr,
    /// What is asked for
    #[arg(default_value = "/v1/health")]
    target: String,
    /// Posts this JSON
    #[arg(long)]
    body: Option<String>,
    /// The caller's token
    #[arg(long, env = "COSMICTRON_TOKEN", hide_env_values = true)]
    token: Option<String>,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Open loop: requests a second. Without it, the next follows an answer
    #[arg(long)]
    rate: Option<f64>,
    /// Closed loop: requests under way on each connection
    #[arg(long, default_value_t = 1)]
    depth: usize,
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
}

pub fn run(options: &Options) -> Result<()> {
    ensure!(options.address.ip().is_loopback(), "{}: loads stay on this machine", options.address);
    ensure!(0 < options.connections && 0 < options.depth, "at least one connection and request");
    ensure!(options.rate.is_none_or(|rate| 0.0 < rate), "--rate: more than none");
    let host = options.address.to_string();
    let mut workload = match &options.body {
        None => Fixed::get(&options.target, &host),
        Some(body) => Fixed::post(&options.target, &host, options.token.as_deref(), body),
    };
    let pace = match options.rate {
        Some(per_second) => Pace::Open { per_second },
        None => Pace::Closed { depth: options.depth },
    };
    let load = Load {
        address: options.address,
        connections: options.connections,
        pace,
        warm_up: Duration::from_millis(300),
        until: Until::Passed(Duration::from_secs_f64(options.seconds)),
    };
    let answers = load::run(&load, &mut workload)?;
    println!("{:.0} answers/s, {} refused", answers.per_second(), answers.refused);
    if let Some(refusal) = &answers.refusal {
        println!("refused: {refusal}");
    }
    for quantile in [0.5, 0.9, 0.99, 0.999, 1.0] {
        println!("p{:<5} {:>10.0} us", quantile * 100.0, answers.micros_at(quantile));
    }
    Ok(())
}
