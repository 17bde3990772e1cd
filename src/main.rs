//! The `cosmictron` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    cosmictron::cli::run()
}
