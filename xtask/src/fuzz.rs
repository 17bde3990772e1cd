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
    targets.iter().try_for_each(|target| run_target(target, options.seconds))
}

fn run_target(target: &str, seconds: u32) -> Result<(), Failed> {
    let folder = root().join("tests/fuzz");
    let (corpus, seeds) = (folder.join("corpus").join(target), folder.join("seeds").join(target));
    let mut command = program("cargo");
    command.args(["+nightly", "fuzz", "run", "--fuzz-dir", "tests/fuzz", target]);
    // The first folder takes what is found; the fuzzer wants it to be there.
    if seeds.is_dir() && std::fs::create_dir_all(&corpus).is_ok() {
        command.arg(corpus).arg(seeds);
    }
    command.args(["--", "-jobs=1"]).arg(format!("-max_total_time={seconds}"));
    let language = target.split('_').next().unwrap_or(target);
    let dictionary = folder.join(language).with_extension("dict");
    if dictionary.is_file() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    step::run(&mut command)
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
