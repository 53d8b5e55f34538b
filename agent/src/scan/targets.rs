//! Which references of a scan can be judged, and where the keys are that they point at: in a table that is
//! scanned too, or, of an import, in the store.

use std::collections::BTreeMap;
use std::io;

use causeway_shared::dataset::{Partitioning, TableId};

use super::join::{KeyPlace, Keys};
use super::read::ReadTable;
use super::row_set::RowSet;
use super::sorter::{Sorted, Sorter};
use super::spill::SpillDir;
use super::stored::PartCode;
use super::{NotedReferences, ReadTables, Scan, ScanRequest, ScannedTables};

/// Where a key of the store lies: nobody asks for that.
const IN_THE_STORE: KeyPlace = KeyPlace {
    at: 0,
    part: PartCode([0; 4]),
};

/// The committed keys of a table that is pointed at.
#[derive(Clone, Copy)]
pub(super) struct TargetKeys<'t> {
    pub(super) keys: &'t Sorted,
    /// Keys of these rows are not committed.
    pub(super) refused: &'t RowSet,
}

impl<'t> TargetKeys<'t> {
    fn of(read: &'t ReadTable) -> Option<Self> {
        Some(Self {
            keys: read.keys.as_ref()?,
            refused: &read.refused,
        })
    }
}

/// Sorts the keys that an import found in the store of the tables that it does not scan.
pub(super) fn stored_keys(
    request: &ScanRequest<'_>,
    spill: &SpillDir,
) -> io::Result<BTreeMap<TableId, Sorted>> {
    let mut payload = Vec::new();
    IN_THE_STORE.write(&mut payload);
    let mut sorted = BTreeMap::new();
    for (table, keys) in request.import.iter().flat_map(|import| &import.keys) {
        let mut sorter = Sorter::new(spill, request.memory / 8);
        keys.each(&mut |key| sorter.push(key, &payload))?;
        sorted.insert(*table, sorter.finish()?);
    }
    Ok(sorted)
}

impl Scan<'_> {
    /// The columns whose references can be judged. What a `via` child holds of its parent's key has been
    /// found already.
    pub(super) fn references(&self, table: TableId) -> Vec<usize> {
        let declared = &self.request.dataset.tables[table];
        let by_via = |column: usize, target: TableId| {
            declared.partition
                == Partitioning::Via {
                    parent: target,
                    on: column,
                }
        };
        let has_keys = |target: &TableId| {
            self.request.tables.contains(target) || self.stored_keys.contains_key(target)
        };
        let columns = declared.columns.iter().enumerate();
        columns
            .filter_map(|(column, declared)| Some((column, declared.references?)))
            .filter(|(column, target)| has_keys(target) && !by_via(*column, *target))
            .map(|(column, _)| column)
            .collect()
    }

    /// Whether a table has `via` children, or is pointed at, among the tables asked for.
    pub(super) fn keys_wanted(&self, table: TableId) -> bool {
        self.request.tables.iter().any(|other| {
            let declared = &self.request.dataset.tables[*other];
            let is_parent = matches!(
                declared.partition,
                Partitioning::Via { parent, .. } if parent == table
            );
            let pointed_at = || {
                let references = self.references(*other);
                references
                    .iter()
                    .any(|c| declared.columns[*c].references == Some(table))
            };
            is_parent || pointed_at()
        })
    }

    /// The keys that the columns to be judged point at, as far as their tables could be read.
    pub(super) fn targets<'t>(
        &'t self,
        table: TableId,
        tables: &'t ReadTables,
    ) -> Vec<(usize, TargetKeys<'t>)> {
        let columns = &self.request.dataset.tables[table].columns;
        let keys = |column: usize| self.keys_of(columns[column].references?, tables);
        self.references(table)
            .into_iter()
            .filter_map(|column| Some((column, keys(column)?)))
            .collect()
    }

    fn keys_of<'t>(&'t self, target: TableId, tables: &'t ReadTables) -> Option<TargetKeys<'t>> {
        if let Some(read) = tables.get(&target) {
            return read.as_ref().ok().and_then(TargetKeys::of);
        }
        Some(TargetKeys {
            keys: self.stored_keys.get(&target)?,
            refused: &self.none_refused,
        })
    }

    /// Compares what references hold with the keys that were committed.
    pub(super) fn judge_references(
        &self,
        tables: &ReadTables,
        noted: &NotedReferences,
        scanned: &mut ScannedTables,
    ) -> io::Result<()> {
        let dataset = self.request.dataset;
        for (table, noted) in noted {
            let declared = &dataset.tables[*table];
            for noted in noted {
                let target = declared.columns[noted.column].references;
                let Some((target, keys)) =
                    target.and_then(|target| Some((target, self.keys_of(target, tables)?)))
                else {
                    continue;
                };
                let keys = Keys::new(keys.keys, keys.refused)?;
                let dangling = noted.dangling(declared, keys, &dataset.tables[target])?;
                if let Some(Ok(scanned)) = scanned.get_mut(table) {
                    scanned.findings.dangling.extend(dangling);
                }
            }
        }
        Ok(())
    }
}
