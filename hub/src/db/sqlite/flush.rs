//! One flush of one site: what the journal holds, and what becomes of it once the store has it.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs::File;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use causeway_shared::commit::Owner;
use causeway_shared::dataset::Dataset;
use causeway_shared::edits_object::Texts;
use causeway_shared::ids::{Name, Part, Seq, SiteName};

use super::mark::Statements;
use super::{Files, file, read, read_stored};
use crate::db::records::{count, json, stored_count};
use crate::db::{DbError, FlushChange, JournalEntry, SiteFlush, SiteState, StoredSite};

pub(super) struct SqliteFlush {
    files: Arc<Files>,
    site: SiteName,
    /// Keeps other flushes of the site out.
    _lock: File,
}

/// A row of the journal.
struct JournalRecord {
    id: String,
    tx: i64,
    table: String,
    old_part: Option<String>,
    old: Option<String>,
    new_part: Option<String>,
    new: Option<String>,
    object: Option<String>,
    site_seq: i64,
    edits_seq: i64,
    actor: String,
    at: String,
    held: bool,
    mark: Option<String>,
}

impl SqliteFlush {
    /// Waits for the site's other flushes.
    pub(super) async fn begin(files: Arc<Files>, site: SiteName) -> Result<Self, DbError> {
        let (adder, name) = (Arc::clone(&files), site.clone());
        // Before the lock, so that a database that is not there says so.
        file::blocking(move || adder.add_site(&name).map(drop)).await?;
        let lock = files.flush_lock(&site).await?;
        Ok(Self {
            files,
            site,
            _lock: lock,
        })
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files, &SiteName, &Connection) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        let (files, site) = (Arc::clone(&self.files), self.site.clone());
        file::blocking(move || work(&files, &site, &files.site(&site)?)).await
    }
}

#[async_trait]
impl SiteFlush for SqliteFlush {
    async fn stored(&mut self) -> Result<StoredSite, DbError> {
        self.run(|files, site, connection| read_stored(files, connection, site))
            .await
    }

    async fn identity(&mut self) -> Result<Owner, DbError> {
        self.run(|files, _, _| super::identity(files)).await
    }

    async fn journal(
        &mut self,
        _dataset: &Dataset,
        most: usize,
    ) -> Result<Vec<JournalEntry>, DbError> {
        self.run(move |files, site, connection| {
            let records = journal(connection, most);
            let records = records.map_err(|error| files.site_error(site, error))?;
            entries(files, site, records)
        })
        .await
    }

    async fn journal_parts(&mut self) -> Result<BTreeSet<(Name, Part)>, DbError> {
        self.run(|files, _, connection| {
            let [journaled, held] = read::journal_parts(connection)
                .map_err(|error| files.error("reading the journal", error))?;
            Ok(journaled.into_iter().chain(held).collect())
        })
        .await
    }

    async fn commit(&mut self, change: &FlushChange<'_>) -> Result<(), DbError> {
        let was = stored_count(change.was.seq().0);
        let moved_on = Statements::of_flush(&self.site, change, false);
        let statements = Statements::of_flush(&self.site, change, true);
        let files = Arc::clone(&self.files);
        let _turn = files.turn(&self.site).await;
        self.run(move |files, _, connection| {
            let commit = || -> rusqlite::Result<()> {
                connection.pragma_update(None, "synchronous", "full")?;
                let immediate = TransactionBehavior::Immediate;
                let transaction = Transaction::new_unchecked(connection, immediate)?;
                let seq = include_str!("sql/edits_seq_read.sql");
                let seq = transaction.query_row(seq, [], |row| row.get::<_, i64>(0));
                match seq.optional()?.unwrap_or(0) == was {
                    true => statements.execute(&transaction)?,
                    false => moved_on.execute(&transaction)?,
                }
                transaction.commit()
            };
            commit().map_err(|error| files.error("writing down a flush", error))
        })
        .await?;
        if change.start_known {
            self.files.know_start(&self.site);
        }
        Ok(())
    }
}

/// How a site stands and the newest rows of its journal, in one read transaction.
pub(super) fn waiting(
    files: &Files,
    connection: &Connection,
    site: &SiteName,
    most: usize,
) -> Result<(SiteState, Vec<JournalEntry>), DbError> {
    let read = || -> rusqlite::Result<_> {
        let transaction = connection.unchecked_transaction()?;
        let state = read::site(files, &transaction, site)?;
        let mut statement = transaction.prepare(include_str!("sql/journal_newest.sql"))?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let records = statement.query_map([most], JournalRecord::read)?;
        Ok((state, records.collect::<rusqlite::Result<Vec<_>>>()?))
    };
    let (state, records) = read().map_err(|error| files.site_error(site, error))?;
    Ok((
        state.state(&files.describe())?,
        entries(files, site, records)?,
    ))
}

fn entries(
    files: &Files,
    site: &SiteName,
    records: Vec<JournalRecord>,
) -> Result<Vec<JournalEntry>, DbError> {
    let entry = |record: JournalRecord| {
        let id = record.id.clone();
        record.entry().map_err(|what| DbError::Unreadable {
            database: files.describe(),
            site: site.to_string(),
            what: format!("row {id} of the journal: {what}"),
        })
    };
    records.into_iter().map(entry).collect()
}

/// The first rows, to the end of a transaction. Transactions come one after the other.
fn journal(connection: &Connection, most: usize) -> rusqlite::Result<Vec<JournalRecord>> {
    let mut statement = connection.prepare(include_str!("sql/journal_read.sql"))?;
    let mut rows = statement.query([])?;
    let mut records: Vec<JournalRecord> = Vec::new();
    while let Some(row) = rows.next()? {
        let record = JournalRecord::read(row)?;
        let is_over = records.len() >= most;
        if is_over && records.last().is_none_or(|last| last.tx != record.tx) {
            break;
        }
        records.push(record);
    }
    Ok(records)
}

impl JournalRecord {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            tx: row.get(1)?,
            table: row.get(2)?,
            old_part: row.get(3)?,
            old: row.get(4)?,
            new_part: row.get(5)?,
            new: row.get(6)?,
            object: row.get(7)?,
            site_seq: row.get(8)?,
            edits_seq: row.get(9)?,
            actor: row.get(10)?,
            at: row.get(11)?,
            held: row.get(12)?,
            mark: row.get(13)?,
        })
    }

    fn entry(self) -> Result<JournalEntry, String> {
        let side = |part: &Option<String>, row: &Option<String>| match (&self.mark, row) {
            // It changes nothing.
            (Some(_), None) => Ok(None),
            _ => side(part.as_deref(), row.as_deref()),
        };
        Ok(JournalEntry {
            tx: self.tx,
            table: text("table", &self.table)?,
            old: side(&self.old_part, &self.old)?,
            new: side(&self.new_part, &self.new)?,
            object: match &self.object {
                Some(object) => Some(text("object", object)?),
                None => None,
            },
            site_seq: Seq(count(self.site_seq)?),
            edits_seq: Seq(count(self.edits_seq)?),
            at: text("at", &self.at)?,
            mark: self.mark.map(|mark| json("mark", &mark)).transpose()?,
            id: self.id,
            actor: self.actor,
            held: self.held,
        })
    }
}

/// The row before or after.
fn side(part: Option<&str>, row: Option<&str>) -> Result<Option<(Part, Texts)>, String> {
    let (Some(part), Some(row)) = (part, row) else {
        return match (part, row) {
            (None, None) => Ok(None),
            _ => Err("a row and its part are not both there".to_owned()),
        };
    };
    let row = serde_json::from_str(row).map_err(|error| error.to_string())?;
    Ok(Some((text("part", part)?, row)))
}

fn text<T: FromStr<Err: Display>>(column: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{column}: {error}"))
}
