//! Says how the real driver shall run, and what it found to run on.

use std::fmt;
use std::path::PathBuf;

use cosmictron_types::ShardCount;

/// How to run. `Options::new` gives what a server wants.
#[derive(Clone, Debug)]
pub struct Options {
    /// `None`: one shard for each processor that this process may use.
    pub shards: Option<ShardCount>,
    /// The directory in which each shard has its own for its log.
    pub log_directory: PathBuf,
    /// What carries sockets, timers and tasks.
    pub io: IoDriver,
    /// What carries the log's writes.
    pub log_backend: LogBackend,
    /// Whether each shard's thread stays on one processor, where the machine lets us choose.
    pub pin: bool,
    /// Whether SIGTERM and SIGINT begin the shutdown. A second one ends it at once.
    pub signals: bool,
    /// Threads for slow work, at least 1.
    pub pool_threads: usize,
    /// Jobs that may wait for such a thread; more are refused.
    pub pool_queue: usize,
    /// The stack of a shard's thread. Guests and the planner of queries run on it.
    pub stack_bytes: usize,
}

/// Guests may use 512 KiB, the planner recurses; the rest is room that costs nothing until it is touched.
pub const STACK_BYTES: usize = 16 << 20;

/// Two hashes of passwords or one compilation and one directory listing side by side.
pub const POOL_THREADS: usize = 2;

/// At 20 ms for a password's hash, the last in a full queue waits 640 ms behind two threads.
pub const POOL_QUEUE: usize = 64;

impl Options {
    /// A server's options, with its logs in `log_directory`.
    pub fn new(log_directory: impl Into<PathBuf>) -> Self {
        Self {
            shards: None,
            log_directory: log_directory.into(),
            io: IoDriver::Auto,
            log_backend: LogBackend::Auto,
            pin: true,
            signals: true,
            pool_threads: POOL_THREADS,
            pool_queue: POOL_QUEUE,
            stack_bytes: STACK_BYTES,
        }
    }
}

/// What shall carry sockets, timers and tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoDriver {
    /// io_uring in its fastest form that the kernel grants, else epoll.
    Auto,
    /// Epoll, whatever the kernel grants.
    Epoll,
}

/// What shall carry the log's writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogBackend {
    /// An io_uring of the log's own where the sockets have one, too; else a thread.
    Auto,
    /// An io_uring of the log's own; it is an error where there can't be one.
    Ring,
    /// A thread that writes and syncs.
    Thread,
}

/// What carries sockets, timers and tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IoDriverInUse {
    /// io_uring that runs completions when we wait (Linux 6.1).
    UringDeferred,
    /// io_uring that doesn't interrupt us for completions (Linux 5.19).
    UringCooperative,
    /// io_uring with its default flags.
    UringPlain,
    /// Epoll.
    Epoll,
}

impl IoDriverInUse {
    /// Whether an eventfd can be awaited on it.
    pub fn is_uring(self) -> bool {
        self != IoDriverInUse::Epoll
    }
}

impl fmt::Display for IoDriverInUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IoDriverInUse::UringDeferred => "io_uring (deferred task running)",
            IoDriverInUse::UringCooperative => "io_uring (cooperative task running)",
            IoDriverInUse::UringPlain => "io_uring (default flags)",
            IoDriverInUse::Epoll => "epoll",
        })
    }
}

/// What carries the log's writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogBackendInUse {
    /// An io_uring of the log's own.
    Ring,
    /// A thread that writes and syncs.
    Thread,
}

impl fmt::Display for LogBackendInUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LogBackendInUse::Ring => "io_uring",
            LogBackendInUse::Thread => "thread",
        })
    }
}
