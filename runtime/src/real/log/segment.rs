//! Makes and removes segment files on one thread for all shards, so that none waits for it.
//!
//! A segment is filled with zeros and synced before it gets its name: a write into blocks that were written before
//! touches no metadata, which halves the time of a durable write, and a name always means a whole segment.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use super::buffer::AlignedBuffer;
use super::directory::{UNFINISHED_SUFFIX, segment_path, sync_directory};
use super::file::reserve;
use super::inbox::{Done, Inbox};
use crate::machine::{DiskError, SEGMENTS_IN_PREPARATION_MAX, SegmentNumber};

/// Zeros are written in pieces of this, so that commits get in between.
const PIECE_BYTES: usize = 256 << 10;

/// The thread that makes and removes segments.
pub(crate) struct SegmentThread {
    jobs: Sender<Job>,
    thread: JoinHandle<()>,
}

/// One shard's way to that thread.
pub(crate) struct SegmentDesk {
    jobs: Sender<Job>,
    place: Place,
    inbox: Arc<Inbox>,
    preparing: usize,
}

/// A shard's directory, and whether it takes direct writes.
#[derive(Clone)]
struct Place {
    directory: Arc<Path>,
    is_direct: bool,
}

enum Job {
    Prepare { place: Place, segment: SegmentNumber, bytes: u64, inbox: Arc<Inbox> },
    Remove { place: Place, segment: SegmentNumber },
    End,
}

impl SegmentThread {
    pub(crate) fn start() -> io::Result<Self> {
        // Bounded by `SEGMENTS_IN_PREPARATION_MAX` for each shard, and by the segments that exist.
        let (jobs, queue) = channel();
        let work = move || work(&queue);
        let thread = thread::Builder::new().name("segments".to_owned()).spawn(work)?;
        Ok(Self { jobs, thread })
    }

    /// A way to this thread for one shard.
    pub(crate) fn desk(&self, directory: &Path, is_direct: bool, inbox: Arc<Inbox>) -> SegmentDesk {
        let place = Place { directory: directory.into(), is_direct };
        SegmentDesk { jobs: self.jobs.clone(), place, inbox, preparing: 0 }
    }

    /// Waits for what was asked for.
    pub(crate) fn close(self) {
        // Either fails only when the thread has panicked, which it has reported.
        let _ = self.jobs.send(Job::End);
        let _ = self.thread.join();
    }
}

impl SegmentDesk {
    pub(crate) fn prepare(&mut self, segment: SegmentNumber, bytes: u64) {
        assert!(
            self.preparing < SEGMENTS_IN_PREPARATION_MAX,
            "{} segments asked for",
            self.preparing
        );
        self.preparing += 1;
        let (place, inbox) = (self.place.clone(), Arc::clone(&self.inbox));
        self.send(Job::Prepare { place, segment, bytes, inbox });
    }

    pub(crate) fn remove(&self, segment: SegmentNumber) {
        self.send(Job::Remove { place: self.place.clone(), segment });
    }

    /// One segment's result has been taken from the inbox.
    pub(crate) fn has_prepared(&mut self) {
        self.preparing -= 1;
    }

    fn send(&self, job: Job) {
        self.jobs.send(job).expect("the thread for segments outlives the shards");
    }
}

fn work(queue: &Receiver<Job>) {
    for job in queue {
        match job {
            Job::Prepare { place, segment, bytes, inbox } => {
                let result = prepare(&place, segment, bytes);
                let result = result.map_err(|error| DiskError::from_io(&error));
                inbox.put(Done::SegmentReady { segment, result });
            }
            Job::Remove { place, segment } => {
                if let Err(error) = remove(&place.directory, segment) {
                    let directory = place.directory.display();
                    tracing::warn!(%error, %directory, %segment, "segment not removed");
                }
            }
            Job::End => return,
        }
    }
}

fn prepare(place: &Place, segment: SegmentNumber, bytes: u64) -> io::Result<()> {
    let path = segment_path(&place.directory, segment);
    if path.try_exists()? {
        return Err(io::Error::from_raw_os_error(libc::EEXIST));
    }
    let unfinished = place.directory.join(format!("{segment}{UNFINISHED_SUFFIX}"));
    let filled = fill(&unfinished, bytes, place.is_direct);
    let result = filled.and_then(|()| fs::rename(&unfinished, &path));
    if result.is_err() {
        // Gives the space back; when even that fails, the next start does it.
        let _ = fs::remove_file(&unfinished);
        return result;
    }
    sync_directory(&place.directory)
}

fn fill(path: &Path, bytes: u64, is_direct: bool) -> io::Result<()> {
    // Direct, so that the zeros don't push other pages out of the cache.
    let flags = if is_direct { libc::O_DIRECT } else { 0 };
    let mut open = OpenOptions::new();
    let file = open.write(true).create(true).truncate(true).custom_flags(flags).open(path)?;
    file.set_len(bytes)?;
    reserve(&file, bytes)?;
    let zeros = AlignedBuffer::new(PIECE_BYTES);
    let mut offset = 0;
    while offset < bytes {
        let piece = (bytes - offset).min(PIECE_BYTES as u64);
        file.write_all_at(&zeros.bytes()[..piece as usize], offset)?;
        offset += piece;
    }
    file.sync_all()
}

fn remove(directory: &Path, segment: SegmentNumber) -> io::Result<()> {
    fs::remove_file(segment_path(directory, segment))?;
    sync_directory(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prepared_segment_is_whole_and_is_never_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let place = Place { directory: root.path().into(), is_direct: true };
        let segment = SegmentNumber::new(3);
        prepare(&place, segment, 3 << 20).unwrap();
        let path = segment_path(root.path(), segment);
        assert_eq!(fs::read(&path).unwrap(), vec![0; 3 << 20]);
        fs::write(&path, b"log").unwrap();
        assert!(prepare(&place, segment, 1 << 20).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"log");
        remove(root.path(), segment).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_failed_preparation_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let place = Place { directory: root.path().into(), is_direct: false };
        let more_than_any_file = 1 << 62;
        prepare(&place, SegmentNumber::new(1), more_than_any_file).unwrap_err();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
