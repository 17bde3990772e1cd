//! What is measured.

pub mod runtimes;
pub mod transfer;

use std::time::Duration;

use clap::Args;

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
