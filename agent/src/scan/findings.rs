//! What a scan finds of a table beside its rows: refused rows and dangling references.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use causeway_shared::ids::Name;
use causeway_shared::quarantine::{RefusedRow, RefusedRows};
use serde::{Deserialize, Serialize};

use crate::source::gate::SourceFile;

/// What the last scan of a table found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TableFindings {
    /// The file it was read from.
    pub file: Option<SourceFile>,
    /// Refused rows.
    pub refused: RefusedRows,
    /// References to rows that are not there.
    pub dangling: Vec<DanglingReference>,
}

/// References of one column to rows that are not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DanglingReference {
    /// The table that refers.
    pub table: Name,
    /// Its column.
    pub column: Name,
    /// The table referred to.
    pub target: Name,
    /// Rows that do so.
    pub rows: u64,
    /// Some of the values.
    pub examples: Vec<String>,
}

impl fmt::Display for DanglingReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            column,
            target,
            rows,
            examples,
        } = self;
        let of = if *rows == 1 { "row" } else { "rows" };
        write!(
            f,
            "{rows} {of} of {table} whose {column} is not in {target}: "
        )?;
        f.write_str(&examples.join(", "))
    }
}

/// What tells a refused row from the others of its table.
fn content(row: &RefusedRow) -> (Option<&str>, &str, &str) {
    (row.column.as_deref(), &row.reason, &row.row)
}

impl TableFindings {
    /// Whether a row is refused that was not before. Rows are told apart by what they hold, since
    /// a line's number moves with the lines above it; past the listed ones only the total tells.
    #[must_use]
    pub(crate) fn holds_more_than(&self, before: &Self) -> bool {
        let (before, now) = (&before.refused, &self.refused);
        if now.total > before.total {
            return true;
        }
        let all_listed = before.listed.len() as u64 == before.total;
        let known: BTreeSet<_> = before.listed.iter().map(content).collect();
        all_listed && !now.listed.iter().all(|row| known.contains(&content(row)))
    }

    /// Gives rows that were listed before the time at which they first were, and puts the newest
    /// first.
    pub(crate) fn date_by(&mut self, before: &Self) {
        let before = before.refused.listed.iter();
        let known: BTreeMap<_, _> = before.map(|row| (content(row), row.since)).collect();
        let listed = &mut self.refused.listed;
        for row in listed.iter_mut() {
            if let Some(since) = known.get(&content(row)) {
                row.since = *since;
            }
        }
        listed.sort_by_key(|row| Reverse(row.since));
    }
}
