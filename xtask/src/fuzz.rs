//! `cargo xtask fuzz`: runs the fuzz targets, one after the other.

use clap::Args;

use crate::step::{self, Failed, program, root, succeeds};

#[derive(Args)]
pub struct Options {
    /// Targets to run; all of them when none is named
    targets: Vec<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 600)]
    seconds: u32,
}

pub fn run(options: &Options) -> Result<(), Failed> {
    if !succeeds(program("cargo").args(["fuzz", "--version"])) {
        step::run(program("cargo").args(["install", "--locked", "cargo-fuzz"]))?;
    }
    let targets = if options.targets.is_empty() { all_targets() } else { options.targets.clone() };
    for target in targets {
        step::run(
            program("cargo")
                .args(["+nightly", "fuzz", "run", "--fuzz-dir", "tests/fuzz", &target, "--"])
                .arg(format!("-max_total_time={}", options.seconds))
                .arg("-jobs=1"),
        )?;
    }
    Ok(())
}

/// A target is a file.
fn all_targets() -> Vec<String> {
    let folder = std::fs::read_dir(root().join("tests/fuzz/fuzz_targets"));
    let files = folder.into_iter().flatten().flatten();
    let mut targets: Vec<String> = files
        .filter_map(|file| file.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .collect();
    targets.sort();
    targets
}
