//! The context of every command: one site's configuration, its store and log, and the hub.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_shared::ids::Md5;
use causeway_shared::log::SiteLog;
use causeway_shared::store::{self, Store};

use crate::backoff::Backoff;
use crate::config::AgentConfig;
use crate::error::AgentError;
use crate::hub_client::HubClient;
use crate::state::lock::Lock;
use crate::state::{AgentState, StateError};

/// An agent of one site.
#[derive(Debug, Clone)]
pub struct Agent {
    config: Arc<AgentConfig>,
    dataset_md5: Md5,
    log: SiteLog,
    hub: Option<HubClient>,
    quarantine_backoff: Arc<Mutex<Backoff>>,
}

impl Agent {
    /// An agent with the store that its configuration names.
    ///
    /// # Errors
    /// [`AgentError::Store`] where the store cannot be used.
    pub async fn open(config: AgentConfig) -> Result<Self, AgentError> {
        let store = store::open(&config.store, config.upload.bandwidth).await;
        let store = store.map_err(|source| AgentError::Store {
            site: config.site.clone(),
            source,
        })?;
        Self::with_store(config, store)
    }

    /// An agent with a store that is open already.
    ///
    /// # Errors
    /// [`AgentError::System`] where the system's TLS cannot be set up.
    pub fn with_store(config: AgentConfig, store: Store) -> Result<Self, AgentError> {
        let hub = config.hub.clone().map(HubClient::new).transpose();
        let hub = hub.map_err(|error| AgentError::System {
            source: std::io::Error::other(error),
        })?;
        Ok(Self {
            dataset_md5: config.dataset.md5(),
            log: SiteLog::new(store, config.site.clone()),
            hub,
            quarantine_backoff: Arc::default(),
            config: Arc::new(config),
        })
    }

    /// The same agent, with a store in front of its own.
    pub(crate) fn through(&self, front: impl FnOnce(Store) -> Store) -> Self {
        let store = front(self.store().clone());
        Self {
            log: SiteLog::new(store, self.config.site.clone()),
            ..self.clone()
        }
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &Arc<AgentConfig> {
        &self.config
    }

    /// Its site's log.
    #[must_use]
    pub fn log(&self) -> &SiteLog {
        &self.log
    }

    /// Its store.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.log.store()
    }

    /// The MD5 that names its dataset.
    #[must_use]
    pub fn dataset_md5(&self) -> Md5 {
        self.dataset_md5
    }

    /// The hub that is told of each commit, if one is configured.
    pub(crate) fn hub(&self) -> Option<&HubClient> {
        self.hub.as_ref()
    }

    /// When the quarantine's files may be written again after a failure.
    pub(crate) fn quarantine_backoff(&self) -> MutexGuard<'_, Backoff> {
        let backoff = self.quarantine_backoff.lock();
        backoff.unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lock(&self) -> Result<Lock, StateError> {
        Lock::take(&self.config.state_dir)
    }

    pub(crate) fn state(&self) -> Result<AgentState, StateError> {
        AgentState::open(&self.config.state_dir)
    }
}

/// Runs blocking work on a thread for it, which keeps the agent's lock until it has ended.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, AgentError> {
    causeway_shared::runtime::blocking::spawn(work)
        .await
        .map_err(|error| AgentError::System {
            source: error.into(),
        })
}
