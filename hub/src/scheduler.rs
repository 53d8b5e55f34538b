//! Keeps the database at the head of the sites' logs: on a timer, when an agent tells of a
//! commit, and at midnight, when the window rolls. All three only mean "look".

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use causeway_shared::ids::SiteName;
use causeway_shared::runtime::repeats::Repeats;
use fastrand::Rng;
#[cfg(feature = "lambda")]
use futures_util::FutureExt as _;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::sleep;
use utoipa::ToSchema;

use crate::sync::{Hub, LoadRequest, Loads, SiteLoaded};

/// How long news gather before a load begins, so that many agents cause one load.
const GATHER: Duration = Duration::from_millis(100);
/// How long after midnight the window's roll begins, so that no clock is before it.
const AFTER_MIDNIGHT: SignedDuration = SignedDuration::from_millis(500);

/// A failure that lasts is logged again after this long.
const REMIND_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// Most failures that are logged within that time.
const MAX_FAILURES: usize = 1_000;

/// The hub's rounds over the sites' logs, as status and metrics show them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct RefreshStatus {
    /// Rounds since the start.
    pub rounds: u64,
    /// Rounds in which something failed: everything, or one site.
    pub failed: u64,
    /// When the last round ended.
    pub last_at: Option<Timestamp>,
    /// How long it took.
    pub last_seconds: f64,
    /// What failed in it for all sites; what failed for one stands with the site.
    pub last_error: Option<String>,
}

/// Where others wake the rounds and see how they go.
#[derive(Debug, Default)]
pub(crate) struct Refresher {
    news: Notify,
    status: Mutex<RefreshStatus>,
}

impl Refresher {
    /// Has the next round begin at once, or, if one is under way, right after it. Any number of
    /// calls before it begins cause one round.
    pub(crate) fn wake(&self) {
        self.news.notify_one();
    }

    /// How the rounds go.
    #[must_use]
    pub(crate) fn status(&self) -> RefreshStatus {
        self.lock().clone()
    }

    /// Whether somebody has woken the rounds since this was last asked: for whoever makes them without
    /// [`run`].
    #[cfg(feature = "lambda")]
    pub(crate) fn take_news(&self) -> bool {
        self.news.notified().now_or_never().is_some()
    }

    /// Notes how a round went, from when to when.
    pub(crate) fn note<E: fmt::Display>(
        &self,
        (began, ended): (Timestamp, Timestamp),
        round: Result<&[SiteLoaded], E>,
    ) {
        let fails = match &round {
            Ok(loaded) => loaded.iter().any(|site| site.error.is_some() && !site.busy),
            Err(_) => true,
        };
        let mut status = self.lock();
        status.rounds += 1;
        status.failed += u64::from(fails);
        status.last_at = Some(ended);
        status.last_seconds = ended.duration_since(began).as_secs_f64();
        status.last_error = round.err().map(|error| error.to_string());
    }

    fn lock(&self) -> MutexGuard<'_, RefreshStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Goes round until it is dropped. The first round begins at once. While the database sleeps, there is nothing to
/// be loaded into it.
pub(crate) async fn run(
    hub: Hub,
    refresher: Arc<Refresher>,
    sleeps: impl Fn() -> bool,
    clock: fn() -> Timestamp,
    mut chance: Rng,
) {
    let failures = RoundFailures::default();
    let mut loads = Loads::new(hub.clone());
    let every = hub.config().refresh.every.0;
    loop {
        if !sleeps() {
            let ended = refresh_once(&mut loads, &refresher, clock).await;
            failures.log(&ended, |site| loads.is_under_way(site), Instant::now());
        }
        let pause = pause(every, chance.f64(), clock(), &hub.zone());
        tokio::select! {
            () = sleep(pause) => {}
            () = refresher.news.notified() => sleep(GATHER).await,
        }
    }
}

/// One refresh: look at every log, load what is wanted, note how it went. The sites that failed since
/// the last one, or why all did.
async fn refresh_once(
    loads: &mut Loads,
    refresher: &Refresher,
    clock: fn() -> Timestamp,
) -> Result<Vec<(SiteName, String)>, String> {
    let began = clock();
    let loaded = loads.round(&LoadRequest::at(began)).await;
    refresher.note((began, clock()), loaded.as_deref());
    match &loaded {
        Ok(loaded) => Ok(failing_sites(loaded)),
        Err(error) => Err(error.to_string()),
    }
}

pub(crate) fn failing_sites(loaded: &[SiteLoaded]) -> Vec<(SiteName, String)> {
    let failing = |site: &SiteLoaded| Some((site.site.clone(), site.error.clone()?));
    loaded.iter().filter_map(failing).collect()
}

/// What failed in the last rounds, so that a failure that lasts is logged once a day. Without a site
/// it is of all of them.
#[derive(Debug)]
pub(crate) struct RoundFailures(Repeats<(Option<SiteName>, String)>);

impl Default for RoundFailures {
    fn default() -> Self {
        Self(Repeats::new(REMIND_AFTER, MAX_FAILURES))
    }
}

impl RoundFailures {
    /// Logs what is new in a round: why all of it failed, or which sites did. Of a site whose load is
    /// under way nothing new is known.
    pub(crate) fn log(
        &self,
        round: &Result<Vec<(SiteName, String)>, String>,
        is_under_way: impl Fn(&SiteName) -> bool,
        now: Instant,
    ) {
        let failing = match round {
            Ok(failing) => failing,
            Err(error) => {
                if let Some(unlogged) = self.0.count((None, error.clone()), now) {
                    let what = "the sites cannot be refreshed; the last good data stays";
                    tracing::error!(error, unlogged, "{what}");
                }
                return;
            }
        };
        let fails = |site: &Option<SiteName>| failing.iter().any(|(s, _)| Some(s) == site.as_ref());
        let lasts = |(site, error): &(Option<SiteName>, String)| {
            if site.as_ref().is_some_and(&is_under_way) {
                return true;
            }
            let mut failing = failing.iter();
            failing.any(|(s, e)| Some(s) == site.as_ref() && e == error)
        };
        let over: BTreeSet<_> = self
            .0
            .retain(lasts)
            .into_iter()
            .map(|(site, _)| site)
            .collect();
        for well in over.iter().filter(|site| !fails(site)) {
            match well {
                Some(site) => tracing::info!(%site, "the site can be loaded again"),
                None => tracing::info!("the sites can be refreshed again"),
            }
        }
        for (site, error) in failing {
            let kind = (Some(site.clone()), error.clone());
            if let Some(unlogged) = self.0.count(kind, now) {
                let what = "the site cannot be loaded; its last good data stays";
                tracing::error!(%site, error, unlogged, "{what}");
            }
        }
    }
}

/// How long to wait for the next round: the interval, a tenth more or less so that hubs side by
/// side do not ask together, but not past the zone's midnight. `chance` is between 0 and 1.
fn pause(every: Duration, chance: f64, now: Timestamp, zone: &TimeZone) -> Duration {
    let jittered = every.mul_f64(0.9 + 0.2 * chance);
    let tomorrow = now.to_zoned(zone.clone()).date().tomorrow();
    let midnight = tomorrow.and_then(|date| date.to_zoned(zone.clone()));
    let Ok(midnight) = midnight else {
        return jittered;
    };
    let until = midnight.timestamp().duration_since(now) + AFTER_MIDNIGHT;
    Duration::try_from(until).map_or(jittered, |until| jittered.min(until))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(every: u64, chance: f64, now: &str) -> f64 {
        let zone = TimeZone::get("Asia/Ho_Chi_Minh").unwrap();
        pause(
            Duration::from_secs(every),
            chance,
            now.parse().unwrap(),
            &zone,
        )
        .as_secs_f64()
    }

    #[test]
    fn hubs_do_not_ask_together() {
        assert_eq!(seconds(30, 0.0, "2025-11-28T02:00:00Z"), 27.0);
        assert_eq!(seconds(30, 1.0, "2025-11-28T02:00:00Z"), 33.0);
    }

    #[test]
    fn nobody_sleeps_past_midnight() {
        assert_eq!(seconds(3_600, 0.5, "2025-11-28T16:59:50Z"), 10.5);
    }

    #[tokio::test]
    async fn many_news_are_one_reason_to_look() {
        let refresher = Refresher::default();
        (0..5).for_each(|_| refresher.wake());
        refresher.news.notified().await;
        let again = tokio::time::timeout(GATHER, refresher.news.notified()).await;
        assert!(again.is_err(), "a second round would begin");
    }
}
