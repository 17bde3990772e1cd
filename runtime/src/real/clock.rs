//! Reads the wall clock so that it never goes back on one core.
//!
//! When the machine's clock is set back, ours does not stand still (timers would starve until the old time comes
//! round) but goes on at half speed until the machine's has caught up. A step forward is followed at once.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

use cosmictron_types::Timestamp;

/// One core's wall clock.
pub(crate) struct WallClock {
    last: Cell<i64>,
    behind: Cell<Option<Behind>>,
}

/// The machine's clock was set back; ours counts on from `micros` at half the speed of `since`.
#[derive(Clone, Copy)]
struct Behind {
    since: Instant,
    micros: i64,
}

impl WallClock {
    pub(crate) fn new() -> Self {
        Self { last: Cell::new(i64::MIN), behind: Cell::new(None) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.read(micros_since_epoch(SystemTime::now()), Instant::now)
    }

    fn read(&self, wall: i64, monotonic: impl FnOnce() -> Instant) -> Timestamp {
        let last = self.last.get();
        let now = if last <= wall {
            self.behind.set(None);
            wall
        } else {
            last.max(self.half_speed(last, monotonic()))
        };
        self.last.set(now);
        Timestamp::from_micros(now)
    }

    fn half_speed(&self, last: i64, monotonic: Instant) -> i64 {
        let behind = self.behind.get().unwrap_or(Behind { since: monotonic, micros: last });
        self.behind.set(Some(behind));
        let passed = monotonic.saturating_duration_since(behind.since) / 2;
        behind.micros.saturating_add(i64::try_from(passed.as_micros()).unwrap_or(i64::MAX))
    }
}

fn micros_since_epoch(time: SystemTime) -> i64 {
    let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => micros(after),
        Err(before) => -micros(before.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_goes_on_at_half_speed_until_it_is_caught_up() {
        let clock = WallClock::new();
        let start = Instant::now();
        let read = |wall, passed_micros| {
            let monotonic = start + Duration::from_micros(passed_micros);
            clock.read(wall, || monotonic).as_micros()
        };
        assert_eq!(read(1_000, 0), 1_000);
        assert_eq!(read(900, 10), 1_000, "set back by 100");
        assert_eq!(read(940, 50), 1_020);
        assert_eq!(read(990, 100), 1_045);
        assert_eq!(read(1_100, 210), 1_100, "caught up");
        assert_eq!(read(5_000, 220), 5_000, "a step forward is followed");
    }
}
