//! What database and store last said to the open routes, so that these ask them seldom, however
//! many callers there are.

use std::sync::Arc;
use std::time::Duration;

use causeway_shared::layout::TOKENS;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::sync::{Hub, SiteView};

/// How long database and store may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long an answer about both is used again.
const LOOK_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(1);
/// How long what the database said of the sites is used again for metrics.
const SITES_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(2);

/// Whether something seen then still counts; nothing does after a clock was set back.
fn is_fresh(seen: Timestamp, now: Timestamp, for_: SignedDuration) -> bool {
    (SignedDuration::ZERO..for_).contains(&now.duration_since(seen))
}

/// What was last found missing, so that this open route asks database and store no more than once
/// a second, and the log says so once.
#[derive(Debug, Default)]
pub(crate) struct Readiness(Mutex<Option<(Timestamp, Option<&'static str>)>>);

impl Readiness {
    /// What does not answer, if anything.
    pub(super) async fn look(&self, hub: &Hub, now: Timestamp) -> Option<&'static str> {
        let mut last = self.0.lock().await;
        let before = match *last {
            Some((at, missing)) if is_fresh(at, now, LOOK_AGAIN_AFTER) => return missing,
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
        *last = Some((now, missing));
        missing
    }
}

/// What does not answer, if anything, and why. The reason is for the log: the route is open.
async fn missing(hub: &Hub, now: Timestamp) -> Option<(&'static str, String)> {
    let status = timeout(PATIENCE, hub.status(now)).await;
    match status {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Some(("the database cannot be used", error.to_string())),
        Err(late) => return Some(("the database does not answer", late.to_string())),
    }
    // Whether this object is there does not matter, only that the store says so.
    match timeout(PATIENCE, hub.store().head(TOKENS)).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) if error.is_not_found() => None,
        Ok(Err(error)) => Some(("the store cannot be used", error.to_string())),
        Err(late) => Some(("the store does not answer", late.to_string())),
    }
}

/// The sites as the database last told of them, so that this open route asks it no more than once
/// every few seconds, however many ask.
#[derive(Debug, Default)]
pub(crate) struct SeenSites(Mutex<Option<(Timestamp, Arc<[SiteView]>)>>);

impl SeenSites {
    /// The sites, as of a moment ago at most; none while the database cannot be used.
    pub(super) async fn read(&self, hub: &Hub, now: Timestamp) -> Arc<[SiteView]> {
        let mut last = self.0.lock().await;
        if let Some((at, sites)) = &*last
            && is_fresh(*at, now, SITES_AGAIN_AFTER)
        {
            return Arc::clone(sites);
        }
        let sites = hub.sites(None).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "metrics without sites: the database cannot be used");
            Vec::new()
        });
        let sites: Arc<[SiteView]> = sites.into();
        *last = Some((now, Arc::clone(&sites)));
        sites
    }
}
