//! Dates that are loaded because somebody reads them or writes to them.
//!
//! Nobody looks at the logs for them: the database's own catalogs say what is to be loaded. Dates
//! that are asked for while a site is being loaded go together in its next load. Whoever reads dates
//! sees in one snapshot that they are loaded, and their rows.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_shared::ids::{Name, Part, SiteName};
use jiff::Timestamp;
use jiff::civil::Date;

use super::cache::CachedSite;
use super::hub::{Hub, LoadRequest};
use super::load::{LogSnapshot, SiteTask};
use super::sites::SiteView;
use super::window::DateRange;
use crate::db::{DbError, PartVersion, Query, Row, SiteState, StoredSite, is_asked_of_late};
use crate::error::HubError;

/// How often dates are loaded again because others take their place.
const ATTEMPTS: u32 = 8;

/// The dates that are asked for of each site, until a load takes them.
#[derive(Debug, Default)]
pub(super) struct OnDemand {
    sites: Mutex<HashMap<SiteName, Arc<Asked>>>,
}

#[derive(Debug, Default)]
struct Asked {
    waiting: Mutex<BTreeSet<Date>>,
    /// Held by whoever loads.
    loader: tokio::sync::Mutex<()>,
}

impl OnDemand {
    fn of(&self, site: &SiteName) -> Arc<Asked> {
        // Both collections are whole between any two of their operations, also if a holder panicked.
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sites.entry(site.clone()).or_default())
    }
}

impl Asked {
    fn waiting(&self) -> MutexGuard<'_, BTreeSet<Date>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a site has of some dates, all of it loaded when that was last looked at.
#[derive(Debug, Clone)]
pub(crate) struct LoadedDates {
    site: SiteName,
    dates: Vec<Date>,
    pub(crate) parts: BTreeSet<(Name, Part)>,
}

impl LoadedDates {
    fn of(site: &SiteName, dates: DateRange) -> Self {
        Self {
            site: site.clone(),
            dates: dates.dates().filter(|date| is_of_parts(*date)).collect(),
            parts: BTreeSet::new(),
        }
    }

    /// Looks at what the site has of the dates. Returns whether all of it is loaded.
    fn look_at(&mut self, stored: &StoredSite) -> bool {
        self.parts = parts_of(stored, &self.dates);
        self.parts.iter().all(|key| {
            let mark = stored.loaded.get(key);
            mark.is_some_and(|mark| mark.version.is_some())
        })
    }
}

impl Hub {
    /// Runs statements that read rows of some dates, all in one snapshot, in which all that the site has of
    /// these dates is loaded. What is not is loaded first, and stays as dates that were asked for. The site was
    /// read a moment ago, and is not read again where its dates were loaded then.
    ///
    /// # Errors
    /// [`HubError::UnknownSite`], or why they cannot be loaded or read.
    pub(crate) async fn read_dates(
        &self,
        view: &SiteView,
        dates: DateRange,
        queries: &[Query],
        now: Timestamp,
    ) -> Result<Vec<Vec<Row>>, HubError> {
        let mut loaded = LoadedDates::of(&view.site, dates);
        if !self.were_ready(&mut loaded, view, now).await? {
            loaded = self.bring_again(loaded, now).await?;
        }
        self.read_loaded(loaded, queries, now).await
    }

    /// Whether the dates [were ready](Self::are_ready) when the site was read for this view; not where it was read again
    /// since.
    async fn were_ready(
        &self,
        of: &mut LoadedDates,
        view: &SiteView,
        now: Timestamp,
    ) -> Result<bool, HubError> {
        let cached = self.inner.cache.last(&view.site);
        let is_of_view = |cached: &Arc<CachedSite>| {
            let state = &cached.stored.state;
            (state.revision, state.loaded_at) == (view.revision, view.loaded_at)
        };
        match cached.filter(is_of_view) {
            Some(cached) if !self.is_past().await? => {
                self.are_ready_in(of, &cached.stored, now).await
            }
            _ => Ok(false),
        }
    }

    /// The same of dates that were loaded a moment ago.
    pub(crate) async fn read_loaded(
        &self,
        mut loaded: LoadedDates,
        queries: &[Query],
        now: Timestamp,
    ) -> Result<Vec<Vec<Row>>, HubError> {
        for _ in 0..ATTEMPTS {
            let database = self.database();
            let read = database.query(&loaded.site, queries, &loaded.parts);
            if let Some(rows) = read.await? {
                return Ok(rows);
            }
            loaded = self.bring_again(loaded, now).await?;
        }
        Err(self.taken_out_each_time().into())
    }

    /// Loads dates of a site that are not loaded, and has them stay as ones that were asked for.
    ///
    /// # Errors
    /// [`HubError::UnknownSite`], or why they cannot be loaded.
    pub(crate) async fn bring(
        &self,
        site: &SiteName,
        dates: DateRange,
        now: Timestamp,
    ) -> Result<LoadedDates, HubError> {
        self.bring_again(LoadedDates::of(site, dates), now).await
    }

    /// Loads a partition whose rows are not those of the database's own catalogs.
    ///
    /// # Errors
    /// As [`bring`](Self::bring).
    pub(crate) async fn bring_part(
        &self,
        site: &SiteName,
        (table, part): (&Name, Part),
        now: Timestamp,
    ) -> Result<(), HubError> {
        let date = part.date();
        if let Some(date) = date {
            self.bring(site, DateRange::day(date), now).await?;
        }
        for _ in 0..ATTEMPTS {
            let stored = &self.cached(site).await?.stored;
            let key = (table.clone(), part);
            let object = stored.catalog.partitions.get(&key);
            let edits = stored.edits_in_effect();
            let version = PartVersion {
                object: object.map(|entry| entry.object.md5),
                edits: edits.partitions.get(&key).map(|entry| entry.object.md5),
            };
            let loaded = stored.loaded.get(&key).and_then(|mark| mark.version);
            if loaded == Some(version) {
                return Ok(());
            }
            let request = LoadRequest {
                dates: date.into_iter().map(DateRange::day).collect(),
                ..LoadRequest::at(now)
            };
            self.load_from_catalogs(site, &request).await?;
        }
        Err(self.taken_out_each_time().into())
    }

    /// The same of dates that were loaded, where others may have taken their place since.
    ///
    /// # Errors
    /// As [`bring`](Self::bring).
    pub(crate) async fn bring_again(
        &self,
        mut of: LoadedDates,
        now: Timestamp,
    ) -> Result<LoadedDates, HubError> {
        let now = self.present_of(&of.site, now).await?;
        if self.are_ready(&mut of, now).await? {
            return Ok(of);
        }
        let asked = self.inner.on_demand.of(&of.site);
        asked.waiting().extend(&of.dates);
        let _loader = asked.loader.lock().await;
        if self.are_ready(&mut of, now).await? {
            // The load before took these dates along.
            return Ok(of);
        }
        for _ in 0..ATTEMPTS {
            let mut waiting = std::mem::take(&mut *asked.waiting());
            waiting.extend(&of.dates);
            let request = LoadRequest {
                dates: waiting.into_iter().map(DateRange::day).collect(),
                ..LoadRequest::at(now)
            };
            self.load_from_catalogs(&of.site, &request).await?;
            let cached = self.cached(&of.site).await?;
            if of.look_at(&cached.stored) {
                return Ok(of);
            }
        }
        Err(self.taken_out_each_time().into())
    }

    fn taken_out_each_time(&self) -> DbError {
        DbError::GaveUp {
            database: self.database().describe(),
            action: "reading",
            detail: "dates that are read were taken out again each time".to_owned(),
            source: None,
        }
    }

    pub(super) async fn state(&self, site: &SiteName) -> Result<SiteState, HubError> {
        let states = self.database().sites().await?;
        let mut states = states.into_iter();
        let state = states.find(|state| state.site == *site);
        state.ok_or_else(|| HubError::UnknownSite { site: site.clone() })
    }

    async fn cached(&self, site: &SiteName) -> Result<Arc<CachedSite>, HubError> {
        let state = self.state(site).await?;
        Ok(self.cached_at(&state).await?)
    }

    /// Whether all that the site has of the dates is loaded, and something keeps them.
    async fn are_ready(&self, of: &mut LoadedDates, now: Timestamp) -> Result<bool, HubError> {
        let cached = self.cached(&of.site).await?;
        self.are_ready_in(of, &cached.stored, now).await
    }

    /// The same of a site that was read.
    async fn are_ready_in(
        &self,
        of: &mut LoadedDates,
        stored: &StoredSite,
        now: Timestamp,
    ) -> Result<bool, HubError> {
        Ok(of.look_at(stored) && self.are_kept(&of.dates, stored, now).await?)
    }

    /// Whether something keeps the dates: the window, a pin, or that somebody asked of late.
    async fn are_kept(
        &self,
        dates: &[Date],
        stored: &StoredSite,
        now: Timestamp,
    ) -> Result<bool, HubError> {
        let window = self.window(now).0;
        let is_asked = |date: &Date| {
            let at = stored.asked.get(date);
            at.is_some_and(|at| is_asked_of_late(*at, now))
        };
        let mut others = dates.to_vec();
        others.retain(|date| !window.contains(*date) && !is_asked(date));
        if others.is_empty() {
            return Ok(true);
        }
        let pinned = self.pinned().await?;
        Ok(others.iter().all(|date| pinned.contains(date)))
    }

    /// Loads at the commits where the database stands.
    async fn load_from_catalogs(
        &self,
        site: &SiteName,
        request: &LoadRequest,
    ) -> Result<(), HubError> {
        let known = self.cached(site).await?;
        let Some(dataset) = &known.dataset else {
            return Ok(());
        };
        let snapshot = LogSnapshot {
            catalog: known.stored.catalog.clone(),
            edits: known.stored.edits.clone(),
            dataset: Arc::clone(dataset),
        };
        let wanted = self.wanted(request).await?;
        let task = SiteTask {
            hurried: true,
            ..SiteTask::plain(self, site, &known.stored, &wanted, request.now)
        };
        task.load(snapshot).await?;
        Ok(())
    }
}

/// Whether a partition can be of a date.
pub(super) fn is_of_parts(date: Date) -> bool {
    Part::new(&format!("dt={date}")).is_ok()
}

/// The partitions that a site has of some dates.
fn parts_of(stored: &StoredSite, dates: &[Date]) -> BTreeSet<(Name, Part)> {
    let edits = stored.edits_in_effect();
    let tables = stored.dataset.iter().flat_map(|dataset| &dataset.tables);
    let keys = tables.flat_map(|table| {
        let key = |date: &Date| (table.name.clone(), Part::Date(*date));
        dates.iter().map(key)
    });
    keys.filter(|key| {
        stored.catalog.partitions.contains_key(key) || edits.partitions.contains_key(key)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use causeway_shared::commit::EditsLog;
    use causeway_shared::ids::Seq;
    use causeway_shared::log::SiteLog;
    use causeway_shared::store::Store;
    use causeway_shared::store::failing::{FailingStore, Fault};

    use super::*;
    use crate::testing::{Outcome, SHOP, TestHub, TestSite};

    /// The site's commit that the newest edits go by, and how many conflicts they have.
    async fn edits_go_by(store: &Store, site: &TestSite) -> Outcome<(Seq, u64)> {
        let log = SiteLog::<EditsLog>::of_kind(Arc::clone(store), site.name().clone());
        let catalog = log.read_catalog().await?;
        let entries = catalog.partitions.values();
        let conflicts = entries.map(|entry| entry.object.conflicts).sum();
        let head = catalog.head.ok_or("no edits")?;
        Ok((head.site_seq, conflicts))
    }

    #[tokio::test]
    async fn a_cold_date_does_not_settle_edits_with_what_the_site_was() -> Outcome {
        for step in 1.. {
            let folder = tempfile::tempdir()?;
            let test = TestHub::in_folder(folder.path()).await?;
            let mut site = TestSite::new(&test.store, "here", SHOP)?;
            let sales = ["1,2025-11-27,a,paid", "2,2025-11-27,b,paid"];
            site.put("sale", "dt=2025-11-27", &sales).await?;
            site.put("sale", "dt=2025-12-24", &["3,2025-12-24,a,paid"])
                .await?;
            site.commit().await?;
            test.load_one().await?;
            test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
                .await?;
            test.flush(&site).await?;
            // The site moves the edited row. A load settles that, and gets no further.
            site.put("sale", "dt=2025-11-27", &["2,2025-11-27,b,paid"])
                .await?;
            site.put("sale", "dt=2025-11-28", &["1,2025-11-28,a,paid"])
                .await?;
            site.commit().await?;
            let failing = FailingStore::new(Arc::clone(&test.store), [Fault::StopAt(step)]);
            let stopped = test.with_store(Arc::new(failing))?;
            let loaded = stopped.load_one().await;
            let (settled_at, _) = edits_go_by(&test.store, &site).await?;
            if loaded.is_ok() {
                assert!(step > 3, "{step}");
                return Ok(());
            }
            // The site moves it on, which nobody has read yet.
            site.remove("sale", "dt=2025-11-28")?;
            site.put("sale", "dt=2025-11-29", &["1,2025-11-29,a,paid"])
                .await?;
            site.commit().await?;
            // Somebody changes another row, and reads a date that is not loaded.
            test.change(&site, "UPDATE sale SET state = 'open' WHERE id = 2")
                .await?;
            test.flush(&site).await?;
            let (flushed_at, _) = edits_go_by(&test.store, &site).await?;
            assert!(flushed_at >= settled_at, "step {step}");
            let view = test.hub.sites(None).await?.remove(0);
            assert_eq!(view.catalog.rows("sale"), 3, "step {step}");
            let cold = DateRange::day("2025-12-24".parse()?);
            test.hub.bring(site.name(), cold, test.request.now).await?;
            let (read_at, conflicts) = edits_go_by(&test.store, &site).await?;
            assert!(
                read_at >= flushed_at,
                "step {step}: {read_at} after {flushed_at}"
            );
            assert_eq!(conflicts, 0, "step {step}");
            test.load_one().await?;
            let rows = test.rows(&site, "sale").await?;
            assert!(
                rows.iter().any(|row| row.contains("1,2025-11-29,a,void")),
                "{rows:?}"
            );
        }
        Ok(())
    }
}
