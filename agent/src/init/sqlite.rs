//! A SQLite file: what it declares, and all the rows of its tables, under one read transaction.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use causeway_shared::runtime::regular_file;

use super::shape::{ColumnShape, EachRow, ForeignKey, Shape, UniqueIndex};
use crate::source::{SqliteSnapshot, Unreadable, raw};

/// The first bytes of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

const TABLES: &str = include_str!("sqlite/tables.sql");
const OTHERS: &str = include_str!("sqlite/others.sql");
const COLUMNS: &str = include_str!("sqlite/columns.sql");
const UNIQUE: &str = include_str!("sqlite/unique.sql");
const FOREIGN_KEYS: &str = include_str!("sqlite/foreign_keys.sql");
const SELECT_ALL: &str = include_str!("sqlite/select_all.sql");

/// A table or view, and its shape or why it has none.
pub(super) type NamedShape = (String, Result<Shape, String>);

/// A database at one moment. What goes wrong with it is told in words for a person, since it
/// stops nothing but this file or table.
pub(super) struct Database {
    path: PathBuf,
    snapshot: SqliteSnapshot,
}

impl Database {
    /// Opens a file and fixes the moment.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let snapshot = SqliteSnapshot::take(path).map_err(|trouble| told(path, trouble))?;
        Ok(Self {
            path: path.to_owned(),
            snapshot,
        })
    }

    /// A failure of SQLite in words.
    fn words(&self, error: rusqlite::Error) -> String {
        told(&self.path, self.snapshot.unreadable(&error))
    }

    /// A failure of SQLite to read a table, in words.
    fn words_of(&self, table: &str, error: rusqlite::Error) -> String {
        told(&self.path, self.snapshot.unreadable_table(table, &error))
    }

    /// Its tables and views, in order of their names, each with its shape or why it has none.
    pub(super) fn tables(&self) -> Result<Vec<NamedShape>, String> {
        let list = || {
            let mut statement = self.snapshot.connection().prepare(TABLES)?;
            let names = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            names.collect::<rusqlite::Result<Vec<(String, bool)>>>()
        };
        let tables = list().map_err(|error| self.words(error))?.into_iter();
        Ok(tables
            .map(|(name, is_view)| {
                let shape = self
                    .shape(&name, is_view)
                    .map_err(|error| self.words_of(&name, error));
                (name, shape)
            })
            .collect())
    }

    /// Tables that some module makes up; they are not looked into.
    pub(super) fn virtual_tables(&self) -> Result<Vec<String>, String> {
        let list = || {
            let mut statement = self.snapshot.connection().prepare(OTHERS)?;
            let names = statement.query_map([], |row| row.get(0))?;
            names.collect::<rusqlite::Result<Vec<String>>>()
        };
        list().map_err(|error| self.words(error))
    }

    fn shape(&self, name: &str, is_view: bool) -> rusqlite::Result<Shape> {
        let mut shape = Shape {
            name: name.to_owned(),
            is_view,
            ..Shape::default()
        };
        let mut places = Vec::new();
        self.each(COLUMNS, name, |row| {
            let place: u32 = row.get(3)?;
            if place > 0 {
                places.push((place, shape.columns.len()));
            }
            shape.columns.push(ColumnShape {
                name: row.get(0)?,
                declared: row.get(1)?,
                not_null: row.get(2)?,
            });
            Ok(())
        })?;
        places.sort_unstable();
        shape.primary_key = places.into_iter().map(|(_, column)| column).collect();
        self.unique(&mut shape)?;
        self.foreign_keys(&mut shape)?;
        Ok(shape)
    }

    fn unique(&self, shape: &mut Shape) -> rusqlite::Result<()> {
        let mut found: Vec<UniqueIndex> = Vec::new();
        self.each(UNIQUE, &shape.name, |row| {
            let (index, partial): (String, bool) = (row.get(0)?, row.get(1)?);
            let column: Option<String> = row.get(2)?;
            let column = column
                .and_then(|name| shape.position(&name))
                .filter(|_| !partial);
            if found.last().is_none_or(|last| last.name != index) {
                found.push(UniqueIndex {
                    name: index,
                    columns: Some(Vec::new()),
                });
            }
            if let Some(last) = found.last_mut() {
                match (&mut last.columns, column) {
                    (Some(columns), Some(column)) => columns.push(column),
                    (columns, _) => *columns = None,
                }
            }
            Ok(())
        })?;
        shape.unique = found;
        Ok(())
    }

    fn foreign_keys(&self, shape: &mut Shape) -> rusqlite::Result<()> {
        let mut found: Vec<(i64, ForeignKey)> = Vec::new();
        self.each(FOREIGN_KEYS, &shape.name, |row| {
            let (id, from): (i64, String) = (row.get(0)?, row.get(2)?);
            let to: Option<String> = row.get(3)?;
            if found.last().is_none_or(|(last, _)| *last != id) {
                let key = ForeignKey {
                    columns: Vec::new(),
                    table: row.get(1)?,
                    to: Vec::new(),
                };
                found.push((id, key));
            }
            if let (Some((_, key)), Some(column)) = (found.last_mut(), shape.position(&from)) {
                key.columns.push(column);
                key.to.extend(to);
            }
            Ok(())
        })?;
        shape.foreign_keys = found.into_iter().map(|(_, key)| key).collect();
        Ok(())
    }

    fn each(
        &self,
        sql: &str,
        table: &str,
        mut row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let mut statement = self.snapshot.connection().prepare(sql)?;
        let mut rows = statement.query([table])?;
        while let Some(found) = rows.next()? {
            row(found)?;
        }
        Ok(())
    }

    /// Gives every row of a table to `each`.
    pub(super) fn rows(&self, table: &str, each: &mut EachRow<'_>) -> Result<(), String> {
        let connection = self.snapshot.connection();
        let failed = |error| self.words_of(table, error);
        let sql: String = connection
            .query_row(SELECT_ALL, [table], |row| row.get(0))
            .map_err(failed)?;
        let mut statement = connection.prepare(&sql).map_err(failed)?;
        let columns = statement.column_count();
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let fields = (0..columns).map(|column| row.get_ref(column).map(raw));
            let fields = fields
                .collect::<rusqlite::Result<Vec<_>>>()
                .map_err(failed)?;
            each(None, &fields)?;
        }
        Ok(())
    }

    /// Lets go of the file; says if it was changed although nothing locked it.
    pub(super) fn close(self) -> Result<(), String> {
        let path = self.path;
        self.snapshot
            .release()
            .map_err(|trouble| told(&path, trouble))
    }
}

/// Whether a file begins as a SQLite database does, whatever its name.
pub(super) fn is_database(path: &Path) -> std::io::Result<bool> {
    let mut header = Vec::with_capacity(MAGIC.len());
    let length = MAGIC.len() as u64;
    regular_file::open(path)?
        .take(length)
        .read_to_end(&mut header)?;
    Ok(header == MAGIC)
}

/// What is wrong with a file, behind whose name it is told.
fn told(path: &Path, trouble: Unreadable) -> String {
    let (Unreadable::Missing { why, .. }
    | Unreadable::NotReady { why }
    | Unreadable::Locked { why }
    | Unreadable::Failed { why }) = trouble;
    let own = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut why = why;
    for name in [&own, path].map(|path| path.display().to_string()) {
        why = match why.strip_prefix(&format!("{name}: ")) {
            Some(what) => what.to_owned(),
            None => why.replacen(&name, "it", 1),
        };
    }
    // There is no configuration yet that could be wrong.
    why.trim_end_matches("; correct `path`").to_owned()
}
