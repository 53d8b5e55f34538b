//! `run`: a cycle, a rest, a wait for a change in the sources, the next cycle, until told to stop.
//!
//! The [`Watcher`] says when to look, the [`Pace`] how soon at the earliest. The service manager, if
//! there is one, hears how it goes, and the [metrics file](metrics) shows it.

pub(crate) mod metrics;
mod notices;
pub(crate) mod observer;
pub(crate) mod pace;
mod stopwatch;
pub(crate) mod systemd;
pub(crate) mod watch;
mod watchdog;

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_shared::ids::Seq;
use causeway_shared::runtime::clock;
use tokio::time::sleep;

use crate::agent::{Agent, blocking};
use crate::backoff;
use crate::config::AgentConfig;
use crate::cycle::attempt::SyncOptions;
use crate::cycle::look::look;
use crate::cycle::report::CycleReport;
use crate::cycle::run_cycle;
use crate::cycle::sync::{note_failure, tell_hub};
use crate::daemon::metrics::{CycleFigures, Metrics};
use crate::daemon::observer::{Event, Observer, nobody};
use crate::daemon::pace::{Pace, ScanCost};
use crate::daemon::systemd::ServiceManager;
use crate::daemon::watch::shared::WatchedPath;
use crate::daemon::watch::{Wake, WatchSettings, Watcher};
use crate::error::AgentError;
use crate::progress::Progress;
use crate::source::SourceKind;
use crate::source::gate::{self, SourceFingerprints};
use crate::state::AgentState;
use notices::Notices;
use stopwatch::Stopwatch;
use watchdog::store::WatchdogStore;
use watchdog::{LONGEST_STEP, Watchdog};

/// Watches the sources and pushes until `shutdown` is ready. The cycle in hand is abandoned then;
/// the next one finds whatever it did not get to.
///
/// # Errors
/// What waiting does not mend: another writer has replaced this one, the sources contradict the
/// configuration, the log is damaged.
pub async fn run(
    agent: &Agent,
    listeners: Listeners,
    shutdown: impl Future<Output = ()>,
) -> Result<(), AgentError> {
    let watchdog = Arc::new(Watchdog::new(LONGEST_STEP));
    run_watched(agent, listeners, watchdog, shutdown).await
}

async fn run_watched(
    agent: &Agent,
    listeners: Listeners,
    watchdog: Arc<Watchdog>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), AgentError> {
    let Listeners {
        service_manager,
        observer,
    } = listeners;
    let mut shutdown = pin!(shutdown);
    let site = &agent.config().site;
    let lock = agent.lock()?;
    let mut daemon = Daemon {
        agent: agent.through(|store| Arc::new(WatchdogStore::new(store, Arc::clone(&watchdog)))),
        state: None,
        service_manager: Arc::clone(&service_manager),
        observer,
        watchdog: Arc::clone(&watchdog),
        pace: Pace::new(),
        metrics: Metrics::new(site.clone()),
        metrics_fail: false,
        notices: Notices::default(),
        look_again: None,
        ask_log: true,
    };
    service_manager.ready();
    lock.hold(async move {
        let ended = tokio::select! {
            () = &mut shutdown => {
                tracing::info!(%site, "stopping");
                Ok(())
            }
            stopped = daemon.cycles() => stopped,
            never = service_manager.keep_alive(|| watchdog.is_agent_alive()) => match never {},
        };
        service_manager.stopping();
        ended
    })
    .await
}

/// Who hears how a run goes.
#[derive(Clone)]
pub struct Listeners {
    /// The service manager that started the process.
    pub service_manager: Arc<ServiceManager>,
    /// The program that the agent is part of.
    pub observer: Arc<dyn Observer>,
}

impl Default for Listeners {
    /// Nobody.
    fn default() -> Self {
        Self {
            service_manager: Arc::new(ServiceManager::none()),
            observer: nobody(),
        }
    }
}

/// An agent that runs.
struct Daemon {
    agent: Agent,
    /// `None` before it is opened, and after it failed: opening it anew moves a damaged one aside.
    state: Option<AgentState>,
    service_manager: Arc<ServiceManager>,
    observer: Arc<dyn Observer>,
    watchdog: Arc<Watchdog>,
    pace: Pace,
    metrics: Metrics,
    /// Whether saving the figures failed, which is logged once.
    metrics_fail: bool,
    notices: Notices,
    /// When a source that may be half written is looked at again.
    look_again: Option<Instant>,
    /// Whether to ask the log before anything else: at first, since it may have gone on without this
    /// state, and after a failure of the store, since no other work makes sense without it.
    ask_log: bool,
}

impl Daemon {
    /// Runs cycle after cycle until one fails for good.
    async fn cycles(&mut self) -> Result<(), AgentError> {
        // Before the first cycle, so that what changes during it is not missed.
        let config = Arc::clone(self.agent.config());
        let mut watcher =
            blocking(move || Watcher::start(watched(&config), settings(&config))).await?;
        let mut wake = Wake::Changed;
        loop {
            let watchdog = Arc::clone(&self.watchdog);
            let stopwatch = Arc::new(Stopwatch::new(watchdog, Arc::clone(&self.observer)));
            let started = Instant::now();
            if let Err(error) = self.cycle(wake, started, &stopwatch).await {
                // A store that refuses may accept the agent later, once its clock is set or its
                // credentials are renewed.
                if !error.is_retryable() {
                    return Err(error);
                }
                let took = stopwatch.read();
                self.pace.failed(
                    ScanCost { started, took },
                    Instant::now(),
                    backoff::random(),
                );
                self.ask_log |= error.is_of_store();
                self.tell_failure(&error);
            }
            rest(&self.watchdog, self.pace.earliest()).await;
            // After a failure the next cycle needs no wake, since its changes are not sent yet.
            wake = if self.pace.retries() {
                Wake::Changed
            } else {
                let _idle = self.watchdog.allow(self.agent.config().watch.poll);
                if let Some(at) = self.look_again.take() {
                    watcher.poll_by(at);
                }
                watcher.next().await
            };
        }
    }

    /// Runs one cycle and reports it.
    async fn cycle(
        &mut self,
        wake: Wake,
        started: Instant,
        stopwatch: &Arc<Stopwatch>,
    ) -> Result<(), AgentError> {
        let state = match &mut self.state {
            Some(state) => state,
            none => none.insert(self.agent.state()?),
        };
        let options = SyncOptions {
            ask_log: self.ask_log,
            ..SyncOptions::default()
        };
        let progress: Arc<dyn Progress> = Arc::clone(stopwatch) as _;
        let seen = match wake {
            // The watcher waited until the events ended.
            Wake::Changed => None,
            Wake::Poll => Some(come_to_rest(&self.agent, state.fingerprints()?, &progress).await?),
        };
        let report = run_cycle(&self.agent, state, options, seen, &progress).await?;
        self.look_again = report.look_again.map(|wait| Instant::now() + wait);
        self.ask_log = false;
        let head = state.head()?.map(|head| head.seq);
        let took = stopwatch.read();
        self.pace.succeeded(ScanCost { started, took });
        self.tell_success(&report, head);
        Ok(())
    }

    fn tell_success(&mut self, report: &CycleReport, head: Option<Seq>) {
        if report.commit.is_some() && self.agent.hub().is_some() {
            // In a task of its own, so that a hub that does not answer holds nothing up.
            let (agent, report) = (self.agent.clone(), report.clone());
            tokio::spawn(async move { tell_hub(&agent, &report).await });
        }
        if let Some(seq) = report.commit {
            tracing::info!(
                site = %report.site, commit = %seq, changed = report.partitions.changed,
                removed = report.partitions.removed, rows = report.rows.scanned,
                bytes_sent = report.bytes_sent, requests = report.requests.total(),
                seconds = report.seconds, "committed"
            );
        } else if report.scan_took.is_some() {
            tracing::info!(
                site = %report.site, rows = report.rows.scanned, seconds = report.seconds,
                "scanned, nothing differs"
            );
        }
        // A cycle that scanned nothing has nothing new to say.
        if report.scan_took.is_some() {
            let notices = report.notices();
            self.notices.log(&report.site, notices, Instant::now());
            report.log_refusals();
        }
        let figures = CycleFigures {
            seconds: report.seconds,
            commit: report.commit,
            rows: report.rows.scanned,
            partitions: report.partitions.changed + report.partitions.removed,
            bytes: report.bytes_sent,
            quarantined: report.in_quarantine,
            held: report.held.len() as u64,
        };
        let requests = self.agent.store().requests();
        self.metrics.succeeded(figures, clock::now(), requests);
        self.save_metrics();
        let commit = head.map_or_else(|| "none yet".to_owned(), |seq| seq.to_string());
        self.service_manager.status(&format!(
            "last commit: {commit}; {} rows in quarantine, {} tables held back",
            figures.quarantined, figures.held
        ));
        self.observer.observe(Event::Ended(report));
    }

    fn tell_failure(&mut self, error: &AgentError) {
        let pause = self
            .pace
            .earliest()
            .map_or(Duration::ZERO, |at| at.duration_since(Instant::now()));
        tracing::warn!(%error, pause_seconds = pause.as_secs_f32(), "the cycle failed");
        if matches!(error, AgentError::State(_)) {
            self.state = None;
        }
        if let Some(state) = &mut self.state {
            note_failure(state, error);
        }
        self.metrics.failed(self.agent.store().requests());
        self.save_metrics();
        self.service_manager.status(&format!(
            "failed {} times, tries again: {error}",
            self.pace.failures()
        ));
        self.observer.observe(Event::Failed {
            error,
            failures: self.pace.failures(),
            pause,
        });
    }

    fn save_metrics(&mut self) {
        let Some(file) = &self.agent.config().metrics_file else {
            return;
        };
        let saved = self.metrics.save(file);
        if let Err(error) = &saved
            && !self.metrics_fail
        {
            tracing::warn!(%error, "the figures are stale until it can be written");
        }
        self.metrics_fail = saved.is_err();
    }
}

/// Waits until the next cycle may start.
async fn rest(watchdog: &Arc<Watchdog>, earliest: Option<Instant>) {
    let now = Instant::now();
    let rest = earliest.map(|earliest| earliest.duration_since(now));
    if let Some(rest) = rest.filter(|rest| !rest.is_zero()) {
        let _idle = watchdog.allow(rest);
        sleep(rest).await;
    }
}

/// Waits until the sources that moved since `before` without an event have come to rest, but no
/// longer than the configured delay. Returns the last look at them.
async fn come_to_rest(
    agent: &Agent,
    before: Option<SourceFingerprints>,
    progress: &Arc<dyn Progress>,
) -> Result<SourceFingerprints, AgentError> {
    let mut last = look(agent, before.as_ref(), progress).await?;
    if gate::moved(before.as_ref(), &last).is_nothing() {
        return Ok(last);
    }
    let watch = agent.config().watch;
    let moved_at = Instant::now();
    while moved_at.elapsed() < watch.max_delay {
        sleep(watch.debounce).await;
        let now = look(agent, Some(&last), progress).await?;
        let is_at_rest = now.visibly_moved_since(&last).is_empty();
        last = now;
        if is_at_rest {
            break;
        }
    }
    Ok(last)
}

fn watched(config: &AgentConfig) -> Vec<WatchedPath> {
    let sources = config.sources.iter().map(|source| {
        let path = config.base_dir.join(&source.path);
        match source.kind {
            SourceKind::Sqlite => WatchedPath::SqliteFile(path),
            SourceKind::Csv => WatchedPath::CsvFolder(path),
        }
    });
    sources.collect()
}

fn settings(config: &AgentConfig) -> WatchSettings {
    WatchSettings {
        debounce: config.watch.debounce,
        max_delay: config.watch.max_delay,
        poll: config.watch.poll,
    }
}

#[cfg(test)]
mod tests;
