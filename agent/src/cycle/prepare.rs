//! The front half that `sync`, `plan` and `verify` share: which tables are scanned, what the scan
//! finds, and what the plan makes of it.
//!
//! The scan runs on a thread of its own beside the async tasks, and stops when its cycle does.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use causeway_shared::catalog::Catalog;
use causeway_shared::dataset::{Dataset, Table, TableId};
use causeway_shared::ids::Name;
use causeway_shared::runtime::clock;
use jiff::Timestamp;

use super::notes::{notes, passed_over};
use crate::agent::blocking;
use crate::config::{AgentConfig, ConfigError};
use crate::error::AgentError;
use crate::plan::affected::{TableFiles, forced_tables, tables_to_scan};
use crate::plan::guard::{HeldTable, Rules};
use crate::plan::{Plan, plan};
use crate::progress::{Progress, Step};
use crate::scan::{
    ObjectId, PartBytes, ScanRequest, ScannedTable, ScannedTables, Stop, TableFindings, scan,
};
use crate::source::gate::{self, Moved, SourceFile};
use crate::source::{ImportedRows, Sources, Unreadable};
use crate::state::{AgentState, Findings, Notes, PresentColumns, StateError};

/// What the scan may hold in memory, in bytes, before it sorts on disk.
const MEMORY: usize = 16 << 20;

/// The folder of the scan's sorted runs, in the agent's.
const SPILL: &str = "spill";

/// Takes each scanned partition's bytes.
pub(crate) type TakePart = Box<dyn FnMut(ObjectId, PartBytes) -> Result<(), Stop> + Send>;

/// What the next cycle builds on: what the last ones left in the state. Empty where every table is
/// to be scanned and nothing was held.
#[derive(Debug, Default)]
pub(crate) struct LastCycle {
    pub(crate) findings: Findings,
    pub(crate) columns: PresentColumns,
    pub(crate) held: Vec<HeldTable>,
    pub(crate) passed_over: Vec<String>,
}

impl LastCycle {
    pub(crate) fn read(state: &AgentState) -> Result<Self, StateError> {
        Ok(Self {
            findings: state.findings()?,
            columns: state.columns()?,
            held: state.held()?,
            passed_over: state.passed_over()?,
        })
    }

    /// How many rows were refused, of all tables.
    pub(crate) fn in_quarantine(&self) -> u64 {
        in_quarantine(&self.findings)
    }

    /// Where each table was read from.
    pub(crate) fn files(&self, dataset: &Dataset) -> TableFiles {
        let file = |(id, table): (TableId, &Table)| {
            Some((id, self.findings.get(&table.name)?.file.clone()?))
        };
        dataset.tables.with_ids().filter_map(file).collect()
    }
}

pub(crate) struct Preparation<'p> {
    pub(crate) config: &'p Arc<AgentConfig>,
    /// What the log says.
    pub(crate) catalog: &'p Catalog,
    pub(crate) last: &'p LastCycle,
    pub(crate) moved: &'p Moved,
    /// Whether a person accepts that tables lose a large part of their rows.
    pub(crate) allow_shrink: bool,
    pub(crate) progress: &'p Arc<dyn Progress>,
}

pub(crate) struct Prepared {
    pub(crate) scan: SiteScan,
    pub(crate) plan: Plan,
}

/// What a scan of a site found.
#[derive(Debug, Default)]
pub(crate) struct SiteScan {
    /// When it began, by the wall clock.
    pub(crate) began: Timestamp,
    pub(crate) took: Duration,
    pub(crate) tables: ScannedTables,
    /// Files that could not be read, so that they have to be read again.
    pub(crate) unread: BTreeSet<SourceFile>,
    /// What sources and dataset do not have in common.
    pub(crate) notes: Notes,
    /// Files that could not be looked at, and why.
    pub(crate) passed_over: Vec<String>,
}

impl Preparation<'_> {
    /// Scans the tables that may have changed, and plans. When the returned future is dropped, the
    /// scan stops soon.
    ///
    /// # Errors
    /// [`AgentError::Sources`] where sources and configuration contradict each other,
    /// [`AgentError::Scan`], with what `take` returned if that stopped it.
    pub(crate) async fn run(&self, take: TakePart) -> Result<Prepared, AgentError> {
        let Self { config, .. } = self;
        let dataset = &config.dataset;
        let sources = resolve(config).await?;
        let now = dataset.tables.ids();
        let now = now.filter_map(|table| Some((table, sources.file_of(table)?)));
        let tables = tables_to_scan(
            dataset,
            self.moved,
            &self.last.files(dataset),
            &now.collect(),
            &forced_tables(&self.last.held, dataset, self.allow_shrink),
        );
        let scan = self.scan(sources, tables, None, take).await?;
        Ok(self.plan(scan, &self.last.columns))
    }

    /// Scans these tables, of the rows of an import, whatever the sources are.
    ///
    /// # Errors
    /// [`AgentError::Scan`]
    pub(crate) async fn scan_import(
        &self,
        tables: BTreeSet<TableId>,
        rows: ImportedRows,
        take: TakePart,
    ) -> Result<SiteScan, AgentError> {
        let sources = Arc::new(Sources::none());
        self.scan(sources, tables, Some(rows), take).await
    }

    /// Plans what a scan found; `columns` are those that the tables had.
    pub(crate) fn plan(&self, mut scan: SiteScan, columns: &PresentColumns) -> Prepared {
        let dataset = &self.config.dataset;
        scan.find_lost_columns(dataset, columns);
        let rules = Rules {
            shrink: self.config.guard.shrink,
            allow_shrink: self.allow_shrink,
        };
        let plan = plan(dataset, self.catalog, &scan.tables, rules);
        Prepared { scan, plan }
    }

    async fn scan(
        &self,
        sources: Arc<Sources>,
        tables: BTreeSet<TableId>,
        import: Option<ImportedRows>,
        take: TakePart,
    ) -> Result<SiteScan, AgentError> {
        let dropped = StopOnDrop(Arc::new(AtomicBool::new(false)));
        let scanner = Scanner {
            filled: filled(&self.config.dataset, self.catalog),
            config: Arc::clone(self.config),
            sources,
            import,
            tables,
            stop: Arc::clone(&dropped.0),
            progress: Arc::clone(self.progress),
        };
        blocking(move || scanner.run(take)).await?
    }
}

/// Finds out which table lives where.
async fn resolve(config: &Arc<AgentConfig>) -> Result<Arc<Sources>, AgentError> {
    if config.sources.is_empty() {
        return Err(AgentError::Config(ConfigError::NoSource));
    }
    let config = Arc::clone(config);
    let now = clock::now();
    let resolve = move || Sources::resolve(&config.sources, &config.base_dir, &config.dataset, now);
    Ok(Arc::new(blocking(resolve).await??))
}

/// The tables that have rows in the log.
fn filled(dataset: &Dataset, catalog: &Catalog) -> BTreeSet<TableId> {
    let names: BTreeSet<&str> = catalog
        .partitions
        .keys()
        .map(|(table, _)| table.as_str())
        .collect();
    let tables = dataset.tables.with_ids();
    let filled = tables.filter(|(_, table)| names.contains(table.name.as_str()));
    filled.map(|(id, _)| id).collect()
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A scan, on the thread that runs it.
struct Scanner {
    config: Arc<AgentConfig>,
    sources: Arc<Sources>,
    import: Option<ImportedRows>,
    tables: BTreeSet<TableId>,
    filled: BTreeSet<TableId>,
    stop: Arc<AtomicBool>,
    progress: Arc<dyn Progress>,
}

impl Scanner {
    fn run(self, mut take: TakePart) -> Result<SiteScan, AgentError> {
        let started = Instant::now();
        let began = clock::now();
        let (dataset, sources) = (&self.config.dataset, &*self.sources);
        let request = ScanRequest {
            dataset,
            sources,
            import: self.import.as_ref(),
            tables: &self.tables,
            filled: &self.filled,
            now: began,
            zone: self.config.zone.clone(),
            spill_dir: &self.config.state_dir.join(SPILL),
            memory: MEMORY,
            on_rows: &|table, rows| {
                self.progress.step(Step::Reading { table, rows });
                match self.stop.load(Ordering::Relaxed) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            },
        };
        let mut on_part = |object: ObjectId, csv: PartBytes| {
            self.progress.step(Step::Scanned);
            take(object, csv)
        };
        let outcome = scan(&request, &mut on_part)?;
        let unread = outcome.tables.iter().filter_map(|(table, outcome)| {
            let is_unread = outcome.as_ref().is_err_and(is_to_be_read_again);
            is_unread.then(|| sources.file_of(*table)).flatten()
        });
        Ok(SiteScan {
            began,
            took: started.elapsed(),
            unread: unread.chain(unlisted(sources)).collect(),
            notes: notes(sources, self.import.as_ref(), dataset, &outcome),
            passed_over: passed_over(&outcome),
            tables: outcome.tables,
        })
    }
}

/// The files and folders whose tables could not even be listed.
fn unlisted(sources: &Sources) -> impl Iterator<Item = SourceFile> {
    let sources = sources.list().iter();
    let unlisted = sources.filter(|source| source.listed.as_ref().is_err_and(is_to_be_read_again));
    unlisted.map(|source| gate::source_file(&source.config.path))
}

/// A file that comes back shows at the next look; anything else may become readable while no
/// fingerprint moves.
fn is_to_be_read_again(trouble: &Unreadable) -> bool {
    !matches!(trouble, Unreadable::Missing { .. })
}

impl SiteScan {
    /// The tables that could be read.
    pub(crate) fn read(&self) -> impl Iterator<Item = (TableId, &ScannedTable)> {
        let tables = self.tables.iter();
        tables.filter_map(|(id, outcome)| Some((*id, outcome.as_ref().ok()?)))
    }

    pub(crate) fn partitions(&self) -> u64 {
        self.read().map(|(_, table)| table.parts.len() as u64).sum()
    }

    pub(crate) fn rows_read(&self) -> u64 {
        self.read().map(|(_, table)| table.rows_read).sum()
    }

    pub(crate) fn quarantined(&self) -> u64 {
        self.read()
            .map(|(_, table)| table.findings.refused.total)
            .sum()
    }

    /// What was found of each table that could be read or is gone.
    pub(crate) fn findings(&self, dataset: &Dataset) -> Findings {
        let findings = self.tables.iter().filter_map(|(id, outcome)| {
            let findings = match outcome {
                Ok(table) => table.findings.clone(),
                Err(Unreadable::Missing { .. }) => TableFindings::default(),
                Err(_) => return None,
            };
            Some((dataset.tables[*id].name.clone(), findings))
        });
        findings.collect()
    }

    /// Finds the columns that the sources had when the rows were last committed, and no longer have.
    fn find_lost_columns(&mut self, dataset: &Dataset, before: &PresentColumns) {
        for (id, outcome) in &mut self.tables {
            let table = &dataset.tables[*id];
            if let (Ok(scanned), Some(before)) = (outcome, before.get(&table.name)) {
                let declared = table.columns.iter().map(|column| &column.name);
                let lost = declared
                    .filter(|column| before.contains(column) && !scanned.columns.contains(column));
                scanned.lost_columns = lost.cloned().collect();
            }
        }
    }
}

/// How many rows are refused, of all tables of which something is known.
pub(crate) fn in_quarantine(all: &Findings) -> u64 {
    all.values().map(|found| found.refused.total).sum()
}

/// Whether a row is refused now that was not before. The rows of a table held back until now stayed
/// in the log as they were, so that each refused row of it is new.
pub(crate) fn refuses_more(now: &Findings, last: &LastCycle) -> bool {
    let was_held = |table: &Name| last.held.iter().any(|held| held.table == *table);
    now.iter()
        .any(|(table, now)| match last.findings.get(table) {
            Some(before) if !was_held(table) => now.holds_more_than(before),
            _ => now.refused.total > 0,
        })
}
