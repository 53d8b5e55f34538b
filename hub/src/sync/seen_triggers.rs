//! Which sites' triggers were seen to be those that this program makes. An upgraded hub brings its own with
//! its first look at a site, though there is nothing to load, and so does one of another zone.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Md5, SiteName};
use jiff::tz::TimeZone;

use super::hub::Hub;
use crate::db::DbError;

/// For which dataset and zone each site's were seen.
#[derive(Debug, Default)]
pub(super) struct SeenTriggers(Mutex<BTreeMap<SiteName, (Md5, TimeZone)>>);

impl SeenTriggers {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<SiteName, (Md5, TimeZone)>> {
        // An entry is replaced whole, also if a holder panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    /// Whether a site's tables have the triggers that this program makes, as far as was ever seen: the database
    /// is asked once for each dataset and zone.
    ///
    /// # Errors
    /// A failure of the database.
    pub(super) async fn has_triggers(
        &self,
        site: &SiteName,
        dataset: &Dataset,
    ) -> Result<bool, DbError> {
        let (zone, seen) = (self.zone(), &self.inner.seen_triggers);
        let made_for = (dataset.md5(), zone.clone());
        if seen.lock().get(site) == Some(&made_for) {
            return Ok(true);
        }
        let are_there = self.database().has_triggers(site, dataset, &zone).await?;
        if are_there {
            seen.lock().insert(site.clone(), made_for);
        }
        Ok(are_there)
    }
}
