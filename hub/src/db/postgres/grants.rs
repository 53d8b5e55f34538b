//! The roles that may read or write the sites' tables by SQL of their own.

use tokio_postgres::{Client, Error};

use causeway_shared::ids::SiteName;

use super::error;
use crate::db::DbError;

/// The roles that `[database]` names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roles {
    /// They get SELECT.
    pub readers: Vec<String>,
    /// They get SELECT, INSERT, UPDATE and DELETE.
    pub writers: Vec<String>,
}

impl Roles {
    fn all(&self) -> Vec<&str> {
        let all = self.readers.iter().chain(&self.writers);
        all.map(String::as_str).collect()
    }

    /// Gives them what they lack on the tables of a site, or of all sites.
    ///
    /// # Errors
    /// [`DbError::Configuration`] if a role is not there, or a failure of the database.
    pub(super) async fn grant(
        &self,
        client: &Client,
        database: &str,
        site: Option<&SiteName>,
    ) -> Result<(), DbError> {
        if self.all().is_empty() {
            return Ok(());
        }
        let failed = |error| error::of_own(database, "granting", error);
        let missing = self.missing(client).await.map_err(failed)?;
        if !missing.is_empty() {
            return Err(DbError::Configuration {
                problem: format!(
                    "`readers` and `writers` name roles that are not there: {}; make them with \
                     CREATE ROLE or take them out",
                    missing.join(", ")
                ),
            });
        }
        let sql = include_str!("sql/grants_missing.sql");
        let schema = site.map(SiteName::schema);
        let grants = client
            .query(sql, &[&schema, &self.readers, &self.writers])
            .await
            .map_err(failed)?;
        let grants: Vec<&str> = grants.iter().map(|row| row.get(0)).collect();
        let granted = client.batch_execute(&grants.join(";\n")).await;
        granted.map_err(failed)
    }

    async fn missing(&self, client: &Client) -> Result<Vec<String>, Error> {
        let sql = include_str!("sql/roles_missing.sql");
        let missing = client.query(sql, &[&self.all()]).await?;
        missing.iter().map(|row| row.try_get(0)).collect()
    }
}
