//! Rows of a site, found by key in its objects.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{PartitionObject, RowKey};
use causeway_shared::dataset::{Partitioning, Table};
use causeway_shared::edits_object::Texts;
use causeway_shared::ids::{Part, Seq, SiteName};
use causeway_shared::store::Store;

use crate::edits::{EditsError, PlacedRow, site_row};
use crate::error::SiteError;
use crate::object::{ObjectName, read_records};

/// Where a key is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search {
    /// Where the row is expected.
    pub(super) home: Part,
    /// Besides, in all partitions of the table that the site changed after this commit.
    pub(super) after: Seq,
}

/// A site's objects, by its catalog.
#[derive(Debug, Clone, Copy)]
pub(super) struct SiteRows<'a> {
    pub(super) store: &'a Store,
    pub(super) site: &'a SiteName,
    pub(super) catalog: &'a Catalog,
}

impl SiteRows<'_> {
    /// The rows that the site has of these keys, and where. Each partition is read once at most.
    pub(super) async fn find(
        &self,
        table: &Table,
        wanted: &BTreeMap<RowKey, Search>,
    ) -> Result<BTreeMap<RowKey, PlacedRow>, SiteError> {
        let mut found = BTreeMap::new();
        let homes: BTreeSet<Part> = wanted.values().map(|search| search.home).collect();
        for part in &homes {
            let at_home = wanted.iter().filter(|(_, search)| search.home == *part);
            let keys: BTreeSet<&RowKey> = at_home.map(|(key, _)| key).collect();
            self.pick(table, *part, &keys, &mut found).await?;
        }
        // A row's bucket follows from its key: it is nowhere else.
        if matches!(table.partition, Partitioning::Buckets { .. }) {
            return Ok(found);
        }
        for (part, entry) in self.catalog.table(table.name.as_str()) {
            let missing = wanted.iter().filter(|(key, search)| {
                search.home != part && entry.seq > search.after && !found.contains_key(*key)
            });
            let keys: BTreeSet<&RowKey> = missing.map(|(key, _)| key).collect();
            if !keys.is_empty() {
                self.pick(table, part, &keys, &mut found).await?;
            }
        }
        Ok(found)
    }

    async fn pick(
        &self,
        table: &Table,
        part: Part,
        keys: &BTreeSet<&RowKey>,
        found: &mut BTreeMap<RowKey, PlacedRow>,
    ) -> Result<(), SiteError> {
        let key = (table.name.clone(), part);
        let Some(entry) = self.catalog.partitions.get(&key) else {
            return Ok(());
        };
        let rows = self.rows_of(table, part, &entry.object, keys).await?;
        found.extend(
            rows.into_iter()
                .map(|(key, row)| (key, PlacedRow { part, row })),
        );
        Ok(())
    }

    /// The rows that an object has of these keys.
    pub(super) async fn rows_of(
        &self,
        table: &Table,
        part: Part,
        object: &PartitionObject,
        keys: &BTreeSet<&RowKey>,
    ) -> Result<BTreeMap<RowKey, Texts>, SiteError> {
        let name = ObjectName {
            site: self.site.clone(),
            table: table.name.clone(),
            part,
            md5: object.md5,
        };
        let mut found = BTreeMap::new();
        let mut record_number = 0;
        let each = |record: &[u8]| {
            record_number += 1;
            let (key, row) = site_row(table, record).map_err(|problem| SiteError::Edits {
                site: self.site.clone(),
                source: EditsError::Record {
                    table: table.name.clone(),
                    record: record_number,
                    problem,
                },
            })?;
            if keys.contains(&key) {
                found.insert(key, row);
            }
            Ok(())
        };
        read_records(self.store, name, table, object, each).await?;
        Ok(found)
    }
}
