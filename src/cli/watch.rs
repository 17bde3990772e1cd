//! Notices that a project's source has changed.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

/// Folders that hold no source.
const IGNORED: [&str; 3] = ["target", ".git", ".cosmictron"];
/// Folders that are watched at most.
const FOLDERS_MAX: usize = 1000;
/// An editor writes a file in several steps; the last one counts.
const QUIET: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Remembers changes from its beginning on, so that what is written during a build leads to another.
pub struct Watch {
    inotify: OwnedFd,
    root: PathBuf,
}

impl Watch {
    pub fn begin(root: &Path) -> io::Result<Watch> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let watch = Watch { inotify, root: root.to_owned() };
        watch.add_folders()?;
        Ok(watch)
    }

    /// Blocks until something has changed since the last time, and has been quiet since.
    pub fn wait(&self) -> io::Result<()> {
        let mut has_changed = false;
        loop {
            let quiet = has_changed.then_some(&QUIET);
            if poll(&mut [PollFd::new(&self.inotify, PollFlags::IN)], quiet)? == 0 {
                // Folders that are new; those that are known stay as they are.
                return self.add_folders();
            }
            has_changed |= self.take_changes();
        }
    }

    fn add_folders(&self) -> io::Result<()> {
        let flags = WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO;
        for folder in folders(&self.root)? {
            inotify::add_watch(&self.inotify, &folder, flags)?;
        }
        Ok(())
    }

    /// Takes what has been noticed; whether any of it is about source.
    fn take_changes(&self) -> bool {
        let mut events = [std::mem::MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.inotify, &mut events);
        let mut has_changed = false;
        while let Ok(event) = reader.next() {
            let is_ignored = event.file_name().is_some_and(|name| {
                IGNORED.iter().any(|ignored| name.to_bytes() == ignored.as_bytes())
            });
            has_changed |= !is_ignored;
        }
        has_changed
    }
}

/// The folder and those below it.
fn folders(root: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut at) = (vec![root.to_owned()], 0);
    while at < found.len() && found.len() < FOLDERS_MAX {
        for entry in fs::read_dir(&found[at])? {
            let entry = entry?;
            let is_source = !IGNORED.iter().any(|ignored| entry.file_name() == *ignored);
            if is_source && entry.file_type()?.is_dir() {
                found.push(entry.path());
            }
        }
        at += 1;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_are_not_source() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["src/deep", "target/release", ".git/objects"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let found = folders(root.path()).unwrap();
        let expected = ["", "src", "src/deep"].map(|folder| root.path().join(folder));
        assert_eq!(found, expected);
    }

    #[test]
    fn what_was_written_before_the_wait_ends_it() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("src")).unwrap();
        let watch = Watch::begin(root.path()).unwrap();
        fs::write(root.path().join("src/lib.rs"), "x").unwrap();
        watch.wait().unwrap();
        // A folder that came meanwhile is watched as well.
        fs::create_dir(root.path().join("src/deep")).unwrap();
        watch.wait().unwrap();
        fs::write(root.path().join("src/deep/lib.rs"), "x").unwrap();
        watch.wait().unwrap();
    }

    #[test]
    fn a_build_is_no_change() {
        let root = tempfile::tempdir().unwrap();
        let watch = Watch::begin(root.path()).unwrap();
        for folder in IGNORED {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        assert!(!watch.take_changes());
        fs::write(root.path().join("Cargo.toml"), "x").unwrap();
        assert!(watch.take_changes());
    }
}
