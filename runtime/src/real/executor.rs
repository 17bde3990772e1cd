//! Builds the executor of one shard's thread: io_uring in its fastest form that the kernel grants, else epoll.
//!
//! Containers refuse io_uring by default, and its memory is charged to the user and given back late; so every refusal
//! is survivable, and only "no memory" is worth another try.

use std::future::Future;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use io_uring::{IoUring, Probe, opcode};
use monoio::time::TimeDriver;
use monoio::{IoUringDriver, LegacyDriver, Runtime, RuntimeBuilder};

use super::options::{IoDriver, IoDriverInUse};

/// Submission entries of a shard's ring, the least that monoio takes: 28 KiB, so that 8 MiB of lockable memory hold
/// the rings of 200 shards.
const RING_ENTRIES: u32 = 256;

/// A dead process's rings are given back within 0.2 s.
const NO_MEMORY_RETRY_MAX: Duration = Duration::from_secs(1);
const NO_MEMORY_RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Runs the tasks of one thread. Built on the thread that runs it, and once for the thread's life: dropping it with
/// operations in flight leaks its ring.
pub(crate) enum Executor {
    Uring(Runtime<TimeDriver<IoUringDriver>>, IoDriverInUse),
    Epoll(Runtime<TimeDriver<LegacyDriver>>),
}

impl Executor {
    pub(crate) fn build(wanted: IoDriver) -> io::Result<Self> {
        if wanted == IoDriver::Auto && has_needed_operations() {
            let forms = [
                IoDriverInUse::UringDeferred,
                IoDriverInUse::UringCooperative,
                IoDriverInUse::UringPlain,
            ];
            for form in forms {
                if let Ok(runtime) = retry_without_memory(|| build_uring(form)) {
                    return Ok(Executor::Uring(runtime, form));
                }
            }
        }
        let runtime = RuntimeBuilder::<LegacyDriver>::new().enable_timer().build()?;
        Ok(Executor::Epoll(runtime))
    }

    pub(crate) fn driver(&self) -> IoDriverInUse {
        match self {
            Executor::Uring(_, form) => *form,
            Executor::Epoll(_) => IoDriverInUse::Epoll,
        }
    }

    pub(crate) fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        match self {
            Executor::Uring(runtime, _) => runtime.block_on(future),
            Executor::Epoll(runtime) => runtime.block_on(future),
        }
    }
}

fn build_uring(form: IoDriverInUse) -> io::Result<Runtime<TimeDriver<IoUringDriver>>> {
    let mut flags = IoUring::builder();
    match form {
        IoDriverInUse::UringDeferred => {
            flags.setup_single_issuer().setup_defer_taskrun();
        }
        IoDriverInUse::UringCooperative => {
            flags.setup_single_issuer().setup_coop_taskrun();
        }
        IoDriverInUse::UringPlain | IoDriverInUse::Epoll => {}
    }
    RuntimeBuilder::<IoUringDriver>::new()
        .with_entries(RING_ENTRIES)
        .uring_builder(flags)
        .enable_timer()
        .build()
}

/// Calls `build` until it answers anything but "no memory", for a second at most.
pub(crate) fn retry_without_memory<T>(build: impl Fn() -> io::Result<T>) -> io::Result<T> {
    let start = Instant::now();
    loop {
        match build() {
            Err(error)
                if error.raw_os_error() == Some(libc::ENOMEM)
                    && start.elapsed() < NO_MEMORY_RETRY_MAX =>
            {
                thread::sleep(NO_MEMORY_RETRY_PAUSE);
            }
            answer => return answer,
        }
    }
}

/// Kernels before 5.6 build rings that lack the operations on sockets.
fn has_needed_operations() -> bool {
    let probe = || -> io::Result<Probe> {
        let mut probe = Probe::new();
        let ring = IoUring::new(8)?;
        ring.submitter().register_probe(&mut probe)?;
        Ok(probe)
    };
    let needed = [
        opcode::Accept::CODE,
        opcode::AsyncCancel::CODE,
        opcode::Close::CODE,
        opcode::Read::CODE,
        opcode::Recv::CODE,
        opcode::Send::CODE,
    ];
    retry_without_memory(probe)
        .is_ok_and(|probe| needed.into_iter().all(|op| probe.is_supported(op)))
}
