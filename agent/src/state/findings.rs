//! What scans found beside rows: refused rows, dangling references, tables held back.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use causeway_shared::ids::Name;
use causeway_shared::quarantine::{RefusedRow, RefusedRows};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::{State, StateError};
use crate::plan::guard::Held;
use crate::source::gate::Place;

/// What the last scan of a table found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableFindings {
    /// The file it was read from.
    pub place: Option<Place>,
    /// Refused rows.
    pub refused: RefusedRows,
    /// References to rows that are not there.
    pub dangling: Vec<DanglingReference>,
}

/// What was found of each table, by its name.
pub type Findings = BTreeMap<Name, TableFindings>;

/// What sources and dataset do not have in common, in words: by the source's path, or the table's
/// name.
pub type Notes = BTreeMap<String, Vec<String>>;

/// The declared columns that each table's source has.
pub type Columns = BTreeMap<Name, BTreeSet<Name>>;

/// References of one column to rows that are not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DanglingReference {
    /// The table that refers.
    pub table: Name,
    /// Its column.
    pub column: Name,
    /// The table referred to.
    pub target: Name,
    /// Rows that do so.
    pub rows: u64,
    /// Some of the values.
    pub examples: Vec<String>,
}

impl fmt::Display for DanglingReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            column,
            target,
            rows,
            examples,
        } = self;
        let of = if *rows == 1 { "row" } else { "rows" };
        write!(
            f,
            "{rows} {of} of {table} whose {column} is not in {target}: "
        )?;
        f.write_str(&examples.join(", "))
    }
}

/// What tells a refused row from the others of its table.
fn content(row: &RefusedRow) -> (Option<&str>, &str, &str) {
    (row.column.as_deref(), &row.reason, &row.row)
}

impl TableFindings {
    /// Whether a row is refused that was not before. Rows are told apart by what they hold, since
    /// a line's number moves with the lines above it; past the listed ones only the total tells.
    #[must_use]
    pub fn holds_more_than(&self, before: &Self) -> bool {
        let (before, now) = (&before.refused, &self.refused);
        if now.total > before.total {
            return true;
        }
        let all_listed = before.listed.len() as u64 == before.total;
        let known: BTreeSet<_> = before.listed.iter().map(content).collect();
        all_listed && !now.listed.iter().all(|row| known.contains(&content(row)))
    }

    /// Gives rows that were listed before the time at which they first were, and puts the newest
    /// first.
    pub fn date_by(&mut self, before: &Self) {
        let before = before.refused.listed.iter();
        let known: BTreeMap<_, _> = before.map(|row| (content(row), row.since)).collect();
        let listed = &mut self.refused.listed;
        for row in listed.iter_mut() {
            if let Some(since) = known.get(&content(row)) {
                row.since = *since;
            }
        }
        listed.sort_by_key(|row| Reverse(row.since));
    }
}

impl State {
    /// What was found of each table, by its name.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn findings(&self) -> Result<Findings, StateError> {
        let failed = self.failed("read");
        let mut statement = self
            .db
            .prepare(include_str!("sql/scanned_all.sql"))
            .map_err(&failed)?;
        let rows = statement
            .query_map([], |row| {
                let (table, place): (String, Option<String>) = (row.get(0)?, row.get(1)?);
                let (total, dangling): (u64, String) = (row.get(2)?, row.get(3)?);
                Ok((table, place, total, dangling))
            })
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(&failed)?;
        let mut findings = BTreeMap::new();
        for (table, place, total, dangling) in rows {
            let table = self.name(&table)?;
            let dangling = serde_json::from_str(&dangling).map_err(|error| self.damaged(error))?;
            let refused = RefusedRows {
                total,
                listed: Vec::new(),
            };
            let found = TableFindings {
                place,
                refused,
                dangling,
            };
            findings.insert(table, found);
        }
        for (table, row) in self.refused()? {
            findings.entry(table).or_default().refused.listed.push(row);
        }
        Ok(findings)
    }

    /// How many rows are refused, of all tables together.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn quarantined(&self) -> Result<u64, StateError> {
        self.db
            .query_row(include_str!("sql/scanned_total.sql"), [], |row| row.get(0))
            .map_err(self.failed("read"))
    }

    /// The tables held back.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn held(&self) -> Result<Vec<Held>, StateError> {
        let mut statement = self
            .db
            .prepare(include_str!("sql/held_all.sql"))
            .map_err(self.failed("read"))?;
        let rows = statement
            .query_map([], |row| row.get::<_, String>(0))
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(self.failed("read"))?;
        rows.iter()
            .map(|json| serde_json::from_str(json).map_err(|error| self.damaged(error)))
            .collect()
    }

    fn refused(&self) -> Result<Vec<(Name, RefusedRow)>, StateError> {
        let failed = self.failed("read");
        let mut statement = self
            .db
            .prepare(include_str!("sql/refused_all.sql"))
            .map_err(&failed)?;
        let rows = statement
            .query_map([], |row| {
                let (table, source): (String, String) = (row.get(0)?, row.get(1)?);
                let since: i64 = row.get(6)?;
                Ok((
                    table,
                    source,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    since,
                ))
            })
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(&failed)?;
        rows.into_iter()
            .map(|(table, source, place, column, reason, row, since)| {
                let row = RefusedRow {
                    since: Timestamp::from_millisecond(since).map_err(|e| self.damaged(e))?,
                    source,
                    place,
                    column,
                    reason,
                    row,
                };
                Ok((self.name(&table)?, row))
            })
            .collect()
    }

    pub(super) fn name(&self, text: &str) -> Result<Name, StateError> {
        Name::new(text).map_err(|error| self.damaged(error))
    }
}

/// Writes what was found of the tables that were scanned; of the others nothing changes.
pub(super) fn put_findings(db: &Connection, findings: &Findings) -> rusqlite::Result<()> {
    let mut put_table = db.prepare(include_str!("sql/scanned_put.sql"))?;
    let mut clear = db.prepare(include_str!("sql/refused_delete.sql"))?;
    let mut put_row = db.prepare(include_str!("sql/refused_put.sql"))?;
    for (table, found) in findings {
        let dangling = serde_json::to_string(&found.dangling)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let table = table.as_str();
        put_table.execute(params![table, found.place, found.refused.total, dangling])?;
        clear.execute([table])?;
        for (number, row) in found.refused.listed.iter().enumerate() {
            put_row.execute(params![
                table,
                number,
                row.source,
                row.place,
                row.column,
                row.reason,
                row.row,
                row.since.as_millisecond()
            ])?;
        }
    }
    Ok(())
}

/// Forgets what was found of tables.
pub(super) fn forget(db: &Connection, tables: &[Name]) -> rusqlite::Result<()> {
    for table in tables {
        db.execute(include_str!("sql/scanned_delete.sql"), [table.as_str()])?;
        db.execute(include_str!("sql/refused_delete.sql"), [table.as_str()])?;
    }
    Ok(())
}

/// Writes the tables held back, in place of those before.
pub(super) fn put_held(db: &Connection, held: &[Held]) -> rusqlite::Result<()> {
    db.execute(include_str!("sql/held_clear.sql"), [])?;
    let mut put = db.prepare(include_str!("sql/held_put.sql"))?;
    for held in held {
        let json = serde_json::to_string(held)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        put.execute([held.table.as_str(), &json])?;
    }
    Ok(())
}
