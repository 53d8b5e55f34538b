//! Edits brought to what the site says now, with what that needs from the store: the entries of the
//! partitions concerned ([`rows`]), and the site's rows of their keys ([`keys`]).

mod keys;
mod rows;
mod seal;

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{EditsLog, Merged, RowKey};
use causeway_shared::dataset::{Dataset, Partitioning, Table};
use causeway_shared::ids::{Md5, Name, Part, Seq, SiteName};
use causeway_shared::store::Store;
use jiff::Timestamp;

pub(super) use seal::{Seal, SettledParts, changes};

use super::site_rows::{Search, SiteRows};
use crate::db::StoredSite;
use crate::edits::{Edits, EditsError, RowEdit, RowState, is_of_block};
use crate::error::SiteError;

/// The edits of a site while they are settled, and folded.
#[derive(Debug)]
pub(super) struct Settling<'a> {
    pub(super) store: &'a Store,
    pub(super) site: &'a SiteName,
    pub(super) dataset: &'a Dataset,
    /// The site's catalog that the edits are settled with.
    pub(super) catalog: &'a Catalog,
    /// The edits as they are in their log.
    pub(super) edits: &'a Catalog<EditsLog>,
    /// The commit of the site's up to which kept keys were looked for before.
    looked: Seq,
    hand: Edits,
    /// Tables that are not settled.
    left_out: BTreeSet<Name>,
    /// Partitions that were settled whole with the site's object of now.
    renewed: BTreeSet<(Name, Part)>,
    /// Partitions of rows whose parent lay there and lies elsewhere now, or is there again.
    left: BTreeSet<(Name, Part)>,
    /// Where rows lie at the site whose edit is gone.
    at_home: BTreeMap<(Name, RowKey), Part>,
    /// Where the site has rows that were inserted in the cloud, of those that were looked for.
    inserted: BTreeMap<(Name, RowKey), Option<Part>>,
    /// Rows that were settled, which the cloud bore or moved and which lie where their parent does: whether
    /// that is nowhere.
    orphans: BTreeMap<(Name, RowKey), bool>,
    /// Whether settling changed a row's edit.
    changed: bool,
    /// Whether a site may bear keys of blocks, as one does whose own numbers have reached them.
    doubts_blocks: bool,
    /// Rows that both sides deleted, the cloud before this, are forgotten.
    gone_before: Timestamp,
}

impl<'a> Settling<'a> {
    pub(super) fn new(
        (store, site): (&'a Store, &'a SiteName),
        dataset: &'a Dataset,
        catalog: &'a Catalog,
        edits: &'a Catalog<EditsLog>,
        stored: &'a StoredSite,
    ) -> Self {
        let anew = Self::anew((store, site), dataset, catalog, edits);
        Self {
            // Who does not own the edits settles them anew each time.
            looked: match stored.state.writable {
                true => stored.catalog.seq(),
                false => Seq::NONE,
            },
            ..anew
        }
    }

    /// By the logs alone, without a database that has settled some of it before.
    pub(super) fn anew(
        (store, site): (&'a Store, &'a SiteName),
        dataset: &'a Dataset,
        catalog: &'a Catalog,
        edits: &'a Catalog<EditsLog>,
    ) -> Self {
        Self {
            store,
            site,
            dataset,
            catalog,
            edits,
            looked: Seq::NONE,
            hand: Edits::default(),
            left_out: BTreeSet::new(),
            renewed: BTreeSet::new(),
            left: BTreeSet::new(),
            at_home: BTreeMap::new(),
            inserted: BTreeMap::new(),
            orphans: BTreeMap::new(),
            changed: false,
            doubts_blocks: false,
            gone_before: Timestamp::MIN,
        }
    }

    /// Leaves tables as they are, and those whose rows lie where theirs do.
    pub(super) fn leave_out<'n>(&mut self, tables: impl Iterator<Item = &'n Name>) {
        self.left_out = tables.cloned().collect();
        for id in self.dataset.parents_first() {
            let table = &self.dataset.tables[id];
            if let Partitioning::Via { parent, .. } = table.partition
                && self.left_out.contains(&self.dataset.tables[parent].name)
            {
                self.left_out.insert(table.name.clone());
            }
        }
    }

    /// Forgets rows that both sides deleted, the cloud before this.
    pub(super) fn forget_gone_before(&mut self, before: Timestamp) {
        self.gone_before = before;
    }

    /// Whether settling has changed a row's edit so far.
    pub(super) fn has_changed(&self) -> bool {
        self.changed
    }

    /// The partitions whose edits were merged with another object than the site's of now, or whose parents'
    /// object is another, or that lie in buckets of another number.
    pub(super) fn outdated(&self) -> BTreeSet<(Name, Part)> {
        let is_outdated = |(table, part): &(Name, Part), merged: &Merged| {
            let declared = self.dataset.table(table.as_str());
            let Some(declared) = declared.filter(|_| !self.left_out.contains(table)) else {
                return false;
            };
            let other_buckets = matches!(
                (declared.partition, part),
                (Partitioning::Buckets { count }, Part::Bucket(_, of)) if count != *of
            );
            other_buckets
                || merged.object != self.site_object(table, *part)
                || merged.parents != self.parents_object(declared, *part)
        };
        let edits = self.edits.partitions.iter();
        let outdated = edits.filter(|(key, entry)| is_outdated(key, &entry.object.merged));
        outdated.map(|(key, _)| key.clone()).collect()
    }

    /// The site's object of the partition that the parents of a partition's rows lie in.
    fn parents_object(&self, table: &Table, part: Part) -> Option<Md5> {
        let parent = self.parent_of(table)?;
        self.site_object(&parent.name, part)
    }

    /// The table whose rows those of a table lie with.
    fn parent_of(&self, table: &Table) -> Option<&'a Table> {
        match table.partition {
            Partitioning::Via { parent, .. } => Some(&self.dataset.tables[parent]),
            _ => None,
        }
    }

    fn site_object(&self, table: &Name, part: Part) -> Option<Md5> {
        let entry = self.catalog.partitions.get(&(table.clone(), part));
        entry.map(|entry| entry.object.md5)
    }

    /// Settles all entries of some partitions, and the kept keys that the site may have brought back.
    pub(super) async fn settle_parts(
        &mut self,
        parts: &BTreeSet<(Name, Part)>,
    ) -> Result<(), SiteError> {
        let dataset = self.dataset;
        for id in dataset.parents_first() {
            let table = &dataset.tables[id];
            if self.left_out.contains(&table.name) {
                continue;
            }
            let mut keys = BTreeMap::new();
            for (_, part) in parts.iter().filter(|(name, _)| *name == table.name) {
                self.take(table, *part).await?;
                let after = self.settled_at(&table.name, *part);
                let listed = self.hand.keys(&table.name, *part);
                add_keys(&mut keys, listed.map_err(|e| self.failed(e))?, after);
                self.renewed.insert((table.name.clone(), *part));
            }
            for (part, kept) in self.kept_to_look_for(table) {
                self.take(table, part).await?;
                let after = self.settled_at(&table.name, part).max(self.looked);
                add_keys(&mut keys, kept, after);
            }
            self.settle_keys(table, &keys).await?;
            self.settle_followers(table).await?;
        }
        Ok(())
    }

    /// Has the rows of a table follow their parents, where those were put elsewhere just now: those that the
    /// cloud bore or moved.
    pub(super) async fn settle_followers(&mut self, table: &Table) -> Result<(), SiteError> {
        let of_table = self.left.iter().filter(|(name, _)| *name == table.name);
        let parts: Vec<Part> = of_table.map(|(_, part)| *part).collect();
        let mut keys = BTreeMap::new();
        for part in parts {
            self.take(table, part).await?;
            let listed = self.hand.keys(&table.name, part);
            for key in listed.map_err(|error| self.failed(error))? {
                let edit = self.row(table, &key).await?;
                let is_there = |edit: &RowEdit| edit.state.place() == Some(part);
                if edit.is_some_and(|edit| follows_parent(&edit) && is_there(&edit)) {
                    let after = self.settled_at(&table.name, part);
                    add_keys(&mut keys, vec![key], after);
                }
            }
        }
        self.settle_keys(table, &keys).await
    }

    /// Looks for the keys that databases took from blocks among all of the site's rows. Whoever comes
    /// upon two rows of one key calls this: otherwise no site is taken to bear such keys.
    pub(super) async fn settle_blocks(&mut self) -> Result<(), SiteError> {
        self.doubts_blocks = true;
        let (dataset, edits) = (self.dataset, self.edits);
        for id in dataset.parents_first() {
            let table = &dataset.tables[id];
            let committed = edits.table(table.name.as_str()).map(|(part, _)| part);
            let changed = self.hand.changed().filter(|(name, _)| **name == table.name);
            let parts: BTreeSet<Part> = committed.chain(changed.map(|(_, part)| part)).collect();
            for part in parts {
                self.take(table, part).await?;
                let keys = self.hand.keys(&table.name, part);
                let mut keys = keys.map_err(|error| self.failed(error))?;
                keys.retain(|key| is_of_block(table, key));
                let keys = keys.into_iter().map(|key| (key, Seq::NONE)).collect();
                self.settle_keys(table, &keys).await?;
            }
        }
        Ok(())
    }

    /// The kept keys of partitions of a table in which the site has changed something since they were
    /// looked for, there or where their parents may be.
    fn kept_to_look_for(&self, table: &Table) -> Vec<(Part, Vec<RowKey>)> {
        let tables = std::iter::once(table).chain(self.parent_of(table));
        let newest = tables.flat_map(|table| self.catalog.table(table.name.as_str()));
        let newest = newest.map(|(_, entry)| entry.seq).max();
        let Some(newest) = newest.filter(|newest| *newest > self.looked) else {
            return Vec::new();
        };
        let edits = self.edits.table(table.name.as_str());
        let looked_for = edits.filter(|(_, entry)| {
            !entry.object.kept.is_empty() && newest > entry.object.merged.site_seq
        });
        looked_for
            .map(|(part, entry)| (part, entry.object.kept.clone()))
            .collect()
    }

    /// Looks for rows that were inserted in the cloud among those that the site has, and takes in hand what the
    /// cloud did to these before: a row that was deleted in one partition may come back in another.
    pub(super) async fn look_for_inserted(
        &mut self,
        table: &Table,
        wanted: &BTreeMap<RowKey, Search>,
    ) -> Result<(), SiteError> {
        let found = self.site_rows().find(table, wanted).await?;
        for key in wanted.keys() {
            let home = found.get(key).map(|row| row.part);
            if let Some(home) = home {
                self.take(table, home).await?;
            }
            self.inserted
                .insert((table.name.clone(), key.clone()), home);
        }
        Ok(())
    }

    /// Where the site has the parent of a row that is keyed by its parent, if the cloud has moved that
    /// elsewhere.
    pub(super) async fn home_of_moved_parent(
        &mut self,
        table: &Table,
        key: &RowKey,
        place: Part,
    ) -> Result<Option<Part>, SiteError> {
        let Some(parent) = self.parent_of(table) else {
            return Ok(None);
        };
        self.take(parent, place).await?;
        Ok(match self.row(parent, key).await?.map(|edit| edit.state) {
            Some(RowState::Moved { home, .. }) => Some(home),
            _ => None,
        })
    }

    pub(super) fn site_rows(&self) -> SiteRows<'a> {
        SiteRows {
            store: self.store,
            site: self.site,
            catalog: self.catalog,
        }
    }

    /// The site's commit at which a partition was settled last.
    pub(super) fn settled_at(&self, table: &Name, part: Part) -> Seq {
        let entry = self.edits.partitions.get(&(table.clone(), part));
        entry.map_or(Seq::NONE, |entry| entry.object.merged.site_seq)
    }

    pub(super) fn failed(&self, source: EditsError) -> SiteError {
        SiteError::Edits {
            site: self.site.clone(),
            source,
        }
    }
}

/// Whether a row lies where its parent does because the cloud bore it or moved it.
fn follows_parent(edit: &RowEdit) -> bool {
    matches!(edit.state, RowState::Born { .. } | RowState::Moved { .. })
}

/// Adds keys that are looked for in what the site changed after a commit; the earliest one counts.
fn add_keys(keys: &mut BTreeMap<RowKey, Seq>, more: Vec<RowKey>, after: Seq) {
    for key in more {
        let bound = keys.entry(key).or_insert(after);
        *bound = (*bound).min(after);
    }
}

#[cfg(test)]
mod follower_tests;
#[cfg(test)]
mod tests;
