//! What is read of the sites: for the API and the dashboard, for `status`, and to start a load from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use causeway_shared::catalog::Catalog;
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::log::SiteLog;
use causeway_shared::quarantine::RefusedRows;
use futures_util::{TryStreamExt as _, stream};
use jiff::Timestamp;
use tokio::time::timeout;

use super::{Hub, LoadedPart, SiteView};
use crate::db::{Database, DbError, LoadedCount, SiteState, StoredSite};
use crate::error::{HubError, SiteError};
use crate::refresh::discover;
use crate::report::{KnownAndLoaded, SiteStatus, StatusReport};

/// How often a site is read that a load changes while it is read.
const INSTANT_TRIES: u32 = 8;

/// How long the store may take to answer: whoever asks for the status waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many sites' logs are asked at once.
const ASKED_AT_ONCE: usize = 16;

/// What was read of the sites, each until its revision changes.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    sites: Mutex<HashMap<SiteName, Arc<Cached>>>,
}

/// A site as it was read, and the parts of it that readers share.
#[derive(Debug)]
pub(crate) struct Cached {
    pub(crate) stored: StoredSite,
    catalog: Arc<Catalog>,
    dataset: Option<Arc<Dataset>>,
}

impl Cache {
    /// What is held of a site that stands like this, read only if it changed.
    pub(crate) async fn get(
        &self,
        database: &dyn Database,
        state: &SiteState,
    ) -> Result<Arc<Cached>, DbError> {
        if let Some(cached) = self.lock().get(&state.site)
            && cached.stored.state.revision == state.revision
            && cached.stored.state.head == state.head
            // Of a database that was made anew meanwhile revision and head may be the same.
            && cached.stored.state.loaded_at == state.loaded_at
        {
            return Ok(Arc::clone(cached));
        }
        let stored = database.stored(&state.site).await?;
        let cached = Arc::new(Cached {
            catalog: Arc::new(stored.catalog.clone()),
            dataset: stored.dataset.clone().map(Arc::new),
            stored,
        });
        self.lock().insert(state.site.clone(), Arc::clone(&cached));
        Ok(cached)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SiteName, Arc<Cached>>> {
        // The map is whole between any two of its operations, also if a holder panicked.
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    /// The sites that were loaded or tried, in name order, or one of them. What they hold is kept
    /// in memory and read again only when a load changed it.
    ///
    /// # Errors
    /// [`HubError::UnknownSite`], or a failure of the database.
    pub async fn sites(&self, only: Option<&SiteName>) -> Result<Vec<SiteView>, HubError> {
        let mut views = Vec::new();
        for state in self.known_sites(only).await? {
            let cached = self.inner.cache.get(&*self.inner.database, &state).await?;
            views.push(self.view(state, &cached));
        }
        Ok(views)
    }

    async fn known_sites(&self, only: Option<&SiteName>) -> Result<Vec<SiteState>, HubError> {
        let mut states = self.inner.database.sites().await?;
        if let Some(only) = only {
            states.retain(|state| state.site == *only);
            if states.is_empty() {
                return Err(HubError::UnknownSite { site: only.clone() });
            }
        }
        Ok(states)
    }

    fn view(&self, state: SiteState, cached: &Cached) -> SiteView {
        let dataset = cached.dataset.as_ref().unwrap_or(&self.inner.dataset);
        let loaded = cached.stored.loaded.iter();
        SiteView {
            site: state.site,
            dataset: Arc::clone(dataset),
            catalog: Arc::clone(&cached.catalog),
            loaded_at: state.loaded_at,
            log_head: state.log_head,
            last_error: state.last_error,
            loaded: loaded
                .map(|((table, part), mark)| LoadedPart {
                    table: table.clone(),
                    part: *part,
                    rows: mark.rows,
                })
                .collect(),
        }
    }

    /// As [`sites`](Self::sites), and beside them the loaded rows of a table per partition and
    /// value of a column, where a site's dataset has them. What is told of a site is of one
    /// instant: its counts are those of the commit that its catalog stands at.
    ///
    /// # Errors
    /// [`HubError::UnknownSite`], or a failure of the database.
    pub async fn sites_with_counts(
        &self,
        only: Option<&SiteName>,
        table: &str,
        column: &str,
    ) -> Result<Vec<(SiteView, Vec<LoadedCount>)>, HubError> {
        let mut sites = Vec::new();
        for state in self.known_sites(only).await? {
            sites.push(self.site_with_counts(state, table, column).await?);
        }
        Ok(sites)
    }

    async fn site_with_counts(
        &self,
        mut state: SiteState,
        table: &str,
        column: &str,
    ) -> Result<(SiteView, Vec<LoadedCount>), HubError> {
        let database = &*self.inner.database;
        for _ in 0..INSTANT_TRIES {
            let cached = self.inner.cache.get(database, &state).await?;
            let at = cached.dataset.as_ref().and_then(|dataset| {
                let table = dataset.table(table)?;
                Some((table, table.column(column)?))
            });
            let Some((table, column)) = at else {
                return Ok((self.view(state, &cached), Vec::new()));
            };
            let counted = database.counts(&state.site, table, column).await?;
            if counted.revision == cached.stored.state.revision {
                return Ok((self.view(state, &cached), counted.counts));
            }
            // A load committed between the two.
            state = database.stored(&state.site).await?.state;
        }
        Err(DbError::GaveUp {
            database: database.describe(),
            action: "counting",
            detail: format!("site {} was loaded again each time", state.site),
            source: None,
        }
        .into())
    }

    /// How things stand, as the database knows it; the store is not asked.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn status(&self, now: Timestamp) -> Result<StatusReport, HubError> {
        let sites = self.sites(None).await?;
        Ok(StatusReport {
            now,
            window: self.window(now),
            store: self.inner.store.describe(),
            store_error: None,
            database: self.inner.database.describe(),
            sites: sites.iter().map(status).collect(),
        })
    }

    /// How things stand, and what the store says of it: how far each site's log is, which sites
    /// were never loaded, how many rows are in quarantine. A store that does not answer is part of
    /// the answer.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn full_status(&self, now: Timestamp) -> Result<StatusReport, HubError> {
        let mut report = self.status(now).await?;
        let asked = timeout(PATIENCE, self.ask_store(&mut report.sites)).await;
        report.store_error = match asked {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer in {} s", PATIENCE.as_secs())),
        };
        if report.store_error.is_some() {
            return Ok(report);
        }
        for status in &mut report.sites {
            let quarantine = self.quarantine_at_once(&status.site, now).await;
            status.quarantined = quarantine.map(|quarantine| {
                let total = |rows: &Result<RefusedRows, String>| Some(rows.as_ref().ok()?.total);
                let tables = quarantine.iter();
                tables
                    .map(|(table, rows)| (table.clone(), total(rows)))
                    .collect()
            });
        }
        Ok(report)
    }

    /// Asks the store where the sites' logs end, those of sites that were never loaded included.
    async fn ask_store(&self, sites: &mut Vec<SiteStatus>) -> Result<(), HubError> {
        // What the database says of it is no answer of the store.
        sites.iter_mut().for_each(|status| status.behind = None);
        self.ask_logs(sites.iter_mut()).await?;
        let mut others = discover(&self.inner.store).await?;
        others.retain(|site| sites.iter().all(|status| status.site != *site));
        let mut others: Vec<_> = others.into_iter().map(SiteStatus::never_loaded).collect();
        self.ask_logs(others.iter_mut()).await?;
        // Else something lies there that has not committed yet, or is no site.
        others.retain(|status| status.behind > Some(0));
        sites.append(&mut others);
        sites.sort_by(|a, b| a.site.cmp(&b.site));
        Ok(())
    }

    /// Asks several at once: a hub may have more sites than it can ask in a few seconds one by one.
    async fn ask_logs(&self, sites: impl Iterator<Item = &mut SiteStatus>) -> Result<(), HubError> {
        let asked = stream::iter(sites.map(Ok));
        asked
            .try_for_each_concurrent(ASKED_AT_ONCE, |status| self.ask_log(status))
            .await
    }

    async fn ask_log(&self, status: &mut SiteStatus) -> Result<(), HubError> {
        let known = status.commit.unwrap_or(Seq::NONE);
        let log = SiteLog::new(Arc::clone(&self.inner.store), status.site.clone());
        let head = log.head_after(known).await.map_err(SiteError::from)?;
        status.log_head = status
            .log_head
            .max(Some(head).filter(|head| *head != Seq::NONE));
        status.behind = Some(head.0.saturating_sub(known.0));
        Ok(())
    }
}

fn status(view: &SiteView) -> SiteStatus {
    let head = view.catalog.head.as_ref();
    let commit = head.map(|head| head.seq);
    let behind = view.log_head.unwrap_or_default().0;
    SiteStatus {
        site: view.site.clone(),
        commit,
        committed_at: head.map(|head| head.at),
        loaded_at: view.loaded_at,
        log_head: view.log_head,
        behind: Some(behind.saturating_sub(commit.unwrap_or_default().0)),
        partitions: KnownAndLoaded {
            known: view.catalog.partitions.len() as u64,
            loaded: view.loaded.len() as u64,
        },
        rows: KnownAndLoaded {
            known: view
                .catalog
                .partitions
                .values()
                .map(|entry| entry.object.rows)
                .sum(),
            loaded: view.loaded.iter().map(|part| part.rows).sum(),
        },
        quarantined: None,
        last_error: view.last_error.clone(),
    }
}

// On SQLite alone: the SQL of both databases is held to one suite (db/conformance.rs), and
// these tests are about what is done with its answers.
#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use causeway_shared::ids::Seq;
    use causeway_shared::store::failing::{FailingStore, Fault};

    use crate::hub::Hub;
    use crate::testing::{Outcome, SHOP, TestHub, TestSite};

    #[tokio::test]
    async fn the_store_says_how_far_the_logs_are() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let mut site = TestSite::new(&test.store, "here", SHOP)?;
        site.put("item", "b=0of2", &["1,a"]).await?.commit().await?;
        test.load_one().await?;
        for name in ["b", "c", "d"] {
            let row = format!("1,{name}");
            site.put("item", "b=0of2", &[&row]).await?.commit().await?;
        }
        let mut other = TestSite::new(&test.store, "new", SHOP)?;
        other
            .put("item", "b=0of2", &["1,a"])
            .await?
            .commit()
            .await?;

        let report = test.hub.full_status(test.request.now).await?;
        let heads = report.sites.iter();
        let heads: Vec<_> = heads
            .map(|of| (of.site.as_str(), of.commit, of.log_head, of.behind))
            .collect();
        let (none, one, four) = (None, Some(Seq(1)), Some(Seq(4)));
        assert_eq!(
            heads,
            [("here", one, four, Some(3)), ("new", none, one, Some(1))]
        );
        Ok(())
    }

    #[tokio::test]
    async fn a_store_that_does_not_answer_leaves_it_unknown() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let mut site = TestSite::new(&test.store, "here", SHOP)?;
        site.put("item", "b=0of2", &["1,a"]).await?.commit().await?;
        test.load_one().await?;

        let failing = FailingStore::new(test.store.clone(), [Fault::StopAt(1)]);
        let hub = Hub::with(
            test.hub.config().clone(),
            Arc::new(failing),
            Arc::clone(&test.database),
        )?;
        let report = hub.full_status(test.request.now).await?;
        assert_eq!(
            (report.sites[0].commit, report.sites[0].behind),
            (Some(Seq(1)), None)
        );
        assert!(report.store_error.is_some() && report.may_pass());
        Ok(())
    }

    #[tokio::test]
    async fn catalog_and_counts_are_of_one_commit() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let mut site = TestSite::new(&test.store, "here", SHOP)?;
        let sales = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
        site.put("sale", "dt=2025-11-28", &sales[..1]).await?;
        site.commit().await?;
        test.load_one().await?;
        let before = test.database.sites().await?.remove(0);
        test.hub.sites(None).await?;

        // Another hub loads between the look at the site and the count.
        site.put("sale", "dt=2025-11-28", &sales).await?;
        site.commit().await?;
        test.another()?.load_one().await?;

        let (view, counts) = test.hub.site_with_counts(before, "sale", "state").await?;
        assert_eq!(view.catalog.seq(), Seq(2));
        assert_eq!((counts.len(), counts[0].rows), (1, 2));
        Ok(())
    }
}
