//! A connection that one load or flush of a site has to itself, with a lock that only hubs know.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::Client;

use causeway_shared::ids::SiteName;

use super::connection::{Connections, answered};
use super::held_connection::{HeldConnection, WhenDropped};
use super::{error, typed};
use crate::db::DbError;

/// How long a lock is waited for.
const TIMEOUT: Duration = Duration::from_secs(600);
/// The same of a load in a function: as many processes as there are ticks would wait for one that takes long, and
/// no request would find one that is free.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(5);
/// How often it is asked for.
const POLL: Duration = Duration::from_millis(20);

/// What a connection is kept for. At most one of each is at work on a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Load,
    Flush,
}

impl Work {
    /// The lock's name.
    fn lock(self, site: &SiteName) -> String {
        match self {
            Self::Load => format!("causeway load {site}"),
            Self::Flush => format!("causeway flush {site}"),
        }
    }

    /// Makes its connection one like any other again, without the lock.
    fn end(self) -> &'static str {
        match self {
            Self::Load => concat!(
                include_str!("sql/session.sql"),
                include_str!("sql/session_loader_end.sql"),
                include_str!("sql/advisory_unlock.sql")
            ),
            Self::Flush => include_str!("sql/advisory_unlock.sql"),
        }
    }

    /// What the lock is called where somebody else keeps it.
    fn what(self, site: &SiteName) -> String {
        match self {
            Self::Load => format!("the loader's lock of site {site}"),
            Self::Flush => format!("the lock on flushing site {site}"),
        }
    }
}

/// The connection. Dropping it rolls back and frees the lock: it is closed, unless it is known to have
/// no transaction; then it goes back to where it was taken from.
pub(super) struct Session {
    connection: HeldConnection,
    work: Work,
    /// Whether it is known to have no transaction.
    pub(super) is_clean: bool,
}

impl Session {
    /// Waits for a connection and for the site's lock. While somebody else has that, the connection is
    /// there for others.
    ///
    /// # Errors
    /// A failure of the database, or [`DbError::Busy`].
    pub(super) async fn begin(
        connections: &Connections,
        work: Work,
        site: &SiteName,
    ) -> Result<Self, DbError> {
        let name = work.lock(site);
        let patience = match work {
            Work::Load if connections.may_freeze => FUNCTION_TIMEOUT,
            Work::Load | Work::Flush => TIMEOUT,
        };
        let begun = Instant::now();
        loop {
            let mut session = Self::open(connections, work, site).await?;
            let database = connections.describe();
            if answered(database, session.try_lock(database, &name)).await? {
                return Ok(session);
            }
            session.connection.when_dropped = WhenDropped::GiveBack;
            drop(session);
            let waited = begun.elapsed();
            if waited >= patience {
                return Err(DbError::Busy {
                    what: work.what(site),
                    waited_s: waited.as_secs(),
                    is_at_work: true,
                });
            }
            sleep(POLL).await;
        }
    }

    async fn open(connections: &Connections, work: Work, site: &SiteName) -> Result<Self, DbError> {
        let places = Arc::clone(&connections.places);
        let (place, client) = match work {
            // An error would mean that they are closed, which they never are.
            Work::Load => match timeout(TIMEOUT, places.acquire_owned()).await {
                Ok(place) => (place.ok(), connections.client().await?),
                Err(_) => {
                    return Err(DbError::Busy {
                        what: format!("a connection to load site {site} by"),
                        waited_s: TIMEOUT.as_secs(),
                        is_at_work: false,
                    });
                }
            },
            // It does not wait for the pool: writers may hold all of that and wait for a load, which waits
            // for it.
            Work::Flush => {
                let place = places.try_acquire_owned().ok();
                let client = match place {
                    Some(_) => connections.client_at_once().await?,
                    None => None,
                };
                match client {
                    Some(client) => (place, client),
                    None => (None, connections.client_of(&connections.reserve).await?),
                }
            }
        };
        let mut connection = HeldConnection::new(client, WhenDropped::Close);
        connection.place = place;
        Ok(Self {
            connection,
            work,
            is_clean: false,
        })
    }

    async fn try_lock(&self, database: &str, name: &str) -> Result<bool, DbError> {
        let sql = include_str!("sql/advisory_lock.sql");
        let locked = typed::row(self, sql, &[&name]).await;
        locked
            .and_then(|row| row.try_get(0))
            .map_err(|error| error::of(database, "locking", error))
    }
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.connection
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.is_clean {
            self.connection.when_dropped = WhenDropped::GiveBackAfter(self.work.end());
        }
    }
}
