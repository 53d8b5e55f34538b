//! A transaction on a connection of the pool, which nobody else gets before it has ended.

use std::ops::Deref;

use deadpool_postgres::Object;
use tokio::runtime::Handle;

use crate::tasks;

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
        let Some(client) = self.client.take().filter(|_| !self.has_ended) else {
            return;
        };
        if Handle::try_current().is_err() {
            // Without a pool it is closed, and the server rolls back.
            drop(Object::take(client));
            return;
        }
        tasks::spawn(async move {
            if client.batch_execute("ROLLBACK").await.is_err() {
                drop(Object::take(client));
            }
        });
    }
}
