//! Tells when files may have changed, or when SIGHUP asks to look at them: a thread that waits for the kernel's word.
//!
//! The folders of the files are watched, not the files: a renewed one is put in the place of the old one, or a link is
//! led elsewhere, which nothing tells of the old file itself. So it may be told of a change where there was none.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use signal_hook::SigId;
use signal_hook::consts::SIGHUP;
use signal_hook::low_level::{pipe, unregister};

/// A file is renewed in several steps, and its neighbour after it; the last step counts.
const QUIET: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
/// Changes that are gathered before they are told at the latest: a folder may never be quiet.
const GATHERED_MAX: u32 = 100;

/// Watches until it is dropped. One at a time: SIGHUP is its alone.
pub struct FileWatch {
    /// Closing it ends the thread.
    end: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
    hangup: SigId,
}

/// What the thread waits for.
struct Sources {
    inotify: OwnedFd,
    hangup: UnixStream,
    end: UnixStream,
    files: Vec<PathBuf>,
}

impl FileWatch {
    /// Calls `on_change` on a thread of its own, for what has happened since this returned.
    pub fn start(
        files: Vec<PathBuf>,
        mut on_change: impl FnMut() + Send + 'static,
    ) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let (end, end_seen) = UnixStream::pair()?;
        let (hangup_seen, hangup) = UnixStream::pair()?;
        hangup_seen.set_nonblocking(true)?;
        let sources = Sources { inotify, hangup: hangup_seen, end: end_seen, files };
        sources.watch_folders()?;
        let hangup = pipe::register(SIGHUP, hangup)?;
        let thread = thread::Builder::new().name("files".to_owned()).spawn(move || {
            while sources.wait() {
                on_change();
            }
        });
        match thread {
            Ok(thread) => Ok(Self { end: Some(end), thread: Some(thread), hangup }),
            Err(error) => {
                unregister(hangup);
                Err(error)
            }
        }
    }
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        unregister(self.hangup);
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // It only ever returns; a panic in it would have been reported.
            let _ = thread.join();
        }
    }
}

impl Sources {
    /// Watches the folder of each file, and of what it leads to.
    fn watch_folders(&self) -> io::Result<()> {
        let flags = WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ATTRIB;
        for file in &self.files {
            inotify::add_watch(&self.inotify, folder_of(file), flags)?;
            // A link whose end is not there has but its own folder.
            if let Ok(end) = file.canonicalize() {
                inotify::add_watch(&self.inotify, folder_of(&end), flags)?;
            }
        }
        Ok(())
    }

    /// Waits for changes and for the quiet after them; whether there are any, else the watch has ended.
    fn wait(&self) -> bool {
        let mut gathered = 0;
        loop {
            let mut sources = [
                PollFd::new(&self.end, PollFlags::IN),
                PollFd::new(&self.inotify, PollFlags::IN),
                PollFd::new(&self.hangup, PollFlags::IN),
            ];
            let quiet = (gathered > 0).then_some(&QUIET);
            let is_quiet = match poll(&mut sources, quiet) {
                Ok(ready) => ready == 0,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => {
                    tracing::error!(%error, "files are watched no more");
                    return false;
                }
            };
            if !sources[0].revents().is_empty() {
                return false;
            }
            self.take_events();
            gathered += 1;
            if is_quiet || gathered > GATHERED_MAX {
                // Links may lead elsewhere now. A folder that is gone was watched before.
                let _ = self.watch_folders();
                return true;
            }
        }
    }

    /// Takes what has been told; all of it means the same.
    fn take_events(&self) {
        let mut bytes = [std::mem::MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.inotify, &mut bytes);
        while events.next().is_ok() {}
        let mut signals = [0; 64];
        while matches!(io::Read::read(&mut &self.hangup, &mut signals), Ok(1..)) {}
    }
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    fn watch(file: &Path) -> (FileWatch, Receiver<()>) {
        let (changed, changes) = channel();
        let on_change = move || changed.send(()).unwrap();
        (FileWatch::start(vec![file.to_owned()], on_change).unwrap(), changes)
    }

    fn wait(changes: &Receiver<()>) {
        changes.recv_timeout(Duration::from_secs(20)).unwrap();
    }

    /// One test: SIGHUP is the whole process's.
    #[test]
    fn a_file_may_change_in_any_way() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "1").unwrap();
        let (watching, changes) = watch(&at("file"));
        fs::write(at("file"), "2").unwrap();
        wait(&changes);
        fs::write(at("new"), "3").unwrap();
        fs::rename(at("new"), at("file")).unwrap();
        wait(&changes);
        kill_process(getpid(), Signal::HUP).unwrap();
        wait(&changes);
        drop(watching);

        // As secrets are mounted: the file is led to through a folder that is exchanged as a whole.
        fs::create_dir_all(at("v1")).unwrap();
        fs::write(at("v1/file"), "1").unwrap();
        symlink("v1", at("now")).unwrap();
        symlink("now/file", at("link")).unwrap();
        let (_watching, changes) = watch(&at("link"));
        fs::create_dir_all(at("v2")).unwrap();
        fs::write(at("v2/file"), "2").unwrap();
        symlink("v2", at("next")).unwrap();
        fs::rename(at("next"), at("now")).unwrap();
        wait(&changes);
        // What it leads to now is watched as well.
        fs::write(at("v2/file"), "3").unwrap();
        wait(&changes);
    }
}
