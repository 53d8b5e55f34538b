//! What scans found of the tables, and which tables are held back.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::ids::Name;
use causeway_shared::quarantine::{RefusedRow, RefusedRows};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{AgentState, StateError};
use crate::plan::guard::HeldTable;
use crate::scan::TableFindings;

/// What was found of each table, by its name.
pub(crate) type Findings = BTreeMap<Name, TableFindings>;

/// What sources and dataset do not have in common, in words: by the source's path, or the table's
/// name.
pub(crate) type Notes = BTreeMap<String, Vec<String>>;

/// The declared columns that each table's source has.
pub(crate) type PresentColumns = BTreeMap<Name, BTreeSet<Name>>;

impl AgentState {
    /// What was found of each table, by its name.
    pub(crate) fn findings(&self) -> Result<Findings, StateError> {
        let failed = self.failed("read");
        let mut statement = self
            .db
            .prepare(include_str!("sql/scanned_all.sql"))
            .map_err(&failed)?;
        let rows = statement
            .query_map([], |row| {
                let (table, file): (String, Option<String>) = (row.get(0)?, row.get(1)?);
                let (total, dangling): (u64, String) = (row.get(2)?, row.get(3)?);
                Ok((table, file, total, dangling))
            })
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(&failed)?;
        let mut findings = BTreeMap::new();
        for (table, file, total, dangling) in rows {
            let table = self.name(&table)?;
            let dangling = serde_json::from_str(&dangling).map_err(|error| self.damaged(error))?;
            let refused = RefusedRows {
                total,
                listed: Vec::new(),
            };
            let found = TableFindings {
                file,
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
    pub(crate) fn quarantined(&self) -> Result<u64, StateError> {
        self.db
            .query_row(include_str!("sql/scanned_total.sql"), [], |row| row.get(0))
            .map_err(self.failed("read"))
    }

    /// The tables held back.
    pub(crate) fn held(&self) -> Result<Vec<HeldTable>, StateError> {
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
        put_table.execute(params![table, found.file, found.refused.total, dangling])?;
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
pub(super) fn put_held(db: &Connection, held: &[HeldTable]) -> rusqlite::Result<()> {
    db.execute(include_str!("sql/held_clear.sql"), [])?;
    let mut put = db.prepare(include_str!("sql/held_put.sql"))?;
    for held in held {
        let json = serde_json::to_string(held)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        put.execute([held.table.as_str(), &json])?;
    }
    Ok(())
}
