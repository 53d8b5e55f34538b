//! What all handlers share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use causeway_shared::runtime::repeats::Repeats;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::metrics::Metrics;
use super::probes::{Readiness, SitesForMetrics};
use crate::archive::Archive;
use crate::auth::{Authenticator, FailedSignIns};
use crate::scheduler::Refresher;
use crate::serve::standby::Standby;
use crate::sync::Hub;

/// Most requests in hand at once.
const MAX_REQUESTS: usize = 256;

/// Requests that fail for one reason are logged once in this time.
const REMIND_AFTER: Duration = Duration::from_secs(60);
/// Most reasons that are logged within that time.
const MAX_FAILURES: usize = 50;

/// What handlers share.
pub(crate) struct App {
    /// The hub that is served.
    pub(crate) hub: Hub,
    /// The database as people know it, also while another one stands in for it.
    pub(crate) database_name: String,
    /// Publishes what the store holds.
    pub(crate) archive: Arc<Archive>,
    /// Files that are imported, or were.
    #[cfg(feature = "import")]
    pub(crate) imports: Arc<crate::import::jobs::Jobs>,
    /// Where imports wait for a tick, of a function.
    #[cfg(feature = "import")]
    pub(crate) queue: Option<crate::import::queue::Queue>,
    /// Who may call.
    pub(crate) authenticator: Authenticator,
    pub(crate) failed_sign_ins: FailedSignIns,
    /// Keeps the database at the head of the sites' logs.
    pub(crate) refresher: Arc<Refresher>,
    /// What was counted since the start.
    pub(crate) metrics: Arc<Metrics>,
    /// What stands in for a database that sleeps.
    pub(crate) standby: Standby,
    /// Why requests failed, as far as it was logged.
    pub(crate) failures: Repeats<String>,
    /// Whether database and store answered last.
    pub(crate) readiness: Readiness,
    /// What the database last told of the sites, for metrics.
    pub(crate) sites_for_metrics: SitesForMetrics,
    /// Places for requests.
    pub(crate) request_slots: Semaphore,
    /// Where time is read.
    pub(crate) clock: fn() -> Timestamp,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("hub", &self.hub)
            .finish_non_exhaustive()
    }
}

impl App {
    /// The state of a function: what takes long waits for a tick.
    #[cfg(feature = "lambda")]
    #[must_use]
    pub(crate) fn of_function(hub: Hub, clock: fn() -> Timestamp) -> Self {
        Self {
            #[cfg(feature = "import")]
            queue: Some(crate::import::queue::Queue::new(hub.store())),
            ..Self::new(hub, clock)
        }
    }

    /// The state of a service that has just begun.
    #[must_use]
    pub(crate) fn new(hub: Hub, clock: fn() -> Timestamp) -> Self {
        Self {
            database_name: hub.database().describe(),
            archive: Arc::new(Archive::new(Arc::clone(hub.store()), hub.config().clone())),
            #[cfg(feature = "import")]
            imports: Arc::default(),
            #[cfg(feature = "import")]
            queue: None,
            authenticator: Authenticator::new(hub.store(), hub.database()),
            failed_sign_ins: FailedSignIns::default(),
            refresher: Arc::default(),
            metrics: Arc::default(),
            standby: Standby::default(),
            failures: Repeats::new(REMIND_AFTER, MAX_FAILURES),
            readiness: Readiness::default(),
            sites_for_metrics: SitesForMetrics::default(),
            request_slots: Semaphore::new(MAX_REQUESTS),
            clock,
            hub,
        }
    }
}
