//! The scan as a cycle sees it: run beside the async tasks, cut short when its cycle is, and put
//! into the words of the plan.

mod refusals;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use causeway_shared::catalog::Catalog;
use causeway_shared::dataset::{Dataset, TableId};
use causeway_shared::ids::{Name, Part};
use causeway_shared::quarantine::{RefusedRow, RefusedRows};
use causeway_shared::runtime::clock;
use jiff::Timestamp;

use crate::config::AgentConfig;
use crate::error::AgentError;
use crate::plan::affected::Places;
use crate::plan::guard::Held;
use crate::plan::{Content, Found};
use crate::progress::{Progress, Step};
use crate::scan::{
    self, Dangling, Outcome, PartBytes, ScanError, ScanReport, ScanRequest, ScannedPart, TableScan,
    scan,
};
use crate::source::gate::{self, Place};
use crate::source::{Kind, Source, Sources, Unreadable};
use crate::state::{Columns, DanglingReference, Findings, Notes, ObjectId, TableFindings};
use refusals::Refusals;

/// What the scan may hold in memory, in bytes, before it sorts on disk.
const MEMORY: usize = 16 << 20;

/// The folder of the scan's sorted runs, in the agent's.
const SPILL: &str = "spill";

/// What stops a scan from outside.
pub type Stop = Box<dyn Error + Send + Sync>;

/// Takes each scanned partition's bytes.
pub type Taker = Box<dyn FnMut(ObjectId, PartBytes) -> Result<(), Stop> + Send>;

/// What a scan found.
#[derive(Debug, Default)]
pub struct Survey {
    /// When it began, by the wall clock.
    pub began: Timestamp,
    /// Of each table, for the plan.
    pub found: BTreeMap<TableId, Found>,
    /// Of each table that could be read or is gone, for a person.
    pub findings: Findings,
    /// Of each table that could be read, the declared columns that its source has.
    pub columns: Columns,
    /// Places that could not be read, so that they have to be read again.
    pub unread: BTreeSet<Place>,
    /// What sources and dataset do not have in common, in words.
    pub notes: Notes,
    /// Rows read.
    pub rows: u64,
    /// How long it took.
    pub took: Duration,
}

impl Survey {
    /// Partitions found.
    #[must_use]
    pub fn partitions(&self) -> u64 {
        let parts = self.found.values().filter_map(Found::parts);
        parts.map(|parts| parts.len() as u64).sum()
    }

    /// Tells the tables apart whose source lacks a column that it had before.
    pub fn compare_columns(&mut self, dataset: &Dataset, before: &Columns) {
        for (at, found) in &mut self.found {
            let table = &dataset.tables[*at];
            let (Some(before), Some(now)) =
                (before.get(&table.name), self.columns.get(&table.name))
            else {
                continue;
            };
            let declared = table.columns.iter().map(|column| &column.name);
            let gone: Vec<Name> = declared
                .filter(|column| before.contains(column) && !now.contains(column))
                .cloned()
                .collect();
            if let Found::Rows(parts) = found
                && !gone.is_empty()
            {
                let parts = std::mem::take(parts);
                *found = Found::Narrower { parts, gone };
            }
        }
    }

    /// Refused rows.
    #[must_use]
    pub fn quarantined(&self) -> u64 {
        self.findings
            .values()
            .map(|found| found.refused.total)
            .sum()
    }
}

/// Finds out which table lives where.
///
/// # Errors
/// [`AgentError::Sources`] where sources and configuration contradict each other.
pub async fn resolve(config: &Arc<AgentConfig>) -> Result<Arc<Sources>, AgentError> {
    let config = Arc::clone(config);
    let now = clock::now();
    let resolve = move || Sources::resolve(&config.sources, &config.base_dir, &config.dataset, now);
    Ok(Arc::new(blocking(resolve).await??))
}

/// The place of each table that has one.
#[must_use]
pub fn places(sources: &Sources, dataset: &Dataset) -> Places {
    let place = |table: TableId| {
        let home = sources.home(table)?;
        let config = &sources.list()[home.source].config;
        let place = match config.kind {
            Kind::Sqlite => gate::place(&config.path),
            Kind::Csv => gate::place(&config.path.join(&home.name)),
        };
        Some((table, place))
    };
    dataset.tables.ids().filter_map(place).collect()
}

/// The tables of a survey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// Those to scan.
    pub scanned: BTreeSet<TableId>,
    /// Those of all tables that have rows in the log.
    pub filled: BTreeSet<TableId>,
}

impl Tables {
    /// Those to scan, compared with what the log has.
    #[must_use]
    pub fn to_scan(scanned: BTreeSet<TableId>, dataset: &Dataset, catalog: &Catalog) -> Self {
        let names: BTreeSet<&str> = catalog
            .partitions
            .keys()
            .map(|(table, _)| table.as_str())
            .collect();
        let tables = dataset.tables.with_ids();
        let filled = tables.filter(|(_, table)| names.contains(table.name.as_str()));
        Self {
            scanned,
            filled: filled.map(|(at, _)| at).collect(),
        }
    }
}

/// Scans tables. When the returned future is dropped, the scan stops at its next partition.
///
/// # Errors
/// [`AgentError::Scan`], with what `take` returned if that stopped it.
pub async fn survey(
    config: &Arc<AgentConfig>,
    sources: Arc<Sources>,
    tables: Tables,
    progress: Arc<dyn Progress>,
    take: Taker,
) -> Result<Survey, AgentError> {
    let dropped = StopOnDrop(Arc::new(AtomicBool::new(false)));
    let stop = Arc::clone(&dropped.0);
    let config = Arc::clone(config);
    blocking(move || {
        Surveyor {
            config: &config,
            sources: &sources,
            stop,
            progress,
        }
        .run(&tables, take)
    })
    .await?
}

/// Runs blocking work on a thread for it, which keeps the agent's lock until it has ended.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, AgentError> {
    causeway_shared::runtime::blocking::spawn(work)
        .await
        .map_err(|error| AgentError::System {
            source: error.into(),
        })
}

/// Stops the scan of a cycle that is abandoned.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Surveyor<'s> {
    config: &'s AgentConfig,
    sources: &'s Sources,
    stop: Arc<AtomicBool>,
    progress: Arc<dyn Progress>,
}

impl Surveyor<'_> {
    fn run(self, tables: &Tables, mut take: Taker) -> Result<Survey, AgentError> {
        let started = Instant::now();
        let began = clock::now();
        let dataset = &self.config.dataset;
        let spill_dir = self.config.state_dir.join(SPILL);
        let request = ScanRequest {
            dataset,
            sources: self.sources,
            tables: &tables.scanned,
            filled: &tables.filled,
            now: began,
            zone: self.config.zone.clone(),
            spill_dir: &spill_dir,
            memory: MEMORY,
            pulse: &|scan::Progress { table, rows_read }| {
                self.progress.step(Step::Reading {
                    table,
                    rows: rows_read,
                });
                if self.stop.load(Ordering::Relaxed) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        };
        let mut contents: BTreeMap<TableId, BTreeMap<_, _>> = BTreeMap::new();
        let mut refusals = Refusals::new(began);
        let mut on_part = |scanned: ScannedPart| -> Result<(), Stop> {
            let ScannedPart {
                table,
                part,
                md5,
                rows,
                summary,
                csv,
            } = scanned;
            self.progress.step(Step::Scanned { rows });
            contents
                .entry(table)
                .or_default()
                .insert(part, Content { md5, rows, summary });
            take((dataset.tables[table].name.clone(), part, md5), csv)
        };
        let report = scan(&request, &mut refusals, &mut on_part).map_err(|error| match error {
            ScanError::Part(source) => AgentError::Scan { source },
            error => AgentError::Scan {
                source: Box::new(error),
            },
        })?;
        let mut survey = Survey {
            began,
            unread: unlisted(self.sources),
            ..Survey::default()
        };
        survey.notes = notes(self.sources, dataset, &report);
        survey.columns = columns(dataset, &report);
        let places = places(self.sources, dataset);
        for table in report.tables {
            let place = places.get(&table.table).cloned();
            let parts = contents.remove(&table.table).unwrap_or_default();
            let listed = refusals.take(table.table);
            survey.add(dataset, table, place, parts, listed);
        }
        survey.took = started.elapsed();
        Ok(survey)
    }
}

/// The places whose tables could not even be listed.
fn unlisted(sources: &Sources) -> BTreeSet<Place> {
    let unread = |source: &&Source| {
        matches!(
            source.listed,
            Err(Unreadable::NotReady { .. }
                | Unreadable::Locked { .. }
                | Unreadable::Failed { .. })
        )
    };
    sources
        .list()
        .iter()
        .filter(unread)
        .map(|source| gate::place(&source.config.path))
        .collect()
}

/// What the sources hold and the dataset does not declare, and the other way round: of each source
/// and each table that could be read, be it nothing.
fn notes(sources: &Sources, dataset: &Dataset, report: &ScanReport) -> Notes {
    let mut notes = Notes::new();
    let listed = sources.list().iter().filter(|source| source.listed.is_ok());
    for source in listed {
        let unknown = report.unknown_tables.iter();
        let unknown = unknown.filter(|unknown| unknown.source == source.path);
        let path = source.display().to_string();
        notes.insert(path, unknown.map(ToString::to_string).collect());
    }
    for scanned in report.tables.iter() {
        if scanned.outcome != Outcome::Scanned {
            continue;
        }
        let table = &dataset.tables[scanned.table];
        let name = &table.name;
        let unknown = report.unknown_columns.iter();
        let unknown = unknown.filter(|(of, _)| *of == scanned.table);
        let unknown = unknown.map(|(_, column)| {
            format!("column {column} of table {name} is not in the dataset and is left alone")
        });
        let missing = report.missing_columns.iter();
        let missing = missing.filter(|(of, _)| *of == scanned.table);
        let missing = missing.map(|(_, column)| {
            let column = &table.columns[*column].name;
            format!("table {name} has no column {column}: it counts as empty in every row")
        });
        notes.insert(name.to_string(), unknown.chain(missing).collect());
    }
    notes
}

/// The columns that each table's source has, of those that the dataset declares.
fn columns(dataset: &Dataset, report: &ScanReport) -> Columns {
    let scanned = report
        .tables
        .iter()
        .filter(|scanned| scanned.outcome == Outcome::Scanned);
    let columns = scanned.map(|scanned| {
        let table = &dataset.tables[scanned.table];
        let found = table.columns.iter().enumerate().filter(|(column, _)| {
            let missing = (scanned.table, *column);
            !report.missing_columns.contains(&missing)
        });
        let names = found.map(|(_, column)| column.name.clone()).collect();
        (table.name.clone(), names)
    });
    columns.collect()
}

/// References to rows that are not there, by name.
fn dangling(dataset: &Dataset, table: TableId, dangling: &Dangling) -> DanglingReference {
    let table = &dataset.tables[table];
    DanglingReference {
        table: table.name.clone(),
        column: table.columns[dangling.column].name.clone(),
        target: dataset.tables[dangling.target].name.clone(),
        rows: dangling.rows,
        examples: dangling.examples.clone(),
    }
}

impl Survey {
    /// Whether a row is refused that was not before. Rows of a table held back until now stayed in
    /// the log as they were, so all of them that are refused are new.
    pub(crate) fn refuses_more(&self, before: &Findings, held: &[Held]) -> bool {
        let was_held = |table: &Name| held.iter().any(|held| held.table == *table);
        self.findings
            .iter()
            .any(|(table, now)| match before.get(table) {
                Some(before) if !was_held(table) => now.holds_more_than(before),
                _ => now.refused.total > 0,
            })
    }

    fn add(
        &mut self,
        dataset: &Dataset,
        scanned: TableScan,
        place: Option<Place>,
        parts: BTreeMap<Part, Content>,
        listed: Vec<RefusedRow>,
    ) {
        let name = dataset.tables[scanned.table].name.clone();
        let found = match scanned.outcome {
            Outcome::Scanned => {
                self.rows += scanned.rows_read;
                let findings = TableFindings {
                    place,
                    refused: RefusedRows {
                        total: scanned.quarantined,
                        listed,
                    },
                    dangling: scanned
                        .dangling
                        .iter()
                        .map(|found| dangling(dataset, scanned.table, found))
                        .collect(),
                };
                self.findings.insert(name, findings);
                Found::Rows(parts)
            }
            Outcome::Missing { why, remedy } => {
                self.findings.insert(name, TableFindings::default());
                Found::Missing { why, remedy }
            }
            Outcome::NotReady { why } => {
                self.unread.extend(place);
                Found::NotReady { why }
            }
            Outcome::Failed { why } => {
                self.unread.extend(place);
                Found::Failed { why }
            }
        };
        self.found.insert(scanned.table, found);
    }
}
