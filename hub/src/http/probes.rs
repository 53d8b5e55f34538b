//! What database and store last said to the open routes, so that these ask them seldom, however
//! many callers there are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_shared::layout::TOKENS;
use causeway_shared::runtime::repeats::Repeats;
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::sync::{Hub, SiteView};

/// How long database and store may take to show that they are ready.
const READY_WITHIN: Duration = Duration::from_secs(3);
/// How long an answer about both is used again.
const READY_FOR: Duration = Duration::from_secs(1);
/// How long the database may take to tell of the sites for metrics, which wait for nothing else.
const SITES_WITHIN: Duration = Duration::from_millis(1_500);
/// How long what it told is used again.
const SITES_FOR: Duration = Duration::from_secs(2);
/// What lasts is logged again after this long.
const REMIND_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// Most kinds of failure that are logged within that time.
const MAX_KINDS: usize = 100;

/// What was last found missing, so that this open route asks database and store no more than once
/// a second, and the log says so once.
#[derive(Debug, Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, Option<&'static str>)>>);

impl Readiness {
    /// What does not answer, if anything.
    pub(super) async fn look(&self, hub: &Hub, now: Timestamp) -> Option<&'static str> {
        let mut last = self.0.lock().await;
        let before = match *last {
            Some((at, missing)) if at.elapsed() < READY_FOR => return missing,
            Some((_, missing)) => missing,
            None => None,
        };
        let found = missing(hub, now).await;
        match &found {
            Some((missing, why)) if before != Some(missing) => {
                tracing::warn!(why, "not ready: {missing}");
            }
            None if before.is_some() => tracing::info!("ready again"),
            _ => {}
        }
        let missing = found.map(|(missing, _)| missing);
        *last = Some((Instant::now(), missing));
        missing
    }
}

/// What does not answer, if anything, and why. The reason is for the log: the route is open.
async fn missing(hub: &Hub, now: Timestamp) -> Option<(&'static str, String)> {
    let status = timeout(READY_WITHIN, hub.status(now)).await;
    match status {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Some(("the database cannot be used", error.to_string())),
        Err(late) => return Some(("the database does not answer", late.to_string())),
    }
    // Whether this object is there does not matter, only that the store says so.
    match timeout(READY_WITHIN, hub.store().head(TOKENS)).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) if error.is_not_found() => None,
        Ok(Err(error)) => Some(("the store cannot be used", error.to_string())),
        Err(late) => Some(("the store does not answer", late.to_string())),
    }
}

/// The sites as the database last told of them, so that this route asks it no more than once every
/// few seconds, however many ask.
#[derive(Debug)]
pub(crate) struct SitesForMetrics(Mutex<Seen>);

#[derive(Debug)]
struct Seen {
    last: Option<(Instant, Option<Arc<[SiteView]>>)>,
    failures: Repeats<String>,
}

impl Default for SitesForMetrics {
    fn default() -> Self {
        Self(Mutex::new(Seen {
            last: None,
            failures: Repeats::new(REMIND_AFTER, MAX_KINDS),
        }))
    }
}

impl SitesForMetrics {
    /// The sites, as of a moment ago at most; `None` while the database does not tell.
    pub(super) async fn read(&self, hub: &Hub) -> Option<Arc<[SiteView]>> {
        let mut seen = self.0.lock().await;
        if let Some((at, sites)) = &seen.last
            && at.elapsed() < SITES_FOR
        {
            return sites.clone();
        }
        let failure = match timeout(SITES_WITHIN, hub.sites(None)).await {
            Ok(Ok(sites)) => {
                seen.failures.retain(|_| false);
                seen.last = Some((Instant::now(), Some(sites.into())));
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the database does not answer".to_owned()),
        };
        if let Some(error) = failure {
            let now = Instant::now();
            seen.last = Some((now, None));
            if let Some(unlogged) = seen.failures.count(error.clone(), now) {
                tracing::warn!(error, unlogged, "metrics are without the sites");
            }
        }
        seen.last.as_ref().and_then(|(_, sites)| sites.clone())
    }
}
