//! Writes the demo's site: `meetassist.db` as the site's application keeps it, and a folder of CSV
//! files that somebody exports.
//!
//! The files are made in a folder beside and renamed into place whole, so that a demo that was
//! stopped half way begins again, and a site that is there is never written over.

mod database;
mod exports;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;

use super::plan::DemoPlan;
use super::population::{consultants, customers};
use super::programs::programs;

/// The site's database, in the site's folder.
pub(super) const DATABASE: &str = "meetassist.db";
/// The folder of CSV files, in the site's folder.
pub(super) const CSV: &str = "csv";

/// Why the demo's site cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SiteFilesError {
    /// The file system.
    #[error("cannot write {}: {source}", .path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot write {}: {source}", .path.display())]
    Database {
        path: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
    /// A CSV file.
    #[error("cannot write {}: {source}", .path.display())]
    Csv {
        path: PathBuf,
        #[source]
        source: csv::Error,
    },
}

/// Writes a site's files into `folder`, unless there is something there already.
///
/// Answers whether they were written.
///
/// # Errors
/// [`SiteFilesError`] with the file; nothing is then at `folder`.
pub(super) fn write(folder: &Path, plan: &DemoPlan) -> Result<bool, SiteFilesError> {
    if folder.exists() {
        return Ok(false);
    }
    let partial = folder.with_extension("partial");
    let failed = |source| SiteFilesError::File {
        path: partial.clone(),
        source,
    };
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(failed)?;
    }
    fs::create_dir_all(partial.join(CSV)).map_err(failed)?;
    write_files(&partial, plan)?;
    fs::rename(&partial, folder).map_err(|source| SiteFilesError::File {
        path: folder.to_owned(),
        source,
    })?;
    Ok(true)
}

fn write_files(folder: &Path, plan: &DemoPlan) -> Result<(), SiteFilesError> {
    let (customers, consultants) = (customers(plan), consultants(plan));
    let path = folder.join(DATABASE);
    let rated = database::write(&path, plan, &customers, &consultants)
        .map_err(|source| SiteFilesError::Database { path, source })?;
    let programs = programs(plan, &customers);
    exports::write(
        &folder.join(CSV),
        plan,
        &consultants,
        &rated,
        &programs,
        &customers,
    )
}

/// A time as the application writes it.
fn timestamp(at: DateTime) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::civil::date;
    use rusqlite::Connection;

    use super::*;

    const PLAN: DemoPlan = DemoPlan {
        appointments: 500,
        seed: 5,
        today: date(2026, 11, 22),
    };

    fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let csv = fs::read_dir(folder.join(CSV))
            .unwrap()
            .map(|file| file.unwrap().path());
        csv.map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
            .collect()
    }

    #[test]
    fn a_site_has_all_seven_tables_and_the_rows_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        assert!(write(&site, &PLAN).unwrap());

        let database = Connection::open(site.join(DATABASE)).unwrap();
        let count = |sql: &str| {
            database
                .query_row(sql, [], |row| row.get::<_, u32>(0))
                .unwrap()
        };
        assert_eq!(count("SELECT count(*) FROM appointment"), 500);
        assert_eq!(count("SELECT count(*) FROM customer"), 125);
        assert!(count("SELECT count(*) FROM consultantschedule") > 500);
        let tables: Vec<String> = files(&site).into_keys().collect();
        assert_eq!(tables.len(), 4, "{tables:?}");
    }

    #[test]
    fn a_site_that_is_there_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        write(&site, &PLAN).unwrap();
        let before = files(&site);
        assert!(!write(&site, &DemoPlan { seed: 6, ..PLAN }).unwrap());
        assert_eq!(files(&site), before);
    }

    #[test]
    fn one_seed_gives_one_site() {
        let folder = tempfile::tempdir().unwrap();
        let contents = |name: &str, seed| {
            let site = folder.path().join(name);
            write(&site, &DemoPlan { seed, ..PLAN }).unwrap();
            let csv = files(&site).into_values().collect::<Vec<_>>();
            (csv, fs::read(site.join(DATABASE)).unwrap())
        };
        assert_eq!(contents("a", 5), contents("b", 5));
        assert_ne!(contents("c", 6), contents("a2", 5));
    }
}
