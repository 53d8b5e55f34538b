//! Running until told to stop: wait for the sources to move, let them come to rest, run a cycle.
//!
//! Sources are looked at every `watch.poll`. [`Agent::wait_for_move`] is the one place that waits:
//! whatever else may wake the agent, a file event for one, wakes it there.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_shared::clock;
use tokio::time::sleep;

use crate::agent::Agent;
use crate::cycle::{SyncOptions, run_cycle};
use crate::error::AgentError;
use crate::gate::{self, Look};
use crate::progress::{Progress, Silent};
use crate::report::CycleReport;
use crate::state::{CycleFacts, State};

/// A source is scanned again no sooner than this many times the last scan's duration after it, so
/// that scans take a tenth of one core at most.
const REST: u32 = 10;

/// The longest pause after failures; the first is as long as `watch.poll`.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

impl Agent {
    /// Watches the sources and pushes until `shutdown` is ready. The cycle in hand is abandoned
    /// then: whatever it did not get to is found by the next one.
    ///
    /// # Errors
    /// What no waiting will mend: another writer has replaced this one, the sources contradict
    /// the configuration, the log is damaged.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) -> Result<(), AgentError> {
        let mut shutdown = pin!(shutdown);
        let _lock = self.lock()?;
        let mut state = self.state()?;
        tokio::select! {
            () = &mut shutdown => {
                tracing::info!(site = %self.config().site, "stopping");
                Ok(())
            }
            stopped = self.cycles(&mut state) => stopped,
        }
    }

    /// Cycle after cycle, until one fails for good.
    async fn cycles(&self, state: &mut State) -> Result<(), AgentError> {
        let progress: Arc<dyn Progress> = Arc::new(Silent);
        let poll = self.config().watch.poll;
        let mut ask_log = true;
        let mut failures = 0;
        loop {
            let options = SyncOptions {
                ask_log,
                ..SyncOptions::default()
            };
            match run_cycle(self, state, options, &progress).await {
                Ok(report) => {
                    (ask_log, failures) = (false, 0);
                    log(&report);
                    sleep(report.scan_took.map_or(Duration::ZERO, |took| took * REST)).await;
                }
                Err(error) if error.is_retryable() => {
                    let pause = (poll * 2u32.saturating_pow(failures)).min(LONGEST_PAUSE);
                    failures += 1;
                    tracing::warn!(%error, pause_seconds = pause.as_secs(), "the cycle failed");
                    if matches!(error, AgentError::State(_)) {
                        // Opening it anew moves a damaged one aside.
                        *state = self.state()?;
                    }
                    note_failure(state, &error);
                    sleep(pause).await;
                    // Whatever the failure was, the gate is still open.
                    continue;
                }
                Err(error) => return Err(error),
            }
            let before = state.look()?;
            self.wait_for_move(before).await?;
        }
    }

    /// Waits until a source has moved since `before` and has come to rest since, or has not for
    /// too long.
    async fn wait_for_move(&self, before: Option<Look>) -> Result<(), AgentError> {
        let watch = self.config().watch;
        let mut last = loop {
            sleep(watch.poll).await;
            let now = self.look(before.as_ref()).await?;
            if !gate::moved(before.as_ref(), &now).is_nothing() {
                break now;
            }
        };
        let moved_at = Instant::now();
        while moved_at.elapsed() < watch.max_delay {
            sleep(watch.debounce).await;
            let now = self.look(Some(&last)).await?;
            if now.visibly_moved_since(&last).is_empty() {
                break;
            }
            last = now;
        }
        Ok(())
    }
}

fn log(report: &CycleReport) {
    if let Some(seq) = report.commit {
        tracing::info!(
            site = %report.site, commit = %seq, changed = report.partitions.changed,
            removed = report.partitions.removed, bytes_sent = report.bytes_sent, "committed"
        );
    }
    // Said once: a cycle that scanned nothing has nothing new to say.
    if report.scan_took.is_some() {
        report.log_what_to_look_at();
    }
}

/// Keeps an error for `status`; that it may fail in turn is worth a line and no more.
pub(crate) fn note_failure(state: &mut State, error: &AgentError) {
    let facts = CycleFacts {
        at: clock::now(),
        error: Some(error.to_string()),
    };
    if let Err(error) = state.note_cycle(&facts) {
        tracing::warn!(%error, "the error cannot be kept");
    }
}

#[cfg(test)]
mod tests {
    use causeway_shared::ids::Seq;
    use tokio::sync::oneshot;

    use super::*;
    use crate::testing::Site;

    /// An agent of a site that looks often.
    fn quick(site: &Site) -> Agent {
        let mut config = site.config("one", "state-one");
        config.watch.poll = Duration::from_millis(20);
        config.watch.debounce = Duration::from_millis(10);
        Agent::with_store(config, Arc::clone(&site.store)).unwrap()
    }

    async fn committed(site: &Site, seq: u64) {
        while site.agent().log().commit(Seq(seq)).await.unwrap().is_none() {
            sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn changes_are_pushed_until_it_is_told_to_stop() {
        let site = Site::small();
        let agent = quick(&site);
        let (stop, stopped) = oneshot::channel::<()>();
        let running =
            tokio::spawn(async move { agent.run(async { stopped.await.unwrap_or(()) }).await });
        committed(&site, 1).await;
        site.write_appointments(0..30, "confirmed");
        committed(&site, 2).await;
        stop.send(()).unwrap();
        running.await.unwrap().unwrap();
        // Its lock is free again.
        site.sync().await;
        site.assert_converged().await;
    }

    #[tokio::test]
    async fn it_stops_when_another_machine_takes_over() {
        let site = Site::small();
        site.sync().await;
        let agent = quick(&site);
        let running =
            tokio::spawn(async move { agent.run(std::future::pending()).await.unwrap_err() });
        let take_over = SyncOptions {
            take_over: true,
            ..SyncOptions::default()
        };
        site.agent_on("two", Arc::clone(&site.store))
            .sync(take_over)
            .await
            .unwrap();
        site.write_appointments(0..30, "confirmed");
        let error = running.await.unwrap();
        assert!(matches!(error, AgentError::Fenced { .. }), "{error}");
    }
}
