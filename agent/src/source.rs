//! Sources: the SQLite files and CSV folders that hold a site's tables, and which table lives
//! where.
//!
//! A source belongs to somebody else. It is only read, under one snapshot, and left exactly as it
//! was found.

mod columns;
mod config;
pub(crate) mod csv;
mod file_state;
pub(crate) mod gate;
mod imported;
mod names;
mod resolve;
mod row;
mod snapshot;
mod sqlite;
mod still;
mod table_reader;

use std::collections::BTreeSet;
use std::path::PathBuf;

use causeway_shared::dataset::Table;
use causeway_shared::ids::Name;
use serde::{Deserialize, Serialize};

pub(crate) use config::{Delimiter, Encoding, SourceConfig, SourceKind};
pub(crate) use file_state::companion;
pub use imported::{FileRows, ImportedFile, RowSpool, SpooledRows, Statement};
pub(crate) use imported::{ImportedRows, ImportedTable, KeptRows, StoredKeys, is_kept, kept_raw};
pub(crate) use resolve::{SourceError, Sources, UnknownTable};
pub(crate) use row::{LineOf, Malformed, RowsError, SourceRow, reuse};
pub(crate) use snapshot::Snapshot;
pub(crate) use sqlite::{SqliteSnapshot, raw};
pub(crate) use still::{ABANDONED, FRESH};
pub(crate) use table_reader::TableReader;

/// Why a source, or a table in it, cannot be read now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Unreadable {
    /// The file, the folder or the table is not there.
    #[error("{why}; {remedy}")]
    Missing {
        /// What is not there.
        why: String,
        /// What to do about it.
        remedy: String,
    },
    /// It is there, but this is not the moment: half written, or changed while it was read.
    #[error("{why}")]
    NotReady {
        /// What stands in the way.
        why: String,
    },
    /// It is there, but another program does not let it be read now.
    #[error("{why}")]
    #[serde(rename(serialize = "not_ready"))]
    Locked {
        /// What stands in the way.
        why: String,
    },
    /// It cannot be read until somebody does something.
    #[error("{why}")]
    Failed {
        /// What is wrong, and what to do.
        why: String,
    },
}

impl Unreadable {
    /// What stands in the way.
    #[must_use]
    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Missing { why, .. }
            | Self::NotReady { why }
            | Self::Locked { why }
            | Self::Failed { why } => why,
        }
    }

    /// Whether it may be readable at the next cycle.
    #[must_use]
    pub(crate) fn is_not_ready(&self) -> bool {
        matches!(self, Self::NotReady { .. } | Self::Locked { .. })
    }

    /// The same trouble, told of something else.
    pub(crate) fn because(mut self, told: impl FnOnce(&str) -> String) -> Self {
        match &mut self {
            Self::Missing { why, .. }
            | Self::NotReady { why }
            | Self::Locked { why }
            | Self::Failed { why } => *why = told(why),
        }
        self
    }

    fn failed(why: impl Into<String>) -> Self {
        Self::Failed { why: why.into() }
    }

    fn not_ready(why: impl Into<String>) -> Self {
        Self::NotReady { why: why.into() }
    }
}

/// How the declared columns of a table were found in its source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    /// Per declared column its position in the source; `None` where the source lacks it.
    pub(crate) found: Vec<Option<usize>>,
    /// The source's columns that are not declared.
    pub(crate) unknown: Vec<String>,
}

impl Columns {
    /// The declared columns of a table that the source has.
    pub(crate) fn present(&self, table: &Table) -> BTreeSet<Name> {
        let columns = table.columns.iter().zip(&self.found);
        let present = columns.filter(|(_, found)| found.is_some());
        present.map(|(column, _)| column.name.clone()).collect()
    }

    /// The declared columns that the source lacks.
    pub(crate) fn lacking(&self) -> Vec<usize> {
        let lacks = |at: &usize| self.found[*at].is_none();
        (0..self.found.len()).filter(lacks).collect()
    }
}

/// An absolute path of a configured one, which is relative to the configuration file's folder.
fn absolute(base_dir: &std::path::Path, path: &std::path::Path) -> PathBuf {
    base_dir.join(path)
}
