//! Since when a connection waits for its client.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Since when a connection waits for its client: for a request, its body, or for the answer to be
/// taken. Nothing while the hub works on a request.
#[derive(Debug)]
pub(in crate::http) struct ClientWait(Mutex<Option<Instant>>);

impl ClientWait {
    /// A client that has just connected.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(Instant::now()))))
    }

    /// When the wait began.
    pub(super) fn since(&self) -> Option<Instant> {
        *self.lock()
    }

    /// The client has done something whole: sent a head, or taken all that was written.
    pub(super) fn begin_anew(&self) {
        let mut since = self.lock();
        if since.is_some() {
            *since = Some(Instant::now());
        }
    }

    /// The hub has all that it needs of a request; until the value returned is dropped it works.
    pub(in crate::http) fn pause(self: &Arc<Self>) -> AtWork {
        *self.lock() = None;
        AtWork(Arc::clone(self))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As long as the hub works on a request of a connection.
#[derive(Debug)]
pub(in crate::http) struct AtWork(Arc<ClientWait>);

impl Drop for AtWork {
    fn drop(&mut self) {
        *self.0.lock() = Some(Instant::now());
    }
}
