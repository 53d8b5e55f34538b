//! `plan`: what the next cycle would do, without writing anything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use causeway_shared::catalog::Catalog;
use causeway_shared::ids::{Md5, Name, Part, SiteName};
use serde::{Deserialize, Serialize};

use super::look::look;
use super::prepare::{
    LastCycle, Preparation, Prepared, SiteScan, TakePart, in_quarantine, refuses_more,
};
use super::report::exit_of;
use super::settle::{all_findings, dangling, findings_after};
use crate::agent::Agent;
use crate::config::AgentConfig;
use crate::error::{AgentError, Exit};
use crate::plan::guard::HeldTable;
use crate::plan::{Plan, PlannedChange};
use crate::progress::Progress;
use crate::push::session::same_log;
use crate::scan::{DanglingReference, ObjectId, PartBytes};
use crate::source::gate::{self, SourceFile};
use crate::state::refused_kinds::{RefusedKind, kinds};
use crate::state::{AgentState, Findings};

/// What the next cycle would push.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PlanReport {
    pub site: SiteName,
    /// The tables with something to push or in quarantine, by name, scanned or not.
    pub tables: BTreeMap<Name, TablePlan>,
    pub changes: Vec<PlanLine>,
    /// Rows that would be in quarantine, of all tables.
    pub quarantined: u64,
    /// Rows that are there now.
    pub was_quarantined: u64,
    /// Whether some of them are new, or their table was held back until now.
    pub quarantine_grows: bool,
    /// References to rows that would not be there.
    pub dangling: Vec<DanglingReference>,
    pub held: Vec<HeldTable>,
    /// Configured files and folders that are not there.
    pub missing: Vec<SourceFile>,
    /// Files that could not be looked at though they are named as tables are, and why.
    pub passed_over: Vec<String>,
    /// Tables that no source has and none ever had.
    pub absent: Vec<Name>,
    /// Whether the dataset is another one than the log's, so that a commit would follow even if no
    /// partition changed.
    pub dataset_changed: bool,
    /// What sources and dataset do not have in common.
    pub notes: Vec<String>,
}

/// What would become of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TablePlan {
    /// Partitions that it would have.
    pub partitions: u64,
    /// Rows that it would have.
    pub rows: u64,
    /// Its rows in the log.
    pub was_rows: u64,
    /// Bytes of what would be sent, before compression.
    pub bytes: u64,
    /// Partitions that the log does not have yet.
    pub new: u64,
    /// Partitions whose content differs in the log.
    pub changed: u64,
    /// Partitions that would go.
    pub gone: u64,
    /// Rows that would be refused.
    pub refused: u64,
    /// Why, of the refused rows that are listed.
    pub reasons: Vec<RefusedKind>,
}

/// A partition that would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLine {
    /// The table.
    pub table: Name,
    /// The partition.
    pub part: Part,
    /// The MD5 of its rows; `None` when it goes.
    pub md5: Option<Md5>,
    /// Its rows, or 0.
    pub rows: u64,
    /// Its rows in the log.
    pub was_rows: u64,
}

impl PlanLine {
    pub(super) fn of(change: &PlannedChange) -> Self {
        Self {
            table: change.table.clone(),
            part: change.part,
            md5: change.now.as_ref().map(|now| now.md5),
            rows: change.now.as_ref().map_or(0, |now| now.rows),
            was_rows: change.was.as_ref().map_or(0, |was| was.rows),
        }
    }
}

impl PlanReport {
    /// How the program ends: as the cycle would.
    #[must_use]
    pub(crate) fn exit(&self) -> Exit {
        let is_unseen = !self.missing.is_empty() || !self.passed_over.is_empty();
        exit_of(self.quarantine_grows || is_unseen, &self.held)
    }
}

/// What the next cycle would push. It may run beside another agent of the same state.
pub(crate) async fn preview(
    agent: &Agent,
    progress: Arc<dyn Progress>,
) -> Result<PlanReport, AgentError> {
    let config = agent.config();
    let state = AgentState::read(&config.state_dir)?;
    let known = match &state {
        Some(state) => state
            .writer()?
            .is_some_and(|stored| same_log(&stored, agent)),
        None => false,
    };
    let state = state.filter(|_| known);
    let (catalog, before, last) = match &state {
        Some(state) => (
            state.catalog(Catalog::empty(config.site.clone()))?,
            state.fingerprints()?,
            LastCycle::read(state)?,
        ),
        None => (
            agent.log().read_catalog().await?,
            None,
            LastCycle::default(),
        ),
    };
    // Its SQLite handle is not needed any more, and must not cross threads.
    drop(state);

    let now = look(agent, before.as_ref(), &progress).await?;
    let moved = gate::moved(before.as_ref(), &now);
    let was_quarantined = last.in_quarantine();
    if moved.is_nothing() {
        let findings = all_findings(&config.dataset, last.findings, Findings::new());
        let mut tables = BTreeMap::new();
        add_refused_elsewhere(&mut tables, &catalog, &findings);
        return Ok(PlanReport {
            site: config.site.clone(),
            tables,
            changes: Vec::new(),
            quarantined: in_quarantine(&findings),
            was_quarantined,
            quarantine_grows: false,
            dangling: dangling(&findings),
            held: last.held,
            missing: now.absent(),
            passed_over: last.passed_over,
            absent: Vec::new(),
            dataset_changed: false,
            notes: Vec::new(),
        });
    }
    let (sizes, take) = weighed();
    let preparation = Preparation {
        config,
        catalog: &catalog,
        last: &last,
        moved: &moved,
        allow_shrink: false,
        progress: &progress,
    };
    let Prepared { scan, plan } = preparation.run(take).await?;
    let sizes = sizes.lock().unwrap_or_else(PoisonError::into_inner);
    let scanned = scan.findings(&config.dataset);
    let quarantine_grows = refuses_more(&scanned, &last);
    let findings = findings_after(scanned, &last.findings, &plan.held);
    let findings = all_findings(&config.dataset, last.findings, findings);
    let mut tables = tables_of(config, (&plan, &catalog), &scan, &sizes);
    add_refused_elsewhere(&mut tables, &catalog, &findings);
    Ok(PlanReport {
        site: config.site.clone(),
        tables,
        changes: plan.changes.iter().map(PlanLine::of).collect(),
        quarantined: in_quarantine(&findings),
        was_quarantined,
        quarantine_grows,
        dangling: dangling(&findings),
        held: plan.held,
        missing: now.absent(),
        passed_over: scan.passed_over,
        absent: plan.absent,
        dataset_changed: plan.announces_dataset,
        notes: scan.notes.into_values().flatten().collect(),
    })
}

/// The size in bytes of every partition that a scan meets.
pub(super) type Sizes = Arc<Mutex<BTreeMap<ObjectId, u64>>>;

/// Keeps nothing of the partitions but their sizes.
pub(super) fn weighed() -> (Sizes, TakePart) {
    let sizes = Sizes::default();
    let taken = Arc::clone(&sizes);
    let take = move |object, csv: PartBytes| {
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.insert(object, csv.len());
        Ok(())
    };
    (sizes, Box::new(take))
}

/// Adds the tables that were not scanned, or not judged, and have rows in quarantine. They stay as they are.
fn add_refused_elsewhere(
    tables: &mut BTreeMap<Name, TablePlan>,
    catalog: &Catalog,
    findings: &Findings,
) {
    for (name, found) in findings {
        if found.refused.total == 0 {
            continue;
        }
        let rows = catalog.rows(name.as_str());
        let table = tables.entry(name.clone()).or_insert_with(|| TablePlan {
            partitions: catalog.table(name.as_str()).count() as u64,
            rows,
            was_rows: rows,
            ..TablePlan::default()
        });
        if table.refused == 0 {
            table.refused = found.refused.total;
            table.reasons = kinds(&found.refused);
        }
    }
}

/// The tables with something to push or to refuse.
pub(super) fn tables_of(
    config: &AgentConfig,
    (plan, catalog): (&Plan, &Catalog),
    scan: &SiteScan,
    sizes: &BTreeMap<ObjectId, u64>,
) -> BTreeMap<Name, TablePlan> {
    let mut tables: BTreeMap<Name, TablePlan> = BTreeMap::new();
    for change in &plan.changes {
        let table = tables.entry(change.table.clone()).or_default();
        match (&change.was, &change.now) {
            (_, None) => table.gone += 1,
            (None, Some(_)) => table.new += 1,
            (Some(_), Some(_)) => table.changed += 1,
        }
        let object = change.now.as_ref();
        let object = object.map(|now| (change.table.clone(), change.part, now.md5));
        table.bytes += object.and_then(|id| sizes.get(&id)).copied().unwrap_or(0);
    }
    for (id, scanned) in scan.read() {
        let name = &config.dataset.tables[id].name;
        let refused = &scanned.findings.refused;
        if refused.total > 0 {
            let table = tables.entry(name.clone()).or_default();
            table.refused = refused.total;
            table.reasons = kinds(refused);
        }
        if let Some(table) = tables.get_mut(name) {
            table.partitions = scanned.parts.len() as u64;
            table.rows = scanned.rows();
        }
    }
    for (name, table) in &mut tables {
        table.was_rows = catalog.rows(name.as_str());
    }
    tables
}
