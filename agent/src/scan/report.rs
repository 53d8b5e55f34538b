//! What a scan tells, besides partitions and refused rows.

use causeway_shared::dataset::TableId;

use crate::source::{UnknownTable, Unreadable};

/// What a scan found, besides partitions and refused rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScanReport {
    /// The tables asked for, in the dataset's order.
    pub tables: Vec<TableScan>,
    /// Tables of the dataset that no source has, asked for or not. Empty while some
    /// source cannot be read, since they may be there.
    pub homeless: Vec<TableId>,
    /// Tables and CSV files of the sources that the dataset does not declare.
    pub unknown_tables: Vec<UnknownTable>,
    /// Columns of the sources that the dataset does not declare: the table, the name.
    pub unknown_columns: Vec<(TableId, String)>,
    /// Declared columns that the source lacks and that were taken as missing in every row: the
    /// table, the column's position.
    pub missing_columns: Vec<(TableId, usize)>,
}

/// What became of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableScan {
    /// Which table it is.
    pub table: TableId,
    /// How it went. Whatever else there is of the table counts only if it was scanned.
    pub outcome: Outcome,
    /// Rows that the source gave: those in partitions and those in quarantine.
    pub rows_read: u64,
    /// Rows in partitions.
    pub rows: u64,
    /// Rows in quarantine.
    pub quarantined: u64,
    /// References whose target was scanned too, and that point at no committed row of it.
    pub dangling: Vec<Dangling>,
}

/// How the scan of a table went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All of it was read.
    Scanned,
    /// Its file, or the table in it, is not there.
    Missing {
        /// What is not there.
        why: String,
        /// What to do about it.
        remedy: String,
    },
    /// It cannot be read at this moment.
    NotReady {
        /// What stands in the way.
        why: String,
    },
    /// It cannot be read until somebody does something.
    Failed {
        /// What is wrong, and what to do.
        why: String,
    },
}

impl From<Unreadable> for Outcome {
    fn from(trouble: Unreadable) -> Self {
        match trouble {
            Unreadable::Missing { why, remedy } => Self::Missing { why, remedy },
            Unreadable::NotReady { why } | Unreadable::Locked { why } => Self::NotReady { why },
            Unreadable::Failed { why } => Self::Failed { why },
        }
    }
}

/// Values of one column that point at no committed row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dangling {
    /// The column's position.
    pub column: usize,
    /// The table it points at.
    pub target: TableId,
    /// Rows with such a value.
    pub rows: u64,
    /// Some of the values, the lowest.
    pub examples: Vec<String>,
}
