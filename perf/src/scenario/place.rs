//! Where servers are put that are measured, and the module that they are given.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use tempfile::TempDir;

#[derive(Clone, Debug, Args)]
pub struct Place {
    /// The folder for data directories: its disk is the one that is measured
    #[arg(long, default_value = "target/perf")]
    dir: PathBuf,
    /// The module that `cargo xtask perf` has built
    #[arg(long, default_value = "perf/module/target/wasm32-unknown-unknown/release/transfer.wasm")]
    pub module: PathBuf,
}

impl Place {
    /// A folder of its own for one measurement; it goes with what is given.
    pub fn folder(&self) -> Result<TempDir> {
        std::fs::create_dir_all(&self.dir)?;
        Ok(tempfile::tempdir_in(&self.dir)?)
    }
}
