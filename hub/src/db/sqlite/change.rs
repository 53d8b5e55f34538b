//! The tables of a site as its newest dataset wants them: made where they are missing, and where the
//! dataset changed, brought to it within the load's transaction.

use jiff::tz::TimeZone;
use rusqlite::Connection;

use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Name, SiteName};

use super::{Files, render, triggers};
use crate::db::{DbError, sql};

/// What a load does to the tables before it touches rows.
pub(super) struct TableChange {
    /// All tables of the dataset: their triggers are made anew at the end.
    pub(super) all: Vec<Name>,
    statements: String,
    triggers: triggers::Made,
}

impl TableChange {
    /// Changes the tables, whose triggers are gone. In a transaction.
    pub(super) fn apply(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch(&self.statements)?;
        self.triggers.mark(connection)
    }
}

/// Makes the tables that are missing, and the triggers, and makes sure that the others are the dataset's.
/// Where they hold rows of another dataset: what is left to the load's transaction.
pub(super) fn bring(
    files: &Files,
    site: &SiteName,
    connection: &Connection,
    (dataset, zone): (&Dataset, &TimeZone),
) -> Result<Option<TableChange>, DbError> {
    let reading = |error| files.error("reading", error);
    let (mut make, mut add) = (Vec::new(), String::new());
    for table in &dataset.tables {
        let existing = existing(connection, table.name.as_str()).map_err(reading)?;
        if existing.is_empty() {
            make.push(table);
            continue;
        }
        match sql::lacking(table, &render::columns(table), &existing) {
            Ok(lacking) => add += &render::add_columns(table, &lacking),
            Err(detail) => {
                return Err(DbError::AnotherTable {
                    schema: format!("{site}.db"),
                    table: table.name.to_string(),
                    detail,
                });
            }
        }
    }
    let triggers = triggers::Made::of(site, dataset, zone);
    let loaded = connection.query_row(include_str!("sql/site_dataset.sql"), [], |row| row.get(0));
    let loaded: Option<String> = loaded.map_err(reading)?;
    let is_of_another = loaded.is_some_and(|md5| md5 != dataset.md5().to_string());
    if is_of_another || !add.is_empty() {
        let create = make.iter().map(|table| render::create_table(table));
        return Ok(Some(TableChange {
            statements: create.chain([add]).collect(),
            all: dataset.tables.iter().map(|t| t.name.clone()).collect(),
            triggers,
        }));
    }
    for table in make {
        connection
            .execute_batch(&render::create_table(table))
            .map_err(|error| files.error("creating a table", error))?;
    }
    let made = triggers.bring(connection);
    made.map_err(|error| files.error("making the triggers", error))?;
    Ok(None)
}

/// Name and type of each column of a table; none, where it is not there.
pub(super) fn existing(
    connection: &Connection,
    table: &str,
) -> rusqlite::Result<Vec<(String, String)>> {
    let mut columns = connection.prepare(&render::existing_columns(table))?;
    let columns = columns.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    columns.collect()
}
