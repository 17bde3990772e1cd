//! What is measured.

mod bank;
pub mod calls;
pub mod crowds;
mod in_process;
pub mod live;
mod place;
pub mod runtimes;
pub mod shards;
pub mod tls;
pub mod transfer;

use std::time::Duration;

use clap::Args;

/// One call at a time, a busy core, and a crowded one.
const CONNECTIONS: [usize; 3] = [1, 64, 256];
/// At the beginning of each measurement, not counted.
const WARM_UP: Duration = Duration::from_millis(300);

/// A figure's name: what was measured over how many connections.
fn named(what: &str, connections: usize) -> String {
    match connections {
        1 => format!("{what}, 1 connection"),
        _ => format!("{what}, {connections} connections"),
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug, Args)]
pub struct Effort {
    /// Times that everything is measured
    #[arg(long, default_value_t = 5)]
    pub rounds: u32,
    /// Seconds for each measurement
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

impl Effort {
    /// For each measurement.
    pub fn span(self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}
