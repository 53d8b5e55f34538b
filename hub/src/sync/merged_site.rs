//! A site as its logs say it, without a database: its edits are settled in memory, as everybody does
//! who does not own them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::catalog::{Catalog, Entry as CatalogEntry};
use causeway_shared::commit::{EditsLog, EditsObject};
use causeway_shared::dataset::{Partitioning, Table};
use causeway_shared::edits_object::Entry;
use causeway_shared::ids::{Md5, Name, Part, SiteName};
use causeway_shared::store::Store;
use jiff::Timestamp;

use super::edits_objects::EditsObjects;
use super::load::LogSnapshot;
use super::merged::StoredPart;
use super::settle::{Seal, Settling, changes};
use crate::db::{PartVersion, with_settled};
use crate::edits::{MergedPart, MergedRow};
use crate::error::SiteError;

/// A site at the heads of its logs.
#[derive(Debug)]
pub(crate) struct MergedSite {
    pub(crate) logs: LogSnapshot,
    /// The edits, settled with the site's objects.
    edits: Catalog<EditsLog>,
    /// The entries of partitions that were settled here.
    settled: BTreeMap<(Name, Part), Vec<Entry>>,
    /// The tables whose edits cannot be settled, and why.
    unsettled: BTreeMap<Name, SiteError>,
}

/// One of its partitions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SitePart<'a> {
    pub(crate) table: &'a Table,
    pub(crate) part: Part,
    /// The site's object; `None` where only the cloud has the partition.
    pub(crate) site: Option<&'a CatalogEntry>,
    /// What the cloud changed.
    pub(crate) edits: Option<&'a EditsObject>,
}

impl SitePart<'_> {
    pub(crate) fn version(&self) -> PartVersion {
        PartVersion {
            object: self.site.map(|entry| entry.object.md5),
            edits: self.edits.map(|edits| edits.md5),
        }
    }

    /// Its merged rows.
    pub(crate) fn rows(&self) -> u64 {
        let site_rows = self.site.map_or(0, |entry| entry.object.rows);
        self.edits.map_or(site_rows, |edits| edits.merged.rows)
    }
}

impl MergedSite {
    /// Settles the edits with what the site says. Rows that both sides deleted, the cloud before
    /// `kept_since`, are forgotten.
    ///
    /// # Errors
    /// [`SiteError`] for objects that cannot be read, or edits that do not go together.
    pub(crate) async fn settle(
        store: &Store,
        logs: LogSnapshot,
        kept_since: Timestamp,
    ) -> Result<Self, SiteError> {
        let mut unsettled = BTreeMap::new();
        loop {
            match Self::settle_others(store, &logs, &unsettled, kept_since).await {
                Ok((edits, settled)) => {
                    return Ok(Self {
                        edits,
                        settled,
                        unsettled,
                        logs,
                    });
                }
                // What is damaged in one table stops no other.
                Err(error) => match error.table().cloned() {
                    Some(table) if !error.is_retryable() && !unsettled.contains_key(&table) => {
                        unsettled.insert(table, error);
                    }
                    _ => return Err(error),
                },
            }
        }
    }

    /// Settles the edits of all tables but some.
    async fn settle_others(
        store: &Store,
        logs: &LogSnapshot,
        left_out: &BTreeMap<Name, SiteError>,
        kept_since: Timestamp,
    ) -> Result<(Catalog<EditsLog>, BTreeMap<(Name, Part), Vec<Entry>>), SiteError> {
        let at = (store, &logs.catalog.site);
        let mut settling = Settling::anew(at, &logs.dataset, &logs.catalog, &logs.edits);
        settling.forget_gone_before(kept_since);
        settling.leave_out(left_out.keys());
        settling.settle_parts(&settling.outdated()).await?;
        let parts = settling.seal(Seal::InMemory).await?;
        let changes = changes(&parts, &logs.edits);
        let settled = parts.into_iter().map(|(key, part)| (key, part.entries));
        Ok((with_settled(&logs.edits, &changes), settled.collect()))
    }

    /// The tables whose edits cannot be settled, and why. Their partitions, and those whose rows lie
    /// where theirs do, are not among the [`parts`](Self::parts).
    pub(crate) fn unsettled(&self) -> impl Iterator<Item = (&Name, &SiteError)> {
        let tables = self.logs.dataset.tables.iter();
        tables.filter_map(|table| Some((&table.name, self.why_unsettled(table)?)))
    }

    fn why_unsettled(&self, table: &Table) -> Option<&SiteError> {
        let of_parent = || match table.partition {
            Partitioning::Via { parent, .. } => {
                self.why_unsettled(&self.logs.dataset.tables[parent])
            }
            Partitioning::By { .. } | Partitioning::Buckets { .. } => None,
        };
        self.unsettled.get(&table.name).or_else(of_parent)
    }

    pub(crate) fn site(&self) -> &SiteName {
        &self.logs.catalog.site
    }

    pub(crate) fn dataset_md5(&self) -> Md5 {
        self.logs
            .catalog
            .head
            .as_ref()
            .map_or_else(|| self.logs.dataset.md5(), |head| head.dataset)
    }

    /// Whether the site has partitions of a table that it does not declare any more: its agent holds
    /// the removal of the table back until somebody allows it.
    pub(crate) fn holds_back(&self, table: &Name) -> bool {
        self.logs.dataset.table(table.as_str()).is_none()
            && self.logs.catalog.table(table.as_str()).next().is_some()
    }

    /// The partitions of its declared tables, table by table, that either side has.
    pub(crate) fn parts(&self) -> Vec<SitePart<'_>> {
        let mut parts = Vec::new();
        let tables = self.logs.dataset.tables.iter();
        for table in tables.filter(|table| self.why_unsettled(table).is_none()) {
            let name = table.name.as_str();
            let of_site = self.logs.catalog.table(name).map(|(part, _)| part);
            let of_edits = self.edits.table(name).map(|(part, _)| part);
            let both: BTreeSet<Part> = of_site.chain(of_edits).collect();
            parts.extend(both.into_iter().map(|part| {
                let key = (table.name.clone(), part);
                SitePart {
                    table,
                    part,
                    site: self.logs.catalog.partitions.get(&key),
                    edits: self.edits.partitions.get(&key).map(|entry| &entry.object),
                }
            }));
        }
        parts
    }

    /// Gives a partition's merged rows to `each`, in key order.
    ///
    /// # Errors
    /// [`SiteError::Object`], [`SiteError::EditsObject`], [`SiteError::Edits`], a failure of the store.
    pub(crate) async fn read(
        &self,
        store: &Store,
        part: SitePart<'_>,
        each: impl FnMut(MergedRow<'_>),
    ) -> Result<MergedPart, SiteError> {
        let name = &part.table.name;
        let settled = self.settled.get(&(name.clone(), part.part));
        let entries = match (settled, part.edits) {
            (Some(entries), _) => Cow::Borrowed(entries.as_slice()),
            (None, Some(object)) => {
                let site = self.site();
                let objects = EditsObjects { store, site };
                Cow::Owned(objects.read((part.table, part.part), object).await?)
            }
            (None, None) => Cow::Borrowed(&[][..]),
        };
        let stored = StoredPart {
            site: self.site(),
            table: part.table,
            part: part.part,
            object: part.site.map(|entry| &entry.object),
            entries: &entries,
        };
        stored.read(store, each).await
    }
}
