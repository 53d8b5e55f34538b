//! A transaction that changes a site's rows, on a connection that has the triggers' functions.
//!
//! SQLite has one writer at a time: a second transaction waits for its turn. A commit is
//! on the disk when it returns, since the journal is the only copy of a change until it is flushed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::OwnedMutexGuard;

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::commit::{Owner, RowKey};
use causeway_shared::dataset::{Dataset, Partitioning, Table, TableId};
use causeway_shared::edits_object::Texts;
use causeway_shared::ids::{Md5, Name, Part, SiteName};
use causeway_shared::partition::own_part;
use causeway_shared::runtime::clock;
use causeway_shared::value::{Raw, Type, Value};

use super::functions::{self, Transaction};
use super::value::{from_sql, to_sql};
use super::{Files, file, fill, read, render};
use crate::db::{DbError, JournalMark, Row, SiteWrite, records, rules, sql, value};

pub(super) struct SqliteWrite {
    files: Arc<Files>,
    /// `None` while a thread works with it, and after an error: the transaction is over then.
    open: Option<Open>,
    _turn: OwnedMutexGuard<()>,
}

/// An open transaction. Dropped, it changes nothing.
struct Open {
    connection: Connection,
    dataset: Arc<Dataset>,
    /// Of the present that a row born here takes.
    zone: TimeZone,
    /// Why the tables take no changes.
    refusal: Option<String>,
    /// Whether a row is being inserted that was filled in.
    fills: Arc<AtomicBool>,
    transaction: i64,
}

impl SqliteWrite {
    /// Waits for the file's other writers.
    pub(super) async fn begin(
        files: Arc<Files>,
        site: SiteName,
        dataset: Dataset,
        actor: String,
        own: Owner,
    ) -> Result<Self, DbError> {
        let turn = files.turn(&site).await;
        let opener = Arc::clone(&files);
        let open = file::blocking(move || {
            let connection = opener.site(&site)?;
            Open::begin((&opener, &site), connection, dataset, actor, &own)
                .map_err(|error| opener.error("beginning a change", error))
        })
        .await?;
        Ok(Self {
            files,
            open: Some(open),
            _turn: turn,
        })
    }

    /// Does something in the transaction on a thread that may block. An error ends it.
    async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Open, &Files) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        let files = Arc::clone(&self.files);
        let Some(open) = self.open.take() else {
            return Err(DbError::GaveUp {
                database: files.describe(),
                action: "the change",
                detail: "an earlier step of it failed".to_owned(),
                source: None,
            });
        };
        let (open, result) = file::blocking(move || {
            let result = work(&open, &files)?;
            Ok((open, result))
        })
        .await?;
        self.open = Some(open);
        Ok(result)
    }
}

#[async_trait]
impl SiteWrite for SqliteWrite {
    async fn query(
        &mut self,
        sql: &str,
        parameters: &[Option<String>],
        types: &[Type],
    ) -> Result<Vec<Row>, DbError> {
        let (sql, parameters, types) = (sql.to_owned(), parameters.to_vec(), types.to_vec());
        self.run(move |open, files| {
            query(&open.connection, &sql, &parameters, &types)
                .map_err(|error| files.rejected("changing rows", error))
        })
        .await
    }

    async fn are_loaded(&mut self, parts: &BTreeSet<(Name, Part)>) -> Result<bool, DbError> {
        let parts = parts.clone();
        self.run(move |open, files| {
            read::are_loaded(&open.connection, &parts)
                .map_err(|error| files.error("reading", error))
        })
        .await
    }

    async fn insert(
        &mut self,
        table: &Table,
        values: &[(usize, Value<'static>)],
    ) -> Result<Row, DbError> {
        let (table, values) = (table.name.clone(), values.to_vec());
        self.run(move |open, files| {
            let tables = &open.dataset.tables;
            let table = tables.ids().find(|id| tables[*id].name == table);
            let Some(table) = table else {
                return Err(DbError::Refused {
                    database: files.describe(),
                    action: "inserting",
                    detail: "the dataset has no such table".to_owned(),
                    source: None,
                });
            };
            open.insert(files, table, &values)
        })
        .await
    }

    async fn lock_row(
        &mut self,
        table: &Table,
        key: &RowKey,
    ) -> Result<Option<(Part, Texts)>, DbError> {
        let (table, key) = (table.clone(), key.clone());
        self.run(move |open, files| {
            let types = table.columns.iter().map(|column| column.ty);
            let types: Vec<Type> = types.chain([Type::Text]).collect();
            let key: Vec<_> = key.texts().iter().cloned().map(Some).collect();
            let found = query(&open.connection, &sql::lock_row(&table), &key, &types);
            let found = found.map_err(|error| files.rejected("finding a row", error))?;
            let found = found.first().map(|row| records::placed_row(&table, row));
            found.transpose().map_err(|detail| DbError::Refused {
                database: files.describe(),
                action: "finding a row",
                detail,
                source: None,
            })
        })
        .await
    }

    async fn put_row(
        &mut self,
        table: &Table,
        key: &RowKey,
        was: Option<&Texts>,
        row: Option<&Texts>,
    ) -> Result<(), DbError> {
        let (table, key, was, row) = (table.clone(), key.clone(), was.cloned(), row.cloned());
        self.run(move |open, files| match (was, row) {
            (None, Some(row)) => {
                let values = table.columns.iter().map(|column| {
                    let text = row.get(column.name.as_str()).and_then(Option::as_deref);
                    value::read(text.map_or(Raw::Null, Raw::Text), column.ty)
                });
                let row: Row = values.collect();
                open.insert_whole(files, &table, &row)
            }
            (Some(was), row) => {
                let changed = open.change_row(&table, &key, &was, row.as_ref());
                changed.map_err(|error| files.rejected("changing a row", error))
            }
            (None, None) => Ok(()),
        })
        .await
    }

    async fn conflict_stands(
        &mut self,
        table: &Name,
        part: Part,
        edits: Md5,
        key: &RowKey,
    ) -> Result<bool, DbError> {
        let (table, part, edits) = (table.to_string(), part.to_string(), edits.to_string());
        // Its members are texts, so it is always JSON.
        let key = serde_json::to_string(key).unwrap_or_default();
        self.run(move |open, files| {
            let sql = include_str!("sql/conflict_stands.sql");
            let mut count = open
                .connection
                .prepare(sql)
                .map_err(|error| files.error("reading", error))?;
            let stands = count.query_row(params![table, part, edits, key], |row| {
                Ok(row.get::<_, i64>(0)? > 0)
            });
            stands.map_err(|error| files.error("reading", error))
        })
        .await
    }

    async fn mark(&mut self, table: &Table, mark: &JournalMark) -> Result<(), DbError> {
        let (table, mark) = (table.name.clone(), mark.clone());
        self.run(move |open, files| {
            open.require_writable()?;
            let marked = open.mark(&table, &mark);
            marked.map_err(|error| files.error("writing the journal", error))
        })
        .await
    }

    async fn commit(mut self: Box<Self>) -> Result<(), DbError> {
        self.run(|open, files| {
            open.guard_deletes(files)?;
            let committed = open.connection.execute_batch("COMMIT");
            committed.map_err(|error| files.error("committing a change", error))
        })
        .await?;
        let open = self.open.take();
        // The last to close a file writes its WAL back, which may take a while.
        file::blocking(move || {
            drop(open);
            Ok(())
        })
        .await
    }
}

impl Open {
    fn begin(
        (files, site): (&Files, &SiteName),
        connection: Connection,
        dataset: Dataset,
        actor: String,
        own: &Owner,
    ) -> rusqlite::Result<Self> {
        connection.pragma_update(None, "synchronous", "full")?;
        // Or a row that another one replaces would go without a trigger.
        connection.pragma_update(None, "recursive_triggers", true)?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let last = include_str!("sql/journal_last.sql");
        let last = connection.query_row(last, [], |row| row.get::<_, i64>(0));
        let transaction = last.optional()?.unwrap_or(0) + 1;
        let zone = include_str!("sql/zone_read.sql");
        let zone = connection.query_row(zone, [], |row| row.get::<_, Option<String>>(0));
        let zone = zone.optional()?.flatten();
        let start_known = files.start_is_known(site, &connection)?;
        let refusal = include_str!("sql/refusal.sql");
        let refusal =
            connection.query_row(refusal, params![start_known, own.address, own.id], |row| {
                row.get(0)
            })?;
        let (dataset, fills) = (Arc::new(dataset), Arc::new(AtomicBool::new(false)));
        let functions = Transaction {
            dataset: Arc::clone(&dataset),
            actor,
            number: transaction,
            refusal: Option::clone(&refusal),
            fills: Arc::clone(&fills),
        };
        functions::register(&connection, functions)?;
        Ok(Self {
            connection,
            dataset,
            // A load writes it down, and before one no change is taken.
            zone: zone
                .map_or(Ok(TimeZone::UTC), |zone| TimeZone::get(&zone))
                .unwrap_or(TimeZone::UTC),
            refusal,
            fills,
            transaction,
        })
    }

    fn insert(
        &self,
        files: &Files,
        id: TableId,
        values: &[(usize, Value<'static>)],
    ) -> Result<Row, DbError> {
        // Before a key is taken for nothing.
        self.require_writable()?;
        let table = &self.dataset.tables[id];
        let now = value::present(clock::now(), &self.zone);
        let row = fill::row(&self.dataset, id, values, || files.next_key(), now)?;
        self.insert_whole(files, table, &row)?;
        Ok(row)
    }

    fn require_writable(&self) -> Result<(), DbError> {
        match &self.refusal {
            None => Ok(()),
            Some(message) => Err(DbError::Rejected {
                state: "25006".to_owned(),
                message: message.clone(),
            }),
        }
    }

    /// Inserts a row in which nothing is to be filled in but its part.
    fn insert_whole(
        &self,
        files: &Files,
        table: &Table,
        row: &[Value<'static>],
    ) -> Result<(), DbError> {
        let part = self.part(files, table, row)?;
        self.fills.store(true, Ordering::Relaxed);
        let inserted = self.insert_filled(table, row, part);
        self.fills.store(false, Ordering::Relaxed);
        inserted.map_err(|error| files.rejected("inserting", error))
    }

    /// Changes a row in what differs, or deletes it.
    fn change_row(
        &self,
        table: &Table,
        key: &RowKey,
        was: &Texts,
        row: Option<&Texts>,
    ) -> rusqlite::Result<()> {
        let name = |at: &usize| table.columns[*at].name.as_str();
        let differs = |at: &usize| row.is_some_and(|row| was.get(name(at)) != row.get(name(at)));
        let changed: Vec<usize> = (0..table.columns.len()).filter(differs).collect();
        let statement = match row {
            None => sql::delete_row(table),
            Some(_) if changed.is_empty() => return Ok(()),
            Some(_) => sql::update_row(table, &changed),
        };
        let key = table.key.iter().zip(key.texts());
        let key = key.map(|(at, text)| (*at, Some(text.clone())));
        let values = changed
            .iter()
            .map(|at| (*at, row.and_then(|row| row.get(name(at))?.clone())));
        let mut statement = self.connection.prepare(&statement)?;
        for (number, (at, text)) in key.chain(values).enumerate() {
            // As they come in the statement, the key is last.
            let Some(index) = statement.parameter_index(&format!("${}", number + 1))? else {
                continue;
            };
            let field = text.map(Into::into);
            match to_sql(&field, table.columns[at].ty) {
                Some(value) => statement.raw_bind_parameter(index, value)?,
                None => statement.raw_bind_parameter(index, field.as_deref())?,
            }
        }
        statement.raw_execute().map(drop)
    }

    fn mark(&self, table: &Name, mark: &JournalMark) -> rusqlite::Result<()> {
        let (tx, table) = (self.transaction, table.as_str());
        // Its members are texts, so it is always JSON.
        let json = serde_json::to_string(mark).unwrap_or_default();
        let sql = include_str!("sql/journal_mark.sql");
        if self.connection.execute(sql, params![tx, table, json])? == 0 {
            let note = include_str!("sql/journal_note.sql");
            let part = mark.part.to_string();
            self.connection.execute(note, params![tx, table, part])?;
            self.connection.execute(sql, params![tx, table, json])?;
        }
        Ok(())
    }

    /// The part that a new row belongs to; `None` where its own values give none.
    fn part(
        &self,
        files: &Files,
        table: &Table,
        row: &[Value<'static>],
    ) -> Result<Option<Part>, DbError> {
        let Partitioning::Via { parent, on } = table.partition else {
            // A row without a date breaks a rule of its table, which says so better.
            return Ok(own_part(table, row, &mut Vec::new()));
        };
        let read = || {
            let sql = render::part_of_key(&self.dataset.tables[parent]);
            let key = canonical_text(&row[on]).map(Into::into);
            let key = to_sql(&key, table.columns[on].ty);
            let part = self
                .connection
                .query_row(&sql, [key], |row| row.get::<_, String>(0));
            part.optional()
        };
        let part = read().map_err(|error| files.error("reading", error))?;
        // A parent that is not there is refused as a reference.
        Ok(part.and_then(|part| Part::new(&part).ok()))
    }

    fn insert_filled(
        &self,
        table: &Table,
        row: &[Value<'static>],
        part: Option<Part>,
    ) -> rusqlite::Result<()> {
        let mut insert = self.connection.prepare(&render::insert_row(table, false))?;
        for (at, (value, column)) in row.iter().zip(&table.columns).enumerate() {
            let field = canonical_text(value).map(Into::into);
            // A value that is not of its column's type goes in as text, for the trigger to refuse.
            match to_sql(&field, column.ty) {
                Some(value) => insert.raw_bind_parameter(at + 1, value)?,
                None => insert.raw_bind_parameter(at + 1, field.as_deref())?,
            }
        }
        let part = part.map(|part| part.to_string());
        insert.raw_bind_parameter(row.len() + 1, part)?;
        insert.raw_bind_parameter(row.len() + 2, false)?;
        insert.raw_execute().map(|_| ())
    }

    /// Refuses a transaction that takes away much of a table.
    fn guard_deletes(&self, files: &Files) -> Result<(), DbError> {
        let read = || -> rusqlite::Result<Vec<(String, u64)>> {
            let mut deletes = self
                .connection
                .prepare(include_str!("sql/journal_deletes.sql"))?;
            let deletes =
                deletes.query_map([self.transaction], |row| Ok((row.get(0)?, row.get(1)?)))?;
            deletes.collect()
        };
        let failed = |error| files.error("reading the journal", error);
        for (name, deleted) in read().map_err(failed)? {
            let table = self.dataset.table(&name);
            let Some(table) = table.filter(|_| deleted > rules::FREE_DELETES) else {
                continue;
            };
            let left = self
                .connection
                .query_row(&render::count(table), [], |row| row.get::<_, u64>(0));
            let loaded = left.map_err(failed)? + deleted;
            if rules::is_large_delete(deleted, loaded) {
                return Err(DbError::Rejected {
                    state: "23514".to_owned(),
                    message: rules::message_of_large_delete(&name, deleted, loaded),
                });
            }
        }
        Ok(())
    }
}

/// Runs a statement whose parameters are texts, and answers its rows.
pub(super) fn query(
    connection: &Connection,
    sql: &str,
    parameters: &[Option<String>],
    types: &[Type],
) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare(sql)?;
    for (at, parameter) in parameters.iter().enumerate() {
        // SQLite counts parameters as they come in the statement, not by their numbers.
        if let Some(index) = statement.parameter_index(&format!("${}", at + 1))? {
            statement.raw_bind_parameter(index, parameter)?;
        }
    }
    let mut rows = statement.raw_query();
    let mut answer = Vec::new();
    while let Some(row) = rows.next()? {
        let values = types.iter().enumerate();
        let values = values.map(|(at, ty)| Ok(from_sql(row.get_ref(at)?, *ty)));
        answer.push(values.collect::<rusqlite::Result<_>>()?);
    }
    Ok(answer)
}
