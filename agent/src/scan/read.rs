//! What reading one table takes, and what comes of it.

use std::io;

use causeway_shared::dataset::{Dataset, TableId};
use causeway_shared::value::Forms;

use super::row_set::RowSet;
use super::sorter::Sorted;
use super::spill::SpillDir;
use super::stored::Kept;
use super::{OnRows, Stop};
use crate::source::{KeptRows, RowsError};

/// A table whose rows have been read and judged.
#[derive(Debug)]
pub(super) struct ReadTable {
    /// The stored rows, by part and key.
    pub(super) rows: Sorted,
    /// Their keys, where other tables ask for them.
    pub(super) keys: Option<Sorted>,
    /// Those of the stored rows that were refused afterwards.
    pub(super) refused: RowSet,
    /// What is kept of each stored row.
    pub(super) kept: Kept,
    /// Rows that the source gave.
    pub(super) rows_read: u64,
    /// Rows refused, before or after they were stored.
    pub(super) quarantined: u64,
}

/// Why reading ends early.
#[derive(Debug)]
pub(super) enum Halt {
    /// A temporary file failed.
    Spill(io::Error),
    /// [`OnRows`] says stop.
    Stopped,
    /// Whoever takes the partitions wants no more.
    Part(Stop),
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Self {
        Self::Spill(error)
    }
}

/// What reading a table takes besides its source.
pub(super) struct Task<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) table: TableId,
    /// How its source writes values.
    pub(super) forms: Forms,
    /// Its parent, if it has one.
    pub(super) parent: Option<&'a ReadTable>,
    /// Rows of the store that stay beside the source's, whose own come first.
    pub(super) kept: Option<&'a KeptRows>,
    /// Whether other tables ask for its keys.
    pub(super) keys_wanted: bool,
    /// The columns whose references are to be judged.
    pub(super) references: &'a [usize],
    pub(super) spill: &'a SpillDir,
    pub(super) memory_bytes: usize,
    pub(super) on_rows: &'a OnRows<'a>,
}

impl From<io::Error> for RowsError<Halt> {
    fn from(error: io::Error) -> Self {
        Self::Taker(error.into())
    }
}
