//! Says what may go wrong in a simulated world, and how often.

use cosmictron_types::Duration;

use crate::random::Random;

/// A range of durations, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// At least.
    pub min: Duration,
    /// At most.
    pub max: Duration,
}

/// What may go wrong. Chances are in a million.
#[derive(Clone, Debug)]
pub struct Faults {
    /// From one shard's sending to the other's receiving. Messages of a pair stay in order.
    pub message_delay: Span,
    /// From a client's asking to the machine's hearing of it.
    pub request_delay: Span,
    /// From a write to its result. Writes overtake each other.
    pub write_delay: Span,
    /// From asking for a segment, or for its removal, to having it.
    pub segment_delay: Span,
    /// How late a tick may be.
    pub tick_late: Span,
    /// How far a shard's clock may be ahead of the world's.
    pub clock_skew: Span,
    /// A write fails; any of its sectors may be on the disk.
    pub write_fails: u32,
    /// A write is short: only its first sectors are on the disk.
    pub write_is_short: u32,
    /// A write finds the disk full.
    pub write_finds_disk_full: u32,
    /// A segment can't be made.
    pub segment_fails: u32,
    /// A segment can't be read at boot.
    pub read_fails: u32,
    /// A write in flight at a crash has a bit flipped in what reaches the disk.
    pub flip_at_crash: u32,
    /// What all segments of one shard may take.
    pub disk_bytes: u64,
}

impl Span {
    /// From `min` to `max` microseconds.
    pub const fn micros(min: i64, max: i64) -> Self {
        Self { min: Duration::from_micros(min), max: Duration::from_micros(max) }
    }

    pub(crate) fn draw(&self, random: &mut Random) -> Duration {
        let width = (self.max - self.min).as_micros().max(0).unsigned_abs();
        let beyond = i64::try_from(random.below(width + 1)).expect("it came from an i64");
        self.min + Duration::from_micros(beyond)
    }
}

impl Faults {
    /// Nothing fails, and everything takes about what it takes for real.
    pub fn none() -> Self {
        Self {
            message_delay: Span::micros(1, 50),
            request_delay: Span::micros(0, 50),
            write_delay: Span::micros(100, 300),
            segment_delay: Span::micros(1_000, 100_000),
            tick_late: Span::micros(0, 1_000),
            clock_skew: Span::micros(0, 0),
            write_fails: 0,
            write_is_short: 0,
            write_finds_disk_full: 0,
            segment_fails: 0,
            read_fails: 0,
            flip_at_crash: 0,
            disk_bytes: u64::MAX,
        }
    }

    /// Everything is slow at times, clocks differ, and what was in flight at a crash is damaged; what was
    /// acknowledged is not, and nothing else fails.
    pub fn rough() -> Self {
        Self {
            message_delay: Span::micros(1, 5_000),
            request_delay: Span::micros(0, 5_000),
            write_delay: Span::micros(50, 20_000),
            clock_skew: Span::micros(0, 1_000_000),
            flip_at_crash: 200_000,
            ..Self::none()
        }
    }
}
