//! What the database holds of each site besides its rows, in memory until a load changes it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use causeway_shared::catalog::Catalog;
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::SiteName;

use crate::db::{Database, DbError, SiteState, StoredSite};

/// Each site is kept until its revision changes.
#[derive(Debug, Default)]
pub(super) struct SiteCache {
    sites: Mutex<HashMap<SiteName, Arc<CachedSite>>>,
}

/// A site as it was read, and the parts of it that readers share.
#[derive(Debug)]
pub(super) struct CachedSite {
    pub(super) stored: StoredSite,
    pub(super) catalog: Arc<Catalog>,
    pub(super) dataset: Option<Arc<Dataset>>,
}

impl CachedSite {
    fn new(stored: StoredSite) -> Self {
        Self {
            catalog: Arc::new(stored.catalog.clone()),
            dataset: stored.dataset.clone().map(Arc::new),
            stored,
        }
    }
}

impl SiteCache {
    /// As [`get`](Self::get), for readers of all sites: what cannot be read of one is its last
    /// error, and hides no other site.
    pub(super) async fn get_or_note(
        &self,
        database: &dyn Database,
        state: &mut SiteState,
    ) -> Result<Arc<CachedSite>, DbError> {
        match self.get(database, state).await {
            Err(error @ DbError::Unreadable { .. }) => {
                state.last_error = Some(error.to_string());
                let empty = StoredSite::empty(SiteState::unknown(state.site.clone()));
                Ok(Arc::new(CachedSite::new(empty)))
            }
            cached => cached,
        }
    }

    /// What the database holds of a site, which it says stands like this; read only if that
    /// changed.
    pub(super) async fn get(
        &self,
        database: &dyn Database,
        state: &SiteState,
    ) -> Result<Arc<CachedSite>, DbError> {
        if let Some(cached) = self.lock().get(&state.site)
            && cached.stored.state.revision == state.revision
            && cached.stored.state.head == state.head
            // In a database that was made anew meanwhile, revision and head may be the same.
            && cached.stored.state.loaded_at == state.loaded_at
        {
            return Ok(Arc::clone(cached));
        }
        let stored = database.stored(&state.site).await?;
        let cached = Arc::new(CachedSite::new(stored));
        self.lock().insert(state.site.clone(), Arc::clone(&cached));
        Ok(cached)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SiteName, Arc<CachedSite>>> {
        // The map is whole between any two of its operations, also if a holder panicked.
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
