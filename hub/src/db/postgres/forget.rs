//! A site taken out: its tables and all that is known of it, in one transaction.

use tokio_postgres::{Client, Error};

use causeway_shared::ids::SiteName;

use super::connection::answered;
use super::session::{Session, Work};
use super::{PostgresDatabase, error, typed};
use crate::db::DbError;

impl PostgresDatabase {
    pub(super) async fn remove_site(&self, site: &SiteName) -> Result<bool, DbError> {
        let (connections, database) = (&self.connections, self.connections.describe());
        // As a load takes them: nobody else loads or flushes it meanwhile.
        let mut load = Session::begin(connections, Work::Load, site).await?;
        let mut flush = Session::begin(connections, Work::Flush, site).await?;
        flush.is_clean = true;
        let removed = async {
            let removed = remove(&load, site).await;
            removed.map_err(|error| error::of(database, "taking a site out", error))
        };
        let is_removed = answered(database, removed).await?;
        connections.known.forget(site);
        load.is_clean = true;
        Ok(is_removed)
    }
}

/// Whether it did: not where somebody has changed rows.
async fn remove(client: &Client, site: &SiteName) -> Result<bool, Error> {
    client.batch_execute("BEGIN").await?;
    let drop = include_str!("sql/site_drop.sql");
    let drop = typed::rows(client, drop, &[&site.schema()]).await?;
    let drop: Result<Vec<String>, Error> = drop.iter().map(|row| row.try_get(0)).collect();
    client.batch_execute(&drop?.join(";\n")).await?;
    // Nobody writes to tables that are about to go, so that what waits now is all that ever will.
    let is_empty = include_str!("sql/journal_is_empty.sql");
    let is_empty = typed::row(client, is_empty, &[&site.as_str()]).await?;
    if !is_empty.try_get::<_, bool>(0)? {
        client.batch_execute("ROLLBACK").await?;
        return Ok(false);
    }
    let remove = include_str!("sql/site_remove.sql");
    typed::execute(client, remove, &[&site.as_str()]).await?;
    client.batch_execute("COMMIT").await?;
    Ok(true)
}
