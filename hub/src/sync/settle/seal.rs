//! What settling changed, in a form that a commit or a load can name.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{Change, EditsLog, EditsObject, Merged, Now, RowKey};
use causeway_shared::dataset::Table;
use causeway_shared::edits_object::{Entry, EntryState};
use causeway_shared::ids::{Name, Part};

use super::Settling;
use crate::edits::{EditsError, is_kept};
use crate::error::SiteError;
use crate::sync::edits_objects::{EditsObjects, name_in_memory};
use crate::sync::merged::StoredPart;

/// A partition whose edits are others now, or settled with another object.
#[derive(Debug)]
pub(in crate::sync) struct SettledPart {
    pub(in crate::sync) entries: Vec<Entry>,
    /// `None`: nothing is left of its edits.
    pub(in crate::sync) object: Option<EditsObject>,
    /// How many of the merged rows clash.
    pub(in crate::sync) clashes: u64,
}

pub(in crate::sync) type SettledParts = BTreeMap<(Name, Part), SettledPart>;

/// Where the entries go that are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Seal {
    /// Into objects in the store, for a commit.
    InStore,
    /// Nowhere: who does not own the edits settles them for itself.
    InMemory,
}

impl Settling<'_> {
    /// Puts what changed into a form that a commit or a load can name.
    pub(in crate::sync) async fn seal(&mut self, seal: Seal) -> Result<SettledParts, SiteError> {
        self.settle_changed().await?;
        let changed: BTreeSet<(Name, Part)> = self
            .hand
            .changed()
            .map(|(table, part)| (table.clone(), part))
            .collect();
        let mut parts = SettledParts::new();
        for (name, part) in changed.union(&self.renewed) {
            let Some(table) = self.dataset.table(name.as_str()) else {
                continue;
            };
            let key = (name.clone(), *part);
            let is_changed = changed.contains(&key);
            let committed = self.edits.partitions.get(&key).map(|entry| &entry.object);
            let entries = self.hand.entries(table, *part);
            let entries = entries.map_err(|error| self.failed(error))?;
            let kept = self.kept(table, &entries, committed);
            let is_as_committed = |committed: &EditsObject| {
                committed.merged.object == self.site_object(name, *part)
                    && committed.merged.parents == self.parents_object(table, *part)
                    && committed.kept == kept
            };
            if !is_changed && committed.is_none_or(is_as_committed) {
                continue;
            }
            let committed = (committed, is_changed);
            let sealed = self.seal_part((table, *part), entries, kept, committed, seal);
            parts.insert(key, sealed.await?);
        }
        Ok(parts)
    }

    /// Settles whole partitions that changes have led to, where the site has another object now.
    async fn settle_changed(&mut self) -> Result<(), SiteError> {
        let outdated = self.outdated();
        loop {
            let changed = self
                .hand
                .changed()
                .map(|(table, part)| (table.clone(), part));
            let left: BTreeSet<_> = changed
                .filter(|key| outdated.contains(key) && !self.renewed.contains(key))
                .collect();
            if left.is_empty() {
                return Ok(());
            }
            self.settle_parts(&left).await?;
        }
    }

    /// The keys of a partition's entries that are looked for wherever the site changes something.
    fn kept(
        &self,
        table: &Table,
        entries: &[Entry],
        committed: Option<&EditsObject>,
    ) -> Vec<RowKey> {
        let committed: BTreeSet<&RowKey> = committed.iter().flat_map(|c| &c.kept).collect();
        let is_orphan = |entry: &Entry| {
            // One that was not settled now is what it was.
            let settled = self.orphans.get(&(table.name.clone(), entry.key.clone()));
            self.parent_of(table).is_some()
                && matches!(entry.state, EntryState::Born { .. })
                && settled.map_or_else(|| committed.contains(&entry.key), |orphan| *orphan)
        };
        let kept = entries
            .iter()
            .filter(|entry| is_kept(table, entry) || is_orphan(entry));
        kept.map(|entry| entry.key.clone()).collect()
    }

    async fn seal_part(
        &self,
        (table, part): (&Table, Part),
        entries: Vec<Entry>,
        kept: Vec<RowKey>,
        (committed, is_changed): (Option<&EditsObject>, bool),
        seal: Seal,
    ) -> Result<SettledPart, SiteError> {
        if entries.is_empty() {
            return Ok(SettledPart {
                entries,
                object: None,
                clashes: 0,
            });
        }
        let key = (table.name.clone(), part);
        let site_entry = self.catalog.partitions.get(&key);
        let mut clashes = 0;
        let merged = StoredPart {
            site: self.site,
            table,
            part,
            object: site_entry.map(|entry| &entry.object),
            entries: &entries,
        };
        let merged = merged.read(self.store, |row| clashes += u64::from(row.is_clash));
        let merged = merged.await?;
        let md5 = match (committed, seal) {
            (Some(committed), _) if !is_changed => committed.md5,
            (_, Seal::InStore) => {
                let objects = EditsObjects {
                    store: self.store,
                    site: self.site,
                };
                objects.write((&table.name, part), &entries).await?
            }
            (_, Seal::InMemory) => name_in_memory(&entries).map_err(|problem| {
                self.failed(EditsError::Row {
                    table: table.name.clone(),
                    key: String::new(),
                    problem,
                })
            })?,
        };
        let object = EditsObject {
            md5,
            edits: entries.len() as u64,
            conflicts: clashes + entries.iter().filter(|e| !e.conflict.is_none()).count() as u64,
            kept,
            merged: Merged {
                object: site_entry.map(|entry| entry.object.md5),
                parents: self.parents_object(table, part),
                site_seq: match committed {
                    // Not all of it was settled: what the site changed since is yet to be looked at.
                    Some(committed) if !self.renewed.contains(&key) => committed.merged.site_seq,
                    _ => self.catalog.seq(),
                },
                rows: merged.rows,
                summary: merged.summary,
            },
        };
        Ok(SettledPart {
            entries,
            object: Some(object),
            clashes,
        })
    }
}

/// As a commit says it. What was not there and is nothing now is left out.
pub(in crate::sync) fn changes(
    parts: &SettledParts,
    edits: &Catalog<EditsLog>,
) -> Vec<Change<EditsLog>> {
    let change = |(key, part): (&(Name, Part), &SettledPart)| {
        let now = match &part.object {
            Some(object) => Now::Object(object.clone()),
            None if edits.partitions.contains_key(key) => Now::removed(),
            None => return None,
        };
        Some(Change {
            table: key.0.clone(),
            part: key.1,
            now,
        })
    };
    parts.iter().filter_map(change).collect()
}
