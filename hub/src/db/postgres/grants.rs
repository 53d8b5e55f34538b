//! The roles that may read or write the sites' tables by SQL of their own.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_postgres::{Client, Error};

use causeway_shared::ids::SiteName;

use super::{error, typed};
use crate::db::DbError;

/// The roles that `[database]` names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roles {
    /// They get SELECT.
    pub readers: Vec<String>,
    /// They get SELECT, INSERT, UPDATE and DELETE.
    pub writers: Vec<String>,
    /// The sites, or all, whose surplus this process has taken back.
    pub taken_back: Arc<Mutex<BTreeSet<Option<SiteName>>>>,
}

impl Roles {
    fn all(&self) -> Vec<&str> {
        let all = self.readers.iter().chain(&self.writers);
        all.map(String::as_str).collect()
    }

    /// Gives them what they lack on the tables of a site, or of all sites. The first time it takes back what
    /// hubs gave to roles that are not named any more: no oftener, since another hub may name others, and
    /// the two would give and take in turn.
    ///
    /// # Errors
    /// [`DbError::Configuration`] if a role is not there, or a failure of the database.
    pub(super) async fn grant(
        &self,
        client: &Client,
        database: &str,
        site: Option<&SiteName>,
    ) -> Result<(), DbError> {
        let failed = |error| error::of_own(database, "granting", error);
        let there = include_str!("sql/granted_there.sql");
        let there = typed::row(client, there, &[]).await.map_err(failed)?;
        if !there.get::<_, bool>(0) {
            if self.all().is_empty() {
                return Ok(());
            }
            let create = include_str!("sql/granted_create.sql");
            client.batch_execute(create).await.map_err(failed)?;
        }
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
        let schema = site.map(SiteName::schema);
        let mut statements = Vec::new();
        let is_first = !self.taken_back().contains(&site.cloned());
        let surplus = is_first.then_some(include_str!("sql/grants_surplus.sql"));
        let missing = include_str!("sql/grants_missing.sql");
        for sql in surplus.into_iter().chain([missing]) {
            let rows = typed::rows(client, sql, &[&schema, &self.readers, &self.writers])
                .await
                .map_err(failed)?;
            statements.extend(rows.iter().map(|row| row.get::<_, String>(0)));
        }
        // A batch is one transaction: nothing is granted that is not noted.
        let done = client.batch_execute(&statements.join(";\n")).await;
        done.map_err(failed)?;
        self.taken_back().insert(site.cloned());
        Ok(())
    }

    fn taken_back(&self) -> MutexGuard<'_, BTreeSet<Option<SiteName>>> {
        // The set is whole between any two of its operations, also if a holder panicked.
        let taken_back = self.taken_back.lock();
        taken_back.unwrap_or_else(PoisonError::into_inner)
    }

    async fn missing(&self, client: &Client) -> Result<Vec<String>, Error> {
        let sql = include_str!("sql/roles_missing.sql");
        let missing = typed::rows(client, sql, &[&self.all()]).await?;
        missing.iter().map(|row| row.try_get(0)).collect()
    }
}
