//! All sources of one scan, at one moment each.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::dataset::{Table, TableId};
use jiff::Timestamp;

use super::csv::{self, CsvTable, Expected};
use super::imported::{SpooledTable, line_of};
use super::resolve::Sources;
use super::row::{LineOf, RowsError, SourceRow};
use super::sqlite::{SqliteSnapshot, SqliteTable};
use super::{Columns, SourceKind, Unreadable};

/// The sources, each SQLite file under one read transaction, from its first table to its last: with
/// a rollback journal its application cannot commit meanwhile. A CSV file's moment is the time in
/// which it is read: it must not change from its beginning to its end.
pub(crate) struct Snapshot<'s> {
    sources: &'s Sources,
    /// How many tables are still to be read from each SQLite file, by the source's position.
    awaited: BTreeMap<usize, usize>,
    /// Those that are open.
    files: BTreeMap<usize, Result<SqliteSnapshot, Unreadable>>,
    /// Those whose snapshot did not hold.
    moved: BTreeMap<usize, Unreadable>,
    now: Timestamp,
}

/// A table about to be read.
pub(crate) enum TableReader<'s> {
    /// From a SQLite file.
    Sqlite(SqliteTable<'s>),
    /// From a CSV file.
    Csv(Box<CsvTable>),
    /// From rows that were put by.
    Spooled(SpooledTable),
}

impl<'s> Snapshot<'s> {
    /// Of the sources that hold these tables. Opens nothing yet.
    pub(crate) fn new(sources: &'s Sources, tables: &BTreeSet<TableId>, now: Timestamp) -> Self {
        let mut snapshot = Self {
            sources,
            awaited: BTreeMap::new(),
            files: BTreeMap::new(),
            moved: BTreeMap::new(),
            now,
        };
        for table in tables {
            if let Some(file) = snapshot.file(*table) {
                *snapshot.awaited.entry(file).or_default() += 1;
            }
        }
        snapshot
    }

    /// The SQLite file that a table is in, by the source's position.
    fn file(&self, table: TableId) -> Option<usize> {
        let source = self.sources.home(table)?.source;
        let kind = self.sources.list()[source].config.kind;
        (kind == SourceKind::Sqlite).then_some(source)
    }

    /// Opens the file of the table that is read next, unless it is open already.
    pub(crate) fn begin(&mut self, table: TableId) {
        let Some(file) = self.file(table) else {
            return;
        };
        let (path, now) = (&self.sources.list()[file].path, self.now);
        self.files.entry(file).or_insert_with(|| {
            SqliteSnapshot::take(path).map_err(|trouble| trouble.unless_abandoned(path, now))
        });
    }

    /// Lets go of a table's file, if it was the last to be read from it.
    pub(crate) fn end(&mut self, table: TableId) {
        let Some(file) = self.file(table) else {
            return;
        };
        let awaited = self.awaited.entry(file).or_default();
        *awaited = awaited.saturating_sub(1);
        if *awaited == 0
            && let Some(Ok(snapshot)) = self.files.remove(&file)
            && let Err(moved) = snapshot.release()
        {
            self.moved.insert(file, moved);
        }
    }

    /// Prepares to read a table that was [begun](Self::begin). `had_rows` says whether it has any in
    /// the log.
    pub(crate) fn table(
        &self,
        position: TableId,
        table: &Table,
        had_rows: bool,
    ) -> Result<TableReader<'_>, Unreadable> {
        let home = self
            .sources
            .home(position)
            .ok_or_else(|| self.sources.why_homeless(position, table))?;
        let source = &self.sources.list()[home.source];
        let reader = match self.files.get(&home.source) {
            Some(Ok(file)) => TableReader::Sqlite(file.table(&home.name.to_string_lossy(), table)?),
            Some(Err(trouble)) => return Err(trouble.clone()),
            None => {
                let path = source.path.join(&home.name);
                let expected = Expected {
                    now: self.now,
                    had_rows,
                    has_settings: true,
                };
                TableReader::Csv(Box::new(csv::open(&path, &source.config, table, expected)?))
            }
        };
        required_columns(table, reader.columns()).map_err(|problem| {
            Unreadable::failed(format!("{}: {problem}", self.place(position)))
        })?;
        Ok(reader)
    }

    /// The file that a table is in, to show.
    pub(crate) fn place(&self, position: TableId) -> String {
        let Some(home) = self.sources.home(position) else {
            return String::new();
        };
        let source = &self.sources.list()[home.source];
        match source.config.kind {
            SourceKind::Sqlite => source.path.display().to_string(),
            SourceKind::Csv => source.path.join(&home.name).display().to_string(),
        }
    }

    /// The sources whose snapshot did not hold, once all tables have been read.
    pub(crate) fn moved(self) -> BTreeMap<usize, Unreadable> {
        self.moved
    }
}

/// A column that every row must fill has to be there.
pub(super) fn required_columns(table: &Table, columns: &Columns) -> Result<(), String> {
    let lacking: Vec<&str> = table
        .columns
        .iter()
        .zip(&columns.found)
        .filter(|(column, found)| found.is_none() && column.not_null && column.default.is_none())
        .map(|(column, _)| column.name.as_str())
        .collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let mut remedy = match &columns.unknown[..] {
        [] => "add it, or give it a default in the dataset".to_owned(),
        unknown => format!(
            "if it is one of {unknown:?}, declare that name as the column's `source` in the dataset"
        ),
    };
    if lacking.iter().any(|name| ROWID.contains(name)) {
        remedy = "SQLite's own rowid is no key, since VACUUM gives rows other ones".to_owned();
    }
    let lacking = lacking.join(", ");
    Err(format!(
        "table {} has no column {lacking}; {remedy}",
        table.name
    ))
}

/// The names under which SQLite knows a row's number where no column has one of them.
const ROWID: [&str; 3] = ["rowid", "oid", "_rowid_"];

impl TableReader<'_> {
    /// How the declared columns were found.
    pub(crate) fn columns(&self) -> &Columns {
        match self {
            Self::Sqlite(table) => &table.columns,
            Self::Csv(table) => &table.columns,
            Self::Spooled(table) => &table.columns,
        }
    }

    /// Whether the source itself guarantees that keys come strictly ascending.
    pub(crate) fn is_ascending(&self) -> bool {
        match self {
            Self::Sqlite(table) => table.ascending,
            Self::Csv(_) | Self::Spooled(_) => false,
        }
    }

    /// What tells from [`SourceRow::at`] the line of a file; `None`: the source has no lines.
    pub(crate) fn lines(&self) -> Option<LineOf> {
        match self {
            Self::Sqlite(_) => None,
            Self::Csv(_) => Some(|at| at),
            Self::Spooled(_) => Some(line_of),
        }
    }

    /// Gives every row to `each`.
    pub(crate) fn rows<E>(
        &mut self,
        each: &mut dyn FnMut(SourceRow<'_>) -> Result<(), E>,
    ) -> Result<(), RowsError<E>> {
        match self {
            Self::Sqlite(table) => table.rows(each),
            Self::Csv(table) => table.rows(each),
            Self::Spooled(table) => table.rows(each),
        }
    }
}
