//! Whether the store keeps what Causeway relies on.

use causeway_shared::layout;
use causeway_shared::store::check::{self, CheckError, CheckReport};

use super::session::same_log;
use crate::agent::Agent;
use crate::error::AgentError;
use crate::state::{AgentState, StoredWriter};

/// Tries whether the store keeps what Causeway relies on.
///
/// # Errors
/// [`AgentError::Store`] where the store fails before it can be judged.
pub(crate) async fn check_store(agent: &Agent) -> Result<CheckReport, AgentError> {
    let site = &agent.config().site;
    let checked = check::check(agent.store(), &layout::check_prefix(site)).await;
    checked.map_err(|source| AgentError::Store {
        site: site.clone(),
        source,
    })
}

/// Tries the store before this state first writes to it.
///
/// # Errors
/// [`AgentError::Unfit`], or a failure of store or state.
pub(crate) async fn check_before_first_write(
    agent: &Agent,
    state: &mut AgentState,
    writer: &mut StoredWriter,
) -> Result<(), AgentError> {
    if writer.store_checked {
        return Ok(());
    }
    require_store(agent).await?;
    writer.store_checked = true;
    Ok(state.note_writer(writer)?)
}

/// Tries the store unless a writer of this log did so before.
///
/// # Errors
/// As [`check_before_first_write`].
pub(crate) async fn check_unless_done(
    agent: &Agent,
    state: Option<&AgentState>,
) -> Result<(), AgentError> {
    let writer = state.map(AgentState::writer).transpose()?.flatten();
    match writer.filter(|writer| same_log(writer, agent)) {
        Some(writer) if writer.store_checked => Ok(()),
        _ => require_store(agent).await,
    }
}

/// Refuses a store that does not keep what Causeway relies on.
async fn require_store(agent: &Agent) -> Result<(), AgentError> {
    let site = &agent.config().site;
    match check::require(agent.store(), &layout::check_prefix(site)).await {
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
