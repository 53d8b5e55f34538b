//! One pass over the sites: read the log, plan, load. Each site is apart, so that one that is
//! damaged does not keep the others waiting.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backon::Retryable as _;
use causeway_shared::ids::{Name, Part, Seq, SiteName};
use causeway_shared::runtime::retry;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::time::{timeout, timeout_at};

use super::cache::CachedSite;
use super::hub::{Hub, LoadRequest};
use super::load::SiteTask;
use super::report::{LoadReport, PartitionCounts, RowCounts, SiteLoaded};
use super::shared_window::Teller;
use super::window::Wanted;
use crate::db::{DbError, SiteState};
use crate::error::{HubError, SiteError};

/// How many sites are loaded at once.
pub(super) const SITES_AT_ONCE: usize = 4;

/// How long reading a log may take, so that one without end is given up some day. What is loaded has
/// an end: the commits say how many rows there are, and each object has a time of its own.
const LOG_TIME_LIMIT: Duration = Duration::from_secs(60 * 60);

/// How long a note may take of a load whose time is over.
const NOTE_WITHIN: Duration = Duration::from_millis(300);

/// What to load besides what changed.
#[derive(Debug, Default)]
pub(crate) struct Repair {
    /// Partitions to load again though they are loaded.
    pub(crate) again: BTreeSet<(Name, Part)>,
    /// Whether to take out rows that the loader did not write.
    pub(crate) remove_strays: bool,
}

impl Repair {
    fn is_none(&self) -> bool {
        self.again.is_empty() && !self.remove_strays
    }
}

impl Hub {
    /// Reads the sites' logs and makes the database's rows equal to the wanted partitions. A site
    /// that fails keeps its last good data and is reported; the others go on.
    ///
    /// # Errors
    /// [`HubError`] for what concerns all sites: no database, no store, an unknown site.
    pub(crate) async fn load(&self, what: &LoadRequest) -> Result<LoadReport, HubError> {
        self.load_by(Teller::Command, what, None).await
    }

    /// The same for a service whose time is over then. A site's rows are loaded in one transaction: a load
    /// that does not end leaves the last good data, and its site comes last the next time, so that it
    /// keeps no other from its turn.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    #[cfg(feature = "lambda")]
    pub(crate) async fn load_until(
        &self,
        what: &LoadRequest,
        until: tokio::time::Instant,
    ) -> Result<LoadReport, HubError> {
        self.load_by(Teller::Service, what, Some(until)).await
    }

    async fn load_by(
        &self,
        who: Teller,
        what: &LoadRequest,
        until: Option<tokio::time::Instant>,
    ) -> Result<LoadReport, HubError> {
        let started = Instant::now();
        let requests = self.inner.store.requests();
        let mut states = self.states(what.site.as_ref()).await?;
        states.sort_by_key(was_cut_off);
        let wanted = self.wanted_by(who, what).await?;
        let repair = Repair::default();
        let (wanted, repair) = (&wanted, &repair);
        let load = |state| async move {
            let load = self.load_site(who, state, wanted, what.now, repair);
            match until {
                None => load.await,
                // It has not begun, so that its turn comes first the next time.
                Some(until) if tokio::time::Instant::now() >= until => Some(cut_off(state)),
                Some(until) => match timeout_at(until, load).await {
                    Ok(loaded) => loaded,
                    Err(_) => {
                        let cut_off = cut_off(state);
                        let note = self.note(&state.site, None, cut_off.error.as_deref());
                        // Where the database takes no note, the next load begins with this site again.
                        let _ = timeout(NOTE_WITHIN, note).await;
                        Some(cut_off)
                    }
                },
            }
        };
        let loads: Vec<_> = states.iter().map(load).collect();
        let loaded: Vec<_> = stream::iter(loads).buffered(SITES_AT_ONCE).collect().await;
        let mut sites: Vec<SiteLoaded> = loaded.into_iter().flatten().collect();
        sites.sort_by(|a, b| a.site.cmp(&b.site));
        Ok(LoadReport {
            sites,
            requests: self.inner.store.requests().since(&requests),
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    /// Loads one site, and notes in the database how it went. `None`: the site has not committed
    /// anything yet.
    pub(crate) async fn load_site(
        &self,
        who: Teller,
        state: &SiteState,
        wanted: &Wanted,
        now: Timestamp,
        repair: &Repair,
    ) -> Option<SiteLoaded> {
        if let Some(kept) = self.keep_past(state).await {
            return Some(kept);
        }
        let failed_sites = &self.inner.failed_sites;
        let snapshot = match repair.is_none() {
            true => {
                failed_sites
                    .snapshot(&self.inner.store, state, wanted)
                    .await
            }
            false => None,
        };
        let lasting = snapshot.as_ref();
        let lasting =
            lasting.and_then(|snapshot| failed_sites.error_that_lasts(&state.site, snapshot));
        if let Some(error) = lasting {
            if state.last_error.as_ref() != Some(&error) {
                self.note(&state.site, None, Some(&error)).await;
            }
            return Some(failed(state, error, false));
        }
        let thorough = self.inner.watchlist.look_is_thorough(Some(&state.site));
        // The newest commit seen, whether it can be loaded or not.
        let seen = AtomicU64::new(0);
        let attempt = || async {
            // A service has the catalogs in memory.
            if who == Teller::Command && repair.is_none() {
                let news = self
                    .load_news(state, wanted, (now, thorough), &seen)
                    .await?;
                if news.is_some() {
                    return Ok(news);
                }
            }
            let known = self.known(state).await?;
            let task = SiteTask {
                thorough,
                again: &repair.again,
                remove_strays: repair.remove_strays,
                ..SiteTask::plain(self, &state.site, &known.stored, wanted, now)
            };
            let loaded = self.try_site(&task, &seen).await?;
            if let (Teller::Command, true, Some(loaded)) = (who, repair.is_none(), &loaded) {
                self.note_wanted(&known.stored, wanted, loaded).await;
            }
            Ok(loaded)
        };
        let attempts = attempt
            .retry(retry::a_few_times())
            .when(is_retryable_at_once);
        match attempts.await {
            Ok(loaded) => {
                failed_sites.forget(&state.site);
                if loaded.is_none() {
                    // An agent may tell of sites that do not exist. One without a log is looked at
                    // again when somebody tells of it again, or when it is found in the store.
                    self.inner.watchlist.remove(&state.site);
                }
                self.note_success(state, loaded.as_ref()).await;
                loaded
            }
            Err(error) => {
                let seen = Some(Seq(seen.into_inner())).filter(|seq| *seq != Seq::NONE);
                // A failure of the database says nothing of the log, unless that was to be looked at closely and
                // was not.
                if !error.is_of_database() || thorough && seen.is_none() {
                    self.inner.watchlist.look_closely_next(Some(&state.site));
                }
                if is_busy(&error) {
                    // Whoever is about it notes how that goes.
                    return Some(SiteLoaded {
                        busy: true,
                        ..failed(state, error.to_string(), true)
                    });
                }
                self.note(&state.site, seen, Some(&error.to_string())).await;
                failed_sites.remember(&state.site, snapshot, &error);
                Some(SiteLoaded {
                    usage: error.is_usage(),
                    ..failed(state, error.to_string(), error.is_retryable())
                })
            }
        }
    }

    async fn try_site(
        &self,
        task: &SiteTask<'_>,
        seen: &AtomicU64,
    ) -> Result<Option<SiteLoaded>, SiteError> {
        let late = |_| SiteError::TooSlow {
            site: task.site.clone(),
            minutes: LOG_TIME_LIMIT.as_secs() / 60,
        };
        let read = timeout(LOG_TIME_LIMIT, task.read_log()).await;
        match read.map_err(late)?? {
            Some(snapshot) => {
                seen.store(snapshot.catalog.seq().0, Ordering::Relaxed);
                task.load(snapshot).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// What the database holds of a site, which it says stands like this.
    pub(super) async fn cached_at(&self, state: &SiteState) -> Result<Arc<CachedSite>, DbError> {
        let from = (&**self.database(), self.store());
        self.inner.cache.get(from, state).await
    }

    pub(super) async fn known(&self, state: &SiteState) -> Result<Arc<CachedSite>, SiteError> {
        let known = self.cached_at(state).await;
        known.map_err(|source| SiteError::Database {
            site: state.site.clone(),
            source,
        })
    }

    /// # Errors
    /// A failure of the database.
    pub(crate) async fn wanted(&self, what: &LoadRequest) -> Result<Wanted, HubError> {
        self.follow_window().await?;
        self.wanted_in_window(what).await
    }

    /// The same for whoever begins to load, and tells others the window.
    ///
    /// # Errors
    /// A failure of the database.
    pub(super) async fn wanted_by(
        &self,
        who: Teller,
        what: &LoadRequest,
    ) -> Result<Wanted, HubError> {
        self.tell_window(who).await?;
        self.wanted_in_window(what).await
    }

    async fn wanted_in_window(&self, what: &LoadRequest) -> Result<Wanted, HubError> {
        Ok(Wanted {
            window: self.window(what.now),
            budget: match self.is_past().await? {
                false => usize::from(self.window_config().on_demand_days),
                // All dates stay that are asked for.
                true => usize::MAX,
            },
            pinned: self.pinned().await?,
            dates: what.dates.clone(),
        })
    }

    /// Clears the error that a failed pass noted, unless the load has done so.
    async fn note_success(&self, state: &SiteState, loaded: Option<&SiteLoaded>) {
        let was = state.head.as_ref().map(|head| head.seq);
        let committed =
            loaded.is_some_and(|loaded| loaded.commit != was || loaded.partitions.loaded > 0);
        if state.last_error.is_some() && !committed {
            let commit = loaded.and_then(|loaded| loaded.commit);
            self.note(&state.site, commit, None).await;
        }
    }

    async fn note(&self, site: &SiteName, log_head: Option<Seq>, error: Option<&str>) {
        if let Err(failure) = self.inner.database.note(site, log_head, error).await {
            let what = "cannot note in the database how the site's load went";
            self.inner.failures.log(Some(site), what, failure);
        }
    }
}

/// What comes of a load that did not end in time.
fn cut_off(state: &SiteState) -> SiteLoaded {
    let error = SiteError::CutOff {
        site: state.site.clone(),
    };
    failed(state, error.to_string(), true)
}

fn was_cut_off(state: &SiteState) -> bool {
    state.last_error.is_some() && state.last_error == cut_off(state).error
}

/// Whether somebody else is about the site, who notes how that goes.
fn is_busy(error: &SiteError) -> bool {
    matches!(
        error,
        SiteError::Database {
            source: DbError::Busy {
                is_at_work: true,
                ..
            },
            ..
        }
    )
}

/// Whether a load is tried again at once. Requests to the store were tried again already.
fn is_retryable_at_once(error: &SiteError) -> bool {
    // A full disk stays full: trying at once would only read everything again. What is busy was waited for.
    let is_in_vain = |source: &DbError| {
        matches!(
            source,
            DbError::Full { .. } | DbError::Busy { waited_s: 1.., .. }
        )
    };
    let is_in_vain = matches!(error, SiteError::Database { source, .. } if is_in_vain(source));
    let is_of_store = matches!(error, SiteError::Log(_) | SiteError::Store { .. });
    error.is_retryable() && !is_in_vain && !is_of_store
}

pub(super) fn failed(state: &SiteState, error: String, retryable: bool) -> SiteLoaded {
    SiteLoaded {
        error: Some(error),
        retryable,
        ..untouched(state)
    }
}

/// What comes of a load that leaves a site as it stands.
pub(super) fn untouched(state: &SiteState) -> SiteLoaded {
    SiteLoaded {
        site: state.site.clone(),
        commit: state.head.as_ref().map(|head| head.seq),
        partitions: PartitionCounts::default(),
        rows: RowCounts::default(),
        conflicts: 0,
        conflicting: Vec::new(),
        owner: None,
        error: None,
        retryable: false,
        usage: false,
        busy: false,
    }
}

// On SQLite alone: the SQL of both databases is held to one suite (db/conformance.rs), and
// these tests are about what is done with its answers.
#[cfg(test)]
mod tests {
    use causeway_shared::layout::{LogKey, WhichLog};

    use super::*;
    use crate::testing::{Outcome, SHOP, TestHub, TestSite};

    #[tokio::test]
    async fn a_site_that_is_not_there_is_looked_for_once() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        test.hub.expect_site(SiteName::new("nowhere")?);
        test.load().await?;
        let watched = test.hub.inner.watchlist.besides(&BTreeSet::new());
        assert_eq!(watched, []);
        Ok(())
    }

    #[tokio::test]
    async fn a_failure_is_forgotten_though_the_site_has_committed_nothing() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let key = LogKey::Commit(Seq(1)).of(WhichLog::Agent, &SiteName::new("here")?);
        test.store.put(&key, b"no commit".to_vec().into()).await?;
        assert!(test.load().await?.needs_a_look());

        test.store.delete(&key).await?;
        assert_eq!(test.load().await?.sites, []);
        assert!(!test.hub.status(test.request.now).await?.needs_a_look());
        Ok(())
    }

    #[tokio::test]
    async fn a_log_is_looked_at_closely_after_a_failure_of_the_database_only_where_that_was_due()
    -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let mut site = TestSite::new(&test.store, "here", SHOP)?;
        site.put("item", "b=0of2", &["1,a"]).await?.commit().await?;
        test.load_one().await?;
        let state = test.hub.states(None).await?.remove(0);
        let wanted = test.hub.wanted(&test.request).await?;
        std::fs::write(folder.path().join("here.db"), "no database")?;
        // The one has looked at the log before, the other has not.
        for (hub, is_due) in [(&test.hub, false), (&test.another()?.hub, true)] {
            let (now, nothing) = (test.request.now, Repair::default());
            let load = hub.load_site(Teller::Service, &state, &wanted, now, &nothing);
            assert!(load.await.is_some_and(|loaded| loaded.error.is_some()));
            let watchlist = &hub.inner.watchlist;
            assert_eq!(watchlist.look_is_thorough(Some(site.name())), is_due);
        }
        Ok(())
    }
}
