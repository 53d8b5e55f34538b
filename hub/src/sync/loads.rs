//! The loads of a service: a task for each site, so that one which takes long does not keep the
//! others waiting for its end. Eight that take long at once still do.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use causeway_shared::ids::SiteName;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};

use super::hub::{Hub, LoadRequest};
use super::pass::{Repair, SITES_AT_ONCE};
use super::report::SiteLoaded;
use super::shared_window::Teller;
use super::window::Wanted;
use crate::db::SiteState;
use crate::error::HubError;

/// How long a round waits for the loads that it began; what ends later is told by the next one.
const ROUND_WAIT: Duration = Duration::from_secs(5);

/// A load that takes longer gives its slot to another site, and goes on beside those, as long as
/// there are not many such loads.
const LONG_AFTER: Duration = Duration::from_secs(30);

/// How many long loads go on beside the others.
const LONG_AT_ONCE: usize = 4;

/// The loads that are under way.
#[derive(Debug)]
pub(crate) struct Loads {
    hub: Hub,
    slots: LoadSlots,
    tasks: JoinSet<Option<SiteLoaded>>,
    sites: HashMap<Id, SiteName>,
}

#[derive(Debug, Clone)]
struct LoadSlots {
    short: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

impl Loads {
    pub(crate) fn new(hub: Hub) -> Self {
        Self {
            hub,
            slots: LoadSlots {
                short: Arc::new(Semaphore::new(SITES_AT_ONCE)),
                long: Arc::new(Semaphore::new(LONG_AT_ONCE)),
            },
            tasks: JoinSet::new(),
            sites: HashMap::new(),
        }
    }

    /// Whether a site's load is under way.
    pub(crate) fn is_under_way(&self, site: &SiteName) -> bool {
        self.sites.values().any(|of| of == site)
    }

    /// Begins a load of each site whose last one has ended, and waits for them for a while. Answers
    /// with all loads that ended since the last round.
    ///
    /// # Errors
    /// As [`load`](Hub::load).
    pub(crate) async fn round(&mut self, what: &LoadRequest) -> Result<Vec<SiteLoaded>, HubError> {
        let states = self.hub.states(what.site.as_ref()).await?;
        let wanted = Arc::new(self.hub.wanted_by(Teller::Service, what).await?);
        for state in states {
            if !self.is_under_way(&state.site) {
                self.begin(state, Arc::clone(&wanted), what.now);
            }
        }
        let until = Instant::now() + ROUND_WAIT;
        let mut ended = Vec::new();
        while let Ok(Some(joined)) = timeout_at(until, self.tasks.join_next_with_id()).await {
            match joined {
                Ok((id, loaded)) => {
                    self.sites.remove(&id);
                    ended.extend(loaded);
                }
                Err(stopped) => {
                    let site = self.sites.remove(&stopped.id());
                    let site = site.as_ref().map(SiteName::as_str);
                    tracing::error!(site, error = %stopped, "the site's load stopped in its middle");
                }
            }
        }
        ended.sort_by(|a, b| a.site.cmp(&b.site));
        Ok(ended)
    }

    fn begin(&mut self, state: SiteState, wanted: Arc<Wanted>, now: Timestamp) {
        let (hub, slots, site) = (self.hub.clone(), self.slots.clone(), state.site.clone());
        let task = self.tasks.spawn(async move {
            let slot = slots.short.acquire_owned().await.ok();
            let nothing = Repair::default();
            let load = hub.load_site(Teller::Service, &state, &wanted, now, &nothing);
            tokio::pin!(load);
            tokio::select! {
                loaded = &mut load => return loaded,
                () = sleep(LONG_AFTER) => {}
            }
            let _slot = move_to_long_slot(slot, slots.long);
            load.await
        });
        self.sites.insert(task.id(), site);
    }
}

/// The slot of a load that takes long: one for long loads where one is free, else its own.
fn move_to_long_slot(
    slot: Option<OwnedSemaphorePermit>,
    long: Arc<Semaphore>,
) -> Option<OwnedSemaphorePermit> {
    long.try_acquire_owned().ok().or(slot)
}
