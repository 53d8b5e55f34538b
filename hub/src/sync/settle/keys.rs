//! The edits of some keys, settled with what the site has of them.

use std::collections::BTreeMap;

use causeway_shared::commit::RowKey;
use causeway_shared::dataset::{Partitioning, Table};
use causeway_shared::ids::{Part, Seq};

use super::{Settling, follows_parent};
use crate::edits::{RowEdit, RowState, bucket_of, is_of_block, settle};
use crate::error::SiteError;
use crate::sync::site_rows::Search;

impl Settling<'_> {
    /// Settles the edits of some keys. Each is looked for where it is expected, and in what the site
    /// changed after the commit named.
    pub(in crate::sync) async fn settle_keys(
        &mut self,
        table: &Table,
        keys: &BTreeMap<RowKey, Seq>,
    ) -> Result<(), SiteError> {
        let mut wanted = BTreeMap::new();
        for (key, after) in keys {
            let Some(edit) = self.row(table, key).await? else {
                continue;
            };
            // No site bears a key of a block: that would be looked for in all that the site changed.
            let is_own = matches!(edit.state, RowState::Born { .. }) && is_of_block(table, key);
            if is_own && !self.doubts_blocks {
                continue;
            }
            let home = match table.partition {
                // The number of buckets may have changed since the entry was written.
                Partitioning::Buckets { count } => {
                    bucket_of(table, key, count).map_err(|error| self.failed(error))?
                }
                _ => expected_at(&edit.state),
            };
            let looked_for = self.inserted.get(&(table.name.clone(), key.clone()));
            let search = match looked_for {
                Some(found) => Search {
                    home: found.unwrap_or(home),
                    after: self.catalog.seq(),
                },
                None => Search {
                    home,
                    after: *after,
                },
            };
            wanted.insert(key.clone(), search);
        }
        let found = self.site_rows().find(table, &wanted).await?;
        for (key, after) in keys {
            let Some(edit) = self.row(table, key).await? else {
                continue;
            };
            let is_at_site = found.contains_key(key);
            let parent = self.parent_place(table, &edit, is_at_site, *after).await?;
            let settled = settle(table, key, edit.clone(), found.get(key), parent);
            let settled = settled.map_err(|error| self.failed(error))?;
            let settled = settled.filter(|edit| !self.is_forgotten(edit));
            if self.parent_of(table).is_some() {
                let follows = settled.as_ref().is_some_and(follows_parent);
                let at = (table.name.clone(), key.clone());
                self.orphans.insert(at, follows && parent.is_none());
            }
            if settled.as_ref() != Some(&edit) {
                self.changed = true;
                self.set(table, key, settled).await?;
            }
        }
        Ok(())
    }

    /// Whether nobody will bring the row back: both sides deleted it long ago, and nobody lost by that.
    fn is_forgotten(&self, edit: &RowEdit) -> bool {
        matches!(edit.state, RowState::Deleted { was: None, .. })
            && edit.conflict.is_none()
            && edit.at < self.gone_before
    }

    /// Where the parent lies of a row that the cloud bore, moved, or may keep though the site deleted it. One
    /// that is not where the row is, is looked for in what the site changed after a commit.
    async fn parent_place(
        &mut self,
        table: &Table,
        edit: &RowEdit,
        is_at_site: bool,
        after: Seq,
    ) -> Result<Option<Part>, SiteError> {
        let Partitioning::Via { parent, on } = table.partition else {
            return Ok(None);
        };
        let (place, row) = match &edit.state {
            RowState::Born { place, row } | RowState::Moved { place, row, .. } => (place, row),
            RowState::Changed { home, row, .. } if !is_at_site => (home, row),
            RowState::Changed { .. } | RowState::Deleted { .. } => return Ok(None),
        };
        let column = table.columns[on].name.as_str();
        let Some(Some(text)) = row.get(column) else {
            return Ok(None);
        };
        let Ok(key) = RowKey::try_from(vec![text.clone()]) else {
            return Ok(None);
        };
        let (parent, place) = (&self.dataset.tables[parent], *place);
        // Where the site has a row it has the parent.
        let home = expected_at(&edit.state);
        self.take(parent, place).await?;
        self.take(parent, home).await?;
        if let Some(edit) = self.row(parent, &key).await? {
            return Ok(edit.state.place());
        }
        let left = self.at_home.get(&(parent.name.clone(), key.clone()));
        let home = left.copied().unwrap_or(home);
        let wanted = BTreeMap::from([(key.clone(), Search { home, after })]);
        let found = self.site_rows().find(parent, &wanted).await?;
        Ok(found.get(&key).map(|row| row.part))
    }
}

/// Where a row is expected at the site.
fn expected_at(state: &RowState) -> Part {
    match state {
        RowState::Changed { home, .. }
        | RowState::Moved { home, .. }
        | RowState::Deleted { home, .. } => *home,
        RowState::Born { place, .. } => *place,
    }
}
