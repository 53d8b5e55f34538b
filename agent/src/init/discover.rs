//! From the paths that a person gave to the files that may hold tables.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{InitError, LeftOut, sqlite};

/// How deep folders are looked into: a site's folder, and those in it.
const MAX_DEPTH: usize = 2;

/// Most files that are looked at.
const MAX_FILES: usize = 2_000;

/// Extensions of text files that may be tables.
const TEXTS: [&str; 5] = ["tsv", "tab", "psv", "txt", "dat"];

/// Extensions of tables that are neither text nor SQLite.
const OTHER_TABLES: [&str; 5] = ["xls", "xlsx", "ods", "parquet", "mdb"];

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// SQLite files, whatever their extension.
    pub(super) sqlite: Vec<PathBuf>,
    pub(super) csv: Vec<PathBuf>,
    /// Files that a person may have meant.
    pub(super) left_out: Vec<LeftOut>,
}

/// Looks for SQLite and CSV files.
pub(super) fn discover(paths: &[PathBuf]) -> Result<Found, InitError> {
    let mut files = BTreeSet::new();
    let mut found = Found::default();
    for path in paths {
        let path = path.canonicalize().map_err(|source| InitError::Path {
            path: path.clone(),
            source,
        })?;
        if path.is_dir() {
            list(&path, 1, &mut files)?;
        } else if is_csv(&path) || sqlite::is_database(&path).unwrap_or(false) {
            files.insert(path);
        } else {
            return Err(InitError::NeitherKind { path });
        }
    }
    for path in files {
        match sqlite::is_database(&path) {
            Ok(true) => found.sqlite.push(path),
            Ok(false) if is_csv(&path) => found.csv.push(path),
            Ok(false) if has_extension(&path, &TEXTS) => found.left_out.push(LeftOut {
                what: path.display().to_string(),
                why: "it is neither SQLite nor named .csv; if it is a table, name it .csv, or make a \
                      link to it that is"
                    .to_owned(),
            }),
            Ok(false) if has_extension(&path, &OTHER_TABLES) => found.left_out.push(LeftOut {
                what: path.display().to_string(),
                why: "it is neither SQLite nor CSV; export it as CSV".to_owned(),
            }),
            Ok(false) => {}
            Err(error) => found.left_out.push(LeftOut {
                what: path.display().to_string(),
                why: format!("it cannot be read: {error}"),
            }),
        }
    }
    Ok(found)
}

fn list(folder: &Path, depth: usize, files: &mut BTreeSet<PathBuf>) -> Result<(), InitError> {
    let failed = |source| InitError::Path {
        path: folder.to_owned(),
        source,
    };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        // Hidden ones, and the folders that Causeway's own programs write.
        if name.starts_with('.') || (name.starts_with("causeway-") && path.is_dir()) {
            continue;
        }
        if path.is_dir() {
            if depth < MAX_DEPTH {
                list(&path, depth + 1, files)?;
            }
        } else if path.is_file() || is_csv(&path) {
            files.insert(path);
        }
        if files.len() > MAX_FILES {
            return Err(InitError::TooMany {
                what: "files",
                most: MAX_FILES,
            });
        }
    }
    Ok(())
}

fn is_csv(path: &Path) -> bool {
    has_extension(path, &["csv"])
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|extension| {
        extensions
            .iter()
            .any(|wanted| extension.eq_ignore_ascii_case(wanted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for name in [
            "site.data",
            ".hidden/a.csv",
            "causeway-agent/state.db",
            "deep/er/a.csv",
        ] {
            write(name, "SQLite format 3\0");
        }
        for name in ["csv/Orders.CSV", "readme.md", "old.xlsx", "stops.txt"] {
            write(name, "a");
        }
        let found = discover(&[folder.path().to_owned()]).unwrap();
        let names = |paths: &[PathBuf]| {
            let names = paths
                .iter()
                .map(|path| path.file_name().unwrap().to_str().unwrap());
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(names(&found.sqlite), ["site.data"]);
        assert_eq!(names(&found.csv), ["Orders.CSV"]);
        let left_out: Vec<String> = found
            .left_out
            .iter()
            .map(|left| format!("{}: {}", left.what.rsplit('/').next().unwrap(), left.why))
            .collect();
        assert_eq!(
            left_out,
            [
                "old.xlsx: it is neither SQLite nor CSV; export it as CSV",
                "stops.txt: it is neither SQLite nor named .csv; if it is a table, name it .csv, or \
                 make a link to it that is",
            ]
        );
    }

    #[test]
    fn a_path_that_is_not_there_is_an_error() {
        let error = discover(&["/nowhere/x.db".into()]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("/nowhere/x.db cannot be read"),
            "{error}"
        );
    }
}
