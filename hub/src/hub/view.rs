//! What is read of the sites: for the API and the dashboard, for `status`, and to start a load from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use causeway_shared::catalog::Catalog;
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::SiteName;
use jiff::Timestamp;

use super::{Hub, LoadedPart, SiteView};
use crate::db::{Database, DbError, LoadedCount, SiteState, StoredSite};
use crate::error::HubError;
use crate::report::{KnownAndLoaded, SiteStatus, StatusReport};

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
    /// The sites that were loaded or tried, in name order. What they hold is kept in memory and
    /// read again only when a load changed it.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn sites(&self) -> Result<Vec<SiteView>, HubError> {
        let mut views = Vec::new();
        for state in self.inner.database.sites().await? {
            let cached = self.inner.cache.get(&*self.inner.database, &state).await?;
            views.push(self.view(state, &cached));
        }
        Ok(views)
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

    /// The loaded rows of a table per partition and value of a column.
    ///
    /// # Errors
    /// A failure of the database, or an unknown site, table or column.
    pub async fn count_loaded(
        &self,
        site: &SiteName,
        table: &str,
        column: &str,
    ) -> Result<Vec<LoadedCount>, HubError> {
        let database = &*self.inner.database;
        let states = database.sites().await?;
        let Some(state) = states.iter().find(|state| state.site == *site) else {
            return Err(HubError::UnknownSite { site: site.clone() });
        };
        let cached = self.inner.cache.get(database, state).await?;
        let unknown = || HubError::UnknownColumn {
            site: site.clone(),
            table: table.to_owned(),
            column: column.to_owned(),
        };
        // Before its first load a site has no tables, and so no rows.
        let Some(dataset) = &cached.dataset else {
            return Ok(Vec::new());
        };
        let table = dataset.table(table).ok_or_else(unknown)?;
        let column = table.column(column).ok_or_else(unknown)?;
        Ok(database.counts(site, table, column).await?)
    }

    /// How things stand, as the database knows it; the store is not asked.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn status(&self, now: Timestamp) -> Result<StatusReport, HubError> {
        let sites = self.sites().await?;
        Ok(StatusReport {
            now,
            window: self.window(now),
            store: self.inner.store.describe(),
            database: self.inner.database.describe(),
            sites: sites.iter().map(status).collect(),
        })
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
        behind: behind.saturating_sub(commit.unwrap_or_default().0),
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
        last_error: view.last_error.clone(),
    }
}
