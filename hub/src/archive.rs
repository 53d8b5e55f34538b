//! The archive: the merged rows of every partition as plain CSV under `archive/`, for spreadsheets and
//! for Athena, and as Delta Lake tables where that is wanted ([`delta`]). It reads logs and objects, never the
//! database, so that it runs while that sleeps.
//!
//! # Order, and what a crash leaves
//! A run that finds news lists what lies under `archive/`, then reads the sites' logs, then writes:
//! 1. The files of partitions that are another version than the manifest says. Each is made if there is
//!    none, or replaces the version that was listed: so no run puts older rows over those of a run that
//!    read further. What another run wrote meanwhile is taken as it is where the bytes are the same, so that
//!    runs at once share the files, and hinder each other only at step 4. A crash leaves files that are
//!    newer than the manifest says; the next run that writes lists, and finds them.
//! 2. Files of partitions that are gone are deleted. That has no condition: a run that another one has
//!    overtaken deletes nothing. Where it is overtaken between its list and its deletion, its manifest is
//!    refused, and its next round publishes what is missing; killed just then, the next run that lists.
//! 3. A commit for each Delta table whose files were written.
//! 4. `MD5SUMS`, the manifest, `archive_info.json`, each by compare-and-swap; the first two also after so
//!    many files. A crash leaves them older than the files, never newer.
//!
//! Whoever is overtaken begins again, from the manifest on.

mod athena;
mod csv_file;
#[cfg(feature = "delta")]
mod delta;
#[cfg(not(feature = "delta"))]
#[path = "archive/no_delta.rs"]
mod delta;
mod error;
mod info;
mod manifest;
mod publish;
mod report;
mod round;
mod spool;
mod switch;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use causeway_shared::dataset::Dataset;
use causeway_shared::ids::SiteName;
use causeway_shared::log::SiteLog;
use causeway_shared::runtime::chance;
use causeway_shared::runtime::settings::Span;
use causeway_shared::store::Store;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::sleep;
use utoipa::ToSchema;

use crate::aws::{Aws, Invocation};
use crate::config::{ArchiveFormat, AwsConfig, HubConfig};
use crate::control::Step;
use crate::document::{Document, DocumentError};
use crate::error::{HubError, SiteError};
use crate::runs::{RunCounts, Runs};
use crate::sync::{LogSnapshot, discover};
pub(crate) use athena::Statements;
pub(crate) use error::ArchiveError;
pub(crate) use info::{ArchiveInfo, Run};
use manifest::{Formats, Manifest, SiteAt};
pub(crate) use report::{ArchiveReport, Commits, DeltaInfo};
use round::{Ended, Round, Scope};

/// How often a run begins again before it gives up.
const MAX_ROUNDS: u32 = 8;

/// One run in so many lists what lies under `archive/`, also without news, and cleans up.
const LISTS_EVERY: u32 = 20;

/// How long a run that was overtaken waits about, the longer the more often.
const PAUSE: Duration = Duration::from_millis(50);

/// The shortest time from one run to the next: each costs two requests for every site.
const MIN_EVERY: Duration = Duration::from_secs(1);

/// What is published, the schedule, and how the last runs went.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ArchiveStatus {
    #[schema(value_type = String)]
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
    running: AtomicBool,
    runs: Runs,
}

/// What one run leaves for the next.
#[derive(Debug, Default)]
struct Memory {
    /// The sites' logs as they were read last.
    logs: BTreeMap<SiteName, LogSnapshot>,
    /// The heads at which all of a site was found to be published.
    whole: BTreeMap<SiteName, SiteAt>,
    /// Files of Delta tables that wait for a commit.
    uploaded: delta::Uploaded,
    /// Runs since the last one that looked at everything; none before the first.
    since_thorough: Option<u32>,
}

impl Archive {
    #[must_use]
    pub(crate) fn new(store: Store, config: HubConfig) -> Self {
        Self {
            store,
            config,
            memory: Mutex::default(),
            running: AtomicBool::new(false),
            runs: Runs::default(),
        }
    }

    /// Publishes what is not published yet, and removes what is gone. A table or site that fails keeps
    /// its last files and is reported; the others go on.
    ///
    /// # Errors
    /// [`ArchiveError`] for what concerns all of them.
    pub(crate) async fn run(&self, now: Timestamp) -> Result<ArchiveReport, ArchiveError> {
        let mut memory = self.memory.lock().await;
        let _running = RunsWhileHeld::begin(&self.running);
        let run = self.run_alone(&mut memory, now);
        let published =
            |report: &ArchiveReport| report.tables.values().map(|of| of.published).sum();
        self.runs.count(run, published).await
    }

    async fn run_alone(
        &self,
        memory: &mut Memory,
        now: Timestamp,
    ) -> Result<ArchiveReport, ArchiveError> {
        let started = Instant::now();
        let requests = self.store.requests();
        // Until the run has ended, nothing is known of what lies there.
        let runs = memory.since_thorough.take();
        let thorough = runs.is_none_or(|runs| runs + 1 >= LISTS_EVERY);
        let keep = SignedDuration::try_from(self.config.archive.keep.0);
        let keep = keep.unwrap_or(SignedDuration::MAX);
        let mut listed = thorough;
        let mut so_far = ArchiveReport::default();
        for round in 0..MAX_ROUNDS {
            let scope = Scope {
                listed,
                thorough,
                now,
                keep,
            };
            let begun = Round::begin(self, memory, scope, so_far).await?;
            match begun.run().await? {
                Ended::Done(mut report) => {
                    memory.since_thorough = Some(if thorough { 0 } else { runs.unwrap_or(0) + 1 });
                    report.requests = self.store.requests().since(&requests);
                    report.seconds = started.elapsed().as_secs_f64();
                    return Ok(report);
                }
                Ended::Again(report) => {
                    so_far = report.written_so_far();
                    if listed {
                        sleep(pause(round)).await;
                    }
                    listed = true;
                }
            }
        }
        Err(ArchiveError::Overtaken { times: MAX_ROUNDS })
    }

    /// As what it publishes.
    fn formats(&self) -> Formats {
        let formats = &self.config.archive.formats;
        Formats {
            csv: formats.contain(ArchiveFormat::Csv),
            delta: formats.contain(ArchiveFormat::Delta),
        }
    }

    /// Whether it runs by itself.
    ///
    /// # Errors
    /// [`ArchiveError`]
    pub(crate) async fn is_enabled(&self) -> Result<bool, ArchiveError> {
        switch::is_enabled(&self.store, &self.config).await
    }

    /// Switches the schedule on or off, for all hubs of the store.
    ///
    /// # Errors
    /// [`ArchiveError`]
    pub(crate) async fn set_enabled(&self, enabled: bool) -> Result<(), ArchiveError> {
        switch::set_enabled(&self.store, &self.config, enabled).await
    }

    /// Has the keeper call the function that publishes, where there is a keeper. Whether there is.
    ///
    /// # Errors
    /// [`ArchiveError`]
    pub(crate) async fn ask_the_keeper(&self) -> Result<bool, ArchiveError> {
        if self.config.aws.keeper {
            switch::ask(&self.store, Step::Invoke).await?;
        }
        Ok(self.config.aws.keeper)
    }

    /// Has the function publish that does so on AWS, and answers what it says; `None`: there is none.
    ///
    /// # Errors
    /// [`ArchiveError`]
    pub(crate) async fn call_the_function(&self) -> Result<Option<Value>, ArchiveError> {
        let AwsConfig {
            keeper, function, ..
        } = &self.config.aws;
        if *keeper || function.is_empty() {
            return Ok(None);
        }
        let aws = Aws::open(&self.config).await?;
        let payload = json!({"command": "archive"});
        let answer = aws.invoke(function, Invocation::Answered, &payload).await?;
        Ok(Some(answer))
    }

    /// How often it runs by itself.
    #[must_use]
    pub(crate) fn every(&self) -> Span {
        self.config.archive.every
    }

    /// What is published, and how the last runs went.
    ///
    /// # Errors
    /// [`ArchiveError`]
    pub(crate) async fn status(&self) -> Result<ArchiveStatus, ArchiveError> {
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

    /// Runs at the configured pace while the switch is on, until it is dropped. Where a rule of AWS has the
    /// archive run, nothing else does.
    pub(crate) async fn keep_running(&self, clock: fn() -> Timestamp) {
        let aws = &self.config.aws;
        if aws.keeper || !aws.rule.is_empty() {
            return std::future::pending().await;
        }
        let mut failure = None;
        loop {
            sleep(self.every().0.max(MIN_EVERY)).await;
            let failed = match self.is_enabled().await {
                Ok(true) => match self.run(clock()).await {
                    Ok(report) => report.first_error().map(str::to_owned),
                    Err(error) => Some(error.to_string()),
                },
                Ok(false) => None,
                Err(error) => Some(error.to_string()),
            };
            // A failure that lasts is logged once.
            if failed != failure
                && let Some(error) = &failed
            {
                tracing::error!(error, "not everything is published; the last files stay");
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
        let mut problems = Vec::new();
        for site in discover(&self.store).await? {
            match dataset_of(&self.store, &site).await {
                Ok(Some(dataset)) => drop(datasets.insert(site, dataset)),
                Ok(None) => {}
                Err(error) => problems.push(error.to_string()),
            }
        }
        let today = now.to_zoned(self.config.window.timezone.0.clone()).date();
        Ok(athena::statements(
            &datasets,
            problems,
            &manifest,
            (location, today),
        ))
    }

    /// How its runs went since the start, and how many files they wrote.
    pub(crate) fn runs(&self) -> RunCounts {
        self.runs.counts()
    }

    /// Statements by which Athena reads the Delta tables. `location` is where it finds the store.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub(crate) async fn athena_delta_ddl(
        &self,
        location: &str,
    ) -> Result<Statements, DocumentError> {
        let info = Document::<ArchiveInfo>::new(Store::clone(&self.store));
        let (info, _) = info.read().await?;
        Ok(athena::delta_statements(&info, location))
    }

    /// Whether a run is under way in this process.
    #[must_use]
    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }
}

/// Says that a run is under way, until that ends or is stopped.
#[derive(Debug)]
struct RunsWhileHeld<'a>(&'a AtomicBool);

impl<'a> RunsWhileHeld<'a> {
    fn begin(running: &'a AtomicBool) -> Self {
        running.store(true, Ordering::Relaxed);
        Self(running)
    }
}

impl Drop for RunsWhileHeld<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// How long to wait after a round that was overtaken, so that runs side by side get out of step.
fn pause(round: u32) -> Duration {
    let mut byte = [0];
    // Without randomness they may meet again; there are more rounds.
    let _ = chance::fill(&mut byte);
    PAUSE * round + PAUSE.mul_f64(f64::from(byte[0]) / 256.0)
}

/// The dataset of a site's newest commit; `None` where it has committed nothing.
async fn dataset_of(store: &Store, site: &SiteName) -> Result<Option<Dataset>, SiteError> {
    let log = SiteLog::new(Store::clone(store), site.clone());
    match log.read_catalog().await?.head {
        Some(head) => Ok(Some(log.dataset(head.dataset).await?)),
        None => Ok(None),
    }
}
