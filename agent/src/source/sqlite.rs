//! A SQLite file: its tables and their rows, all under one read transaction.

mod open;
mod select;
mod text;

use std::path::Path;

use causeway_shared::dataset::Table;
use causeway_shared::value::Raw;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Row, Statement, ffi};

use super::row::{RowsError, SourceRow, reuse};
use super::{Columns, Unreadable, columns};
use open::Opened;
use text::{Decoding, TextEncoding};

/// A SQLite file at one moment: a connection with a read transaction open.
pub(crate) struct SqliteSnapshot {
    opened: Opened,
}

impl SqliteSnapshot {
    /// Opens the file and fixes the moment.
    pub(crate) fn take(path: &Path) -> Result<Self, Unreadable> {
        let opened = open::open(path)?;
        let begin = |connection: &Connection| {
            connection.execute_batch("BEGIN")?;
            // A transaction's view is fixed by its first read, not by BEGIN.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        };
        begin(&opened.connection).map_err(|error| unreadable(path, &error))?;
        let snapshot = Self { opened };
        snapshot.whole_pages()?;
        Ok(snapshot)
    }

    /// SQLite fills up a last page that is not all there with zeros, and reads rows of nothing
    /// from it.
    fn whole_pages(&self) -> Result<(), Unreadable> {
        let page_bytes: u64 = self
            .opened
            .connection
            .pragma_query_value(None, "page_size", |row| row.get(0))
            .map_err(|error| self.unreadable(&error))?;
        let path = &self.opened.path;
        let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        if bytes.is_multiple_of(page_bytes) {
            return Ok(());
        }
        Err(Unreadable::not_ready(format!(
            "{} ends in the middle of a page: it is still being copied, or was cut",
            path.display()
        )))
    }

    /// The connection, in its read transaction.
    pub(crate) fn connection(&self) -> &Connection {
        &self.opened.connection
    }

    /// The names of its tables and views.
    pub(super) fn tables(&self) -> Result<Vec<String>, Unreadable> {
        let list = || {
            let mut statement = self.opened.connection.prepare(select::TABLES)?;
            let names = statement.query_map([], |row| row.get(0))?;
            names.collect::<rusqlite::Result<Vec<String>>>()
        };
        list().map_err(|error| self.unreadable(&error))
    }

    /// Prepares to read a table's rows.
    pub(super) fn table<'s>(
        &'s self,
        name: &str,
        declared: &Table,
    ) -> Result<SqliteTable<'s>, Unreadable> {
        let columns = self.columns(name, declared)?;
        let order = self.unique_order(name, declared, &columns.names, &columns.columns)?;
        let chosen: Vec<&str> = columns
            .columns
            .found
            .iter()
            .filter_map(|position| position.map(|at| columns.names[at].as_str()))
            .collect();
        let encoding =
            TextEncoding::of(&self.opened.connection).map_err(|error| self.unreadable(&error))?;
        let (sql, decoding) = match encoding {
            TextEncoding::Utf8 => (select::rows(name, &chosen, order.as_deref()), None),
            TextEncoding::Utf16Le | TextEncoding::Utf16Be => (
                select::rows_with_bytes(name, &chosen, order.as_deref()),
                Some(Decoding::new(encoding)),
            ),
        };
        let statement = self.opened.connection.prepare(&sql);
        Ok(SqliteTable {
            snapshot: self,
            name: name.to_owned(),
            statement: statement.map_err(|error| self.unreadable_table(name, &error))?,
            decoding,
            columns: columns.columns,
            ascending: order.is_some(),
        })
    }

    fn columns(&self, name: &str, declared: &Table) -> Result<NamedColumns, Unreadable> {
        let probe = self.opened.connection.prepare(&select::all_columns(name));
        let probe = probe.map_err(|error| match error {
            // Of a view that fails, the table that it reads is the missing one.
            rusqlite::Error::SqliteFailure(_, Some(message))
                if message == format!("no such table: {name}") =>
            {
                Unreadable::Missing {
                    why: format!("{} has no table {name:?}", self.opened.path.display()),
                    remedy: "if it has another name, write it under `tables` of this source"
                        .to_owned(),
                }
            }
            error => self.unreadable_table(name, &error),
        })?;
        let names: Vec<String> = probe.column_names().map(str::to_owned).collect();
        let columns = columns::columns(declared, &names).map_err(|error| {
            let path = self.opened.path.display();
            Unreadable::failed(format!("{path}, {name}: {error}"))
        })?;
        Ok(NamedColumns { names, columns })
    }

    /// The column that proves, by SQLite's own rules, that rows read in its order come with
    /// strictly ascending keys: an INTEGER PRIMARY KEY that is the whole declared key.
    fn unique_order(
        &self,
        name: &str,
        declared: &Table,
        names: &[String],
        columns: &Columns,
    ) -> Result<Option<String>, Unreadable> {
        let [key] = declared.key[..] else {
            return Ok(None);
        };
        let Some(position) = columns.found[key] else {
            return Ok(None);
        };
        if declared.columns[key].ty != causeway_shared::value::Type::Int {
            return Ok(None);
        }
        let column = &names[position];
        let is_rowid = self.is_rowid(name, column);
        let is_rowid = is_rowid.map_err(|error| self.unreadable(&error))?;
        Ok(is_rowid.then(|| column.clone()))
    }

    /// Whether a column is its table's rowid under another name: an INTEGER PRIMARY KEY for which
    /// no index had to be made (INTEGER PRIMARY KEY DESC and WITHOUT ROWID tables have one).
    fn is_rowid(&self, table: &str, column: &str) -> rusqlite::Result<bool> {
        let (mut keys, mut is_integer) = (0, false);
        self.pragma("table_info", table, |row| {
            let (name, ty, place): (String, String, u32) = (row.get(1)?, row.get(2)?, row.get(5)?);
            keys += u32::from(place > 0);
            is_integer |= place > 0 && name == column && ty.eq_ignore_ascii_case("INTEGER");
            Ok(())
        })?;
        let mut has_index = false;
        self.pragma("index_list", table, |row| {
            has_index |= row.get::<_, String>(3)? == "pk";
            Ok(())
        })?;
        Ok(keys == 1 && is_integer && !has_index)
    }

    /// Gives each row of a pragma of a table or an index to `row`. A PRAGMA statement, not its
    /// function: a table called `pragma_table_info` would hide one.
    pub(crate) fn pragma(
        &self,
        pragma: &str,
        of: &str,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let connection = &self.opened.connection;
        connection.pragma(Some("main"), pragma, of, row)
    }

    /// What a failure of SQLite to read a table or view means.
    pub(crate) fn unreadable_table(&self, name: &str, error: &rusqlite::Error) -> Unreadable {
        let rusqlite::Error::SqliteFailure(_, Some(message)) = error else {
            return self.unreadable(error);
        };
        let path = self.opened.path.display();
        let behind = |text: &str| message.split_once(text)?.1.split_whitespace().next();
        let function = behind("no such function: ").or_else(|| behind("unknown function: "));
        let collation = match behind("no such collation sequence: ") {
            Some(collation) => Some(collation.to_owned()),
            // Of a table WITHOUT ROWID, which is its key's index, SQLite says no more than this.
            None if message == "no query solution" => self.unknown_collation(name),
            None => None,
        };
        if let Some(function) = function {
            let function = function.trim_end_matches("()");
            Unreadable::failed(format!(
                "{path}: {name} calls the function {function}, which only its application has; let \
                 the application write what it gives into a table, and declare that one"
            ))
        } else if let Some(collation) = collation {
            Unreadable::failed(format!(
                "{path}: {name} is sorted by the collation {collation}, which only its application \
                 has; declare its columns there with NOCASE or without a collation, or, if it is a \
                 table, make it one with a rowid"
            ))
        } else if message.starts_with("no such ") {
            Unreadable::failed(format!(
                "{path}: the view {name} cannot be computed: {message}"
            ))
        } else {
            self.unreadable(error)
        }
    }

    /// A collation of a table's primary key that SQLite itself does not have.
    fn unknown_collation(&self, table: &str) -> Option<String> {
        const KNOWN: [&str; 3] = ["BINARY", "NOCASE", "RTRIM"];
        let (mut index, mut unknown) = (None, None);
        let listed = self.pragma("index_list", table, |row| {
            if row.get::<_, String>(3)? == "pk" {
                index = Some(row.get::<_, String>(1)?);
            }
            Ok(())
        });
        let told = self.pragma("index_xinfo", &index?, |row| {
            let collation: String = row.get(4)?;
            if !KNOWN
                .iter()
                .any(|known| known.eq_ignore_ascii_case(&collation))
            {
                unknown = Some(collation);
            }
            Ok(())
        });
        listed.and(told).ok().and(unknown)
    }

    /// What a failure of SQLite means.
    pub(crate) fn unreadable(&self, error: &rusqlite::Error) -> Unreadable {
        unreadable(&self.opened.path, error)
    }

    /// Lets go of the file; says if it was changed in a way that the snapshot could not shield
    /// from.
    pub(crate) fn release(self) -> Result<(), Unreadable> {
        self.opened.close()
    }
}

struct NamedColumns {
    names: Vec<String>,
    columns: Columns,
}

/// A table about to be read.
pub(crate) struct SqliteTable<'s> {
    snapshot: &'s SqliteSnapshot,
    name: String,
    statement: Statement<'s>,
    /// How the texts are read that SQLite does not give as they are.
    decoding: Option<Decoding>,
    pub(super) columns: Columns,
    /// Whether keys come strictly ascending.
    pub(super) ascending: bool,
}

impl SqliteTable<'_> {
    /// Gives every row to `each`.
    pub(super) fn rows<E>(
        &mut self,
        each: &mut dyn FnMut(SourceRow<'_>) -> Result<(), E>,
    ) -> Result<(), RowsError<E>> {
        let snapshot = self.snapshot;
        let mut selected = 0..;
        // The position in the SELECT's list of each declared column.
        let positions: Vec<Option<usize>> = self
            .columns
            .found
            .iter()
            .map(|found| found.and_then(|_| selected.next()))
            .collect();
        let mut rows = self.statement.raw_query();
        let mut buffer: Vec<Raw<'static>> = Vec::new();
        let mut at = 0;
        let failed = |error| snapshot.unreadable_table(&self.name, &error);
        while let Some(row) = rows.next().map_err(failed)? {
            let fields = match &mut self.decoding {
                Some(decoding) => decoding.read(row, &positions, buffer),
                None => read(row, &positions, buffer),
            };
            let fields = fields.map_err(|error| snapshot.unreadable(&error))?;
            at += 1;
            each(SourceRow {
                at,
                fields: Ok(&fields),
                lacks: &[],
            })
            .map_err(RowsError::Taker)?;
            buffer = reuse(fields);
        }
        Ok(())
    }
}

/// Reads a row's fields, given the position in the row of each one that is there.
fn read<'r>(
    row: &'r Row<'_>,
    positions: &[Option<usize>],
    buffer: Vec<Raw<'static>>,
) -> rusqlite::Result<Vec<Raw<'r>>> {
    let mut fields = reuse(buffer);
    for position in positions {
        fields.push(match position {
            Some(at) => raw(row.get_ref(*at)?),
            None => Raw::Null,
        });
    }
    Ok(fields)
}

pub(crate) fn raw(value: ValueRef<'_>) -> Raw<'_> {
    match value {
        ValueRef::Null => Raw::Null,
        ValueRef::Integer(v) => Raw::Int(v),
        ValueRef::Real(v) => Raw::Real(v),
        ValueRef::Text(text) => std::str::from_utf8(text).map_or(Raw::NotUtf8(text), Raw::Text),
        ValueRef::Blob(bytes) => Raw::Blob(bytes),
    }
}

/// What a failure of SQLite means for the agent.
fn unreadable(path: &Path, error: &rusqlite::Error) -> Unreadable {
    let path = path.display();
    let code = error.sqlite_error();
    match (code.map(|e| e.code), code.map(|e| e.extended_code)) {
        (Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _) => Unreadable::Locked {
            why: format!("{path} is locked by another program"),
        },
        (_, Some(ffi::SQLITE_READONLY_ROLLBACK | ffi::SQLITE_READONLY_RECOVERY)) => {
            Unreadable::not_ready(format!(
                "{path} has a hot journal: its application ended in the middle of a write, and \
                 has to be started once to undo it"
            ))
        }
        (Some(ErrorCode::NotADatabase), _) => Unreadable::failed(format!(
            "{path} is not a SQLite database, or is encrypted; correct `path`"
        )),
        (Some(ErrorCode::DatabaseCorrupt), _) => Unreadable::failed(format!(
            "{path} is damaged ({error}); run `PRAGMA integrity_check` on it"
        )),
        (Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied), _) => {
            Unreadable::failed(format!(
                "{path} cannot be opened ({error}); the agent's user needs to read it, and to \
                 write its -shm file where there is one"
            ))
        }
        _ => Unreadable::failed(format!("{path}: {error}")),
    }
}
