//! The sites' partials.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Error;

use causeway_shared::ids::{Md5, Part, SiteName};

use super::{PostgresDatabase, error, typed};
use crate::db::{DbError, Partial};

impl PostgresDatabase {
    pub(super) async fn read_partials(
        &self,
        site: &SiteName,
        what: &str,
        parts: &[Part],
    ) -> Result<Vec<Partial>, DbError> {
        let failed = |error| self.partials_error("reading", error);
        let client = self.connections.client().await?;
        let sql = include_str!("sql/partial_read.sql");
        let parts = texts(parts);
        let rows = typed::rows(&client, sql, &[&site.as_str(), &what, &parts]).await;
        let mut partials = Vec::new();
        for row in rows.map_err(failed)? {
            let part = Part::new(row.try_get(0).map_err(failed)?);
            let version = Md5::new(row.try_get(1).map_err(failed)?);
            // What cannot be read is made again.
            if let (Ok(part), Ok(version)) = (part, version) {
                let body = row.try_get::<_, &[u8]>(2).map_err(failed)?.into();
                partials.push(Partial {
                    part,
                    version,
                    body,
                });
            }
        }
        Ok(partials)
    }

    pub(super) async fn read_partial_versions(
        &self,
        site: &SiteName,
        what: &str,
    ) -> Result<BTreeMap<Part, Md5>, DbError> {
        let failed = |error| self.partials_error("reading", error);
        let client = self.connections.client().await?;
        let sql = include_str!("sql/partial_versions.sql");
        let rows = typed::rows(&client, sql, &[&site.as_str(), &what]).await;
        let mut versions = BTreeMap::new();
        for row in rows.map_err(failed)? {
            let part = Part::new(row.try_get(0).map_err(failed)?);
            let version = Md5::new(row.try_get(1).map_err(failed)?);
            // What cannot be read is made again.
            versions.extend(part.ok().zip(version.ok()));
        }
        Ok(versions)
    }

    pub(super) async fn write_partials(
        &self,
        site: &SiteName,
        what: &str,
        partials: &[Partial],
    ) -> Result<(), DbError> {
        let client = self.connections.client().await?;
        let sql = include_str!("sql/partial_put.sql");
        let parts = texts(partials.iter().map(|partial| &partial.part));
        let versions = texts(partials.iter().map(|partial| &partial.version));
        let bodies: Vec<&[u8]> = partials.iter().map(|partial| &*partial.body).collect();
        let put = typed::execute(
            &client,
            sql,
            &[&site.as_str(), &what, &parts, &versions, &bodies],
        )
        .await;
        put.map(drop)
            .map_err(|error| self.partials_error("writing", error))
    }

    pub(super) async fn drop_other_partials(
        &self,
        site: &SiteName,
        kept: &BTreeSet<Part>,
    ) -> Result<u64, DbError> {
        let client = self.connections.client().await?;
        let sql = include_str!("sql/partial_retain.sql");
        let dropped = typed::execute(&client, sql, &[&site.as_str(), &texts(kept)]).await;
        dropped.map_err(|error| self.partials_error("writing", error))
    }

    fn partials_error(&self, action: &'static str, error: Error) -> DbError {
        error::of_own(self.connections.describe(), action, error)
    }
}

fn texts<T: ToString>(of: impl IntoIterator<Item = T>) -> Vec<String> {
    of.into_iter().map(|one| one.to_string()).collect()
}
