//! What the database holds of each site besides its rows, in memory until a load changes it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use causeway_shared::catalog::{Catalog, Entry};
use causeway_shared::commit::{EditsLog, PartitionObject};
use causeway_shared::dataset::Dataset;
use causeway_shared::edits_object;
use causeway_shared::ids::{Name, Part, SiteName};
use causeway_shared::limits;
use causeway_shared::log::LogError;
use causeway_shared::store::Store;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::discover::{newer_dataset, read_on_to};
use super::sites::LoadedPart;
use super::totals::SiteTotals;
use crate::db::{Database, DbError, LoadedCount, SiteState, StoredSite};

/// How long a store that does not answer is not asked again for what a reader can do without.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Each site is kept until its revision changes.
#[derive(Debug, Default)]
pub(super) struct SiteCache {
    sites: Mutex<HashMap<SiteName, Arc<CachedSite>>>,
}

/// Table, column, and how many rows the journal had.
pub(super) type CountKey = (Name, usize, u64);

/// What the site committed after the stored catalog, as far as its edits go by it.
#[derive(Debug)]
struct Newer {
    catalog: Catalog,
    /// That catalog's, where it is another than the stored one's.
    dataset: Option<Arc<Dataset>>,
}

/// The site's catalog with edits merged, and what that adds up to.
#[derive(Debug, Clone)]
struct Merged {
    catalog: Arc<Catalog>,
    totals: Arc<SiteTotals>,
}

/// A site as it was read, and the parts of it that readers share.
#[derive(Debug)]
pub(super) struct CachedSite {
    pub(super) stored: StoredSite,
    /// The site's catalog that the edits go by, where that is not the stored one: a load has settled
    /// them with what the site committed since, and has not put its rows into the database yet.
    newer: Option<Newer>,
    /// When the store is asked for that again, where it did not answer. Until then a row that the site
    /// has moved may count twice, or not at all.
    retry_at: Option<Instant>,
    /// Made when somebody asks: a load does not.
    merged: OnceLock<Merged>,
    pub(super) loaded: Arc<[LoadedPart]>,
    pub(super) dataset: Option<Arc<Dataset>>,
    /// Rows in which site and cloud want different things.
    pub(super) conflicts: u64,
    /// Whether the cloud changed anything.
    pub(super) has_edits: bool,
    /// The edits that the rows are merged with, where the database has settled some for itself.
    settled: Option<Catalog<EditsLog>>,
    /// Rows that were counted last.
    counted: Mutex<Option<(CountKey, Vec<LoadedCount>)>>,
    /// The entries of those, once somebody has settled them again: no store holds them.
    pub(super) settled_entries: OnceCell<BTreeMap<(Name, Part), Vec<edits_object::Entry>>>,
}

impl CachedSite {
    /// `before`: the site as it was read before.
    fn new(stored: StoredSite, newer: Option<Newer>, before: Option<&Self>) -> Self {
        let edits = stored.edits_in_effect();
        let objects = || edits.partitions.values().map(|entry| &entry.object);
        let conflicts = limits::total(objects().map(|object| object.conflicts));
        let has_edits = objects().any(|object| object.edits > 0);
        let of_site = newer.as_ref();
        let of_site = of_site.map_or(&stored.catalog, |newer| &newer.catalog);
        // A load of a date changes no catalog, and there are thousands of partitions.
        let same = before.filter(|before| {
            before.site_catalog() == of_site && before.edits().partitions == edits.partitions
        });
        let merged = same.map_or_else(OnceLock::new, |before| before.merged.clone());
        let loaded = stored
            .loaded
            .iter()
            .map(|((table, part), mark)| LoadedPart {
                table: table.clone(),
                part: *part,
                rows: mark.rows,
            });
        Self {
            merged,
            loaded: loaded.collect(),
            counted: Mutex::default(),
            dataset: stored.dataset.clone(),
            conflicts,
            has_edits,
            settled: match edits {
                Cow::Borrowed(_) => None,
                Cow::Owned(settled) => Some(settled),
            },
            settled_entries: OnceCell::new(),
            newer,
            retry_at: None,
            stored,
        }
    }

    /// Of what a database held.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub(super) async fn of(store: &Store, stored: StoredSite) -> Result<Self, LogError> {
        let newer = newer(store, &stored).await?;
        Ok(Self::new(stored, newer, None))
    }

    /// Whether the site still stands like this.
    fn is_as(&self, state: &SiteState) -> bool {
        self.stored.state.is_as(state)
    }

    /// Whether it may do for figures: a store that is away is not asked at each question.
    fn is_good_for_now(&self) -> bool {
        self.retry_at.is_none_or(|at| Instant::now() < at)
    }

    /// The loaded rows, as they were counted for the same.
    pub(super) fn counts(&self, key: &CountKey) -> Option<Vec<LoadedCount>> {
        // Whole between any two of its operations, also if a holder panicked.
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, counts) = counted.as_ref().filter(|(of, _)| of == key)?;
        Some(counts.clone())
    }

    pub(super) fn keep_counts(&self, key: CountKey, counts: &[LoadedCount]) {
        let counted = Some((key, counts.to_vec()));
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = counted;
    }

    /// The site's catalog that the edits go by.
    pub(super) fn site_catalog(&self) -> &Catalog {
        let newer = self.newer.as_ref();
        newer.map_or(&self.stored.catalog, |newer| &newer.catalog)
    }

    /// The dataset of that catalog: its objects and edits are read with it. The tables are
    /// [another's](Self::dataset) until a load changes them.
    pub(super) fn site_dataset(&self) -> Option<&Arc<Dataset>> {
        let newer = self.newer.as_ref();
        let newer = newer.and_then(|newer| newer.dataset.as_ref());
        newer.or(self.dataset.as_ref())
    }

    fn merged(&self) -> &Merged {
        self.merged.get_or_init(|| {
            let catalog = merged_catalog(self.site_catalog(), self.edits());
            Merged {
                totals: Arc::new(SiteTotals::of(&catalog)),
                catalog: Arc::new(catalog),
            }
        })
    }

    /// The site's catalog with edits merged.
    pub(super) fn catalog(&self) -> &Arc<Catalog> {
        &self.merged().catalog
    }

    /// What that adds up to.
    pub(super) fn totals(&self) -> &Arc<SiteTotals> {
        &self.merged().totals
    }

    /// The edits that the rows are merged with.
    pub(super) fn edits(&self) -> &Catalog<EditsLog> {
        self.settled.as_ref().unwrap_or(&self.stored.edits)
    }
}

/// The site's catalog with the rows and summaries of merged partitions in place of the agent's: what
/// totals are added up from.
fn merged_catalog(catalog: &Catalog, edits: &Catalog<EditsLog>) -> Catalog {
    let mut catalog = catalog.clone();
    for (key, edits) in &edits.partitions {
        let merged = &edits.object.merged;
        let object = PartitionObject {
            md5: edits.object.md5,
            rows: merged.rows,
            bytes: 0,
            summary: merged.summary.clone(),
        };
        let entry = catalog.partitions.entry(key.clone());
        let entry = entry.or_insert_with(|| Entry {
            object: object.clone(),
            dataset: edits.dataset,
            seq: edits.seq,
        });
        entry.object = PartitionObject {
            bytes: entry.object.bytes,
            ..object
        };
    }
    catalog
}

/// The site's catalog that the edits were settled with, where the stored one is older.
async fn newer(store: &Store, stored: &StoredSite) -> Result<Option<Newer>, LogError> {
    let settled = stored.edits.head.as_ref().map(|head| head.site_seq);
    let Some(settled) = settled.filter(|settled| *settled > stored.catalog.seq()) else {
        return Ok(None);
    };
    let mut catalog = stored.catalog.clone();
    read_on_to(store, &mut catalog, settled).await?;
    let dataset = match &stored.dataset {
        Some(loaded) => newer_dataset(store, loaded, &catalog).await?,
        None => None,
    };
    Ok(Some(Newer {
        catalog,
        dataset: dataset.map(Arc::new),
    }))
}

impl SiteCache {
    /// As [`get`](Self::get), for readers of all sites: what cannot be read of one is its last
    /// error, and hides no other site.
    pub(super) async fn get_or_note(
        &self,
        (database, store): (&dyn Database, &Store),
        state: &mut SiteState,
    ) -> Result<Arc<CachedSite>, DbError> {
        let read = self.get_if((database, store), state, CachedSite::is_good_for_now);
        match read.await {
            Err(error @ DbError::Unreadable { .. }) => {
                state.last_error = Some(error.to_string());
                let empty = StoredSite::empty(SiteState::unknown(state.site.clone()));
                Ok(Arc::new(CachedSite::new(empty, None, None)))
            }
            cached => cached,
        }
    }

    /// What the database holds of a site, which it says stands like this; read only if that
    /// changed.
    pub(super) async fn get(
        &self,
        from: (&dyn Database, &Store),
        state: &SiteState,
    ) -> Result<Arc<CachedSite>, DbError> {
        self.get_if(from, state, |cached| cached.retry_at.is_none())
            .await
    }

    /// What was read of a site last.
    pub(super) fn last(&self, site: &SiteName) -> Option<Arc<CachedSite>> {
        self.lock().get(site).cloned()
    }

    async fn get_if(
        &self,
        (database, store): (&dyn Database, &Store),
        state: &SiteState,
        is_good: fn(&CachedSite) -> bool,
    ) -> Result<Arc<CachedSite>, DbError> {
        let before = self.lock().get(&state.site).cloned();
        let cached = before.as_ref();
        if let Some(cached) = cached.filter(|cached| cached.is_as(state) && is_good(cached)) {
            return Ok(Arc::clone(cached));
        }
        let stored = database.stored(&state.site).await?;
        let (newer, retry_at) = match newer(store, &stored).await {
            Ok(newer) => (newer, None),
            Err(_) => (None, Some(Instant::now() + RETRY_AFTER)),
        };
        let cached = Arc::new(CachedSite {
            retry_at,
            ..CachedSite::new(stored, newer, before.as_deref())
        });
        self.lock().insert(state.site.clone(), Arc::clone(&cached));
        Ok(cached)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SiteName, Arc<CachedSite>>> {
        // The map is whole between any two of its operations, also if a holder panicked.
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::DateRange;
    use crate::testing::{Outcome, SHOP, TestHub, TestSite};

    #[tokio::test]
    async fn what_was_read_without_the_store_is_good_for_a_while() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        TestSite::with_an_apple(&test.store).await?;
        test.load_one().await?;
        let state = test.database.sites().await?.remove(0);
        let stored = test.database.stored(&state.site).await?;
        let is_kept = |retry_at| {
            let cached = CachedSite {
                retry_at: Some(retry_at),
                ..CachedSite::new(stored.clone(), None, None)
            };
            cached.is_good_for_now()
        };
        assert!(is_kept(Instant::now() + RETRY_AFTER));
        assert!(!is_kept(Instant::now()));
        Ok(())
    }

    #[tokio::test]
    async fn a_load_of_a_date_reads_and_adds_up_no_catalog() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let mut site = TestSite::new(&test.store, "here", SHOP)?;
        site.put("sale", "dt=2025-12-24", &["1,2025-12-24,a,paid"])
            .await?;
        site.commit().await?;
        test.load_one().await?;
        let cached = async || {
            let state = test.database.sites().await?.remove(0);
            let cached = test
                .hub
                .inner
                .cache
                .get((&*test.database, &test.store), &state);
            Outcome::Ok(cached.await?)
        };
        let before = cached().await?;
        assert!(before.merged.get().is_none(), "a load adds nothing up");
        let totals = Arc::clone(before.totals());
        let cold = DateRange::day("2025-12-24".parse()?);
        test.hub.bring(site.name(), cold, test.request.now).await?;
        let after = cached().await?;
        assert_eq!((before.loaded.len(), after.loaded.len()), (0, 1));
        let partitions = [&before, &after].map(|cached| &cached.stored.catalog.partitions);
        assert!(partitions[0].are_shared(partitions[1]));
        assert!(Arc::ptr_eq(&totals, after.totals()));

        site.put("sale", "dt=2025-12-24", &["1,2025-12-24,a,void"])
            .await?;
        site.commit().await?;
        test.another()?.load_one().await?;
        let newest = cached().await?;
        assert_eq!(newest.stored.catalog, *site.catalog());
        assert!(!Arc::ptr_eq(&totals, newest.totals()));
        Ok(())
    }

    #[tokio::test]
    async fn a_site_is_read_again_when_its_database_has_started_again() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        TestSite::with_an_apple(&test.store).await?;
        test.load_one().await?;
        let state = test.database.sites().await?.remove(0);
        let cache = SiteCache::default();
        let first = cache.get((&*test.database, &test.store), &state).await?;
        let same = cache.get((&*test.database, &test.store), &state).await?;
        assert!(Arc::ptr_eq(&first, &same));
        for other in [
            SiteState {
                start_known: false,
                ..state.clone()
            },
            SiteState {
                writable: false,
                ..state.clone()
            },
        ] {
            let again = cache.get((&*test.database, &test.store), &other).await?;
            assert!(!Arc::ptr_eq(&first, &again));
        }
        Ok(())
    }
}
