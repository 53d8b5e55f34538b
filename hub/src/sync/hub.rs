//! The hub as its programs use it: one store, one database, and what is remembered of both.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;

use causeway_shared::commit::{EditsObject, Owner};
use causeway_shared::dataset::{self, Dataset, Table};
use causeway_shared::edits_object::Entry;
use causeway_shared::ids::{Part, SiteName};
use causeway_shared::runtime::regular_file;
use causeway_shared::store::{self, Store};

use super::as_of::id_after;
use super::cache::SiteCache;
use super::edits_history::CommitCache;
use super::edits_objects::EditsObjects;
use super::failed_sites::FailedSites;
use super::failures::Failures;
use super::flush::{FlushTask, Flushed};
use super::history::{ConflictCache, FoundCache, READ_AT_ONCE};
use super::on_demand::OnDemand;
use super::partials::PartialCache;
use super::quarantine::{Quarantine, QuarantineCache};
use super::seen_owners::SeenOwners;
use super::seen_triggers::SeenTriggers;
use super::watchlist::Watchlist;
use super::window::{DateRange, Window};
use crate::config::{HubConfig, WindowConfig};
use crate::db::{self, Database, DbError};
use crate::error::{HubError, SiteError};
use crate::runs::{RunCounts, Runs};

/// The shortest time from one refresh to the next: each costs two requests for every site.
const MIN_REFRESH: Duration = Duration::from_secs(1);

/// A store, a database and the dataset that serves until a site brings its own. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hub {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) config: HubConfig,
    pub(super) store: Store,
    pub(super) database: Arc<dyn Database>,
    /// Whether the database holds a past state, once it was asked.
    pub(super) is_past: OnceLock<bool>,
    pub(super) dataset: Arc<Dataset>,
    pub(super) cache: SiteCache,
    pub(super) watchlist: Watchlist,
    /// Whether the store has sites, and none of those that the database holds.
    pub(super) over_another_store: AtomicBool,
    /// The sites that could not be loaded for what the store holds.
    pub(super) failed_sites: FailedSites,
    /// The refused rows of each site, as they were last read.
    pub(super) quarantine: QuarantineCache,
    pub(super) on_demand: OnDemand,
    pub(super) partials: PartialCache,
    /// Rows of history that were looked for.
    pub(super) found: FoundCache,
    /// Entries with conflicts.
    pub(super) conflicts: ConflictCache,
    /// Commits of edits that were read.
    pub(super) edits_commits: CommitCache,
    /// One permit for each partition of history that may be read now.
    pub(super) history_reads: Semaphore,
    /// One permit for each load that nobody waits for. The database takes one more, for dates that
    /// somebody reads.
    pub(super) unhurried_loads: Semaphore,
    /// The window that is gone by.
    pub(super) window: RwLock<WindowConfig>,
    /// Whether the database was told this hub's own.
    pub(super) window_is_told: AtomicBool,
    pub(super) seen_triggers: SeenTriggers,
    pub(super) seen_owners: SeenOwners,
    /// The sites whose log of edits was seen to be there.
    pub(super) seen_logs: Mutex<BTreeSet<SiteName>>,
    /// Failures beside the work itself, as far as they were logged.
    pub(super) failures: Failures,
    /// Flushes since the start, and the edits that they carried.
    pub(super) flushes: Runs,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct LoadRequest {
    /// The present: it says where the window is.
    pub now: Timestamp,
    /// One site only; `None`: all of them.
    pub site: Option<SiteName>,
    /// Dates besides the window.
    pub dates: Vec<DateRange>,
}

impl LoadRequest {
    /// The window of all sites.
    #[must_use]
    pub(crate) fn at(now: Timestamp) -> Self {
        Self {
            now,
            site: None,
            dates: Vec::new(),
        }
    }
}

impl Hub {
    /// Opens store and database as configured. Nothing is written.
    ///
    /// # Errors
    /// [`HubError`] where a configured value cannot be used.
    pub(crate) async fn open(config: HubConfig) -> Result<Self, HubError> {
        let store = open_store(&config).await?;
        let database = db::open(&config.database).await?;
        Self::with(config, store, database)
    }

    /// A hub over a store and a database that are open already.
    ///
    /// # Errors
    /// [`HubError`] where the configured dataset cannot be used.
    pub(crate) fn with(
        config: HubConfig,
        store: Store,
        database: Arc<dyn Database>,
    ) -> Result<Self, HubError> {
        if config.refresh.every.0 < MIN_REFRESH {
            return Err(HubError::Configuration {
                key: "refresh.every",
                problem: "write a duration of a second or more, as in 30s".into(),
            });
        }
        let dataset = Arc::new(read_dataset(&config.dataset)?);
        let unhurried_loads = database.loads_at_once().saturating_sub(1).max(1);
        let inner = Inner {
            window: RwLock::new(config.window.clone()),
            window_is_told: AtomicBool::new(false),
            config,
            store,
            database,
            is_past: OnceLock::new(),
            dataset,
            cache: SiteCache::default(),
            watchlist: Watchlist::default(),
            over_another_store: AtomicBool::new(false),
            failed_sites: FailedSites::default(),
            quarantine: QuarantineCache::default(),
            on_demand: OnDemand::default(),
            partials: PartialCache::default(),
            found: FoundCache::default(),
            conflicts: ConflictCache::default(),
            edits_commits: CommitCache::default(),
            history_reads: Semaphore::new(READ_AT_ONCE),
            unhurried_loads: Semaphore::new(unhurried_loads),
            seen_triggers: SeenTriggers::default(),
            seen_owners: SeenOwners::default(),
            seen_logs: Mutex::default(),
            failures: Failures::default(),
            flushes: Runs::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Creates or upgrades the hub's own tables; any number of times.
    ///
    /// # Errors
    /// A failure of the database, or a database of a newer version.
    pub(crate) async fn init(&self) -> Result<(), HubError> {
        self.inner.database.init().await?;
        Ok(self.forget_window().await?)
    }

    /// The dates around an instant's day that are always loaded.
    #[must_use]
    pub(crate) fn window(&self, now: Timestamp) -> Window {
        Window::at(now, &self.window_config())
    }

    /// The configuration.
    #[must_use]
    pub(crate) fn config(&self) -> &HubConfig {
        &self.inner.config
    }

    /// The object store.
    #[must_use]
    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// How flushes went since the start.
    pub(crate) fn flushes(&self) -> RunCounts {
        self.inner.flushes.counts()
    }

    #[must_use]
    pub(crate) fn database(&self) -> &Arc<dyn Database> {
        &self.inner.database
    }

    /// The dataset that serves while no site has committed.
    #[must_use]
    pub(crate) fn dataset(&self) -> &Arc<Dataset> {
        &self.inner.dataset
    }

    /// Who this hub's database is. One that has started somewhere else than it was is a copy, and gets
    /// a new id.
    ///
    /// # Errors
    /// [`DbError::Configuration`] where hubs reach it by different addresses, or a failure of the
    /// database.
    pub(crate) async fn identity(&self) -> Result<Owner, DbError> {
        let found = self.inner.database.identity().await?;
        self.identity_of(found).await
    }

    /// The same of one that a load or a flush has read by its own connection.
    pub(super) async fn identity_of(&self, identity: Owner) -> Result<Owner, DbError> {
        let database = &self.inner.database;
        if identity.address == database.address() {
            return Ok(identity);
        }
        let states = database.sites().await?;
        if states.iter().any(|state| state.start_known) {
            return Err(DbError::Configuration {
                problem: format!(
                    "other hubs know this database as {}, and this one reaches it as {}: write the \
                     first as `address` under [database]",
                    identity.address,
                    database.address()
                ),
            });
        }
        let identity = Owner {
            id: id_after(&identity.id)?,
            address: database.address().to_owned(),
        };
        database.set_identity(&identity).await?;
        Ok(identity)
    }

    /// Takes what waits in a site's journal to the store.
    ///
    /// # Errors
    /// A failure of store or database: nothing is lost, the next flush goes on.
    pub(crate) async fn flush_site(
        &self,
        site: &SiteName,
        now: Timestamp,
    ) -> Result<Flushed, SiteError> {
        let task = FlushTask {
            hub: self,
            site,
            now,
        };
        let flushes = &self.inner.flushes;
        flushes.count(task.run(), |flushed| flushed.edits).await
    }

    /// The entries of a partition of a site's edits.
    ///
    /// # Errors
    /// [`SiteError::EditsObject`], or a failure of the store.
    pub(crate) async fn entries(
        &self,
        site: &SiteName,
        of: (&Table, Part),
        object: &EditsObject,
    ) -> Result<Vec<Entry>, SiteError> {
        let objects = EditsObjects {
            store: self.store(),
            site,
        };
        objects.read(of, object).await
    }

    /// Logs a failure beside the work itself, once while it lasts.
    pub(crate) fn log_failure(&self, site: &SiteName, what: &'static str, error: impl Display) {
        self.inner.failures.log(Some(site), what, error);
    }

    /// The same of what is common to all sites.
    pub(crate) fn log_common_failure(&self, what: &'static str, error: impl Display) {
        self.inner.failures.log(None, what, error);
    }

    /// The refused rows of a site, as of half a minute ago at most.
    ///
    /// # Errors
    /// [`SiteError::Store`]
    pub(crate) async fn quarantine(
        &self,
        site: &SiteName,
        now: Timestamp,
    ) -> Result<Arc<Quarantine>, SiteError> {
        self.inner
            .quarantine
            .get(&self.inner.store, site, now)
            .await
    }

    /// The refused rows of each of some sites, `None` where the store does not answer within two
    /// seconds, all together, for a page that has more to show.
    pub(crate) async fn quarantines_at_once(
        &self,
        sites: &[&SiteName],
        now: Timestamp,
    ) -> Vec<Option<Arc<Quarantine>>> {
        let Inner {
            quarantine,
            store,
            failures,
            ..
        } = &*self.inner;
        quarantine.get_at_once(store, sites, now, failures).await
    }
}

/// Opens the configured store.
///
/// # Errors
/// [`HubError`] where there is none, or its settings cannot be used.
pub(crate) async fn open_store(config: &HubConfig) -> Result<Store, HubError> {
    if config.store.url.is_empty() {
        return Err(HubError::Configuration {
            key: "store.url",
            problem: "it is not set; write it in hub.toml, which `causeway-hub init --write-config` begins, or set \
                      CAUSEWAY_STORE__URL"
                .into(),
        });
    }
    Ok(match config.database.may_freeze {
        true => store::open_frozen_between(&config.store).await?,
        false => store::open_existing(&config.store).await?,
    })
}

/// The configured dataset: the embedded one or a file.
pub(crate) fn read_dataset(named: &str) -> Result<Dataset, HubError> {
    if named == "meetassist" {
        return Ok(Dataset::meetassist()?);
    }
    let text = regular_file::read_text(Path::new(named), dataset::MAX_BYTES as u64);
    let text = text.map_err(|source| HubError::DatasetFile {
        path: named.into(),
        source,
    })?;
    Ok(Dataset::from_toml(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_that_is_no_file_is_refused_and_not_waited_for() {
        let refused = read_dataset("/dev/zero").unwrap_err();
        insta::assert_snapshot!(refused, @"cannot read the dataset /dev/zero: it is a device, not a file");
    }
}
