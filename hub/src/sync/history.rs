//! Rows of any date, read from the store: a site's merged partitions, as its database's catalogs name
//! them, each read once. Nothing is loaded for that.
//!
//! What waits in the journal is flushed first, so that catalogs hold every change that was committed
//! before the call. They are read as of one instant: a row that moves is in one partition, whatever
//! loads run meanwhile.

mod conflicts;
mod find;

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_shared::canonical_csv::{Field, split_fields};
use causeway_shared::catalog::Catalog;
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::edits_object::Entry;
use causeway_shared::ids::{Md5, Name, Part, SiteName};
use jiff::Timestamp;

use super::cache::CachedSite;
use super::hub::Hub;
use super::merged::StoredPart;
use super::partials::KeyFilterBuilder;
use super::settle::{Seal, Settling};
use crate::db::{Partial, StoredSite};
use crate::edits::{EditsError, MergedRow};
use crate::error::{HubError, SiteError};

pub(super) use conflicts::ConflictCache;
pub(crate) use conflicts::{ClashingRow, Disputed};
pub(super) use find::FoundCache;
pub(crate) use find::{FoundRow, Wanted};

/// How many partitions are read at once by all that read history.
pub(super) const READ_AT_ONCE: usize = 16;
/// How many partitions one reader reads ahead.
pub(super) const AHEAD: usize = 8;

/// A site's history, as of one instant.
#[derive(Debug, Clone)]
pub(crate) struct SiteHistory {
    hub: Hub,
    site: SiteName,
    dataset: Arc<Dataset>,
    /// Of the dataset; its JSON is long, and there are many versions.
    dataset_md5: Md5,
    cached: Arc<CachedSite>,
}

impl Hub {
    /// A site's history with all that was committed before the call; `None` where nothing of it was
    /// ever loaded.
    ///
    /// # Errors
    /// [`HubError::UnknownSite`], a failure of the database, or of the flush.
    pub(crate) async fn history(
        &self,
        site: &SiteName,
        now: Timestamp,
    ) -> Result<Option<SiteHistory>, HubError> {
        let mut state = self.state(site).await?;
        // What a database holds that does not own the edits is no part of history.
        if state.edits_waiting > 0 && state.writable {
            self.flush_site(site, now).await?;
            state = self.state(site).await?;
        }
        Ok(SiteHistory::new(self, self.cached_at(&state).await?))
    }

    /// The entries of the edits that a database has settled for itself, which no store holds, and what each
    /// partition's are called.
    ///
    /// # Errors
    /// [`SiteError`] for objects that cannot be read, or edits that do not go together.
    pub(crate) async fn entries_settled_here(
        &self,
        dataset: &Dataset,
        stored: &StoredSite,
        now: Timestamp,
    ) -> Result<SettledHere, SiteError> {
        settled_here(self, dataset, (&stored.catalog, stored), now).await
    }
}

impl SiteHistory {
    /// `None` where nothing was ever loaded.
    pub(super) fn new(hub: &Hub, cached: Arc<CachedSite>) -> Option<Self> {
        let dataset = Arc::clone(cached.site_dataset()?);
        Some(Self {
            hub: hub.clone(),
            site: cached.stored.state.site.clone(),
            dataset_md5: dataset.md5(),
            dataset,
            cached,
        })
    }

    pub(crate) fn site(&self) -> &SiteName {
        &self.site
    }

    pub(crate) fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// At which state of the catalogs this is.
    pub(crate) fn revision(&self) -> u64 {
        self.cached.stored.state.revision
    }

    /// All partitions that either catalog has.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        self.cached
            .catalog()
            .partitions
            .keys()
            .map(|(_, part)| *part)
    }

    /// The partitions of a table that have rows.
    pub(crate) fn parts_of<'a>(&'a self, table: &'a Table) -> impl Iterator<Item = Part> + 'a {
        let parts = self.cached.catalog().table(table.name.as_str());
        parts
            .filter(|(_, entry)| entry.object.rows > 0)
            .map(|(part, _)| part)
    }

    /// Those, and the version of each.
    pub(crate) fn versions(&self, table: &Table) -> BTreeMap<Part, Md5> {
        let parts = self.parts_of(table);
        parts
            .map(|part| (part, self.version(&[table], part)))
            .collect()
    }

    /// Names the merged rows of some tables in one partition: what they are made from.
    pub(crate) fn version(&self, tables: &[&Table], part: Part) -> Md5 {
        let mut names = self.dataset_md5.to_string();
        for table in tables {
            let key = (table.name.clone(), part);
            let object = self.cached.site_catalog().partitions.get(&key);
            let object = object.map(|entry| (entry.dataset, entry.object.md5));
            let edits = self.cached.edits().partitions.get(&key);
            let edits = edits.map(|entry| entry.object.md5);
            for md5 in [object.map(|o| o.0), object.map(|o| o.1), edits] {
                names.push(' ');
                names.extend(md5.map(|md5| md5.to_string()));
            }
        }
        Md5::of(names.as_bytes())
    }

    /// Gives the merged rows of a table in a partition to `each`, in canonical texts.
    ///
    /// # Errors
    /// [`SiteError::Object`], [`SiteError::EditsObject`], a failure of the store.
    pub(crate) async fn read(
        &self,
        table: &Table,
        part: Part,
        mut each: impl FnMut(&[Field<'_>]),
    ) -> Result<(), SiteError> {
        // The semaphore is never closed.
        let _slot = self.hub.inner.history_reads.acquire().await.ok();
        let entries = self.entries(table, part).await?;
        let mut broken = None;
        let read = self.merge((table, part), &entries, |row| {
            let mut fields = Vec::with_capacity(table.columns.len());
            match split_fields(row.record, &mut fields) {
                Ok(()) => each(&fields),
                Err(problem) => broken = Some(problem.to_owned()),
            }
        });
        read.await?;
        match broken {
            None => Ok(()),
            Some(problem) => Err(self.failed(EditsError::Record {
                table: table.name.clone(),
                record: 0,
                problem,
            })),
        }
    }

    /// Gives the merged rows of a partition to `each`.
    async fn merge(
        &self,
        (table, part): (&Table, Part),
        entries: &[Entry],
        each: impl FnMut(MergedRow<'_>),
    ) -> Result<(), SiteError> {
        let key = (table.name.clone(), part);
        let object = self.cached.site_catalog().partitions.get(&key);
        if object.is_none() && entries.is_empty() {
            return Ok(());
        }
        let stored = StoredPart {
            site: &self.site,
            table,
            part,
            object: object.map(|entry| &entry.object),
            entries,
        };
        stored.read(self.hub.store(), each).await.map(|_| ())
    }

    fn failed(&self, source: EditsError) -> SiteError {
        SiteError::Edits {
            site: self.site.clone(),
            source,
        }
    }

    /// As [`read`](Self::read), answering what the partition's partial of keys is.
    pub(super) async fn read_with_keys(
        &self,
        table: &Table,
        (part, version): (Part, Md5),
        mut each: impl FnMut(&[Field<'_>]),
    ) -> Result<Partial, SiteError> {
        let mut keys = KeyFilterBuilder::new(table);
        let read = self.read(table, part, |row| {
            keys.add(row);
            each(row);
        });
        read.await?;
        Ok(Partial {
            part,
            version,
            body: keys.finish().into(),
        })
    }

    /// The entries of a partition's edits, settled with the object that the database's catalog names.
    async fn entries(&self, table: &Table, part: Part) -> Result<Vec<Entry>, SiteError> {
        let key = &(table.name.clone(), part);
        let Some(edits) = self.cached.edits().partitions.get(key) else {
            return Ok(Vec::new());
        };
        let mut settled = self.cached.stored.settled.iter();
        if !settled.any(|change| (&change.table, change.part) == (&key.0, key.1)) {
            let of = (table, key.1);
            return self.hub.entries(&self.site, of, &edits.object).await;
        }
        let of_all = self
            .cached
            .settled_entries
            .get_or_try_init(|| self.settle());
        Ok(of_all.await?.get(key).cloned().unwrap_or_default())
    }

    /// What a database that does not own the edits settles for itself: no store holds it.
    async fn settle(&self) -> Result<BTreeMap<(Name, Part), Vec<Entry>>, SiteError> {
        let (stored, catalog) = (&self.cached.stored, self.cached.site_catalog());
        let settled = settled_here(&self.hub, &self.dataset, (catalog, stored), Timestamp::MIN);
        let entries = settled.await?.into_iter();
        Ok(entries.map(|(key, (_, entries))| (key, entries)).collect())
    }
}

/// By partition, what its edits are called, and its entries.
type SettledHere = BTreeMap<(Name, Part), (Option<Md5>, Vec<Entry>)>;

/// What a database that does not own the edits has settled for itself, settled again.
async fn settled_here(
    hub: &Hub,
    dataset: &Dataset,
    (catalog, stored): (&Catalog, &StoredSite),
    now: Timestamp,
) -> Result<SettledHere, SiteError> {
    let mut own = SettledHere::new();
    if stored.settled.is_empty() {
        return Ok(own);
    }
    let site = &stored.state.site;
    let mut settling = Settling::new((hub.store(), site), dataset, catalog, &stored.edits, stored);
    settling.forget_gone_before(hub.config().edits.kept_since(now));
    settling.settle_parts(&settling.outdated()).await?;
    let mut parts = settling.seal(Seal::InMemory).await?;
    for change in &stored.settled {
        let key = (change.table.clone(), change.part);
        let in_log = stored.edits.partitions.get(&key).map(|entry| &entry.object);
        let table = dataset.table(key.0.as_str());
        let entries = match (parts.remove(&key), in_log, table) {
            (Some(part), ..) => (part.object.map(|object| object.md5), part.entries),
            // The log has moved on to where there is nothing to settle.
            (None, Some(object), Some(table)) => {
                let entries = hub.entries(site, (table, key.1), object).await?;
                (Some(object.md5), entries)
            }
            _ => (None, Vec::new()),
        };
        own.insert(key, entries);
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use causeway_shared::store::failing::{FailingStore, Fault};

    use super::*;
    use crate::testing::{Outcome, SHOP, TestHub, TestSite};

    /// All sales of a site, as history has them.
    async fn sales(test: &TestHub, site: &TestSite) -> Outcome<Vec<String>> {
        let history = test.hub.history(site.name(), test.request.now).await?;
        let history = history.ok_or("no history")?;
        let table = history.dataset().table("sale").ok_or("no such table")?;
        let mut sales = Vec::new();
        for part in history.parts_of(table) {
            let read = history.read(table, part, |row| {
                let texts = row.iter().map(|field| field.as_deref().unwrap_or("NULL"));
                sales.push(texts.collect::<Vec<_>>().join(","));
            });
            read.await?;
        }
        Ok(sales)
    }

    #[tokio::test]
    async fn history_is_read_with_the_dataset_that_its_edits_are_of() -> Outcome {
        for step in 1.. {
            let folder = tempfile::tempdir()?;
            let test = TestHub::in_folder(folder.path()).await?;
            let mut site = TestSite::new(&test.store, "here", SHOP)?;
            let put = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
            site.put("sale", "dt=2025-11-28", &put).await?;
            site.commit().await?;
            test.load_one().await?;
            test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
                .await?;
            test.flush(&site).await?;
            // The site has another column. A load settles the edits with that, and gets no further.
            let state = "{ name = \"state\", type = \"text\" },";
            let note = format!("{state}\n  {{ name = \"note\", type = \"text\" }},");
            let another = SHOP.replace(state, &note);
            let before = site.dataset().clone();
            site.declare(&another)?;
            let put = ["1,2025-11-28,a,paid,x", "2,2025-11-28,c,paid,y"];
            site.put("sale", "dt=2025-11-28", &put).await?;
            site.commit().await?;
            let failing = FailingStore::new(Arc::clone(&test.store), [Fault::StopAt(step)]);
            let stopped = test.with_store(Arc::new(failing))?;
            let is_loaded = stopped.load_one().await.is_ok();
            // Somebody changes a row in the tables of before, and that is flushed.
            let database = &test.database;
            let mut write = database.begin_write(site.name(), &before, "ann").await?;
            let change = "UPDATE sale SET state = 'open' WHERE id = 2";
            write.query(change, &[], &[]).await?;
            write.commit().await?;
            test.flush(&site).await?;
            let read = sales(&test, &site)
                .await
                .map_err(|e| format!("{step}: {e}"))?;
            let (old, new) = (
                ["1,2025-11-28,a,void", "2,2025-11-28,b,open"],
                ["1,2025-11-28,a,void,x", "2,2025-11-28,c,open,y"],
            );
            assert!(
                read == new || (!is_loaded && read == old),
                "{step}: {read:?}"
            );
            test.load_one().await?;
            assert_eq!(sales(&test, &site).await?, new, "{step}");
            if is_loaded {
                return Ok(());
            }
        }
        Ok(())
    }
}
