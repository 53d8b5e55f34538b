//! The database in PostgreSQL: a schema per site, the hub's own tables in schema `causeway`.
//!
//! All connections are of one small pool, but for two that are kept for flushes. A load or a flush has
//! one to itself: dropping it at any point rolls back and frees its locks, so that nothing has to be
//! cleaned up.

mod change;
mod connection;
mod error;
mod flush;
mod grants;
mod held_connection;
mod indexes;
mod journal;
mod load;
mod mark;
#[cfg(feature = "lambda")]
mod master;
mod partials;
mod read;
mod render;
mod requests;
mod session;
mod sign_in;
mod statement;
mod tls;
mod triggers;
mod typed;
mod upgrade;
mod write;
mod writers;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use jiff::tz::TimeZone;

use causeway_shared::commit::Owner;
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::ids::{Md5, Name, Part, Seq, SiteName};

use super::records::stored_count;
use super::{
    Database, DbError, JournalEntry, LoadedCounts, Outline, Partial, Query, Row, RowBatches,
    SiteFlush, SiteLoad, SiteState, SiteWrite, StoredSite, Writer, address,
};
use crate::config::DatabaseConfig;
use connection::Connections;
#[cfg(feature = "lambda")]
pub(crate) use master::Master;
#[cfg(any(test, feature = "testing"))]
use sign_in::SignIn;

/// A PostgreSQL database.
#[derive(Debug)]
pub(crate) struct PostgresDatabase {
    connections: Connections,
    address: String,
}

impl PostgresDatabase {
    /// The database that a configuration names. It is not connected to yet. Whether TLS is used, and whose
    /// certificate is believed, the URL's `sslmode` and a file of root certificates say.
    ///
    /// # Errors
    /// [`DbError::Configuration`] if the URL, the file or the number of connections cannot be used, or a
    /// secret that cannot be read.
    pub(crate) async fn open_signing_in(config: &DatabaseConfig) -> Result<Self, DbError> {
        let (config, sign_in) = sign_in::of(config).await?;
        Ok(Self {
            connections: Connections::new(&config, sign_in)?,
            address: address(&config),
        })
    }

    /// The same, where the URL says who signs in.
    ///
    /// # Errors
    /// [`DbError::Configuration`]
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn open(config: &DatabaseConfig, address: String) -> Result<Self, DbError> {
        let connections = Connections::new(config, SignIn::Url)?;
        Ok(Self {
            connections,
            address,
        })
    }
}

#[async_trait]
impl Database for PostgresDatabase {
    fn describe(&self) -> String {
        self.connections.describe().to_owned()
    }

    fn gives_keys(&self) -> bool {
        true
    }

    fn loads_at_once(&self) -> usize {
        self.connections.places_at_most
    }

    fn has_server(&self) -> bool {
        true
    }

    async fn ping(&self) -> Result<(), DbError> {
        self.answers().await
    }

    async fn writers(&self) -> Result<Vec<Writer>, DbError> {
        self.connections.retrying(|| self.read_writers()).await
    }

    async fn has_triggers(
        &self,
        site: &SiteName,
        dataset: &Dataset,
        zone: &TimeZone,
    ) -> Result<bool, DbError> {
        let look = || self.look_at_triggers(site, dataset, zone);
        self.connections.retrying(look).await
    }

    fn address(&self) -> &str {
        &self.address
    }

    async fn init(&self) -> Result<(), DbError> {
        self.connections
            .retrying(|| self.connections.upgrade(&self.address))
            .await
    }

    async fn identity(&self) -> Result<Owner, DbError> {
        self.connections.retrying(|| self.read_identity()).await
    }

    async fn set_identity(&self, identity: &Owner) -> Result<(), DbError> {
        self.connections
            .retrying(|| self.write_identity(identity))
            .await
    }

    async fn keys_left(&self) -> Result<u64, DbError> {
        self.connections.retrying(|| self.read_keys_left()).await
    }

    async fn set_keys(&self, keys: RangeInclusive<i64>) -> Result<(), DbError> {
        // Once: after a lost answer keys may have been given already, and a second try would begin anew.
        self.write_keys(&keys).await
    }

    async fn waiting(
        &self,
        site: &SiteName,
        dataset: &Dataset,
        most: usize,
    ) -> Result<(SiteState, Vec<JournalEntry>), DbError> {
        self.connections
            .retrying(|| self.read_waiting(site, dataset, most))
            .await
    }

    async fn drop_keys(&self) -> Result<(), DbError> {
        self.connections.retrying(|| self.remove_keys()).await
    }

    async fn begin_flush(&self, site: &SiteName) -> Result<Box<dyn SiteFlush>, DbError> {
        let flush = flush::PostgresFlush::begin(&self.connections, site.clone()).await?;
        Ok(Box::new(flush))
    }

    async fn begin_write(
        &self,
        site: &SiteName,
        _dataset: &Dataset,
        actor: &str,
    ) -> Result<Box<dyn SiteWrite>, DbError> {
        let begin = || write::PostgresWrite::begin(&self.connections, site.clone(), actor);
        let write = self.connections.retrying(begin).await?;
        Ok(Box::new(write))
    }

    async fn query(
        &self,
        site: &SiteName,
        queries: &[Query],
        loaded: &BTreeSet<(Name, Part)>,
    ) -> Result<Option<Vec<Vec<Row>>>, DbError> {
        self.connections
            .retrying(|| self.run_queries(site, queries, loaded))
            .await
    }

    async fn sites(&self) -> Result<Vec<SiteState>, DbError> {
        self.connections.retrying(|| self.read_sites()).await
    }

    async fn stored(&self, site: &SiteName) -> Result<StoredSite, DbError> {
        self.connections.retrying(|| self.read_stored(site)).await
    }

    async fn outline(&self, site: &SiteName, changed: &BTreeSet<Part>) -> Result<Outline, DbError> {
        self.connections
            .retrying(|| self.read_outline(site, changed))
            .await
    }

    async fn note(
        &self,
        site: &SiteName,
        log_head: Option<Seq>,
        error: Option<&str>,
    ) -> Result<(), DbError> {
        let log_head = log_head.map(|seq| stored_count(seq.0));
        // PostgreSQL takes no U+0000, and a note must not fail over what it notes.
        let error = error.map(|error| error.replace('\0', "\u{fffd}"));
        self.connections
            .retrying(|| self.write_note(site, log_head, error.as_deref()))
            .await
    }

    async fn note_wanted(
        &self,
        site: &SiteName,
        revision: u64,
        wanted: Md5,
    ) -> Result<(), DbError> {
        self.connections
            .retrying(|| self.write_wanted(site, revision, wanted))
            .await
    }

    async fn copy(&self, key: &str, body: &[u8]) -> Result<(), DbError> {
        self.connections.retrying(|| self.put_copy(key, body)).await
    }

    async fn copied(&self, key: &str) -> Result<Option<Vec<u8>>, DbError> {
        self.connections.retrying(|| self.read_copy(key)).await
    }

    async fn replace_copy(&self, key: &str, was: &[u8], now: &[u8]) -> Result<bool, DbError> {
        self.connections
            .retrying(|| self.put_copy_for(key, was, now))
            .await
    }

    async fn partials(
        &self,
        site: &SiteName,
        what: &str,
        parts: &[Part],
    ) -> Result<Vec<Partial>, DbError> {
        let read = || self.read_partials(site, what, parts);
        self.connections.retrying(read).await
    }

    async fn partial_versions(
        &self,
        site: &SiteName,
        what: &str,
    ) -> Result<BTreeMap<Part, Md5>, DbError> {
        let read = || self.read_partial_versions(site, what);
        self.connections.retrying(read).await
    }

    async fn put_partials(
        &self,
        site: &SiteName,
        what: &str,
        partials: &[Partial],
    ) -> Result<(), DbError> {
        let put = || self.write_partials(site, what, partials);
        self.connections.retrying(put).await
    }

    async fn retain_partials(
        &self,
        site: &SiteName,
        kept: &BTreeSet<Part>,
    ) -> Result<u64, DbError> {
        let retain = || self.drop_other_partials(site, kept);
        self.connections.retrying(retain).await
    }

    async fn begin_load(&self, site: &SiteName) -> Result<Box<dyn SiteLoad>, DbError> {
        let load = load::PostgresLoad::begin(&self.connections, site.clone()).await?;
        Ok(Box::new(load))
    }

    async fn rows(
        &self,
        site: &SiteName,
        table: &Table,
        part: Part,
    ) -> Result<RowBatches, DbError> {
        let client = self.connections.client().await?;
        let database = self.connections.describe().to_owned();
        let rows = read::rows(client, render::select_rows(site, table), table, part).await;
        let rows = rows.map_err(|error| self.error(error))?;
        Ok(rows
            .map(move |batch| batch.map_err(|error| error::of(&database, "reading", error)))
            .boxed())
    }

    async fn part_counts(
        &self,
        site: &SiteName,
        table: &Table,
    ) -> Result<Vec<(Option<String>, u64)>, DbError> {
        let sql = render::part_counts(site, table);
        self.connections
            .retrying(|| self.read_part_counts(&sql))
            .await
    }

    async fn sizes(&self, site: &SiteName) -> Result<BTreeMap<String, u64>, DbError> {
        self.connections.retrying(|| self.read_sizes(site)).await
    }

    async fn counts(
        &self,
        site: &SiteName,
        table: &Table,
        column: usize,
    ) -> Result<LoadedCounts, DbError> {
        self.connections
            .retrying(|| self.read_counts(site, table, column))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> DatabaseConfig {
        DatabaseConfig {
            url: url.to_owned(),
            ..DatabaseConfig::default()
        }
    }

    #[test]
    fn what_this_version_cannot_connect_to_is_refused_by_name() {
        let problem = |url: &str| {
            let database = PostgresDatabase::open(&at(url), String::new());
            database.unwrap_err().to_string()
        };
        let one = DatabaseConfig {
            connections: 2,
            ..at("postgres://me@db/causeway")
        };
        let refused = PostgresDatabase::open(&one, String::new()).unwrap_err();
        insta::assert_snapshot!(refused, @"configuration, database: `connections` must be at least 3");
        insta::assert_snapshot!(
            problem("postgres://me:secret@db/causeway?sslmode=always"),
            @"configuration, database: `sslmode` must be disable, prefer, require, verify-ca or verify-full"
        );
        insta::assert_snapshot!(
            problem("postgres://me:secret@db:port/causeway"),
            @"configuration, database: `url` is not of the form postgres://user:password@host/database"
        );
        insta::assert_snapshot!(
            problem("postgres:///causeway?hostaddr=127.0.0.1&sslmode=require"),
            @"configuration, database: a server that has to encrypt is known by its name; write `host` in `url`"
        );
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_named_without_the_password() {
        let config = at("postgres://me:secret@127.0.0.1:1/causeway");
        let database = PostgresDatabase::open(&config, String::new()).unwrap();
        assert!(!format!("{database:?}").contains("secret"));
        let error = database.sites().await.unwrap_err();
        assert!(error.is_retryable());
        insta::assert_snapshot!(
            error,
            @"postgres://me@127.0.0.1:1/causeway cannot be reached: error connecting to server: Connection refused (os error 111)"
        );
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_given_up() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://me@{}/causeway", silent.local_addr().unwrap());
        let database = PostgresDatabase::open(&at(&url), String::new()).unwrap();
        let site = SiteName::new("here").unwrap();
        let (load, flush) = tokio::join!(database.begin_load(&site), database.begin_flush(&site));
        for error in [load.err().unwrap(), flush.err().unwrap()] {
            assert!(matches!(error, DbError::Unreachable { .. }), "{error}");
        }
    }
}
