//! `init`: looks at all the data in SQLite and CSV files and proposes an `agent.toml` and a
//! dataset for them.
//!
//! Every value is read, twice: once to see what the columns hold, and, types being known then,
//! once to see which columns tell rows apart, where they point, and on which dates rows are. What
//! is proposed takes every row that was read, or says which it does not; why it is proposed stands
//! beside it. Memory stays bounded: sets of values are in a temporary file, and of CSV files one
//! record at a time is held.
//!
//! [`inspect`] does the reading; [`Inspection::propose`] decides; [`fn@write`] writes.

mod agent_file;
mod codes;
mod commas;
mod csv;
mod dataset_file;
mod dates;
mod decimal_marks;
mod declared;
mod discover;
mod evidence;
mod groups;
mod input;
mod inspection;
mod keys;
mod measures;
mod meetassist;
mod names;
mod numbers;
mod partition;
mod people;
mod plan;
mod profile;
mod proposal;
mod questions;
mod references;
mod samples;
mod scratch;
mod shape;
mod sources;
mod sqlite;
mod stages;
mod summary;
mod text;
mod trial;
mod types;

use std::path::PathBuf;

pub(crate) use inspection::{Inspection, LeftOut};
pub(crate) use proposal::write;

/// The zone that is proposed for the site.
const TIME_ZONE: &str = "Asia/Ho_Chi_Minh";

/// Most tables in one inspection; a dataset may have no more.
const MAX_TABLES: usize = 500;

/// Why nothing can be proposed, or the proposal cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// A path that was given, or a folder in it.
    #[error("{} cannot be read: {source}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file that was given is of neither kind.
    #[error("{} is neither a SQLite database nor a .csv file", path.display())]
    NeitherKind {
        /// The file.
        path: PathBuf,
    },
    /// There is too much to look at.
    #[error("more than {most} {what}; give the paths of those that matter")]
    TooMany {
        /// Files or tables.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// Nothing that was found can be carried.
    #[error("no table was found that can be carried{}", reasons(left_out))]
    Nothing {
        /// What was found, and why it cannot.
        left_out: Vec<LeftOut>,
    },
    /// The folder for temporary files.
    #[error("cannot make a temporary folder: {0}")]
    TemporaryFolder(#[source] std::io::Error),
    /// The temporary file.
    #[error("the temporary file: {0}")]
    TemporaryFile(#[from] rusqlite::Error),
    /// A file of the proposal is there already.
    #[error("{} is there already; move it away, or say --overwrite", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file of the proposal cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl InitError {
    /// Whether other paths, or another place to write to, are what helps.
    #[must_use]
    pub(crate) fn is_usage(&self) -> bool {
        !matches!(
            self,
            Self::TemporaryFolder(_) | Self::TemporaryFile(_) | Self::Write { .. }
        )
    }
}

fn reasons(left_out: &[LeftOut]) -> String {
    if left_out.is_empty() {
        return "; it looks for SQLite files, whatever their names, and for files that are named \
                .csv, in each folder and in the folders in it"
            .to_owned();
    }
    let reasons: Vec<String> = left_out
        .iter()
        .map(|left| format!("; {}: {}", left.what, left.why))
        .collect();
    reasons.concat()
}

/// Looks at SQLite files, CSV files, and folders of either.
///
/// Files are only read. One that cannot be read, or changes meanwhile, is left out and stops no
/// other.
///
/// # Errors
/// [`InitError`]: a path that is not there, nothing to propose, or no room for temporary files.
pub(crate) fn inspect(paths: &[PathBuf]) -> Result<Inspection, InitError> {
    let mut found = discover::discover(paths)?;
    let mut left_out = std::mem::take(&mut found.left_out);
    let (inputs, drafts) = input::open(&found, &mut left_out);
    let (drafts, meetassist) = stages::choose(&inputs, drafts, &mut left_out);
    if drafts.len() > MAX_TABLES {
        return Err(InitError::TooMany {
            what: "tables",
            most: MAX_TABLES,
        });
    }
    let mut tables = stages::profile(&inputs, drafts, &mut left_out);
    let sources = stages::sources(&inputs, &mut tables);
    stages::types(&mut tables);
    if meetassist.is_none() {
        stages::evidence(&inputs, &mut tables)?;
    }
    let listed = stages::close(inputs, &sources, &mut tables);
    if tables.iter().all(|table| table.trouble.is_some()) {
        left_out.extend(tables.iter().map(inspection::Table::why_not));
        return Err(InitError::Nothing { left_out });
    }
    Ok(Inspection {
        sources,
        tables,
        left_out,
        listed,
        meetassist,
    })
}

#[cfg(test)]
mod tests;
