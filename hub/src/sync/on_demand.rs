//! Dates that are loaded because somebody reads them or writes to them.
//!
//! Nobody looks at the logs for them: the database's own catalogs say what is to be loaded. Dates
//! that are asked for while a site is being loaded go together in its next load.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_shared::ids::{Part, SiteName};
use jiff::Timestamp;
use jiff::civil::Date;

use super::hub::{Hub, LoadRequest};
use super::load::{LogSnapshot, SiteTask};
use super::window::DateRange;
use crate::db::{SiteState, StoredSite, hour_of};
use crate::error::{HubError, SiteError};

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

impl Hub {
    /// Loads dates of a site that are not loaded, and has them stay as ones that were asked for.
    ///
    /// # Errors
    /// [`HubError::UnknownSite`], or why they cannot be loaded.
    pub(crate) async fn bring(
        &self,
        site: &SiteName,
        dates: DateRange,
        now: Timestamp,
    ) -> Result<(), HubError> {
        let dates: Vec<Date> = dates.dates().filter(|date| is_of_parts(*date)).collect();
        if self.holds(&self.state(site).await?, &dates, now).await? {
            return Ok(());
        }
        let asked = self.inner.on_demand.of(site);
        asked.waiting().extend(&dates);
        let _loader = asked.loader.lock().await;
        let state = self.state(site).await?;
        if self.holds(&state, &dates, now).await? {
            // The load before took these dates along.
            return Ok(());
        }
        let mut waiting = std::mem::take(&mut *asked.waiting());
        waiting.extend(dates);
        let request = LoadRequest {
            dates: waiting.into_iter().map(DateRange::day).collect(),
            ..LoadRequest::at(now)
        };
        Ok(self.load_from_catalogs(&state, &request).await?)
    }

    pub(super) async fn state(&self, site: &SiteName) -> Result<SiteState, HubError> {
        let states = self.database().sites().await?;
        let mut states = states.into_iter();
        let state = states.find(|state| state.site == *site);
        state.ok_or_else(|| HubError::UnknownSite { site: site.clone() })
    }

    /// Whether all that the site has of some dates is loaded, and they are known to be asked for in this
    /// hour.
    async fn holds(
        &self,
        state: &SiteState,
        dates: &[Date],
        now: Timestamp,
    ) -> Result<bool, HubError> {
        let cached = self.inner.cache.get(&**self.database(), state).await?;
        let (stored, window) = (&cached.stored, self.window(now).0);
        let is_asked = |date: &Date| stored.asked.get(date).is_some_and(|at| *at >= hour_of(now));
        let mut dates = dates.iter();
        Ok(dates.all(|date| (window.contains(*date) || is_asked(date)) && has_all(stored, *date)))
    }

    /// Loads at the commits where the database stands.
    async fn load_from_catalogs(
        &self,
        state: &SiteState,
        request: &LoadRequest,
    ) -> Result<(), SiteError> {
        let known = self.known(state).await?;
        let Some(dataset) = &known.dataset else {
            return Ok(());
        };
        let snapshot = LogSnapshot {
            catalog: known.stored.catalog.clone(),
            edits: known.stored.edits.clone(),
            dataset: Arc::clone(dataset),
        };
        let wanted = self.wanted(request);
        let task = SiteTask {
            hub: self,
            site: &state.site,
            known: &known.stored,
            wanted: &wanted,
            thorough: false,
            again: &BTreeSet::new(),
            remove_strays: false,
            now: request.now,
        };
        task.load(snapshot).await.map(drop)
    }
}

/// Whether a partition can be of a date.
fn is_of_parts(date: Date) -> bool {
    Part::new(&format!("dt={date}")).is_ok()
}

/// Whether every partition of a date is loaded.
fn has_all(stored: &StoredSite, date: Date) -> bool {
    let edits = stored.edits_in_effect();
    let parts = stored
        .catalog
        .partitions
        .keys()
        .chain(edits.partitions.keys());
    let mut of_date = parts.filter(|(_, part)| part.date() == Some(date));
    of_date.all(|key| {
        let mark = stored.loaded.get(key);
        mark.is_some_and(|mark| mark.version.is_some())
    })
}
