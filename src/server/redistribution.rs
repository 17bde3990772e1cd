//! Changes the number of shards of a data directory, before any of them is started.

use cosmictron_runtime::LogDirectory;
use cosmictron_runtime::real::{LogBuilder, SegmentDirectory, shard_directory};
use cosmictron_storage::log::LogOptions;
use cosmictron_types::{ShardCount, ShardId};

use super::data_directory::{DataDirectory, DataDirectoryError};
use crate::shard::{ReshardError, ReshardPlan, reshard};

/// Why a data directory stays with the shards that it has.
#[derive(Debug, thiserror::Error)]
pub enum RedistributionError {
    #[error(transparent)]
    Directory(#[from] DataDirectoryError),
    #[error("the log of shard {0} is gone: restore the data directory from a backup")]
    LogGone(ShardId),
    #[error("{path}: {source}")]
    Io { path: String, source: std::io::Error },
    #[error(transparent)]
    Reshard(#[from] ReshardError),
}

/// Spreads the data of a directory over so many shards. Wherever it is interrupted, the directory is as it was, or done.
pub fn redistribute(
    directory: &mut DataDirectory,
    shards: ShardCount,
    log: LogOptions,
) -> Result<(), RedistributionError> {
    let old = directory.shards();
    tracing::info!(from = old.get(), to = shards.get(), "spreading the data over the shards");
    let (from, to) = (directory.log(), directory.next_log());
    let failed = |path: &std::path::Path, source| RedistributionError::Io {
        path: path.display().to_string(),
        source,
    };
    let mut logs = Vec::new();
    for shard in old.shards() {
        let path = shard_directory(&from, shard);
        if directory.is_begun() && !path.is_dir() {
            return Err(RedistributionError::LogGone(shard));
        }
        logs.push(SegmentDirectory::open(&path).map_err(|source| failed(&path, source))?);
    }
    let mut logs: Vec<&mut dyn LogDirectory> =
        logs.iter_mut().map(|log| log as &mut dyn LogDirectory).collect();
    let plan = ReshardPlan { data: directory.data(), old, new: shards, log };
    let mut builder = LogBuilder::create(&to, shards).map_err(|source| failed(&to, source))?;
    reshard(&plan, directory.is_begun(), &mut logs, &mut builder)?;
    builder.finish().map_err(|source| failed(&to, source))?;
    directory.adopt_next_log(shards)?;
    Ok(())
}
