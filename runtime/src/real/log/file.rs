//! Opens segment files for writing, past the page cache where the file system lets us.
//!
//! A direct write that the device refuses fails itself; a buffered one can be lost in silence after a failed sync. So
//! buffered files are only the fallback for file systems that know no direct I/O.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::buffer::AlignedBuffer;
use super::directory::segment_path;
use crate::machine::{BLOCK_BYTES, DiskError, SegmentNumber};

/// The segment written to and the next one, across a rotation; older ones are opened again if they must be.
const OPEN_MAX: usize = 2;

/// The segment files of one shard that are open for writing.
pub(crate) struct SegmentFiles {
    directory: PathBuf,
    flags: i32,
    open: Vec<(SegmentNumber, Arc<File>)>,
}

impl SegmentFiles {
    pub(crate) fn new(directory: &Path, is_direct: bool) -> Self {
        let flags = if is_direct { libc::O_DIRECT } else { 0 };
        Self { directory: directory.to_owned(), flags, open: Vec::new() }
    }

    /// The file of a segment. Opening one takes microseconds and happens once a segment.
    pub(crate) fn of(&mut self, segment: SegmentNumber) -> Result<Arc<File>, DiskError> {
        if let Some((_, file)) = self.open.iter().find(|(number, _)| *number == segment) {
            return Ok(Arc::clone(file));
        }
        let path = segment_path(&self.directory, segment);
        let file = OpenOptions::new().write(true).custom_flags(self.flags).open(path);
        let file = Arc::new(file.map_err(|error| DiskError::from_io(&error))?);
        if self.open.len() == OPEN_MAX {
            // Writes in flight hold the file by themselves.
            self.open.sort_by_key(|(number, _)| *number);
            self.open.remove(0);
        }
        self.open.push((segment, Arc::clone(&file)));
        Ok(file)
    }
}

/// Whether the file system takes direct writes. Some refuse the flag when a file is opened, some the write. A full disk
/// is no reason not to start, and the usual answer is yes.
pub(crate) fn takes_direct_writes(directory: &Path) -> io::Result<bool> {
    let path = directory.join("direct-io.probe");
    let answer = write_directly(&path).map_err(|error| (error.raw_os_error(), error));
    // It may have been made even when it could not be opened; a left one is taken over by the next start.
    let _ = fs::remove_file(&path);
    match answer {
        Ok(()) | Err((Some(libc::ENOSPC | libc::EDQUOT), _)) => Ok(true),
        Err((Some(libc::EINVAL), _)) => Ok(false),
        Err((_, error)) => Err(error),
    }
}

fn write_directly(path: &Path) -> io::Result<()> {
    let mut open = OpenOptions::new();
    let file = open.write(true).create(true).truncate(true).custom_flags(libc::O_DIRECT);
    file.open(path)?.write_all_at(AlignedBuffer::new(BLOCK_BYTES).bytes(), 0)
}

/// Reserves the file's blocks where the file system can, so that a full disk shows before it is filled.
pub(super) fn reserve(file: impl AsFd, bytes: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
        result => Ok(result?),
    }
}
