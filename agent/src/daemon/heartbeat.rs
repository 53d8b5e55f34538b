//! Whether an agent gets on with its work, so that one that hangs can be told from one that is busy.
//!
//! Whatever gets on beats: each step of a scan, each answer of the store. Whoever begins something
//! that may rightly take longer than [`PATIENCE`] is granted its time beforehand. What has neither
//! beaten nor was granted more for that long hangs: on a network drive that went away, most likely.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the slowest step may take: reading a file of some gigabytes from a slow drive, to tell
/// whether it changed.
pub(super) const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// The heart of an agent that runs.
#[derive(Debug)]
pub(super) struct Heartbeat {
    patience: Duration,
    pulse: Mutex<Pulse>,
}

impl Heartbeat {
    /// One that is taken to have stopped when it has not beaten for so long.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            pulse: Mutex::new(Pulse::new(Instant::now())),
        }
    }

    /// Something got on.
    pub(super) fn beat(&self) {
        self.pulse().beat(Instant::now());
    }

    /// Grants what now begins its time, until the grant is dropped.
    pub(super) fn grant(self: &Arc<Self>, time: Duration) -> Grant {
        self.pulse().grant(time, Instant::now());
        Grant {
            heart: Arc::clone(self),
            time,
        }
    }

    /// Whether it beats as it should.
    pub(super) fn is_alive(&self) -> bool {
        self.pulse().is_alive(self.patience, Instant::now())
    }

    fn pulse(&self) -> MutexGuard<'_, Pulse> {
        // Whole at any time: nothing that changes it can panic halfway.
        self.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Time that was granted.
#[derive(Debug)]
pub(super) struct Grant {
    heart: Arc<Heartbeat>,
    time: Duration,
}

impl Drop for Grant {
    fn drop(&mut self) {
        self.heart.pulse().take_back(self.time, Instant::now());
    }
}

/// When the heart beat last, and what is granted now.
#[derive(Debug)]
struct Pulse {
    last: Instant,
    granted: Duration,
}

impl Pulse {
    fn new(now: Instant) -> Self {
        Self {
            last: now,
            granted: Duration::ZERO,
        }
    }

    fn beat(&mut self, now: Instant) {
        self.last = now;
    }

    fn grant(&mut self, time: Duration, now: Instant) {
        self.beat(now);
        self.granted = self.granted.saturating_add(time);
    }

    fn take_back(&mut self, time: Duration, now: Instant) {
        self.beat(now);
        self.granted = self.granted.saturating_sub(time);
    }

    fn is_alive(&self, patience: Duration, now: Instant) -> bool {
        now.duration_since(self.last) <= patience.saturating_add(self.granted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_secs(1);

    #[test]
    fn it_lives_as_long_as_something_gets_on() {
        let begin = Instant::now();
        let mut pulse = Pulse::new(begin);
        let lives = |pulse: &Pulse, after| pulse.is_alive(PATIENCE, begin + after);
        assert!(lives(&pulse, PATIENCE));
        assert!(!lives(&pulse, PATIENCE + MOMENT));
        pulse.beat(begin + PATIENCE);
        assert!(lives(&pulse, PATIENCE * 2));
        assert!(!lives(&pulse, PATIENCE * 2 + MOMENT));
    }

    #[test]
    fn what_was_granted_time_may_take_it_and_its_end_is_a_beat() {
        let begin = Instant::now();
        let mut pulse = Pulse::new(begin);
        let lives = |pulse: &Pulse, after| pulse.is_alive(PATIENCE, begin + after);
        pulse.grant(PATIENCE, begin);
        pulse.grant(PATIENCE * 3, begin);
        assert!(lives(&pulse, PATIENCE * 5));
        assert!(!lives(&pulse, PATIENCE * 5 + MOMENT));
        pulse.take_back(PATIENCE, begin + PATIENCE);
        assert!(lives(&pulse, PATIENCE * 5), "the other still has its time");
        pulse.take_back(PATIENCE * 3, begin + PATIENCE * 2);
        assert!(!lives(&pulse, PATIENCE * 3 + MOMENT));
    }
}
