//! Which database a configuration names.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::postgres::PostgresDatabase;
use super::sqlite::SqliteDatabase;
use super::{Database, DbError};
use crate::config::DatabaseConfig;

/// Opens the database that a configuration names.
///
/// # Errors
/// [`DbError::Configuration`] if it names none that this program knows.
pub(crate) async fn open(config: &DatabaseConfig) -> Result<Arc<dyn Database>, DbError> {
    let refuse = |problem: &str| {
        Err(DbError::Configuration {
            problem: problem.to_owned(),
        })
    };
    let is_postgres =
        config.url.starts_with("postgres://") || config.url.starts_with("postgresql://");
    // A secret may say where the server is.
    if is_postgres || !config.secret.is_empty() {
        let database = PostgresDatabase::open_signing_in(config).await?;
        return Ok(Arc::new(database));
    }
    if config.iam {
        return refuse("with `iam`, write `url` as postgres://user@host/database");
    }
    if let Some(folder) = config.url.strip_prefix("sqlite:") {
        if !config.readers.is_empty() || !config.writers.is_empty() {
            return refuse("`readers` and `writers` are roles of PostgreSQL; take them out");
        }
        let folder = Path::new(folder);
        let database = SqliteDatabase::open(folder, address(config));
        Ok(Arc::new(database))
    } else {
        refuse("`url` must be sqlite:<folder> or postgres://user:password@host/database")
    }
}

/// By which a database is known, whoever asks.
pub(crate) fn address(config: &DatabaseConfig) -> String {
    if !config.address.is_empty() {
        return config.address.clone();
    }
    let url = config.url.split('?').next().unwrap_or_default();
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
            format!("{scheme}://{rest}")
        }
        None => match url.strip_prefix("sqlite:").map(std::path::absolute) {
            Some(Ok(folder)) => format!("sqlite:{}", without_dots(&folder).display()),
            _ => url.to_owned(),
        },
    }
}

/// A folder as it is reached without `..`, so that a configuration file names the same database from wherever
/// it is read.
fn without_dots(folder: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in folder.components() {
        if component == Component::ParentDir {
            // What lies above a link is not what stands before it in the path.
            plain = plain.canonicalize().unwrap_or(plain);
            plain.pop();
        } else {
            plain.push(component);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address_of(folder: &Path) -> String {
        address(&DatabaseConfig {
            url: format!("sqlite:{}", folder.display()),
            ..DatabaseConfig::default()
        })
    }

    #[test]
    fn a_folder_has_one_address_from_wherever_it_is_named() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::os::unix::fs::symlink(root.join("a/b"), root.join("link")).unwrap();
        let plain = address_of(&root.join("hub"));
        assert_eq!(plain, format!("sqlite:{}/hub", root.display()));
        for same in [
            "a/../hub",
            "a/b/../../hub",
            "./hub",
            "gone/../hub",
            "link/../../hub",
        ] {
            assert_eq!(address_of(&root.join(same)), plain, "{same}");
        }
    }
}
