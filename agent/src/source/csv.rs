//! A folder of CSV files, one per table.
//!
//! Bytes become text ([`encoding`]), text becomes records ([`lexer`], [`records`]), the first
//! record says what the others are made of ([`dialect`]), and fields become raw values
//! ([`repair`]). Each takes what is certain or declared, and refuses the rest by name.

mod dialect;
mod encoding;
#[cfg(test)]
mod fuzz;
mod header;
mod lexer;
mod reader;
mod records;
mod repair;
mod uncertain_rows;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use causeway_shared::runtime::regular_file;

use super::Unreadable;
pub(crate) use dialect::{cleaned, named_delimiter};
pub(crate) use encoding::{Decoder, guess, is_damaged_utf8, two_lines};
pub(crate) use header::{Header, RepeatedHeader};
pub(crate) use lexer::{Lexer, Record};
pub(super) use reader::{CsvTable, Expected, open};
pub(crate) use records::{RecordError, Records};
pub(crate) use repair::raw;

/// A file of a folder that is named as CSV files are.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CsvFile {
    /// Its name without `.csv`. What is not UTF-8 in it is replaced.
    pub(super) stem: String,
    pub(super) name: OsString,
    /// Why nobody may have meant it as a table, if so.
    pub(super) problem: Option<String>,
}

/// The CSV files in a folder.
pub(super) fn files(folder: &Path) -> Result<Vec<CsvFile>, Unreadable> {
    let entries = std::fs::read_dir(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unreadable::Missing {
            why: format!("the CSV folder {} is not there", folder.display()),
            remedy: "put it back, or correct `path` of this source".to_owned(),
        },
        io::ErrorKind::NotADirectory => Unreadable::failed(format!(
            "{} is a file; give the folder that it lies in as `path`",
            folder.display()
        )),
        _ => cannot_read(folder, &error),
    })?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| cannot_read(folder, &error))?;
        let name = Path::new(&entry.file_name()).to_owned();
        let is_csv = name
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        if let Some(stem) = name.file_stem().filter(|_| is_csv) {
            files.push(CsvFile {
                stem: stem.to_string_lossy().into_owned(),
                problem: problem(&entry.path()),
                name: name.into(),
            });
        }
    }
    files.sort();
    Ok(files)
}

fn problem(path: &Path) -> Option<String> {
    match regular_file::metadata(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Some(format!("{error}; move it away"))
        }
        _ if path.file_name().and_then(OsStr::to_str).is_none() => {
            Some("its name is not UTF-8; rename it, or move it away".to_owned())
        }
        _ => None,
    }
}

fn cannot_read(path: &Path, error: &io::Error) -> Unreadable {
    Unreadable::failed(format!("{} cannot be read: {error}", path.display()))
}
