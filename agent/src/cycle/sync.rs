//! `sync`: one cycle under the agent's lock.

use std::sync::Arc;

use causeway_shared::runtime::clock;

use super::attempt::SyncOptions;
use super::report::CycleReport;
use super::run_cycle;
use crate::agent::Agent;
use crate::error::AgentError;
use crate::progress::{Progress, Silent};
use crate::state::{AgentState, CycleOutcome};

/// Runs one cycle, which pushes what changed.
///
/// # Errors
/// [`AgentError`]
pub async fn sync(agent: &Agent, options: SyncOptions) -> Result<CycleReport, AgentError> {
    sync_with(agent, options, Arc::new(Silent)).await
}

/// As [`sync`], telling `progress` how far the cycle is.
///
/// # Errors
/// [`AgentError`]
pub async fn sync_with(
    agent: &Agent,
    options: SyncOptions,
    progress: Arc<dyn Progress>,
) -> Result<CycleReport, AgentError> {
    let synced = async {
        let mut state = agent.state()?;
        let done = run_cycle(agent, &mut state, options, None, &progress).await;
        let report = done.inspect_err(|error| note_failure(&mut state, error))?;
        tell_hub(agent, &report).await;
        Ok(report)
    };
    agent.lock()?.hold(synced).await
}

/// Tells the hub, if there is one, of a cycle's commit, if there is one.
pub(crate) async fn tell_hub(agent: &Agent, report: &CycleReport) {
    if let (Some(hub), Some(seq)) = (agent.hub(), report.commit) {
        hub.tell(&report.site, seq).await;
    }
}

/// Notes in the state that a cycle failed, for `status`. Where that fails too, it is only logged.
pub(crate) fn note_failure(state: &mut AgentState, error: &AgentError) {
    let facts = CycleOutcome {
        at: clock::now(),
        error: Some(error.to_string()),
    };
    if let Err(error) = state.note_cycle(&facts) {
        tracing::warn!(%error, "the error cannot be noted in the state");
    }
}
