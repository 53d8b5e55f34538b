//! Rows as API and pages show them.

use std::collections::BTreeSet;

use causeway_shared::canonical_csv::{canonical_text, write_value};
use causeway_shared::ids::SiteName;
use causeway_shared::value::{Type, Value};
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::fields::text_value;
use crate::db::{DbError, Query, Row, SiteWrite};
use crate::error::HubError;
use crate::sync::{DateRange, FoundRow, Hub, SiteView, Wanted};

/// Columns: the name and type of each.
pub(crate) type Columns = &'static [(&'static str, Type)];

/// A statement, and the columns that it answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Statement {
    pub(super) sql: &'static str,
    pub(super) columns: Columns,
}

/// A row of a site; in JSON an object of the site's name and the row's columns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub site: SiteName,
    columns: Columns,
    values: Row,
}

impl Record {
    /// Gives a column another value.
    pub(super) fn set(&mut self, name: &str, value: Value<'static>) {
        let mut named = self.columns.iter().zip(&mut self.values);
        if let Some((_, place)) = named.find(|((column, _), _)| *column == name) {
            *place = value;
        }
    }

    /// The first value, and a row of the others.
    pub(super) fn split_first(mut self) -> (Value<'static>, Self) {
        let first = if self.values.is_empty() {
            Value::Null
        } else {
            self.values.remove(0)
        };
        self.columns = self.columns.get(1..).unwrap_or_default();
        (first, self)
    }

    /// The names of the columns.
    pub(super) fn names(columns: Columns) -> impl Iterator<Item = &'static str> {
        columns.iter().map(|(name, _)| *name)
    }

    /// The values, in the order of the columns.
    pub(super) fn values(&self) -> &[Value<'static>] {
        &self.values
    }

    /// A column's value; NULL where there is no such column.
    pub(crate) fn value(&self, name: &str) -> &Value<'static> {
        let mut named = self.columns.iter().zip(&self.values);
        let found = named.find(|((column, _), _)| *column == name);
        found.map_or(&Value::Null, |(_, value)| value)
    }

    /// A column's value as text, empty where it is NULL.
    pub(crate) fn text(&self, name: &str) -> String {
        canonical_text(self.value(name)).unwrap_or_default()
    }
}

impl Statement {
    /// With texts for `$1`, `$2`, ….
    pub(super) fn with(self, parameters: &[Option<String>]) -> Asked {
        Asked {
            statement: self,
            parameters: parameters.to_vec(),
        }
    }
}

/// A statement with its parameters.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    statement: Statement,
    parameters: Vec<Option<String>>,
}

impl Asked {
    fn query(&self) -> Query {
        Query {
            sql: self.statement.sql.into(),
            parameters: self.parameters.clone(),
            types: types(self.statement.columns),
        }
    }
}

/// The rows that a statement finds in those of a site's tables that are loaded.
///
/// # Errors
/// A failure of the database.
pub(super) async fn read(
    hub: &Hub,
    site: &SiteName,
    statement: Statement,
    parameters: &[Option<String>],
) -> Result<Vec<Record>, DbError> {
    read_one(hub, site, &statement.with(parameters)).await
}

/// The same of a statement that has its parameters.
///
/// # Errors
/// A failure of the database.
pub(super) async fn read_one(
    hub: &Hub,
    site: &SiteName,
    asked: &Asked,
) -> Result<Vec<Record>, DbError> {
    let database = hub.database();
    let (queries, nothing) = ([asked.query()], BTreeSet::new());
    let found = database.query(site, &queries, &nothing).await?;
    let rows = found.into_iter().flatten().flatten().collect();
    Ok(records(site, asked.statement.columns, rows))
}

/// The rows that each of some statements finds, all in one snapshot in which all of these dates is
/// loaded.
///
/// # Errors
/// Why the dates cannot be loaded or read.
pub(super) async fn read_dates(
    hub: &Hub,
    view: &SiteView,
    dates: DateRange,
    asked: &[Asked],
    now: Timestamp,
) -> Result<Vec<Vec<Record>>, HubError> {
    let queries: Vec<Query> = asked.iter().map(Asked::query).collect();
    let found = hub.read_dates(view, dates, &queries, now).await?;
    let of = |(asked, rows): (&Asked, _)| records(&view.site, asked.statement.columns, rows);
    Ok(asked.iter().zip(found).map(of).collect())
}

/// The rows of a table that have a value in a column, whatever their date, the newest partitions first; the
/// value is a canonical text.
///
/// # Errors
/// A failure of database or store.
pub(super) async fn find(
    hub: &Hub,
    view: &SiteView,
    (table, columns): (&str, Columns),
    (column, text): (&str, &str),
    now: Timestamp,
) -> Result<Vec<Record>, HubError> {
    let Some(history) = hub.history(&view.site, now).await? else {
        return Ok(Vec::new());
    };
    // Its dataset may be another one by now.
    let table = history.dataset().table(table);
    let Some((table, column)) = table.and_then(|table| Some((table, table.column(column)?))) else {
        return Ok(Vec::new());
    };
    let wanted = Wanted {
        table,
        column,
        text,
        is_unique: table.key == [column],
    };
    let record = |row: &FoundRow| {
        let value = |(name, ty): &(&str, Type)| {
            let text = table.column(name).and_then(|at| row.get(at)?.as_deref());
            let value = text.and_then(|text| text_value(text, *ty).ok());
            value.unwrap_or(Value::Null)
        };
        Record {
            site: view.site.clone(),
            columns,
            values: columns.iter().map(value).collect(),
        }
    };
    Ok(history.find(wanted).await?.iter().map(record).collect())
}

/// The rows that a statement finds within a transaction.
///
/// # Errors
/// [`DbError::Rejected`] where a rule forbids a change, or a failure of the database.
pub(super) async fn read_within(
    write: &mut dyn SiteWrite,
    site: &SiteName,
    statement: Statement,
    parameters: &[Option<String>],
) -> Result<Vec<Record>, DbError> {
    let Statement { sql, columns } = statement;
    let rows = write.query(sql, parameters, &types(columns)).await?;
    Ok(records(site, columns, rows))
}

fn types(columns: Columns) -> Vec<Type> {
    columns.iter().map(|(_, ty)| *ty).collect()
}

fn records(site: &SiteName, columns: Columns, rows: Vec<Row>) -> Vec<Record> {
    let record = |values| Record {
        site: site.clone(),
        columns,
        values,
    };
    rows.into_iter().map(record).collect()
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1 + self.values.len()))?;
        map.serialize_entry("site", &self.site)?;
        let mut text = Vec::new();
        for ((name, _), value) in self.columns.iter().zip(&self.values) {
            match value {
                Value::Int(number) => map.serialize_entry(name, number)?,
                Value::Float(number) => map.serialize_entry(name, number)?,
                Value::Bool(is) => map.serialize_entry(name, is)?,
                Value::Text(text) => map.serialize_entry(name, text)?,
                Value::Null => map.serialize_entry(name, &())?,
                value => {
                    text.clear();
                    write_value(value, &mut text);
                    map.serialize_entry(name, &String::from_utf8_lossy(&text))?;
                }
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    #[test]
    fn a_row_is_an_object_of_its_columns() {
        let columns = &[
            ("id", Type::Int),
            ("day", Type::Date),
            ("at", Type::Time),
            ("note", Type::Text),
            ("free", Type::Bool),
            ("price", Type::Decimal(2)),
            ("nothing", Type::Text),
        ];
        let site = SiteName::new("hcm-01").unwrap();
        let values = vec![
            Value::Int(7),
            Value::Date(date(2025, 11, 28)),
            Value::Time(time(9, 30, 0, 0)),
            Value::Text("a, \"b\"".into()),
            Value::Bool(true),
            Value::Decimal(1_250, 2),
            Value::Null,
        ];
        let record = records(&site, columns, vec![values]).remove(0);
        insta::assert_snapshot!(serde_json::to_string(&record).unwrap(), @r#"{"site":"hcm-01","id":7,"day":"2025-11-28","at":"09:30:00","note":"a, \"b\"","free":true,"price":"12.50","nothing":null}"#);
        assert_eq!(
            (record.text("at"), record.text("none")),
            ("09:30:00".to_owned(), String::new())
        );
    }
}
