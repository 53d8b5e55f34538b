//! The agent: what it is made of, and what it can be asked to do.

use std::sync::Arc;
use std::time::Instant;

use causeway_shared::ids::Md5;
use causeway_shared::layout;
use causeway_shared::log::SiteLog;
use causeway_shared::runtime::clock;
use causeway_shared::store::check::{CheckError, CheckReport, check, require};
use causeway_shared::store::{self, Store};

use crate::config::AgentConfig;
use crate::cycle::report::CycleReport;
use crate::cycle::{SyncOptions, run_cycle};
use crate::daemon::hub::Hub;
use crate::daemon::note_failure;
use crate::error::AgentError;
use crate::progress::{Progress, Silent, Step};
use crate::source::gate::{self, Look};
use crate::state::State;
use crate::state::lock::Lock;
use crate::state::publish::Tries;

/// An agent of one site.
#[derive(Debug, Clone)]
pub struct Agent {
    config: Arc<AgentConfig>,
    dataset_md5: Md5,
    log: SiteLog,
    hub: Option<Hub>,
    tries: Arc<Tries>,
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
        let hub = config.hub.clone().map(Hub::new).transpose();
        let hub = hub.map_err(|error| AgentError::System {
            source: std::io::Error::other(error),
        })?;
        Ok(Self {
            dataset_md5: config.dataset.md5(),
            log: SiteLog::new(store, config.site.clone()),
            hub,
            tries: Arc::default(),
            config: Arc::new(config),
        })
    }

    /// One cycle: pushes what changed.
    ///
    /// # Errors
    /// [`AgentError`]
    pub async fn sync(&self, options: SyncOptions) -> Result<CycleReport, AgentError> {
        self.sync_with(options, Arc::new(Silent)).await
    }

    /// One cycle that tells how far it is.
    ///
    /// # Errors
    /// [`AgentError`]
    pub async fn sync_with(
        &self,
        options: SyncOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<CycleReport, AgentError> {
        let synced = async {
            let mut state = self.state()?;
            let done = run_cycle(self, &mut state, options, None, &progress).await;
            let report = done.inspect_err(|error| note_failure(&mut state, error))?;
            self.tell_hub(&report).await;
            Ok(report)
        };
        self.lock()?.hold(synced).await
    }

    /// Tries whether the store keeps what Causeway relies on.
    ///
    /// # Errors
    /// [`AgentError::Store`] where the store fails before it can be judged.
    pub async fn check_store(&self) -> Result<CheckReport, AgentError> {
        let prefix = layout::check_prefix(&self.config.site);
        let checked = check(self.store(), &prefix).await;
        checked.map_err(|source| AgentError::Store {
            site: self.config.site.clone(),
            source,
        })
    }

    /// Refuses a store that does not keep what Causeway relies on.
    ///
    /// # Errors
    /// [`AgentError::Unfit`] where it does not, [`AgentError::Store`] where it fails.
    pub(crate) async fn require_store(&self) -> Result<(), AgentError> {
        let site = &self.config.site;
        match require(self.store(), &layout::check_prefix(site)).await {
            Ok(_) => Ok(()),
            Err(CheckError::Store(source)) => Err(AgentError::Store {
                site: site.clone(),
                source,
            }),
            Err(source) => Err(AgentError::Unfit {
                site: site.clone(),
                source,
            }),
        }
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

    /// Its tries to write the lists of refused rows.
    pub(crate) fn tries(&self) -> &Tries {
        &self.tries
    }

    pub(crate) fn hub(&self) -> Option<&Hub> {
        self.hub.as_ref()
    }

    /// Tells the hub, if there is one, of a cycle's commit, if there is one.
    pub(crate) async fn tell_hub(&self, report: &CycleReport) {
        if let (Some(hub), Some(seq)) = (&self.hub, report.commit) {
            hub.tell(&self.config.site, seq).await;
        }
    }

    /// Looks at the sources from outside, on a thread for it: a file may have to be read.
    pub(crate) async fn look(
        &self,
        before: Option<&Look>,
        progress: &Arc<dyn Progress>,
    ) -> Result<Look, AgentError> {
        let (config, before) = (Arc::clone(&self.config), before.cloned());
        let watching = Arc::clone(progress);
        let begun = Instant::now();
        let look = blocking(move || {
            let beat = || watching.step(Step::Looking);
            gate::look(&config, before.as_ref(), clock::now(), &beat)
        });
        let look = look.await?;
        let took = begun.elapsed();
        progress.step(Step::Looked { took });
        Ok(look)
    }

    pub(crate) fn lock(&self) -> Result<Lock, AgentError> {
        Lock::take(&self.config.state_dir)
    }

    pub(crate) fn state(&self) -> Result<State, AgentError> {
        Ok(State::open(&self.config.state_dir)?)
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
