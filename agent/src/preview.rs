//! What a cycle would do, found out without writing anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use causeway_shared::catalog::Catalog;
use causeway_shared::ids::{Md5, Name, Part, SiteName};
use serde::Serialize;

use crate::affected::tables_to_scan;
use crate::agent::Agent;
use crate::cycle::places_before;
use crate::error::{AgentError, Exit};
use crate::gate;
use crate::guard::{Held, Rules};
use crate::plan::plan;
use crate::progress::Progress;
use crate::stand::same_log;
use crate::state::State;
use crate::survey::{self, Tables, survey};

/// What the next cycle would push.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanReport {
    /// The site.
    pub site: SiteName,
    /// The partitions that would change.
    pub changes: Vec<PlanLine>,
    /// Rows in quarantine of the tables looked at.
    pub quarantined: u64,
    /// Tables that would be held back.
    pub held: Vec<Held>,
    /// Tables that no source has and none ever had.
    pub absent: Vec<Name>,
    /// Whether the dataset is another one than the log's, so that a commit would follow even if no
    /// partition changed.
    pub dataset_changed: bool,
}

/// A partition that would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanLine {
    /// Its table.
    pub table: Name,
    /// The partition.
    pub part: Part,
    /// The MD5 of its rows; `None` when it goes.
    pub md5: Option<Md5>,
    /// Its rows.
    pub rows: u64,
    /// Its rows in the log.
    pub was_rows: u64,
}

impl PlanReport {
    /// How the program ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if self.held.iter().any(Held::needs_person) {
            Exit::Look
        } else {
            Exit::Done
        }
    }
}

impl Agent {
    /// What the next cycle would push. It may run beside another agent of the same state.
    ///
    /// # Errors
    /// [`AgentError`]
    pub async fn plan(&self, progress: Arc<dyn Progress>) -> Result<PlanReport, AgentError> {
        let config = self.config();
        let state = State::read(&config.state_dir)?;
        let known = match &state {
            Some(state) => state
                .writer()?
                .is_some_and(|stored| same_log(&stored, self)),
            None => false,
        };
        let state = state.filter(|_| known);
        let (catalog, before, places, still_held, columns) = match &state {
            Some(state) => (
                state.catalog(Catalog::empty(config.site.clone()))?,
                state.look()?,
                places_before(state, &config.dataset)?,
                state.held()?,
                state.columns()?,
            ),
            None => (
                self.log().load().await?,
                None,
                Default::default(),
                Vec::new(),
                Default::default(),
            ),
        };
        // SQLite's handle is of no use from here on, and must not cross threads.
        drop(state);

        let look = self.look(before.as_ref(), &progress).await?;
        let moved = gate::moved(before.as_ref(), &look);
        if moved.is_nothing() {
            return Ok(PlanReport {
                site: config.site.clone(),
                changes: Vec::new(),
                quarantined: 0,
                held: still_held,
                absent: Vec::new(),
                dataset_changed: false,
            });
        }
        let sources = survey::resolve(config).await?;
        let now = survey::places(&sources, &config.dataset);
        let tables = tables_to_scan(&config.dataset, &moved, &places, &now, &BTreeSet::new());
        let tables = Tables::to_scan(tables, &config.dataset, &catalog);
        let mut found = survey(config, sources, tables, progress, Box::new(|_, _| Ok(()))).await?;
        found.compare_columns(&config.dataset, &columns);
        let rules = Rules {
            shrink: config.guard.shrink,
            allow_shrink: false,
        };
        let plan = plan(&config.dataset, &catalog, &found.found, rules);
        let line = |change: &crate::plan::PlannedChange| PlanLine {
            table: change.table.clone(),
            part: change.part,
            md5: change.now.as_ref().map(|now| now.md5),
            rows: change.now.as_ref().map_or(0, |now| now.rows),
            was_rows: change.was.map_or(0, |was| was.rows),
        };
        Ok(PlanReport {
            site: config.site.clone(),
            changes: plan.changes.iter().map(line).collect(),
            quarantined: found.quarantined(),
            held: plan.held,
            absent: plan.absent,
            dataset_changed: plan.announces_dataset,
        })
    }
}
