//! Writes the segments of new logs as plain files, while no shard runs.
//!
//! They count for nothing before [`LogBuilder::finish`]: whoever takes them into use afterwards says so in a file of its
//! own, so a process that dies in between leaves only rubbish.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use cosmictron_types::{ShardCount, ShardId};

use super::directory::{segment_path, shard_directory, sync_directory};
use crate::boot::LogSink;
use crate::machine::{DiskError, SegmentNumber};

/// New logs in the making.
pub struct LogBuilder {
    path: PathBuf,
    /// By shard: the segment that is written to.
    open: Vec<Option<(SegmentNumber, File)>>,
}

impl LogBuilder {
    /// Begins in a directory that does not exist.
    pub fn create(path: &Path, shards: ShardCount) -> io::Result<Self> {
        fs::create_dir(path)?;
        for shard in shards.shards() {
            fs::create_dir(shard_directory(path, shard))?;
        }
        Ok(Self { path: path.to_owned(), open: shards.shards().map(|_| None).collect() })
    }

    /// Makes all of it durable.
    pub fn finish(mut self) -> io::Result<()> {
        for file in self.open.iter_mut().filter_map(Option::take) {
            file.1.sync_all()?;
        }
        for shard in fs::read_dir(&self.path)? {
            sync_directory(&shard?.path())?;
        }
        sync_directory(&self.path)?;
        self.path.parent().map_or(Ok(()), sync_directory)
    }

    fn file(&mut self, shard: ShardId, segment: SegmentNumber) -> io::Result<&File> {
        let place = &mut self.open[shard.index()];
        if place.as_ref().is_none_or(|(open, _)| *open != segment) {
            let path = segment_path(&shard_directory(&self.path, shard), segment);
            let file = OpenOptions::new().write(true).open(path)?;
            if let Some((_, before)) = place.replace((segment, file)) {
                before.sync_all()?;
            }
        }
        Ok(place.as_ref().map(|(_, file)| file).expect("it was just opened"))
    }
}

impl LogSink for LogBuilder {
    fn prepare(
        &mut self,
        shard: ShardId,
        segment: SegmentNumber,
        bytes: u64,
    ) -> Result<(), DiskError> {
        let path = segment_path(&shard_directory(&self.path, shard), segment);
        let made = OpenOptions::new().write(true).create_new(true).open(path);
        let made = made.and_then(|file| file.set_len(bytes).and_then(|()| file.sync_all()));
        made.map_err(|error| DiskError::from_io(&error))
    }

    fn write(
        &mut self,
        shard: ShardId,
        segment: SegmentNumber,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), DiskError> {
        let written = self.file(shard, segment).and_then(|file| file.write_all_at(bytes, offset));
        written.map_err(|error| DiskError::from_io(&error))
    }
}
