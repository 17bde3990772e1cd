//! Holds the logs of a data directory to their chains of hashes. Changes nothing, and needs that no server runs on them.

use std::path::Path;

use cosmictron_runtime::real::{SegmentDirectory, shard_directory};
use cosmictron_storage::log::LogId;

use super::data_directory::{DataDirectory, DataDirectoryError};
use crate::shard::{BootError, ChainHead, ChainReport, verify_chain};

/// Why logs are not what was written, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum VerificationError {
    #[error(transparent)]
    Directory(#[from] DataDirectoryError),
    #[error("{}: {source}", path.display())]
    Io { path: std::path::PathBuf, source: std::io::Error },
    #[error(transparent)]
    Log(#[from] BootError),
    #[error("there is no shard {0}, which a head names")]
    NoShard(u16),
}

/// Verifies all logs, one report a shard. `heads` were kept elsewhere: the logs have to contain them.
pub fn verify(path: &Path, heads: &[ChainHead]) -> Result<Vec<ChainReport>, VerificationError> {
    let directory = DataDirectory::open_existing(path)?;
    let shards = directory.shards();
    if let Some(head) = heads.iter().find(|head| head.shard >= shards.get()) {
        return Err(VerificationError::NoShard(head.shard));
    }
    let verify = |shard| {
        let path = shard_directory(&directory.log(), shard);
        let log = SegmentDirectory::open(&path);
        let mut log = log.map_err(|source| VerificationError::Io { path, source })?;
        let id = LogId { data: directory.data(), shard };
        Ok(verify_chain(id, heads, &mut log)?)
    };
    shards.shards().map(verify).collect()
}
