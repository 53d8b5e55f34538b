//! Partials that are missing, made beside the service's work after loads and flushes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use causeway_shared::ids::{Part, SiteName};
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::consultants;
use crate::error::{HubError, SiteError};
use crate::sync::Hub;

/// How often the sites are looked at.
const EVERY: Duration = Duration::from_secs(5);
/// How many partitions are made between two pauses.
const AT_ONCE: usize = 16;
/// How many are read at once.
const AHEAD: usize = 2;

/// Makes what is missing of all sites until it is dropped, and begins with the newest dates. It rests as
/// long as it works. What was made before it stopped is kept.
pub(crate) async fn keep_making(hub: &Hub, clock: fn() -> Timestamp) {
    let mut done = Done::new();
    loop {
        sleep(EVERY).await;
        make_missing(hub, &mut done, (clock, Pace::Rests)).await;
    }
}

/// Makes what is missing of all sites without a rest. Dropped at any point it leaves what was made.
#[cfg(feature = "lambda")]
pub(crate) async fn make_some(hub: &Hub, done: &mut Done, clock: fn() -> Timestamp) {
    make_missing(hub, done, (clock, Pace::Hurries)).await;
}

/// Whether it rests as long as it works, so that it is in nobody's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    Rests,
    #[cfg(any(feature = "lambda", test))]
    Hurries,
}

impl Pace {
    async fn rest(self, began: Instant) {
        if self == Self::Rests {
            sleep(began.elapsed()).await;
        }
    }
}

/// The state of each site of which nothing is missing.
pub(crate) type Done = BTreeMap<SiteName, u64>;

async fn make_missing(hub: &Hub, done: &mut Done, (clock, pace): (impl Fn() -> Timestamp, Pace)) {
    // What is wrong then, the refresh reports: here it would look like damage of a site.
    if hub.is_over_another_store() {
        return;
    }
    // A database that is away is reported by the refresh.
    for state in hub.database().sites().await.unwrap_or_default() {
        let is_done = done.get(&state.site) == Some(&state.revision);
        if state.head.is_none() || is_done {
            continue;
        }
        let made = make(hub, &state.site, (clock(), pace)).await;
        let revision = made.unwrap_or_else(|error| {
            // Where the site cannot be loaded, the refresh says why.
            if state.last_error.is_none() {
                let what = "figures of the past are not prepared";
                hub.log_failure(&state.site, what, error);
            }
            // Again after the next load.
            state.revision
        });
        done.insert(state.site, revision);
    }
}

/// Makes what is missing of all sites.
#[cfg(test)]
pub(crate) async fn make_all(hub: &Hub, now: Timestamp) {
    make_missing(hub, &mut Done::new(), (|| now, Pace::Hurries)).await;
}

/// Makes what is missing of a site. At which state of it.
async fn make(hub: &Hub, site: &SiteName, (now, pace): (Timestamp, Pace)) -> Result<u64, HubError> {
    let Some(history) = hub.history(site, now).await? else {
        return Ok(0);
    };
    let mut failed = None;
    for table in &history.dataset().tables {
        let mut missing = history.without_keys(table).await;
        while let Some(some) = take(&mut missing) {
            let began = Instant::now();
            failed = failed.or(history.make_keys(table, some, AHEAD).await.err());
            stop_at(&mut failed)?;
            pace.rest(began).await;
        }
    }
    let mut missing = consultants::missing(hub, &history).await;
    while let Some(some) = take(&mut missing) {
        let began = Instant::now();
        failed = failed.or(consultants::make(hub, &history, some, AHEAD, drop)
            .await
            .err());
        stop_at(&mut failed)?;
        pace.rest(began).await;
    }
    if let Some(failed) = failed {
        return Err(failed.into());
    }
    let parts: BTreeSet<Part> = history.parts().collect();
    hub.database().retain_partials(site, &parts).await?;
    Ok(history.revision())
}

/// A store that is away fails everything; one damaged object nothing else.
fn stop_at(failed: &mut Option<SiteError>) -> Result<(), SiteError> {
    failed
        .take_if(|error| error.is_retryable())
        .map_or(Ok(()), Err)
}

/// The newest of some partitions, taken out.
fn take<V>(missing: &mut BTreeMap<Part, V>) -> Option<BTreeMap<Part, V>> {
    let from = missing.len().saturating_sub(AT_ONCE);
    let first = *missing.keys().nth(from)?;
    Some(missing.split_off(&first))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use causeway_shared::dataset::Dataset;
    use causeway_shared::store::Store;
    use causeway_shared::store::memory::MemoryStore;

    use super::*;
    use crate::testing::{Outcome, SHOP, TestHub, TestSite};

    #[tokio::test]
    async fn nothing_is_made_from_another_store() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let mut site = TestSite::of(&test.store, "here", Dataset::meetassist()?)?;
        let booked = ["4,1,c1,2025-11-28,11:00:00,60,,pending,,2025-11-20T08:00:00,"];
        site.put_summed("appointment", "dt=2025-11-28", &booked)
            .await?;
        site.commit().await?;
        test.load_one().await?;
        let other: Store = Arc::new(MemoryStore::new());
        TestSite::new(&other, "there", SHOP)?.commit().await?;
        let mistaken = test.with_store(Arc::clone(&other))?;
        assert!(mistaken.load().await.is_err());
        // There is something to make: the right store is read for it afterwards.
        let mut requests = Vec::new();
        for (of, store) in [(&mistaken, &other), (&test, &test.store)] {
            let before = store.requests();
            make_all(&of.hub, test.request.now).await;
            requests.push(store.requests().since(&before).total() > 0);
        }
        assert_eq!(requests, [false, true]);
        Ok(())
    }
}
