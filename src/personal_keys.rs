//! Keeps the keys of personal data in `personal-keys/` of the data directory, outside the log that is never rewritten.
//!
//! Invariants:
//! 1. A file of keys is on the device, whole, before any of them is used; its length never changes afterwards.
//! 2. A key is destroyed by one write over its slot, which is on the device before anybody is told. After a crash the key is
//!    whole or destroyed, never in between; the next start completes a destruction that was begun.
//! 3. Numbers go on behind the last file, so none is used twice while that file is there. Where it was lost, a cell of a
//!    former key does not open with the new one: it is never a wrong value.
//!
//! Everything here is slow: for the start and the helper pool. Which slot belongs to whom is not known here.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};

use cosmictron_personal::batch::{Expected, place_of};
use cosmictron_personal::{Batch, BatchError, MasterKey, Slot, SlotNumber};

use crate::whole_file;

const DIRECTORY: &str = "personal-keys";
const EXTENSION: &str = "keys";

/// The files of keys of one data directory, and the key that wraps them.
#[derive(Debug)]
pub struct PersonalKeys {
    directory: PathBuf,
    /// The data directory's random number.
    data: u64,
    master: MasterKey,
}

/// Why keys cannot be read, made or destroyed. After a failed destruction the key is whole or destroyed.
#[derive(Debug, thiserror::Error)]
pub enum PersonalKeysError {
    #[error("personal-keys/{file}: {source}")]
    Io { file: String, source: io::Error },
    #[error("personal-keys/{file}: {source}")]
    Batch { file: String, source: BatchError },
    #[error("personal-keys/{file} is missing: restore it from a backup")]
    Missing { file: String },
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

impl PersonalKeys {
    pub fn new(data_directory: &Path, data: u64, master: MasterKey) -> PersonalKeys {
        PersonalKeys { directory: data_directory.join(DIRECTORY), data, master }
    }

    /// All keys, wrapped, in the order of their slots. Completes what a crash kept from being destroyed.
    pub fn load(&self) -> Result<Vec<Batch>, PersonalKeysError> {
        let mut batches = Vec::new();
        for number in 0..self.count()? {
            let batch = self.read(number)?;
            let half: Vec<SlotNumber> = batch.half_destroyed().collect();
            self.destroy(&half)?;
            batches.push(batch);
        }
        Ok(batches)
    }

    /// Makes the batch behind the last one.
    pub fn make(&self) -> Result<Batch, PersonalKeysError> {
        self.make_directory().map_err(|source| io_error(DIRECTORY, source))?;
        let number = self.count()?;
        let bytes = Batch::encode_new(&self.expected(number), getrandom::fill);
        let bytes = bytes.map_err(PersonalKeysError::Random)?;
        let file = file_name(number);
        whole_file::write(&self.directory.join(&file), &bytes)
            .map_err(|source| io_error(&file, source))?;
        self.decode(number, &bytes)
    }

    /// Destroys keys, on the device when this returns. Those that are destroyed already stay so.
    pub fn destroy(&self, slots: &[SlotNumber]) -> Result<(), PersonalKeysError> {
        for slot in slots {
            let (number, offset) = place_of(*slot);
            let name = file_name(number);
            let write = || {
                let file = OpenOptions::new().write(true).open(self.directory.join(&name))?;
                file.write_all_at(&Slot::encode_destroyed(*slot), offset)?;
                file.sync_data()
            };
            write().map_err(|source| io_error(&name, source))?;
        }
        Ok(())
    }

    /// On the device when this returns, where it was missing.
    fn make_directory(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let parent = self.directory.parent().expect("it is in the data directory");
        File::open(parent)?.sync_all()
    }

    fn read(&self, number: u64) -> Result<Batch, PersonalKeysError> {
        let file = file_name(number);
        match fs::read(self.directory.join(&file)) {
            Ok(bytes) => self.decode(number, &bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(PersonalKeysError::Missing { file })
            }
            Err(source) => Err(io_error(&file, source)),
        }
    }

    fn decode(&self, number: u64, bytes: &[u8]) -> Result<Batch, PersonalKeysError> {
        Batch::decode(&self.expected(number), bytes)
            .map_err(|source| PersonalKeysError::Batch { file: file_name(number), source })
    }

    /// One more than the number of the last batch (I3).
    fn count(&self) -> Result<u64, PersonalKeysError> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(source) => return Err(io_error(DIRECTORY, source)),
        };
        let mut count = 0;
        for entry in entries {
            let name = entry.map_err(|source| io_error(DIRECTORY, source))?.file_name();
            if let Some(number) = name.to_str().and_then(number_of) {
                count = count.max(number.saturating_add(1));
            }
        }
        Ok(count)
    }

    fn expected(&self, number: u64) -> Expected<'_> {
        Expected { number, data: self.data, master: &self.master }
    }
}

/// Ten digits, as those of the log's segments.
fn file_name(number: u64) -> String {
    format!("{number:010}.{EXTENSION}")
}

/// The batch that a file is named after. A name of another spelling is nobody's.
fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_suffix(EXTENSION)?.strip_suffix('.')?.parse().ok()?;
    (file_name(number) == name).then_some(number)
}

fn io_error(file: &str, source: io::Error) -> PersonalKeysError {
    PersonalKeysError::Io { file: file.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use cosmictron_personal::SLOTS_PER_BATCH;

    use super::*;

    fn open(directory: &Path, master: u8) -> PersonalKeys {
        PersonalKeys::new(directory, 7, MasterKey::new(&mut [master; 32]))
    }

    fn slot(batches: &[Batch], number: u64) -> Slot {
        let mut slots = batches.iter().flat_map(|batch| &batch.slots);
        *slots.nth(usize::try_from(number).unwrap()).unwrap()
    }

    #[test]
    fn keys_are_found_again_until_they_are_destroyed() {
        let directory = tempfile::tempdir().unwrap();
        let keys = open(directory.path(), 1);
        assert!(keys.load().unwrap().is_empty());
        keys.make().unwrap();
        keys.make().unwrap();
        let before = open(directory.path(), 1).load().unwrap();
        assert_eq!(
            before.iter().map(|batch| batch.slots.len()).sum::<usize>(),
            2 * SLOTS_PER_BATCH
        );
        keys.destroy(&[SlotNumber::new(1025), SlotNumber::new(3)]).unwrap();
        keys.destroy(&[SlotNumber::new(3)]).unwrap();
        let after = open(directory.path(), 1).load().unwrap();
        for number in 0..2048 {
            let expected = match number {
                3 | 1025 => Slot::Destroyed,
                _ => slot(&before, number),
            };
            assert_eq!(slot(&after, number), expected, "{number}");
        }
    }

    #[test]
    fn a_destruction_that_a_crash_interrupted_is_completed_by_the_next_start() {
        let directory = tempfile::tempdir().unwrap();
        let keys = open(directory.path(), 1);
        keys.make().unwrap();
        let path = keys.directory.join(file_name(0));
        let (_, offset) = place_of(SlotNumber::new(3));
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.write_all_at(&Slot::encode_destroyed(SlotNumber::new(3))[..20], offset).unwrap();
        assert_eq!(slot(&keys.load().unwrap(), 3), Slot::HalfDestroyed);
        assert_eq!(slot(&keys.load().unwrap(), 3), Slot::Destroyed);
    }

    #[test]
    fn what_cannot_be_used_is_told_by_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let keys = open(directory.path(), 1);
        keys.make().unwrap();
        keys.make().unwrap();
        let told = |keys: &PersonalKeys| keys.load().unwrap_err().to_string();
        assert_eq!(
            told(&open(directory.path(), 2)),
            "personal-keys/0000000000.keys: its keys were wrapped by another master key: \
             configure the one that it was made with"
        );
        let path = keys.directory.join(file_name(0));
        OpenOptions::new().write(true).open(&path).unwrap().set_len(1000).unwrap();
        assert_eq!(
            told(&keys),
            "personal-keys/0000000000.keys: 1000 bytes instead of 131200: it is cut or damaged, \
             restore it from a backup"
        );
        fs::remove_file(path).unwrap();
        assert_eq!(
            told(&keys),
            "personal-keys/0000000000.keys is missing: restore it from a backup"
        );
        assert_eq!(keys.make().unwrap().number, 2, "no number is used again");
    }
}
