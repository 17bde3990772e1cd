//! Writes one shard's log to its segment files, by an io_uring of its own or by a thread, as the kernel allows.
//!
//! Both backends write the same files and report to the same [`Inbox`]; the machine cannot tell them apart. Making and
//! removing segments is the work of one thread for all shards.
//!
//! Reading order: [`directory`] is the log at rest, [`file`] opens segments, [`buffer`] is memory that direct I/O
//! takes, [`inbox`] brings results back, [`ring`] and [`thread`] are the backends, [`segment`] makes and removes files.

pub(crate) mod buffer;
pub(crate) mod directory;
pub(crate) mod file;
pub(crate) mod inbox;
pub(crate) mod rebuild;
pub(crate) mod ring;
pub(crate) mod segment;
pub(crate) mod thread;

use std::io;
use std::path::Path;
use std::sync::Arc;

use buffer::AlignedBuffer;
use inbox::{Done, Inbox};
use ring::RingLog;
use thread::ThreadLog;

use super::cpu::Cpus;
use super::options::{IoDriverInUse, LogBackend, LogBackendInUse};
use crate::machine::{SegmentNumber, WriteId, assert_write};

/// One shard's log while it is written.
pub(crate) struct Log {
    backend: Backend,
    in_flight: usize,
}

enum Backend {
    Ring(Box<RingLog>),
    Thread(ThreadLog),
}

impl Log {
    /// On the shard's own thread: a ring belongs to the thread that has made it.
    pub(crate) fn open(
        directory: &Path,
        is_direct: bool,
        wanted: LogBackend,
        io: IoDriverInUse,
        inbox: Arc<Inbox>,
        cpus: &Cpus,
    ) -> io::Result<Self> {
        let open_ring = || RingLog::open(directory, is_direct, Arc::clone(&inbox));
        let ring = match (wanted, io.is_uring()) {
            (LogBackend::Thread, _) | (LogBackend::Auto, false) => None,
            (LogBackend::Ring, false) => return Err(io::ErrorKind::Unsupported.into()),
            (LogBackend::Auto, true) => open_ring().ok(),
            (LogBackend::Ring, true) => Some(open_ring()?),
        };
        let backend = match ring {
            Some(ring) => Backend::Ring(Box::new(ring)),
            None => Backend::Thread(ThreadLog::open(directory, is_direct, inbox, cpus)?),
        };
        Ok(Self { backend, in_flight: 0 })
    }

    pub(crate) fn backend(&self) -> LogBackendInUse {
        match self.backend {
            Backend::Ring(_) => LogBackendInUse::Ring,
            Backend::Thread(_) => LogBackendInUse::Thread,
        }
    }

    pub(crate) fn write(&mut self, id: WriteId, segment: SegmentNumber, offset: u64, bytes: &[u8]) {
        assert_write(offset, bytes, self.in_flight);
        self.in_flight += 1;
        match &mut self.backend {
            Backend::Ring(ring) => ring.write(id, segment, offset, bytes),
            Backend::Thread(thread) => thread.write(id, segment, offset, bytes),
        }
    }

    /// One write's result has been taken from the inbox, with the buffer it came in.
    pub(crate) fn has_written(&mut self, buffer: Option<AlignedBuffer>) {
        self.in_flight -= 1;
        match (&mut self.backend, buffer) {
            (Backend::Ring(ring), Some(buffer)) => ring.put_back(buffer),
            (Backend::Thread(thread), Some(buffer)) => thread.put_back(buffer),
            (_, None) => {}
        }
    }

    /// Takes what the ring has completed; a thread leaves its results in the inbox.
    pub(crate) fn collect(&mut self, into: &mut Vec<Done>) {
        if let Backend::Ring(ring) = &mut self.backend {
            ring.collect(into);
        }
    }

    /// What to await for the ring's completions.
    pub(crate) fn completion_event(&self) -> Option<io::Result<std::fs::File>> {
        match &self.backend {
            Backend::Ring(ring) => Some(ring.completion_event()),
            Backend::Thread(_) => None,
        }
    }

    /// Lets a task that awaits the completion event look up.
    pub(crate) fn nudge(&self) {
        if let Backend::Ring(ring) = &self.backend {
            ring.nudge();
        }
    }

    /// Pins the memory of the usual writes, once all shards have the memory of their rings.
    pub(crate) fn register_buffers(&mut self) {
        if let Backend::Ring(ring) = &mut self.backend {
            ring.register_buffers();
        }
    }

    /// Waits until nothing is in flight.
    pub(crate) fn close(&mut self) {
        match &mut self.backend {
            Backend::Ring(ring) => ring.close(),
            Backend::Thread(thread) => thread.close(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::thread;

    use super::*;
    use crate::machine::{BLOCK_BYTES, DiskError, DiskFailure};

    const BACKENDS: [LogBackend; 2] = [LogBackend::Ring, LogBackend::Thread];

    fn open(directory: &Path, backend: LogBackend, is_direct: bool) -> (Log, Arc<Inbox>) {
        let inbox = Arc::new(Inbox::default());
        let (io, cpus) = (IoDriverInUse::UringDeferred, Cpus::of_this_process());
        let log = Log::open(directory, is_direct, backend, io, Arc::clone(&inbox), &cpus);
        (log.unwrap(), inbox)
    }

    /// Waits for `count` results, in the order of their writes.
    fn results(log: &mut Log, inbox: &Inbox, count: usize) -> Vec<Result<(), DiskError>> {
        let mut done = Vec::new();
        while done.len() < count {
            inbox.take_all(&mut done);
            log.collect(&mut done);
            thread::yield_now();
        }
        let mut results = Vec::new();
        for done in done {
            if let Done::Written { write, result, buffer } = done {
                log.has_written(buffer);
                results.push((write, result));
            }
        }
        results.sort_by_key(|(write, _)| *write);
        results.into_iter().map(|(_, result)| result).collect()
    }

    #[test]
    fn what_was_reported_as_written_is_in_the_file() {
        for backend in BACKENDS {
            let root = tempfile::tempdir().unwrap();
            let segment = SegmentNumber::new(1);
            let path = directory::segment_path(root.path(), segment);
            let sizes = [1, 2, 40, 3, 300, 1].map(|blocks| blocks * BLOCK_BYTES);
            fs::write(&path, vec![0; sizes.iter().sum()]).unwrap();
            let (mut log, inbox) = open(root.path(), backend, true);
            assert_eq!(log.backend() == LogBackendInUse::Ring, backend == LogBackend::Ring);
            log.register_buffers();
            let (mut offset, mut expected) = (0, Vec::new());
            for (number, size) in (1..).zip(sizes) {
                let bytes = vec![number; size];
                log.write(WriteId::new(number.into()), segment, offset, &bytes);
                offset += size as u64;
                expected.extend(bytes);
            }
            assert_eq!(results(&mut log, &inbox, sizes.len()), [Ok(()); 6], "{backend:?}");
            assert!(fs::read(&path).unwrap() == expected, "{backend:?}");
            log.close();
        }
    }

    #[test]
    fn a_full_device_and_a_missing_segment_are_told_apart() {
        for backend in BACKENDS {
            let root = tempfile::tempdir().unwrap();
            let (full, missing) = (SegmentNumber::new(1), SegmentNumber::new(2));
            symlink("/dev/full", directory::segment_path(root.path(), full)).unwrap();
            let (mut log, inbox) = open(root.path(), backend, false);
            let block = [7; BLOCK_BYTES];
            log.write(WriteId::new(1), full, 0, &block);
            log.write(WriteId::new(2), missing, 0, &block);
            let not_there = DiskError::Failed(DiskFailure::Os(libc::ENOENT));
            let expected = [Err(DiskError::OutOfSpace), Err(not_there)];
            assert_eq!(results(&mut log, &inbox, 2), expected, "{backend:?}");
        }
    }

    #[test]
    #[should_panic(expected = "no whole blocks")]
    fn a_part_of_a_block_is_a_bug() {
        let root = tempfile::tempdir().unwrap();
        let (mut log, _inbox) = open(root.path(), LogBackend::Thread, true);
        log.write(WriteId::new(1), SegmentNumber::new(1), 0, &[0; 100]);
    }
}
