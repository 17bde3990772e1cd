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
use crate::machine::{BLOCK_BYTES, SegmentNumber, WRITE_BYTES_MAX, WRITES_IN_FLIGHT_MAX, WriteId};

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
        assert_write(offset, bytes);
        assert!(self.in_flight < WRITES_IN_FLIGHT_MAX, "{} writes are in flight", self.in_flight);
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

/// What [`crate::Seam::write`] demands of its caller.
pub(crate) fn assert_write(offset: u64, bytes: &[u8]) {
    assert!(offset.is_multiple_of(BLOCK_BYTES as u64), "a write at {offset} is not aligned");
    assert!(bytes.len().is_multiple_of(BLOCK_BYTES), "{} bytes are no whole blocks", bytes.len());
    assert!((1..=WRITE_BYTES_MAX).contains(&bytes.len()), "a write of {} bytes", bytes.len());
}
