//! The initial migration: one cycle of everything, then every object read back from the store.
//!
//! It can be stopped and started again: what was sent is not sent twice, and what is committed is
//! only read back.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use causeway_shared::catalog::Catalog;
use causeway_shared::layout::{LogKey, WhichLog};
use causeway_shared::object::{ObjectFault, fault};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::attempt::SyncOptions;
use super::report::CycleReport;
use super::run_cycle;
use super::sync::{note_failure, tell_hub};
use crate::agent::Agent;
use crate::error::AgentError;
use crate::progress::{Progress, Step};
use crate::state::AgentState;

/// Objects read back at once.
const READ_AT_ONCE: usize = 8;

/// Migrates a site: pushes everything, then reads it back.
///
/// # Errors
/// [`AgentError::NotVerified`] where an object did not come back as it was written, else as
/// [`sync`](super::sync::sync).
pub async fn migrate(
    agent: &Agent,
    progress: Arc<dyn Progress>,
) -> Result<CycleReport, AgentError> {
    let lock = agent.lock()?;
    lock.hold(migrate_locked(agent, &progress)).await
}

async fn migrate_locked(
    agent: &Agent,
    progress: &Arc<dyn Progress>,
) -> Result<CycleReport, AgentError> {
    let mut state = agent.state()?;
    let migrated = run(agent, &mut state, progress).await;
    migrated.inspect_err(|error| note_failure(&mut state, error))
}

async fn run(
    agent: &Agent,
    state: &mut AgentState,
    progress: &Arc<dyn Progress>,
) -> Result<CycleReport, AgentError> {
    let begun = Instant::now();
    let requests = agent.store().requests();
    let options = SyncOptions {
        ask_log: true,
        ..SyncOptions::default()
    };
    let mut report = run_cycle(agent, state, options, None, progress).await?;
    tell_hub(agent, &report).await;
    let catalog = state.catalog(Catalog::empty(report.site.clone()))?;
    report.verified = Some(read_back(agent, &catalog, progress).await?);
    report.requests = agent.store().requests().since(&requests);
    report.seconds = begun.elapsed().as_secs_f64();
    Ok(report)
}

/// Reads every object of a catalog; how many there are.
async fn read_back(
    agent: &Agent,
    catalog: &Catalog,
    progress: &Arc<dyn Progress>,
) -> Result<u64, AgentError> {
    let site = &agent.config().site;
    let objects = catalog.partitions.len() as u64;
    progress.step(Step::Verifying { objects });
    let checks = catalog.partitions.iter().map(|((table, part), entry)| {
        let key = LogKey::Object(table.clone(), *part, entry.object.md5).of(WhichLog::Agent, site);
        let (store, object) = (agent.store().clone(), entry.object.clone());
        // A task of its own, since what is read is decompressed and hashed too.
        let check = tokio::spawn(async move { fault(&*store, key, &object).await });
        async move {
            match check.await {
                Ok(found) => found.map_err(|source| AgentError::Store {
                    site: site.clone(),
                    source,
                }),
                Err(stopped) => Err(AgentError::System {
                    source: io::Error::other(stopped),
                }),
            }
        }
    });
    let found: Vec<Option<ObjectFault>> = stream::iter(checks)
        .buffer_unordered(READ_AT_ONCE)
        .inspect_ok(|_| progress.step(Step::Verified))
        .try_collect()
        .await?;
    let faults: Vec<ObjectFault> = found.into_iter().flatten().collect();
    if faults.is_empty() {
        return Ok(objects);
    }
    faults
        .iter()
        .for_each(|fault| tracing::error!(%site, "{fault}"));
    Err(AgentError::NotVerified {
        site: site.clone(),
        count: faults.len(),
    })
}
