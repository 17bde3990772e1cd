//! Writes a shard's log through an io_uring of its own, whose eventfd the shard's executor awaits.
//!
//! A write is submitted at once, not when the executor next sleeps, and a sync of the file's data is linked to it: the
//! write goes past the page cache, the sync past the device's. Both complete; when the write fails or is short, the
//! kernel cancels the sync. (One synchronous write, `O_DSYNC`, needs only one completion, but two of the kernel's
//! workers have to run for it one after the other: on a busy machine that took 6 to 8 ms where this takes 0.13 ms.)
//!
//! Invariants:
//! 1. The memory and the file of a write in flight belong to its entry in `in_flight`, which goes only with the last of
//!    its two completions: whatever else is dropped, the kernel never reads memory that was given back.
//! 2. Every entry's result is reported once: with its last completion, or when it could not be submitted.
//! 3. The ring is dropped with nothing in flight.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use io_uring::{IoUring, opcode, squeue, types};
use rustix::event::{EventfdFlags, eventfd};
use slab::Slab;

use super::super::executor::retry_without_memory;
use super::buffer::{AlignedBuffer, BufferShelf};
use super::file::SegmentFiles;
use super::inbox::{Done, Inbox};
use crate::machine::{DiskError, DiskFailure, SegmentNumber, WRITES_IN_FLIGHT_MAX, WriteId};

/// Submission entries: 8 KiB of lockable memory.
const RING_ENTRIES: u32 = 64;
// Two entries a write; one that could not be submitted keeps its place, and those behind it find room.
const _: () = assert!(4 * WRITES_IN_FLIGHT_MAX <= RING_ENTRIES as usize);

/// Buffers whose pages stay pinned. Half a MiB a shard, so that 8 MiB of lockable memory hold those of 12 shards.
const REGISTERED_BUFFERS: usize = 4;
const REGISTERED_BYTES: usize = 128 << 10;

/// Tries to hand a write to a kernel that is short of memory, before it counts as failed.
const SUBMIT_TRIES: usize = 100;

/// The shard's ring.
pub(crate) struct RingLog {
    ring: IoUring,
    event: Arc<OwnedFd>,
    files: SegmentFiles,
    inbox: Arc<Inbox>,
    in_flight: Slab<InFlight>,
    registered: Registered,
    shelf: BufferShelf,
}

/// Pinned buffers, by their place in the kernel's table. Empty when it was not granted.
#[derive(Default)]
struct Registered {
    free: Vec<(u16, AlignedBuffer)>,
}

struct InFlight {
    write: WriteId,
    bytes: usize,
    memory: Memory,
    /// Kept open for the kernel.
    _file: Arc<File>,
    is_reported: bool,
    completions: u8,
    result: Result<(), DiskError>,
}

/// What completes. With the write's key it makes the kernel's token for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Write,
    Sync,
}

enum Memory {
    Registered(u16, AlignedBuffer),
    Unpinned(AlignedBuffer),
}

impl RingLog {
    pub(crate) fn open(directory: &Path, is_direct: bool, inbox: Arc<Inbox>) -> io::Result<Self> {
        let ring = retry_without_memory(build_ring)?;
        let event = eventfd(0, EventfdFlags::CLOEXEC)?;
        ring.submitter().register_eventfd(event.as_raw_fd())?;
        Ok(Self {
            ring,
            event: Arc::new(event),
            files: SegmentFiles::new(directory, is_direct),
            inbox,
            in_flight: Slab::with_capacity(WRITES_IN_FLIGHT_MAX),
            registered: Registered::default(),
            shelf: BufferShelf::default(),
        })
    }

    /// Pins the usual writes' memory. Without the right to lock so much, writes do without.
    pub(crate) fn register_buffers(&mut self) {
        let mut buffers: Vec<_> =
            (0..REGISTERED_BUFFERS).map(|_| AlignedBuffer::new(REGISTERED_BYTES)).collect();
        let areas: Vec<_> = buffers.iter_mut().map(area_of).collect();
        // SAFETY: the areas are the whole of buffers that live in `self.registered` or `self.in_flight` until `self` is
        // dropped, and `ring`, the first field, is dropped before both.
        match unsafe { self.ring.submitter().register_buffers(&areas) } {
            Ok(()) => self.registered.free = (0..).zip(buffers).collect(),
            Err(error) => tracing::debug!(%error, "the log's buffers are not pinned"),
        }
    }

    /// What becomes readable when writes complete.
    pub(crate) fn completion_event(&self) -> io::Result<File> {
        Ok(File::from(self.event.try_clone()?))
    }

    /// Makes the completion event readable without a completion.
    pub(crate) fn nudge(&self) {
        // Adds a number other than 0 to the count, which is all it takes; fails only when the count is full.
        let _ = rustix::io::write(&self.event, &[1; size_of::<u64>()]);
    }

    pub(crate) fn write(&mut self, id: WriteId, segment: SegmentNumber, offset: u64, bytes: &[u8]) {
        let file = match self.files.of(segment) {
            Ok(file) => file,
            Err(error) => return self.report_failure(id, error),
        };
        let descriptor = types::Fd(file.as_raw_fd());
        let memory = self.place(bytes);
        let write = memory.write_of(descriptor, offset, bytes.len());
        let sync = opcode::Fsync::new(descriptor).flags(types::FsyncFlags::DATASYNC).build();
        let key = self.in_flight.insert(InFlight {
            write: id,
            bytes: bytes.len(),
            memory,
            _file: file,
            is_reported: false,
            completions: 0,
            result: Ok(()),
        });
        let write = write.flags(squeue::Flags::IO_LINK).user_data(Step::Write.token(key));
        let sync = sync.user_data(Step::Sync.token(key));
        if let Err(error) = self.submit(&[write, sync]) {
            self.in_flight[key].is_reported = true;
            self.report_failure(id, DiskError::from_io(&error));
        }
    }

    /// Takes the results of all writes that have completed.
    pub(crate) fn collect(&mut self, into: &mut Vec<Done>) {
        loop {
            let Some(completion) = self.ring.completion().next() else { return };
            let (step, key) = Step::of_token(completion.user_data());
            let write = &mut self.in_flight[key];
            write.complete(step, completion.result());
            if write.completions == STEPS {
                self.finish(key, into);
            }
        }
    }

    fn finish(&mut self, key: usize, into: &mut Vec<Done>) {
        let InFlight { write, memory, is_reported, result, .. } = self.in_flight.remove(key);
        let buffer = match memory {
            Memory::Registered(place, buffer) => {
                self.registered.free.push((place, buffer));
                None
            }
            Memory::Unpinned(buffer) => Some(buffer),
        };
        if is_reported {
            buffer.into_iter().for_each(|buffer| self.shelf.put_back(buffer));
        } else {
            into.push(Done::Written { write, result, buffer });
        }
    }

    pub(crate) fn put_back(&mut self, buffer: AlignedBuffer) {
        self.shelf.put_back(buffer);
    }

    /// Waits until nothing is in flight (I3).
    pub(crate) fn close(&mut self) {
        let mut unread = Vec::new();
        while !self.in_flight.is_empty() {
            match self.ring.submit_and_wait(1) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    // The kernel may still read the memory of these writes, so it is never given back (I1).
                    tracing::error!(%error, "the log's last writes can't be awaited");
                    std::process::abort();
                }
                _ => self.collect(&mut unread),
            }
        }
    }

    fn place(&mut self, bytes: &[u8]) -> Memory {
        if bytes.len() <= REGISTERED_BYTES
            && let Some((place, mut buffer)) = self.registered.free.pop()
        {
            buffer.fill(bytes);
            return Memory::Registered(place, buffer);
        }
        Memory::Unpinned(self.shelf.take(bytes))
    }

    fn submit(&mut self, steps: &[squeue::Entry]) -> io::Result<()> {
        // SAFETY: the steps' memory and file are in `in_flight`, and stay there until both have completed (I1).
        let pushed = unsafe { self.ring.submission().push_multiple(steps) };
        pushed.expect("the queue holds the steps of more writes than a machine may have in flight");
        let mut tries = 0;
        loop {
            tries += 1;
            match self.ring.submit() {
                // A kernel short of memory may take the write and leave the sync, which is then not linked to it.
                Ok(_) if !self.ring.submission().is_empty() => {
                    return Err(io::Error::from_raw_os_error(libc::EAGAIN));
                }
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_short(&error) && tries < SUBMIT_TRIES => thread::yield_now(),
                Err(error) => return Err(error),
            }
        }
    }

    fn report_failure(&self, write: WriteId, error: DiskError) {
        self.inbox.put(Done::Written { write, result: Err(error), buffer: None });
    }
}

impl Drop for RingLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl Memory {
    fn write_of(&self, file: types::Fd, offset: u64, bytes: usize) -> squeue::Entry {
        let length = u32::try_from(bytes).expect("at most WRITE_BYTES_MAX");
        match self {
            Memory::Registered(place, buffer) => {
                opcode::WriteFixed::new(file, buffer.as_ptr(), length, *place)
                    .offset(offset)
                    .build()
            }
            Memory::Unpinned(buffer) => {
                opcode::Write::new(file, buffer.as_ptr(), length).offset(offset).build()
            }
        }
    }
}

/// Completions of one write.
const STEPS: u8 = 2;

impl Step {
    fn token(self, key: usize) -> u64 {
        (key as u64) << 1 | u64::from(self == Step::Sync)
    }

    fn of_token(token: u64) -> (Step, usize) {
        let step = if token & 1 == 0 { Step::Write } else { Step::Sync };
        (step, usize::try_from(token >> 1).expect("it was made from a usize"))
    }
}

impl InFlight {
    /// Keeps the first failure: a sync that was cancelled says less than why.
    fn complete(&mut self, step: Step, returned: i32) {
        let bytes = if step == Step::Write { self.bytes } else { 0 };
        let result = result_of(returned, bytes);
        self.completions += 1;
        self.result = match (step, self.result) {
            (Step::Write, Err(_)) if result.is_err() => result,
            (_, earlier) => earlier.and(result),
        };
    }
}

fn build_ring() -> io::Result<IoUring> {
    // Not with deferred task running: its completions show only to someone who enters this very ring.
    let cooperative =
        || IoUring::builder().setup_single_issuer().setup_coop_taskrun().build(RING_ENTRIES);
    match cooperative() {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => IoUring::new(RING_ENTRIES),
        ring => ring,
    }
}

fn area_of(buffer: &mut AlignedBuffer) -> libc::iovec {
    libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.capacity() }
}

fn is_short(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EBUSY))
}

fn result_of(returned: i32, bytes: usize) -> Result<(), DiskError> {
    match usize::try_from(returned) {
        Ok(written) if written == bytes => Ok(()),
        Ok(written) => Err(DiskFailure::ShortWrite { written, bytes }.into()),
        Err(_) => Err(DiskError::from_io(&io::Error::from_raw_os_error(-returned))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_sync_says_why_whichever_completes_first() {
        let steps = [(Step::Write, 512), (Step::Sync, -libc::ECANCELED)];
        let short = DiskFailure::ShortWrite { written: 512, bytes: 4096 };
        for order in [[0, 1], [1, 0]] {
            let mut write = write_in_flight();
            order.into_iter().for_each(|step| write.complete(steps[step].0, steps[step].1));
            assert_eq!((write.completions, write.result), (STEPS, Err(short.into())));
        }
    }

    #[test]
    fn a_failed_sync_is_a_failed_write() {
        let mut write = write_in_flight();
        write.complete(Step::Write, 4096);
        write.complete(Step::Sync, -libc::EIO);
        assert_eq!(write.result, Err(DiskFailure::Os(libc::EIO).into()));
    }

    fn write_in_flight() -> InFlight {
        let file = Arc::new(File::open("/dev/null").unwrap());
        let memory = Memory::Unpinned(AlignedBuffer::new(4096));
        let write = WriteId::new(1);
        let (completions, result) = (0, Ok(()));
        InFlight {
            write,
            bytes: 4096,
            memory,
            _file: file,
            is_reported: false,
            completions,
            result,
        }
    }

    #[test]
    fn anything_but_a_whole_write_is_a_failure() {
        assert_eq!(result_of(4096, 4096), Ok(()));
        let short = DiskFailure::ShortWrite { written: 512, bytes: 4096 };
        assert_eq!(result_of(512, 4096), Err(short.into()));
        assert_eq!(result_of(-libc::ENOSPC, 4096), Err(DiskError::OutOfSpace));
        assert_eq!(result_of(-libc::EIO, 4096), Err(DiskFailure::Os(libc::EIO).into()));
    }
}
