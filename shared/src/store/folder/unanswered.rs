//! Reads of a disk that does not answer: each is given up after a while, and is not asked for again
//! until it has ended.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::super::StoreError;
use super::failure;
use crate::runtime::blocking;

/// A read that its caller gave up after this long may hang.
const SLOW_AFTER: Duration = Duration::from_secs(1);

/// The reads that have taken too long and have not ended, by what was read.
#[derive(Debug)]
pub(super) struct Unanswered {
    keys: Mutex<HashSet<String>>,
    time_limit: Duration,
}

impl Default for Unanswered {
    fn default() -> Self {
        Self::after(Duration::from_secs(60))
    }
}

impl Unanswered {
    /// Gives reads up after a time.
    pub(super) fn after(time_limit: Duration) -> Self {
        Self {
            keys: Mutex::default(),
            time_limit,
        }
    }

    fn keys(&self) -> MutexGuard<'_, HashSet<String>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, action: &'static str, key: &str) -> StoreError {
        let detail = format!(
            "no answer in {} s; is the disk that it lies on there?",
            self.time_limit.as_secs()
        );
        StoreError::Unavailable {
            action,
            key: key.to_owned(),
            detail,
            source: None,
        }
    }
}

/// Reads a key on a thread for it. A read whose caller gave up stays noted until it ends, so that
/// further reads of that key fail at once instead of taking one more thread each.
pub(super) async fn limited<T: Send + 'static>(
    unanswered: &Arc<Unanswered>,
    action: &'static str,
    key: &str,
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    if unanswered.keys().contains(key) {
        return Err(unanswered.error(action, key));
    }
    let mut reading = Reading {
        unanswered,
        key,
        began: Instant::now(),
        task: Some(blocking::spawn(read)),
    };
    let Some(task) = &mut reading.task else {
        return Err(unanswered.error(action, key));
    };
    match timeout(unanswered.time_limit, task).await {
        Ok(read) => read.unwrap_or_else(|stopped| Err(failure::stopped(action, key, stopped))),
        Err(_) => Err(unanswered.error(action, key)),
    }
}

/// A read that somebody waits for.
struct Reading<'r, T: Send + 'static> {
    unanswered: &'r Arc<Unanswered>,
    key: &'r str,
    began: Instant,
    task: Option<JoinHandle<T>>,
}

impl<T: Send + 'static> Drop for Reading<'_, T> {
    fn drop(&mut self) {
        let Some(task) = self.task.take().filter(|task| !task.is_finished()) else {
            return;
        };
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if self.began.elapsed() < SLOW_AFTER {
            return;
        }
        self.unanswered.keys().insert(self.key.to_owned());
        let (answered, key) = (Arc::clone(self.unanswered), self.key.to_owned());
        runtime.spawn(async move {
            // Whatever it came to, nobody waits for it.
            let _ = task.await;
            answered.keys().remove(&key);
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_read_that_does_not_end_is_given_up_and_not_repeated() {
        let unanswered = Arc::new(Unanswered::after(Duration::from_secs(1)));
        let (answer, answered) = mpsc::channel::<()>();
        let hangs = move || Ok(answered.recv().is_ok());
        let read = async |read: Box<dyn FnOnce() -> Result<bool, StoreError> + Send>| {
            let read = limited(&unanswered, "read", "a", read).await;
            read.map_err(|error| error.to_string())
        };
        let given_up = "read of a failed: no answer in 1 s; is the disk that it lies on there?";
        assert_eq!(read(Box::new(hangs)).await, Err(given_up.to_owned()));
        let not_begun = || unreachable!("the first one still hangs");
        assert_eq!(read(Box::new(not_begun)).await, Err(given_up.to_owned()));
        let other = limited(&unanswered, "read", "b", || Ok(1)).await;
        assert_eq!(other.unwrap(), 1);

        // A caller that goes away after a while leaves the same word.
        let (_never, hangs_too) = mpsc::channel::<()>();
        let hangs_too = move || Ok(hangs_too.recv().is_ok());
        let patient = Arc::new(Unanswered::default());
        let gone = limited(&patient, "read", "c", hangs_too);
        let gone = timeout(SLOW_AFTER + Duration::from_millis(100), gone).await;
        assert!(gone.is_err(), "the caller went away first");
        let next = limited(&patient, "read", "c", || Ok(true)).await;
        insta::assert_snapshot!(
            next.unwrap_err(),
            @"read of c failed: no answer in 60 s; is the disk that it lies on there?"
        );

        answer.send(()).unwrap();
        while !unanswered.keys().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(read(Box::new(|| Ok(true))).await, Ok(true));
    }
}
