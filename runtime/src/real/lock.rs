//! Keeps a second server out of a directory, by a lock that the kernel drops with the process.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

const FILE_NAME: &str = "lock";

/// A directory that is this process's alone while this is held.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

/// Why a directory could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("another process uses this directory")]
    Held,
    /// The lock's file could not be opened or locked.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl DirectoryLock {
    /// Takes the lock or fails at once. The file it is on stays; it says nothing by being there.
    pub fn acquire(directory: &Path) -> Result<Self, LockError> {
        let mut open = OpenOptions::new();
        let file = open.write(true).create(true).truncate(false).open(directory.join(FILE_NAME))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(Errno::WOULDBLOCK) => Err(LockError::Held),
            Err(error) => Err(io::Error::from(error).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_locked_once_and_free_after() {
        let root = tempfile::tempdir().unwrap();
        let held = DirectoryLock::acquire(root.path()).unwrap();
        assert!(matches!(DirectoryLock::acquire(root.path()), Err(LockError::Held)));
        drop(held);
        DirectoryLock::acquire(root.path()).unwrap();
    }
}
