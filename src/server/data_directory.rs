//! The data directory: who may use it, what is in it, and whether it is whole.
//!
//! ```text
//!  cosmictron.json   format, random number, shards, whether anything was ever answered from here
//!  lock              held while a server runs
//!  log/shard-NNNN/   segments of the write-ahead logs; log-N/ since the number of shards was changed N times
//!  modules/          WebAssembly by content hash, and what was compiled from it
//!  keys/             keys that sign tokens            (mode 0600)
//!  admin.token       a token of the first account     (mode 0600)
//!  outbox/           mail, where no server is configured
//! ```
//!
//! Invariants:
//! 1. A directory is `begun` before the first answer leaves. A begun directory whose logs are missing is never opened as
//!    an empty one.
//! 2. The manifest names the logs that count. Others are left from a change of the number of shards that was not finished, or
//!    was, and are removed.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use cosmictron_runtime::real::{DirectoryLock, LockError};
use cosmictron_types::ShardCount;
use serde::{Deserialize, Serialize};

use crate::whole_file;

const MANIFEST: &str = "cosmictron.json";
const ADMIN_TOKEN: &str = "admin.token";
/// The version of the directory's layout.
const FORMAT: u32 = 1;

/// An open data directory. Nobody else can open it meanwhile.
pub struct DataDirectory {
    path: PathBuf,
    manifest: Manifest,
    is_begun: AtomicBool,
    _lock: DirectoryLock,
}

/// What the directory says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    /// Random, in hex: the logs carry it, so that none is taken from another directory.
    data: String,
    shards: u16,
    /// How often that number was changed: names the directory of the logs.
    #[serde(default)]
    reshards: u32,
    begun: bool,
}

/// Why a data directory cannot be used. Nothing was changed in it.
#[derive(Debug, thiserror::Error)]
pub enum DataDirectoryError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Lock { path: PathBuf, source: LockError },
    #[error("{}: {reason}", path.display())]
    Manifest { path: PathBuf, reason: String },
    #[error(
        "{} holds logs but no {MANIFEST}: put the file back, or restore the directory from a backup",
        path.display()
    )]
    ManifestGone { path: PathBuf },
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

impl DataDirectory {
    /// Opens the directory, made for so many shards when it is missing.
    pub fn open(path: &Path, shards: ShardCount) -> Result<DataDirectory, DataDirectoryError> {
        let io_error = |source| DataDirectoryError::Io { path: path.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error)?;
        let lock = DirectoryLock::acquire(path)
            .map_err(|source| DataDirectoryError::Lock { path: path.to_owned(), source })?;
        let manifest = match Manifest::read(path)? {
            Some(manifest) => manifest,
            None if has_logs(path) => {
                return Err(DataDirectoryError::ManifestGone { path: path.to_owned() });
            }
            None => Manifest::create(path, shards)?,
        };
        let is_begun = AtomicBool::new(manifest.begun);
        let directory = DataDirectory { path: path.to_owned(), manifest, is_begun, _lock: lock };
        directory.remove_other_logs()?;
        for part in [directory.log(), directory.modules()] {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&part);
            made.map_err(|source| DataDirectoryError::Io { path: part, source })?;
        }
        Ok(directory)
    }

    /// Opens a directory that was served before, to read it: nothing in it is changed.
    pub fn open_existing(path: &Path) -> Result<DataDirectory, DataDirectoryError> {
        let lock = DirectoryLock::acquire(path)
            .map_err(|source| DataDirectoryError::Lock { path: path.to_owned(), source })?;
        let gone = || DataDirectoryError::Manifest {
            path: path.to_owned(),
            reason: format!("it has no {MANIFEST}, so it is no data directory"),
        };
        let manifest = Manifest::read(path)?.ok_or_else(gone)?;
        let is_begun = AtomicBool::new(manifest.begun);
        Ok(DataDirectory { path: path.to_owned(), manifest, is_begun, _lock: lock })
    }

    /// The shards that a directory was served by, where it was served before.
    pub fn shards_of(path: &Path) -> Option<ShardCount> {
        ShardCount::new(Manifest::read(path).ok()??.shards)
    }

    /// How many shards the logs are of.
    pub fn shards(&self) -> ShardCount {
        ShardCount::new(self.manifest.shards).expect("the manifest was checked")
    }

    pub fn log(&self) -> PathBuf {
        self.path.join(log_name(self.manifest.reshards))
    }

    /// Where the logs of another number of shards are to be written.
    pub fn next_log(&self) -> PathBuf {
        self.path.join(log_name(self.manifest.reshards + 1))
    }

    /// Takes the logs in [`DataDirectory::next_log`] into use, which are whole and durable.
    pub fn adopt_next_log(&mut self, shards: ShardCount) -> Result<(), DataDirectoryError> {
        let reshards = self.manifest.reshards + 1;
        let manifest = Manifest { shards: shards.get(), reshards, ..self.manifest.clone() };
        manifest.write(&self.path)?;
        self.manifest = manifest;
        self.remove_other_logs()
    }

    /// Removes logs that do not count.
    fn remove_other_logs(&self) -> Result<(), DataDirectoryError> {
        let io_error = |source| DataDirectoryError::Io { path: self.path.clone(), source };
        let current = log_name(self.manifest.reshards);
        for entry in fs::read_dir(&self.path).map_err(io_error)? {
            let name = entry.map_err(io_error)?.file_name();
            let is_other = name.to_str().is_some_and(|name| is_log_name(name) && name != current);
            if is_other {
                fs::remove_dir_all(self.path.join(name)).map_err(io_error)?;
            }
        }
        Ok(())
    }

    pub fn modules(&self) -> PathBuf {
        self.path.join("modules")
    }

    pub fn keys(&self) -> PathBuf {
        self.path.join("keys")
    }

    pub fn outbox(&self) -> PathBuf {
        self.path.join("outbox")
    }

    /// The directory's random number.
    pub fn data(&self) -> u64 {
        u64::from_str_radix(&self.manifest.data, 16).expect("the manifest was checked")
    }

    /// Whether anything was ever answered from here.
    pub fn is_begun(&self) -> bool {
        // One shard's thread writes it and then tells the others; this is read by that thread or after all have ended.
        self.is_begun.load(Ordering::Acquire)
    }

    pub fn has_admin_token(&self) -> bool {
        self.path.join(ADMIN_TOKEN).exists()
    }

    pub fn write_admin_token(&self, token: &str) -> Result<(), DataDirectoryError> {
        write(&self.path, ADMIN_TOKEN, token.as_bytes())
    }

    /// Says that answers may leave from now on.
    pub fn begin(&self) -> Result<(), DataDirectoryError> {
        if self.is_begun() {
            return Ok(());
        }
        Manifest { begun: true, ..self.manifest.clone() }.write(&self.path)?;
        self.is_begun.store(true, Ordering::Release);
        Ok(())
    }
}

impl Manifest {
    fn create(path: &Path, shards: ShardCount) -> Result<Manifest, DataDirectoryError> {
        let data = getrandom::u64().map_err(DataDirectoryError::Random)?;
        let data = format!("{data:016x}");
        let manifest =
            Manifest { format: FORMAT, data, shards: shards.get(), reshards: 0, begun: false };
        manifest.write(path)?;
        Ok(manifest)
    }

    /// `None` when there is none.
    fn read(path: &Path) -> Result<Option<Manifest>, DataDirectoryError> {
        let file = path.join(MANIFEST);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(DataDirectoryError::Io { path: file, source }),
        };
        let refuse = |reason: String| DataDirectoryError::Manifest { path: file.clone(), reason };
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(refuse(format!(
                "the directory has format {}, and this server reads format {FORMAT}: start the version of the server \
                 that wrote it, or a newer one",
                manifest.format
            )));
        }
        if manifest.data.len() != 16 || u64::from_str_radix(&manifest.data, 16).is_err() {
            return Err(refuse("data is not 16 hex digits".to_owned()));
        }
        if ShardCount::new(manifest.shards).is_none() {
            return Err(refuse(format!("{} is no number of shards", manifest.shards)));
        }
        Ok(Some(manifest))
    }

    fn write(&self, path: &Path) -> Result<(), DataDirectoryError> {
        let mut text = serde_json::to_vec_pretty(self).expect("a manifest has a JSON form");
        text.push(b'\n');
        write(path, MANIFEST, &text)
    }
}

fn has_logs(path: &Path) -> bool {
    let segments =
        |shard: fs::DirEntry| fs::read_dir(shard.path()).is_ok_and(|mut e| e.next().is_some());
    let is_used = |log: fs::DirEntry| {
        fs::read_dir(log.path()).is_ok_and(|shards| shards.flatten().any(segments))
    };
    fs::read_dir(path).is_ok_and(|entries| {
        let mut logs = entries.flatten();
        logs.any(|log| log.file_name().to_str().is_some_and(is_log_name) && is_used(log))
    })
}

fn log_name(reshards: u32) -> String {
    match reshards {
        0 => "log".to_owned(),
        reshards => format!("log-{reshards}"),
    }
}

fn is_log_name(name: &str) -> bool {
    name == "log"
        || name
            .strip_prefix("log-")
            .is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
}

fn write(path: &Path, name: &str, bytes: &[u8]) -> Result<(), DataDirectoryError> {
    let path = path.join(name);
    whole_file::write(&path, bytes).map_err(|source| DataDirectoryError::Io { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path, shards: u16) -> Result<DataDirectory, DataDirectoryError> {
        DataDirectory::open(path, ShardCount::new(shards).unwrap())
    }

    #[test]
    fn a_directory_remembers_what_it_is() {
        let root = tempfile::tempdir().unwrap();
        let first = open(root.path(), 2).unwrap();
        let data = first.data();
        assert!(!first.is_begun());
        first.begin().unwrap();
        assert!(matches!(open(root.path(), 2), Err(DataDirectoryError::Lock { .. })));
        drop(first);
        let second = open(root.path(), 2).unwrap();
        assert!(second.is_begun());
        assert_eq!(second.data(), data);
        drop(second);
    }

    #[test]
    fn logs_without_a_manifest_are_never_taken_for_nothing() {
        let root = tempfile::tempdir().unwrap();
        let shard = root.path().join("log/shard-0000");
        fs::create_dir_all(&shard).unwrap();
        fs::write(shard.join("0000000001.wal"), b"x").unwrap();
        assert!(matches!(open(root.path(), 1), Err(DataDirectoryError::ManifestGone { .. })));
    }

    #[test]
    fn a_damaged_manifest_is_refused() {
        for text in
            ["", "{}", "{\"format\":2,\"data\":\"0123456789abcdef\",\"shards\":1,\"begun\":true}"]
        {
            let root = tempfile::tempdir().unwrap();
            fs::write(root.path().join(MANIFEST), text).unwrap();
            assert!(matches!(open(root.path(), 1), Err(DataDirectoryError::Manifest { .. })));
        }
    }
}
