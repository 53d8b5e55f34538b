//! What is held back: a table whose rows would go by accident, and its `via` family with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use causeway_shared::catalog::Catalog;
use causeway_shared::dataset::{Dataset, TableId};
use causeway_shared::ids::Name;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::diff::differences;
use crate::scan::{ScannedTable, ScannedTables};
use crate::source::{ABANDONED, Unreadable};

/// Tables with fewer rows than this may shrink as they like.
const GUARDED_ROWS: u64 = 100;

/// How strict to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rules {
    /// The share of a table's rows that one cycle may take away, 0 to 1.
    pub shrink: f64,
    /// Whether a person accepts that this cycle takes away more.
    pub allow_shrink: bool,
}

/// A table that keeps its partitions as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldTable {
    /// The table.
    pub table: Name,
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
    /// Since when no cycle could read a source that was not ready; `None` in a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Whether that is so long that the next cycle is not likely to read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
}

/// Why a table is held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// Too many rows would go.
    Shrunk {
        /// Rows in the log.
        was: u64,
        /// Rows in the source, without those in quarantine.
        now: u64,
    },
    /// The source no longer has columns that it had.
    ColumnsGone {
        /// The columns, by their declared names.
        columns: Vec<Name>,
    },
    /// The dataset no longer declares it.
    Undeclared {
        /// Rows in the log.
        was: u64,
    },
    /// A table of its `via` family is held back.
    Family {
        /// That table.
        of: Name,
    },
    /// The source cannot be read. A table that never had a row is not held when it is missing.
    #[serde(untagged)]
    Unreadable(Unreadable),
}

impl HeldTable {
    pub(crate) fn new(table: Name, reason: Reason) -> Self {
        Self {
            table,
            reason,
            since: None,
            overdue: false,
        }
    }

    /// Whether it is this table, and no row of its source could be judged.
    pub(crate) fn is_unjudged(&self, table: &Name) -> bool {
        self.table == *table && matches!(self.reason, Reason::Unreadable(_))
    }

    /// Whether the source may be ready at the next cycle.
    #[must_use]
    pub fn is_not_ready(&self) -> bool {
        matches!(&self.reason, Reason::Unreadable(trouble) if trouble.is_not_ready())
    }

    /// Whether a person has to look; otherwise the next cycle may settle it.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        match self.reason {
            Reason::Family { .. } => false,
            _ => self.overdue || !self.is_not_ready(),
        }
    }

    /// The same, now that it may have been held `before`: what has not been ready for long, and in
    /// cycle after cycle, does not become so by itself.
    #[must_use]
    pub fn after(mut self, before: &[Self], now: Timestamp) -> Self {
        if self.is_not_ready() {
            let mut before = before.iter().filter(|before| before.table == self.table);
            let first = before.find_map(|before| before.since).unwrap_or(now);
            self.since = Some(first);
            self.overdue = now.duration_since(first).abs() >= ABANDONED;
        }
        self
    }

    /// What a person can do.
    #[must_use]
    pub fn remedy(&self) -> &str {
        match &self.reason {
            Reason::Unreadable(Unreadable::Missing { remedy, .. }) => remedy,
            Reason::Unreadable(Unreadable::Failed { .. }) => {
                "put the source in order; the next cycle reads it again"
            }
            Reason::Unreadable(_) if self.overdue => {
                "it has been so for more than ten minutes: see which program holds the source up"
            }
            Reason::Unreadable(_) => "nothing to do: the next cycle tries again",
            Reason::Shrunk { .. } | Reason::Undeclared { .. } => {
                "if the rows are meant to go, run `causeway-agent sync --allow-shrink`; \
                 else put them back (`causeway-agent quarantine` lists refused rows)"
            }
            Reason::ColumnsGone { .. } => {
                "put them back, or name them as they are called now (`source` in the dataset); \
                 if they are meant to go, run `causeway-agent sync --allow-shrink`"
            }
            Reason::Family { .. } => "see that table",
        }
    }
}

impl fmt::Display for HeldTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table {} is held back: ", self.table)?;
        match &self.reason {
            Reason::Unreadable(trouble) => f.write_str(trouble.why()),
            Reason::Shrunk { was, now } => write!(f, "it would shrink from {was} rows to {now}"),
            Reason::ColumnsGone { columns } => {
                let names: Vec<&str> = columns.iter().map(Name::as_str).collect();
                let (columns, they) = match names.len() {
                    1 => ("column", "its value"),
                    _ => ("columns", "their values"),
                };
                let names = names.join(", ");
                write!(
                    f,
                    "its source no longer has {columns} {names}, and every row would lose {they}"
                )
            }
            Reason::Undeclared { was } => {
                write!(
                    f,
                    "the dataset no longer declares it, and it has {was} rows"
                )
            }
            Reason::Family { of } => write!(f, "its rows lie where those of {of} do, which is"),
        }
    }
}

/// The tables to hold back, in the dataset's order, those that it does not declare last.
#[must_use]
pub(crate) fn tables_to_hold(
    dataset: &Dataset,
    catalog: &Catalog,
    scanned: &ScannedTables,
    rules: Rules,
) -> Vec<HeldTable> {
    let own: BTreeMap<TableId, Reason> = scanned
        .iter()
        .filter_map(|(id, outcome)| {
            let table = &dataset.tables[*id].name;
            Some((*id, reason(table, catalog, outcome, rules)?))
        })
        .collect();
    // Of each family, the first table with a reason of its own speaks for the others.
    let mut families: BTreeMap<TableId, TableId> = BTreeMap::new();
    for id in own.keys() {
        families.entry(dataset.root(*id)).or_insert(*id);
    }
    let name = |id: TableId| dataset.tables[id].name.clone();
    let declared = scanned.iter().filter_map(|(id, outcome)| {
        let cause = *families.get(&dataset.root(*id))?;
        let reason = match own.get(id) {
            Some(reason) => reason.clone(),
            // The table is not there and never was, so there is nothing to hold.
            None if matches!(outcome, Err(Unreadable::Missing { .. })) => return None,
            None => Reason::Family { of: name(cause) },
        };
        Some(HeldTable::new(name(*id), reason))
    });
    let undeclared = undeclared(dataset, catalog)
        .into_iter()
        .filter_map(|table| {
            let was = catalog.rows(table.as_str());
            let reason = Reason::Undeclared { was };
            shrinks(was, 0, rules).then(|| HeldTable::new(table, reason))
        });
    declared.chain(undeclared).collect()
}

/// Tables of the log that the dataset does not declare.
#[must_use]
pub(crate) fn undeclared(dataset: &Dataset, catalog: &Catalog) -> BTreeSet<Name> {
    let mut tables: BTreeSet<Name> = catalog
        .partitions
        .keys()
        .map(|(table, _)| table.clone())
        .collect();
    tables.retain(|table| dataset.table(table.as_str()).is_none());
    tables
}

/// Why a table is held back for its own sake, if it is.
fn reason(
    table: &Name,
    catalog: &Catalog,
    outcome: &Result<ScannedTable, Unreadable>,
    rules: Rules,
) -> Option<Reason> {
    let was = catalog.rows(table.as_str());
    let scanned = match outcome {
        // A table that never had a row has nothing to lose.
        Err(Unreadable::Missing { .. }) if was == 0 => return None,
        Err(trouble) => return Some(Reason::Unreadable(trouble.clone())),
        Ok(scanned) => scanned,
    };
    let now = scanned.rows();
    if shrinks(was, now, rules) {
        return Some(Reason::Shrunk { was, now });
    }
    let lost = &scanned.lost_columns;
    // Where a column held nothing but NULLs, nothing is lost with it.
    let loses = || !differences(table, catalog, &scanned.parts).is_empty();
    let columns_gone = !lost.is_empty() && was > 0 && !rules.allow_shrink && loses();
    columns_gone.then(|| Reason::ColumnsGone {
        columns: lost.clone(),
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share of rows, compared with a person's figure"
)]
fn shrinks(was: u64, now: u64, rules: Rules) -> bool {
    let gone = was.saturating_sub(now);
    !rules.allow_shrink && was >= GUARDED_ROWS && gone as f64 > rules.shrink * was as f64
}
