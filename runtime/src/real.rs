//! Runs machines for real: one thread a core, fed from sockets, timers, mailboxes and the disk.
//!
//! ```text
//!   main thread      run ── starts, waits, ends all others
//!   shard-0 …        executor: connections' tasks, the machine, our own tasks     pinned
//!   pool-0 …         slow work                                                    unpinned, lower priority
//!   idle-0 …         slow work that may wait                                      unpinned, when nobody else runs
//!   segments         makes and removes segment files
//!   log              one a shard, where the log has no ring of its own
//!   signals          SIGTERM, SIGINT
//!   files            tells when files change, where a program wants to know
//! ```
//!
//! Reading order: `options` says how to run, `start` starts and ends the threads, `seat` is one thread's life. `core` is what one thread
//! holds, `seam` what its machine acts through, `shard` what its tasks hold. `mesh`, `log`, `pool` and
//! `control` are what cores share or do; `listener`, `stream` and `deadline` are the sockets; `file_watch` tells of files; `executor`,
//! `turn`, `bell`, `latch` and `pending` are what tasks are made of.
//!
//! A panic on a shard's thread is a bug that leaves the shard's state in doubt: the process aborts, and the next start
//! recovers from the logs.

mod bell;
mod clock;
mod control;
mod core;
mod cpu;
mod deadline;
mod executor;
mod file_watch;
mod latch;
mod listener;
mod lock;
mod log;
mod mesh;
mod options;
mod pending;
mod pool;
mod process;
mod seam;
mod seat;
mod shard;
mod signal;
mod start;
mod stream;
mod turn;

pub use control::Control;
pub use cpu::default_shards;
pub use file_watch::FileWatch;
pub use listener::{Listening, ReservedAddress};
pub use lock::{DirectoryLock, LockError};
pub use log::directory::{SegmentDirectory, shard_directory};
pub use log::rebuild::LogBuilder;
pub use options::{
    IoDriver, IoDriverInUse, LogBackend, LogBackendInUse, Options, POOL_QUEUE, POOL_THREADS,
    STACK_BYTES,
};
pub use pending::Pending;
pub use pool::{JobPanicked, JobResult, PoolFull};
pub use process::{ProcessFacts, memory_bytes, raise_descriptor_limit};
pub use shard::{Shard, ShardFacts};
pub use start::{RunError, run};
pub use stream::{Deadline, ReadHalf, TcpStream, WriteHalf};
