//! Runs shards: one state machine a core, fed from sockets, timers, mailboxes and log files, real or simulated.

pub mod boot;
pub mod machine;
mod random;
pub mod real;

pub use boot::{Boot, Counters, LogDirectory, SegmentExtent};
pub use machine::{
    BLOCK_BYTES, DiskError, DiskFailure, Event, MAILBOX_SLOTS, Machine, Seam, SegmentNumber,
    Ticket, WRITE_BYTES_MAX, WRITES_IN_FLIGHT_MAX, WriteId,
};
