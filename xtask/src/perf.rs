//! `cargo xtask perf`: builds what is measured and measures it.

use std::ffi::OsString;

use clap::Args;

use crate::module;
use crate::step::{self, Failed, program, root};

const MODULE: &str = "perf/module";
const RUNTIME_FLOOR: &str = "perf/runtime-floor";

#[derive(Args)]
pub struct Options {
    /// Measures the runtimes beneath a server instead of the server
    #[arg(long, conflicts_with = "in_process")]
    runtimes: bool,
    /// Measures calls inside the process, without network and without waiting for the disk
    #[arg(long)]
    in_process: bool,
    /// Measures one module over several cores, inside the process
    #[arg(long, conflicts_with_all = ["runtimes", "in_process"])]
    shards: bool,
    /// Measures live queries
    #[arg(long, conflicts_with_all = ["runtimes", "in_process", "shards"])]
    live: bool,
    /// Measures what TLS costs
    #[arg(long, conflicts_with_all = ["runtimes", "in_process", "shards", "live"])]
    tls: bool,
    /// Measures what crowds cost those who are served beside them
    #[arg(long, conflicts_with_all = ["runtimes", "in_process", "shards", "live", "tls"])]
    crowds: bool,
    /// Passed on to `cosmictron-perf`
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

pub fn run(options: &Options) -> Result<(), Failed> {
    step::run(program("cargo").args(["build", "--release", "--workspace", "--bins"]))?;
    let scenario = if options.runtimes {
        step::run(
            program("cargo").args(["build", "--release"]).current_dir(root().join(RUNTIME_FLOOR)),
        )?;
        "runtimes"
    } else {
        module::install_target()?;
        module::build(MODULE)?;
        let chosen = [
            (options.in_process, "calls"),
            (options.shards, "shards"),
            (options.live, "live"),
            (options.tls, "tls"),
            (options.crowds, "crowds"),
        ];
        chosen.iter().find(|(is_chosen, _)| *is_chosen).map_or("transfer", |(_, name)| *name)
    };
    let perf = root().join("target/release/cosmictron-perf");
    step::run(program(&perf.to_string_lossy()).arg(scenario).args(&options.arguments))
}
