//! Is a shard's log at rest: finds, reads, cuts and removes its segment files, before anything writes to them.
//!
//! ```text
//!   <log directory>/shard-0003/0000000017.wal       a segment
//!                              0000000018.wal.new   one that was being prepared; holds nothing, removed at start
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cosmictron_types::ShardId;

use crate::boot::{LogDirectory, SegmentExtent};
use crate::machine::{DiskError, SegmentNumber};

const SEGMENT_SUFFIX: &str = ".wal";

/// What a segment's name ends with until it is whole and on the device.
pub(super) const UNFINISHED_SUFFIX: &str = ".wal.new";

/// One shard's directory of segment files.
pub struct SegmentDirectory {
    path: PathBuf,
}

/// Where a shard keeps its segments.
pub fn shard_directory(log_directory: &Path, shard: ShardId) -> PathBuf {
    log_directory.join(format!("shard-{:04}", shard.get()))
}

pub(super) fn segment_path(directory: &Path, segment: SegmentNumber) -> PathBuf {
    directory.join(format!("{segment}{SEGMENT_SUFFIX}"))
}

impl SegmentDirectory {
    /// Opens the directory, made when it is missing, and clears away segments that were never finished.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let directory = Self { path: path.into() };
        if !directory.path.is_dir() {
            fs::create_dir_all(&directory.path)?;
            if let Some(parent) = directory.path.parent() {
                sync_directory(parent)?;
            }
        }
        directory.remove_unfinished()?;
        Ok(directory)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn remove_unfinished(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if path.as_os_str().as_encoded_bytes().ends_with(UNFINISHED_SUFFIX.as_bytes()) {
                fs::remove_file(path)?;
            }
        }
        sync_directory(&self.path)
    }

    fn list(&self) -> io::Result<Vec<SegmentExtent>> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if let Some(segment) = entry.file_name().to_str().and_then(segment_of_name) {
                segments.push(SegmentExtent { segment, bytes: entry.metadata()?.len() });
            }
        }
        segments.sort_by_key(|extent| extent.segment);
        Ok(segments)
    }

    fn read_file(&self, segment: SegmentNumber, into: &mut Vec<u8>) -> io::Result<()> {
        let mut file = File::open(segment_path(&self.path, segment))?;
        into.clear();
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        into.try_reserve_exact(length)?;
        file.read_to_end(into)?;
        Ok(())
    }

    fn read_file_head(
        &self,
        segment: SegmentNumber,
        bytes: usize,
        into: &mut Vec<u8>,
    ) -> io::Result<()> {
        into.clear();
        let file = File::open(segment_path(&self.path, segment))?;
        file.take(bytes as u64).read_to_end(into)?;
        Ok(())
    }

    fn truncate_file(&self, segment: SegmentNumber, bytes: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(segment_path(&self.path, segment))?;
        file.set_len(bytes)?;
        file.sync_all()
    }

    fn remove_file(&self, segment: SegmentNumber) -> io::Result<()> {
        fs::remove_file(segment_path(&self.path, segment))?;
        sync_directory(&self.path)
    }
}

impl LogDirectory for SegmentDirectory {
    fn segments(&mut self) -> Result<Vec<SegmentExtent>, DiskError> {
        self.list().map_err(|error| DiskError::from_io(&error))
    }

    fn read(&mut self, segment: SegmentNumber, into: &mut Vec<u8>) -> Result<(), DiskError> {
        self.read_file(segment, into).map_err(|error| DiskError::from_io(&error))
    }

    fn read_head(
        &mut self,
        segment: SegmentNumber,
        bytes: usize,
        into: &mut Vec<u8>,
    ) -> Result<(), DiskError> {
        self.read_file_head(segment, bytes, into).map_err(|error| DiskError::from_io(&error))
    }

    fn truncate(&mut self, segment: SegmentNumber, bytes: u64) -> Result<(), DiskError> {
        self.truncate_file(segment, bytes).map_err(|error| DiskError::from_io(&error))
    }

    fn remove(&mut self, segment: SegmentNumber) -> Result<(), DiskError> {
        self.remove_file(segment).map_err(|error| DiskError::from_io(&error))
    }

    fn name(&self, segment: SegmentNumber) -> String {
        segment_path(&self.path, segment).display().to_string()
    }
}

/// Only names as we write them: another spelling of the same number is another file, and not ours.
fn segment_of_name(name: &str) -> Option<SegmentNumber> {
    let segment = SegmentNumber::new(name.strip_suffix(SEGMENT_SUFFIX)?.parse().ok()?);
    (name == format!("{segment}{SEGMENT_SUFFIX}")).then_some(segment)
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_found_in_order_and_nothing_else_is() {
        let root = tempfile::tempdir().unwrap();
        let names =
            ["0000000010.wal", "0000000009.wal", "11.wal", "notes.txt", "0000000012.wal.new"];
        for name in names {
            fs::write(root.path().join(name), [0; 3]).unwrap();
        }
        let mut directory = SegmentDirectory::open(root.path()).unwrap();
        let found = directory.segments().unwrap();
        let numbers: Vec<_> = found.iter().map(|extent| extent.segment.get()).collect();
        assert_eq!(numbers, [9, 10]);
        assert!(!root.path().join("0000000012.wal.new").exists());
        assert!(root.path().join("notes.txt").exists());
    }

    #[test]
    fn a_cut_tail_stays_cut_and_a_removed_segment_gone() {
        let root = tempfile::tempdir().unwrap();
        let mut directory = SegmentDirectory::open(root.path().join("new/shard-0000")).unwrap();
        let segment = SegmentNumber::new(1);
        fs::write(segment_path(directory.path(), segment), [5; 9000]).unwrap();
        directory.truncate(segment, 4096).unwrap();
        let mut bytes = vec![1, 2, 3];
        directory.read(segment, &mut bytes).unwrap();
        assert_eq!(bytes, [5; 4096]);
        directory.remove(segment).unwrap();
        assert_eq!(directory.segments().unwrap(), []);
        assert!(directory.read(segment, &mut bytes).is_err());
    }
}
