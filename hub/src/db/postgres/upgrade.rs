//! The hub's own tables: made, and those of an earlier version upgraded.

use causeway_shared::ids::SiteName;
use causeway_shared::runtime::chance;
use tokio_postgres::{Client, Error};

use super::connection::Connections;
use super::{change, error, render, typed};
use crate::db::DbError;
use crate::db::sql::SEARCH;
use crate::searched::{SEARCHED, Searched};

/// The version of the hub's own tables.
pub(super) const VERSION: i64 = 9;
/// The versions that are altered, and what brings each to the next one. Tables of earlier versions hold no edits, so
/// that all of them are made again.
const STEPS: [(i64, Step); 4] = [
    (5, Step::Statements(include_str!("sql/upgrade_5.sql"))),
    (6, Step::Statements(include_str!("sql/upgrade_6.sql"))),
    (7, Step::Search),
    (8, Step::Statements(include_str!("sql/upgrade_8.sql"))),
];

/// The oldest version of PostgreSQL, as it numbers itself.
const OLDEST_VERSION: i32 = 140_000;

enum Step {
    Statements(&'static str),
    /// The sites' tables get the column of the texts that lists search.
    Search,
}

impl Step {
    async fn take(&self, client: &Client) -> Result<(), Error> {
        if let Self::Statements(sql) = self {
            return client.batch_execute(sql).await;
        }
        let sites = typed::rows(client, include_str!("sql/sites_known.sql"), &[]).await?;
        let sites = sites.iter().map(|row| row.get::<_, String>(0));
        for site in sites.filter_map(|site| SiteName::new(&site).ok()) {
            let target = |table: &str| render::target_named(&site, table);
            let targets: Vec<String> = SEARCHED.iter().map(|of| target(of.table)).collect();
            let existing = change::existing(client, &targets).await?;
            for Searched { table, .. } in &SEARCHED {
                let columns = existing.get(&target(table)).map_or(&[][..], |found| found);
                if columns.iter().any(|(name, _)| name == SEARCH) {
                    continue;
                }
                let add = render::add_search(&target(table), table, columns);
                client.batch_execute(&add.unwrap_or_default()).await?;
            }
        }
        Ok(())
    }
}

impl Connections {
    /// Makes or upgrades the hub's own tables, for a database that hubs reach at an address.
    pub(super) async fn upgrade(&self, address: &str) -> Result<(), DbError> {
        let mut client = self.pooled(&self.pool).await?;
        self.check_server(&client).await?;
        let failed = |error| error::of(self.describe(), "upgrading", error);
        let transaction = client.transaction().await.map_err(failed)?;
        let lock = include_str!("sql/version_lock.sql");
        transaction.batch_execute(lock).await.map_err(failed)?;
        let there = include_str!("sql/version_there.sql");
        let there: bool = typed::row(transaction.client(), there, &[])
            .await
            .map_err(failed)?
            .get(0);
        if !there {
            let create = include_str!("sql/version_create.sql");
            transaction.batch_execute(create).await.map_err(failed)?;
        }
        let found = self.version(transaction.client()).await?;
        if found < VERSION {
            match STEPS.iter().position(|(from, _)| *from == found) {
                Some(first) => {
                    for (_, step) in &STEPS[first..] {
                        let step = step.take(transaction.client());
                        step.await.map_err(failed)?;
                    }
                }
                None => {
                    let anew = concat!(
                        include_str!("sql/empty_earlier.sql"),
                        include_str!("sql/hub.sql")
                    );
                    transaction.batch_execute(anew).await.map_err(failed)?;
                }
            }
            let set = include_str!("sql/version_set.sql");
            let set = typed::execute(transaction.client(), set, &[&VERSION]).await;
            set.map_err(failed)?;
        }
        // No layout of their own: they can be made again at any time.
        let functions = include_str!("sql/trigger_functions.sql");
        transaction.batch_execute(functions).await.map_err(failed)?;
        let folding = render::create_folding();
        transaction.batch_execute(&folding).await.map_err(failed)?;
        let partials = include_str!("sql/partial_make.sql");
        transaction.batch_execute(partials).await.map_err(failed)?;
        let id = chance::random_id().map_err(|error| DbError::Configuration {
            problem: format!("this system has no randomness to give: {error}"),
        })?;
        let make = include_str!("sql/identity_make.sql");
        let made = typed::execute(transaction.client(), make, &[&id, &address]).await;
        made.map_err(failed)?;
        let make = include_str!("sql/sleep_make.sql");
        transaction.batch_execute(make).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        self.roles.grant(&client, self.describe(), None).await
    }

    /// Only UTF-8 holds every text that a site may have, and only from version 14 on are triggers
    /// replaced.
    async fn check_server(&self, client: &Client) -> Result<(), DbError> {
        let row = typed::row(client, include_str!("sql/server_read.sql"), &[]).await;
        let row = row.map_err(|error| error::of(self.describe(), "reading", error))?;
        let (encoding, version): (&str, i32) = (row.get(0), row.get(1));
        let problem = if version < OLDEST_VERSION {
            format!("is of PostgreSQL {}; use 14 or newer", version / 10_000)
        } else if encoding != "UTF8" {
            format!("is encoded in {encoding}; create it with ENCODING 'UTF8'")
        } else {
            return Ok(());
        };
        Err(DbError::Configuration {
            problem: format!("{} {problem}", self.describe()),
        })
    }
}
