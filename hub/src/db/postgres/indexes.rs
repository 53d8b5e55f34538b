//! Keys and indexes. A table gets them after its first rows, in the same transaction: sorted at once
//! they are made in half the time that it takes to put every row into its place.
//!
//! Making an index keeps writers away, as the load does already, and no readers. An index becomes a
//! primary key under a lock that keeps everybody away, taken for the last moment before the commit. That
//! waits for nobody: who reads a table and waits for another would be a deadlock's victim. Where somebody
//! goes on reading, the unique index does all that the key does, and a later load makes it the key.

use std::collections::BTreeMap;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::ids::SiteName;

use super::{render, typed};

/// How long a moment is waited for in which nobody reads.
const READERS_TIMEOUT: Duration = Duration::from_secs(3);

/// What a table lacks.
#[derive(Debug)]
pub(super) struct Unindexed {
    pub(super) table: Table,
    /// The statements that make the indexes.
    pub(super) indexes: Vec<String>,
    /// Whether it has a primary key.
    is_keyed: bool,
}

/// The indexes in a site's schema by name, and whether each is a primary key's.
#[derive(Debug)]
pub(super) struct Indexes(BTreeMap<String, bool>);

/// Looks at the indexes in a site's schema.
pub(super) async fn find(client: &Client, site: &SiteName) -> Result<Indexes, Error> {
    let sql = include_str!("sql/indexes_read.sql");
    let rows = typed::rows(client, sql, &[&render::schema(site)]).await?;
    let found = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    Ok(Indexes(found.collect::<Result<_, Error>>()?))
}

/// The tables that lack keys or indexes.
pub(super) fn missing(found: &Indexes, site: &SiteName, dataset: &Dataset) -> Vec<Unindexed> {
    let Indexes(found) = found;
    let of_table = |table: &Table| {
        let indexes = render::indexes(site, table).into_iter();
        let indexes = indexes.filter(|(name, _)| !found.contains_key(name));
        let indexes: Vec<String> = indexes.map(|(_, create)| create).collect();
        let is_keyed = found.get(&render::key_name(table)) == Some(&true);
        (!is_keyed || !indexes.is_empty()).then(|| Unindexed {
            table: table.clone(),
            indexes,
            is_keyed,
        })
    };
    dataset.tables.iter().filter_map(of_table).collect()
}

/// The indexes that the tables have outgrown.
pub(super) fn outgrown(found: &Indexes, dataset: &Dataset) -> Vec<String> {
    let named = dataset.tables.iter().flat_map(render::outgrown_indexes);
    named.filter(|name| found.0.contains_key(name)).collect()
}

/// Makes the indexes, in the load's transaction.
pub(super) async fn make(client: &Client, missing: &[Unindexed]) -> Result<(), Error> {
    for sql in missing.iter().flat_map(|of| &of.indexes) {
        client.batch_execute(sql).await?;
    }
    Ok(())
}

/// Makes the keys of indexed tables, if nobody reads: the last step of the load's transaction.
pub(super) async fn set_keys(
    client: &Client,
    site: &SiteName,
    missing: &[Unindexed],
) -> Result<(), Error> {
    let without_key = missing.iter().filter(|of| !of.is_keyed);
    let tables: Vec<&Table> = without_key.map(|of| &of.table).collect();
    if tables.is_empty() {
        return Ok(());
    }
    let keys = render::set_keys_of(site, &tables);
    // Who reads all the time is not waited for again by each load.
    let is_first = missing.iter().any(|of| !of.indexes.is_empty());
    let patience = if is_first {
        READERS_TIMEOUT
    } else {
        Duration::ZERO
    };
    let attempt = || async {
        client.batch_execute("SAVEPOINT causeway_keys").await?;
        let set = client.batch_execute(&keys).await;
        if set.is_err() {
            let back = "ROLLBACK TO SAVEPOINT causeway_keys";
            client.batch_execute(back).await?;
        }
        set
    };
    let pauses = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(10))
        .with_max_delay(Duration::from_millis(100))
        .without_max_times()
        .with_total_delay(Some(patience))
        .with_jitter();
    let is_read = |error: &Error| error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE);
    match attempt.retry(pauses).when(is_read).await {
        Err(error) if is_read(&error) => {
            tracing::info!(%site, "somebody reads the tables; a later load makes their unique indexes primary keys");
            Ok(())
        }
        set => set,
    }
}
