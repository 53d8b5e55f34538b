//! `import`: a file's rows committed as a site's, for a site that no agent writes.
//!
//! The importer remembers nothing: each import makes its state anew from the log, in a folder that its
//! caller throws away, and claims the log as a new writer at the place that all importers share. So an
//! agent's log stays the agent's, and of two imports at once the later one reads the log again and starts
//! anew on what the earlier one wrote.
//!
//! A kill leaves what one of `sync` does: objects that no commit names, or the commit. Imported again, the
//! same file commits what is missing, or nothing, and puts back what the store has lost.

mod kept;
mod lost;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use causeway_shared::catalog::Catalog;
use causeway_shared::dataset::{Column, Dataset, TableId};
use causeway_shared::ids::{Name, Seq, SiteName};
use causeway_shared::runtime::clock;
use causeway_shared::store::RequestCounts;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::prepare::{LastCycle, Preparation, Prepared, SiteScan};
use super::preview::{PlanLine, TablePlan, tables_of, weighed};
use super::report::{PartitionCounts, RowCounts, exit_of};
use super::{Spooled, named, push_spooled, spooled};
use crate::agent::Agent;
use crate::error::{AgentError, Exit};
use crate::plan::Plan;
use crate::plan::guard::{HeldTable, Reason};
use crate::progress::Progress;
use crate::push::quarantine::replace_lists;
use crate::push::session::{LogCheck, WriterSession, open_session};
use crate::push::{Pushed, noted_uploads};
use crate::scan::{DanglingReference, ObjectId};
use crate::source::gate::Moved;
use crate::source::{FileRows, ImportedFile, ImportedRows, ImportedTable};
use crate::state::{AgentState, PresentColumns};

/// How often an import is tried where others write the log meanwhile.
const MAX_ATTEMPTS: u32 = 5;

/// What to import, and how.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// The tables that the file has.
    pub files: BTreeMap<TableId, ImportedFile>,
    /// Whether rows are added and updated by key; else each table of the file replaces the site's.
    pub add: bool,
    /// Whether only to say what would be committed.
    pub dry_run: bool,
    /// Whether to replace the agent that wrote the site.
    pub take_over: bool,
    /// Whether a table may lose a large part of its rows.
    pub allow_shrink: bool,
}

/// What an import did, or would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportReport {
    /// The site.
    pub site: SiteName,
    /// The commit; `None` where nothing changed, or nothing was to be written.
    pub commit: Option<Seq>,
    /// Partitions.
    pub partitions: PartitionCounts,
    /// Rows of the file, and how many of them were refused.
    pub rows: RowCounts,
    /// The tables that change, or of which rows are refused.
    pub tables: BTreeMap<Name, TablePlan>,
    /// The partitions that change.
    pub changes: Vec<PlanLine>,
    /// Objects that the store had lost and that the file has.
    #[serde(default)]
    pub restored: u64,
    /// Tables that stay as they are until a person has looked.
    pub held: Vec<HeldTable>,
    /// References to rows that are not there.
    pub dangling: Vec<DanglingReference>,
    /// What the file and the dataset do not have in common.
    pub notes: Vec<String>,
    /// Bytes of objects sent.
    pub bytes_sent: u64,
    /// Requests sent to the store.
    pub requests: RequestCounts,
    /// How long it took, in seconds.
    pub seconds: f64,
}

impl ImportReport {
    /// How the program ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        exit_of(self.rows.quarantined > 0, &self.held)
    }
}

/// Imports. The agent's state folder has to be a new one.
///
/// # Errors
/// [`AgentError::Fenced`] where an agent writes the site, else what stopped it; nothing is lost, and the
/// same import goes on from there.
pub async fn import(
    agent: &Agent,
    request: &ImportRequest,
    progress: Arc<dyn Progress>,
) -> Result<ImportReport, AgentError> {
    let import = Import {
        agent,
        request,
        progress: &progress,
        began: Instant::now(),
        requests: agent.store().requests(),
    };
    let imported = async {
        for _ in 0..MAX_ATTEMPTS {
            if let Some(report) = import.attempt().await? {
                return Ok(report);
            }
        }
        Err(AgentError::Unsettled {
            site: agent.config().site.clone(),
            attempts: MAX_ATTEMPTS,
        })
    };
    agent.lock()?.hold(imported).await
}

struct Import<'i> {
    agent: &'i Agent,
    request: &'i ImportRequest,
    progress: &'i Arc<dyn Progress>,
    began: Instant,
    requests: RequestCounts,
}

impl Import<'_> {
    /// One try; `None` where the log moved on meanwhile.
    async fn attempt(&self) -> Result<Option<ImportReport>, AgentError> {
        let (agent, request) = (self.agent, self.request);
        let mut state = agent.state()?;
        let check = LogCheck {
            ask: true,
            take_over: request.take_over,
        };
        let mut session = open_session(agent, &mut state, check).await?;
        // Whoever wrote the log tried the store.
        session.writer.store_checked |= session.catalog.head.is_some();
        let tables = self.tables(&session.catalog);
        let lost = lost::lost(agent, &session.catalog, &tables).await?;
        let folder = kept::folder(agent)?;
        let rows = self.rows(&session.catalog, &tables, &folder).await?;
        let last = LastCycle::default();
        let preparation = Preparation {
            config: agent.config(),
            catalog: &session.catalog,
            last: &last,
            moved: &Moved::Everything,
            allow_shrink: request.allow_shrink,
            progress: self.progress,
        };
        let catalog = &session.catalog;
        let prepare = |take| async {
            let scan = preparation.scan_import(tables, rows, take).await?;
            let columns = self.columns((catalog, &lost), &scan).await?;
            Ok(preparation.plan(scan, &columns))
        };
        if request.dry_run {
            let (sizes, take) = weighed();
            let prepared = prepare(take).await?;
            let sizes = sizes.lock().unwrap_or_else(PoisonError::into_inner).clone();
            return Ok(Some(self.report(catalog, &lost, prepared, &sizes)));
        }
        let there = noted_uploads(agent, &state, clock::now())?;
        let log = &named(catalog) - &lost;
        let (prepared, spooled) = spooled(agent, there, log, prepare).await?;
        // An agent that is replaced has to find that out.
        let is_idle = prepared.plan.is_empty() && !session.announces_writer();
        let committed = match is_idle {
            true => None,
            false => match self
                .push(&mut state, &mut session, &prepared.plan, &spooled)
                .await?
            {
                Some(committed) => Some(committed),
                None => return Ok(None),
            },
        };
        // The log has named them before.
        let bytes_put_back =
            lost::put_back(agent, &mut state, &lost, &spooled, self.progress).await?;
        let lists = self.replace_lists(&prepared).await;
        let mut report = self.report(&session.catalog, &lost, prepared, &spooled.objects);
        report.notes.extend(lists);
        report.bytes_sent = bytes_put_back;
        if let Some((seq, bytes_sent)) = committed {
            report.commit = Some(seq);
            report.bytes_sent += bytes_sent;
        }
        Ok(Some(report))
    }

    /// Commits a plan: the commit's number, and the bytes that were sent for it.
    async fn push(
        &self,
        state: &mut AgentState,
        session: &mut WriterSession,
        plan: &Plan,
        spooled: &Spooled,
    ) -> Result<Option<(Seq, u64)>, AgentError> {
        let pushed = push_spooled(self.agent, state, session, plan, spooled, self.progress);
        let pushed = pushed.await;
        let (commit, bytes_sent) = match pushed {
            Ok(Pushed::Committed { commit, bytes_sent }) => (commit, bytes_sent),
            Ok(Pushed::Behind) => return Ok(None),
            // Another importer, which began later, was first.
            Err(AgentError::Fenced { fence, .. }) if fence.host == session.writer.writer.host => {
                let mut writer = session.writer.clone();
                writer.fence = None;
                state.note_writer(&writer)?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut catalog = session.catalog.clone();
        catalog.apply(&commit);
        self.agent.log().write_due_checkpoint(&catalog).await;
        Ok(Some((commit.head.seq, bytes_sent)))
    }

    /// The tables to scan: those of the file, with those whose rows lie where theirs do; all, where the
    /// site's last commit has another dataset.
    fn tables(&self, catalog: &Catalog) -> BTreeSet<TableId> {
        let dataset = &self.agent.config().dataset;
        let head = catalog.head.as_ref();
        if head.is_some_and(|head| head.dataset != self.agent.dataset_md5()) {
            return dataset.tables.ids().collect();
        }
        let files = self.request.files.keys();
        let roots: BTreeSet<TableId> = files.map(|table| dataset.root(*table)).collect();
        let tables = dataset.tables.ids();
        tables
            .filter(|table| roots.contains(&dataset.root(*table)))
            .collect()
    }

    /// Their rows: the file's, and the store's that stay.
    async fn rows(
        &self,
        catalog: &Catalog,
        tables: &BTreeSet<TableId>,
        folder: &TempDir,
    ) -> Result<ImportedRows, AgentError> {
        let mut imported = BTreeMap::new();
        for id in tables {
            let file = self.request.files.get(id).cloned();
            let table = &self.agent.config().dataset.tables[*id];
            let stay = file.is_none() || self.request.add;
            let has_rows = catalog.table(table.name.as_str()).next().is_some();
            let kept = match stay && has_rows {
                true => Some(kept::read(self.agent, catalog, table, folder.path()).await?),
                false => None,
            };
            imported.insert(*id, ImportedTable { file, kept });
        }
        Ok(ImportedRows {
            tables: imported,
            keys: kept::keys_referred_to(self.agent, catalog, tables, folder.path()).await?,
            zone: self.agent.config().zone.clone(),
        })
    }

    /// The columns that the file lacks of the tables that it replaces, and of which the store has values.
    /// What has a default has a value in every row, whatever an earlier file had.
    async fn columns(
        &self,
        stored: (&Catalog, &BTreeSet<ObjectId>),
        scan: &SiteScan,
    ) -> Result<PresentColumns, AgentError> {
        let mut columns = PresentColumns::new();
        let dataset = &self.agent.config().dataset;
        let replaced = scan.read().filter(|(id, _)| {
            self.request.files.contains_key(id) && !self.request.add && !self.request.allow_shrink
        });
        for (id, scanned) in replaced {
            let table = &dataset.tables[id];
            let lacks = |(_, column): &(usize, &Column)| {
                column.default.is_none() && !scanned.columns.contains(&column.name)
            };
            let lacking = table.columns.iter().enumerate().filter(lacks);
            let lacking: BTreeSet<usize> = lacking.map(|(at, _)| at).collect();
            let had = kept::with_values(self.agent, stored, table, lacking).await?;
            let had = had.into_iter().map(|at| table.columns[at].name.clone());
            columns.insert(table.name.clone(), had.collect());
        }
        Ok(columns)
    }

    /// Publishes the refused rows of the file's tables. A note, where that failed.
    async fn replace_lists(&self, prepared: &Prepared) -> Option<String> {
        let dataset = &self.agent.config().dataset;
        let mut findings = prepared.scan.findings(dataset);
        let is_of_file = |table: &Name| {
            let id = dataset.tables.id(table.as_str());
            id.is_some_and(|id| self.request.files.contains_key(&id))
        };
        findings.retain(|table, found| is_of_file(table) || found.refused.total > 0);
        let replaced = replace_lists(self.agent, &findings).await.err()?;
        Some(format!(
            "the list of refused rows is not in the store: {replaced}; import the same file again"
        ))
    }

    /// Calls files by the names that a person knows them by.
    fn name_files(&self, held: &mut [HeldTable]) {
        let files = self.request.files.values();
        let paths = files.filter_map(|file| match &file.rows {
            FileRows::Csv(path) => Some((path.display().to_string(), &file.name)),
            FileRows::Spooled(_) => None,
        });
        let paths: Vec<_> = paths.collect();
        for held in held {
            if let Reason::Unreadable(trouble) = &mut held.reason {
                *trouble = trouble.clone().because(|why| {
                    let named =
                        |why: String, (path, name): &(String, &String)| why.replace(path, name);
                    paths.iter().fold(why.to_owned(), named)
                });
            }
        }
    }

    fn report(
        &self,
        catalog: &Catalog,
        lost: &BTreeSet<ObjectId>,
        prepared: Prepared,
        sizes: &BTreeMap<ObjectId, u64>,
    ) -> ImportReport {
        let Prepared { scan, mut plan } = prepared;
        self.name_files(&mut plan.held);
        let config = self.agent.config();
        let removed = plan.removed() as u64;
        ImportReport {
            site: config.site.clone(),
            commit: None,
            partitions: PartitionCounts {
                scanned: scan.partitions(),
                changed: plan.changes.len() as u64 - removed,
                removed,
            },
            rows: RowCounts {
                scanned: scan.rows_read(),
                quarantined: scan.quarantined(),
            },
            tables: tables_of(config, (&plan, catalog), &scan, sizes),
            changes: plan.changes.iter().map(PlanLine::of).collect(),
            restored: lost.iter().filter(|of| sizes.contains_key(*of)).count() as u64,
            dangling: dangling(&config.dataset, &scan),
            held: plan.held,
            notes: scan.notes.into_values().flatten().collect(),
            bytes_sent: 0,
            requests: self.agent.store().requests().since(&self.requests),
            seconds: self.began.elapsed().as_secs_f64(),
        }
    }
}

fn dangling(dataset: &Dataset, scan: &SiteScan) -> Vec<DanglingReference> {
    let findings = scan.findings(dataset).into_values();
    findings.flat_map(|found| found.dangling).collect()
}

#[cfg(test)]
mod tests;
