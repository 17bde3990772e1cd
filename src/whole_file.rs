//! Writes a file as a whole: whatever happens meanwhile, it is as before or as now, and never in between.
//!
//! The bytes go to a file beside it first, `<name>.unfinished`, which nobody reads; once they are on the device, it gets
//! the name. What a crash leaves of it is replaced by the next write.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const UNFINISHED: &str = "unfinished";

/// Makes or replaces a file, on the device when this returns. Readable by its owner alone. After an error it may be as
/// now already, but then it may not have been on the device.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_added_extension(UNFINISHED);
    let written = fill(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // Gives the space back. It would do no harm either.
        let _ = fs::remove_file(&unfinished);
        return written;
    }
    let directory = path.parent().expect("a file is in a directory");
    File::open(directory)?.sync_all()
}

fn fill(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cosmictron.json");
        fs::write(path.with_added_extension(UNFINISHED), "of a crash, and longer").unwrap();
        for text in ["one", "another"] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("name");
        fs::create_dir(&path).unwrap();
        write(&path, b"in the place of a directory").unwrap_err();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
