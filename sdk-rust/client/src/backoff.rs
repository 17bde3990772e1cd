//! How long a client waits before it connects again.

use std::time::Duration;

/// Waits of full jitter: any time up to a bound that doubles with each attempt, so that clients that have lost one server do not
/// come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The bound of the first wait.
    pub first: Duration,
    /// What the bound grows to.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff { first: Duration::from_millis(250), longest: Duration::from_secs(15) }
    }
}

impl Backoff {
    /// The wait after the `attempt`th failure, from 1, for a random number.
    pub(crate) fn wait(&self, attempt: u32, random: u64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        let bound = self.first.saturating_mul(1 << doublings).min(self.longest);
        let bound = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        // The upper half of the product: even, without a division.
        let scaled = (u128::from(bound) * u128::from(random)) >> 64;
        Duration::from_micros(u64::try_from(scaled).unwrap_or(bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_any_time_up_to_a_bound_that_doubles() {
        let backoff = Backoff::default();
        let longest = |attempt| backoff.wait(attempt, u64::MAX).as_millis();
        assert_eq!([1, 2, 3, 7, 99].map(longest), [249, 499, 999, 14_999, 14_999]);
        assert_eq!(backoff.wait(5, 0), Duration::ZERO);
        assert_eq!(backoff.wait(1, u64::MAX / 2).as_millis(), 124);
    }
}
