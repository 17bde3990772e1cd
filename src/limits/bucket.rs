//! A bucket of tokens, as one time: when it will be full again.

use std::fmt;
use std::str::FromStr;

use cosmictron_types::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// So many a second or a minute, after a first crowd: `100/s`, `10/m burst 20`, `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Rate {
    /// As many as there are.
    Off,
    Limited {
        /// Tokens that come in a window, at least 1.
        count: u32,
        window: Window,
        /// Tokens that a full bucket has, at least 1.
        burst: u32,
    },
}

/// In which tokens are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    Second,
    Minute,
    Hour,
}

/// A text is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a rate such as 100/s, 10/m burst 20 or off")]
pub struct InvalidRate(String);

/// What one client has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    full_at: Timestamp,
}

impl Bucket {
    /// One that nobody has taken from.
    pub const FULL: Bucket = Bucket { full_at: Timestamp::from_micros(i64::MIN) };

    /// Takes a token, or says how long until there is one.
    pub fn take(&mut self, rate: Rate, now: Timestamp) -> Result<(), Duration> {
        let Rate::Limited { burst, .. } = rate else { return Ok(()) };
        let interval = rate.interval_micros();
        let empty_for = interval.saturating_mul(i64::from(burst));
        let full_at = self.full_at.as_micros().max(now.as_micros()).saturating_add(interval);
        let wait = full_at.saturating_sub(empty_for).saturating_sub(now.as_micros());
        if wait > 0 {
            return Err(Duration::from_micros(wait));
        }
        self.full_at = Timestamp::from_micros(full_at);
        Ok(())
    }

    /// The fuller of two comes first.
    pub fn full_at(&self) -> Timestamp {
        self.full_at
    }
}

impl Rate {
    /// One core's part of it, where `cores` grant it together; the burst is had on each.
    pub fn part(self, cores: u32) -> Rate {
        match self {
            Rate::Off => Rate::Off,
            Rate::Limited { count, window: Window::Second, burst } => {
                // In hours there is something to divide.
                let count = count.saturating_mul(3600).div_ceil(cores.max(1));
                Rate::Limited { count, window: Window::Hour, burst }
            }
            Rate::Limited { count, window: Window::Minute, burst } => {
                let count = count.saturating_mul(60).div_ceil(cores.max(1));
                Rate::Limited { count, window: Window::Hour, burst }
            }
            Rate::Limited { count, window, burst } => {
                Rate::Limited { count: count.div_ceil(cores.max(1)), window, burst }
            }
        }
    }

    /// How many in how many seconds.
    pub fn quota(self) -> (u32, u32) {
        match self {
            Rate::Off => (u32::MAX, 1),
            Rate::Limited { count, window, .. } => (count, window.secs()),
        }
    }

    /// Between two tokens; less than a microsecond counts as one.
    fn interval_micros(self) -> i64 {
        let (count, secs) = self.quota();
        (i64::from(secs) * 1_000_000 / i64::from(count.max(1))).max(1)
    }
}

impl Window {
    fn secs(self) -> u32 {
        match self {
            Window::Second => 1,
            Window::Minute => 60,
            Window::Hour => 3600,
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Window::Second => "s",
            Window::Minute => "m",
            Window::Hour => "h",
        }
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Rate, InvalidRate> {
        let parse = || {
            if text == "off" {
                return Some(Rate::Off);
            }
            let (rate, burst) = match text.split_once(" burst ") {
                Some((rate, burst)) => (rate, Some(burst)),
                None => (text, None),
            };
            let (count, unit) = rate.split_once('/')?;
            let count: u32 = count.parse().ok()?;
            let burst: u32 = burst.map_or(Some(count), |burst| burst.parse().ok())?;
            let windows = [Window::Second, Window::Minute, Window::Hour];
            let window = windows.into_iter().find(|window| window.unit() == unit)?;
            (count > 0 && burst > 0).then_some(Rate::Limited { count, window, burst })
        };
        parse().ok_or_else(|| InvalidRate(text.to_owned()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rate::Off => f.write_str("off"),
            Rate::Limited { count, window, burst } if count == burst => {
                write!(f, "{count}/{}", window.unit())
            }
            Rate::Limited { count, window, burst } => {
                write!(f, "{count}/{} burst {burst}", window.unit())
            }
        }
    }
}

impl TryFrom<String> for Rate {
    type Error = InvalidRate;

    fn try_from(text: String) -> Result<Rate, InvalidRate> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> String {
        rate.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rates_are_read_as_they_are_written() {
        for text in ["off", "100/s", "10/m burst 20", "1/h"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        for text in ["", "0/s", "10/s burst 0", "10", "10/d", "-1/s", "1/s burst", "10/s  burst 2"]
        {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_part_is_granted_by_each_core_and_all_of_it_by_all() {
        let rate: Rate = "10/m burst 5".parse().unwrap();
        assert_eq!(rate.part(4).to_string(), "150/h burst 5");
        assert_eq!("1/s".parse::<Rate>().unwrap().part(64).to_string(), "57/h burst 1");
        assert_eq!(Rate::Off.part(4), Rate::Off);
    }

    proptest! {
        /// Against a bucket that counts its tokens, in intervals.
        #[test]
        fn it_grants_what_a_bucket_that_counts_would(
            count in 1_u32..50,
            burst in 1_u32..20,
            steps in prop::collection::vec(0_i64..3_000_000, 1..200),
        ) {
            let rate = Rate::Limited { count, window: Window::Second, burst };
            let interval = 1_000_000 / i64::from(count);
            let (mut bucket, mut now) = (Bucket::FULL, 1_700_000_000_000_000_i64);
            // Micros' worth of tokens.
            let full = interval * i64::from(burst);
            let (mut held, mut at) = (full, now);
            for step in steps {
                now += step;
                held = full.min(held + (now - at));
                at = now;
                let taken = bucket.take(rate, Timestamp::from_micros(now));
                prop_assert_eq!(taken.is_ok(), held >= interval);
                match taken {
                    Ok(()) => held -= interval,
                    Err(wait) => prop_assert_eq!(wait.as_micros(), interval - held),
                }
            }
        }
    }
}
