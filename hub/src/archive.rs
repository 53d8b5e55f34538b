//! The archive: the merged rows of every partition as plain CSV under `archive/`, for spreadsheets and
//! for Athena. It reads logs and objects, never the database, so that it runs while that sleeps.
//!
//! # Order, and what a crash leaves
//! A run reads the manifest, then the sites' logs, then writes:
//! 1. The files of partitions that are another version than the manifest says. Each is made if there is
//!    none, or replaces the version that was there before the logs were read: so no run puts older rows
//!    over those of a run that read further. A crash leaves files that are newer than the manifest says.
//! 2. Files of partitions that are gone are deleted. That has no condition; a run that finds out that
//!    another one was at work looks at what lies there and publishes what is missing.
//! 3. `MD5SUMS`, the manifest, `archive_info.json`, each by compare-and-swap. A crash leaves them older
//!    than the files, never newer.
//!
//! Whoever is overtaken begins again, from the manifest on, with a list of what lies there.

mod athena;
mod csv_file;
mod error;
mod info;
mod manifest;
mod publish;
mod report;
mod round;
mod switch;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use causeway_shared::ids::SiteName;
use causeway_shared::log::SiteLog;
use causeway_shared::runtime::settings::Span;
use causeway_shared::store::Store;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::config::HubConfig;
use crate::document::{Document, DocumentError};
use crate::error::{HubError, SiteError};
use crate::sync::{LogSnapshot, discover};
pub(crate) use athena::Statements;
pub(crate) use error::ArchiveError;
pub(crate) use info::{ArchiveInfo, Run};
use manifest::Manifest;
pub(crate) use report::ArchiveReport;
use round::{Round, Rounded};

/// How often a run begins again before it gives up.
const MAX_ROUNDS: u32 = 8;

/// One run in so many looks at what lies under `archive/`, whatever the manifest says.
const THOROUGH_EVERY: u32 = 20;

/// The shortest time from one run to the next: each costs two requests for every site.
const MIN_EVERY: Duration = Duration::from_secs(1);

/// What is published, whether more is by itself, and how the last runs went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ArchiveStatus {
    pub(crate) every: Span,
    /// Whether the process that is asked is publishing now.
    pub(crate) running: bool,
    /// The last run that had something to say.
    pub(crate) last_run: Option<Run>,
    #[serde(flatten)]
    pub(crate) info: ArchiveInfo,
}

impl ArchiveStatus {
    /// Whether something could not be published.
    #[must_use]
    pub(crate) fn needs_a_look(&self) -> bool {
        let mut tables = self.info.tables.values();
        let mut sites = self.info.sites.values();
        tables.any(|table| table.last_error.is_some())
            || sites.any(|site| site.last_error.is_some())
    }
}

/// Publishes what a store holds.
#[derive(Debug)]
pub(crate) struct Archive {
    store: Store,
    config: HubConfig,
    /// Held while it runs: one run at a time in a process.
    memory: Mutex<Memory>,
}

/// What one run leaves for the next.
#[derive(Debug, Default)]
struct Memory {
    /// The sites' logs as they were read last.
    logs: BTreeMap<SiteName, LogSnapshot>,
    /// Runs since the last thorough one; none before the first.
    since_thorough: Option<u32>,
}

impl Archive {
    #[must_use]
    pub(crate) fn new(store: Store, config: HubConfig) -> Self {
        Self {
            store,
            config,
            memory: Mutex::default(),
        }
    }

    /// Publishes what is not published yet, and removes what is gone. A table or site that fails keeps
    /// its last files and is reported; the others go on.
    ///
    /// # Errors
    /// [`ArchiveError`] for what concerns all of them.
    pub(crate) async fn run(&self, now: Timestamp) -> Result<ArchiveReport, ArchiveError> {
        let mut memory = self.memory.lock().await;
        let started = Instant::now();
        let requests = self.store.requests();
        let due = memory
            .since_thorough
            .is_none_or(|runs| runs + 1 >= THOROUGH_EVERY);
        // Until it has ended, nothing is known of what lies there.
        let since_thorough = memory.since_thorough.take();
        let mut thorough = due;
        for _ in 0..MAX_ROUNDS {
            let round = Round::begin(self, &mut memory, thorough, now).await?;
            match round.run().await? {
                Rounded::Done(mut report) => {
                    memory.since_thorough = match since_thorough {
                        Some(runs) if !thorough => Some(runs + 1),
                        _ => Some(0),
                    };
                    report.requests = self.store.requests().since(&requests);
                    report.seconds = started.elapsed().as_secs_f64();
                    return Ok(report);
                }
                Rounded::Overtaken => thorough = true,
            }
        }
        Err(ArchiveError::Overtaken { times: MAX_ROUNDS })
    }

    /// Whether it runs by itself.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub(crate) async fn is_enabled(&self) -> Result<bool, DocumentError> {
        switch::is_enabled(&self.store, self.config.archive.enabled).await
    }

    /// Has it run by itself, or not.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub(crate) async fn set_enabled(&self, enabled: bool) -> Result<(), DocumentError> {
        switch::set_enabled(&self.store, enabled).await
    }

    /// How often it runs by itself.
    #[must_use]
    pub(crate) fn every(&self) -> Span {
        self.config.archive.every
    }

    /// What is published, and how the last runs went.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub(crate) async fn status(&self) -> Result<ArchiveStatus, DocumentError> {
        let info = Document::<ArchiveInfo>::new(Store::clone(&self.store));
        let (mut info, _) = info.read().await?;
        info.enabled = self.is_enabled().await?;
        Ok(ArchiveStatus {
            every: self.every(),
            running: self.is_running(),
            last_run: info.archive_history.last().cloned(),
            info,
        })
    }

    /// Runs at the configured pace while the switch is on, until it is dropped.
    pub(crate) async fn keep_running(&self, clock: fn() -> Timestamp) {
        let mut failure = None;
        loop {
            sleep(self.every().0.max(MIN_EVERY)).await;
            let ran = match self.is_enabled().await {
                Ok(true) => self.run(clock()).await.map(drop),
                Ok(false) => Ok(()),
                Err(error) => Err(error.into()),
            };
            // One that lasts is logged once.
            let failed = ran.err().map(|error| error.to_string());
            if failed != failure
                && let Some(error) = &failed
            {
                tracing::error!(error, "nothing is published; what is published stays");
            }
            failure = failed;
        }
    }

    /// Statements by which Athena reads what is published. `location` is where it finds the store.
    ///
    /// # Errors
    /// [`HubError`] for a store, or a site's log, that cannot be read.
    pub(crate) async fn athena_ddl(
        &self,
        location: &str,
        now: Timestamp,
    ) -> Result<Statements, HubError> {
        let manifest = Document::<Manifest>::new(Store::clone(&self.store));
        let (manifest, _) = manifest.read().await?;
        let mut datasets = BTreeMap::new();
        for site in discover(&self.store).await? {
            let log = SiteLog::new(Store::clone(&self.store), site.clone());
            let catalog = log.read_catalog().await.map_err(SiteError::from)?;
            if let Some(head) = catalog.head {
                let dataset = log.dataset(head.dataset).await.map_err(SiteError::from)?;
                datasets.insert(site, dataset);
            }
        }
        let datasets = datasets
            .iter()
            .map(|(site, dataset)| (site.clone(), dataset));
        let today = now.to_zoned(self.config.window.timezone.0.clone()).date();
        Ok(athena::statements(
            &datasets.collect(),
            &manifest,
            (location, today),
        ))
    }

    /// Whether a run is under way in this process.
    #[must_use]
    pub(crate) fn is_running(&self) -> bool {
        self.memory.try_lock().is_err()
    }
}
