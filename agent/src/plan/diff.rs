//! The partitions of a table that differ between a scan and the log.

use std::collections::BTreeMap;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::PartitionObject;
use causeway_shared::ids::{Name, Part};

use crate::scan::PartitionContent;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlannedChange {
    pub table: Name,
    pub part: Part,
    /// What it becomes; `None` when it goes.
    pub now: Option<PartitionContent>,
    /// Its object in the log; `None` when it is new.
    pub was: Option<PartitionObject>,
}

/// The partitions of one table that are not what the catalog says.
pub(crate) fn differences(
    table: &Name,
    catalog: &Catalog,
    parts: &BTreeMap<Part, PartitionContent>,
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
                .map(|entry| entry.object.clone()),
            table: table.clone(),
            part,
            now,
        })
        .collect()
}
