//! Runs shards: one state machine a core, fed from sockets, timers, mailboxes and log files, real or simulated.
//!
//! A shard's logic knows nothing of threads, files or clocks. It is a [`Machine`], and all it does to the world goes
//! through a [`Seam`], of which there are two: [`real`] puts the machine on a pinned thread with io_uring, [`sim`] puts
//! all machines into one thread under a seeded scheduler with virtual time and a faulty disk. This is the only crate
//! that holds `unsafe` code, locks or clocks.
//!
//! Reading order: [`machine`] is the interface, [`boot`] what a machine starts from, then either driver.

pub mod boot;
pub mod machine;
mod random;
pub mod real;
pub mod sim;

pub use boot::{Boot, Counters, LogDirectory, LogSink, Recovery, SegmentExtent};
pub use machine::{
    BLOCK_BYTES, DiskError, DiskFailure, Event, MAILBOX_SLOTS, Machine, OVERFLOW_MAX,
    SEGMENTS_IN_PREPARATION_MAX, Seam, SegmentNumber, Ticket, WRITE_BYTES_MAX,
    WRITES_IN_FLIGHT_MAX, WriteId,
};
