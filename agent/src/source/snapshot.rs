//! All sources of one scan, at one moment each.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::dataset::{Table, TableId};
use jiff::Timestamp;

use super::columns::required_columns;
use super::csv::{self, Expected};
use super::resolve::Sources;
use super::sqlite::SqliteSnapshot;
use super::table_reader::TableReader;
use super::{SourceKind, Unreadable};

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
