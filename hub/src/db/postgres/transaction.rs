//! A transaction on a connection of the pool, which nobody else gets before it has ended, and how a connection goes
//! back there.

use std::ops::Deref;
use std::time::Duration;

use deadpool_postgres::Object;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::tasks;

/// How long it may take to put a connection in order; then it is closed.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The connection. Dropped before the transaction has ended, it is rolled back.
pub(super) struct Transaction {
    /// `None` once it has gone.
    client: Option<Object>,
    has_ended: bool,
}

impl Transaction {
    /// On a connection on which it is about to begin.
    pub(super) fn on(client: Object) -> Self {
        Self {
            client: Some(client),
            has_ended: false,
        }
    }

    /// The server has said that it is over.
    pub(super) fn end(&mut self) {
        self.has_ended = true;
    }
}

impl Deref for Transaction {
    type Target = Object;

    #[expect(clippy::expect_used, reason = "it goes with the transaction")]
    fn deref(&self) -> &Object {
        self.client.as_ref().expect("only dropping takes it")
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(client) = self.client.take().filter(|_| !self.has_ended) {
            put_back(client, "ROLLBACK", None);
        }
    }
}

/// Puts a connection in order by some statements, and gives it back to its pool then, with the place that it had.
/// Where that does not happen it is closed, and the server ends what it held.
pub(super) fn put_back(client: Object, sql: &'static str, place: Option<OwnedSemaphorePermit>) {
    let mut unready = Unready(Some(client));
    if Handle::try_current().is_err() {
        return;
    }
    tasks::spawn(async move {
        let done = match &unready.0 {
            Some(client) => timeout(TIMEOUT, client.batch_execute(sql)).await,
            None => return,
        };
        if matches!(done, Ok(Ok(()))) {
            drop(unready.0.take());
        }
        drop(unready);
        drop(place);
    });
}

/// A connection that nobody else may get as it is, also where the task is stopped that has it.
struct Unready(Option<Object>);

impl Drop for Unready {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}
