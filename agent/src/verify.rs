//! Verifying a site: its log, its objects and its sources, each row read on both sides.
//!
//! It compares what the log says of a partition with the rows that the source has now, and with the
//! bytes of its object. Where they differ, it compares rows one by one, so that the answer names
//! their keys. A repair writes again what the source or the state still has.

mod audit;
mod diff;
mod mend;
pub(crate) mod report;
mod rows;

use std::sync::Arc;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::Head;

use crate::agent::Agent;
use crate::error::AgentError;
use crate::progress::Progress;
use crate::push::session::same_log;
use crate::push::spool::Spool;
use crate::push::store_check::check_unless_done;
use crate::state::{AgentState, FILE, Fence};
use report::VerifyReport;

/// Compares every partition's rows in the source, in the log and in its object, and the log with
/// itself; with `repair`, writes again what is damaged or missing.
///
/// # Errors
/// [`AgentError`]; a damaged store is no error but the answer.
pub(crate) async fn verify(
    agent: &Agent,
    repair: bool,
    progress: Arc<dyn Progress>,
) -> Result<VerifyReport, AgentError> {
    let verified = verify_unlocked(agent, repair, progress);
    if repair {
        agent.lock()?.hold(verified).await
    } else {
        verified.await
    }
}

async fn verify_unlocked(
    agent: &Agent,
    repair: bool,
    progress: Arc<dyn Progress>,
) -> Result<VerifyReport, AgentError> {
    let config = agent.config();
    let state = match repair {
        false => AgentState::read(&config.state_dir)?,
        // Under the lock, so that one of an earlier version is upgraded: it knows commits too.
        true if config.state_dir.join(FILE).exists() => Some(agent.state()?),
        true => None,
    };
    let known = known_catalog(agent, state.as_ref())?;
    let audit = audit::audit(agent.log(), known.as_ref()).await?;
    let mut mending = None;
    if repair {
        refuse_another_hosts(agent, state.as_ref(), &audit.catalog)?;
        check_unless_done(agent, state.as_ref()).await?;
        mending = Some(Spool::swept(&config.state_dir)?);
    }
    let rows = rows::Comparison {
        agent,
        catalog: &audit.catalog,
        mending: mending.clone(),
        progress,
    };
    let rows::ComparedRows {
        mut differences,
        absent,
    } = rows.run().await?;
    let partitions = audit.catalog.partitions.len() as u64;
    let of_log = match mending {
        None => audit.differences(),
        Some(spool) => {
            spool.sweep()?;
            mend::mend(agent, state.as_ref(), known.as_ref(), audit).await?
        }
    };
    differences.splice(0..0, of_log);
    Ok(VerifyReport {
        site: config.site.clone(),
        partitions,
        differences,
        absent,
    })
}

/// The catalog in the state, if the state is about this log.
fn known_catalog(agent: &Agent, state: Option<&AgentState>) -> Result<Option<Catalog>, AgentError> {
    let Some(state) = state else { return Ok(None) };
    let writer = state.writer()?;
    if !writer.is_some_and(|writer| same_log(&writer, agent)) {
        return Ok(None);
    }
    let empty = Catalog::empty(agent.config().site.clone());
    Ok(Some(state.catalog(empty)?))
}

/// Refuses to mend a log that another writer has, as its head says, or as the state knows where that
/// writer's commits cannot be read.
fn refuse_another_hosts(
    agent: &Agent,
    state: Option<&AgentState>,
    catalog: &Catalog,
) -> Result<(), AgentError> {
    let config = agent.config();
    let is_anothers = |head: &Head| head.writer.host != config.machine.host;
    let found = catalog.head.clone().filter(is_anothers).map(Fence::from);
    let writer = state.map(AgentState::writer).transpose()?.flatten();
    let known = writer.filter(|writer| same_log(writer, agent));
    match found.or(known.and_then(|writer| writer.fence)) {
        None => Ok(()),
        Some(fence) => Err(AgentError::Fenced {
            site: config.site.clone(),
            fence,
        }),
    }
}

#[cfg(test)]
mod tests;
