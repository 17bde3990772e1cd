//! Runs machines in one thread, under a seeded scheduler with virtual time, delays and a faulty disk.
//!
//! One seed is one run, event for event: the trace of two runs is the same, and so a failure found by one seed is
//! replayed by it. Between two events nothing happens; a caller asks, steps, crashes and boots in any order it likes.
//!
//! Reading order: `world` schedules, `faults` says what may go wrong, `disk` keeps what survives a crash,
//! `seam` is what a machine acts through, `trace` tells what happened.

mod disk;
mod faults;
mod schedule;
mod seam;
mod trace;
mod world;

pub use faults::{Faults, Span};
pub use world::{BootFailure, RequestId, World};
