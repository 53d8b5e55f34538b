//! How long a cycle worked, which decides how long the next one waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::watchdog::Watchdog;
use crate::daemon::observer::{Event, Observer};
use crate::progress::{Progress, Step};

/// Measures how long a cycle has looked and scanned so far, whether or not it fails later. A scan
/// counts from its first row to its last partition. Passes each step on to the watchdog and the
/// observer.
pub(super) struct Stopwatch {
    times: Mutex<Times>,
    watchdog: Arc<Watchdog>,
    observer: Arc<dyn Observer>,
}

#[derive(Default)]
struct Times {
    looked: Duration,
    scan: Option<(Instant, Instant)>,
}

impl Stopwatch {
    pub(super) fn new(watchdog: Arc<Watchdog>, observer: Arc<dyn Observer>) -> Self {
        Self {
            times: Mutex::new(Times::default()),
            watchdog,
            observer,
        }
    }

    pub(super) fn read(&self) -> Duration {
        let times = self.times();
        let scan = times.scan.map(|(first, last)| last.duration_since(first));
        times.looked + scan.unwrap_or_default()
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        // No code that holds the lock can panic halfway through a change.
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Stopwatch {
    fn step(&self, step: Step) {
        self.watchdog.progress();
        match step {
            Step::Looked { took } => self.times().looked += took,
            Step::Reading { .. } | Step::Scanned => {
                let now = Instant::now();
                let mut times = self.times();
                let first = times.scan.map_or(now, |(first, _)| first);
                times.scan = Some((first, now));
            }
            _ => {}
        }
        self.observer.observe(Event::Step(step));
    }
}

#[cfg(test)]
mod tests {
    use super::super::watchdog::LONGEST_STEP;
    use super::*;
    use crate::daemon::observer::nobody;

    #[test]
    fn it_runs_from_the_first_step_of_a_scan_to_the_last() {
        let stopwatch = Stopwatch::new(Arc::new(Watchdog::new(LONGEST_STEP)), nobody());
        stopwatch.step(Step::Scanned);
        std::thread::sleep(Duration::from_millis(5));
        stopwatch.step(Step::Scanned);
        let took = stopwatch.read();
        stopwatch.step(Step::Sending { objects: 1 });
        assert!(took >= Duration::from_millis(5) && took == stopwatch.read());
    }

    #[test]
    fn a_look_counts_too_since_it_may_read_whole_files() {
        let stopwatch = Stopwatch::new(Arc::new(Watchdog::new(LONGEST_STEP)), nobody());
        for seconds in [2, 3] {
            let took = Duration::from_secs(seconds);
            stopwatch.step(Step::Looked { took });
        }
        assert_eq!(stopwatch.read(), Duration::from_secs(5));
    }
}
