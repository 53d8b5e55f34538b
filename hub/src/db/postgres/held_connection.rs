//! A connection of a pool while it is not as the pool gave it: nobody else gets it before it is in order again.

use std::ops::Deref;
use std::time::Duration;

use deadpool_postgres::Object;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::tasks;

/// How long it may take to put a connection in order; then it is closed.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The connection.
pub(super) struct HeldConnection {
    /// `None` once it has gone.
    client: Option<Object>,
    pub(super) when_dropped: WhenDropped,
    /// The place of a load or flush that it takes, until it has gone.
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// What becomes of a connection.
pub(super) enum WhenDropped {
    /// It is closed, and the server ends what it held.
    Close,
    /// Its pool has it again as it is.
    GiveBack,
    /// Its pool has it again once these statements have put it in order. Where that does not happen, also since the
    /// task is stopped that does it, the connection is closed.
    GiveBackAfter(&'static str),
}

impl HeldConnection {
    pub(super) fn new(client: Object, when_dropped: WhenDropped) -> Self {
        Self {
            client: Some(client),
            when_dropped,
            place: None,
        }
    }

    /// One on which a transaction is about to begin: dropped before that has ended, it is rolled back.
    pub(super) fn for_transaction(client: Object) -> Self {
        Self::new(client, WhenDropped::GiveBackAfter("ROLLBACK"))
    }

    /// The server has said that the transaction is over.
    pub(super) fn end_transaction(&mut self) {
        self.when_dropped = WhenDropped::GiveBack;
    }

    async fn put_in_order(mut self, sql: &str) {
        if let Ok(Ok(())) = timeout(TIMEOUT, self.batch_execute(sql)).await {
            self.when_dropped = WhenDropped::GiveBack;
        }
    }
}

impl Deref for HeldConnection {
    type Target = Object;

    #[expect(clippy::expect_used, reason = "it goes with this")]
    fn deref(&self) -> &Object {
        self.client.as_ref().expect("only dropping takes it")
    }
}

impl Drop for HeldConnection {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else {
            return;
        };
        match self.when_dropped {
            WhenDropped::GiveBack => drop(client),
            WhenDropped::GiveBackAfter(sql) if Handle::try_current().is_ok() => {
                let mut held = Self::new(client, WhenDropped::Close);
                held.place = self.place.take();
                tasks::spawn(held.put_in_order(sql));
            }
            WhenDropped::GiveBackAfter(_) | WhenDropped::Close => drop(Object::take(client)),
        }
    }
}
