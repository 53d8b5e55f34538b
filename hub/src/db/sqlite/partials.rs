//! A site's partials, in a file of their own.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;

use causeway_shared::ids::{Md5, Part, SiteName};

use super::Files;
use crate::db::{DbError, Partial};

pub(super) fn read(
    files: &Files,
    site: &SiteName,
    what: &str,
    parts: &[Part],
) -> Result<Vec<Partial>, DbError> {
    let connection = files.partials(site)?;
    let read = || -> rusqlite::Result<Vec<Partial>> {
        let mut statement = connection.prepare(include_str!("sql/partial_read.sql"))?;
        let mut rows = statement.query(params![what, list(parts)])?;
        let mut partials = Vec::new();
        while let Some(row) = rows.next()? {
            let part = Part::new(row.get_ref(0)?.as_str()?);
            let version = Md5::new(row.get_ref(1)?.as_str()?);
            // What cannot be read is made again.
            if let (Ok(part), Ok(version)) = (part, version) {
                let body = row.get_ref(2)?.as_blob()?.into();
                partials.push(Partial {
                    part,
                    version,
                    body,
                });
            }
        }
        Ok(partials)
    };
    read().map_err(|error| files.error("reading", error))
}

pub(super) fn versions(
    files: &Files,
    site: &SiteName,
    what: &str,
) -> Result<BTreeMap<Part, Md5>, DbError> {
    let connection = files.partials(site)?;
    let read = || -> rusqlite::Result<BTreeMap<Part, Md5>> {
        let mut statement = connection.prepare(include_str!("sql/partial_versions.sql"))?;
        let mut rows = statement.query([what])?;
        let mut versions = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let part = Part::new(row.get_ref(0)?.as_str()?);
            let version = Md5::new(row.get_ref(1)?.as_str()?);
            // What cannot be read is made again.
            versions.extend(part.ok().zip(version.ok()));
        }
        Ok(versions)
    };
    read().map_err(|error| files.error("reading", error))
}

pub(super) fn put(
    files: &Files,
    site: &SiteName,
    what: &str,
    partials: &[Partial],
) -> Result<(), DbError> {
    let mut connection = files.partials(site)?;
    let mut put = || -> rusqlite::Result<()> {
        let transaction = connection.transaction()?;
        {
            let mut statement = transaction.prepare(include_str!("sql/partial_put.sql"))?;
            for partial in partials {
                let (part, version) = (partial.part.to_string(), partial.version.to_string());
                statement.execute(params![what, part, version, &*partial.body])?;
            }
        }
        transaction.commit()
    };
    put().map_err(|error| files.error("writing", error))
}

pub(super) fn retain(
    files: &Files,
    site: &SiteName,
    kept: &BTreeSet<Part>,
) -> Result<u64, DbError> {
    let connection = files.partials(site)?;
    let sql = include_str!("sql/partial_retain.sql");
    let dropped = connection.execute(sql, [list(kept)]);
    dropped
        .map(|dropped| dropped as u64)
        .map_err(|error| files.error("writing", error))
}

/// Parts as a JSON list; none of them has a character that JSON escapes.
fn list<'p>(parts: impl IntoIterator<Item = &'p Part>) -> String {
    let parts = parts.into_iter().map(|part| format!("\"{part}\""));
    format!("[{}]", parts.collect::<Vec<_>>().join(","))
}
