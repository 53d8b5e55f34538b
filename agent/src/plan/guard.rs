//! What is held back: a table whose rows would go by accident, and its `via` family with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use causeway_shared::catalog::Catalog;
use causeway_shared::dataset::{Dataset, TableId};
use causeway_shared::ids::Name;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::diff::{Found, differences};
use crate::source::ABANDONED;

/// Tables with fewer rows than this may shrink as they like.
const GUARDED_ROWS: u64 = 100;

/// How strict to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// The share of a table's rows that one cycle may take away, 0 to 1.
    pub shrink: f64,
    /// Whether a person accepts that this cycle takes away more.
    pub allow_shrink: bool,
}

/// A table that keeps its partitions as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The table.
    pub table: Name,
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
}

/// Why a table is held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// The file or the table is not there, and it was.
    Missing {
        /// What is missing.
        why: String,
        /// What a person can do.
        remedy: String,
    },
    /// The source cannot be read just now.
    NotReady {
        /// Why.
        why: String,
        /// Since when no cycle could read it; `None` in a plan.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
        /// Whether that is so long that the next cycle is not likely to.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        overdue: bool,
    },
    /// The source cannot be read.
    Failed {
        /// Why, and what a person can do.
        why: String,
    },
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
}

impl Held {
    /// Whether a person has to look; otherwise the next cycle may settle it.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        match self.reason {
            Reason::NotReady { overdue, .. } => overdue,
            Reason::Family { .. } => false,
            Reason::Missing { .. }
            | Reason::Failed { .. }
            | Reason::Shrunk { .. }
            | Reason::ColumnsGone { .. }
            | Reason::Undeclared { .. } => true,
        }
    }

    /// The same, now that it may have been held `before`: what has not been ready for long, and in
    /// cycle after cycle, does not become so by itself.
    #[must_use]
    pub fn after(mut self, before: &[Self], now: Timestamp) -> Self {
        let mut before = before.iter().filter(|before| before.table == self.table);
        if let Reason::NotReady { since, overdue, .. } = &mut self.reason {
            let known = before.find_map(|before| match before.reason {
                Reason::NotReady { since, .. } => since,
                _ => None,
            });
            let first = known.unwrap_or(now);
            *since = Some(first);
            *overdue = now.duration_since(first).abs() >= ABANDONED;
        }
        self
    }

    /// What a person can do.
    #[must_use]
    pub fn remedy(&self) -> &str {
        match &self.reason {
            Reason::Missing { remedy, .. } => remedy,
            Reason::NotReady { overdue: false, .. } => "nothing to do: the next cycle tries again",
            Reason::NotReady { overdue: true, .. } => {
                "it has been so for more than ten minutes: see which program holds the source up"
            }
            Reason::Failed { .. } => "put the source in order; the next cycle reads it again",
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

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table {} is held back: ", self.table)?;
        match &self.reason {
            Reason::Missing { why, .. } | Reason::NotReady { why, .. } | Reason::Failed { why } => {
                f.write_str(why)
            }
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
pub fn held(
    dataset: &Dataset,
    catalog: &Catalog,
    found: &BTreeMap<TableId, Found>,
    rules: Rules,
) -> Vec<Held> {
    let own: BTreeMap<TableId, Reason> = found
        .iter()
        .filter_map(|(at, found)| {
            let table = &dataset.tables[*at].name;
            let was = catalog.rows(table.as_str());
            let reason = reason(found, was, rules)?;
            let loses = match (&reason, found) {
                // Where nothing but NULLs went with a column, nothing is lost.
                (Reason::ColumnsGone { .. }, Found::Narrower { parts, .. }) => {
                    !differences(table, catalog, parts).is_empty()
                }
                _ => true,
            };
            loses.then_some((*at, reason))
        })
        .collect();
    // Of each family, the first table with a reason of its own speaks for the others.
    let mut families: BTreeMap<TableId, TableId> = BTreeMap::new();
    for at in own.keys() {
        families.entry(dataset.root(*at)).or_insert(*at);
    }
    let name = |at: TableId| dataset.tables[at].name.clone();
    let declared = found.iter().filter_map(|(at, found)| {
        let cause = *families.get(&dataset.root(*at))?;
        let reason = match own.get(at) {
            Some(reason) => reason.clone(),
            // Not there, and never was: nothing of it to hold.
            None if matches!(found, Found::Missing { .. }) => return None,
            None => Reason::Family { of: name(cause) },
        };
        Some(Held {
            table: name(*at),
            reason,
        })
    });
    let undeclared = undeclared(dataset, catalog)
        .into_iter()
        .filter_map(|table| {
            let was = catalog.rows(table.as_str());
            let reason = Reason::Undeclared { was };
            shrinks(was, 0, rules).then_some(Held { table, reason })
        });
    declared.chain(undeclared).collect()
}

/// Tables of the log that the dataset does not declare.
#[must_use]
pub fn undeclared(dataset: &Dataset, catalog: &Catalog) -> BTreeSet<Name> {
    let mut tables: BTreeSet<Name> = catalog
        .partitions
        .keys()
        .map(|(table, _)| table.clone())
        .collect();
    tables.retain(|table| dataset.table(table.as_str()).is_none());
    tables
}

fn reason(found: &Found, was: u64, rules: Rules) -> Option<Reason> {
    if let Some(parts) = found.parts() {
        let now = parts.values().map(|content| content.rows).sum();
        if shrinks(was, now, rules) {
            return Some(Reason::Shrunk { was, now });
        }
    }
    match found {
        Found::Narrower { gone, .. } if was > 0 && !rules.allow_shrink => {
            Some(Reason::ColumnsGone {
                columns: gone.clone(),
            })
        }
        Found::Rows(_) | Found::Narrower { .. } => None,
        // Of a table that never had a row there is nothing to lose.
        Found::Missing { .. } if was == 0 => None,
        Found::Missing { why, remedy } => Some(Reason::Missing {
            why: why.clone(),
            remedy: remedy.clone(),
        }),
        Found::NotReady { why } => Some(Reason::NotReady {
            why: why.clone(),
            since: None,
            overdue: false,
        }),
        Found::Failed { why } => Some(Reason::Failed { why: why.clone() }),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share of rows, compared with a person's figure"
)]
fn shrinks(was: u64, now: u64, rules: Rules) -> bool {
    let gone = was.saturating_sub(now);
    !rules.allow_shrink && was >= GUARDED_ROWS && gone as f64 > rules.shrink * was as f64
}
