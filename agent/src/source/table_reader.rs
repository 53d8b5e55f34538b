//! One table's rows, from whichever source.

use super::Columns;
use super::csv::CsvTable;
use super::imported::spool::{SpooledTable, line_of};
use super::row::{LineOf, RowsError, SourceRow};
use super::sqlite::SqliteTable;

/// A table about to be read.
pub(crate) enum TableReader<'s> {
    /// From a SQLite file.
    Sqlite(SqliteTable<'s>),
    /// From a CSV file.
    Csv(Box<CsvTable>),
    /// From rows that were put by.
    Spooled(SpooledTable),
}

impl TableReader<'_> {
    /// How the declared columns were found.
    pub(crate) fn columns(&self) -> &Columns {
        match self {
            Self::Sqlite(table) => &table.columns,
            Self::Csv(table) => &table.columns,
            Self::Spooled(table) => &table.columns,
        }
    }

    /// Whether the source itself guarantees that keys come strictly ascending.
    pub(crate) fn is_ascending(&self) -> bool {
        match self {
            Self::Sqlite(table) => table.ascending,
            Self::Csv(_) | Self::Spooled(_) => false,
        }
    }

    /// What tells from [`SourceRow::at`] the line of a file; `None`: the source has no lines.
    pub(crate) fn lines(&self) -> Option<LineOf> {
        match self {
            Self::Sqlite(_) => None,
            Self::Csv(_) => Some(|at| at),
            Self::Spooled(_) => Some(line_of),
        }
    }

    /// Gives every row to `each`.
    pub(crate) fn rows<E>(
        &mut self,
        each: &mut dyn FnMut(SourceRow<'_>) -> Result<(), E>,
    ) -> Result<(), RowsError<E>> {
        match self {
            Self::Sqlite(table) => table.rows(each),
            Self::Csv(table) => table.rows(each),
            Self::Spooled(table) => table.rows(each),
        }
    }
}
