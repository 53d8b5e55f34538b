//! How often some work ran since the start, for `/metrics`.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Work that is counted.
#[derive(Debug, Default)]
pub(crate) struct Runs(Mutex<RunCounts>);

/// What it came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct RunCounts {
    pub runs: u64,
    /// Those that failed.
    pub failed: u64,
    /// What they carried, in units of the work.
    pub carried: u64,
    pub seconds: f64,
}

impl Runs {
    /// Counts a run, and what it carried.
    pub(crate) async fn count<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>>,
        carried: impl FnOnce(&T) -> u64,
    ) -> Result<T, E> {
        let started = Instant::now();
        let ran = work.await;
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.runs += 1;
        counts.seconds += started.elapsed().as_secs_f64();
        match &ran {
            Ok(done) => counts.carried += carried(done),
            Err(_) => counts.failed += 1,
        }
        drop(counts);
        ran
    }

    pub(crate) fn counts(&self) -> RunCounts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_fails_is_counted_and_carries_nothing() {
        let runs = Runs::default();
        let done = runs.count(async { Ok::<u64, ()>(3) }, |rows| *rows).await;
        let failed = runs.count(async { Err::<u64, ()>(()) }, |rows| *rows).await;
        assert_eq!((done, failed), (Ok(3), Err(())));
        let RunCounts {
            runs,
            failed,
            carried,
            ..
        } = runs.counts();
        assert_eq!((runs, failed, carried), (2, 1, 3));
    }
}
