//! What the cloud did to rows, read from the partitions' entries and replaced there.

use std::collections::BTreeSet;

use causeway_shared::commit::RowKey;
use causeway_shared::dataset::Table;
use causeway_shared::ids::Part;

use super::Settling;
use crate::edits::{EditsError, RowEdit, RowState, is_of_block};
use crate::error::SiteError;
use crate::sync::edits_objects::EditsObjects;

impl Settling<'_> {
    /// What the cloud did to a row, as far as the partitions say that are in hand, and those that its
    /// entries lead to.
    pub(in crate::sync) async fn row(
        &mut self,
        table: &Table,
        key: &RowKey,
    ) -> Result<Option<RowEdit>, SiteError> {
        loop {
            match self.hand.row(&table.name, key) {
                Err(EditsError::NotInHand { part, .. }) => self.take(table, part).await?,
                row => return row.map_err(|error| self.failed(error)),
            }
        }
    }

    /// Replaces what the cloud did to a row.
    pub(in crate::sync) async fn set(
        &mut self,
        table: &Table,
        key: &RowKey,
        edit: Option<RowEdit>,
    ) -> Result<(), SiteError> {
        let before = self.row(table, key).await?;
        self.note_left(table, key, before.map(|edit| edit.state), edit.as_ref());
        loop {
            match self.hand.set(&table.name, key, edit.clone()) {
                Err(EditsError::NotInHand { part, .. }) => self.take(table, part).await?,
                set => return set.map_err(|error| self.failed(error)),
            }
        }
    }

    /// Notes where a row lay whose new edit puts it elsewhere, and where rows may lie that had no parent
    /// until this one was there again, for those that follow it.
    fn note_left(
        &mut self,
        table: &Table,
        key: &RowKey,
        before: Option<RowState>,
        after: Option<&RowEdit>,
    ) {
        let Some(id) = self.dataset.tables.id(table.name.as_str()) else {
            return;
        };
        let after = after.map(|edit| &edit.state);
        // A row without an edit lies where the site has it.
        let at_home = |moved: Option<&RowState>| match moved {
            Some(RowState::Moved { home, .. }) => Some(*home),
            _ => None,
        };
        let was = match &before {
            Some(state) => state.place(),
            None => at_home(after),
        };
        let is = match after {
            Some(state) => state.place(),
            None => at_home(before.as_ref()),
        };
        if let (None, Some(home)) = (after, is) {
            self.at_home.insert((table.name.clone(), key.clone()), home);
        }
        let is_back = !is_of_block(table, key) || matches!(before, Some(RowState::Deleted { .. }));
        let followers = self.dataset.followers(id);
        match (was, is) {
            (Some(was), Some(is)) if was != is => {
                let left = followers.map(|(child, _)| (child.name.clone(), was));
                self.left.extend(left);
            }
            (None, Some(_)) if is_back => {
                for (child, _) in followers {
                    let edits = self.edits.table(child.name.as_str());
                    let kept = edits.filter(|(_, entry)| !entry.object.kept.is_empty());
                    let kept = kept.map(|(part, _)| (child.name.clone(), part));
                    self.left.extend(kept);
                }
            }
            _ => {}
        }
    }

    /// Takes the entries of a partition in hand.
    pub(in crate::sync) async fn take(
        &mut self,
        table: &Table,
        part: Part,
    ) -> Result<(), SiteError> {
        if self.hand.holds(&table.name, part) {
            return Ok(());
        }
        let object = self.edits.partitions.get(&(table.name.clone(), part));
        let entries = match object {
            Some(entry) => {
                let objects = EditsObjects {
                    store: self.store,
                    site: self.site,
                };
                objects.read((table, part), &entry.object).await?
            }
            None => Vec::new(),
        };
        let put = self.hand.put(&table.name, part, entries);
        put.map_err(|error| self.failed(error))
    }

    /// Takes in hand what the cloud did to some rows that the site does not have, wherever they lay.
    pub(in crate::sync) async fn take_kept(
        &mut self,
        table: &Table,
        keys: &BTreeSet<RowKey>,
    ) -> Result<(), SiteError> {
        let edits = self.edits;
        for (part, entry) in edits.table(table.name.as_str()) {
            if entry.object.kept.iter().any(|key| keys.contains(key)) {
                self.take(table, part).await?;
            }
        }
        Ok(())
    }
}
