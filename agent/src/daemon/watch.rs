//! Waking the agent when something changes in the sources' folders, and at intervals anyway.
//!
//! A wake only means "look": the gate decides whether anything moved. So events may come too often
//! (they are debounced) or not at all (network drives, a folder that cannot be watched): the poll
//! finds what they missed. Each wake renews the watch on sources that came, came back or were
//! replaced.
//!
//! Events take no memory, however many come: only the times of the first and the last are kept.

mod debounce;
mod filter;
mod folders;
pub(crate) mod shared;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use debounce::Debounce;
use folders::Folders;
use shared::{Shared, WatchedPath, locked};

/// The longest that any of the settings may be; longer ones are cut to it.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// When to wake. Each is cut to a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WatchSettings {
    /// A source that changed wakes the agent once it has been quiet for this long.
    pub debounce: Duration,
    /// A source that is never quiet wakes it this long after its first change.
    pub max_delay: Duration,
    /// It is woken at least this often.
    pub poll: Duration,
}

/// Why the agent is woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Something changed in a source's folder.
    Changed,
    /// Nothing changed for the poll's interval.
    Poll,
}

#[derive(Debug)]
pub(crate) struct Watcher {
    shared: Arc<Shared>,
    /// Behind a lock, since another thread, which may wait for a slow drive, renews it.
    folders: Arc<Mutex<Folders>>,
    poll: Duration,
    next_poll: Instant,
}

impl Watcher {
    /// Starts to watch. Never fails: a source that cannot be watched is logged and polled.
    ///
    /// Changes from now on wake the agent. Earlier ones do not, so run a cycle first.
    #[must_use]
    pub(crate) fn start(sources: Vec<WatchedPath>, settings: WatchSettings) -> Self {
        let shared = Arc::new(Shared {
            debounce: Mutex::new(Debounce::new(
                settings.debounce.min(LONGEST),
                settings.max_delay.min(LONGEST),
            )),
            targets: Mutex::new(Vec::new()),
            lost: AtomicBool::new(false),
            changed: Notify::new(),
        });
        let mut folders = Folders::new(sources, Arc::clone(&shared));
        folders.renew();
        let poll = settings.poll.min(LONGEST);
        Self {
            shared,
            folders: Arc::new(Mutex::new(folders)),
            poll,
            next_poll: Instant::now() + poll,
        }
    }

    /// Polls no later than this, once.
    pub(crate) fn poll_by(&mut self, at: Instant) {
        self.next_poll = self.next_poll.min(at);
    }

    /// Waits until the agent should look again. Every wake puts off the next poll, since a look
    /// covers all sources.
    ///
    /// Cancel safe: what would have woken a call that is dropped wakes the next one.
    pub(crate) async fn next(&mut self) -> Wake {
        let wake = loop {
            let due = self.shared.debounce().due();
            let (at, wake) = match due {
                Some(due) if due <= self.next_poll => (due, Wake::Changed),
                _ => (self.next_poll, Wake::Poll),
            };
            tokio::select! {
                // Only the first event of several notifies. The others move `due`, which is
                // read again once that time has come.
                () = self.shared.changed.notified(), if due.is_none() => continue,
                () = tokio::time::sleep_until(at.into()) => {}
            }
            let put_off = self
                .shared
                .debounce()
                .due()
                .is_some_and(|now| Some(now) > due);
            if wake == Wake::Poll || !put_off {
                break wake;
            }
        };
        // Before the look, so that what happens unwatched until here is seen by it.
        self.renew().await;
        self.shared.debounce().look();
        self.next_poll = Instant::now() + self.poll;
        wake
    }

    async fn renew(&self) {
        let folders = Arc::clone(&self.folders);
        let renewed = tokio::task::spawn_blocking(move || locked(&folders).renew()).await;
        if let Err(error) = renewed {
            tracing::warn!(%error, "the watch on the sources' folders could not be renewed");
        }
    }
}

#[cfg(test)]
mod tests;
