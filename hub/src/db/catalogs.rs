//! A site's catalogs as they were read last.
//!
//! What a log says at a commit never changes. So a database that stands at the same commits has the
//! same catalogs, and thousands of rows need not be read again to know one that was loaded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::EditsLog;
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::SiteName;

use super::SiteState;

/// What the commits say at which a site stands.
#[derive(Debug, Clone)]
pub(super) struct Catalogs {
    pub(super) catalog: Catalog,
    pub(super) edits: Catalog<EditsLog>,
    pub(super) dataset: Option<Arc<Dataset>>,
}

/// The catalogs of each site, as its database was last seen.
#[derive(Debug, Default)]
pub(super) struct KnownCatalogs(Mutex<HashMap<SiteName, Catalogs>>);

impl KnownCatalogs {
    /// Those of a site that stands like this.
    pub(super) fn get(&self, state: &SiteState) -> Option<Catalogs> {
        let known = self.lock();
        let known = known.get(&state.site).filter(|_| is_sure(state))?;
        let is_same = known.catalog.head == state.head && known.edits.head == state.edits_head;
        is_same.then(|| known.clone())
    }

    pub(super) fn put(&self, state: &SiteState, catalogs: &Catalogs) {
        if is_sure(state) {
            self.lock().insert(state.site.clone(), catalogs.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SiteName, Catalogs>> {
        // The map is whole between any two of its operations, also if a holder panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the rows of the catalogs are those of the commits that the site's own row names: not while
/// somebody restores them.
fn is_sure(state: &SiteState) -> bool {
    state.head.is_some() && state.start_known && !state.restored
}
