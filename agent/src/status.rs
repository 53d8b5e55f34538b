//! `status` and `quarantine`: what the agent sent, what waits, and what a person should look at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causeway_shared::ids::{Name, Seq, SiteName};
use causeway_shared::quarantine::RefusedRow;
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::timeout;

use crate::agent::Agent;
use crate::config::AgentConfig;
use crate::cycle::look::look;
use crate::error::{AgentError, Exit};
use crate::plan::guard::HeldTable;
use crate::progress::{Progress, Silent};
use crate::push::session::same_log;
use crate::scan::DanglingReference;
use crate::source::gate::{SourceFile, SourceFingerprints};
use crate::state::{AgentState, CycleOutcome, Fence, StoredWriter};

/// How long the store may take to answer, since a person waits for the status.
const STORE_TIME_LIMIT: Duration = Duration::from_secs(3);

/// What the agent sent, what waits, and what a person should look at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StatusReport {
    pub site: SiteName,
    pub commit: Option<Seq>,
    /// Its time.
    pub committed_at: Option<Timestamp>,
    /// The writer's epoch.
    pub epoch: Option<u64>,
    /// Partitions of each table in the log.
    pub tables: BTreeMap<Name, TableStatus>,
    /// Files that moved since the last completed cycle.
    pub pending: Vec<SourceFile>,
    /// Configured files and folders that are not there.
    pub missing: Vec<SourceFile>,
    /// Files that the last cycle could not look at though they are named as tables are, and why.
    pub passed_over: Vec<String>,
    /// What sources and dataset do not have in common, as the last cycle found it.
    pub notes: Vec<String>,
    pub held: Vec<HeldStatus>,
    /// The writer that has replaced this one.
    pub fenced_by: Option<Fence>,
    /// The last cycle's error, and when.
    pub last_error: Option<LastError>,
    pub store: Reach,
    /// The hub, if one is to be told.
    pub hub: Option<Reach>,
}

/// A table in the log and in its source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct TableStatus {
    pub partitions: u64,
    pub rows: u64,
    pub quarantined: u64,
    /// References to rows that are not there.
    pub dangling: Vec<DanglingReference>,
}

/// A table held back, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct HeldStatus {
    /// The table and why.
    #[serde(flatten)]
    pub held: HeldTable,
    pub remedy: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LastError {
    pub at: Timestamp,
    pub error: String,
}

/// Whether something can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Reach {
    /// Its address, without credentials.
    pub url: String,
    /// Why it cannot be reached; `None` if it can.
    pub error: Option<String>,
}

impl StatusReport {
    /// How the program ends.
    #[must_use]
    pub(crate) fn exit(&self) -> Exit {
        let held = self.held.iter().any(|held| held.held.needs_person());
        let quarantined = self.tables.values().any(|table| table.quarantined > 0);
        let unreached =
            self.store.error.is_some() || self.hub.as_ref().is_some_and(|hub| hub.error.is_some());
        let is_unseen = !self.missing.is_empty() || !self.passed_over.is_empty();
        if held || quarantined || self.fenced_by.is_some() || is_unseen {
            Exit::Look
        } else if unreached {
            Exit::Failed
        } else {
            Exit::Done
        }
    }
}

/// Finds out how the agent is. It may run beside another agent of the same state.
///
/// # Errors
/// [`AgentError::State`]; a store or hub that cannot be reached is part of the answer.
pub(crate) async fn status(agent: &Agent) -> Result<StatusReport, AgentError> {
    let known = known(agent)?;
    let silent: Arc<dyn Progress> = Arc::new(Silent);
    let now = look(agent, known.fingerprints.as_ref(), &silent).await?;
    let missing = now.absent();
    let pending = match &known.fingerprints {
        Some(before) => now.visibly_moved_since(before),
        None => now.files.into_keys().collect(),
    };
    let next = known.commit.unwrap_or(Seq::NONE).next();
    let ask = async {
        if let Some(seq) = known.commit {
            agent.log().check_holds_something(seq).await?;
        }
        agent.log().commit(next).await
    };
    let (asked, hub) = tokio::join!(timeout(STORE_TIME_LIMIT, ask), reach_hub(agent));
    let (store_error, newer) = match asked {
        Ok(Ok(newer)) => (None, newer),
        Ok(Err(error)) => (Some(error.to_string()), None),
        Err(_) => (
            Some(format!("no answer in {} s", STORE_TIME_LIMIT.as_secs())),
            None,
        ),
    };
    // Another host's commit may be there that this agent has not seen yet.
    let host = &agent.config().machine.host;
    let found = newer
        .filter(|commit| commit.head.writer.host != *host)
        .map(|commit| Fence::from(commit.head));
    Ok(StatusReport {
        site: agent.config().site.clone(),
        commit: known.commit,
        committed_at: known.committed_at,
        epoch: known.writer.as_ref().map(|writer| writer.epoch),
        tables: known.tables,
        pending,
        missing,
        passed_over: known.passed_over,
        notes: known.notes,
        held: known
            .held
            .into_iter()
            .map(|held| HeldStatus {
                remedy: held.remedy().to_owned(),
                held,
            })
            .collect(),
        fenced_by: known.writer.and_then(|writer| writer.fence).or(found),
        last_error: known
            .cycle
            .and_then(|CycleOutcome { at, error }| Some(LastError { at, error: error? })),
        store: Reach {
            url: agent.store().describe(),
            error: store_error,
        },
        hub,
    })
}

async fn reach_hub(agent: &Agent) -> Option<Reach> {
    let hub = agent.hub()?;
    Some(Reach {
        url: hub.url().to_owned(),
        error: hub.reach().await.err(),
    })
}

fn known(agent: &Agent) -> Result<KnownState, AgentError> {
    let Some(state) = AgentState::read(&agent.config().state_dir)? else {
        return Ok(KnownState::default());
    };
    let writer = state.writer()?;
    if writer
        .as_ref()
        .is_some_and(|stored| !same_log(stored, agent))
    {
        // What was committed and looked at for another site or store says nothing of this one.
        return Ok(KnownState {
            cycle: state.cycle()?,
            ..KnownState::default()
        });
    }
    let mut tables: BTreeMap<Name, TableStatus> = BTreeMap::new();
    for ((table, _), entry) in &state.partitions()? {
        let status = tables.entry(table.clone()).or_default();
        status.partitions += 1;
        status.rows += entry.object.rows;
    }
    for (table, found) in state.findings()? {
        let status = tables.entry(table).or_default();
        status.quarantined = found.refused.total;
        status.dangling = found.dangling;
    }
    let head = state.head()?;
    Ok(KnownState {
        commit: head.as_ref().map(|head| head.seq),
        committed_at: head.map(|head| head.at),
        writer,
        fingerprints: state.fingerprints()?,
        held: state.held()?,
        passed_over: state.passed_over()?,
        notes: state.notes()?.into_values().flatten().collect(),
        cycle: state.cycle()?,
        tables,
    })
}

/// What the state knows.
#[derive(Debug, Default)]
struct KnownState {
    commit: Option<Seq>,
    committed_at: Option<Timestamp>,
    writer: Option<StoredWriter>,
    fingerprints: Option<SourceFingerprints>,
    held: Vec<HeldTable>,
    passed_over: Vec<String>,
    notes: Vec<String>,
    cycle: Option<CycleOutcome>,
    tables: BTreeMap<Name, TableStatus>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct QuarantineReport {
    pub site: SiteName,
    /// All of them.
    pub quarantined: u64,
    /// How many of each table.
    pub tables: BTreeMap<Name, u64>,
    /// Those that are listed, the newest of each table first.
    pub rows: Vec<ListedRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ListedRow {
    pub table: Name,
    #[serde(flatten)]
    pub refused: RefusedRow,
}

/// Reads the refused rows that are listed, and counts all of them. It may run beside an agent of the
/// same state, and needs no store.
pub(crate) fn quarantine(config: &AgentConfig) -> Result<QuarantineReport, AgentError> {
    let mut report = QuarantineReport {
        site: config.site.clone(),
        quarantined: 0,
        tables: BTreeMap::new(),
        rows: Vec::new(),
    };
    let Some(state) = AgentState::read(&config.state_dir)? else {
        return Ok(report);
    };
    for (table, found) in state
        .findings()?
        .into_iter()
        .filter(|(_, found)| found.refused.total > 0)
    {
        let rows = found.refused.listed.into_iter().map(|refused| ListedRow {
            table: table.clone(),
            refused,
        });
        report.rows.extend(rows);
        report.quarantined += found.refused.total;
        report.tables.insert(table, found.refused.total);
    }
    Ok(report)
}
