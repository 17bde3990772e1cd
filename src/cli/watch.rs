//! Waits until a project's source has changed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

/// Folders that hold no source.
const IGNORED: [&str; 3] = ["target", ".git", ".cosmictron"];
/// Folders that are watched at most.
const FOLDERS_MAX: usize = 1000;
/// An editor writes a file in several steps; the last one counts.
const QUIET: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Blocks until something in `folder` has changed and has been quiet since.
pub fn wait_for_change(folder: &Path) -> io::Result<()> {
    let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    let flags = WatchFlags::CLOSE_WRITE
        | WatchFlags::CREATE
        | WatchFlags::DELETE
        | WatchFlags::MOVED_FROM
        | WatchFlags::MOVED_TO;
    for folder in folders(folder)? {
        inotify::add_watch(&watch, &folder, flags)?;
    }
    let mut events = [std::mem::MaybeUninit::uninit(); 4096];
    let mut has_changed = false;
    loop {
        let quiet = has_changed.then_some(&QUIET);
        if poll(&mut [PollFd::new(&watch, PollFlags::IN)], quiet)? == 0 {
            return Ok(());
        }
        has_changed = true;
        // Which files it were does not matter.
        let mut reader = inotify::Reader::new(&watch, &mut events);
        while reader.next().is_ok() {}
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
    fn a_written_file_ends_the_wait() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().to_owned();
        let waiting = std::thread::spawn(move || wait_for_change(&folder));
        // Written again and again until the watch, which begins at some moment, has seen it.
        while !waiting.is_finished() {
            fs::write(root.path().join("lib.rs"), "x").unwrap();
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        waiting.join().unwrap().unwrap();
    }
}
