//! Whether a running agent makes progress, so that one that hangs can be told from one that is busy.
//!
//! Each step of a scan and each answer of the store is progress. Work that may rightly take longer
//! than [`LONGEST_STEP`] is allowed its time beforehand. An agent that has made no progress for that
//! long, and was not allowed more, hangs: most likely on a network drive that went away.

pub(super) mod store;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the slowest step may take: reading a file of some gigabytes from a slow drive, to see
/// whether it changed.
pub(super) const LONGEST_STEP: Duration = Duration::from_secs(60 * 60);

/// Watches the progress of a running agent.
#[derive(Debug)]
pub(super) struct Watchdog {
    longest_step: Duration,
    last: Mutex<LastProgress>,
}

impl Watchdog {
    /// An agent without progress for `longest_step` counts as hanging.
    pub(super) fn new(longest_step: Duration) -> Self {
        Self {
            longest_step,
            last: Mutex::new(LastProgress::new(Instant::now())),
        }
    }

    pub(super) fn progress(&self) {
        self.last().progress(Instant::now());
    }

    /// Allows the work that begins now its time, until the allowance is dropped.
    pub(super) fn allow(self: &Arc<Self>, time: Duration) -> Allowance {
        self.last().allow(time, Instant::now());
        Allowance {
            watchdog: Arc::clone(self),
            time,
        }
    }

    pub(super) fn is_agent_alive(&self) -> bool {
        self.last().is_recent(self.longest_step, Instant::now())
    }

    fn last(&self) -> MutexGuard<'_, LastProgress> {
        // No code that holds the lock can panic halfway through a change.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Time that a piece of work may take.
#[derive(Debug)]
pub(super) struct Allowance {
    watchdog: Arc<Watchdog>,
    time: Duration,
}

impl Drop for Allowance {
    fn drop(&mut self) {
        self.watchdog.last().take_back(self.time, Instant::now());
    }
}

/// When the agent last made progress, and how much more time its work is allowed now.
#[derive(Debug)]
struct LastProgress {
    at: Instant,
    allowed: Duration,
}

impl LastProgress {
    fn new(now: Instant) -> Self {
        Self {
            at: now,
            allowed: Duration::ZERO,
        }
    }

    fn progress(&mut self, now: Instant) {
        self.at = now;
    }

    fn allow(&mut self, time: Duration, now: Instant) {
        self.progress(now);
        self.allowed = self.allowed.saturating_add(time);
    }

    fn take_back(&mut self, time: Duration, now: Instant) {
        self.progress(now);
        self.allowed = self.allowed.saturating_sub(time);
    }

    fn is_recent(&self, longest_step: Duration, now: Instant) -> bool {
        now.duration_since(self.at) <= longest_step.saturating_add(self.allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_secs(1);

    #[test]
    fn an_agent_is_alive_as_long_as_it_makes_progress() {
        let begin = Instant::now();
        let mut last = LastProgress::new(begin);
        let lives = |last: &LastProgress, after| last.is_recent(LONGEST_STEP, begin + after);
        assert!(lives(&last, LONGEST_STEP));
        assert!(!lives(&last, LONGEST_STEP + MOMENT));
        last.progress(begin + LONGEST_STEP);
        assert!(lives(&last, LONGEST_STEP * 2));
        assert!(!lives(&last, LONGEST_STEP * 2 + MOMENT));
    }

    #[test]
    fn work_may_take_the_time_it_is_allowed_and_its_end_is_progress() {
        let begin = Instant::now();
        let mut last = LastProgress::new(begin);
        let lives = |last: &LastProgress, after| last.is_recent(LONGEST_STEP, begin + after);
        last.allow(LONGEST_STEP, begin);
        last.allow(LONGEST_STEP * 3, begin);
        assert!(lives(&last, LONGEST_STEP * 5));
        assert!(!lives(&last, LONGEST_STEP * 5 + MOMENT));
        last.take_back(LONGEST_STEP, begin + LONGEST_STEP);
        assert!(
            lives(&last, LONGEST_STEP * 5),
            "the other work still has its time"
        );
        last.take_back(LONGEST_STEP * 3, begin + LONGEST_STEP * 2);
        assert!(!lives(&last, LONGEST_STEP * 3 + MOMENT));
    }
}
