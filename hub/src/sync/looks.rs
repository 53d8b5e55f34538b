//! When to look more closely than usual, and which sites somebody told of.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use causeway_shared::ids::SiteName;

/// Every so many refreshes in which nothing was found, a refresh looks for what a plain one does
/// not see: new sites, gaps, a log that is another one.
const THOROUGH_EVERY: u32 = 20;

/// Most sites that are remembered before they are loaded.
pub(super) const MAX_FOUND: usize = 10_000;

/// Counts looks that found nothing, so that every so many of them are thorough. The first is.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// Looks since the last thorough one; `None` stands for the look for new sites.
    idle: Mutex<HashMap<Option<SiteName>, u32>>,
    /// Sites that were found or told of; the database may not know them yet.
    found: Mutex<BTreeSet<SiteName>>,
}

impl Looks {
    /// Whether the next look at a site (or for sites) is a thorough one.
    pub(super) fn is_thorough(&self, of: Option<&SiteName>) -> bool {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let looks = idle.entry(of.cloned()).or_insert(THOROUGH_EVERY);
        *looks += 1;
        if *looks > THOROUGH_EVERY {
            *looks = 1;
            return true;
        }
        false
    }

    pub(super) fn found(&self) -> MutexGuard<'_, BTreeSet<SiteName>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a site for one that there is not.
    pub(super) fn is_none(&self, site: &SiteName) {
        self.found().remove(site);
        self.forget(Some(site));
    }

    /// Makes the next look a thorough one.
    pub(super) fn forget(&self, of: Option<&SiteName>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.remove(&of.cloned());
    }
}
