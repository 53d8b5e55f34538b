//! Locks that only hubs know, by name: one load or flush of a site at a time.

use std::time::Duration;

use tokio_postgres::Client;

use super::error;
use crate::db::DbError;

/// How long a lock is waited for.
const TIMEOUT: Duration = Duration::from_secs(600);
/// How often it is asked for.
const POLL: Duration = Duration::from_millis(20);

/// Waits for a lock, which the connection then has until it ends. `what` is what it is called where
/// somebody else keeps it.
///
/// # Errors
/// A failure of the database, or [`DbError::Busy`].
pub(super) async fn acquire(
    client: &Client,
    database: &str,
    name: &str,
    what: &str,
) -> Result<(), DbError> {
    let failed = |error| error::of(database, "locking", error);
    let statement = include_str!("sql/advisory_lock.sql");
    let statement = client.prepare(statement).await.map_err(failed)?;
    let mut waited = Duration::ZERO;
    loop {
        let row = client.query_one(&statement, &[&name]).await;
        if row.map_err(failed)?.get(0) {
            return Ok(());
        }
        if waited >= TIMEOUT {
            return Err(DbError::Busy {
                what: what.to_owned(),
                waited_s: waited.as_secs(),
            });
        }
        tokio::time::sleep(POLL).await;
        waited += POLL;
    }
}
