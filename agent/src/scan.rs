//! The scan: all rows of the sources become partitions, or go to quarantine with a reason.
//!
//! Every row that a source gives ends in exactly one of the two. Memory stays bounded however many
//! rows and partitions there are: what does not fit is on disk, in temporary files. Results depend
//! on the rows alone, not on the order in which they come or on the memory that there is.

mod fingerprints;
mod intake;
mod join;
mod judge;
mod parts;
pub mod quarantine;
mod read;
mod record;
mod references;
mod refusals;
mod report;
mod row_set;
mod sorter;
mod spill;
mod stored;
mod unique;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use causeway_shared::dataset::{Dataset, Partitioning, TableId};
use causeway_shared::value::Forms;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::scan::quarantine::QuarantineSink;
use crate::source::{RowsError, Snapshot, Sources, Unreadable};
use join::Keys;
use parts::{PartWriter, PartsError, write_parts};
use read::{Halt, ReadTable, Task, read_table};
use references::{Noted, Noting};
use refusals::Refusals;
use spill::SpillDir;

pub use parts::{PartBytes, ScannedPart};
pub use report::{Dangling, Outcome, ScanReport, TableScan};

/// What to scan, and with what.
pub struct ScanRequest<'a> {
    /// The declared tables.
    pub dataset: &'a Dataset,
    /// Where they live.
    pub sources: &'a Sources,
    /// The tables to scan. With a table that is partitioned `via` another, that
    /// other one has to be among them.
    pub tables: &'a BTreeSet<TableId>,
    /// Those of all tables that have rows in the log.
    pub filled: &'a BTreeSet<TableId>,
    /// The time, which tells a file that is being written from one that is not.
    pub now: Timestamp,
    /// The zone that timestamps with an offset are converted to.
    pub zone: TimeZone,
    /// A folder for temporary files. They take about as much room as the tables' rows as CSV.
    pub spill_dir: &'a Path,
    /// Bytes of memory for sorting, 16 MiB for example. Besides that a scan takes a few MiB.
    pub memory: usize,
    /// Called every few thousand rows while the sources are read.
    pub pulse: &'a Pulse<'a>,
}

/// Takes note of a scan's progress, and may stop it.
pub type Pulse<'a> = dyn Fn(Progress) -> ControlFlow<()> + 'a;

/// A [`Pulse`] that does nothing.
pub fn no_pulse(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// How far a scan has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The table that is being read.
    pub table: TableId,
    /// Rows of it read so far.
    pub rows_read: u64,
}

/// Why a scan as a whole was given up.
#[derive(Debug, thiserror::Error)]
pub enum ScanError<E> {
    /// A temporary file failed.
    #[error("temporary files in {spill_dir}: {source}; there has to be room for the rows as CSV")]
    Spill {
        /// The folder.
        spill_dir: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// The pulse said stop.
    #[error("the scan was stopped")]
    Stopped,
    /// Whoever takes the partitions could not take one.
    #[error("{0}")]
    Part(E),
}

/// Scans tables.
///
/// All tables are read first, under one snapshot of each SQLite file, which is let go of after its
/// last table; then the partitions are written, each table's in the order of its parts, parents
/// before their `via` children. So no partition is given out that was read from a source which changed
/// meanwhile, and `on_part` may take its time. Refused rows are given out while reading: those of
/// a table that turns out not to have been [`Outcome::Scanned`] are to be forgotten.
///
/// # Errors
/// [`ScanError`]. Trouble with a source is no error: it is the outcome of the tables concerned.
pub fn scan<E>(
    request: &ScanRequest<'_>,
    quarantine: &mut dyn QuarantineSink,
    on_part: &mut dyn FnMut(ScannedPart) -> Result<(), E>,
) -> Result<ScanReport, ScanError<E>> {
    let spill_error = |source| ScanError::Spill {
        spill_dir: request.spill_dir.to_owned(),
        source,
    };
    let spill = SpillDir::new(request.spill_dir).map_err(spill_error)?;
    let mut scan = Scan {
        request,
        spill: &spill,
        report: ScanReport::default(),
    };
    scan.report.unknown_tables = request.sources.unknown().to_vec();
    scan.report.homeless = scan.homeless();

    let tables = scan.read(quarantine).map_err(|halt| match halt {
        Halt::Spill(source) => spill_error(source),
        Halt::Stopped => ScanError::Stopped,
    })?;
    let noted = scan.write(&tables, on_part).map_err(|error| match error {
        PartsError::Spill(source) => spill_error(source),
        PartsError::Taker(error) => ScanError::Part(error),
    })?;
    scan.judge_references(&tables, &noted)
        .map_err(spill_error)?;
    Ok(scan.report)
}

/// Tables by position: read, or why not.
type Tables = BTreeMap<TableId, Result<ReadTable, Unreadable>>;

struct Scan<'a> {
    request: &'a ScanRequest<'a>,
    spill: &'a SpillDir,
    report: ScanReport,
}

impl<'a> Scan<'a> {
    fn homeless(&self) -> Vec<TableId> {
        let sources = self.request.sources;
        if sources.list().iter().any(|source| source.listed.is_err()) {
            return Vec::new();
        }
        let tables = self.request.dataset.tables.ids();
        tables
            .filter(|t| sources.home(*t).is_none() && !sources.is_unclear(*t))
            .collect()
    }

    /// Reads and judges all tables, parents first.
    fn read(&mut self, quarantine: &mut dyn QuarantineSink) -> Result<Tables, Halt> {
        let request = self.request;
        let mut snapshot = Snapshot::new(request.sources, request.tables, request.now);
        let mut tables = Tables::new();
        for table in request.dataset.parents_first() {
            if request.tables.contains(&table) {
                snapshot.begin(table);
                let read = self.read_one(&snapshot, table, &tables, quarantine)?;
                snapshot.end(table);
                tables.insert(table, read);
            }
        }
        self.take_back(snapshot.moved(), &mut tables);
        Ok(tables)
    }

    fn read_one(
        &mut self,
        snapshot: &Snapshot<'_>,
        table: TableId,
        tables: &Tables,
        quarantine: &mut dyn QuarantineSink,
    ) -> Result<Result<ReadTable, Unreadable>, Halt> {
        let dataset = self.request.dataset;
        let declared = &dataset.tables[table];
        let parent = match parent(dataset, table, tables) {
            Ok(parent) => parent,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let had_rows = self.request.filled.contains(&table);
        let reader = match snapshot.table(table, declared, had_rows) {
            Ok(reader) => reader,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let columns = reader.columns();
        self.report
            .unknown_columns
            .extend(columns.unknown.iter().map(|c| (table, c.clone())));
        let missing = columns
            .found
            .iter()
            .enumerate()
            .filter(|(_, found)| found.is_none());
        self.report
            .missing_columns
            .extend(missing.map(|(column, _)| (table, column)));
        let task = Task {
            dataset,
            table,
            forms: self.forms(table),
            parent,
            keys_wanted: self.keys_wanted(table),
            references: &self.references(table),
            spill: self.spill,
            memory_bytes: self.request.memory,
            pulse: self.request.pulse,
        };
        let source = snapshot.place(table);
        let refusals = Refusals::new(quarantine, declared, table, source, reader.has_lines());
        match read_table(&task, reader, refusals) {
            Ok(read) => Ok(Ok(read)),
            Err(RowsError::Source(trouble)) => Ok(Err(trouble)),
            Err(RowsError::Taker(halt)) => Err(halt),
        }
    }

    /// How a table's source writes values.
    fn forms(&self, table: TableId) -> Forms {
        let Some(home) = self.request.sources.home(table) else {
            return Forms::default();
        };
        let source = &self.request.sources.list()[home.source];
        source.config.forms(self.request.zone.clone())
    }

    /// The columns whose references can be judged: their target is scanned too. What a `via` child
    /// holds of its parent's key has been found already.
    fn references(&self, table: TableId) -> Vec<usize> {
        let declared = &self.request.dataset.tables[table];
        let by_via = |column: usize, target: TableId| {
            declared.partition
                == Partitioning::Via {
                    parent: target,
                    on: column,
                }
        };
        let columns = declared.columns.iter().enumerate();
        columns
            .filter_map(|(column, declared)| Some((column, declared.references?)))
            .filter(|(column, target)| {
                self.request.tables.contains(target) && !by_via(*column, *target)
            })
            .map(|(column, _)| column)
            .collect()
    }

    /// The tables that the columns to be judged point at, as far as they were read.
    fn targets<'t>(&self, table: TableId, tables: &'t Tables) -> Vec<(usize, &'t ReadTable)> {
        let columns = &self.request.dataset.tables[table].columns;
        let target = |column: usize| tables.get(&columns[column].references?)?.as_ref().ok();
        self.references(table)
            .into_iter()
            .filter_map(|column| Some((column, target(column)?)))
            .collect()
    }

    /// Whether a table has `via` children, or is pointed at, among the tables asked for.
    fn keys_wanted(&self, table: TableId) -> bool {
        self.request.tables.iter().any(|other| {
            let declared = &self.request.dataset.tables[*other];
            let is_parent = matches!(
                declared.partition,
                Partitioning::Via { parent, .. } if parent == table
            );
            let pointed_at = || {
                let references = self.references(*other);
                references
                    .iter()
                    .any(|c| declared.columns[*c].references == Some(table))
            };
            is_parent || pointed_at()
        })
    }

    /// Takes back what was read from sources that changed, and from tables whose parent was.
    fn take_back(&self, moved: BTreeMap<usize, Unreadable>, tables: &mut Tables) {
        let dataset = self.request.dataset;
        for table in dataset.parents_first() {
            let source = self.request.sources.home(table).map(|home| home.source);
            let trouble = source
                .and_then(|source| moved.get(&source).cloned())
                .or_else(|| parent(dataset, table, tables).err());
            if let (Some(trouble), Some(read @ Ok(_))) = (trouble, tables.get_mut(&table)) {
                *read = Err(trouble);
            }
        }
    }

    /// Writes the partitions of all tables that were read. Returns what is noted of their references.
    fn write<E>(
        &mut self,
        tables: &Tables,
        on_part: &mut dyn FnMut(ScannedPart) -> Result<(), E>,
    ) -> Result<BTreeMap<TableId, Vec<Noted>>, PartsError<E>> {
        let ScanRequest {
            dataset, memory, ..
        } = *self.request;
        let mut all_noted = BTreeMap::new();
        for table in dataset.parents_first() {
            let mut scanned = TableScan {
                table,
                outcome: Outcome::Scanned,
                rows_read: 0,
                rows: 0,
                quarantined: 0,
                dangling: Vec::new(),
            };
            match tables.get(&table) {
                None => continue,
                Some(Err(trouble)) => scanned.outcome = trouble.clone().into(),
                Some(Ok(read)) => {
                    let declared = &dataset.tables[table];
                    let buckets = stored::buckets(dataset, table);
                    let mut writer = PartWriter::new(declared, table, buckets, self.spill, memory);
                    let targets = self.targets(table, tables);
                    let mut noting = Noting::new(declared, read, &targets, self.spill, memory / 2)?;
                    scanned.rows = write_parts(&mut writer, read, &mut noting, on_part)?;
                    scanned.rows_read = read.rows_read;
                    scanned.quarantined = read.quarantined;
                    all_noted.insert(table, noting.finish()?);
                }
            }
            self.report.tables.push(scanned);
        }
        self.report.tables.sort_by_key(|scanned| scanned.table);
        Ok(all_noted)
    }

    /// Compares what references hold with the keys that were committed.
    fn judge_references(
        &mut self,
        tables: &Tables,
        noted: &BTreeMap<TableId, Vec<Noted>>,
    ) -> io::Result<()> {
        for scanned in &mut self.report.tables {
            let declared = &self.request.dataset.tables[scanned.table];
            for noted in noted.get(&scanned.table).into_iter().flatten() {
                let Some(target) = declared.columns[noted.column].references else {
                    continue;
                };
                let Some(Ok(ReadTable {
                    keys: Some(keys),
                    refused,
                    ..
                })) = tables.get(&target)
                else {
                    continue;
                };
                scanned
                    .dangling
                    .extend(noted.dangling(Keys::new(keys, refused)?, target)?);
            }
        }
        Ok(())
    }
}

/// The table that a `via` child hangs on, if it was read; a child whose parent was not cannot be
/// placed.
fn parent<'t>(
    dataset: &Dataset,
    table: TableId,
    tables: &'t Tables,
) -> Result<Option<&'t ReadTable>, Unreadable> {
    let Partitioning::Via { parent, .. } = dataset.tables[table].partition else {
        return Ok(None);
    };
    let name = &dataset.tables[parent].name;
    let because = |why: &str| format!("table {name}, which tells its parts, cannot be read: {why}");
    match tables.get(&parent) {
        Some(Ok(read)) => Ok(Some(read)),
        Some(Err(Unreadable::Missing { why, remedy })) => Err(Unreadable::Missing {
            why: because(why),
            remedy: remedy.clone(),
        }),
        Some(Err(Unreadable::NotReady { why })) => Err(Unreadable::NotReady { why: because(why) }),
        Some(Err(Unreadable::Locked { why })) => Err(Unreadable::Locked { why: because(why) }),
        Some(Err(Unreadable::Failed { why })) => Err(Unreadable::Failed { why: because(why) }),
        None => Err(Unreadable::Failed {
            why: because("it is not part of this scan"),
        }),
    }
}

#[cfg(test)]
mod tests;
