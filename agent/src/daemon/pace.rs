//! When the next cycle may start: after a scan the agent rests, after a failure it waits longer.
//!
//! Only [`Instant`]s are compared, which a change of the wall clock does not move.

use std::time::{Duration, Instant};

use causeway_shared::runtime::chance;

/// A scan starts at the earliest this many times the last scan's duration after its start, so that
/// scanning takes at most a tenth of one core.
const REST_FACTOR: u32 = 10;
/// The longest rest. A scan that took more than a tenth of this waited for a slow drive.
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);
/// About how long to wait after a first failure; it doubles with each that follows.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait after a failure.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

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
    retry: Option<Instant>,
    failures: u32,
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
        self.retry = None;
        self.failures = 0;
    }

    /// Notes a cycle that failed at `now`. `chance` is a random number, which spreads the retries of
    /// many sites that lost the same store.
    pub(crate) fn failed(&mut self, scan: ScanCost, now: Instant, chance: u32) {
        self.rest(scan);
        self.failures = self.failures.saturating_add(1);
        self.retry = Some(now + wait(self.failures, chance));
    }

    /// When the next cycle may start: a time that may have passed; `None` for at once.
    #[must_use]
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.rested.max(self.retry)
    }

    /// Whether the last cycle failed, so that the next one starts without a wake.
    #[must_use]
    pub(crate) fn retries(&self) -> bool {
        self.retry.is_some()
    }

    /// How many cycles have failed in a row.
    #[must_use]
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    fn rest(&mut self, scan: ScanCost) {
        let rest = scan.took.saturating_mul(REST_FACTOR).min(LONGEST_REST);
        self.rested = self.rested.max(Some(scan.started + rest));
    }
}

/// A random number. It is always the same where the system has no randomness, which spreads no load
/// and harms nothing else.
pub(crate) fn spread() -> u32 {
    let mut bytes = [0; 4];
    match chance::fill(&mut bytes) {
        Ok(()) => u32::from_ne_bytes(bytes),
        Err(_) => 0,
    }
}

/// The wait after the nth failure in a row: doubled each time, then at random between half of that
/// and the whole.
fn wait(failures: u32, chance: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let whole = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    let half = whole / 2;
    half + half.mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
    fn waits_double_up_to_five_minutes_and_are_spread_over_their_upper_half() {
        let waits = [1, 2, 3, 8, 9, 10, u32::MAX].map(|n| wait(n, u32::MAX).as_secs());
        assert_eq!(waits, [1, 2, 4, 128, 256, 300, 300]);
        let spread = [0, u32::MAX / 2, u32::MAX].map(|chance| wait(3, chance).as_secs());
        assert_eq!(spread, [2, 3, 4]);
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
                    prop_assert!(now - ended >= FIRST_WAIT / 2);
                    prop_assert!(now - ended <= LONGEST_WAIT.max(scan.took * 9));
                }
            }
        }
    }
}
