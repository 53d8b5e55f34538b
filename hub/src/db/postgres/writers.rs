//! Whether the server is there, and who is about to change rows.

use deadpool_postgres::Object;

use super::{PostgresDatabase, typed};
use crate::db::{DbError, Writer};

impl PostgresDatabase {
    /// By a new connection, which is not kept: one that is there may be dead, and all may be in use.
    pub(super) async fn answers(&self) -> Result<(), DbError> {
        let client = self.connections.pooled(&self.connections.probe).await?;
        let client = Object::take(client);
        let answered = client.simple_query("").await;
        answered.map(|_| ()).map_err(|error| self.error(error))
    }

    pub(super) async fn read_writers(&self) -> Result<Vec<Writer>, DbError> {
        let client = self.connections.client().await?;
        let sql = include_str!("sql/writers.sql");
        let rows = typed::rows(&client, sql, &[]).await;
        let rows = rows.map_err(|error| self.error(error))?;
        let writer = |row: &tokio_postgres::Row| {
            Ok(Writer {
                pid: row.try_get(0)?,
                user: row.try_get(1)?,
                application: row.try_get(2)?,
                since: row.try_get(3)?,
            })
        };
        let writers: Result<_, tokio_postgres::Error> = rows.iter().map(writer).collect();
        writers.map_err(|error| self.error(error))
    }
}
