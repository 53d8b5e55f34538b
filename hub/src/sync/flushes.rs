//! Flushes of all sites: a command's, a service's timer, and a writer's who waits for its own.

use std::collections::BTreeSet;
use std::time::Duration;

use causeway_shared::ids::{Seq, SiteName};
use jiff::Timestamp;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::flush::FlushTask;
use super::hub::Hub;
use crate::db::SiteState;
use crate::error::HubError;
use crate::tasks;

/// How many sites are flushed at once.
const FLUSHED_AT_ONCE: usize = 8;

/// How long a writer waits until what it wrote is in the store.
const WRITER_WAIT: Duration = Duration::from_secs(2);

/// The shortest time from one look at the journals to the next.
const MIN_EVERY: Duration = Duration::from_millis(100);

/// What a flush did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct FlushReport {
    /// Changes of rows that were taken to the store.
    pub edits: u64,
    /// The commit of edits that holds the last of them, where there is one site.
    pub commit: Option<Seq>,
    pub sites: Vec<SiteFlushed>,
}

/// What a flush did for one site.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SiteFlushed {
    pub site: SiteName,
    pub edits: u64,
    /// The last commit of edits.
    pub commit: Option<Seq>,
    /// Changes that are kept here, since another database owns the site's edits.
    pub kept: u64,
    /// Why it failed; nothing is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether that may pass without anybody's help.
    #[serde(skip)]
    pub retryable: bool,
}

impl FlushReport {
    fn of(sites: Vec<SiteFlushed>) -> Self {
        let commit = match sites.as_slice() {
            [one] => one.commit,
            _ => None,
        };
        Self {
            edits: sites.iter().map(|site| site.edits).sum(),
            commit,
            sites,
        }
    }

    /// Whether a person should look: changes that no commit will hold unless somebody decides so.
    #[must_use]
    pub(crate) fn needs_a_look(&self) -> bool {
        let mut sites = self.sites.iter();
        sites.any(|site| site.kept > 0 || site.error.is_some() && !site.retryable)
    }

    #[must_use]
    pub(crate) fn is_retryable(&self) -> bool {
        self.sites.iter().any(|site| site.retryable)
    }
}

impl Hub {
    /// Takes what waits in the journals to the store.
    ///
    /// # Errors
    /// A failure of the database that concerns all sites.
    pub(crate) async fn flush(&self, now: Timestamp) -> Result<FlushReport, HubError> {
        let mut sites = Vec::new();
        for state in self.database().sites().await? {
            let task = FlushTask {
                hub: self,
                site: &state.site,
                now,
            };
            let flushed = match self.flush_site(&state.site, now).await {
                // A flush that takes something has looked before.
                Ok(flushed) if flushed.edits == 0 => {
                    let looked = task.make_sure_of_the_log(state.edits_head.as_ref()).await;
                    looked.map(|()| flushed)
                }
                flushed => flushed,
            };
            let kept = self.database().stored(&state.site).await;
            let kept = kept.map_or(state.edits_waiting, |stored| stored.state.edits_waiting);
            sites.push(match flushed {
                Ok(flushed) => SiteFlushed {
                    site: state.site,
                    edits: flushed.edits,
                    commit: flushed.commit,
                    kept: if flushed.owner { 0 } else { kept },
                    error: None,
                    retryable: false,
                },
                Err(error) => SiteFlushed {
                    site: state.site,
                    edits: 0,
                    commit: None,
                    kept: 0,
                    error: Some(error.to_string()),
                    retryable: error.is_retryable(),
                },
            });
        }
        Ok(FlushReport::of(sites))
    }

    /// Takes what was committed before the call to the store. Whether it is there within two seconds;
    /// the flush goes on beyond that.
    pub(crate) async fn flush_soon(&self, site: &SiteName, now: Timestamp) -> bool {
        let (hub, of) = (self.clone(), site.clone());
        let flush = tasks::spawn(async move {
            let flushed = hub.flush_site(&of, now).await;
            flushed.map_err(|error| hub.log_failure(&of, "the journal cannot be flushed", error))
        });
        let flushed = timeout(WRITER_WAIT, flush).await;
        matches!(flushed, Ok(Ok(Ok(flushed))) if flushed.owner)
    }

    /// Flushes at the configured pace until it is dropped, and sees to it that the database has keys. A
    /// site whose flush takes long keeps no other waiting.
    pub(crate) async fn keep_flushing(&self, clock: fn() -> Timestamp) {
        let every = self.config().edits.flush.0.max(MIN_EVERY);
        let mut flushes = JoinSet::new();
        let mut under_way = BTreeSet::new();
        loop {
            sleep(every).await;
            while let Some(ended) = flushes.try_join_next() {
                if let Ok(site) = ended {
                    under_way.remove(&site);
                }
            }
            // A database that is away is reported by the refresh.
            let Ok(states) = self.database().sites().await else {
                continue;
            };
            if states.iter().any(|state| state.writable) {
                self.see_to_keys(clock()).await;
            }
            let waiting = states.into_iter();
            let waiting = waiting.filter(|state| state.edits_waiting > 0 && state.writable);
            for SiteState { site, .. } in waiting {
                if flushes.len() < FLUSHED_AT_ONCE && under_way.insert(site.clone()) {
                    let hub = self.clone();
                    flushes.spawn(async move {
                        if let Err(error) = hub.flush_site(&site, clock()).await {
                            hub.log_failure(&site, "the journal cannot be flushed", error);
                        }
                        site
                    });
                }
            }
        }
    }

    /// Sees to it that the database has keys for new rows.
    pub(crate) async fn see_to_keys(&self, now: Timestamp) {
        if self.database().gives_keys()
            && let Err(error) = self.ensure_keys(now).await
        {
            let what = "there are few keys for new rows, and no more can be had";
            self.log_common_failure(what, error);
        }
    }
}
