//! The entries of some partitions, so that they are changed row by row and none is lost.
//!
//! Whoever needs a partition that is not in hand is told which one it is ([`EditsError::NotInHand`])
//! and nothing is changed: a partition without edits is put in as well, with no entries.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::commit::RowKey;
use causeway_shared::dataset::Table;
use causeway_shared::edits_object::{Entry, EntryState};
use causeway_shared::ids::{Name, Part};

use super::error::EditsError;
use super::row_edit::RowEdit;
use super::texts::key_order;

/// The entries of some partitions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edits {
    tables: BTreeMap<Name, TableEdits>,
}

#[derive(Debug, Clone, Default)]
struct TableEdits {
    parts: BTreeMap<Part, PartEdits>,
    /// The partitions in which a row has entries.
    places: BTreeMap<RowKey, BTreeSet<Part>>,
}

#[derive(Debug, Clone, Default)]
struct PartEdits {
    entries: BTreeMap<RowKey, Entry>,
    /// What was there when it was put in, of the keys that were written since.
    before: BTreeMap<RowKey, Option<Entry>>,
}

impl Edits {
    /// Takes the entries of a partition, as they are stored; none, where it has no edits.
    ///
    /// # Errors
    /// [`EditsError::InHandAlready`]; [`EditsError::Contradiction`] for a key that is there twice.
    pub(crate) fn put(
        &mut self,
        table: &Name,
        part: Part,
        entries: Vec<Entry>,
    ) -> Result<(), EditsError> {
        let edits = self.tables.entry(table.clone()).or_default();
        if edits.parts.contains_key(&part) {
            return Err(EditsError::InHandAlready {
                table: table.clone(),
                part,
            });
        }
        let mut by_key = BTreeMap::new();
        for entry in entries {
            if let Some(twice) = by_key.insert(entry.key.clone(), entry) {
                let problem = "the partition has two entries for it";
                return Err(EditsError::contradiction(table, &twice.key, problem));
            }
        }
        for key in by_key.keys() {
            edits.places.entry(key.clone()).or_default().insert(part);
        }
        let put = PartEdits {
            entries: by_key,
            before: BTreeMap::new(),
        };
        edits.parts.insert(part, put);
        Ok(())
    }

    /// Whether a partition was put in.
    pub(crate) fn holds(&self, table: &Name, part: Part) -> bool {
        self.part(table, part).is_ok()
    }

    /// What the cloud did to a row, as far as the partitions in hand say.
    ///
    /// # Errors
    /// [`EditsError::NotInHand`] if an entry leads to a partition that is not in hand;
    /// [`EditsError::Contradiction`].
    pub(crate) fn row(&self, table: &Name, key: &RowKey) -> Result<Option<RowEdit>, EditsError> {
        let entries = self.entries_of(table, key);
        for (_, entry) in &entries {
            let other = match entry.state {
                EntryState::Gone { to, .. } => to,
                EntryState::Born { from, .. } => from,
                EntryState::Changed { .. } => None,
            };
            if let Some(other) = other {
                self.part(table, other)?;
            }
        }
        RowEdit::gather(entries).map_err(|problem| EditsError::contradiction(table, key, problem))
    }

    /// Replaces what the cloud did to a row.
    ///
    /// # Errors
    /// [`EditsError::NotInHand`] if it needs a partition that is not in hand; nothing is changed.
    pub(crate) fn set(
        &mut self,
        table: &Name,
        key: &RowKey,
        edit: Option<RowEdit>,
    ) -> Result<(), EditsError> {
        let new = edit.map(|edit| edit.entries(key)).unwrap_or_default();
        for (part, _) in &new {
            self.part(table, *part)?;
        }
        let Some(edits) = self.tables.get_mut(table) else {
            return Ok(());
        };
        let places: BTreeSet<Part> = new.iter().map(|(part, _)| *part).collect();
        let left = edits.places.remove(key).unwrap_or_default();
        let removed = left.difference(&places).map(|part| (*part, None));
        let written = new.into_iter().map(|(part, entry)| (part, Some(entry)));
        for (part, entry) in removed.chain(written) {
            if let Some(held) = edits.parts.get_mut(&part) {
                held.write(key, entry);
            }
        }
        if !places.is_empty() {
            edits.places.insert(key.clone(), places);
        }
        Ok(())
    }

    /// The keys of a partition's entries, in no particular order.
    ///
    /// # Errors
    /// [`EditsError::NotInHand`]
    pub(crate) fn keys(&self, table: &Name, part: Part) -> Result<Vec<RowKey>, EditsError> {
        Ok(self.part(table, part)?.entries.keys().cloned().collect())
    }

    /// A partition's entries in key order, as they are stored and merged.
    ///
    /// # Errors
    /// [`EditsError::NotInHand`]; [`EditsError::Row`] for a key that is none of the table.
    pub(crate) fn entries(&self, table: &Table, part: Part) -> Result<Vec<Entry>, EditsError> {
        let entries = self.part(&table.name, part)?.entries.values();
        let sorted: Result<BTreeMap<_, _>, _> = entries
            .map(|entry| Ok((key_order(table, &entry.key)?, entry.clone())))
            .collect();
        Ok(sorted?.into_values().collect())
    }

    /// The partitions whose entries are not those that were put in.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (&Name, Part)> {
        self.tables.iter().flat_map(|(table, edits)| {
            let parts = edits.parts.iter();
            let changed = parts.filter(|(_, held)| held.is_changed());
            changed.map(move |(part, _)| (table, *part))
        })
    }

    fn part(&self, table: &Name, part: Part) -> Result<&PartEdits, EditsError> {
        let edits = self.tables.get(table);
        let held = edits.and_then(|edits| edits.parts.get(&part));
        held.ok_or_else(|| EditsError::NotInHand {
            table: table.clone(),
            part,
        })
    }

    fn entries_of(&self, table: &Name, key: &RowKey) -> Vec<(Part, &Entry)> {
        let Some(edits) = self.tables.get(table) else {
            return Vec::new();
        };
        let places = edits.places.get(key).into_iter().flatten();
        let entry = |part: &Part| Some((*part, edits.parts.get(part)?.entries.get(key)?));
        places.filter_map(entry).collect()
    }
}

impl PartEdits {
    fn write(&mut self, key: &RowKey, entry: Option<Entry>) {
        let before = match entry {
            Some(entry) => self.entries.insert(key.clone(), entry),
            None => self.entries.remove(key),
        };
        self.before.entry(key.clone()).or_insert(before);
    }

    fn is_changed(&self) -> bool {
        let mut before = self.before.iter();
        before.any(|(key, before)| before.as_ref() != self.entries.get(key))
    }
}
