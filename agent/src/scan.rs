//! The scan: all rows of the sources become partitions, or go to quarantine with a reason.
//!
//! Every row that a source gives ends in exactly one of the two. Memory stays bounded however many
//! rows and partitions there are: what does not fit is on disk, in temporary files. Results depend
//! on the rows alone, not on the order in which they come or on the memory that there is.

mod findings;
mod fingerprints;
mod join;
mod judge;
mod outcome;
mod parts;
mod read;
mod record;
mod references;
mod refusals;
mod refused;
mod row_set;
mod sorter;
mod spill;
mod stored;
mod table_scan;
mod targets;
mod unique;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use causeway_shared::dataset::{Dataset, Partitioning, TableId};
use causeway_shared::ids::{Md5, Name, Part};
use causeway_shared::quarantine::RefusedRows;
use causeway_shared::value::Forms;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::source::{Columns, ImportedRows, KeptRows, RowsError, Snapshot, Sources, Unreadable};
use parts::{PartWriter, write_parts};
use read::{Halt, ReadTable, Task};
use references::{Noted, Noting};
use refusals::Refusals;
use refused::RefusedLists;
use row_set::RowSet;
use sorter::Sorted;
use spill::SpillDir;
use table_scan::read_table;
use targets::stored_keys;

pub(crate) use findings::{DanglingReference, TableFindings};
pub(crate) use outcome::{PartitionContent, ScanOutcome, ScannedTable, ScannedTables};
pub(crate) use parts::PartBytes;

/// An object, by what it holds.
pub(crate) type ObjectId = (Name, Part, Md5);

/// Why whoever takes the partitions wants no more.
pub(crate) type Stop = Box<dyn Error + Send + Sync>;

/// Takes each partition's canonical CSV.
pub(crate) type OnPart<'a> = dyn FnMut(ObjectId, PartBytes) -> Result<(), Stop> + 'a;

/// Is called every few thousand rows with the table and its rows read so far, and may stop the scan.
pub(crate) type OnRows<'a> = dyn Fn(TableId, u64) -> ControlFlow<()> + 'a;

/// How often a table is read where rows of the store get their places back.
const MAX_READS: u32 = 16;

/// What to scan, and with what.
pub(crate) struct ScanRequest<'a> {
    /// The declared tables.
    pub dataset: &'a Dataset,
    /// Where they live.
    pub sources: &'a Sources,
    /// The rows of an import, in the place of the sources', with the keys that they may refer to.
    pub import: Option<&'a ImportedRows>,
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
    /// Hears how far the scan is while it reads the sources.
    pub on_rows: &'a OnRows<'a>,
}

/// Why a scan as a whole was given up.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A temporary file failed.
    #[error("temporary files in {spill_dir}: {source}; there has to be room for the rows as CSV")]
    Spill {
        /// The folder.
        spill_dir: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// [`OnRows`] said so.
    #[error("the scan was stopped")]
    Stopped,
    /// Whoever takes the partitions could not take one.
    #[error("{0}")]
    Part(Stop),
}

/// Scans tables.
///
/// All tables are read first, each SQLite file under one snapshot from its first table to its last.
/// Then the partitions are written, each table's in the order of its parts, parents before their
/// `via` children. So `on_part` is given no partition of a source that changed meanwhile, and may
/// take its time.
///
/// # Errors
/// [`ScanError`]. Trouble with a source is no error: it is the outcome of the tables concerned.
pub(crate) fn scan(
    request: &ScanRequest<'_>,
    on_part: &mut OnPart<'_>,
) -> Result<ScanOutcome, ScanError> {
    let failed = |halt| match halt {
        Halt::Spill(source) => ScanError::Spill {
            spill_dir: request.spill_dir.to_owned(),
            source,
        },
        Halt::Stopped => ScanError::Stopped,
        Halt::Part(stop) => ScanError::Part(stop),
    };
    let spill = SpillDir::new(request.spill_dir).map_err(|source| failed(source.into()))?;
    let mut scan = Scan {
        request,
        spill: &spill,
        columns: BTreeMap::new(),
        refused: RefusedLists::new(request.now),
        stored_keys: stored_keys(request, &spill).map_err(|source| failed(source.into()))?,
        none_refused: RowSet::default(),
    };
    let tables = scan.read().map_err(failed)?;
    let (mut scanned, noted) = scan.write(&tables, on_part).map_err(failed)?;
    scan.judge_references(&tables, &noted, &mut scanned)
        .map_err(|source| failed(source.into()))?;
    Ok(ScanOutcome {
        tables: scanned,
        unknown_tables: request.sources.unknown().to_vec(),
    })
}

/// Tables that were read, or why not.
type ReadTables = BTreeMap<TableId, Result<ReadTable, Unreadable>>;

/// What is noted of each table's references.
type NotedReferences = BTreeMap<TableId, Vec<Noted>>;

struct Scan<'a> {
    request: &'a ScanRequest<'a>,
    spill: &'a SpillDir,
    /// How the declared columns were found in the sources.
    columns: BTreeMap<TableId, Columns>,
    refused: RefusedLists,
    /// The keys that the store has of tables that are not scanned.
    stored_keys: BTreeMap<TableId, Sorted>,
    none_refused: RowSet,
}

impl<'a> Scan<'a> {
    /// Reads and judges all tables, parents first.
    fn read(&mut self) -> Result<ReadTables, Halt> {
        let request = self.request;
        let mut snapshot = Snapshot::new(request.sources, request.tables, request.now);
        let mut tables = ReadTables::new();
        for table in request.dataset.parents_first() {
            if request.tables.contains(&table) {
                snapshot.begin(table);
                let read = self.read_one(&snapshot, table, &tables)?;
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
        tables: &ReadTables,
    ) -> Result<Result<ReadTable, Unreadable>, Halt> {
        let dataset = self.request.dataset;
        let declared = &dataset.tables[table];
        let parent = match parent(dataset, table, tables) {
            Ok(parent) => parent,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let had_rows = self.request.filled.contains(&table);
        let import = self.request.import;
        let kept = import.and_then(|import| import.kept(table));
        let references = self.references(table);
        let task = Task {
            dataset,
            table,
            forms: self.forms(table),
            parent,
            kept,
            keys_wanted: self.keys_wanted(table),
            references: &references,
            spill: self.spill,
            memory_bytes: self.request.memory,
            on_rows: self.request.on_rows,
        };
        for _ in 0..MAX_READS {
            let reader = match import {
                Some(import) => import.table(table, declared, (self.request.now, had_rows)),
                None => snapshot.table(table, declared, had_rows),
            };
            let reader = match reader {
                Ok(reader) => reader,
                Err(trouble) => return Ok(Err(trouble)),
            };
            self.columns.insert(table, reader.columns().clone());
            let source = match import {
                Some(import) => import.place(table),
                None => snapshot.place(table),
            };
            let list = &mut self.refused;
            let zone = self.request.zone.clone();
            let lines = reader.lines();
            let refusals = Refusals::new(list, declared, table, source, lines, kept, zone);
            match read_table(&task, reader, refusals) {
                Ok(read) => {
                    if !kept.map_or(Ok(false), KeptRows::begin_again)? {
                        return Ok(Ok(read));
                    }
                    // A refused row changes nothing: the store's row that it was to replace stays.
                    self.refused.forget(table);
                }
                Err(RowsError::Source(trouble)) => return Ok(Err(trouble)),
                Err(RowsError::Taker(halt)) => return Err(halt),
            }
        }
        Ok(Err(Unreadable::Failed {
            why: format!(
                "in table {} rows are refused one after the other, since each wants values that a row of the \
                 store keeps; import them in several files, in the order in which the values become free",
                declared.name
            ),
        }))
    }

    /// How a table's source writes values.
    fn forms(&self, table: TableId) -> Forms {
        if let Some(import) = self.request.import {
            return import.forms();
        }
        let Some(home) = self.request.sources.home(table) else {
            return Forms::default();
        };
        let source = &self.request.sources.list()[home.source];
        source.config.forms(self.request.zone.clone())
    }

    /// Takes back what was read from sources that changed, and from tables whose parent was.
    fn take_back(&self, moved: BTreeMap<usize, Unreadable>, tables: &mut ReadTables) {
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

    /// Writes the partitions of all tables that were read.
    fn write(
        &mut self,
        tables: &ReadTables,
        on_part: &mut OnPart<'_>,
    ) -> Result<(ScannedTables, NotedReferences), Halt> {
        let ScanRequest {
            dataset, memory, ..
        } = *self.request;
        let (mut scanned, mut all_noted) = (ScannedTables::new(), NotedReferences::new());
        for table in dataset.parents_first() {
            let outcome = match tables.get(&table) {
                None => continue,
                Some(Err(trouble)) => Err(trouble.clone()),
                Some(Ok(read)) => {
                    let declared = &dataset.tables[table];
                    let buckets = stored::buckets(dataset, table);
                    let mut writer = PartWriter::new(declared, buckets, self.spill, memory);
                    let targets = self.targets(table, tables);
                    let mut noting = Noting::new(declared, read, &targets, self.spill, memory / 2)?;
                    let parts = write_parts(&mut writer, read, &mut noting, on_part)?;
                    all_noted.insert(table, noting.finish()?);
                    let columns = self.columns.remove(&table).unwrap_or_default();
                    Ok(ScannedTable {
                        parts,
                        rows_read: read.rows_read,
                        columns: columns.present(declared),
                        lost_columns: Vec::new(),
                        unknown_columns: columns.unknown,
                        findings: TableFindings {
                            file: self.request.sources.file_of(table),
                            refused: RefusedRows {
                                total: read.quarantined,
                                listed: self.refused.take(table),
                            },
                            dangling: Vec::new(),
                        },
                    })
                }
            };
            scanned.insert(table, outcome);
        }
        Ok((scanned, all_noted))
    }
}

/// The table that a `via` child hangs on, if it was read; a child whose parent was not cannot be
/// placed.
fn parent<'t>(
    dataset: &Dataset,
    table: TableId,
    tables: &'t ReadTables,
) -> Result<Option<&'t ReadTable>, Unreadable> {
    let Partitioning::Via { parent, .. } = dataset.tables[table].partition else {
        return Ok(None);
    };
    let name = &dataset.tables[parent].name;
    let because = |why: &str| format!("table {name}, which tells its parts, cannot be read: {why}");
    match tables.get(&parent) {
        Some(Ok(read)) => Ok(Some(read)),
        Some(Err(trouble)) => Err(trouble.clone().because(because)),
        None => Err(Unreadable::Failed {
            why: because("it is not part of this scan"),
        }),
    }
}

#[cfg(test)]
mod tests;
