//! What the database is asked, each by a connection of the pool.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use deadpool_postgres::Object;
use jiff::tz::TimeZone;
use tokio::join;
use tokio_postgres::Client;

use causeway_shared::commit::Owner;
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::ids::{Md5, Name, Part, SiteName};

use super::held_connection::HeldConnection;
use super::{PostgresDatabase, error, journal, read, render, statement, triggers, typed};
use crate::db::records::{stored_count, unreadable};
use crate::db::{DbError, JournalEntry, LoadedCounts, Outline, Query, Row, SiteState, StoredSite};

impl PostgresDatabase {
    pub(super) fn error(&self, error: tokio_postgres::Error) -> DbError {
        error::of(self.connections.describe(), "reading", error)
    }

    pub(super) async fn read_sites(&self) -> Result<Vec<SiteState>, DbError> {
        let client = self.connections.client().await?;
        let records = read::all_sites(&client).await;
        records
            .map_err(|error| error::of_own(self.connections.describe(), "reading", error))?
            .into_iter()
            .map(|record| {
                let site = record.site.clone();
                SiteState::or_unreadable(&site, record.state(self.connections.describe()))
            })
            .collect()
    }

    pub(super) async fn read_stored(&self, site: &SiteName) -> Result<StoredSite, DbError> {
        let mut client = self.connections.client().await?;
        let database = self.connections.describe();
        let transaction = self.snapshot(&mut client).await?;
        let records = read::records(transaction.client(), site, &self.connections.known).await;
        let records = records.map_err(|error| error::of_own(database, "reading", error))?;
        transaction
            .commit()
            .await
            .map_err(|error| self.error(error))?;
        match records {
            Some(records) => records.stored(database, &self.connections.known),
            None => Ok(StoredSite::empty(SiteState::unknown(site.clone()))),
        }
    }

    pub(super) async fn read_outline(
        &self,
        site: &SiteName,
        changed: &BTreeSet<Part>,
    ) -> Result<Outline, DbError> {
        let client = self.connections.client().await?;
        let database = self.connections.describe();
        let read = read::outline(&client, site, changed).await;
        match read.map_err(|error| error::of_own(database, "reading", error))? {
            Some(read) => read.outline(database),
            None => Ok(Outline {
                stored: StoredSite::empty(SiteState::unknown(site.clone())),
                others: 0,
                keeps: false,
            }),
        }
    }

    pub(super) async fn read_waiting(
        &self,
        site: &SiteName,
        dataset: &Dataset,
        most: usize,
    ) -> Result<(SiteState, Vec<JournalEntry>), DbError> {
        let mut client = self.connections.client().await?;
        let database = self.connections.describe();
        let transaction = self.snapshot(&mut client).await?;
        let client = transaction.client();
        let states = read::sites(client, Some(site)).await;
        let states = states.map_err(|error| error::of_own(database, "reading", error))?;
        let state = match states.into_iter().next() {
            Some(record) => record.state(database)?,
            None => SiteState::unknown(site.clone()),
        };
        let sql = include_str!("sql/journal_newest.sql");
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = typed::rows(client, sql, &[&site.as_str(), &most]).await;
        let rows = rows.map_err(|error| self.error(error))?;
        let ended = transaction.commit().await;
        ended.map_err(|error| self.error(error))?;
        let entry = |row| {
            let entry = journal::entry(row, dataset);
            entry.map_err(|what| unreadable(database, site.as_str(), what))
        };
        let rows: Result<_, DbError> = rows.iter().map(entry).collect();
        Ok((state, rows?))
    }

    pub(super) async fn write_note(
        &self,
        site: &SiteName,
        log_head: Option<i64>,
        failure: Option<&str>,
    ) -> Result<(), DbError> {
        let client = self.connections.client().await?;
        let sql = include_str!("sql/site_note.sql");
        typed::execute(&client, sql, &[&site.as_str(), &log_head, &failure])
            .await
            .map(|_| ())
            .map_err(|error| error::of_own(self.connections.describe(), "writing", error))
    }

    pub(super) async fn write_wanted(
        &self,
        site: &SiteName,
        revision: u64,
        wanted: Md5,
    ) -> Result<(), DbError> {
        let client = self.connections.client().await?;
        let (revision, wanted) = (stored_count(revision), wanted.to_string());
        let sql = include_str!("sql/site_wanted.sql");
        typed::execute(&client, sql, &[&site.as_str(), &revision, &wanted])
            .await
            .map(|_| ())
            .map_err(|error| error::of_own(self.connections.describe(), "writing", error))
    }

    pub(super) async fn put_copy(&self, key: &str, body: &[u8]) -> Result<(), DbError> {
        let client = self.connections.client().await?;
        let sql = include_str!("sql/copy_put.sql");
        let copied = typed::execute(&client, sql, &[&key, &body]).await;
        copied
            .map(|_| ())
            .map_err(|error| error::of_own(self.connections.describe(), "writing", error))
    }

    pub(super) async fn put_copy_for(
        &self,
        key: &str,
        was: &[u8],
        now: &[u8],
    ) -> Result<bool, DbError> {
        let client = self.connections.client().await?;
        let sql = include_str!("sql/copy_replace.sql");
        let replaced = typed::execute(&client, sql, &[&key, &was, &now]).await;
        replaced
            .map(|rows| rows > 0)
            .map_err(|error| error::of_own(self.connections.describe(), "writing", error))
    }

    pub(super) async fn read_copy(&self, key: &str) -> Result<Option<Vec<u8>>, DbError> {
        let client = self.connections.client().await?;
        let sql = include_str!("sql/copy_read.sql");
        let row = typed::row_if_any(&client, sql, &[&key]).await;
        row.and_then(|row| row.map(|row| row.try_get(0)).transpose())
            .map_err(|error| error::of_own(self.connections.describe(), "reading", error))
    }

    pub(super) async fn read_part_counts(
        &self,
        sql: &str,
    ) -> Result<Vec<(Option<String>, u64)>, DbError> {
        let client = self.connections.client().await?;
        let counts = read::part_counts(&client, sql).await;
        counts.map_err(|error| self.error(error))
    }

    pub(super) async fn read_sizes(
        &self,
        site: &SiteName,
    ) -> Result<BTreeMap<String, u64>, DbError> {
        let client = self.connections.client().await?;
        let sizes = read::sizes(&client, &site.schema()).await;
        sizes.map_err(|error| self.error(error))
    }

    pub(super) async fn read_counts(
        &self,
        site: &SiteName,
        table: &Table,
        column: usize,
    ) -> Result<LoadedCounts, DbError> {
        let mut client = self.connections.client().await?;
        let transaction = self.snapshot(&mut client).await?;
        let sql = render::counts(site, table, column);
        let ty = table.columns[column].ty;
        let counts = read::counts(transaction.client(), site, &sql, ty).await;
        let counts = counts.map_err(|error| self.error(error))?;
        let ended = transaction.commit().await;
        ended.map_err(|error| self.error(error))?;
        Ok(counts)
    }

    pub(super) async fn look_at_triggers(
        &self,
        site: &SiteName,
        dataset: &Dataset,
        zone: &TimeZone,
    ) -> Result<bool, DbError> {
        let client = self.connections.client().await?;
        let triggers = triggers::statements(&client, site, dataset, zone).await;
        Ok(triggers.map_err(|error| self.error(error))?.are_there)
    }

    /// A transaction that reads everything as of one instant.
    async fn snapshot<'c>(
        &self,
        client: &'c mut Object,
    ) -> Result<deadpool_postgres::Transaction<'c>, DbError> {
        let snapshot = client
            .build_transaction()
            .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
            .read_only(true)
            .start();
        snapshot.await.map_err(|error| self.error(error))
    }

    pub(super) async fn read_identity(&self) -> Result<Owner, DbError> {
        let client = self.connections.client().await?;
        identity(&client, self.connections.describe()).await
    }

    pub(super) async fn write_identity(&self, identity: &Owner) -> Result<(), DbError> {
        let client = self.connections.client().await?;
        let sql = include_str!("sql/identity_set.sql");
        let set = typed::execute(&client, sql, &[&identity.id, &identity.address]).await;
        set.map(|_| ())
            .map_err(|error| error::of_own(self.connections.describe(), "writing", error))
    }

    pub(super) async fn read_keys_left(&self) -> Result<u64, DbError> {
        let client = self.connections.client().await?;
        let sql = include_str!("sql/keys_left.sql");
        let row = typed::row(&client, sql, &[]).await;
        let left = row.and_then(|row| row.try_get::<_, i64>(0));
        left.map(i64::unsigned_abs)
            .map_err(|error| error::of_own(self.connections.describe(), "reading", error))
    }

    pub(super) async fn write_keys(&self, keys: &RangeInclusive<i64>) -> Result<(), DbError> {
        let client = self.connections.client().await?;
        // A batch is one transaction.
        let sql = render::set_keys(*keys.start(), *keys.end());
        let set = client.batch_execute(&sql).await;
        set.map_err(|error| error::of_own(self.connections.describe(), "writing", error))
    }

    pub(super) async fn remove_keys(&self) -> Result<(), DbError> {
        let client = self.connections.client().await?;
        let dropped = client.batch_execute(include_str!("sql/keys_drop.sql"));
        let dropped = dropped.await;
        dropped.map_err(|error| error::of_own(self.connections.describe(), "writing", error))
    }

    pub(super) async fn run_queries(
        &self,
        site: &SiteName,
        queries: &[Query],
        loaded: &BTreeSet<(Name, Part)>,
    ) -> Result<Option<Vec<Vec<Row>>>, DbError> {
        let mut connection = HeldConnection::for_transaction(self.connections.client().await?);
        let client = &*connection;
        // Before the server is asked for all at once, in this order.
        let statement = read::prepare_are_loaded(client).await;
        let statement = statement.map_err(|error| self.error(error))?;
        let begin = render::begin_query(site);
        let (begun, looked, answers) = join!(
            client.batch_execute(&begin),
            read::are_loaded(client, &statement, (site, loaded)),
            statement::query_all_and_commit(client, site, queries),
        );
        if answers.is_ok() {
            connection.end_transaction();
        }
        let are_loaded = begun.and(looked).map_err(|error| self.error(error))?;
        if !are_loaded {
            // Whatever the statements make of that.
            return Ok(None);
        }
        answers.map(Some).map_err(|error| self.error(error))
    }
}

/// Who the database is, by its own record.
pub(super) async fn identity(client: &Client, database: &str) -> Result<Owner, DbError> {
    let sql = include_str!("sql/identity_read.sql");
    let failed = |error| error::of_own(database, "reading", error);
    let rows = typed::rows(client, sql, &[]).await.map_err(failed)?;
    let row = match &*rows {
        [] => {
            return Err(DbError::NotInitialised {
                database: database.to_owned(),
            });
        }
        [row] => row,
        rows => {
            return Err(DbError::Configuration {
                problem: format!(
                    "{database} holds {} identities, as after a restore over itself that did not take \
                     out what was there; restore it again in one transaction (`pg_restore --clean --if-exists -1`)",
                    rows.len()
                ),
            });
        }
    };
    Ok(Owner {
        id: row.try_get(0).map_err(failed)?,
        address: row.try_get(1).map_err(failed)?,
    })
}
