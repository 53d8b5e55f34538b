//! Which sites to look for besides those that the database knows, and when to look closely.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use causeway_shared::ids::SiteName;

/// Of so many looks one is thorough: it finds what a plain one does not see, which is new sites,
/// gaps in a log, and a log that is another one.
const THOROUGH_EVERY: u32 = 20;

/// Most sites that are remembered before they are loaded, so that agents which tell of sites that
/// do not exist cannot fill the memory.
const MAX_SITES: usize = 10_000;

/// Kept between the passes over the sites.
#[derive(Debug, Default)]
pub(super) struct Watchlist {
    /// Looks since the last thorough one at a site's log; under `None`, those for new sites.
    plain_looks: Mutex<HashMap<Option<SiteName>, u32>>,
    /// Sites that were found in the store or told of. The database may not know them yet.
    sites: Mutex<BTreeSet<SiteName>>,
}

impl Watchlist {
    /// Counts a look at a site's log, or for new sites, and answers whether it is to be thorough.
    /// The first is.
    pub(super) fn look_is_thorough(&self, of: Option<&SiteName>) -> bool {
        let mut looks = self.plain_looks();
        let looks = looks.entry(of.cloned()).or_insert(THOROUGH_EVERY);
        *looks += 1;
        if *looks > THOROUGH_EVERY {
            *looks = 1;
            return true;
        }
        false
    }

    /// Makes the next look a thorough one.
    pub(super) fn look_closely_next(&self, of: Option<&SiteName>) {
        self.plain_looks().remove(&of.cloned());
    }

    pub(super) fn add(&self, sites: impl IntoIterator<Item = SiteName>) {
        let mut known = self.sites();
        for site in sites {
            if known.len() < MAX_SITES {
                known.insert(site);
            }
        }
    }

    pub(super) fn remove(&self, site: &SiteName) {
        self.sites().remove(site);
        self.look_closely_next(Some(site));
    }

    /// The sites that are not among `known`.
    pub(super) fn besides(&self, known: &BTreeSet<SiteName>) -> Vec<SiteName> {
        self.sites().difference(known).cloned().collect()
    }

    // Both collections are whole between any two of their operations, also if a holder panicked.

    fn plain_looks(&self) -> MutexGuard<'_, HashMap<Option<SiteName>, u32>> {
        self.plain_looks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn sites(&self) -> MutexGuard<'_, BTreeSet<SiteName>> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
