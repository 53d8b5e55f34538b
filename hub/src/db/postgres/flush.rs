//! One flush of one site: reading the journal, and writing down what became of it.
//!
//! The flush has a connection to itself, whose lock keeps other flushes of the site away. It writes
//! in one transaction, after the log of edits has the commit: whenever it ends before, the next flush
//! finds the journal's rows in the log.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use tokio_postgres::Error;

use causeway_shared::commit::Owner;
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Md5, Name, Part, SiteName};

use super::connection::{Connections, answered};
use super::session::{Session, Work};
use super::{error, journal, mark, read, requests, typed};
use crate::db::known_sites::KnownSites;
use crate::db::records::{partition, stored_count, unreadable};
use crate::db::{
    DbError, FlushChange, JournalEntry, PartVersion, SiteFlush, SiteState, StoredSite,
};

pub(super) struct PostgresFlush {
    client: Session,
    database: String,
    site: SiteName,
    /// Where the database was when this last read what is stored.
    place: Option<String>,
    known: Arc<KnownSites>,
}

impl PostgresFlush {
    /// Waits for a connection and the site's lock.
    pub(super) async fn begin(connections: &Connections, site: SiteName) -> Result<Self, DbError> {
        let mut client = Session::begin(connections, Work::Flush, &site).await?;
        client.is_clean = true;
        Ok(Self {
            client,
            database: connections.describe().to_owned(),
            site,
            place: None,
            known: Arc::clone(&connections.known),
        })
    }

    fn failed(&self, action: &'static str, error: Error) -> DbError {
        error::of(&self.database, action, error)
    }

    async fn write(&self, change: &FlushChange<'_>) -> Result<(), Error> {
        let client = &*self.client;
        let site = self.site.as_str();
        let lock = include_str!("sql/flush_lock.sql");
        let stands_at: Option<i64> = match typed::row_if_any(client, lock, &[&site]).await? {
            Some(row) => row.try_get(0)?,
            None => None,
        };
        if !change.flushed.is_empty() {
            let sql = include_str!("sql/journal_remove.sql");
            typed::execute(client, sql, &[&site, &change.flushed]).await?;
        }
        let moves_on = stands_at.unwrap_or(0) == stored_count(change.was.seq().0);
        if moves_on {
            mark::write_edits(client, site, change.was, change.now).await?;
        }
        self.write_versions(change).await?;
        if !change.asked.is_empty() {
            let dates: Vec<String> = change.asked.iter().map(ToString::to_string).collect();
            let sql = include_str!("sql/asked_put.sql");
            let at = change.at.to_string();
            typed::execute(client, sql, &[&site, &dates, &at]).await?;
        }
        if change.hold {
            let sql = include_str!("sql/journal_hold.sql");
            typed::execute(client, sql, &[&site]).await?;
        }
        // Its members are texts and numbers, so it is always JSON.
        let head = change.now.head.as_ref();
        let head = head.map(|head| serde_json::to_string(head).unwrap_or_default());
        let sql = include_str!("sql/flush_mark.sql");
        typed::execute(
            client,
            sql,
            &[
                &site,
                &moves_on,
                &head,
                &change.moves_loaded_seq,
                &change.start_known,
                &change.writable,
                &self.place,
            ],
        )
        .await?;
        Ok(())
    }

    async fn write_versions(&self, change: &FlushChange<'_>) -> Result<(), Error> {
        if change.versions.is_empty() {
            return Ok(());
        }
        let site = self.site.as_str();
        let versions = change.versions;
        let tables: Vec<&str> = versions.keys().map(|(table, _)| table.as_str()).collect();
        let parts: Vec<String> = versions.keys().map(|(_, part)| part.to_string()).collect();
        let known: Vec<bool> = versions.values().map(Option::is_some).collect();
        let md5s = |of: fn(&(PartVersion, PartVersion)) -> Option<Md5>| -> Vec<Option<String>> {
            let md5s = versions.values().map(|pair| pair.as_ref().and_then(of));
            md5s.map(|md5| md5.map(|md5| md5.to_string())).collect()
        };
        let (was_objects, was_edits) = (md5s(|v| v.0.object), md5s(|v| v.0.edits));
        let (objects, edits) = (md5s(|v| v.1.object), md5s(|v| v.1.edits));
        let sql = include_str!("sql/flush_versions.sql");
        typed::execute(
            &self.client,
            sql,
            &[
                &site,
                &tables,
                &parts,
                &known,
                &was_objects,
                &was_edits,
                &objects,
                &edits,
            ],
        )
        .await?;
        let sql = include_str!("sql/flush_partitions_add.sql");
        typed::execute(&self.client, sql, &[&site, &tables, &parts]).await?;
        if change.empties_partitions() {
            let sql = include_str!("sql/flush_partitions_remove.sql");
            typed::execute(&self.client, sql, &[&site, &tables, &parts]).await?;
        }
        Ok(())
    }
}

impl PostgresFlush {
    async fn read_stored(&mut self) -> Result<StoredSite, DbError> {
        let failed = |error| error::of(&self.database, "reading", error);
        self.client.is_clean = false;
        // A load may commit at any moment.
        let snapshot = include_str!("sql/snapshot.sql");
        self.client.batch_execute(snapshot).await.map_err(failed)?;
        let records = read::records(&self.client, &self.site, &self.known).await;
        let place = include_str!("sql/place_read.sql");
        let place = typed::row(&self.client, place, &[]).await;
        self.client.batch_execute("COMMIT").await.map_err(failed)?;
        self.client.is_clean = true;
        let place = place.and_then(|row| row.try_get(0));
        self.place = place.map_err(|error| error::of_own(&self.database, "reading", error))?;
        match records.map_err(|error| error::of_own(&self.database, "reading", error))? {
            Some(records) => records.stored(&self.database, &self.known),
            None => Ok(StoredSite::empty(SiteState::unknown(self.site.clone()))),
        }
    }

    async fn read_journal(
        &self,
        dataset: &Dataset,
        most: usize,
    ) -> Result<Vec<JournalEntry>, DbError> {
        let sql = include_str!("sql/journal_read.sql");
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = typed::rows(&self.client, sql, &[&self.site.as_str(), &most]).await;
        let rows = rows.map_err(|error| self.failed("reading the journal", error))?;
        let entry = |row| {
            let entry = journal::entry(row, dataset);
            entry.map_err(|what| unreadable(&self.database, self.site.as_str(), what))
        };
        rows.iter().map(entry).collect()
    }

    async fn write_down(&mut self, change: &FlushChange<'_>) -> Result<(), DbError> {
        self.client.is_clean = false;
        let begun = self.client.batch_execute("BEGIN").await;
        begun.map_err(|error| self.failed("flushing", error))?;
        let written = self.write(change).await;
        let end = match written {
            Ok(()) => "COMMIT",
            Err(_) => "ROLLBACK",
        };
        let ended = self.client.batch_execute(end).await;
        self.client.is_clean = ended.is_ok();
        written
            .and(ended)
            .map_err(|error| self.failed("flushing", error))
    }
}

#[async_trait]
impl SiteFlush for PostgresFlush {
    async fn stored(&mut self) -> Result<StoredSite, DbError> {
        let database = self.database.clone();
        answered(&database, self.read_stored()).await
    }

    async fn identity(&mut self) -> Result<Owner, DbError> {
        let identity = requests::identity(&self.client, &self.database);
        answered(&self.database, identity).await
    }

    async fn journal(
        &mut self,
        dataset: &Dataset,
        most: usize,
    ) -> Result<Vec<JournalEntry>, DbError> {
        answered(&self.database, self.read_journal(dataset, most)).await
    }

    async fn journal_parts(&mut self) -> Result<BTreeSet<(Name, Part)>, DbError> {
        let parts = include_str!("sql/journal_parts.sql");
        let parts = typed::rows(&self.client, parts, &[&self.site.as_str()]).await;
        let parts = parts.map_err(|error| self.failed("reading the journal", error))?;
        let parts = parts.iter();
        Ok(parts
            .filter_map(|row| partition(row.get(0), row.get(1)))
            .collect())
    }

    async fn commit(&mut self, change: &FlushChange<'_>) -> Result<(), DbError> {
        let database = self.database.clone();
        answered(&database, self.write_down(change)).await
    }
}
