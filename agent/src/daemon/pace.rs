//! When the next cycle may start: after a scan the agent rests, after a failure it waits longer.
//!
//! Only [`Instant`]s are compared, which a change of the wall clock does not move.

use std::time::{Duration, Instant};

use crate::backoff::Backoff;

/// A scan starts at the earliest this many times the last scan's duration after its start, so that
/// scanning takes at most a tenth of one core.
const REST_FACTOR: u32 = 10;
/// The longest rest. A scan that took more than a tenth of this waited for a slow drive.
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);

/// What a cycle cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ScanCost {
    /// When the cycle started.
    pub started: Instant,
    /// How long it read and compared; zero if nothing had moved. The time for sending does not
    /// count, since it costs no core.
    pub took: Duration,
}

/// Decides how far apart cycles are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace {
    rested: Option<Instant>,
    backoff: Backoff,
}

impl Pace {
    /// The pace of an agent that has not run a cycle yet, and may start one at once.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Notes a cycle that succeeded.
    pub(crate) fn succeeded(&mut self, scan: ScanCost) {
        self.rest(scan);
        self.backoff.succeeded();
    }

    /// Notes a cycle that failed at `now`. `chance` is a random number, as [`Backoff::failed`] takes.
    pub(crate) fn failed(&mut self, scan: ScanCost, now: Instant, chance: u32) {
        self.rest(scan);
        self.backoff.failed(now, chance);
    }

    /// When the next cycle may start: a time that may have passed; `None` for at once.
    #[must_use]
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.rested.max(self.backoff.until())
    }

    /// Whether the last cycle failed, so that the next one starts without a wake.
    #[must_use]
    pub(crate) fn retries(&self) -> bool {
        self.backoff.until().is_some()
    }

    /// How many cycles have failed in a row.
    #[must_use]
    pub(crate) fn failures(&self) -> u32 {
        self.backoff.failures()
    }

    fn rest(&mut self, scan: ScanCost) {
        let rest = scan.took.saturating_mul(REST_FACTOR).min(LONGEST_REST);
        self.rested = self.rested.max(Some(scan.started + rest));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::backoff::LONGEST_WAIT;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_scan_is_followed_by_nine_times_its_duration() {
        let started = Instant::now();
        let mut pace = Pace::new();
        assert_eq!(pace.earliest(), None);
        pace.succeeded(ScanCost {
            started,
            took: secs(3),
        });
        assert_eq!(pace.earliest(), Some(started + secs(30)));
        pace.succeeded(ScanCost {
            started,
            took: secs(86_400),
        });
        assert_eq!(pace.earliest(), Some(started + secs(3_600)));
    }

    #[test]
    fn success_forgets_the_failures_but_not_the_rest() {
        let started = Instant::now();
        let mut pace = Pace::new();
        pace.failed(
            ScanCost {
                started,
                took: secs(6),
            },
            started + secs(6),
            0,
        );
        assert_eq!((pace.failures(), pace.retries()), (1, true));
        pace.succeeded(ScanCost {
            started: started + secs(7),
            took: Duration::ZERO,
        });
        assert_eq!((pace.failures(), pace.retries()), (0, false));
        assert_eq!(pace.earliest(), Some(started + secs(60)));
    }

    proptest! {
        #[test]
        fn scans_take_a_tenth_of_the_time_at_most_and_waits_stay_in_bounds(
            cycles in prop::collection::vec((0_u64..300_000, any::<bool>(), any::<u32>()), 1..100)
        ) {
            let begin = Instant::now();
            let (mut now, mut scanned) = (begin, Duration::ZERO);
            let mut pace = Pace::new();
            for (took_ms, succeeds, chance) in cycles {
                let scan = ScanCost { started: now, took: Duration::from_millis(took_ms) };
                let ended = now + scan.took;
                if succeeds { pace.succeeded(scan) } else { pace.failed(scan, ended, chance) }
                now = pace.earliest().unwrap().max(ended);
                scanned += scan.took;
                prop_assert!(now - begin >= scanned * 10);
                if !succeeds {
                    prop_assert!(now - ended >= Duration::from_millis(500));
                    prop_assert!(now - ended <= LONGEST_WAIT.max(scan.took * 9));
                }
            }
        }
    }
}
