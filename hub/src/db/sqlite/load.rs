//! One load of one site into its file.
//!
//! Until the transaction commits, nothing of it is in the file: rows are staged in temporary
//! tables of this connection, which end with it, and a transaction that is cut off is rolled back
//! from the WAL by whoever opens the file next.

use std::fs::File;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension as _};
use tokio::sync::OwnedMutexGuard;

use causeway_shared::canonical_csv::{Malformed, RecordSplitter, split_fields};
use causeway_shared::commit::Owner;
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::ids::{Name, Part, Seq, SiteName};
use causeway_shared::value::Type;

use super::change::{self, TableChange};
use super::mark::Statements;
use super::value::to_sql;
use super::{Files, file, read, read_stored, render, triggers};
use crate::db::{DbError, Look, RowSink, RowsAt, SiteChange, SiteLoad, StoredSite};

pub(super) struct SqliteLoad {
    files: Arc<Files>,
    site: SiteName,
    /// `None` only while a thread works with it, or after that thread failed.
    held: Option<Held>,
    /// While its transaction is open.
    turn: Option<OwnedMutexGuard<()>>,
    /// The tables whose triggers its transaction has taken away.
    bare: Vec<Name>,
    /// What its transaction is to change in the tables.
    change: Option<TableChange>,
    /// The statements that make the indexes that are missing: a table gets them after its first rows,
    /// since sorted at once they take half the time.
    indexes: String,
    /// The statements that drop those which the tables have outgrown.
    outgrown: String,
}

/// What a load holds: the site's file, and the lock that keeps other loads out as long.
struct Held {
    connection: Connection,
    _lock: File,
}

impl SqliteLoad {
    /// Waits for the site's lock and opens its file.
    pub(super) async fn begin(files: Arc<Files>, site: SiteName) -> Result<Self, DbError> {
        let (opener, name) = (Arc::clone(&files), site.clone());
        // Before the lock, so that a database that is not there says so.
        let connection = file::blocking(move || opener.add_site(&name)).await?;
        let lock = files.loader_lock(&site).await?;
        Ok(Self {
            files,
            site,
            held: Some(Held {
                connection,
                _lock: lock,
            }),
            turn: None,
            bare: Vec::new(),
            change: None,
            indexes: String::new(),
            outgrown: String::new(),
        })
    }

    /// Does something with the connection on a thread that may block.
    async fn run<T: Send + 'static>(
        &mut self,
        action: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DbError> {
        let files = Arc::clone(&self.files);
        self.run_as(move |connection| work(connection).map_err(|error| files.error(action, error)))
            .await
    }

    async fn run_as<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        let Some(held) = self.held.take() else {
            return Err(DbError::GaveUp {
                database: self.files.describe(),
                action: "the load",
                detail: "an earlier step of it failed".to_owned(),
                source: None,
            });
        };
        // The lock goes along: were this future dropped, it would be held until the work is done.
        let (held, result) = file::blocking(move || {
            let result = work(&held.connection);
            Ok((held, result))
        })
        .await?;
        self.held = Some(held);
        result
    }

    async fn count(&mut self, sql: String, parts: &[Part]) -> Result<u64, DbError> {
        let parts: Vec<String> = parts.iter().map(Part::to_string).collect();
        self.run("deleting", move |connection| {
            let parts = serde_json::Value::from(parts).to_string();
            connection.execute(&sql, [parts]).map(|rows| rows as u64)
        })
        .await
    }

    fn sink(&mut self, table: &Table, staged: bool, commit: bool) -> Box<dyn RowSink + '_> {
        Box::new(SqliteSink {
            insert: render::insert_row(table, staged),
            types: table.columns.iter().map(|column| column.ty).collect(),
            key: table.key.clone(),
            commit,
            rows: 0,
            load: self,
        })
    }
}

#[async_trait]
impl SiteLoad for SqliteLoad {
    async fn stored(&mut self) -> Result<StoredSite, DbError> {
        let (files, site) = (Arc::clone(&self.files), self.site.clone());
        self.run_as(move |connection| read_stored(&files, connection, &site))
            .await
    }

    async fn identity(&mut self) -> Result<Owner, DbError> {
        let files = Arc::clone(&self.files);
        file::blocking(move || super::identity(&files)).await
    }

    async fn create_tables(&mut self, dataset: &Dataset, zone: &TimeZone) -> Result<(), DbError> {
        self.indexes = dataset.tables.iter().map(render::create_indexes).collect();
        let tables = dataset.tables.iter();
        self.outgrown = tables.map(render::drop_outgrown_indexes).collect();
        let (files, site) = (Arc::clone(&self.files), self.site.clone());
        let (dataset, zone) = (dataset.clone(), zone.clone());
        let brought = self
            .run_as(move |connection| change::bring(&files, &site, connection, (&dataset, &zone)));
        self.change = brought.await?;
        Ok(())
    }

    async fn is_empty(&mut self, table: &Table) -> Result<bool, DbError> {
        if self.change.is_some() {
            // A table may not be there yet, and writers are kept out while it is made.
            return Ok(false);
        }
        let sql = render::is_empty(table);
        self.run("reading", move |connection| {
            connection.query_row(&sql, [], |row| row.get(0))
        })
        .await
    }

    async fn stage(&mut self, table: &Table) -> Result<Box<dyn RowSink + '_>, DbError> {
        let sql = render::create_staging(table);
        let own = self
            .run("staging", move |connection| {
                connection.execute_batch(&sql)?;
                // One transaction over the temporary table only; it takes no lock of the file.
                let own = connection.is_autocommit();
                if own {
                    connection.execute_batch("BEGIN")?;
                }
                Ok(own)
            })
            .await?;
        Ok(self.sink(table, true, own))
    }

    async fn begin(&mut self, tables: &[&Table]) -> Result<(), DbError> {
        // A load's own changes are no edits. Readers and writers do not see the tables without them.
        let change = self.change.take();
        let bare = match &change {
            None => tables.iter().map(|table| table.name.clone()).collect(),
            Some(change) => change.all.clone(),
        };
        let drop: String = bare.iter().map(triggers::drop).collect();
        let drop = drop + &self.outgrown;
        // SQLite's only write lock is the file's.
        self.turn = Some(self.files.turn(&self.site).await);
        self.run("beginning the load", move |connection| {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            connection.execute_batch(&drop)?;
            change.map_or(Ok(()), |change| change.apply(connection))
        })
        .await?;
        self.bare = bare;
        Ok(())
    }

    async fn look(&mut self) -> Result<Look, DbError> {
        let (files, site) = (Arc::clone(&self.files), self.site.clone());
        self.run("reading the journal", move |connection| {
            let at = connection.query_row(include_str!("sql/site_at.sql"), [], |row| {
                let number = |at| {
                    let number: i64 = row.get(at)?;
                    Ok::<_, rusqlite::Error>(Seq(number.unsigned_abs()))
                };
                let at = RowsAt {
                    seq: number(0)?,
                    edits_seq: number(1)?,
                };
                Ok((at, number(2)?.0))
            });
            let [journaled, held] = read::journal_parts(connection)?;
            let (at, revision) = at.optional()?.unwrap_or_default();
            Ok(Look {
                at,
                revision,
                start_known: files.start_is_known(&site, connection)?,
                journaled,
                held,
            })
        })
        .await
    }

    async fn has_journaled_keys(&mut self, table: &Table) -> Result<bool, DbError> {
        let (sql, table) = (render::has_journaled_keys(table), table.name.to_string());
        self.run("reading the journal", move |connection| {
            connection.query_row(&sql, [table], |row| row.get(0))
        })
        .await
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        self.run("rolling back", |connection| {
            connection.execute_batch("ROLLBACK")
        })
        .await?;
        (self.turn, self.bare) = (None, Vec::new());
        Ok(())
    }

    async fn delete_parts(&mut self, table: &Table, parts: &[Part]) -> Result<u64, DbError> {
        self.count(render::delete_parts(table), parts).await
    }

    async fn delete_strays(&mut self, table: &Table, loaded: &[Part]) -> Result<u64, DbError> {
        self.count(render::delete_strays(table), loaded).await
    }

    async fn insert_staged(&mut self, table: &Table) -> Result<u64, DbError> {
        let (insert, drop) = (render::insert_staged(table), render::drop_staging(table));
        self.run("inserting", move |connection| {
            let rows = connection.execute(&insert, [])?;
            connection.execute(&drop, [])?;
            Ok(rows as u64)
        })
        .await
    }

    async fn fill(&mut self, table: &Table) -> Result<Box<dyn RowSink + '_>, DbError> {
        Ok(self.sink(table, false, false))
    }

    async fn commit(mut self: Box<Self>, change: &SiteChange<'_>) -> Result<(), DbError> {
        let marks = Statements::of_load(&self.site, change);
        let tables = &change.dataset.tables;
        let bare = tables
            .ids()
            .filter(|id| self.bare.contains(&tables[*id].name));
        let create: String = bare
            .map(|id| triggers::create(change.dataset, id))
            .collect();
        let indexes = std::mem::take(&mut self.indexes);
        self.run("committing", move |connection| {
            connection.execute_batch(&indexes)?;
            marks.execute(connection)?;
            connection.execute_batch(&create)?;
            connection.execute_batch("COMMIT")
        })
        .await?;
        self.turn = None;
        self.files.know_start(&self.site);
        let held = self.held.take();
        // The last to close a file writes its WAL back, which may take a while.
        file::blocking(move || {
            drop(held);
            Ok(())
        })
        .await
    }
}

/// Rows on their way into a table, one prepared insert each.
struct SqliteSink<'l> {
    load: &'l mut SqliteLoad,
    insert: String,
    types: Vec<Type>,
    key: Vec<usize>,
    /// Whether a transaction was begun for these rows alone.
    commit: bool,
    rows: u64,
}

#[async_trait]
impl RowSink for SqliteSink<'_> {
    async fn write(&mut self, records: Bytes) -> Result<(), DbError> {
        let (insert, types, key) = (self.insert.clone(), self.types.clone(), self.key.clone());
        let files = Arc::clone(&self.load.files);
        let written = self.load.run_as(move |connection| {
            insert_records(connection, &insert, &types, &key, &records)
                .map_err(|error| error.into_db(&files))
        });
        self.rows += written.await?;
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<u64, DbError> {
        if self.commit {
            self.load
                .run("staging", |connection| connection.execute_batch("COMMIT"))
                .await?;
        }
        Ok(self.rows)
    }
}

/// Why records could not be inserted.
enum InsertError {
    Sqlite(rusqlite::Error),
    Malformed(Malformed),
}

impl From<rusqlite::Error> for InsertError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Malformed> for InsertError {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

impl InsertError {
    fn into_db(self, files: &Files) -> DbError {
        match self {
            Self::Sqlite(error) => files.error("inserting", error),
            Self::Malformed(error) => DbError::Refused {
                database: files.describe(),
                action: "inserting",
                detail: error.to_string(),
                source: Some(Box::new(error)),
            },
        }
    }
}

/// Inserts whole records, each with its part and its clash mark as last fields. Returns how many.
fn insert_records(
    connection: &Connection,
    insert: &str,
    types: &[Type],
    key: &[usize],
    records: &[u8],
) -> Result<u64, InsertError> {
    let mut statement = connection.prepare_cached(insert)?;
    let mut splitter = RecordSplitter::default();
    splitter.push(records, |record, bytes| {
        let malformed = |problem| Malformed { record, problem };
        // Fields borrow from the record, so this list lives no longer than it.
        let mut fields = Vec::with_capacity(types.len() + 1);
        split_fields(bytes, &mut fields).map_err(malformed)?;
        if fields.len() != types.len() + 2 {
            return Err(malformed("it has another number of fields than the table").into());
        }
        // SQLite would invent a value for an integer key that has none.
        if key.iter().any(|column| fields[*column].is_none()) {
            return Err(malformed("its key has no value").into());
        }
        let part = std::iter::once(Type::Text);
        let columns = types.iter().copied().chain(part);
        for (at, (field, ty)) in fields.iter().zip(columns).enumerate() {
            let value = to_sql(field, ty)
                .ok_or_else(|| malformed("a field is not of its column's type"))?;
            statement.raw_bind_parameter(at + 1, value)?;
        }
        let clashes = fields
            .last()
            .is_some_and(|field| field.as_deref() == Some("t"));
        statement.raw_bind_parameter(types.len() + 2, clashes)?;
        statement.raw_execute()?;
        Ok::<_, InsertError>(())
    })?;
    Ok(splitter.finish()?)
}
