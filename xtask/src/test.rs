//! `cargo xtask test`: formatting, lints, every test.

use std::path::Path;

use clap::Args;

use crate::step::{self, Failed, program, root, succeeds};

const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Modules that tests deploy: each a workspace of its own, as a user's is.
const MODULES: [&str; 1] = ["examples/my-agent"];

#[derive(Args)]
pub struct Options {
    /// Rounds of the crash test: the server is killed once a round
    #[arg(long, default_value_t = 30)]
    crash_rounds: u32,
    /// Leaves formatting and lints out
    #[arg(long)]
    only_tests: bool,
}

pub fn run(options: &Options) -> Result<(), Failed> {
    install_what_is_missing()?;
    if !options.only_tests {
        step::run(program("cargo").args(["fmt", "--all", "--check"]))?;
    }
    build_modules()?;
    // One profile for the server and its tests: what is tested is what is shipped.
    step::run(program("cargo").args(["build", "--release", "--workspace", "--bins"]))?;
    step::run(
        program("cargo")
            .args(["nextest", "run", "--release", "--workspace"])
            .env("COSMICTRON_CRASH_ROUNDS", options.crash_rounds.to_string()),
    )?;
    step::run(program("cargo").args(["test", "--release", "--workspace", "--doc"]))?;
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
    if !has_wasm_target() {
        step::run(program("rustup").args(["target", "add", WASM_TARGET]))?;
    }
    if !succeeds(program("cargo").args(["nextest", "--version"])) {
        step::run(program("cargo").args(["install", "--locked", "cargo-nextest"]))?;
    }
    Ok(())
}

fn has_wasm_target() -> bool {
    let output =
        program("rustc").args(["--print", "target-libdir", "--target", WASM_TARGET]).output();
    output.is_ok_and(|output| {
        let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success() && Path::new(&folder).is_dir()
    })
}

fn build_modules() -> Result<(), Failed> {
    for module in MODULES {
        let manifest = root().join(module).join("Cargo.toml");
        step::run(
            program("cargo")
                .args([
                    "build",
                    "--release",
                    "--locked",
                    "--target",
                    WASM_TARGET,
                    "--manifest-path",
                ])
                .arg(manifest),
        )?;
    }
    Ok(())
}
