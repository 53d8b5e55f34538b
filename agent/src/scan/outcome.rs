//! What a scan tells, besides the bytes of the partitions.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::dataset::TableId;
use causeway_shared::ids::{Md5, Name, Part};
use causeway_shared::summary::Summary;

use super::findings::TableFindings;
use crate::source::{UnknownTable, Unreadable};

/// What became of each table that was to be scanned.
pub(crate) type ScannedTables = BTreeMap<TableId, Result<ScannedTable, Unreadable>>;

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ScanOutcome {
    /// What became of each table.
    pub tables: ScannedTables,
    /// Tables and CSV files of the sources that the dataset does not declare.
    pub unknown_tables: Vec<UnknownTable>,
}

/// A table all of whose rows were read.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ScannedTable {
    /// Its partitions; none for an empty table.
    pub parts: BTreeMap<Part, PartitionContent>,
    /// Rows that the source gave: those in partitions and those in quarantine.
    pub rows_read: u64,
    /// The declared columns that the source has. Every row lacks a value for the others.
    pub columns: BTreeSet<Name>,
    /// The declared columns that the source had when the rows were last committed, and no longer
    /// has.
    pub lost_columns: Vec<Name>,
    /// Columns of the source that the dataset does not declare.
    pub unknown_columns: Vec<String>,
    /// What a person should know of the table.
    pub findings: TableFindings,
}

impl ScannedTable {
    /// The rows in its partitions.
    #[must_use]
    pub(crate) fn rows(&self) -> u64 {
        self.parts.values().map(|content| content.rows).sum()
    }
}

/// The rows of one partition, in short.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PartitionContent {
    /// The MD5 of its canonical CSV.
    pub md5: Md5,
    /// The number of its rows.
    pub rows: u64,
    /// The counts and sums of its rows.
    pub summary: Summary,
}
