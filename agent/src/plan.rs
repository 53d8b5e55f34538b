//! What a cycle would commit: the difference between what a scan found and what the log says, less
//! what is held back.
//!
//! The plan is a value: `plan` prints it, `sync` executes it.

pub(crate) mod affected;
mod diff;
pub(crate) mod guard;

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::catalog::Catalog;
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::Name;

use crate::scan::{PartitionContent, ScannedTables};
use crate::source::Unreadable;
use diff::differences;
use guard::{HeldTable, Rules};

pub(crate) use diff::PlannedChange;

/// What a cycle would commit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// The partitions that change, in table and part order.
    pub changes: Vec<PlannedChange>,
    /// The tables held back, in the dataset's order.
    pub held: Vec<HeldTable>,
    /// Tables that no source has and none ever had.
    pub absent: Vec<Name>,
    /// Whether the log's newest commit names another dataset than this one.
    pub announces_dataset: bool,
}

impl Plan {
    /// Whether there is nothing to commit.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty() && !self.announces_dataset
    }

    /// The changes whose object the log does not have yet.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (&PlannedChange, &PartitionContent)> {
        self.changes.iter().filter_map(|change| {
            let now = change.now.as_ref()?;
            let is_there = change.was.as_ref().is_some_and(|was| was.md5 == now.md5);
            (!is_there).then_some((change, now))
        })
    }

    /// How many partitions go.
    #[must_use]
    pub(crate) fn removed(&self) -> usize {
        self.changes
            .iter()
            .filter(|change| change.now.is_none())
            .count()
    }
}

/// Compares what a scan found with the catalog. Tables that were not scanned stay as they are.
#[must_use]
pub(crate) fn plan(
    dataset: &Dataset,
    catalog: &Catalog,
    scanned: &ScannedTables,
    rules: Rules,
) -> Plan {
    let held = guard::tables_to_hold(dataset, catalog, scanned, rules);
    let is_held: BTreeSet<&Name> = held.iter().map(|held| &held.table).collect();
    let mut changes = Vec::new();
    let mut absent = Vec::new();
    for (id, outcome) in scanned {
        let table = &dataset.tables[*id].name;
        match outcome {
            _ if is_held.contains(table) => {}
            Ok(scanned) => changes.extend(differences(table, catalog, &scanned.parts)),
            Err(Unreadable::Missing { .. }) => absent.push(table.clone()),
            Err(_) => {}
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

#[cfg(test)]
mod tests;
