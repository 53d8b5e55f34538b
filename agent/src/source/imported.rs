//! The rows of an import: those of a file that no agent watches, and those of the store that stay
//! beside them.

mod kept;
mod keys;
pub(super) mod spool;

use std::collections::BTreeMap;
use std::path::PathBuf;

use causeway_shared::dataset::{Table, TableId};
use causeway_shared::value::Forms;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::columns::required_columns;
use super::csv::{self, Expected};
use super::table_reader::TableReader;
use super::{SourceConfig, SourceKind, Unreadable};

pub(crate) use kept::{KeptRows, is_kept, raw as kept_raw};
pub(crate) use keys::StoredKeys;
use spool::SpooledTable;
pub use spool::{RowSpool, SpooledRows, Statement};

/// Where the rows of one table come from.
#[derive(Debug)]
pub(crate) struct ImportedTable {
    /// The file, as a person knows it; `None` where only the store's rows are carried on.
    pub(crate) file: Option<ImportedFile>,
    /// The store's rows that stay where the file has none with their key.
    pub(crate) kept: Option<KeptRows>,
}

/// A table's rows in a file.
#[derive(Debug, Clone)]
pub struct ImportedFile {
    /// The file's name, as refused rows are found again by it.
    pub name: String,
    /// Its rows.
    pub rows: FileRows,
}

/// In what form a file's rows are.
#[derive(Debug, Clone)]
pub enum FileRows {
    /// A CSV file, which is read as one of a source is.
    Csv(PathBuf),
    /// Rows that a [`RowSpool`] took.
    Spooled(SpooledRows),
}

/// The tables of an import.
pub(crate) struct ImportedRows {
    pub(crate) tables: BTreeMap<TableId, ImportedTable>,
    /// What the store has of the tables that are not imported, and that rows of the others refer to.
    pub(crate) keys: BTreeMap<TableId, StoredKeys>,
    pub(crate) zone: TimeZone,
}

impl ImportedRows {
    /// Prepares to read a table's rows.
    pub(crate) fn table(
        &self,
        position: TableId,
        table: &Table,
        expected: (Timestamp, bool),
    ) -> Result<TableReader<'_>, Unreadable> {
        let file = self.tables.get(&position).and_then(|of| of.file.as_ref());
        let reader = match file.map(|file| &file.rows) {
            None => return Ok(TableReader::Spooled(SpooledTable::nothing(table))),
            Some(FileRows::Spooled(rows)) => TableReader::Spooled(rows.open()?),
            Some(FileRows::Csv(path)) => {
                let (now, had_rows) = expected;
                let expected = Expected {
                    now,
                    had_rows,
                    has_settings: false,
                };
                TableReader::Csv(Box::new(csv::open(path, &csv_settings(), table, expected)?))
            }
        };
        required_columns(table, reader.columns()).map_err(|problem| {
            Unreadable::failed(format!("{}: {problem}", self.place(position)))
        })?;
        Ok(reader)
    }

    /// The store's rows that stay.
    pub(crate) fn kept(&self, table: TableId) -> Option<&KeptRows> {
        self.tables.get(&table)?.kept.as_ref()
    }

    /// The file that a table is in, to show.
    pub(crate) fn place(&self, table: TableId) -> String {
        let file = self.tables.get(&table).and_then(|of| of.file.as_ref());
        file.map(|file| file.name.clone()).unwrap_or_default()
    }

    /// How the file writes values: only what is certain.
    pub(crate) fn forms(&self) -> Forms {
        Forms {
            has_settings: false,
            ..csv_settings().forms(self.zone.clone())
        }
    }
}

fn csv_settings() -> SourceConfig {
    SourceConfig::new(SourceKind::Csv, PathBuf::new())
}
