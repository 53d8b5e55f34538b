//! What the watching thread and the agent share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::debounce::Debounce;
use super::filter::{self, Meaning, Target};

/// A source, as the watcher sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WatchedPath {
    /// A SQLite file. Its folder is watched, for it and for its `-wal` and `-journal`.
    SqliteFile(PathBuf),
    /// A folder of CSV files. It is watched for `*.csv` in any case, not for files further down.
    CsvFolder(PathBuf),
}

/// What the watching thread and the agent both see.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) debounce: Mutex<Debounce>,
    /// What is watched for, per source that is there.
    pub(super) targets: Mutex<Vec<Target>>,
    /// Whether a watched folder was moved or deleted, so that its path has to be watched anew.
    pub(super) lost: AtomicBool,
    pub(super) changed: Notify,
}

impl Shared {
    pub(super) fn debounce(&self) -> MutexGuard<'_, Debounce> {
        locked(&self.debounce)
    }

    /// Takes an event from the operating system. Called on the watching thread.
    pub(super) fn on_event(&self, event: notify::Result<notify::Event>) {
        let meaning = match event {
            Ok(event) => filter::meaning(&locked(&self.targets), &event),
            Err(error) => {
                tracing::warn!(%error, "file events failed; the watch on the sources is renewed");
                Meaning::Lost
            }
        };
        match meaning {
            Meaning::Nothing => return,
            Meaning::Changed => {}
            Meaning::Lost => self.lost.store(true, Ordering::Relaxed),
        }
        if self.debounce().event(Instant::now()) {
            self.changed.notify_one();
        }
    }
}

/// The value behind a lock. A thread that panicked while it held the lock left the value whole,
/// since each change is one step.
pub(super) fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
