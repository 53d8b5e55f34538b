//! A SQLite file: what it declares, and all the rows of its tables, under one read transaction.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use causeway_shared::runtime::regular_file;

use super::shape::{ColumnShape, EachRow, ForeignKey, Shape, UniqueIndex};
use crate::source::{SqliteSnapshot, Unreadable, raw};

/// The first bytes of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

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
        let listed = self.listed(|kind| matches!(kind, "table" | "view"))?;
        let shapes = listed.into_iter().map(|(name, kind)| {
            let shape = self.shape(&name, kind == "view");
            let shape = shape.map_err(|error| self.words_of(&name, error));
            (name, shape)
        });
        Ok(shapes.collect())
    }

    /// Tables that some module makes up, and those that it keeps their content in; they are not
    /// looked into.
    pub(super) fn virtual_tables(&self) -> Result<Vec<String>, String> {
        let listed = self.listed(|kind| matches!(kind, "virtual" | "shadow"))?;
        Ok(listed.into_iter().map(|(name, _)| name).collect())
    }

    /// The names and kinds of all tables and views of some kinds.
    fn listed(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<(String, String)>, String> {
        let mut listed: Vec<(String, String)> = Vec::new();
        // PRAGMA statements, not functions: a table called `pragma_table_list` would hide one.
        let list = self
            .snapshot
            .connection()
            .pragma_query(Some("main"), "table_list", |row| {
                let (schema, name, kind): (String, String, String) =
                    (row.get(0)?, row.get(1)?, row.get(2)?);
                let is_own = name
                    .get(..7)
                    .is_some_and(|start| start.eq_ignore_ascii_case("sqlite_"));
                if schema == "main" && !is_own && is_wanted(&kind) {
                    listed.push((name, kind));
                }
                Ok(())
            });
        list.map_err(|error| self.words(error))?;
        listed.sort_unstable();
        Ok(listed)
    }

    fn shape(&self, name: &str, is_view: bool) -> rusqlite::Result<Shape> {
        let mut shape = Shape {
            name: name.to_owned(),
            is_view,
            ..Shape::default()
        };
        let mut places = Vec::new();
        self.snapshot.pragma("table_xinfo", name, |row| {
            let (place, hidden): (u32, u32) = (row.get(5)?, row.get(6)?);
            // What `SELECT *` does not give; generated columns are hidden in other ways.
            if hidden == 1 {
                return Ok(());
            }
            if place > 0 {
                places.push((place, shape.columns.len()));
            }
            shape.columns.push(ColumnShape {
                name: row.get(1)?,
                declared: row.get(2)?,
                not_null: row.get(3)?,
            });
            Ok(())
        })?;
        places.sort_unstable();
        shape.primary_key = places.into_iter().map(|(_, column)| column).collect();
        self.unique(&mut shape)?;
        self.foreign_keys(&mut shape)?;
        Ok(shape)
    }

    /// The unique indexes that are not the primary key's, in the order of their making.
    fn unique(&self, shape: &mut Shape) -> rusqlite::Result<()> {
        let mut indexes: Vec<(String, bool)> = Vec::new();
        self.snapshot.pragma("index_list", &shape.name, |row| {
            let (is_unique, origin): (bool, String) = (row.get(2)?, row.get(3)?);
            if is_unique && origin != "pk" {
                indexes.push((row.get(1)?, row.get(4)?));
            }
            Ok(())
        })?;
        for (name, is_partial) in indexes.into_iter().rev() {
            let mut columns = (!is_partial).then(Vec::new);
            self.snapshot.pragma("index_info", &name, |row| {
                // An expression has no name.
                let column: Option<String> = row.get(2)?;
                let column = column.and_then(|name| shape.position(&name));
                columns = columns.take().zip(column).map(|(mut columns, column)| {
                    columns.push(column);
                    columns
                });
                Ok(())
            })?;
            shape.unique.push(UniqueIndex { name, columns });
        }
        Ok(())
    }

    fn foreign_keys(&self, shape: &mut Shape) -> rusqlite::Result<()> {
        let mut found: Vec<(i64, ForeignKey)> = Vec::new();
        self.snapshot
            .pragma("foreign_key_list", &shape.name, |row| {
                let (id, from): (i64, String) = (row.get(0)?, row.get(3)?);
                // None where it means the other table's primary key.
                let to: Option<String> = row.get(4)?;
                if found.last().is_none_or(|(last, _)| *last != id) {
                    let key = ForeignKey {
                        columns: Vec::new(),
                        table: row.get(2)?,
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
        found.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
        shape.foreign_keys = found.into_iter().map(|(_, key)| key).collect();
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
