//! Writes a shard's log from a thread, for where io_uring is refused: all that waits is written, then synced once.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use super::super::cpu::Cpus;
use super::buffer::{AlignedBuffer, BufferShelf};
use super::file::SegmentFiles;
use super::inbox::{Done, Inbox};
use crate::machine::{DiskError, SegmentNumber, WRITES_IN_FLIGHT_MAX, WriteId};

/// The shard's side of the log's thread.
pub(crate) struct ThreadLog {
    files: SegmentFiles,
    shelf: BufferShelf,
    inbox: Arc<Inbox>,
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

struct Job {
    write: WriteId,
    file: Arc<File>,
    offset: u64,
    bytes: usize,
    buffer: AlignedBuffer,
}

impl ThreadLog {
    pub(crate) fn open(
        directory: &Path,
        is_direct: bool,
        inbox: Arc<Inbox>,
        cpus: &Cpus,
    ) -> io::Result<Self> {
        let files = SegmentFiles::new(directory, is_direct);
        // Bounded by the writes that a machine may have in flight.
        let (jobs, queue) = channel();
        let (results, cpus) = (Arc::clone(&inbox), cpus.clone());
        let work = move || {
            // It has inherited the shard's processor, on which it would wait for the shard. Not vital.
            let _ = cpus.unpin_this_thread();
            work(&queue, &results);
        };
        let thread = thread::Builder::new().name("log".to_owned()).spawn(work)?;
        let shelf = BufferShelf::default();
        Ok(Self { files, shelf, inbox, jobs: Some(jobs), thread: Some(thread) })
    }

    pub(crate) fn write(&mut self, id: WriteId, segment: SegmentNumber, offset: u64, bytes: &[u8]) {
        let file = match self.files.of(segment) {
            Ok(file) => file,
            Err(error) => {
                self.inbox.put(Done::Written { write: id, result: Err(error), buffer: None });
                return;
            }
        };
        let buffer = self.shelf.take(bytes);
        let job = Job { write: id, file, offset, bytes: bytes.len(), buffer };
        let jobs = self.jobs.as_ref().expect("no write comes after close");
        jobs.send(job).expect("the log's thread runs until close");
    }

    pub(crate) fn put_back(&mut self, buffer: AlignedBuffer) {
        self.shelf.put_back(buffer);
    }

    pub(crate) fn close(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it has been reported.
            let _ = thread.join();
        }
    }
}

/// Until the shard hangs up.
fn work(queue: &Receiver<Job>, inbox: &Inbox) {
    let mut jobs = Vec::with_capacity(WRITES_IN_FLIGHT_MAX);
    while let Ok(first) = queue.recv() {
        jobs.push(first);
        jobs.extend(queue.try_iter().take(WRITES_IN_FLIGHT_MAX - 1));
        write_and_sync(&mut jobs, inbox);
    }
}

/// Writes all jobs and syncs each file once, after its last write.
fn write_and_sync(jobs: &mut Vec<Job>, inbox: &Inbox) {
    let write = |job: &Job| job.file.write_all_at(&job.buffer.bytes()[..job.bytes], job.offset);
    let written: Vec<io::Result<()>> = jobs.iter().map(write).collect();
    let mut synced: Vec<(Arc<File>, Result<(), DiskError>)> = Vec::new();
    for (job, written) in jobs.drain(..).zip(written) {
        let earlier = synced.iter().find(|(file, _)| Arc::ptr_eq(file, &job.file));
        let sync = match earlier {
            Some((_, result)) => *result,
            None => {
                let result = job.file.sync_data().map_err(|error| DiskError::from_io(&error));
                synced.push((Arc::clone(&job.file), result));
                result
            }
        };
        let result = written.map_err(|error| DiskError::from_io(&error)).and(sync);
        inbox.put(Done::Written { write: job.write, result, buffer: Some(job.buffer) });
    }
}
