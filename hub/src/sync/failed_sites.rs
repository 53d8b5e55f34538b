//! Sites that could not be loaded for what the store holds. Such a site is not read again while it
//! looks the same to a few small requests: a log may be long, a commit large, and all that was
//! staged before the damage was met is staged in vain.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use causeway_shared::commit::Head;
use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::layout::LogKey;
use causeway_shared::log::SiteLog;
use causeway_shared::store::{Store, Version};

use super::window::Wanted;
use crate::db::SiteState;
use crate::error::SiteError;

/// The site is read again after this long, however it looks.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(10 * 60);

/// The failures of this hub's last loads.
#[derive(Debug, Default)]
pub(super) struct FailedSites {
    sites: Mutex<HashMap<SiteName, FailedSite>>,
}

#[derive(Debug, Clone)]
struct FailedSite {
    error: String,
    /// The object that the error is about, where it is about one.
    object: Option<String>,
    /// How the site looked before the load that failed; `None` where that load did not know which
    /// object to look at.
    snapshot: Option<SiteSnapshot>,
    read_at: Instant,
}

/// What the outcome of a load depends on, as far as small requests tell.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SiteSnapshot {
    revision: u64,
    head: Option<Head>,
    wanted: Wanted,
    log_head: Seq,
    /// Which version of the object lies there, or why that cannot be told.
    object: Option<Result<Version, String>>,
    /// The same of the hint that names the newest checkpoint: a repair writes one.
    hint: Result<Version, String>,
}

impl FailedSites {
    /// What is seen of a site whose last load failed; `None` where it did not fail, or the store does not
    /// answer.
    pub(super) async fn snapshot(
        &self,
        store: &Store,
        state: &SiteState,
        wanted: &Wanted,
    ) -> Option<SiteSnapshot> {
        let failed = self.lock().get(&state.site).cloned()?;
        let known = state.head.as_ref().map_or(Seq::NONE, |head| head.seq);
        let log = SiteLog::new(Arc::clone(store), state.site.clone());
        let log_head = log.head_after(known).await.ok()?;
        let object = match &failed.object {
            Some(key) => Some(version(store, key).await?),
            None => None,
        };
        let hint = version(store, &log.key(&LogKey::Latest)).await?;
        Some(SiteSnapshot {
            hint,
            revision: state.revision,
            head: state.head.clone(),
            wanted: wanted.clone(),
            log_head,
            object,
        })
    }

    /// The error of a site's last load, where the next one would end as it did.
    pub(super) fn error_that_lasts(
        &self,
        site: &SiteName,
        snapshot: &SiteSnapshot,
    ) -> Option<String> {
        let failed = self.lock().get(site).cloned()?;
        let lasts = failed.snapshot.as_ref() == Some(snapshot)
            && failed.read_at.elapsed() < READ_AGAIN_AFTER;
        lasts.then_some(failed.error)
    }

    /// Remembers why a site could not be loaded that looked like this before.
    pub(super) fn remember(
        &self,
        site: &SiteName,
        snapshot: Option<SiteSnapshot>,
        error: &SiteError,
    ) {
        if !error.is_of_store() {
            self.forget(site);
            return;
        }
        let object = error.object().map(str::to_owned);
        let mut sites = self.lock();
        // How it looked tells nothing if that was another object.
        let was = sites.get(site).and_then(|failed| failed.object.as_ref());
        let snapshot = snapshot.filter(|_| was == object.as_ref());
        let failed = FailedSite {
            error: error.to_string(),
            object,
            snapshot,
            read_at: Instant::now(),
        };
        sites.insert(site.clone(), failed);
    }

    pub(super) fn forget(&self, site: &SiteName) {
        self.lock().remove(site);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SiteName, FailedSite>> {
        // The map is whole between any two of its operations, also if a holder panicked.
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which version of an object lies there, or why that cannot be told; `None` where it may be told
/// later.
async fn version(store: &Store, key: &str) -> Option<Result<Version, String>> {
    match store.head(key).await {
        Ok(meta) => Some(Ok(meta.version)),
        Err(error) if error.is_retryable() => None,
        Err(error) => Some(Err(error.to_string())),
    }
}

// On SQLite alone: the SQL of both databases is held to one suite (db/conformance.rs), and
// these tests are about what is done with its answers.
#[cfg(test)]
mod tests {
    use causeway_shared::layout::{LogKey, WhichLog};

    use super::*;
    use crate::testing::{Outcome, SHOP, TestHub, TestSite};

    async fn damaged(test: &TestHub) -> Outcome<(TestSite, String)> {
        let mut site = TestSite::new(&test.store, "here", SHOP)?;
        site.put("item", "b=0of2", &["1,a"]).await?;
        site.put("item", "b=1of2", &["2,b"]).await?.commit().await?;
        let key = site.key("item", "b=1of2", &["2,b"])?;
        test.store.put(&key, b"no object".to_vec().into()).await?;
        Ok((site, key))
    }

    /// The error of a load, and how many bodies it asked for.
    async fn load(test: &TestHub) -> Outcome<(Option<String>, u64)> {
        let mut report = test.load().await?;
        Ok((report.sites.remove(0).error, report.requests.get))
    }

    #[tokio::test]
    async fn a_site_that_looks_the_same_is_not_read_again() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let (site, key) = damaged(&test).await?;
        let (error, first) = load(&test).await?;
        let (_, second) = load(&test).await?;
        assert!(first >= 5 && second >= 5, "{first}, {second}");
        // The hint alone.
        assert_eq!(load(&test).await?, (error.clone(), 1));
        let status = test.hub.status(test.request.now).await?;
        assert_eq!(status.sites[0].last_error, error);

        let csv = site.csv("item", &["2,b"])?;
        let whole = zstd::bulk::compress(csv.as_bytes(), 3)?;
        test.store.put(&key, whole.into()).await?;
        assert_eq!(load(&test).await?.0, None, "it was mended");
        Ok(())
    }

    #[tokio::test]
    async fn it_is_read_again_when_its_log_or_the_window_moves() -> Outcome {
        let folder = tempfile::tempdir()?;
        let mut test = TestHub::in_folder(folder.path()).await?;
        let (mut site, _) = damaged(&test).await?;
        for _ in 0..2 {
            load(&test).await?;
        }
        test.request.now += jiff::SignedDuration::from_hours(24);
        assert!(load(&test).await?.1 > 1, "the window moved");
        assert_eq!(load(&test).await?.1, 1);
        site.put("item", "b=1of2", &["2,c"]).await?.commit().await?;
        assert_eq!(load(&test).await?.0, None, "the next commit has a good one");
        Ok(())
    }

    #[tokio::test]
    async fn a_damaged_commit_is_fetched_twice_and_no_more() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let key = LogKey::Commit(Seq(1)).of(WhichLog::Agent, &SiteName::new("here")?);
        test.store.put(&key, b"no commit".to_vec().into()).await?;
        let mut gets = Vec::new();
        for _ in 0..4 {
            gets.push(load(&test).await?.1);
        }
        assert_eq!(gets[2..], [1, 1], "{gets:?}");
        Ok(())
    }
}
