//! The database in SQLite files: `causeway.db` names the sites, `<site>.db` holds all that belongs
//! to one, since attached files do not commit as one; only what can be made again is in
//! `<site>.partials.db`. For one process at a time to serve from.
//!
//! Each operation opens the file that it needs, works and closes it, on a thread that may block; how
//! the sites stand is read once for each change of their files.
//! The files are in WAL mode, so readers go on seeing the last state while a load writes.

mod change;
mod file;
mod fill;
mod flush;
mod functions;
mod judge;
mod load;
mod mark;
mod partials;
mod read;
mod render;
mod search;
#[cfg(test)]
mod tests;
mod triggers;
mod unchanged;
mod value;
mod write;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::OwnedMutexGuard;

#[cfg(any(test, feature = "testing"))]
pub(crate) use search::register as register_search;

use causeway_shared::commit::Owner;
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::ids::{Md5, Name, Part, Seq, SiteName};
use causeway_shared::runtime::clock;

use super::known_sites::KnownSites;
use super::records::{SiteRecord, stored_count};
use super::{
    Database, DbError, JournalEntry, LoadedCounts, Outline, Partial, Query, Row, RowBatches,
    SiteFlush, SiteLoad, SiteState, SiteWrite, StoredSite, records,
};
use unchanged::Unchanged;

/// The database in a folder.
#[derive(Debug, Clone)]
pub(crate) struct SqliteDatabase {
    files: Arc<Files>,
    address: String,
}

/// Where the files are.
#[derive(Debug)]
struct Files {
    folder: PathBuf,
    /// The sites whose log was read since this process opened the database, each with the greatest
    /// revision that was seen since: where a file has a smaller one, an older self was put there.
    starts_known: Mutex<BTreeMap<SiteName, i64>>,
    /// The keys of rows that are born here: the rest of the block that this process took last. Each
    /// process takes one of its own.
    keys: Mutex<Option<RangeInclusive<i64>>>,
    known_sites: KnownSites,
    known: Unchanged<Vec<SiteName>>,
    records: Unchanged<SiteRecord>,
    /// Whose turn it is to write to a site's file.
    turns: Mutex<HashMap<SiteName, Arc<tokio::sync::Mutex<()>>>>,
    /// Bytes of each table. To tell them SQLite reads every page of the file.
    sizes: Unchanged<BTreeMap<String, u64>>,
}

impl Files {
    /// The turn to write to a site's file, in the order in which this process asked for it. SQLite has whoever
    /// finds it locked sleep and look again, and one of many may find it so for seconds.
    async fn turn(&self, site: &SiteName) -> OwnedMutexGuard<()> {
        let turn = {
            // The map is whole between any two of its operations, also if a holder panicked.
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(site.clone()).or_default())
        };
        turn.lock_owned().await
    }

    fn starts_known(&self) -> MutexGuard<'_, BTreeMap<SiteName, i64>> {
        // The map is whole between any two of its operations, also if a holder panicked.
        let known = self.starts_known.lock();
        known.unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the log was read since the file that a connection reads was put there.
    fn start_is_known(&self, site: &SiteName, connection: &Connection) -> rusqlite::Result<bool> {
        // Before the file is read, which another thread may change at any moment.
        let seen = self.starts_known().get(site).copied();
        let revision = read::revision(connection)?;
        let is_known = seen.is_some_and(|seen| revision >= seen);
        if is_known && let Some(seen) = self.starts_known().get_mut(site) {
            *seen = revision.max(*seen);
        }
        Ok(is_known)
    }

    fn know_start(&self, site: &SiteName) {
        self.starts_known().insert(site.clone(), 0);
    }

    /// A key that no other row has.
    fn next_key(&self) -> Option<i64> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.as_mut()?.next()
    }
}

impl SqliteDatabase {
    /// The database in a folder, which [`init`](Database::init) makes.
    #[must_use]
    pub(crate) fn open(folder: &Path, address: String) -> Self {
        let folder = folder.to_owned();
        Self {
            files: Arc::new(Files {
                folder,
                starts_known: Mutex::default(),
                keys: Mutex::default(),
                known_sites: KnownSites::default(),
                known: Unchanged::default(),
                records: Unchanged::default(),
                turns: Mutex::default(),
                sizes: Unchanged::default(),
            }),
            address,
        }
    }

    /// Does something with the files on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        let files = Arc::clone(&self.files);
        file::blocking(move || work(&files)).await
    }

    /// Reads from a site's file.
    async fn read<T: Send + 'static>(
        &self,
        site: &SiteName,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DbError> {
        let site = site.clone();
        self.blocking(move |files| {
            let connection = files.site(&site)?;
            work(&connection).map_err(|error| files.error("reading", error))
        })
        .await
    }
}

/// Who the database is, by its own record.
fn identity(files: &Files) -> Result<Owner, DbError> {
    let sql = include_str!("sqlite/sql/identity_read.sql");
    let identity = files.hub()?.query_row(sql, [], |row| {
        Ok(Owner {
            id: row.get(0)?,
            address: row.get(1)?,
        })
    });
    let identity = identity.optional();
    let identity = identity.map_err(|error| files.error("reading", error))?;
    identity.ok_or_else(|| DbError::NotInitialised {
        database: files.describe(),
    })
}

#[async_trait]
impl Database for SqliteDatabase {
    fn describe(&self) -> String {
        self.files.describe()
    }

    fn gives_keys(&self) -> bool {
        false
    }

    fn loads_at_once(&self) -> usize {
        tokio::sync::Semaphore::MAX_PERMITS
    }

    async fn has_triggers(
        &self,
        site: &SiteName,
        dataset: &Dataset,
        zone: &TimeZone,
    ) -> Result<bool, DbError> {
        let (site, triggers) = (site.clone(), triggers::Made::of(site, dataset, zone));
        self.blocking(move |files| {
            if !files.known()?.contains(&site) {
                return Ok(true);
            }
            let there = triggers.are_there(&files.site(&site)?);
            there.map_err(|error| files.error("reading", error))
        })
        .await
    }

    fn address(&self) -> &str {
        &self.address
    }

    async fn init(&self) -> Result<(), DbError> {
        let address = self.address.clone();
        self.blocking(move |files| files.init(&address)).await
    }

    async fn identity(&self) -> Result<Owner, DbError> {
        self.blocking(identity).await
    }

    async fn set_identity(&self, identity: &Owner) -> Result<(), DbError> {
        let Owner { id, address } = identity.clone();
        self.blocking(move |files| {
            let sql = include_str!("sqlite/sql/identity_set.sql");
            let set = files.hub()?.execute(sql, [id, address]);
            set.map(|_| ())
                .map_err(|error| files.error("writing", error))
        })
        .await
    }

    async fn keys_left(&self) -> Result<u64, DbError> {
        let keys = self
            .files
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let left = keys.as_ref().filter(|keys| !keys.is_empty());
        Ok(left.map_or(0, |keys| {
            keys.end().abs_diff(*keys.start()).saturating_add(1)
        }))
    }

    async fn set_keys(&self, keys: RangeInclusive<i64>) -> Result<(), DbError> {
        *self
            .files
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(keys);
        Ok(())
    }

    async fn waiting(
        &self,
        site: &SiteName,
        _dataset: &Dataset,
        most: usize,
    ) -> Result<(SiteState, Vec<JournalEntry>), DbError> {
        let site = site.clone();
        self.blocking(move |files| {
            if !files.known()?.contains(&site) {
                return Ok((SiteState::unknown(site), Vec::new()));
            }
            flush::waiting(files, &files.site(&site)?, &site, most)
        })
        .await
    }

    async fn drop_keys(&self) -> Result<(), DbError> {
        *self
            .files
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    async fn begin_flush(&self, site: &SiteName) -> Result<Box<dyn SiteFlush>, DbError> {
        let flush = flush::SqliteFlush::begin(Arc::clone(&self.files), site.clone()).await?;
        Ok(Box::new(flush))
    }

    async fn begin_write(
        &self,
        site: &SiteName,
        dataset: &Dataset,
        actor: &str,
    ) -> Result<Box<dyn SiteWrite>, DbError> {
        let (site, dataset) = (site.clone(), dataset.clone());
        let files = Arc::clone(&self.files);
        let own = Owner {
            address: self.address.clone(),
            ..self.identity().await?
        };
        let write = write::SqliteWrite::begin(files, site, dataset, actor.to_owned(), own).await?;
        Ok(Box::new(write))
    }

    async fn query(
        &self,
        site: &SiteName,
        queries: &[Query],
        loaded: &BTreeSet<(Name, Part)>,
    ) -> Result<Option<Vec<Vec<Row>>>, DbError> {
        let (queries, loaded) = (queries.to_vec(), loaded.clone());
        self.read(site, move |connection| {
            read::query(connection, &queries, &loaded)
        })
        .await
    }

    async fn sites(&self) -> Result<Vec<SiteState>, DbError> {
        self.blocking(|files| {
            let mut states = Vec::new();
            for site in files.known()? {
                let record = read::site_once(files, &site);
                let read = record.and_then(|record| record.state(&files.describe()));
                states.push(SiteState::or_unreadable(site.as_str(), read)?);
            }
            Ok(states)
        })
        .await
    }

    async fn stored(&self, site: &SiteName) -> Result<StoredSite, DbError> {
        let site = site.clone();
        self.blocking(move |files| {
            if !files.known()?.contains(&site) {
                return Ok(StoredSite::empty(SiteState::unknown(site)));
            }
            read_stored(files, &files.site(&site)?, &site)
        })
        .await
    }

    async fn outline(&self, site: &SiteName, changed: &BTreeSet<Part>) -> Result<Outline, DbError> {
        // No server sends it: what is read of a file costs little.
        let stored = self.stored(site).await?;
        Ok(Outline::of(stored, changed))
    }

    async fn note(
        &self,
        site: &SiteName,
        log_head: Option<Seq>,
        error: Option<&str>,
    ) -> Result<(), DbError> {
        let (site, error) = (site.clone(), error.map(str::to_owned));
        let log_head = log_head.map(|seq| stored_count(seq.0));
        self.blocking(move |files| {
            let connection = files.add_site(&site)?;
            let noted = connection.execute(
                include_str!("sqlite/sql/site_note.sql"),
                params![site.as_str(), log_head, error],
            );
            noted
                .map(|_| ())
                .map_err(|error| files.error("writing", error))
        })
        .await
    }

    async fn note_wanted(
        &self,
        site: &SiteName,
        revision: u64,
        wanted: Md5,
    ) -> Result<(), DbError> {
        let (site, revision) = (site.clone(), stored_count(revision));
        self.blocking(move |files| {
            let sql = include_str!("sqlite/sql/site_wanted.sql");
            let values = params![site.as_str(), revision, wanted.to_string()];
            let noted = files.site(&site)?.execute(sql, values);
            noted
                .map(|_| ())
                .map_err(|error| files.error("writing", error))
        })
        .await
    }

    async fn copy(&self, key: &str, body: &[u8]) -> Result<(), DbError> {
        let (key, body) = (key.to_owned(), body.to_owned());
        self.blocking(move |files| {
            let sql = include_str!("sqlite/sql/copy_put.sql");
            let copied = files.hub()?.execute(sql, params![key, body]);
            copied
                .map(|_| ())
                .map_err(|error| files.error("writing", error))
        })
        .await
    }

    async fn copied(&self, key: &str) -> Result<Option<Vec<u8>>, DbError> {
        let key = key.to_owned();
        self.blocking(move |files| {
            let sql = include_str!("sqlite/sql/copy_read.sql");
            let body = files.hub()?.query_row(sql, [key], |row| row.get(0));
            body.optional()
                .map_err(|error| files.error("reading", error))
        })
        .await
    }

    async fn replace_copy(&self, key: &str, was: &[u8], now: &[u8]) -> Result<bool, DbError> {
        let (key, was, now) = (key.to_owned(), was.to_owned(), now.to_owned());
        self.blocking(move |files| {
            let sql = include_str!("sqlite/sql/copy_replace.sql");
            let replaced = files.hub()?.execute(sql, params![key, was, now]);
            replaced
                .map(|rows| rows > 0)
                .map_err(|error| files.error("writing", error))
        })
        .await
    }

    async fn partials(
        &self,
        site: &SiteName,
        what: &str,
        parts: &[Part],
    ) -> Result<Vec<Partial>, DbError> {
        let (site, what, parts) = (site.clone(), what.to_owned(), parts.to_vec());
        self.blocking(move |files| partials::read(files, &site, &what, &parts))
            .await
    }

    async fn partial_versions(
        &self,
        site: &SiteName,
        what: &str,
    ) -> Result<BTreeMap<Part, Md5>, DbError> {
        let (site, what) = (site.clone(), what.to_owned());
        self.blocking(move |files| partials::versions(files, &site, &what))
            .await
    }

    async fn put_partials(
        &self,
        site: &SiteName,
        what: &str,
        partials: &[Partial],
    ) -> Result<(), DbError> {
        let (site, what, partials) = (site.clone(), what.to_owned(), partials.to_vec());
        self.blocking(move |files| partials::put(files, &site, &what, &partials))
            .await
    }

    async fn retain_partials(
        &self,
        site: &SiteName,
        kept: &BTreeSet<Part>,
    ) -> Result<u64, DbError> {
        let (site, kept) = (site.clone(), kept.clone());
        self.blocking(move |files| partials::retain(files, &site, &kept))
            .await
    }

    async fn begin_load(&self, site: &SiteName) -> Result<Box<dyn SiteLoad>, DbError> {
        let load = load::SqliteLoad::begin(Arc::clone(&self.files), site.clone()).await?;
        Ok(Box::new(load))
    }

    async fn rows(
        &self,
        site: &SiteName,
        table: &Table,
        part: Part,
    ) -> Result<RowBatches, DbError> {
        Ok(read::rows(
            Arc::clone(&self.files),
            site.clone(),
            table.clone(),
            part,
        ))
    }

    async fn part_counts(
        &self,
        site: &SiteName,
        table: &Table,
    ) -> Result<Vec<(Option<String>, u64)>, DbError> {
        let sql = render::part_counts(table);
        self.read(site, move |connection| read::part_counts(connection, &sql))
            .await
    }

    async fn sizes(&self, site: &SiteName) -> Result<BTreeMap<String, u64>, DbError> {
        let site = site.clone();
        self.blocking(move |files| {
            let path = files.site_path(&site);
            files.sizes.get_or_read(&path, clock::now(), || {
                let connection = files.site(&site)?;
                read::sizes(&connection).map_err(|error| files.error("reading", error))
            })
        })
        .await
    }

    async fn counts(
        &self,
        site: &SiteName,
        table: &Table,
        column: usize,
    ) -> Result<LoadedCounts, DbError> {
        let (sql, ty) = (render::counts(table, column), table.columns[column].ty);
        self.read(site, move |connection| read::counts(connection, &sql, ty))
            .await
    }
}

/// What a site's file holds besides the rows, as of one instant.
fn read_stored(
    files: &Files,
    connection: &Connection,
    site: &SiteName,
) -> Result<StoredSite, DbError> {
    let records: rusqlite::Result<records::Records> = read::records(files, connection, site);
    records
        .map_err(|error| files.site_error(site, error))?
        .stored(&files.describe(), &files.known_sites)
}
