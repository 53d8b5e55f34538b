//! What can be wrong with edits.

use causeway_shared::commit::RowKey;
use causeway_shared::dataset::Table;
use causeway_shared::ids::{Name, Part};

/// Why edits cannot be folded, settled or merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum EditsError {
    /// The entries of a partition are needed, and whoever asked does not hold them.
    #[error("the edits of table {table}, partition {part}, are not in hand")]
    NotInHand { table: Name, part: Part },
    /// A partition's entries are given a second time.
    #[error("the edits of table {table}, partition {part}, are in hand already")]
    InHandAlready { table: Name, part: Part },
    /// A row's entries do not go together.
    #[error("table {table}, row {key}: {problem}")]
    Contradiction {
        table: Name,
        key: String,
        problem: &'static str,
    },
    /// A row is not one of its table.
    #[error("table {table}, row {key}: {problem}")]
    Row {
        table: Name,
        key: String,
        problem: String,
    },
    /// Settling goes round in circles.
    #[error("table {table}, row {key}: settling its edit with the site comes to no end")]
    Endless { table: Name, key: String },
    /// An entry does not fit the site's object.
    #[error(
        "table {table}, row {key}: its entry is not settled with the site's object of the partition"
    )]
    Unsettled { table: Name, key: String },
    /// A record of the site's object is not one of its table, or not in its place.
    #[error("table {table}, record {record} of the site's object: {problem}")]
    Record {
        table: Name,
        /// Its number; the first row is 1.
        record: u64,
        problem: String,
    },
}

impl EditsError {
    pub(super) fn row(table: &Table, key: &RowKey, problem: impl Into<String>) -> Self {
        Self::Row {
            table: table.name.clone(),
            key: shown(key),
            problem: problem.into(),
        }
    }

    pub(super) fn contradiction(table: &Name, key: &RowKey, problem: &'static str) -> Self {
        Self::Contradiction {
            table: table.clone(),
            key: shown(key),
            problem,
        }
    }

    pub(super) fn unsettled(table: &Table, key: &RowKey) -> Self {
        Self::Unsettled {
            table: table.name.clone(),
            key: shown(key),
        }
    }

    pub(super) fn endless(table: &Table, key: &RowKey) -> Self {
        Self::Endless {
            table: table.name.clone(),
            key: shown(key),
        }
    }
}

fn shown(key: &RowKey) -> String {
    key.texts().join(", ")
}
