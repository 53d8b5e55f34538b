//! A folder of CSV files, one per table.
//!
//! Bytes become text ([`encoding`]), text becomes records ([`lexer`], [`records`]), the first
//! record says what the others are made of ([`dialect`]), and fields become raw values
//! ([`repair`]). Each takes what is certain or declared, and refuses the rest by name.

mod dialect;
mod doubt;
mod encoding;
#[cfg(test)]
mod fuzz;
mod lexer;
mod reader;
mod records;
mod repair;

use std::io;
use std::path::{Path, PathBuf};

use super::Unreadable;
pub(crate) use dialect::{cleaned, named_delimiter};
pub(crate) use encoding::Decoder;
pub(crate) use lexer::{Lexer, Record};
pub(super) use reader::{CsvTable, Expected, open};
pub(crate) use records::{RecordError, Records};
pub(crate) use repair::raw;

/// The CSV files in a folder, by name without `.csv`.
pub(super) fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>, Unreadable> {
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
        let path = entry.map_err(|error| cannot_read(folder, &error))?.path();
        let is_csv = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        if let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
            && is_csv
        {
            files.push((stem.to_owned(), path));
        }
    }
    files.sort();
    Ok(files)
}

fn cannot_read(path: &Path, error: &io::Error) -> Unreadable {
    Unreadable::failed(format!("{} cannot be read: {error}", path.display()))
}
