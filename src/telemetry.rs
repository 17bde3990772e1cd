//! What the server says while it runs: lines on standard error, for people or as JSON.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// What is said when `COSMICTRON_LOG` does not decide.
const FILTER_DEFAULT: &str = "info";

/// Sets the process's subscriber. `COSMICTRON_LOG` filters as `tracing` does, such as `info,cosmictron=debug`;
/// `COSMICTRON_LOG_FORMAT=json` writes one JSON object a line.
pub fn start() {
    let filter = EnvFilter::try_from_env("COSMICTRON_LOG")
        .unwrap_or_else(|_| EnvFilter::new(FILTER_DEFAULT));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let is_json = std::env::var("COSMICTRON_LOG_FORMAT").is_ok_and(|format| format == "json");
    // A second start, as in tests, leaves the first one's subscriber.
    let _ = if is_json { lines.json().try_init() } else { lines.try_init() };
}
