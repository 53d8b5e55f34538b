//! Waits between tries that fail: doubled each time, and spread by chance over many sites.

use std::time::{Duration, Instant};

use causeway_shared::runtime::chance;

/// About how long to wait after a first failure.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

/// When something that failed may be tried again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    /// Notes a try that succeeded.
    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Notes a try that failed at `now`. `chance` is a random number, which spreads the retries of
    /// many sites that lost the same store.
    pub(crate) fn failed(&mut self, now: Instant, chance: u32) {
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now + wait(self.failures, chance));
    }

    /// The earliest time of the next try; `None` after a success.
    #[must_use]
    pub(crate) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// The number of failures in a row.
    #[must_use]
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }
}

/// A random number. It is always the same where the system has no randomness, which spreads no load
/// and harms nothing else.
pub(crate) fn random() -> u32 {
    let mut bytes = [0; 4];
    match chance::fill(&mut bytes) {
        Ok(()) => u32::from_ne_bytes(bytes),
        Err(_) => 0,
    }
}

/// The wait after the nth failure in a row: at random between half of the doubled wait and the
/// whole.
fn wait(failures: u32, chance: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let whole = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    let half = whole / 2;
    half + half.mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes_and_are_spread_over_their_upper_half() {
        let waits = [1, 2, 3, 8, 9, 10, u32::MAX].map(|n| wait(n, u32::MAX).as_secs());
        assert_eq!(waits, [1, 2, 4, 128, 256, 300, 300]);
        let spread = [0, u32::MAX / 2, u32::MAX].map(|chance| wait(3, chance).as_secs());
        assert_eq!(spread, [2, 3, 4]);
    }

    #[test]
    fn success_forgets_the_failures() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        assert_eq!((backoff.failures(), backoff.until()), (0, None));
        backoff.failed(now, 0);
        backoff.failed(now, 0);
        let after = now + Duration::from_secs(1);
        assert_eq!((backoff.failures(), backoff.until()), (2, Some(after)));
        backoff.succeeded();
        assert_eq!((backoff.failures(), backoff.until()), (0, None));
    }
}
