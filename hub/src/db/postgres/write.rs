//! A transaction that changes a site's rows in somebody's name. The triggers judge and journal it as
//! they do everybody's.

use std::collections::BTreeSet;

use async_trait::async_trait;
use deadpool_postgres::Object;
use tokio_postgres::Error;

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::commit::RowKey;
use causeway_shared::dataset::Table;
use causeway_shared::edits_object::Texts;
use causeway_shared::ids::{Md5, Name, Part, SiteName};
use causeway_shared::value::{Type, Value};

use super::connection::{Connections, answered};
use super::held_connection::HeldConnection;
use super::{error, read, render, statement, typed};
use crate::db::{DbError, JournalMark, Row, SiteWrite, records, sql};

pub(super) struct PostgresWrite {
    connection: HeldConnection,
    database: String,
    site: SiteName,
    /// Whether a statement failed: the server takes no more, and would call a COMMIT done.
    is_broken: bool,
}

impl PostgresWrite {
    pub(super) async fn begin(
        connections: &Connections,
        site: SiteName,
        actor: &str,
    ) -> Result<Self, DbError> {
        let write = Self {
            connection: HeldConnection::for_transaction(connections.client().await?),
            database: connections.describe().to_owned(),
            site,
            is_broken: false,
        };
        let client = write.client()?;
        let begun = async {
            client.batch_execute("BEGIN").await?;
            let sql = include_str!("sql/write_begin.sql");
            let path = render::search_path(&write.site);
            typed::execute(client, sql, &[&path, &actor]).await
        };
        begun.await.map_err(|error| write.failed(error))?;
        Ok(write)
    }

    fn failed(&self, error: Error) -> DbError {
        error::of_write(&self.database, error)
    }

    fn client(&self) -> Result<&Object, DbError> {
        match self.is_broken {
            false => Ok(&self.connection),
            true => Err(self.refused("the transaction has ended".to_owned())),
        }
    }

    fn refused(&self, detail: String) -> DbError {
        DbError::Refused {
            database: self.database.clone(),
            action: "writing",
            detail,
            source: None,
        }
    }
}

/// A key as parameters.
fn key_of(key: &RowKey) -> Vec<Option<String>> {
    key.texts().iter().cloned().map(Some).collect()
}

/// As a mark has it.
fn json(key: &RowKey) -> String {
    // Its members are texts, so it is always JSON.
    serde_json::to_string(key).unwrap_or_default()
}

#[async_trait]
impl SiteWrite for PostgresWrite {
    async fn query(
        &mut self,
        sql: &str,
        parameters: &[Option<String>],
        types: &[Type],
    ) -> Result<Vec<Row>, DbError> {
        let run = async {
            let rows = statement::run(self.client()?, sql, parameters, types).await;
            rows.map_err(|error| self.failed(error))
        };
        let rows = answered(&self.database, run).await;
        self.is_broken = rows.is_err();
        rows
    }

    async fn are_loaded(&mut self, parts: &BTreeSet<(Name, Part)>) -> Result<bool, DbError> {
        let run = async {
            let client = self.client()?;
            let loaded = async {
                let statement = read::prepare_are_loaded(client).await?;
                read::are_loaded(client, &statement, (&self.site, parts)).await
            };
            loaded.await.map_err(|error| self.failed(error))
        };
        let loaded = answered(&self.database, run).await;
        self.is_broken = loaded.is_err();
        loaded
    }

    async fn insert(
        &mut self,
        table: &Table,
        values: &[(usize, Value<'static>)],
    ) -> Result<Row, DbError> {
        let columns: Vec<usize> = values.iter().map(|(column, _)| *column).collect();
        let texts: Vec<Option<String>> = values
            .iter()
            .map(|(_, value)| canonical_text(value))
            .collect();
        let types: Vec<Type> = table.columns.iter().map(|column| column.ty).collect();
        let sql = render::insert(&self.site, table, &columns);
        let mut rows = self.query(&sql, &texts, &types).await?;
        rows.pop()
            .ok_or_else(|| self.refused(format!("it took no row of {}", table.name)))
    }

    async fn lock_row(
        &mut self,
        table: &Table,
        key: &RowKey,
    ) -> Result<Option<(Part, Texts)>, DbError> {
        let types = table.columns.iter().map(|column| column.ty);
        let types: Vec<Type> = types.chain([Type::Text]).collect();
        let locked = async {
            let (site, name) = (self.site.as_str(), table.name.as_str());
            let key = json(key);
            let sql = include_str!("sql/row_lock.sql");
            let locked = typed::rows(self.client()?, sql, &[&site, &name, &key]).await;
            locked.map_err(|error| self.failed(error))
        };
        let locked = answered(&self.database, locked).await;
        self.is_broken = locked.is_err();
        locked?;
        let found = self
            .query(&sql::lock_row(table), &key_of(key), &types)
            .await?;
        let found = found.first().map(|row| records::placed_row(table, row));
        found.transpose().map_err(|what| self.refused(what))
    }

    async fn put_row(
        &mut self,
        table: &Table,
        key: &RowKey,
        was: Option<&Texts>,
        row: Option<&Texts>,
    ) -> Result<(), DbError> {
        let text =
            |row: &Texts, at: usize| row.get(table.columns[at].name.as_str()).cloned().flatten();
        let all = 0..table.columns.len();
        match (was, row) {
            (Some(was), Some(row)) => {
                let changed: Vec<usize> =
                    all.filter(|at| text(was, *at) != text(row, *at)).collect();
                if changed.is_empty() {
                    return Ok(());
                }
                let values = changed.iter().map(|at| text(row, *at));
                let parameters: Vec<_> = key_of(key).into_iter().chain(values).collect();
                let update = sql::update_row(table, &changed);
                self.query(&update, &parameters, &[]).await?;
            }
            (Some(_), None) => {
                self.query(&sql::delete_row(table), &key_of(key), &[])
                    .await?;
            }
            (None, Some(row)) => {
                let restores = include_str!("sql/write_restore.sql");
                let on = |on: &str| [Some(on.to_owned())];
                self.query(restores, &on("on"), &[]).await?;
                let columns: Vec<usize> = all.clone().collect();
                let values: Vec<_> = all.map(|at| text(row, at)).collect();
                let insert = render::insert(&self.site, table, &columns);
                self.query(&insert, &values, &[]).await?;
                self.query(restores, &on("off"), &[]).await?;
            }
            (None, None) => {}
        }
        Ok(())
    }

    async fn conflict_stands(
        &mut self,
        table: &Name,
        part: Part,
        edits: Md5,
        key: &RowKey,
    ) -> Result<bool, DbError> {
        let run = async {
            let sql = include_str!("sql/conflict_stands.sql");
            let (site, table, key) = (self.site.as_str(), table.as_str(), json(key));
            let (part, edits) = (part.to_string(), edits.to_string());
            let found =
                typed::row(self.client()?, sql, &[&site, &table, &part, &edits, &key]).await;
            let stands = found.and_then(|row| Ok(row.try_get::<_, i64>(0)? > 0));
            stands.map_err(|error| self.failed(error))
        };
        let stands = answered(&self.database, run).await;
        self.is_broken = stands.is_err();
        stands
    }

    async fn mark(&mut self, table: &Table, mark: &JournalMark) -> Result<(), DbError> {
        let run = async {
            let (client, site, table) = (self.client()?, self.site.as_str(), table.name.as_str());
            // Its members are texts, so it is always JSON.
            let json = serde_json::to_string(mark).unwrap_or_default();
            let part = mark.part.to_string();
            let marked = async {
                let sql = include_str!("sql/journal_mark.sql");
                if typed::execute(client, sql, &[&site, &table, &json]).await? == 0 {
                    let note = include_str!("sql/journal_note.sql");
                    typed::rows(client, note, &[&site, &table, &part]).await?;
                    typed::execute(client, sql, &[&site, &table, &json]).await?;
                }
                Ok(())
            };
            marked.await.map_err(|error| self.failed(error))
        };
        let marked = answered(&self.database, run).await;
        self.is_broken = marked.is_err();
        marked
    }

    async fn commit(mut self: Box<Self>) -> Result<(), DbError> {
        let client = self.client()?;
        let commit = async {
            let committed = client.batch_execute("COMMIT").await;
            committed.map_err(|error| self.failed(error))
        };
        answered(&self.database, commit).await?;
        self.connection.end_transaction();
        Ok(())
    }
}
