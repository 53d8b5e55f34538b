//! What a cycle would commit: the difference between what a scan found and what the log says.
//!
//! The plan is a value: `plan` prints it, `sync` executes it.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::catalog::Catalog;
use causeway_shared::dataset::{Dataset, TableId};
use causeway_shared::ids::{Md5, Name, Part};
use causeway_shared::summary::Summary;

use super::guard::{self, Held, Rules};

/// What a scan found of one table.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// Its partitions; none for an empty table.
    Rows(BTreeMap<Part, Content>),
    /// Its partitions, in every row without what these columns held before: its source no longer
    /// has them.
    Narrower {
        /// The partitions.
        parts: BTreeMap<Part, Content>,
        /// The columns.
        gone: Vec<Name>,
    },
    /// No source has it, or its file is gone.
    Missing {
        /// What is missing.
        why: String,
        /// What a person can do.
        remedy: String,
    },
    /// Its source cannot be read just now; the next cycle tries again.
    NotReady {
        /// Why.
        why: String,
    },
    /// Its source cannot be read.
    Failed {
        /// Why, and what a person can do.
        why: String,
    },
}

impl Found {
    /// Its partitions, if it could be read.
    #[must_use]
    pub fn parts(&self) -> Option<&BTreeMap<Part, Content>> {
        match self {
            Self::Rows(parts) | Self::Narrower { parts, .. } => Some(parts),
            Self::Missing { .. } | Self::NotReady { .. } | Self::Failed { .. } => None,
        }
    }
}

/// The rows of a partition, in short.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// The MD5 of its canonical CSV.
    pub md5: Md5,
    /// Its rows.
    pub rows: u64,
    /// What its rows add up to.
    pub summary: Summary,
}

/// What a cycle would commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The partitions that change, in table and part order.
    pub changes: Vec<PlannedChange>,
    /// The tables held back, in the dataset's order.
    pub held: Vec<Held>,
    /// Tables that no source has and none ever had.
    pub absent: Vec<Name>,
    /// Whether the log's newest commit names another dataset than this one.
    pub announces_dataset: bool,
}

/// A partition that changes.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedChange {
    /// Its table.
    pub table: Name,
    /// The partition.
    pub part: Part,
    /// What it becomes; `None` when it goes.
    pub now: Option<Content>,
    /// The object it is in the log; `None` when it is new.
    pub was: Option<Was>,
}

/// What a partition is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Was {
    /// Its object.
    pub md5: Md5,
    /// The object's rows.
    pub rows: u64,
    /// The object's size in bytes, compressed.
    pub bytes: u64,
}

impl Plan {
    /// Whether there is nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && !self.announces_dataset
    }

    /// The changes whose object the log does not have yet.
    pub fn objects(&self) -> impl Iterator<Item = (&PlannedChange, &Content)> {
        self.changes.iter().filter_map(|change| {
            let now = change.now.as_ref()?;
            change
                .was
                .is_none_or(|was| was.md5 != now.md5)
                .then_some((change, now))
        })
    }

    /// How many partitions go.
    #[must_use]
    pub fn removed(&self) -> usize {
        self.changes
            .iter()
            .filter(|change| change.now.is_none())
            .count()
    }
}

/// Compares what a scan found with the catalog. Tables that were not scanned stay as they are.
#[must_use]
pub fn plan(
    dataset: &Dataset,
    catalog: &Catalog,
    found: &BTreeMap<TableId, Found>,
    rules: Rules,
) -> Plan {
    let held = guard::held(dataset, catalog, found, rules);
    let is_held: BTreeSet<&Name> = held.iter().map(|held| &held.table).collect();
    let mut changes = Vec::new();
    let mut absent = Vec::new();
    for (at, found) in found {
        let table = &dataset.tables[*at].name;
        match found {
            _ if is_held.contains(table) => {}
            Found::Rows(parts) | Found::Narrower { parts, .. } => {
                changes.extend(differences(table, catalog, parts));
            }
            Found::Missing { .. } => absent.push(table.clone()),
            Found::NotReady { .. } | Found::Failed { .. } => {}
        }
    }
    for table in guard::undeclared(dataset, catalog) {
        if !is_held.contains(&table) {
            changes.extend(differences(&table, catalog, &BTreeMap::new()));
        }
    }
    changes.sort_by(|a, b| (&a.table, a.part).cmp(&(&b.table, b.part)));
    let announces_dataset = catalog
        .head
        .as_ref()
        .is_some_and(|head| head.dataset != dataset.md5());
    Plan {
        changes,
        held,
        absent,
        announces_dataset,
    }
}

/// The partitions of one table that are not what the catalog says.
pub(crate) fn differences(
    table: &Name,
    catalog: &Catalog,
    parts: &BTreeMap<Part, Content>,
) -> Vec<PlannedChange> {
    let changed = parts.iter().filter_map(|(part, now)| {
        let entry = catalog.partitions.get(&(table.clone(), *part));
        let same = entry.is_some_and(|entry| {
            let was = &entry.object;
            (was.md5, was.rows, &was.summary) == (now.md5, now.rows, &now.summary)
        });
        (!same).then(|| (*part, Some(now.clone())))
    });
    let gone = catalog
        .table(table.as_str())
        .map(|(part, _)| part)
        .filter(|part| !parts.contains_key(part));
    changed
        .chain(gone.map(|part| (part, None)))
        .map(|(part, now)| PlannedChange {
            was: catalog
                .partitions
                .get(&(table.clone(), part))
                .map(|entry| Was {
                    md5: entry.object.md5,
                    rows: entry.object.rows,
                    bytes: entry.object.bytes,
                }),
            table: table.clone(),
            part,
            now,
        })
        .collect()
}

#[cfg(test)]
mod tests;
